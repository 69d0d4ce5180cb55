#include "model/ibl_criteria.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "model/error.h"

enum { HUNDRED = 100 };

static const double BLOCK_TOLERANCE = 1e-6; /* p_left may have been computed */

/* Limits of each status; all of them strict. */
static const struct requirement {
    model_ibl_criteria_status status;
    model_ibl_criterion criterion;
    char relation;
    double limit;
} REQUIREMENTS[] = {
#define NEEDS(STATUS, CRITERION, relation, limit)                                                  \
    {                                                                                              \
        MODEL_IBL_CRITERIA_##STATUS, MODEL_IBL_CRITERION_##CRITERION, relation, limit              \
    }
    NEEDS(TRAINED_1A, SESSIONS, '>', 2),
    NEEDS(TRAINED_1A, ZERO, '>', 0),
    NEEDS(TRAINED_1A, BIAS, '<', 16),
    NEEDS(TRAINED_1A, THRESHOLD, '<', 19),
    NEEDS(TRAINED_1A, LAPSE_LOW, '<', 0.2),
    NEEDS(TRAINED_1A, LAPSE_HIGH, '<', 0.2),
    NEEDS(TRAINED_1A, TRIALS, '>', 200),
    NEEDS(TRAINED_1A, EASY, '>', 0.8),

    NEEDS(TRAINED_1B, SESSIONS, '>', 2),
    NEEDS(TRAINED_1B, ZERO, '>', 0),
    NEEDS(TRAINED_1B, BIAS, '<', 10),
    NEEDS(TRAINED_1B, THRESHOLD, '<', 20),
    NEEDS(TRAINED_1B, LAPSE_LOW, '<', 0.1),
    NEEDS(TRAINED_1B, LAPSE_HIGH, '<', 0.1),
    NEEDS(TRAINED_1B, TRIALS, '>', 400),
    NEEDS(TRAINED_1B, EASY, '>', 0.9),
    NEEDS(TRAINED_1B, RT, '<', 2),

    NEEDS(READY4EPHYSRIG, BIASED, '>', 2),
    NEEDS(READY4EPHYSRIG, SHIFT, '>', 5),
    NEEDS(READY4EPHYSRIG, LAPSE_LOW_20, '<', 0.1),
    NEEDS(READY4EPHYSRIG, LAPSE_HIGH_20, '<', 0.1),
    NEEDS(READY4EPHYSRIG, LAPSE_LOW_80, '<', 0.1),
    NEEDS(READY4EPHYSRIG, LAPSE_HIGH_80, '<', 0.1),
    NEEDS(READY4EPHYSRIG, TRIALS, '>', 400),
    NEEDS(READY4EPHYSRIG, EASY, '>', 0.9),
    NEEDS(READY4EPHYSRIG, RT, '<', 2),

    NEEDS(READY4DELAY, BIASED, '>', 2),
    NEEDS(READY4DELAY, EPHYS, '>', 0),
    NEEDS(READY4DELAY, EPHYS_TRIALS, '>', 400),
    NEEDS(READY4DELAY, EPHYS_EASY, '>', 0.9),

    NEEDS(READY4RECORDING, BIASED, '>', 2),
    NEEDS(READY4RECORDING, SHIFT, '>', 5),
    NEEDS(READY4RECORDING, LAPSE_LOW_20, '<', 0.1),
    NEEDS(READY4RECORDING, LAPSE_HIGH_20, '<', 0.1),
    NEEDS(READY4RECORDING, LAPSE_LOW_80, '<', 0.1),
    NEEDS(READY4RECORDING, LAPSE_HIGH_80, '<', 0.1),
    NEEDS(READY4RECORDING, TRIALS, '>', 400),
    NEEDS(READY4RECORDING, EASY, '>', 0.9),
    NEEDS(READY4RECORDING, RT, '<', 2),
    NEEDS(READY4RECORDING, EPHYS, '>', 2),
    NEEDS(READY4RECORDING, DELAY, '>', 0),
#undef NEEDS
};

enum { N_REQUIREMENTS = sizeof REQUIREMENTS / sizeof REQUIREMENTS[0] };

/* ---- names ----------------------------------------------------------------------------------- */

#define CRITERIA_NAME(NAME, name) #name,
static const char *const STATUSES[] = {MODEL_IBL_CRITERIA_STATUS_LIST(CRITERIA_NAME)};
static const char *const PROTOCOLS[] = {MODEL_IBL_CRITERIA_PROTOCOL_LIST(CRITERIA_NAME)};

