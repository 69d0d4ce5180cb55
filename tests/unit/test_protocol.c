/* model/protocol.h: the rules of iblrig 8 are the ones to follow (docs/protocols.md); frequencies
 * are compared with their probabilities at five standard deviations. */
#include "suite.h"

#include <string.h>

#include "check.h"
#include "model/protocol.h"
#include "model/protocol_defect.h"

static model_protocol protocol;
static model_protocol_state state;
static model_protocol_fault fault;

static void set_contrasts(model_protocol_stage *s, size_t n, const double contrast[])
{
    double sum = 0.0;
    s->n_contrasts = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        s->contrast[i] = contrast[i];
        s->probability[i] = contrast[i] > 0.0 ? 2.0 : 1.0;
        sum += s->probability[i];
    }
    for (size_t i = 0; i < n; i++) {
        s->probability[i] /= sum;
    }
}

static model_protocol_move *add_move(model_protocol_stage *s, uint32_t to)
{
    model_protocol_move *move = &s->move[s->n_moves++];
    move->to = to;
    return move;
}

static void add_test(model_protocol_move *move, model_protocol_test_kind kind, double contrast,
                     uint32_t window, double limit)
{
    move->test[move->n_tests++] = (model_protocol_test){
        .kind = kind, .is_above = true, .window = window, .contrast = contrast, .limit = limit};
}

/* The first three phases of trainingChoiceWorld and a last one without debiasing. */
static void some_training(void)
{
    static const double SETS[4][6] = {
        {1, 0.5}, {1, 0.5, 0.25}, {1, 0.5, 0.25, 0.125}, {1, 0.25, 0.125, 0.0625, 0}};
    static const size_t SIZES[4] = {2, 3, 4, 5};
    memset(&protocol, 0, sizeof protocol);
    (void)snprintf(protocol.name, sizeof protocol.name, "training");
    protocol.n_stages = 4;
    protocol.counters_per_session = true;
    protocol.carries_stage = true;
    protocol.carry_trials = 43;
    protocol.trials_min = 1000;
    protocol.trials_max = 1000;
    for (uint32_t i = 0; i < 4; i++) {
        model_protocol_stage *s = &protocol.stage[i];
        (void)snprintf(s->name, sizeof s->name, "%u", i);
        set_contrasts(s, SIZES[i], SETS[i]);
        s->p_left = 0.5;
        s->p_reward[0][0] = s->p_reward[1][1] = 1.0;
        s->debias = (model_protocol_debias){.kind = i < 3 ? MODEL_PROTOCOL_DEBIAS_RESAMPLE
                                                          : MODEL_PROTOCOL_DEBIAS_NONE,
                                            .contrast = 0.5,
                                            .window = 10,
                                            .sd = 0.5};
    }
    model_protocol_move *move = add_move(&protocol.stage[0], 1);
    add_test(move, MODEL_PROTOCOL_TEST_PERFORMANCE, 1.0, 50, 0.8);
    add_test(move, MODEL_PROTOCOL_TEST_PERFORMANCE, 0.5, 50, 0.8);
    add_test(add_move(&protocol.stage[1], 2), MODEL_PROTOCOL_TEST_PERFORMANCE, 0.25, 50, 0.8);
    add_test(add_move(&protocol.stage[2], 3), MODEL_PROTOCOL_TEST_TRIALS, 0, 0, 200);
}

static int setup(void **unused)
{
    (void)unused;
    some_training();
    model_protocol_init(&state, &protocol, 1, 0);
    model_protocol_start_session(&state, &protocol);
    return 0;
}

/* Whether a move out of the present stage with this test alone would be made. */
static bool holds(model_protocol_test test)
{
    model_protocol alone = protocol;
    const uint32_t to = state.stage == 0 ? 1 : 0;
    alone.stage[state.stage].n_moves = 1;
    alone.stage[state.stage].move[0] =
        (model_protocol_move){.to = to, .n_tests = 1, .test = {test}};
    return model_protocol_next_stage(&state, &alone) == to;
}

/* It looks at that value now; NaN: at none. */
static bool looks_at(model_protocol_test test, double value)
{
    test.is_above = true;
    test.limit = isnan(value) ? -1.0 : value - 1e-12;
    const bool is_above = holds(test);
    test.is_above = false;
    test.limit = isnan(value) ? 2.0 : value + 1e-12;
    return isnan(value) ? !is_above && !holds(test) : is_above && holds(test);
}

/* One trial of that stimulus, as if the rig had drawn it. */
static double push(double contrast, int choice)
{
    const model_protocol_trial trial = {.contrast = contrast,
                                        .side = contrast > 0.0,
                                        .p_left = 0.5,
                                        .stage = (uint32_t)state.stage};
    return model_protocol_push(&state, &protocol, &trial, choice, (double)NAN);
}

