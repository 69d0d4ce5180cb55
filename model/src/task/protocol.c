#include "model/protocol.h"

#include <math.h>
#include <string.h>

#define PROTOCOL_NAME(NAME, name, help) #name,
static const char *const TASKS[] = {MODEL_PROTOCOL_TASK_LIST(PROTOCOL_NAME)};
static const char *const ZEROS[] = {MODEL_PROTOCOL_ZERO_LIST(PROTOCOL_NAME)};
static const char *const DEBIASES[] = {MODEL_PROTOCOL_DEBIAS_LIST(PROTOCOL_NAME)};
static const char *const TESTS[] = {MODEL_PROTOCOL_TEST_LIST(PROTOCOL_NAME)};

const char *model_protocol_task_name(model_protocol_task task)
{
    return (unsigned)task < MODEL_PROTOCOL_TASKS ? TASKS[task] : NULL;
}

const char *model_protocol_zero_name(model_protocol_zero zero)
{
    return (unsigned)zero < MODEL_PROTOCOL_ZEROS ? ZEROS[zero] : NULL;
}

const char *model_protocol_debias_name(model_protocol_debias_kind kind)
{
    return (unsigned)kind < MODEL_PROTOCOL_DEBIASES ? DEBIASES[kind] : NULL;
}

const char *model_protocol_test_name(model_protocol_test_kind kind)
{
    return (unsigned)kind < MODEL_PROTOCOL_TEST_KINDS ? TESTS[kind] : NULL;
}

uint32_t model_protocol_find(const model_protocol *protocol, const char *stage)
{
    uint32_t i = 0;
    while (i < protocol->n_stages && strcmp(protocol->stage[i].name, stage) != 0) {
        i++;
    }
    return i;
}

/* Number of the contrast in the stage, or n_contrasts. */
static uint32_t find_contrast(const model_protocol_stage *stage, double magnitude)
{
    uint32_t i = 0;
    while (i < stage->n_contrasts && !(fabs(stage->contrast[i] - magnitude) < 1e-9)) {
        i++;
    }
    return i;
}