const char *model_ibl_criteria_status_name(model_ibl_criteria_status status)
{
    return (size_t)status < MODEL_IBL_CRITERIA_STATUS_COUNT ? STATUSES[status] : NULL;
}

const model_ibl_criterion_words *model_ibl_criterion_of(model_ibl_criterion criterion)
{
    static const model_ibl_criterion_words WORDS[] = {
#define CRITERION_ROW(NAME, name, unit, help) {#name, unit, help},
        MODEL_IBL_CRITERIA_LIST(CRITERION_ROW)
#undef CRITERION_ROW
    };
    return &WORDS[criterion];
}

const char *model_ibl_criteria_protocol_name(model_ibl_criteria_protocol protocol)
{
    return (size_t)protocol < MODEL_IBL_CRITERIA_PROTOCOL_COUNT ? PROTOCOLS[protocol] : NULL;
}

/* True if text holds word, of small letters, in letters of any size. */
static bool holds(const char *text, const char *word)
{
    const size_t n = strlen(word);
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (i < n && tolower((unsigned char)text[i]) == word[i]) {
            i++;
        }
        if (i == n) {
            return true;
        }
    }
    return false;
}

model_ibl_criteria_protocol model_ibl_criteria_protocol_of(const char *task)
{
    static const struct {
        const char *word;
        model_ibl_criteria_protocol protocol;
    } WORDS[] = {{"habituation", MODEL_IBL_CRITERIA_PROTOCOL_HABITUATION},
                 {"training", MODEL_IBL_CRITERIA_PROTOCOL_TRAINING},
                 {"biased", MODEL_IBL_CRITERIA_PROTOCOL_BIASED},
                 {"ephys", MODEL_IBL_CRITERIA_PROTOCOL_BIASED}};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (holds(task, WORDS[i].word)) {
            return WORDS[i].protocol;
        }
    }
    return MODEL_IBL_CRITERIA_PROTOCOL_UNKNOWN;
}

int model_ibl_criteria_block_of(double p_left)
{
    return fabs(p_left - 0.2) < BLOCK_TOLERANCE   ? MODEL_IBL_CRITERIA_20
           : fabs(p_left - 0.8) < BLOCK_TOLERANCE ? MODEL_IBL_CRITERIA_80
                                                  : MODEL_IBL_CRITERIA_ELSE;
}

/* ---- curves ---------------------------------------------------------------------------------- */

static bool is_biased(const model_ibl_criteria_session *s)
{
    return s->protocol == MODEL_IBL_CRITERIA_PROTOCOL_BIASED;
}

/* Adds a stimulus to points that rise; false if it finds no room. */
static bool add_point(model_psychometric_point points[], size_t *n,
                      const model_psychometric_point *more)
{
    size_t at = *n;
    while (at > 0 && points[at - 1].contrast >= more->contrast) {
        at--;
    }
    if (at < *n && points[at].contrast <= more->contrast) {
        points[at].n += more->n;
        points[at].n_right += more->n_right;
        return true;
    }
    if (*n == MODEL_IBL_CRITERIA_CONTRASTS) {
        return false;
    }
    memmove(&points[at + 1], &points[at], (*n - at) * sizeof points[0]);
    points[at] = *more;
    ++*n;
    return true;
}

static model_psychometric_point point_of(const model_ibl_criteria_contrast *c, int block)
{
    model_psychometric_point point = {.contrast = HUNDRED * c->contrast};
    for (int b = 0; b < MODEL_IBL_CRITERIA_BLOCKS; b++) {
        if (block == MODEL_IBL_CRITERIA_ELSE || b == block) {
            point.n += c->n[b];
            point.n_right += c->n_right[b];
        }
    }
    return point;
}

size_t model_ibl_criteria_points(const model_ibl_criteria_window *window, int block,
                                 model_psychometric_point points[MODEL_IBL_CRITERIA_CONTRASTS])
{
    size_t n = 0;
    for (size_t i = 0; i < window->n; i++) {
        const model_ibl_criteria_session *s = window->session[i];
        if (block != MODEL_IBL_CRITERIA_ELSE && !is_biased(s)) {
            continue;
        }
        bool is_whole = s->n_uncounted == 0;
        for (int64_t k = 0; k < s->n_contrasts && is_whole; k++) {
            const model_psychometric_point point = point_of(&s->contrast[k], block);
            is_whole = point.n == 0 || add_point(points, &n, &point);
        }
        if (!is_whole) {
            return 0;
        }
    }
    return n;
}