static void push_many(double contrast, int n, bool correct)
{
    for (int i = 0; i < n; i++) {
        push(contrast, (contrast > 0.0) == correct);
    }
}

static void passes_its_own_check(void **unused)
{
    (void)unused;
    assert_int_equal(model_protocol_check(&protocol, &fault), MODEL_OK);
    assert_int_equal(model_protocol_finish(&protocol, &fault), MODEL_OK);
}

static void needs_41_correct_of_the_last_50_of_each_signed_contrast(void **unused)
{
    (void)unused;
    push_many(1.0, 41, true);
    push_many(-1.0, 41, true);
    push_many(0.5, 41, true);
    push_many(-0.5, 40, true);
    assert_int_equal(model_protocol_next_stage(&state, &protocol), 0);
    push_many(-0.5, 9, false);
    push_many(-0.5, 1, true);
    assert_int_equal(model_protocol_next_stage(&state, &protocol), 1);
    assert_false(holds(
        (model_protocol_test){.window = 50, .contrast = 0.5, .is_above = true, .limit = 0.82}));
    push_many(-0.5, 1, false); /* a 51st: the oldest correct one leaves */
    assert_int_equal(model_protocol_next_stage(&state, &protocol), 0);
}

static void a_no_go_counts_as_not_correct(void **unused)
{
    (void)unused;
    push_many(1.0, 41, true);
    const model_protocol_test easiest = {.window = 50, .contrast = 1.0};
    assert_true(looks_at(easiest, 0.0)); /* the lower side */
    push_many(-1.0, 50, true);
    for (int i = 0; i < 10; i++) {
        assert_true(push(1.0, -1) <= 0.0);
    }
    assert_true(looks_at(easiest, 0.8));
}

static void forgets_its_counters_between_sessions_and_keeps_the_stage(void **unused)
{
    (void)unused;
    model_protocol_enter(&state, 1);
    push_many(0.25, 41, true);
    push_many(-0.25, 40, true);
    model_protocol_start_session(&state, &protocol);
    assert_int_equal(state.stage, 1);
    push_many(-0.25, 1, true);
    assert_int_equal(model_protocol_next_stage(&state, &protocol), 1);
    protocol.counters_per_session = false;
    push_many(0.25, 41, true);
    model_protocol_start_session(&state, &protocol);
    push_many(-0.25, 40, true);
    assert_int_equal(model_protocol_next_stage(&state, &protocol), 2);
}

static void a_session_below_43_trials_is_a_dud(void **unused)
{
    (void)unused;
    for (int n = 42; n <= 43; n++) {
        setup(NULL);
        model_protocol_enter(&state, 2);
        push_many(1.0, n, true);
        model_protocol_start_session(&state, &protocol);
        assert_int_equal(state.stage, n < 43 ? 0 : 2);
    }
    model_protocol_enter(&state, 3);
    push_many(1.0, 10, true);
    model_protocol_start_session(&state, &protocol);
    assert_int_equal(state.stage, 2);
    protocol.carries_stage = false;
    push_many(1.0, 100, true);
    model_protocol_start_session(&state, &protocol);
    assert_int_equal(state.stage, 0);
}

static void moves_on_after_200_trials_whatever_the_answers(void **unused)
{
    (void)unused;
    model_protocol_trial trial;
    model_protocol_enter(&state, 2);
    push_many(0.125, 199, false);
    assert_true(model_protocol_next(&state, &protocol, &trial));
    assert_int_equal(trial.stage, 2);
    assert_int_equal(trial.is_move, false);
    model_protocol_push(&state, &protocol, &trial, -1, (double)NAN);
    assert_true(model_protocol_next(&state, &protocol, &trial));
    assert_int_equal(trial.stage, 3);
    assert_int_equal(trial.is_move, true);
    assert_int_equal(state.stage_trials, 0);
}

/* iblrig counts a trial, then looks whether the stage is over: the trial with which a stage is
 * entered is counted to the stage before, the first of a session to its own. */
