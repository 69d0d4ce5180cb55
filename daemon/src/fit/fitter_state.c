#include "fitter_state.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "output_file.h"
#include "safetensors.h"

static const char STATE_FORMAT[] = "murid-fit";
static const char STATE_VERSION[] = "3";
static const char *const NUMBERS[] = {"steps", "best_epoch", "best_loss", "epoch_loss"};

enum { N_NUMBERS = sizeof NUMBERS / sizeof NUMBERS[0], CHECKSUM_HEX = 32 };

/* Of all that changes from step to step. */
static void checksum(const char *const numbers[N_NUMBERS], size_t n, const float state[],
                     const float best[], char hex[CHECKSUM_HEX + 1])
{
    unsigned char digest[CHECKSUM_HEX / 2];
    crypto_generichash_state sum;
    (void)crypto_generichash_init(&sum, NULL, 0, sizeof digest);
    for (size_t i = 0; i < N_NUMBERS; i++) {
        (void)crypto_generichash_update(&sum, (const unsigned char *)numbers[i],
                                        strlen(numbers[i]) + 1);
    }
    (void)crypto_generichash_update(&sum, (const unsigned char *)state, 3 * n * sizeof *state);
    (void)crypto_generichash_update(&sum, (const unsigned char *)best, n * sizeof *best);
    (void)crypto_generichash_final(&sum, digest, sizeof digest);
    (void)sodium_bin2hex(hex, CHECKSUM_HEX + 1, digest, sizeof digest);
}

int fitter_state_save(const struct fitter_state *s, const char *path, struct fault *fault)
{
    if (path == NULL) {
        return FAULT_NONE;
    }
    struct safetensors *st = calloc(1, sizeof *st);
    uint8_t *bytes = NULL;
    size_t size = 0;
    char steps[32];
    char best_epoch[32];
    char best_loss[32];
    char epoch_loss[32];
    char sum[CHECKSUM_HEX + 1];
    if (st == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for the fit");
    }
    const uint64_t n = s->n;
    const uint64_t shape[2] = {3, n};
    const char *const numbers[N_NUMBERS] = {steps, best_epoch, best_loss, epoch_loss};
    (void)snprintf(steps, sizeof steps, "%" PRIu64, model_fit_steps(s->fit));
    (void)snprintf(best_epoch, sizeof best_epoch, "%" PRIu64, s->best_epoch);
    (void)snprintf(best_loss, sizeof best_loss, "%.17g", s->best_loss);
    (void)snprintf(epoch_loss, sizeof epoch_loss, "%.17g", s->epoch_loss);
    checksum(numbers, n, model_fit_state(s->fit), s->best, sum);
    const char *const meta[][2] = {
        {"format", STATE_FORMAT}, {"version", STATE_VERSION}, {"options", s->words},
        {"data", s->data},        {NUMBERS[0], numbers[0]},   {NUMBERS[1], numbers[1]},
        {NUMBERS[2], numbers[2]}, {NUMBERS[3], numbers[3]},   {"checksum", sum}};
    int rc = FAULT_NONE;
    for (size_t i = 0; i < sizeof meta / sizeof meta[0] && rc == FAULT_NONE; i++) {
        rc = safetensors_add_meta(st, meta[i][0], meta[i][1], fault);
    }
    rc = rc ? rc : safetensors_add_f32(st, "state", 2, shape, model_fit_state(s->fit), fault);
    rc = rc ? rc : safetensors_add_f32(st, "best", 1, &n, s->best, fault);
    rc = rc ? rc : safetensors_encode(st, &bytes, &size, fault);
    rc = rc ? rc : output_file_write_bytes(NULL, path, bytes, size, fault);
    free(bytes);
    free(st);
    return rc;
}

static int need_same(const char *path, const struct safetensors *st, const char *key,
                     const char *expected, struct fault *fault)
{
    const char *found = safetensors_meta_find(st, key);
    if (found == NULL || strcmp(found, expected) != 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: of another fit, whose %s was \"%.400s\"; \"%.400s\" was expected",
                         path, key, found != NULL ? found : "", expected);
    }
    return FAULT_NONE;
}

static int damaged(const char *path, struct fault *fault)
{
    return fault_set(
        fault, FAULT_INPUT,
        "%s: damaged; the state of an interrupted fit was expected. Removing it starts anew", path);
}

/* values: (4, parameters), the state and the best parameters. */
static int take_values(struct fitter_state *s, const char *path, const struct safetensors *st,
                       const float values[], struct fault *fault)
{
    const size_t n = s->n;
    const char *numbers[N_NUMBERS];
    char sum[CHECKSUM_HEX + 1];
    const char *found = safetensors_meta_find(st, "checksum");
    for (size_t i = 0; i < N_NUMBERS; i++) {
        numbers[i] = safetensors_meta_find(st, NUMBERS[i]);
        if (numbers[i] == NULL) {
            return damaged(path, fault);
        }
    }
    checksum(numbers, n, values, values + 3 * n, sum);
    if (found == NULL || strcmp(found, sum) != 0 ||
        model_fit_resume(s->fit, values, strtoull(numbers[0], NULL, 10)) != MODEL_OK) {
        return damaged(path, fault);
    }
    s->best_epoch = strtoull(numbers[1], NULL, 10);
    s->best_loss = strtod(numbers[2], NULL);
    s->epoch_loss = strtod(numbers[3], NULL);
    memcpy(s->best, values + 3 * n, n * sizeof *values);
    return FAULT_NONE;
}

static int take_state(struct fitter_state *s, const char *path, const struct safetensors *st,
                      struct fault *fault)
{
    const size_t n = s->n;
    const struct safetensors_tensor *state = safetensors_find(st, "state");
    const struct safetensors_tensor *best = safetensors_find(st, "best");
    if (state == NULL || state->n != 3 * n || best == NULL || best->n != n) {
        return damaged(path, fault);
    }
    float *values = calloc(4 * n, sizeof *values);
    if (values == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for the fit");
    }
    for (size_t i = 0; i < 4 * n; i++) {
        values[i] =
            (float)(i < 3 * n ? safetensors_value(state, i) : safetensors_value(best, i - 3 * n));
    }
    const int rc = take_values(s, path, st, values, fault);
    free(values);
    return rc;
}

int fitter_state_load(struct fitter_state *s, const char *path, struct fault *fault)
{
    struct safetensors *st = calloc(1, sizeof *st);
    uint8_t *bytes = NULL;
    size_t size = 0;
    int rc = st != NULL ? FAULT_NONE : fault_set(fault, FAULT_WORK, "no memory for the fit");
    rc = rc ? rc : safetensors_read(path, &bytes, &size, fault);
    rc = rc ? rc : safetensors_parse(st, path, bytes, size, fault);
    const char *const same[][2] = {{"format", STATE_FORMAT},
                                   {"version", STATE_VERSION},
                                   {"options", s->words},
                                   {"data", s->data}};
    for (size_t i = 0; i < sizeof same / sizeof same[0] && rc == FAULT_NONE; i++) {
        rc = need_same(path, st, same[i][0], same[i][1], fault);
    }
    rc = rc ? rc : take_state(s, path, st, fault);
    free(bytes);
    free(st);
    return rc;
}
