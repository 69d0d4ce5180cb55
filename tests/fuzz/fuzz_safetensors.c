/* A model file's bytes: whatever loads must also step, and save to a file that loads the same. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct model_file *model)
{
    static const double STIMULI[] = {-1.0, 0.0, 0.5};
    double p[3];
    model_twin twin;
    model_twin_init(&twin, &model->params);
    for (int t = 0; t < 8; t++) {
        const model_trial trial = {t % 2 == 0 ? 0.5 : 0.0, t % 2 == 0 ? 1.0 : (double)NAN,
                                   (double)NAN, (int8_t)(t % 3 - 1), -1};
        (void)model_twin_observe(&twin, &model->params, &trial);
        model_twin_predict(&twin, &model->params, 3, STIMULI, p, NULL, NULL);
        for (int i = 0; i < 3; i++) {
            if (!(p[i] >= 0.0 && p[i] <= 1.0)) {
                abort();
            }
        }
    }
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
        memcmp(&model.params.noise, &again.params.noise, sizeof model.params.noise) != 0) {
        abort();
    }
    free(bytes);
    model_file_free(&again);
    model_file_free(&model);
    return 0;
}