static void
a_stage_that_a_session_begins_in_is_a_trial_shorter_where_drawn_ones_count(void **unused)
{
    (void)unused;
    model_protocol_trial trial;
    protocol.counts_drawn = true;
    assert_int_equal(model_protocol_check(&protocol, &fault), MODEL_OK);
    model_protocol_enter(&state, 2);
    push_many(0.125, 198, false);
    assert_int_equal(model_protocol_next_stage(&state, &protocol), 2);
    push_many(0.125, 1, false);
    assert_int_equal(model_protocol_next_stage(&state, &protocol), 3);

    setup(NULL);
    protocol.counts_drawn = true;
    push_many(1.0, 43, true);
    model_protocol_enter(&state, 2); /* within the session */
    push_many(0.125, 199, false);
    assert_int_equal(model_protocol_next_stage(&state, &protocol), 2);
    assert_true(model_protocol_next(&state, &protocol, &trial));
    model_protocol_push(&state, &protocol, &trial, -1, (double)NAN);
    assert_int_equal(model_protocol_next_stage(&state, &protocol), 3);

    setup(NULL);
    protocol.counts_drawn = true;
    model_protocol_enter(&state, 2);
    push_many(0.125, 100, false);
    model_protocol_start_session(&state, &protocol);
    push_many(0.125, 198, false);
    assert_int_equal(model_protocol_next_stage(&state, &protocol), 2);
    push_many(0.125, 1, false);
    assert_int_equal(model_protocol_next_stage(&state, &protocol), 3);
}

static void drawn_trials_count_only_where_counters_are_reset_with_each_session(void **unused)
{
    (void)unused;
    protocol.counts_drawn = true;
    protocol.counters_per_session = false;
    assert_int_equal(model_protocol_check(&protocol, &fault), MODEL_ERR_ARG);
    assert_string_equal(fault.key, "counted");
}

static void draws_each_signed_contrast_as_stated(void **unused)
{
    (void)unused;
    enum { N = 90000 };
    int count[9] = {0};
    static const double SIGNED[9] = {-1,     -0.25, -0.125, -0.0625, 0, /* one of 9 each */
                                     0.0625, 0.125, 0.25,   1};
    int zero_left = 0;
    model_protocol_trial trial;
    protocol.trials_max = protocol.trials_min = N;
    model_protocol_start_session(&state, &protocol);
    model_protocol_enter(&state, 3);
    for (int i = 0; i < N; i++) {
        assert_true(model_protocol_next(&state, &protocol, &trial));
        int k = 0;
        while (k < 9 && fabs(SIGNED[k] - trial.contrast) > 1e-12) {
            k++;
        }
        assert_true(k < 9);
        count[k]++;
        zero_left += k == 4 && trial.side == 0;
        assert_true(k == 4 || trial.side == (trial.contrast > 0.0));
        assert_false(trial.is_repeat);
        model_protocol_push(&state, &protocol, &trial, 0, (double)NAN);
    }
    for (int k = 0; k < 9; k++) {
        CHECK_NEAR(model_protocol_probability(&protocol, 3, SIGNED[k], 0.5), 1.0 / 9.0, 1e-12);
        CHECK_NEAR(count[k], N / 9.0, 5.0 * sqrt(N / 9.0));
    }
    CHECK_NEAR(zero_left, count[4] / 2.0, 5.0 * sqrt(count[4]) / 2.0);
    assert_false(model_protocol_next(&state, &protocol, &trial));
}

/* Right if N(share of left, 0.5) >= 0.5: 0 .159, .25 .309, .5 .5, .75 .691, 1 .841. */
static void debiases_against_the_last_ten_answers(void **unused)
{
    (void)unused;
    double p_right = 0.0;
    for (int left = 0; left <= 10; left++) {
        setup(NULL);
        push_many(-1.0, 90, true); /* all left, but longer ago */
        push(1.0, -1);
        push_many(-1.0, left, true);
        push_many(1.0, 9 - left > 0 ? 9 - left : 0, true);
        push(left == 10 ? 1.0 : -1.0, left == 10 ? 0 : 1); /* an error: the tenth answer */
        assert_true(model_protocol_debiases(&state, &protocol, 0, &p_right));
        const double z = ((left == 10 ? 10 : left) / 10.0 - 0.5) / 0.5;
        CHECK_NEAR(p_right, 0.5 * erfc(-z / sqrt(2.0)), 1e-12);
    }
    CHECK_NEAR(p_right, 0.8413447460685429, 1e-12);
    protocol.stage[0].debias.window = 0;
    push_many(1.0, 100, true);
    push(-1.0, 1);
    assert_true(model_protocol_debiases(&state, &protocol, 0, &p_right));
    CHECK_NEAR(p_right, 0.5 * erfc(-(101.0 / 202.0 - 0.5) / 0.5 / sqrt(2.0)), 1e-12);
}

