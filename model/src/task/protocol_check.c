#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "model/protocol.h"

#define SUM_TOLERANCE 1e-3
#define MINUTES_MAX   1440.0
#define UL_MAX        10000.0

/* Where the check is, and where it says what is wrong. */
struct place {
    const model_protocol *protocol;
    model_protocol_fault *fault;
    int32_t stage;
    int32_t move;
    int32_t test;
};

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static int
refuse(const struct place *at, const char *key, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    at->fault->stage = at->stage;
    at->fault->move = at->move;
    at->fault->test = at->test;
    at->fault->key = key;
    (void)vsnprintf(at->fault->text, sizeof at->fault->text, format, values);
    va_end(values);
    return MODEL_ERR_ARG;
}

/* Ends in a NUL, not empty. */
static bool is_name(const char *name)
{
    return name[0] != '\0' && memchr(name, '\0', MODEL_PROTOCOL_NAME) != NULL;
}

static int check_contrasts(const struct place *at, const model_protocol_stage *s)
{
    if (!is_within(s->n_contrasts, 1, MODEL_PROTOCOL_CONTRASTS)) {
        return refuse(at, "contrasts", "1 to %d contrasts expected", MODEL_PROTOCOL_CONTRASTS);
    }
    double sum = 0.0;
    for (uint32_t i = 0; i < s->n_contrasts; i++) {
        const bool falls = i == 0 || s->contrast[i] < s->contrast[i - 1] - 1e-9;
        if (!is_within(s->contrast[i], 0, 1) || !falls) {
            return refuse(at, "contrasts", "contrasts from 1 down to 0 expected, each once");
        }
        if (!is_within(s->probability[i], 0, 1)) {
            return refuse(at, "contrasts", "probabilities from 0 to 1 expected");
        }
        if (!is_within(s->only[i], -1, 1)) {
            return refuse(at, "contrasts", "one side or both expected");
        }
        if (!is_within(s->left[i], 0, 1)) {
            return refuse(at, "left", "probabilities from 0 to 1 expected");
        }
        sum += s->probability[i];
    }
    return fabs(sum - 1.0) <= SUM_TOLERANCE
               ? MODEL_OK
               : refuse(at, "contrasts", "the probabilities sum to %g, 1 expected", sum);
}

static int check_blocks(const struct place *at, const model_protocol_stage *s)
{
    const model_protocol_blocks *b = &s->blocks;
    if (!is_within(s->p_left, 0, 1)) {
        return refuse(at, "p_left", "a probability from 0 to 1 expected");
    }
    if (b->n > MODEL_PROTOCOL_BLOCKS) {
        return refuse(at, "blocks", "at most %d values expected", MODEL_PROTOCOL_BLOCKS);
    }
    for (uint32_t i = 0; i < b->n; i++) {
        if (!is_within(b->value[i], 0, 1)) {
            return refuse(at, "blocks", "values from 0 to 1 expected");
        }
    }
    if (b->n > 0 && (b->min < 1 || b->max < b->min || b->max > 1000000)) {
        return refuse(at, "blocks", "min from 1 and max from min to 1000000 expected");
    }
    if (b->n > 0 && b->max > b->min && !is_within(b->mean, 1e-3, 1e6)) {
        return refuse(at, "blocks", "mean from 0.001 to 1000000 trials expected");
    }
    return MODEL_OK;
}

static int check_rules(const struct place *at, const model_protocol_stage *s)
{
    const model_protocol_debias *d = &s->debias;
    if (model_protocol_zero_name(s->zero) == NULL) {
        return refuse(at, "zero", "p_left, left or right expected");
    }
    if (model_protocol_debias_name(d->kind) == NULL) {
        return refuse(at, "debias", "a kind of debiasing expected");
    }
    if (!is_within(d->contrast, 0, 1) || d->window > MODEL_PROTOCOL_WINDOW) {
        return refuse(at, "debias", "contrast from 0 to 1 and window from 0 to %d expected",
                      MODEL_PROTOCOL_WINDOW);
    }
    if (d->kind == MODEL_PROTOCOL_DEBIAS_RESAMPLE && !is_within(d->sd, 1e-3, 100.0)) {
        return refuse(at, "debias", "sd from 0.001 to 100 expected");
    }
    for (int side = 0; side < 2; side++) {
        for (int choice = 0; choice < 2; choice++) {
            if (!is_within(s->p_reward[side][choice], 0, 1)) {
                return refuse(at, "reward", "probabilities from 0 to 1 expected");
            }
        }
    }
    return is_within(s->reward_ul, 0, UL_MAX)
               ? MODEL_OK
               : refuse(at, "reward", "a volume from 0 to %g ul expected", UL_MAX);
}

