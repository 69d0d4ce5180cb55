#include "model/protocol_defect.h"

#include <math.h>
#include <string.h>

static const model_protocol_defect_words DEFECTS[] = {
#define PROTOCOL_DEFECT(NAME, name, seen, help) {#name, seen, help},
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

static bool zero_left(model_protocol *protocol, uint32_t at)
{
    model_protocol_stage *stage = &protocol->stage[at];
    const uint32_t zero = zero_of(stage);
    const bool concerns = zero < stage->n_contrasts && stage->only[zero] == 0 &&
                          stage->zero != MODEL_PROTOCOL_ZERO_LEFT;
    stage->zero = concerns ? MODEL_PROTOCOL_ZERO_LEFT : stage->zero;
    return concerns;
}

/* No stage before this one shows the contrast. */
static bool is_first_with(const model_protocol *protocol, uint32_t stage, double contrast)
{
    for (uint32_t i = 0; i < stage; i++) {
        for (uint32_t k = 0; k < protocol->stage[i].n_contrasts; k++) {
            if (fabs(protocol->stage[i].contrast[k] - contrast) < 1e-9) {
                return false;
            }
        }
    }
    return true;
}

/* The contrasts above 0 of all stages. */
static uint32_t list_contrasts(const model_protocol *protocol,
                               double out[MODEL_PROTOCOL_STAGES * MODEL_PROTOCOL_CONTRASTS])
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < protocol->n_stages; i++) {
        const model_protocol_stage *stage = &protocol->stage[i];
        for (uint32_t k = 0; k < stage->n_contrasts && stage->contrast[k] > 0.0; k++) {
            if (is_first_with(protocol, i, stage->contrast[k])) {
                out[n++] = stage->contrast[k];
            }
        }
    }
    return n;
}

/* Number of a contrast that the stage may not have yet; n_contrasts: it has no room. */
static uint32_t give_contrast(model_protocol_stage *stage, double contrast)
{
    uint32_t at = 0;
    while (at < stage->n_contrasts && stage->contrast[at] > contrast + 1e-9) {
        at++;
    }
    if ((at < stage->n_contrasts && fabs(stage->contrast[at] - contrast) < 1e-9) ||
        stage->n_contrasts == MODEL_PROTOCOL_CONTRASTS) {
        return at;
    }
    for (uint32_t i = stage->n_contrasts++; i > at; i--) {
        stage->contrast[i] = stage->contrast[i - 1];
        stage->probability[i] = stage->probability[i - 1];
        stage->only[i] = stage->only[i - 1];
        stage->left[i] = stage->left[i - 1];
    }
    stage->contrast[at] = contrast;
    stage->probability[at] = 0.0;
    stage->only[at] = -1;
    stage->left[at] = 0.0;
    return at;
}

/* So often a contrast is shown on the left in the place of zero. */
static void show_left(model_protocol_stage *stage, double contrast, double share)
{
    const uint32_t at = give_contrast(stage, contrast);
    if (at == stage->n_contrasts) {
        return;
    }
    const double left = stage->probability[at] * model_protocol_left(stage, at, stage->p_left);
    stage->probability[at] += share;
    if (stage->only[at] >= 0) {
        stage->only[at] = 0;
        stage->left[at] = (left + share) / stage->probability[at];
    }
}

static bool zero_redrawn(model_protocol *protocol, uint32_t at)
{
    model_protocol_stage *stage = &protocol->stage[at];
    const uint32_t zero = zero_of(stage);
    if (zero == stage->n_contrasts || stage->n_contrasts == 1 || stage->blocks.n > 0) {
        return false;
    }
    double contrast[MODEL_PROTOCOL_STAGES * MODEL_PROTOCOL_CONTRASTS];
    const uint32_t n = list_contrasts(protocol, contrast);
    const double drawn = stage->probability[zero];
    const double kept = drawn / (2.0 * n + 1.0);
    for (uint32_t i = 0; i < n; i++) {
        show_left(stage, contrast[i], 2.0 * kept);
    }
    stage->probability[zero_of(stage)] = kept;
    stage->zero = MODEL_PROTOCOL_ZERO_LEFT;
    return true;
}