static void debiases_only_after_errors_with_high_contrast_in_this_session(void **unused)
{
    (void)unused;
    model_protocol_enter(&state, 1);
    push(0.5, 0);
    assert_true(model_protocol_debiases(&state, &protocol, 1, NULL));
    assert_true(model_protocol_debiases(&state, &protocol, 2, NULL));
    assert_false(model_protocol_debiases(&state, &protocol, 3, NULL));
    push(0.5, 1);
    assert_false(model_protocol_debiases(&state, &protocol, 1, NULL));
    push(0.25, 0);
    assert_false(model_protocol_debiases(&state, &protocol, 1, NULL));
    push(0.5, -1);
    assert_false(model_protocol_debiases(&state, &protocol, 1, NULL));
    protocol.stage[1].debias.after_no_go = true;
    assert_true(model_protocol_debiases(&state, &protocol, 1, NULL));
    model_protocol_start_session(&state, &protocol);
    assert_false(model_protocol_debiases(&state, &protocol, 1, NULL));
}

static void a_debias_trial_keeps_the_contrast_and_draws_the_side(void **unused)
{
    (void)unused;
    enum { N = 20000 };
    int right = 0;
    model_protocol_trial trial;
    protocol.trials_max = protocol.trials_min = 4 * N;
    model_protocol_start_session(&state, &protocol);
    for (int i = 0; i < N; i++) {
        push_many(1.0, 9, true);
        push(-0.5, 1);
        assert_true(model_protocol_next(&state, &protocol, &trial));
        assert_true(trial.is_repeat);
        CHECK_NEAR(fabs(trial.contrast), 0.5, 0.0);
        right += trial.side == 1;
        state.trial = 1;
        model_protocol_enter(&state, 0);
    }
    const double p = 0.15865525393145705;
    CHECK_NEAR(right, N * p, 5.0 * sqrt(N * p * (1.0 - p)));
}

static void repeats_the_same_trial_until_it_is_correct(void **unused)
{
    (void)unused;
    model_protocol_trial trial;
    protocol.stage[0].debias = (model_protocol_debias){.kind = MODEL_PROTOCOL_DEBIAS_REPEAT};
    for (int i = 0; i < 200; i++) {
        assert_true(model_protocol_next(&state, &protocol, &trial));
        const double contrast = trial.contrast;
        assert_false(trial.is_repeat);
        for (int k = 0; k < i % 3; k++) {
            model_protocol_push(&state, &protocol, &trial, 1 - trial.side, (double)NAN);
            assert_true(model_protocol_next(&state, &protocol, &trial));
            assert_true(trial.is_repeat);
            CHECK_NEAR(trial.contrast, contrast, 0.0);
        }
        model_protocol_push(&state, &protocol, &trial, trial.side, (double)NAN);
        model_protocol_enter(&state, 0);
    }
}

/* The lengths of biasedChoiceWorld: mean 50.87 of whole numbers from 20 to 99, by the sum. */
static void blocks_begin_even_then_alternate_with_truncated_lengths(void **unused)
{
    (void)unused;
    enum { N = 200000 };
    protocol.trials_max = protocol.trials_min = N;
    protocol.stage[3].blocks = (model_protocol_blocks){
        .n = 2, .first = 90, .value = {0.2, 0.8}, .mean = 60.0, .min = 20, .max = 100};
    model_protocol_start_session(&state, &protocol);
    model_protocol_enter(&state, 3);
    double mean = 0.0;
    double sum = 0.0;
    for (int n = 20; n < 100; n++) {
        mean += n * exp(-n / 60.0);
        sum += exp(-n / 60.0);
    }
    mean /= sum;
    CHECK_NEAR(mean, 50.87, 0.01);
    int64_t block = 0;
    int length = 0;
    int left[2] = {0};
    double was = 0.0;
    model_protocol_trial trial;
    for (int i = 0; i < N; i++) {
        assert_true(model_protocol_next(&state, &protocol, &trial));
        if (state.block != block) {
            assert_true(block == 0 ? length == 90 : (length >= 20 && length <= 99));
            assert_int_equal(state.block, block + 1);
            assert_true(block == 0 || fabs(trial.p_left - was) > 0.5);
            block = state.block;
            length = 0;
        }
        CHECK_NEAR(trial.p_left, block == 0 ? 0.5 : (trial.p_left < 0.5 ? 0.2 : 0.8), 0.0);
        left[trial.p_left > 0.5] += trial.side == 0;
        was = trial.p_left;
        length++;
        model_protocol_push(&state, &protocol, &trial, 1, (double)NAN);
    }
    const double n = (double)block - 1.0;
    CHECK_NEAR(N - 90.0 - length, mean * n, 5.0 * 24.0 * sqrt(n));
    CHECK_NEAR((double)left[1] / (left[0] + left[1]), 0.8, 0.02);
}