static uint32_t find_contrast(const model_protocol_stage *s, double contrast)
{
    uint32_t i = 0;
    while (i < s->n_contrasts &&
           (fabs(s->contrast[i] - contrast) > 1e-9 || !(s->probability[i] > 0.0))) {
        i++;
    }
    return i;
}

static int check_performance(const struct place *at, const model_protocol_stage *s,
                             const model_protocol_test *t)
{
    if (!t->is_above) {
        return refuse(at, "when", "performance: above expected; of what is below, take accuracy");
    }
    if (!is_within(t->window, 1, MODEL_PROTOCOL_WINDOW)) {
        return refuse(at, "when", "performance: a window from 1 to %d trials expected",
                      MODEL_PROTOCOL_WINDOW);
    }
    if (!is_within(t->contrast, 0, 1)) {
        return refuse(at, "when", "performance: a contrast from 0 to 1 expected");
    }
    if (find_contrast(s, t->contrast) == s->n_contrasts) {
        return refuse(at, "when", "performance: contrast %g is never shown in this stage",
                      t->contrast);
    }
    return MODEL_OK;
}

static int check_test(const struct place *at, const model_protocol_stage *s,
                      const model_protocol_test *t)
{
    const char *name = model_protocol_test_name(t->kind);
    if (name == NULL) {
        return refuse(at, "when", "a test expected");
    }
    if (t->kind == MODEL_PROTOCOL_TEST_TRIALS || t->kind == MODEL_PROTOCOL_TEST_SESSIONS) {
        return is_within(t->limit, 1, 1e9)
                   ? MODEL_OK
                   : refuse(at, "when", "%s: at_least from 1 to 1000000000 expected", name);
    }
    if (!is_within(t->limit, 0, 1)) {
        return refuse(at, "when", "%s: a limit from 0 to 1 expected", name);
    }
    if (t->kind == MODEL_PROTOCOL_TEST_PERFORMANCE) {
        return check_performance(at, s, t);
    }
    return is_within(t->window, 1, MODEL_PROTOCOL_RECENT)
               ? MODEL_OK
               : refuse(at, "when", "%s: a window from 1 to %d trials expected", name,
                        MODEL_PROTOCOL_RECENT);
}

static int check_moves(struct place *at, const model_protocol_stage *s)
{
    int rc = MODEL_OK;
    if (s->n_moves > MODEL_PROTOCOL_MOVES) {
        return refuse(at, "moves", "at most %d moves expected", MODEL_PROTOCOL_MOVES);
    }
    for (uint32_t i = 0; i < s->n_moves && rc == MODEL_OK; i++) {
        const model_protocol_move *move = &s->move[i];
        at->move = (int32_t)i;
        if (move->to >= at->protocol->n_stages || move->to == (uint32_t)at->stage) {
            return refuse(at, "to", "another stage expected");
        }
        if (!is_within(move->n_tests, 1, MODEL_PROTOCOL_TESTS)) {
            return refuse(at, "when", "1 to %d tests expected", MODEL_PROTOCOL_TESTS);
        }
        if (move->at_session_start && !at->protocol->carries_stage) {
            return refuse(at, "at",
                          "a protocol that carries its stages expected, since without "
                          "that each session begins in the first one");
        }
        for (uint32_t k = 0; k < move->n_tests && rc == MODEL_OK; k++) {
            at->test = (int32_t)k;
            rc = check_test(at, s, &move->test[k]);
        }
        at->test = -1;
    }
    at->move = -1;
    return rc;
}