static int fit_curve(const model_ibl_criteria_window *window, int block, model_psychometric *curve)
{
    const double none = (double)NAN;
    model_psychometric_point points[MODEL_IBL_CRITERIA_CONTRASTS];
    const size_t n = model_ibl_criteria_points(window, block, points);
    *curve = (model_psychometric){none, none, none, none};
    return n > 0 ? model_psychometric_fit(n, points, curve) : MODEL_OK;
}

/* ---- values ---------------------------------------------------------------------------------- */

static double share_easy(const model_ibl_criteria_session *s)
{
    return s->n_easy > 0 ? (double)s->n_easy_correct / (double)s->n_easy : (double)NAN;
}

/* Of two values the one on that side; NaN if the lowest is asked for and one of them is unknown. */
static double lowest(double a, double b)
{
    return isnan(a) || a < b ? a : b;
}

static void count_session(const model_ibl_criteria_session *s, double value[])
{
    value[MODEL_IBL_CRITERION_SESSIONS] += 1.0;
    value[MODEL_IBL_CRITERION_BIASED] += is_biased(s) ? 1.0 : 0.0;
    for (int64_t i = 0; i < s->n_contrasts; i++) {
        const model_psychometric_point point = point_of(&s->contrast[i], MODEL_IBL_CRITERIA_ELSE);
        value[MODEL_IBL_CRITERION_ZERO] += point.contrast == 0.0 ? (double)point.n : 0.0;
    }
    value[MODEL_IBL_CRITERION_TRIALS] =
        lowest(value[MODEL_IBL_CRITERION_TRIALS], (double)s->n_trials);
    value[MODEL_IBL_CRITERION_EASY] = lowest(value[MODEL_IBL_CRITERION_EASY], share_easy(s));
    value[MODEL_IBL_CRITERION_DELAY] += s->delay_s >= MODEL_IBL_CRITERIA_DELAY_S ? 1.0 : 0.0;
    if (s->is_ephys_rig != 0) {
        value[MODEL_IBL_CRITERION_EPHYS] += 1.0;
        value[MODEL_IBL_CRITERION_EPHYS_TRIALS] =
            fmax(value[MODEL_IBL_CRITERION_EPHYS_TRIALS], (double)s->n_trials);
        value[MODEL_IBL_CRITERION_EPHYS_EASY] =
            fmax(value[MODEL_IBL_CRITERION_EPHYS_EASY], share_easy(s));
    }
}

static void count_sessions(const model_ibl_criteria_window *window, double value[])
{
    static const model_ibl_criterion COUNTED[] = {
        MODEL_IBL_CRITERION_SESSIONS, MODEL_IBL_CRITERION_BIASED, MODEL_IBL_CRITERION_ZERO,
        MODEL_IBL_CRITERION_EPHYS, MODEL_IBL_CRITERION_DELAY};
    for (int i = 0; i < MODEL_IBL_CRITERION_COUNT; i++) {
        value[i] = (double)NAN;
    }
    for (size_t i = 0; i < sizeof COUNTED / sizeof COUNTED[0]; i++) {
        value[COUNTED[i]] = 0.0;
    }
    value[MODEL_IBL_CRITERION_TRIALS] = value[MODEL_IBL_CRITERION_EASY] = (double)INFINITY;
    for (size_t i = 0; i < window->n; i++) {
        count_session(window->session[i], value);
    }
    if (window->n == 0) {
        value[MODEL_IBL_CRITERION_TRIALS] = value[MODEL_IBL_CRITERION_EASY] = (double)NAN;
    }
    value[MODEL_IBL_CRITERION_RT] = window->zero_rt_s;
}

static int measure_curves(const model_ibl_criteria_window *window, model_ibl_criteria_standing *s)
{
    const model_psychometric *all = &s->curve[MODEL_IBL_CRITERIA_ELSE];
    const model_psychometric *in_20 = &s->curve[MODEL_IBL_CRITERIA_20];
    const model_psychometric *in_80 = &s->curve[MODEL_IBL_CRITERIA_80];
    for (int block = 0; block < MODEL_IBL_CRITERIA_BLOCKS; block++) {
        const int rc = fit_curve(window, block, &s->curve[block]);
        if (rc != MODEL_OK) {
            return rc;
        }
    }
    s->value[MODEL_IBL_CRITERION_BIAS] = fabs(all->bias);
    s->value[MODEL_IBL_CRITERION_THRESHOLD] = all->threshold;
    s->value[MODEL_IBL_CRITERION_LAPSE_LOW] = all->lapse_low;
    s->value[MODEL_IBL_CRITERION_LAPSE_HIGH] = all->lapse_high;
    s->value[MODEL_IBL_CRITERION_SHIFT] = in_80->bias - in_20->bias;
    s->value[MODEL_IBL_CRITERION_LAPSE_LOW_20] = in_20->lapse_low;
    s->value[MODEL_IBL_CRITERION_LAPSE_HIGH_20] = in_20->lapse_high;
    s->value[MODEL_IBL_CRITERION_LAPSE_LOW_80] = in_80->lapse_low;
    s->value[MODEL_IBL_CRITERION_LAPSE_HIGH_80] = in_80->lapse_high;
    return MODEL_OK;
}