static int64_t count_bits(uint64_t bits)
{
    bits -= (bits >> 1) & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + ((bits >> 2) & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (int64_t)((bits * UINT64_C(0x0101010101010101)) >> 56);
}

/* Ones among the newest n bits. */
static int64_t count_newest(const uint64_t bits[], uint32_t n)
{
    int64_t sum = 0;
    for (; n >= 64; n -= 64) {
        sum += count_bits(*bits++);
    }
    return n > 0 ? sum + count_bits(*bits << (64 - n)) : sum;
}

static void push_bit(uint64_t bits[MODEL_PROTOCOL_RECENT / 64], bool bit)
{
    for (size_t i = MODEL_PROTOCOL_RECENT / 64 - 1; i > 0; i--) {
        bits[i] = bits[i] << 1 | bits[i - 1] >> 63;
    }
    bits[0] = bits[0] << 1 | (bit ? 1 : 0);
}

static void reset_counters(model_protocol_state *state)
{
    state->stage_trials = 0;
    state->n_answers = 0;
    memset(state->window, 0, sizeof state->window);
    memset(state->correct, 0, sizeof state->correct);
    memset(state->right, 0, sizeof state->right);
}

void model_protocol_enter(model_protocol_state *state, uint32_t stage)
{
    reset_counters(state);
    state->stage = stage;
    state->stage_sessions = 0;
    state->block = -1;
    state->block_left = 0;
}

void model_protocol_init(model_protocol_state *state, const model_protocol *protocol, uint64_t seed,
                         uint64_t stream)
{
    memset(state, 0, sizeof *state);
    model_random_seed(&state->random, seed, stream);
    model_protocol_enter(state, protocol->first_stage);
    state->session = -1;
    state->carried_stage = protocol->first_stage;
    state->shown_stage = -1;
}

/* Of both sides that are shown; the lower of them. */
static double performance(const model_protocol_state *state, const model_protocol_stage *stage,
                          const model_protocol_test *test)
{
    const uint32_t i = find_contrast(stage, test->contrast);
    if (i == stage->n_contrasts) {
        return 0.0;
    }
    const int64_t left = count_newest(&state->window[(size_t)2 * i], test->window);
    const int64_t right = count_newest(&state->window[(size_t)2 * i + 1], test->window);
    const bool is_left = stage->only[i] <= 0 && stage->contrast[i] > 0.0;
    const bool is_right = stage->only[i] >= 0 || !(stage->contrast[i] > 0.0);
    const int64_t least = !is_left || (is_right && right < left) ? right : left;
    return (double)least / (double)test->window;
}

/* What a test of the present stage looks at; NaN where it is not known yet. */
static double value_of(const model_protocol_state *state, const model_protocol *protocol,
                       const model_protocol_test *test)
{
    const double window = test->window;
    switch (test->kind) {
    case MODEL_PROTOCOL_TEST_PERFORMANCE:
        return performance(state, &protocol->stage[state->stage], test);
    case MODEL_PROTOCOL_TEST_ACCURACY:
        return state->stage_trials < (int64_t)test->window
                   ? (double)NAN
                   : (double)count_newest(state->correct, test->window) / window;
    case MODEL_PROTOCOL_TEST_BIAS:
        return state->n_answers < (int64_t)test->window
                   ? (double)NAN
                   : fabs((double)count_newest(state->right, test->window) / window - 0.5);
    case MODEL_PROTOCOL_TEST_TRIALS: {
        /* The trial that is about to be drawn; not where one of the stage before was drawn first.
         */
        const bool began_in_it = state->stage_trials == state->trial;
        return (double)state->stage_trials + (protocol->counts_drawn && began_in_it ? 1.0 : 0.0);
    }
    case MODEL_PROTOCOL_TEST_SESSIONS:
        return (double)state->stage_sessions;
    case MODEL_PROTOCOL_TEST_KINDS:
        break;
    }
    return (double)NAN;
}

static bool test_holds(const model_protocol_state *state, const model_protocol *protocol,
                       const model_protocol_test *test)
{
    const double value = value_of(state, protocol, test);
    if (test->kind == MODEL_PROTOCOL_TEST_TRIALS || test->kind == MODEL_PROTOCOL_TEST_SESSIONS) {
        return value >= test->limit;
    }
    return test->is_above ? value > test->limit : value < test->limit;
}

/* The stage that the first move that holds leads to, or the present one. */
static uint32_t follow_moves(const model_protocol_state *state, const model_protocol *protocol,
                             bool at_session_start)
{
    const model_protocol_stage *stage = &protocol->stage[state->stage];
    for (uint32_t i = 0; i < stage->n_moves; i++) {
        const model_protocol_move *move = &stage->move[i];
        bool holds = move->at_session_start == at_session_start;
        for (uint32_t k = 0; k < move->n_tests && holds; k++) {
            holds = test_holds(state, protocol, &move->test[k]);
        }
        if (holds) {
            return move->to;
        }
    }
    return (uint32_t)state->stage;
}

uint32_t model_protocol_next_stage(const model_protocol_state *state,
                                   const model_protocol *protocol)
{
    return follow_moves(state, protocol, false);
}

/* Where the session before left the animal, if it was long enough to count. */
static void carry_over(model_protocol_state *state, const model_protocol *protocol)
{
    const bool counts = state->trial >= (int64_t)protocol->carry_trials;
    int64_t from = protocol->first_stage;
    if (protocol->carries_stage) {
        from = counts ? state->stage : state->carried_stage;
    }
    if (from != state->stage) {
        model_protocol_enter(state, (uint32_t)from);
    }
    const uint32_t to = follow_moves(state, protocol, true);
    if (to != state->stage) {
        model_protocol_enter(state, to);
    }
    state->carried_stage = state->stage;
}

void model_protocol_start_session(model_protocol_state *state, const model_protocol *protocol)
{
    if (state->session >= 0) {
        carry_over(state, protocol);
    }
    if (protocol->counters_per_session) {
        reset_counters(state);
    }
    state->session++;
    state->stage_sessions++;
    state->trial = 0;
    state->session_trials =
        (int64_t)protocol->trials_min +
        (int64_t)model_random_below(&state->random,
                                    (uint64_t)protocol->trials_max - protocol->trials_min + 1);
    state->minutes = 0.0;
    state->block = -1;
    state->block_left = 0;
    state->session_left = 0;
    state->session_answers = 0;
    state->session_lefts = 0;
    state->is_error = 0;
    state->no_gos = 0;
}

static int64_t draw_length(model_random *random, const model_protocol_blocks *blocks)
{
    const double u = model_random_uniform(random);
    if (blocks->max == blocks->min) {
        return blocks->min;
    }
    const double most = -expm1(-((double)blocks->max - blocks->min) / blocks->mean);
    const double length = blocks->min - blocks->mean * log1p(-u * most);
    return length < blocks->max ? (int64_t)length : (int64_t)blocks->max - 1;
}

/* One of the values, but not the present one. */
static double draw_value(model_protocol_state *state, const model_protocol_blocks *blocks)
{
    double others[MODEL_PROTOCOL_BLOCKS];
    uint32_t n = 0;
    for (uint32_t i = 0; i < blocks->n; i++) {
        if (state->block < 1 || fabs(blocks->value[i] - state->p_left) > 1e-9) {
            others[n++] = blocks->value[i];
        }
    }
    return n > 0 ? others[model_random_below(&state->random, n)] : blocks->value[0];
}

static void enter_block(model_protocol_state *state, const model_protocol_stage *stage)
{
    const model_protocol_blocks *blocks = &stage->blocks;
    if (blocks->n == 0 || (state->block < 0 && blocks->first > 0)) {
        state->block = 0;
        state->p_left = stage->p_left;
        state->block_left = blocks->n == 0 ? INT64_MAX : (int64_t)blocks->first;
        return;
    }
    state->block = state->block < 0 ? 0 : state->block;
    state->p_left = draw_value(state, blocks);
    state->block++;
    state->block_left = draw_length(&state->random, blocks);
}

bool model_protocol_debiases(const model_protocol_state *state, const model_protocol *protocol,
                             uint32_t stage, double *p_right)
{
    const model_protocol_stage *s = &protocol->stage[stage];
    const model_protocol_debias *d = &s->debias;
    const double magnitude = fabs(state->contrast);
    if (d->kind == MODEL_PROTOCOL_DEBIAS_NONE || state->is_error == 0 ||
        (state->is_error == 2 && !d->after_no_go) || magnitude < d->contrast) {
        return false;
    }
    const uint32_t at = find_contrast(s, magnitude);
    if (at == s->n_contrasts) {
        return false;
    }
    if (p_right == NULL) {
        return true;
    }
    if (s->only[at] != 0 || d->kind == MODEL_PROTOCOL_DEBIAS_REPEAT) {
        *p_right = s->only[at] != 0 ? (s->only[at] > 0 ? 1.0 : 0.0) : (double)state->side;
        return true;
    }
    int64_t n = d->rows > 0 ? (int64_t)d->rows - (state->trial - state->session_answers)
                            : state->session_answers;
    int64_t left = state->session_lefts;
    if (d->rows == 0 && d->window > 0 && n > (int64_t)d->window) {
        n = d->window;
        left = count_newest(&state->session_left, d->window);
    }
    const double mean = n > 0 ? fmin((double)left / (double)n, 1.0) : 0.5;
    *p_right = 0.5 * erfc((0.5 - mean) / (d->sd * 1.4142135623730951));
    return true;
}

double model_protocol_left(const model_protocol_stage *stage, uint32_t at, double p_left)
{
    if (stage->only[at] != 0) {
        return stage->only[at] < 0 ? 1.0 : 0.0;
    }
    if (!(stage->contrast[at] > 0.0) && stage->zero != MODEL_PROTOCOL_ZERO_P_LEFT) {
        return stage->zero == MODEL_PROTOCOL_ZERO_LEFT ? 1.0 : 0.0;
    }
    return stage->left[at] > 0.0 ? stage->left[at] : p_left;
}

/* Two numbers a trial, whatever they are for: rigs of like protocols then draw alike. */
static void draw_trial(model_protocol_state *state, const model_protocol *protocol,
                       model_protocol_trial *trial)
{
    const model_protocol_stage *stage = &protocol->stage[state->stage];
    const double u = model_random_uniform(&state->random);
    const double v = model_random_uniform(&state->random);
    double magnitude = fabs(state->contrast);
    double p_right = 0.0;
    trial->is_repeat = model_protocol_debiases(state, protocol, (uint32_t)state->stage, &p_right);
    if (trial->is_repeat) {
        trial->side = v < 1.0 - p_right ? 0 : 1;
    } else {
        uint32_t at = 0;
        double sum = stage->probability[0];
        while (u >= sum && at + 1 < stage->n_contrasts) {
            sum += stage->probability[++at];
        }
        magnitude = stage->contrast[at];
        trial->side = v < model_protocol_left(stage, at, state->p_left) ? 0 : 1;
    }
    trial->contrast = trial->side == 0 && magnitude > 0.0 ? -magnitude : magnitude;
}

static bool is_over(const model_protocol_state *state, const model_protocol *protocol)
{
    return state->trial >= state->session_trials ||
           (protocol->minutes_max > 0.0 && state->minutes > protocol->minutes_max - 1e-9) ||
           (protocol->no_gos_max > 0 && state->no_gos >= (int64_t)protocol->no_gos_max);
}

bool model_protocol_next(model_protocol_state *state, const model_protocol *protocol,
                         model_protocol_trial *trial)
{
    if (is_over(state, protocol)) {
        return false;
    }
    const uint32_t stage = follow_moves(state, protocol, false);
    if (stage != state->stage) {
        model_protocol_enter(state, stage);
    }
    if (state->block_left <= 0) {
        enter_block(state, &protocol->stage[stage]);
    }
    draw_trial(state, protocol, trial);
    trial->p_left = state->p_left;
    trial->stage = stage;
    trial->is_move = state->shown_stage >= 0 && state->shown_stage != (int64_t)stage;
    return true;
}

static void push_answer(model_protocol_state *state, int choice)
{
    if (choice < 0) {
        state->no_gos++;
        return;
    }
    state->no_gos = 0;
    state->n_answers++;
    state->session_answers++;
    state->session_lefts += choice == 0;
    state->session_left = state->session_left << 1 | (choice == 0 ? 1 : 0);
    push_bit(state->right, choice == 1);
}

double model_protocol_push(model_protocol_state *state, const model_protocol *protocol,
                           const model_protocol_trial *trial, int choice, double rt_s)
{
    if (protocol->task == MODEL_PROTOCOL_GO_NOGO && choice < 0) {
        choice = 0;
    }
    if (trial->stage != state->stage) {
        model_protocol_enter(state, trial->stage);
    }
    const model_protocol_stage *stage = &protocol->stage[trial->stage];
    const bool is_correct = choice == trial->side;
    const uint32_t at = find_contrast(stage, fabs(trial->contrast));
    if (at < stage->n_contrasts) {
        uint64_t *window = &state->window[(size_t)2 * at + (trial->contrast < 0.0 ? 0 : 1)];
        *window = *window << 1 | (is_correct ? 1 : 0);
    }
    push_bit(state->correct, is_correct);
    push_answer(state, choice);
    state->trial++;
    state->n_trials++;
    state->stage_trials++;
    state->block_left--;
    state->shown_stage = trial->stage;
    state->contrast = trial->contrast;
    state->side = trial->side == 1 ? 1 : 0;
    state->is_error = is_correct ? 0 : (choice < 0 ? 2 : 1);
    state->minutes += (protocol->trial_s + (rt_s > 0.0 ? rt_s : 0.0)) / 60.0;
    if (choice < 0) {
        return 0.0;
    }
    const double p = stage->p_reward[trial->side == 1][choice == 1];
    return p > 0.0 && (p >= 1.0 || model_random_uniform(&state->random) < p) ? 1.0 : 0.0;
}

double model_protocol_probability(const model_protocol *protocol, uint32_t stage, double contrast,
                                  double p_left)
{
    const model_protocol_stage *s = &protocol->stage[stage];
    const uint32_t at = find_contrast(s, fabs(contrast));
    if (at == s->n_contrasts) {
        return 0.0;
    }
    if (!(s->contrast[at] > 0.0)) {
        return s->probability[at];
    }
    const double left = model_protocol_left(s, at, p_left);
    return s->probability[at] * (contrast > 0.0 ? 1.0 - left : left);
}