static int check_stage(struct place *at)
{
    const model_protocol_stage *s = &at->protocol->stage[at->stage];
    if (!is_name(s->name)) {
        return refuse(at, "name", "a name of 1 to %d bytes expected", MODEL_PROTOCOL_NAME - 1);
    }
    if (model_protocol_find(at->protocol, s->name) != (uint32_t)at->stage) {
        return refuse(at, "name", "stage %s stands here twice", s->name);
    }
    int rc = check_contrasts(at, s);
    rc = rc == MODEL_OK ? check_blocks(at, s) : rc;
    rc = rc == MODEL_OK ? check_rules(at, s) : rc;
    return rc == MODEL_OK ? check_moves(at, s) : rc;
}

static int check_whole(const struct place *at)
{
    const model_protocol *p = at->protocol;
    if (!is_name(p->name)) {
        return refuse(at, "name", "a name of 1 to %d bytes expected", MODEL_PROTOCOL_NAME - 1);
    }
    if (model_protocol_task_name(p->task) == NULL) {
        return refuse(at, "task", "choice or go_nogo expected");
    }
    if (!is_within(p->n_stages, 1, MODEL_PROTOCOL_STAGES)) {
        return refuse(at, "stages", "1 to %d stages expected", MODEL_PROTOCOL_STAGES);
    }
    if (p->first_stage >= p->n_stages) {
        return refuse(at, "first", "the name of a stage expected");
    }
    if (p->counts_drawn && !p->counters_per_session) {
        return refuse(at, "counted",
                      "counters that are reset with each session expected, since "
                      "drawn trials count in the stage that a session begins in");
    }
    if (p->trials_min < 1 || p->trials_max < p->trials_min || p->trials_max > 1000000) {
        return refuse(at, "session", "1 to 1000000 trials a session expected");
    }
    if (!is_within(p->minutes_max, 0, MINUTES_MAX) || !is_within(p->trial_s, 0, 86400)) {
        return refuse(at, "session", "minutes from 0 to %g and trial_s from 0 to 86400 expected",
                      MINUTES_MAX);
    }
    return MODEL_OK;
}

/* Which moves can ever hold. */
struct ways {
    bool holds[MODEL_PROTOCOL_STAGES][MODEL_PROTOCOL_MOVES];
};

/* The stages that can be come to from `from`, by moves that hold; NULL: by all moves. */
static void spread(const model_protocol *p, uint32_t from, const struct ways *ways,
                   bool reached[MODEL_PROTOCOL_STAGES])
{
    memset(reached, 0, MODEL_PROTOCOL_STAGES * sizeof reached[0]);
    reached[from] = true;
    for (uint32_t round = 0; round < p->n_stages; round++) {
        for (uint32_t i = 0; i < p->n_stages; i++) {
            for (uint32_t k = 0; k < p->stage[i].n_moves && reached[i]; k++) {
                if (ways == NULL || ways->holds[i][k]) {
                    reached[p->stage[i].move[k].to] = true;
                }
            }
        }
    }
}

static bool comes_to_an_end(const model_protocol *p, const bool reached[])
{
    for (uint32_t i = 0; i < p->n_stages; i++) {
        if (reached[i] && p->stage[i].n_moves == 0) {
            return true;
        }
    }
    return false;
}

static int check_ways(struct place *at)
{
    const model_protocol *p = at->protocol;
    bool reached[MODEL_PROTOCOL_STAGES];
    spread(p, p->first_stage, NULL, reached);
    for (at->stage = 0; at->stage < (int32_t)p->n_stages; at->stage++) {
        if (!reached[at->stage]) {
            return refuse(at, "name", "no moves lead from stage %s to %s",
                          p->stage[p->first_stage].name, p->stage[at->stage].name);
        }
    }
    for (at->stage = 0; at->stage < (int32_t)p->n_stages; at->stage++) {
        spread(p, (uint32_t)at->stage, NULL, reached);
        if (!comes_to_an_end(p, reached)) {
            return refuse(at, "moves",
                          "stages that follow %s only lead in a circle; one without moves expected "
                          "at the end",
                          p->stage[at->stage].name);
        }
    }
    return MODEL_OK;
}

int model_protocol_check(const model_protocol *protocol, model_protocol_fault *fault)
{
    struct place at = {protocol, fault, -1, -1, -1};
    int rc = check_whole(&at);
    for (uint32_t i = 0; rc == MODEL_OK && i < protocol->n_stages; i++) {
        at.stage = (int32_t)i;
        rc = check_stage(&at);
    }
    return rc == MODEL_OK ? check_ways(&at) : rc;
}