static void a_session_ends_by_trials_by_minutes_and_by_no_gos(void **unused)
{
    (void)unused;
    model_protocol_trial trial;
    protocol.trials_min = 30;
    protocol.trials_max = 32;
    int seen[3] = {0};
    for (int i = 0; i < 300; i++) {
        model_protocol_start_session(&state, &protocol);
        int n = 0;
        while (model_protocol_next(&state, &protocol, &trial)) {
            model_protocol_push(&state, &protocol, &trial, 1, (double)NAN);
            n++;
        }
        assert_true(n >= 30 && n <= 32);
        seen[n - 30]++;
    }
    for (int k = 0; k < 3; k++) {
        CHECK_NEAR(seen[k], 100.0, 5.0 * sqrt(300.0 * 2.0 / 9.0));
    }
    protocol.no_gos_max = 3;
    model_protocol_start_session(&state, &protocol);
    push(1.0, -1);
    push(1.0, -1);
    push(1.0, 1);
    push(1.0, -1);
    push(1.0, -1);
    assert_true(model_protocol_next(&state, &protocol, &trial));
    push(1.0, -1);
    assert_false(model_protocol_next(&state, &protocol, &trial));
    protocol.minutes_max = 1.0;
    protocol.trial_s = 5.0;
    model_protocol_start_session(&state, &protocol);
    for (int i = 0; i < 6; i++) {
        assert_true(model_protocol_next(&state, &protocol, &trial));
        model_protocol_push(&state, &protocol, &trial, 1, 5.0);
    }
    assert_false(model_protocol_next(&state, &protocol, &trial));
}

static void accuracy_and_bias_wait_for_a_full_window(void **unused)
{
    (void)unused;
    const model_protocol_test accuracy = {
        .kind = MODEL_PROTOCOL_TEST_ACCURACY, .window = 200, .limit = 0.7, .is_above = true};
    const model_protocol_test bias = {
        .kind = MODEL_PROTOCOL_TEST_BIAS, .window = 100, .limit = 0.2};
    push_many(1.0, 99, true);
    assert_true(looks_at(bias, (double)NAN));
    assert_false(holds(bias));
    push_many(-1.0, 50, true);
    assert_true(looks_at(bias, 0.0));
    assert_true(holds(bias));
    assert_true(looks_at(accuracy, (double)NAN));
    push_many(-1.0, 61, false);
    assert_true(looks_at(accuracy, 139.0 / 200.0));
    assert_false(holds(accuracy));
    push_many(1.0, 100, true);
    assert_true(looks_at(accuracy, 139.0 / 200.0));
    push_many(1.0, 41, true);
    assert_true(holds(accuracy));
}

static void moves_between_sessions_look_at_the_session_before(void **unused)
{
    (void)unused;
    protocol.stage[0].n_moves = 0;
    model_protocol_move *move = add_move(&protocol.stage[0], 3);
    memset(move, 0, sizeof *move);
    move->to = 3;
    move->at_session_start = true;
    add_test(move, MODEL_PROTOCOL_TEST_ACCURACY, 0, 50, 0.7);
    add_test(move, MODEL_PROTOCOL_TEST_SESSIONS, 0, 0, 2);
    push_many(1.0, 60, true);
    assert_int_equal(model_protocol_next_stage(&state, &protocol), 0);
    model_protocol_start_session(&state, &protocol);
    assert_int_equal(state.stage, 0);
    push_many(1.0, 60, true);
    model_protocol_start_session(&state, &protocol);
    assert_int_equal(state.stage, 3);
}

static void rewards_by_side_and_choice(void **unused)
{
    (void)unused;
    assert_true(push(1.0, 1) > 0.5);
    assert_true(push(1.0, 0) < 0.5);
    assert_true(push(-1.0, 0) > 0.5);
    protocol.stage[0].p_reward[0][1] = 0.25;
    double sum = 0.0;
    for (int i = 0; i < 10000; i++) {
        sum += push(-1.0, 1);
    }
    CHECK_NEAR(sum, 2500.0, 5.0 * sqrt(10000 * 0.25 * 0.75));
    protocol.task = MODEL_PROTOCOL_GO_NOGO;
    assert_true(push(-1.0, -1) > 0.5); /* withheld, as it should be */
}

static void the_same_seed_gives_the_same_trials(void **unused)
{
    (void)unused;
    static model_protocol_state a;
    static model_protocol_state b;
    memset(&b, 0xff, sizeof b);
    model_protocol_init(&a, &protocol, 7, 3);
    model_protocol_init(&b, &protocol, 7, 3);
    model_protocol_start_session(&a, &protocol);
    model_protocol_start_session(&b, &protocol);
    model_protocol_trial trial;
    for (int i = 0; i < 1000; i++) {
        assert_true(model_protocol_next(&a, &protocol, &trial));
        model_protocol_push(&a, &protocol, &trial, i % 3 - 1, (double)NAN);
        assert_true(model_protocol_next(&b, &protocol, &trial));
        model_protocol_push(&b, &protocol, &trial, i % 3 - 1, (double)NAN);
    }
    assert_memory_equal(&a, &b, sizeof a);
    assert_false(model_protocol_next(&a, &protocol, &trial));
}