static bool never_advances(model_protocol *protocol, uint32_t at)
{
    model_protocol_stage *stage = &protocol->stage[at];
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

static bool counts_early(model_protocol *protocol, uint32_t at)
{
    model_protocol_stage *stage = &protocol->stage[at];
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

static bool debias_all(model_protocol *protocol, uint32_t at)
{
    model_protocol_stage *stage = &protocol->stage[at];
    const bool concerns =
        stage->debias.kind == MODEL_PROTOCOL_DEBIAS_RESAMPLE && stage->debias.window > 0;
    stage->debias.window = concerns ? 0 : stage->debias.window;
    return concerns;
}

static bool debias_blank(model_protocol *protocol, uint32_t at)
{
    model_protocol_stage *stage = &protocol->stage[at];
    const bool concerns =
        stage->debias.kind == MODEL_PROTOCOL_DEBIAS_RESAMPLE && stage->debias.rows == 0;
    stage->debias.rows = concerns ? 2000 : stage->debias.rows;
    return concerns;
}

static bool debias_after_no_go(model_protocol *protocol, uint32_t at)
{
    model_protocol_stage *stage = &protocol->stage[at];
    const bool concerns =
        stage->debias.kind != MODEL_PROTOCOL_DEBIAS_NONE && !stage->debias.after_no_go;
    stage->debias.after_no_go = stage->debias.after_no_go || concerns;
    return concerns;
}

static bool debias_off(model_protocol *protocol, uint32_t at)
{
    model_protocol_stage *stage = &protocol->stage[at];
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

static bool keeps_half(model_protocol *protocol, uint32_t at)
{
    model_protocol_stage *stage = &protocol->stage[at];
    uint32_t half = 0;
    while (half < stage->n_contrasts && stage->contrast[half] > 0.5) {
        half++;
    }
    if (stage->n_contrasts == MODEL_PROTOCOL_CONTRASTS ||
        (half < stage->n_contrasts && !(stage->contrast[half] < 0.5))) {
        return false;
    }
    const double share = 1.0 / (count_signed(stage) + 1);
    for (uint32_t i = 0; i < stage->n_contrasts; i++) {
        stage->probability[i] *= 1.0 - share;
    }
    stage->probability[give_contrast(stage, 0.5)] = share;
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

static bool wrong_contrasts(model_protocol *protocol, uint32_t at)
{
    model_protocol_stage *stage = &protocol->stage[at];
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
    static bool (*const CHANGES[])(model_protocol *, uint32_t) = {
#define PROTOCOL_DEFECT_CHANGE(NAME, name, seen, help) name,
        MODEL_PROTOCOL_DEFECT_LIST(PROTOCOL_DEFECT_CHANGE)};
    bool concerns = false;
    if ((unsigned)defect >= MODEL_PROTOCOL_DEFECTS) {
        return MODEL_ERR_ARG;
    }
    for (uint32_t i = 0; i < protocol->n_stages; i++) {
        concerns = CHANGES[defect](protocol, i) || concerns;
    }
    return concerns ? MODEL_OK : MODEL_ERR_ARG;
}

void model_protocol_add_defects(model_protocol *protocol, uint32_t defects)
{
    for (uint32_t i = 0; i < MODEL_PROTOCOL_DEFECTS; i++) {
        if ((defects >> i & 1) != 0) {
            (void)model_protocol_defect_apply(protocol, (model_protocol_defect)i);
        }
    }
}

/* ---- iblrig ---------------------------------------------------------------------------------- */

#define HAS(NAME) (UINT32_C(1) << MODEL_PROTOCOL_DEFECT_##NAME)
static const model_protocol_release RELEASES[MODEL_PROTOCOL_RELEASES] = {
    {"8.0", "8.11.2", HAS(ZERO_REDRAWN) | HAS(DEBIAS_ALL) | HAS(DEBIAS_AFTER_NO_GO)},
    {"8.11.3", "8.23", HAS(ZERO_LEFT) | HAS(DEBIAS_ALL) | HAS(DEBIAS_AFTER_NO_GO)},
    {"8.24", "8.24.6",
     HAS(ZERO_LEFT) | HAS(NEVER_ADVANCES) | HAS(DEBIAS_BLANK) | HAS(DEBIAS_AFTER_NO_GO)},
    {"8.24.7", "8.26",
     HAS(ZERO_LEFT) | HAS(NEVER_ADVANCES) | HAS(DEBIAS_ALL) | HAS(DEBIAS_AFTER_NO_GO)},
    {"8.27", "8.29.3", HAS(ZERO_LEFT)},
    {"8.29.4", "", 0}};
#undef HAS

const model_protocol_release *model_protocol_release_of(uint32_t release)
{
    return &RELEASES[release];
}

/* "8.23.1" as a number that grows with the version; -1: it is none. */
static int32_t version_of(const char *text)
{
    int32_t part[3] = {0, 0, 0};
    for (int i = 0; i < 3; i++) {
        const char *digit = text;
        for (; *digit >= '0' && *digit <= '9' && digit - text < 3; digit++) {
            part[i] = 10 * part[i] + (*digit - '0');
        }
        if (digit == text || (*digit != '\0' && *digit != '.')) {
            return -1;
        }
        if (*digit == '\0') {
            return i == 0 ? -1 : (part[0] * 1000 + part[1]) * 1000 + part[2];
        }
        text = digit + 1;
    }
    return -1;
}

int model_protocol_release_find(uint32_t *out, const char *version)
{
    const int32_t wanted = version_of(version);
    if (wanted < version_of(RELEASES[0].first)) {
        return MODEL_ERR_ARG;
    }
    for (uint32_t i = 0; i < MODEL_PROTOCOL_RELEASES; i++) {
        *out = wanted >= version_of(RELEASES[i].first) ? i : *out;
    }
    return MODEL_OK;
}

bool model_protocol_release_is_newer(const char *version)
{
    return version_of(version) > version_of(MODEL_PROTOCOL_RELEASE_NEWEST);
}

uint32_t model_protocol_release_defects(const model_protocol *protocol, uint32_t release)
{
    uint32_t all = RELEASES[release].defects;
    for (uint32_t i = 0; i < protocol->n_stages; i++) {
        all = protocol->stage[i].blocks.n > 0 ? 0 : all;
    }
    model_protocol changed = *protocol;
    for (uint32_t i = 0; i < MODEL_PROTOCOL_DEFECTS; i++) {
        if ((all >> i & 1) != 0 &&
            model_protocol_defect_apply(&changed, (model_protocol_defect)i) != MODEL_OK) {
            all &= ~(UINT32_C(1) << i);
        }
    }
    return all;
}