/* Trials of the longest session. */
static double session_trials(const model_protocol *p)
{
    const double trials = p->trials_max;
    const double minutes = p->minutes_max > 0.0 && p->trial_s > 0.0
                               ? ceil(p->minutes_max * 60.0 / p->trial_s)
                               : trials;
    return minutes < trials ? minutes : trials;
}

static bool is_shown(const model_protocol_stage *s, uint32_t contrast, int side)
{
    double least = model_protocol_left(s, contrast, s->p_left);
    double most = least;
    for (uint32_t i = 0; i < s->blocks.n; i++) {
        const double left = model_protocol_left(s, contrast, s->blocks.value[i]);
        least = fmin(least, left);
        most = fmax(most, left);
    }
    return s->probability[contrast] > 0.0 && (side == 1 ? least < 1.0 : most > 0.0);
}

/* Fewest trials after which a performance test holds; INFINITY: never. */
static double least_performance(const model_protocol_stage *s, const model_protocol_test *t)
{
    const uint32_t i = find_contrast(s, t->contrast);
    const double each = floor(t->limit * t->window + 1e-9) + 1.0;
    if (i == s->n_contrasts || each > t->window) {
        return (double)INFINITY;
    }
    if (!(t->contrast > 0.0)) {
        return each;
    }
    const bool left = s->only[i] <= 0;
    const bool right = s->only[i] >= 0;
    if ((left && !is_shown(s, i, 0)) || (right && !is_shown(s, i, 1))) {
        return (double)INFINITY;
    }
    return each * (left && right ? 2.0 : 1.0);
}

static double least_trials(const model_protocol *p, const model_protocol_stage *s,
                           const model_protocol_test *t)
{
    switch (t->kind) {
    case MODEL_PROTOCOL_TEST_PERFORMANCE:
        return least_performance(s, t);
    case MODEL_PROTOCOL_TEST_ACCURACY:
        return (t->is_above ? t->limit < 1.0 : t->limit > 0.0) ? t->window : (double)INFINITY;
    case MODEL_PROTOCOL_TEST_BIAS:
        return (t->is_above ? t->limit < 0.5 : t->limit > 0.0) ? t->window : (double)INFINITY;
    case MODEL_PROTOCOL_TEST_TRIALS:
        return t->limit - (p->counts_drawn ? 1.0 : 0.0);
    case MODEL_PROTOCOL_TEST_SESSIONS:
    case MODEL_PROTOCOL_TEST_KINDS:
        break;
    }
    return 0.0;
}

/* Performances of different contrasts need different trials; the others share them. */
static double least_of_move(const model_protocol *p, const model_protocol_stage *s,
                            const model_protocol_move *move, uint32_t *hardest)
{
    double sum = 0.0;
    double most = 0.0;
    double worst = -1.0;
    for (uint32_t k = 0; k < move->n_tests; k++) {
        const double least = least_trials(p, s, &move->test[k]);
        if (move->test[k].kind == MODEL_PROTOCOL_TEST_PERFORMANCE) {
            sum += least;
        }
        most = fmax(most, least);
        if (least > worst) {
            worst = least;
            *hardest = k;
        }
    }
    return fmax(sum, most);
}

/* At least so many trials into the counters' life each stage is entered, if each session begins in
 * the first one. */
static double entered_after(const model_protocol *p, uint32_t stage, const struct ways *ways)
{
    double at[MODEL_PROTOCOL_STAGES];
    for (uint32_t i = 0; i < p->n_stages; i++) {
        at[i] = i == p->first_stage ? 0.0 : (double)INFINITY;
    }
    for (uint32_t round = 0; round < p->n_stages; round++) {
        for (uint32_t i = 0; i < p->n_stages; i++) {
            for (uint32_t k = 0; k < p->stage[i].n_moves; k++) {
                const model_protocol_move *move = &p->stage[i].move[k];
                uint32_t hardest = 0;
                if (ways->holds[i][k]) {
                    at[move->to] =
                        fmin(at[move->to], at[i] + least_of_move(p, &p->stage[i], move, &hardest));
                }
            }
        }
    }
    return at[stage];
}