static void expect_fault(int32_t stage, const char *key, const char *text)
{
    if (model_protocol_check(&protocol, &fault) != MODEL_ERR_ARG) {
        fail_msg("accepted; expected: %s", text);
    }
    assert_int_equal(fault.stage, stage);
    assert_string_equal(fault.key, key);
    if (strstr(fault.text, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, fault.text);
    }
    some_training();
}

static void refuses_what_is_wrong_and_says_where(void **unused)
{
    (void)unused;
    protocol.stage[1].probability[0] += 0.01;
    expect_fault(1, "contrasts", "sum to 1.01, 1 expected");
    protocol.stage[0].contrast[1] = 1.0;
    expect_fault(0, "contrasts", "each once");
    protocol.stage[1].move[0].test[0].contrast = 0.125;
    expect_fault(1, "when", "contrast 0.125 is never shown");
    protocol.stage[1].probability[0] += protocol.stage[1].probability[2];
    protocol.stage[1].probability[2] = 0.0;
    expect_fault(1, "when", "contrast 0.25 is never shown");
    protocol.trials_min = 0;
    expect_fault(-1, "session", "1 to 1000000 trials");
    protocol.stage[2].move[0].to = 1;
    expect_fault(3, "name", "no moves lead from stage 0 to 3");
    add_test(add_move(&protocol.stage[3], 0), MODEL_PROTOCOL_TEST_TRIALS, 0, 0, 10);
    expect_fault(0, "moves", "only lead in a circle");
    protocol.stage[1].move[0].to = 1;
    expect_fault(1, "to", "another stage");
    protocol.stage[1].p_left = (double)NAN;
    expect_fault(1, "p_left", "from 0 to 1");
    protocol.stage[1].debias.sd = 0.0;
    expect_fault(1, "debias", "sd");
    protocol.stage[1].move[0].test[0].window = 65;
    expect_fault(1, "when", "1 to 64");
    protocol.stage[1].name[0] = '0';
    expect_fault(1, "name", "stands here twice");
}

static void expect_kept(int32_t stage, const char *text)
{
    assert_int_equal(model_protocol_check(&protocol, &fault), MODEL_OK);
    if (model_protocol_finish(&protocol, &fault) != MODEL_ERR_ARG) {
        fail_msg("accepted; expected: %s", text);
    }
    assert_int_equal(fault.stage, stage);
    if (strstr(fault.text, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, fault.text);
    }
    some_training();
}

static void knows_when_no_mouse_can_finish(void **unused)
{
    (void)unused;
    protocol.trials_min = protocol.trials_max = 164;
    expect_kept(0, "at least 164 trials in one session that has at most 164");
    protocol.trials_min = protocol.trials_max = 200;
    expect_kept(2, "at least 200 trials");
    protocol.trials_min = protocol.trials_max = 201;
    assert_int_equal(model_protocol_finish(&protocol, &fault), MODEL_OK);
    protocol.trials_min = protocol.trials_max = 100;
    protocol.counters_per_session = false;
    assert_int_equal(model_protocol_finish(&protocol, &fault), MODEL_OK);
    protocol.carry_trials = 101;
    expect_kept(-1, "carried over");
    protocol.carries_stage = false; /* 164 + 82 + 200 trials in one session */
    protocol.trials_min = protocol.trials_max = 446;
    expect_kept(2, "at least");
    protocol.carries_stage = false;
    protocol.trials_min = protocol.trials_max = 447;
    assert_int_equal(model_protocol_finish(&protocol, &fault), MODEL_OK);
    protocol.stage[1].move[0].test[0].limit = 1.0;
    expect_kept(1, "performance can never hold");
    protocol.stage[1].p_left = 1.0;
    expect_kept(1, "performance can never hold");
}

