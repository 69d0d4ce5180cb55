#include "model/protocol_defect.h"

#include <math.h>
#include <string.h>

static const model_protocol_defect_words DEFECTS[] = {
#define PROTOCOL_DEFECT(NAME, name, versions, help) {#name, versions, help},
    MODEL_PROTOCOL_DEFECT_LIST(PROTOCOL_DEFECT)};

const model_protocol_defect_words *model_protocol_defect_of(model_protocol_defect defect)
{
    return &DEFECTS[defect];
}

int model_protocol_defect_parse(model_protocol_defect *out, const char *name)
{
    for (int i = 0; i < MODEL_PROTOCOL_DEFECTS; i++) {
        if (strcmp(DEFECTS[i].name, name) == 0) {
            *out = (model_protocol_defect)i;
            return MODEL_OK;
        }
    }
    return MODEL_ERR_ARG;
}

static uint32_t zero_of(const model_protocol_stage *stage)
{
    uint32_t i = 0;
    while (i < stage->n_contrasts && stage->contrast[i] > 0.0) {
        i++;
    }
    return i;
}

static bool zero_left(model_protocol_stage *stage)
{
    const uint32_t zero = zero_of(stage);
    const bool concerns = zero < stage->n_contrasts && stage->only[zero] == 0 &&
                          stage->zero != MODEL_PROTOCOL_ZERO_LEFT;
    stage->zero = concerns ? MODEL_PROTOCOL_ZERO_LEFT : stage->zero;
    return concerns;
}

static bool zero_redrawn(model_protocol_stage *stage)
{
    const uint32_t zero = zero_of(stage);
    if (zero == stage->n_contrasts || stage->n_contrasts == 1) {
        return false;
    }
    const double each = stage->probability[zero] / stage->n_contrasts;
    stage->probability[zero] = 0.0;
    for (uint32_t i = 0; i < stage->n_contrasts; i++) {
        stage->probability[i] += each;
    }
    return true;
}

static bool never_advances(model_protocol_stage *stage)
{
    bool concerns = false;
    for (uint32_t i = 0; i < stage->n_moves; i++) {
        for (uint32_t k = 0; k < stage->move[i].n_tests; k++) {
            model_protocol_test *test = &stage->move[i].test[k];
            if (test->kind == MODEL_PROTOCOL_TEST_PERFORMANCE && test->contrast < 0.5) {
                test->limit = 1.0;
                concerns = true;
            }
        }
    }
    return concerns;
}

static bool counts_early(model_protocol_stage *stage)
{
    bool concerns = false;
    for (uint32_t i = 0; i < stage->n_moves; i++) {
        for (uint32_t k = 0; k < stage->move[i].n_tests; k++) {
            model_protocol_test *test = &stage->move[i].test[k];
            if (test->kind == MODEL_PROTOCOL_TEST_TRIALS && test->limit > 1.0) {
                test->limit -= 1.0;
                concerns = true;
            }
        }
    }
    return concerns;
}

static bool debias_all(model_protocol_stage *stage)
{
    const bool concerns =
        stage->debias.kind == MODEL_PROTOCOL_DEBIAS_RESAMPLE && stage->debias.window > 0;
    stage->debias.window = concerns ? 0 : stage->debias.window;
    return concerns;
}

static bool debias_after_no_go(model_protocol_stage *stage)
{
    const bool concerns =
        stage->debias.kind != MODEL_PROTOCOL_DEBIAS_NONE && !stage->debias.after_no_go;
    stage->debias.after_no_go = stage->debias.after_no_go || concerns;
    return concerns;
}

static bool debias_off(model_protocol_stage *stage)
{
    const bool concerns = stage->debias.kind != MODEL_PROTOCOL_DEBIAS_NONE;
    stage->debias.kind = MODEL_PROTOCOL_DEBIAS_NONE;
    return concerns;
}

/* Signed contrasts that are shown; zero is one. */
static uint32_t count_signed(const model_protocol_stage *stage)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < stage->n_contrasts; i++) {
        n += stage->only[i] == 0 && stage->contrast[i] > 0.0 ? 2 : 1;
    }
    return n;
}

static bool keeps_half(model_protocol_stage *stage)
{
    uint32_t at = 0;
    while (at < stage->n_contrasts && stage->contrast[at] > 0.5) {
        at++;
    }
    if (stage->n_contrasts == MODEL_PROTOCOL_CONTRASTS ||
        (at < stage->n_contrasts && !(stage->contrast[at] < 0.5))) {
        return false;
    }
    const double share = 1.0 / (count_signed(stage) + 1);
    for (uint32_t i = stage->n_contrasts; i > at; i--) {
        stage->contrast[i] = stage->contrast[i - 1];
        stage->probability[i] = stage->probability[i - 1] * (1.0 - share);
        stage->only[i] = stage->only[i - 1];
    }
    for (uint32_t i = 0; i < at; i++) {
        stage->probability[i] *= 1.0 - share;
    }
    stage->contrast[at] = 0.5;
    stage->probability[at] = share;
    stage->only[at] = -1;
    stage->n_contrasts++;
    return true;
}

static void halve_tests(model_protocol_stage *stage, double contrast)
{
    for (uint32_t i = 0; i < stage->n_moves; i++) {
        for (uint32_t k = 0; k < stage->move[i].n_tests; k++) {
            model_protocol_test *test = &stage->move[i].test[k];
            if (fabs(test->contrast - contrast) < 1e-9) {
                test->contrast = 0.5 * contrast;
            }
        }
    }
}

static bool wrong_contrasts(model_protocol_stage *stage)
{
    const uint32_t above_zero = zero_of(stage);
    if (above_zero == 0) {
        return false;
    }
    halve_tests(stage, stage->contrast[above_zero - 1]);
    stage->contrast[above_zero - 1] *= 0.5;
    return true;
}

int model_protocol_defect_apply(model_protocol *protocol, model_protocol_defect defect)
{
    static bool (*const CHANGES[])(model_protocol_stage *) = {
#define PROTOCOL_DEFECT_CHANGE(NAME, name, versions, help) name,
        MODEL_PROTOCOL_DEFECT_LIST(PROTOCOL_DEFECT_CHANGE)};
    bool concerns = false;
    if ((unsigned)defect >= MODEL_PROTOCOL_DEFECTS) {
        return MODEL_ERR_ARG;
    }
    for (uint32_t i = 0; i < protocol->n_stages; i++) {
        concerns = CHANGES[defect](&protocol->stage[i]) || concerns;
    }
    return concerns ? MODEL_OK : MODEL_ERR_ARG;
}