static bool carries(const model_protocol *p)
{
    return p->carries_stage && session_trials(p) >= (double)p->carry_trials;
}

/* The trials that a move may wait for: those before the last one of a session, or all of it. */
static double trials_to_wait(const model_protocol *p, const model_protocol_move *move)
{
    if (!p->counters_per_session && carries(p)) {
        return 1e300;
    }
    return session_trials(p) - (move->at_session_start ? 0.0 : 1.0);
}

static bool needs_more_sessions(const model_protocol *p, const model_protocol_move *move)
{
    bool more = false;
    for (uint32_t k = 0; k < move->n_tests; k++) {
        more = more || (move->test[k].kind == MODEL_PROTOCOL_TEST_SESSIONS && !carries(p) &&
                        move->test[k].limit > 1.0);
    }
    return more;
}

static void find_ways(const model_protocol *p, struct ways *ways)
{
    uint32_t hardest = 0;
    for (uint32_t i = 0; i < p->n_stages; i++) {
        for (uint32_t k = 0; k < p->stage[i].n_moves; k++) {
            const model_protocol_move *move = &p->stage[i].move[k];
            ways->holds[i][k] =
                least_of_move(p, &p->stage[i], move, &hardest) <= trials_to_wait(p, move) &&
                !needs_more_sessions(p, move);
        }
    }
    for (uint32_t i = 0; i < p->n_stages && !carries(p); i++) {
        const double entered = entered_after(p, i, ways);
        for (uint32_t k = 0; k < p->stage[i].n_moves; k++) {
            const double least = least_of_move(p, &p->stage[i], &p->stage[i].move[k], &hardest);
            ways->holds[i][k] = ways->holds[i][k] && entered + least < session_trials(p);
        }
    }
}

static bool has_way(const model_protocol_stage *s, const bool holds[])
{
    bool any = s->n_moves == 0;
    for (uint32_t k = 0; k < s->n_moves; k++) {
        any = any || holds[k];
    }
    return any;
}

/* A stage that animals come to and that leads to no end, one that nothing leads out of if there is
 * such; n_stages: none. */
static uint32_t find_kept(const model_protocol *p, const struct ways *ways)
{
    bool reached[MODEL_PROTOCOL_STAGES];
    bool onwards[MODEL_PROTOCOL_STAGES];
    uint32_t kept = p->n_stages;
    spread(p, p->first_stage, ways, reached);
    for (uint32_t i = p->n_stages; i-- > 0;) {
        spread(p, i, ways, onwards);
        if (reached[i] && !comes_to_an_end(p, onwards) &&
            (kept == p->n_stages || !has_way(&p->stage[i], ways->holds[i]))) {
            kept = i;
        }
    }
    return kept;
}

static int say_kept(const struct place *at, const struct ways *ways)
{
    const model_protocol_stage *s = &at->protocol->stage[at->stage];
    uint32_t hardest = 0;
    const double least = least_of_move(at->protocol, s, &s->move[0], &hardest);
    if (has_way(s, ways->holds[at->stage])) {
        return refuse(at, "moves", "stages that follow %s only lead in a circle", s->name);
    }
    if (!isfinite(least)) {
        return refuse(at, "when", "no mouse leaves stage %s: its test of %s can never hold",
                      s->name, model_protocol_test_name(s->move[0].test[hardest].kind));
    }
    return refuse(at, "when",
                  "no mouse leaves stage %s: its tests need at least %.0f trials in one session "
                  "that has at most %.0f",
                  s->name, least, session_trials(at->protocol));
}

int model_protocol_finish(const model_protocol *protocol, model_protocol_fault *fault)
{
    struct place at = {protocol, fault, -1, -1, -1};
    struct ways ways = {{{false}}};
    if (protocol->carries_stage && !carries(protocol)) {
        return refuse(&at, "carry_trials",
                      "no session has the %u trials that its stage is carried over after",
                      protocol->carry_trials);
    }
    find_ways(protocol, &ways);
    const uint32_t kept = find_kept(protocol, &ways);
    if (kept == protocol->n_stages) {
        return MODEL_OK;
    }
    at.stage = (int32_t)kept;
    at.move = 0;
    return say_kept(&at, &ways);
}
