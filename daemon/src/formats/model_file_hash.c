#include "model_file_hash.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char BUILT_IN[] = "built-in";

void model_file_hash_bytes(struct model_file *model, const uint8_t *bytes, size_t size)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(digest, bytes, size);
    (void)sodium_bin2hex(model->hash, sizeof model->hash, digest, MODEL_FILE_HASH_MAX / 2);
}

static bool is_built_in(const model_params *params)
{
    model_params built_in;
    (void)model_params_built_in(&built_in, NULL);
    return params->rule.kind == MODEL_RULE_NONE &&
           model_policy_equals(&params->policy, &built_in.policy) &&
           memcmp(&params->noise, &built_in.noise, sizeof built_in.noise) == 0;
}

int model_file_hash_built(struct model_file *model, struct fault *fault)
{
    if (!model_file_is_bank(model) && is_built_in(&model->bank.member[0])) {
        memcpy(model->hash, BUILT_IN, sizeof BUILT_IN);
        return FAULT_NONE;
    }
    uint8_t *bytes;
    size_t size;
    const int rc = model_file_encode(model, &bytes, &size, fault);
    if (rc == FAULT_NONE) {
        model_file_hash_bytes(model, bytes, size);
        free(bytes);
    }
    return rc;
}
