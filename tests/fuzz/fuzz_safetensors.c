/* A model file's bytes: whatever loads must also step, and save to a file that loads the same. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bank_predict.h"
#include "model_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct model_file *model)
{
    static const double STIMULI[] = {-1.0, 0.0, 0.5};
    double p[3];
    static model_bank bank;
    model_bank_init(&bank, &model->bank);
    for (int t = 0; t < 8; t++) {
        const model_trial trial = {t % 2 == 0 ? 0.5 : 0.0, t % 2 == 0 ? 1.0 : (double)NAN,
                                   (double)NAN, (int8_t)(t % 3 - 1), -1};
        (void)model_bank_observe(&bank, &model->bank, &trial, NULL);
        bank_predict(&bank, &model->bank, 3, STIMULI, p, NULL, NULL);
        for (int i = 0; i < 3; i++) {
            if (!(p[i] >= 0.0 && p[i] <= 1.0)) {
                abort();
            }
        }
    }
}

static bool is_same(const struct model_file *a, const struct model_file *b)
{
    bool same = a->bank.n == b->bank.n && a->bank.share == b->bank.share &&
                a->bank.temper == b->bank.temper &&
                memcmp(a->bank.prior, b->bank.prior, sizeof a->bank.prior) == 0;
    for (uint32_t i = 0; same && i < a->bank.n; i++) {
        const model_noise *noise = &a->bank.member[i].noise;
        same = memcmp(noise, &b->bank.member[i].noise, sizeof *noise) == 0;
    }
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model_file model;
    struct model_file again;
    struct fault fault;
    uint8_t *bytes;
    size_t n;
    if (model_file_parse("fuzz", data, size, &model, &fault) != FAULT_NONE) {
        return 0;
    }
    use(&model);
    if (model_file_encode(&model, &bytes, &n, &fault) != FAULT_NONE ||
        model_file_parse("again", bytes, n, &again, &fault) != FAULT_NONE ||
        !is_same(&model, &again)) {
        abort();
    }
    free(bytes);
    model_file_free(&again);
    model_file_free(&model);
    return 0;
}