/* ---- status ---------------------------------------------------------------------------------- */

static model_ibl_criteria_check check(const struct requirement *r, const double value[])
{
    const double v = value[r->criterion];
    return (model_ibl_criteria_check){.criterion = r->criterion,
                                      .value = v,
                                      .limit = r->limit,
                                      .is_above = r->relation == '>',
                                      .is_met = r->relation == '>' ? v > r->limit : v < r->limit};
}

size_t model_ibl_criteria_check_all(model_ibl_criteria_status status,
                                    const double value[MODEL_IBL_CRITERION_COUNT],
                                    model_ibl_criteria_check checks[MODEL_IBL_CRITERION_COUNT])
{
    size_t n = 0;
    for (size_t i = 0; i < N_REQUIREMENTS; i++) {
        if (REQUIREMENTS[i].status == status) {
            checks[n++] = check(&REQUIREMENTS[i], value);
        }
    }
    return n;
}

static bool meets(model_ibl_criteria_status status, const double value[])
{
    model_ibl_criteria_check checks[MODEL_IBL_CRITERION_COUNT];
    const size_t n = model_ibl_criteria_check_all(status, value, checks);
    bool is_met = true;
    for (size_t i = 0; i < n; i++) {
        is_met &= checks[i].is_met;
    }
    return is_met;
}

/* The highest of a range of statuses whose criteria are met; otherwise the one below the range. */
static model_ibl_criteria_status highest(model_ibl_criteria_status below,
                                         model_ibl_criteria_status last, const double value[])
{
    model_ibl_criteria_status status = last;
    while (status > below && !meets(status, value)) {
        status--;
    }
    return status;
}

model_ibl_criteria_status
model_ibl_criteria_status_of(const double value[MODEL_IBL_CRITERION_COUNT])
{
    if (value[MODEL_IBL_CRITERION_BIASED] <= 0.0) {
        return highest(MODEL_IBL_CRITERIA_IN_TRAINING, MODEL_IBL_CRITERIA_TRAINED_1B, value);
    }
    if (value[MODEL_IBL_CRITERION_BIASED] < value[MODEL_IBL_CRITERION_SESSIONS]) {
        return MODEL_IBL_CRITERIA_TRAINED_1B; /* what led to the change of protocol */
    }
    return highest(MODEL_IBL_CRITERIA_TRAINED_1B, MODEL_IBL_CRITERIA_READY4RECORDING, value);
}

static size_t count_behind(const double value[])
{
    const double biased = value[MODEL_IBL_CRITERION_BIASED];
    return (size_t)(biased > 0.0 ? biased : value[MODEL_IBL_CRITERION_SESSIONS]);
}

bool model_ibl_criteria_is_shown(const model_ibl_criteria_standing *standing)
{
    return standing->status == MODEL_IBL_CRITERIA_IN_TRAINING ||
           standing->n_behind >= MODEL_IBL_CRITERIA_SESSIONS;
}

int model_ibl_criteria_judge(const model_ibl_criteria_window *window,
                             model_ibl_criteria_standing *standing)
{
    model_ibl_criteria_standing s = {0};
    if (window->n > MODEL_IBL_CRITERIA_SESSIONS) {
        return MODEL_ERR_ARG;
    }
    for (size_t i = 0; i < window->n; i++) {
        const int64_t n = window->session[i]->n_contrasts;
        if (n < 0 || n > MODEL_IBL_CRITERIA_CONTRASTS) {
            return MODEL_ERR_ARG;
        }
    }
    count_sessions(window, s.value);
    const int rc = measure_curves(window, &s);
    if (rc != MODEL_OK) {
        return rc;
    }
    s.status = model_ibl_criteria_status_of(s.value);
    s.n_behind = count_behind(s.value);
    s.next = s.status < MODEL_IBL_CRITERIA_READY4RECORDING ? s.status + 1 : s.status;
    s.n_checks = model_ibl_criteria_check_all(s.next, s.value, s.check);
    *standing = s;
    return MODEL_OK;
}