static void defects_change_what_they_name_and_nothing_else(void **unused)
{
    (void)unused;
    for (int i = 0; i < MODEL_PROTOCOL_DEFECTS; i++) {
        const model_protocol_defect defect = (model_protocol_defect)i;
        model_protocol_defect again = MODEL_PROTOCOL_DEFECTS;
        some_training();
        const model_protocol before = protocol;
        assert_int_equal(
            model_protocol_defect_parse(&again, model_protocol_defect_of(defect)->name), MODEL_OK);
        assert_int_equal(again, defect);
        assert_int_equal(model_protocol_defect_apply(&protocol, defect), MODEL_OK);
        assert_int_equal(model_protocol_check(&protocol, &fault), MODEL_OK);
        assert_int_equal(model_protocol_finish(&protocol, &fault),
                         defect == MODEL_PROTOCOL_DEFECT_NEVER_ADVANCES ? MODEL_ERR_ARG : MODEL_OK);
        assert_memory_not_equal(&before, &protocol, sizeof before);
        if (defect != MODEL_PROTOCOL_DEFECT_ZERO_REDRAWN &&
            defect != MODEL_PROTOCOL_DEFECT_WRONG_CONTRASTS) {
            const model_protocol once = protocol;
            assert_int_equal(model_protocol_defect_apply(&protocol, defect),
                             defect == MODEL_PROTOCOL_DEFECT_NEVER_ADVANCES ||
                                     defect == MODEL_PROTOCOL_DEFECT_COUNTS_EARLY
                                 ? MODEL_OK
                                 : MODEL_ERR_ARG);
            if (defect != MODEL_PROTOCOL_DEFECT_COUNTS_EARLY) {
                assert_memory_equal(&once, &protocol, sizeof once);
            }
        }
    }
}

static void apply(model_protocol_defect defect)
{
    some_training();
    assert_int_equal(model_protocol_defect_apply(&protocol, defect), MODEL_OK);
}

static void each_defect_does_what_its_line_says(void **unused)
{
    (void)unused;
    const model_protocol_stage *last = &protocol.stage[3];
    apply(MODEL_PROTOCOL_DEFECT_ZERO_LEFT);
    assert_int_equal(last->zero, MODEL_PROTOCOL_ZERO_LEFT);
    assert_int_equal(protocol.stage[0].zero, MODEL_PROTOCOL_ZERO_P_LEFT);
    apply(MODEL_PROTOCOL_DEFECT_ZERO_REDRAWN);
    /* of 9 draws the zero is one of 11 again; all that come of it are on the left */
    CHECK_NEAR(model_protocol_probability(&protocol, 3, 0.0, 0.5), 1.0 / 99.0, 1e-12);
    CHECK_NEAR(model_protocol_probability(&protocol, 3, 1.0, 0.5), 11.0 / 99.0, 1e-12);
    CHECK_NEAR(model_protocol_probability(&protocol, 3, -1.0, 0.5), 13.0 / 99.0, 1e-12);
    CHECK_NEAR(model_protocol_probability(&protocol, 3, -0.5, 0.5), 2.0 / 99.0, 1e-12);
    CHECK_NEAR(model_protocol_probability(&protocol, 3, 0.5, 0.5), 0.0, 0.0);
    assert_int_equal(last->zero, MODEL_PROTOCOL_ZERO_LEFT);
    apply(MODEL_PROTOCOL_DEFECT_KEEPS_HALF);
    CHECK_NEAR(model_protocol_probability(&protocol, 3, -0.5, 0.5), 0.1, 1e-12);
    CHECK_NEAR(model_protocol_probability(&protocol, 3, 0.5, 0.5), 0.0, 0.0);
    CHECK_NEAR(model_protocol_probability(&protocol, 3, 0.25, 0.5), 0.1, 1e-12);
    CHECK_NEAR(model_protocol_probability(&protocol, 0, 0.5, 0.5), 0.25, 1e-12);
    apply(MODEL_PROTOCOL_DEFECT_WRONG_CONTRASTS);
    CHECK_NEAR(last->contrast[3], 0.03125, 0.0);
    CHECK_NEAR(protocol.stage[1].move[0].test[0].contrast, 0.125, 0.0);
    apply(MODEL_PROTOCOL_DEFECT_DEBIAS_ALL);
    assert_int_equal(protocol.stage[0].debias.window, 0);
    apply(MODEL_PROTOCOL_DEFECT_DEBIAS_OFF);
    assert_int_equal(protocol.stage[0].debias.kind, MODEL_PROTOCOL_DEBIAS_NONE);
    apply(MODEL_PROTOCOL_DEFECT_COUNTS_EARLY);
    CHECK_NEAR(protocol.stage[2].move[0].test[0].limit, 199.0, 0.0);
}

static void blank_trials_count_as_not_left(void **unused)
{
    (void)unused;
    double p = 0.0;
    apply(MODEL_PROTOCOL_DEFECT_DEBIAS_BLANK);
    for (int i = 0; i < 300; i++) {
        push(1.0, i % 3 == 0 ? 0 : (i % 3 == 1 ? 1 : -1));
    }
    push(1.0, 0);
    assert_true(model_protocol_debiases(&state, &protocol, 0, &p));
    /* 101 of the 2,000 trials without the 100 no-gos */
    CHECK_NEAR(p, 0.5 * erfc((0.5 - 101.0 / 1900.0) / (0.5 * sqrt(2.0))), 1e-12);
}

static void each_version_of_iblrig_has_the_defects_of_its_release(void **unused)
{
    (void)unused;
    static const struct {
        const char *version;
        uint32_t release;
    } CASES[] = {{"8.0", 0},    {"8.0.0", 0},  {"8.11.2", 0}, {"8.11.3", 1}, {"8.23.1", 1},
                 {"8.23.9", 1}, {"8.24.0", 2}, {"8.24.6", 2}, {"8.24.7", 3}, {"8.26.5", 3},
                 {"8.27", 4},   {"8.29.3", 4}, {"8.29.4", 5}, {"8.30", 5},   {"9.1.1", 5}};
    static const char *const WRONG[] = {"", "8", "7.2.1", "8.", "8.23.", "8.23.1.2", "x", "8.1x"};
    uint32_t release = 99;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(model_protocol_release_find(&release, CASES[i].version), MODEL_OK);
        assert_int_equal(release, CASES[i].release);
    }
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        assert_int_equal(model_protocol_release_find(&release, WRONG[i]), MODEL_ERR_ARG);
    }
    assert_false(model_protocol_release_is_newer(MODEL_PROTOCOL_RELEASE_NEWEST));
    assert_false(model_protocol_release_is_newer("8.23.1"));
    assert_false(model_protocol_release_is_newer("x"));
    assert_true(model_protocol_release_is_newer("8.30"));
    assert_true(model_protocol_release_is_newer("9.1.1"));
    assert_int_equal(
        model_protocol_release_defects(&protocol, 3),
        1 << MODEL_PROTOCOL_DEFECT_ZERO_LEFT | 1 << MODEL_PROTOCOL_DEFECT_NEVER_ADVANCES |
            1 << MODEL_PROTOCOL_DEFECT_DEBIAS_ALL | 1 << MODEL_PROTOCOL_DEFECT_DEBIAS_AFTER_NO_GO);
    protocol.stage[3].blocks.n = 1; /* biasedChoiceWorld has none of them */
    assert_int_equal(model_protocol_release_defects(&protocol, 3), 0);
}

static void a_defect_that_concerns_nothing_is_refused(void **unused)
{
    (void)unused;
    for (int i = 0; i < 4; i++) {
        protocol.stage[i].debias.kind = MODEL_PROTOCOL_DEBIAS_NONE;
    }
    const model_protocol before = protocol;
    assert_int_equal(model_protocol_defect_apply(&protocol, MODEL_PROTOCOL_DEFECT_DEBIAS_ALL),
                     MODEL_ERR_ARG);
    assert_int_equal(model_protocol_defect_apply(&protocol, MODEL_PROTOCOL_DEFECTS), MODEL_ERR_ARG);
    assert_memory_equal(&before, &protocol, sizeof before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, setup)
        TEST(passes_its_own_check),
        TEST(needs_41_correct_of_the_last_50_of_each_signed_contrast),
        TEST(a_no_go_counts_as_not_correct),
        TEST(forgets_its_counters_between_sessions_and_keeps_the_stage),
        TEST(a_session_below_43_trials_is_a_dud),
        TEST(moves_on_after_200_trials_whatever_the_answers),
        TEST(a_stage_that_a_session_begins_in_is_a_trial_shorter_where_drawn_ones_count),
        TEST(drawn_trials_count_only_where_counters_are_reset_with_each_session),
        TEST(draws_each_signed_contrast_as_stated),
        TEST(debiases_against_the_last_ten_answers),
        TEST(debiases_only_after_errors_with_high_contrast_in_this_session),
        TEST(a_debias_trial_keeps_the_contrast_and_draws_the_side),
        TEST(repeats_the_same_trial_until_it_is_correct),
        TEST(blocks_begin_even_then_alternate_with_truncated_lengths),
        TEST(a_session_ends_by_trials_by_minutes_and_by_no_gos),
        TEST(accuracy_and_bias_wait_for_a_full_window),
        TEST(moves_between_sessions_look_at_the_session_before),
        TEST(rewards_by_side_and_choice),
        TEST(the_same_seed_gives_the_same_trials),
        TEST(refuses_what_is_wrong_and_says_where),
        TEST(knows_when_no_mouse_can_finish),
        TEST(defects_change_what_they_name_and_nothing_else),
        TEST(each_defect_does_what_its_line_says),
        TEST(blank_trials_count_as_not_left),
        TEST(each_version_of_iblrig_has_the_defects_of_its_release),
        TEST(a_defect_that_concerns_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
