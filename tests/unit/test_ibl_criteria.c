/* model/ibl_criteria.h, at the border of every limit; the limits are those of brainbox's
 * training.py.
 */
#include <string.h>

#include "suite.h"

#include "check.h"
#include "model/error.h"
#include "model/ibl_criteria.h"

typedef double values[MODEL_IBL_CRITERION_COUNT];

#define V(NAME) MODEL_IBL_CRITERION_##NAME

/* An animal that only just meets all criteria of the highest status with this protocol. */
static void just_trained_1b(values v)
{
    for (int i = 0; i < MODEL_IBL_CRITERION_COUNT; i++) {
        v[i] = (double)NAN;
    }
    v[V(SESSIONS)] = 3;
    v[V(BIASED)] = 0;
    v[V(EPHYS)] = v[V(DELAY)] = 0;
    v[V(ZERO)] = 1;
    v[V(BIAS)] = 9.999;
    v[V(THRESHOLD)] = 18.999;
    v[V(LAPSE_LOW)] = v[V(LAPSE_HIGH)] = 0.0999;
    v[V(TRIALS)] = 401;
    v[V(EASY)] = 0.9001;
    v[V(RT)] = 1.999;
}

static void just_ready(values v)
{
    just_trained_1b(v);
    v[V(BIASED)] = 3;
    v[V(SHIFT)] = 5.001;
    v[V(LAPSE_LOW_20)] = v[V(LAPSE_HIGH_20)] = 0.0999;
    v[V(LAPSE_LOW_80)] = v[V(LAPSE_HIGH_80)] = 0.0999;
    v[V(EPHYS)] = 3;
    v[V(EPHYS_TRIALS)] = 401;
    v[V(EPHYS_EASY)] = 0.9001;
    v[V(DELAY)] = 1;
}

static model_ibl_criteria_status with(const values v, model_ibl_criterion criterion, double value)
{
    values w;
    memcpy(w, v, sizeof w);
    w[criterion] = value;
    return model_ibl_criteria_status_of(w);
}

struct border {
    model_ibl_criterion criterion;
    double at; /* the limit itself, which does not meet it */
    model_ibl_criteria_status then;
};

static void check_borders(const values v, model_ibl_criteria_status best, size_t n,
                          const struct border borders[])
{
    assert_int_equal(model_ibl_criteria_status_of(v), best);
    for (size_t i = 0; i < n; i++) {
        const model_ibl_criteria_status at = with(v, borders[i].criterion, borders[i].at);
        const model_ibl_criteria_status unknown = with(v, borders[i].criterion, (double)NAN);
        if (at != borders[i].then || unknown > at) {
            print_error("%s %g: %s, unknown: %s\n",
                        model_ibl_criterion_of(borders[i].criterion)->name, borders[i].at,
                        model_ibl_criteria_status_name(at),
                        model_ibl_criteria_status_name(unknown));
            fail();
        }
    }
}

static void every_limit_of_the_training_task_is_strict(void **state)
{
    (void)state;
    const struct border of_1b[] = {{V(SESSIONS), 2, MODEL_IBL_CRITERIA_IN_TRAINING},
                                   {V(ZERO), 0, MODEL_IBL_CRITERIA_IN_TRAINING},
                                   {V(BIAS), 10, MODEL_IBL_CRITERIA_TRAINED_1A},
                                   {V(LAPSE_LOW), 0.1, MODEL_IBL_CRITERIA_TRAINED_1A},
                                   {V(LAPSE_HIGH), 0.1, MODEL_IBL_CRITERIA_TRAINED_1A},
                                   {V(TRIALS), 400, MODEL_IBL_CRITERIA_TRAINED_1A},
                                   {V(EASY), 0.9, MODEL_IBL_CRITERIA_TRAINED_1A},
                                   {V(RT), 2, MODEL_IBL_CRITERIA_TRAINED_1A},
                                   {V(THRESHOLD), 20, MODEL_IBL_CRITERIA_IN_TRAINING}};
    const struct border of_1a[] = {{V(SESSIONS), 2, MODEL_IBL_CRITERIA_IN_TRAINING},
                                   {V(ZERO), 0, MODEL_IBL_CRITERIA_IN_TRAINING},
                                   {V(BIAS), 16, MODEL_IBL_CRITERIA_IN_TRAINING},
                                   {V(THRESHOLD), 19, MODEL_IBL_CRITERIA_IN_TRAINING},
                                   {V(LAPSE_LOW), 0.2, MODEL_IBL_CRITERIA_IN_TRAINING},
                                   {V(LAPSE_HIGH), 0.2, MODEL_IBL_CRITERIA_IN_TRAINING},
                                   {V(TRIALS), 200, MODEL_IBL_CRITERIA_IN_TRAINING},
                                   {V(EASY), 0.8, MODEL_IBL_CRITERIA_IN_TRAINING}};
    values v;
    just_trained_1b(v);
    check_borders(v, MODEL_IBL_CRITERIA_TRAINED_1B, sizeof of_1b / sizeof of_1b[0], of_1b);
    v[V(BIAS)] = 15.999;
    v[V(LAPSE_LOW)] = v[V(LAPSE_HIGH)] = 0.1999;
    v[V(TRIALS)] = 201;
    v[V(EASY)] = 0.8001;
    v[V(RT)] = (double)NAN;
    check_borders(v, MODEL_IBL_CRITERIA_TRAINED_1A, sizeof of_1a / sizeof of_1a[0], of_1a);
}

/* The source's own oddity: 1b allows a threshold of up to 20, 1a only up to 19. */
static void a_threshold_of_19_is_trained_1b_but_not_1a(void **state)
{
    (void)state;
    values v;
    just_trained_1b(v);
    v[V(THRESHOLD)] = 19.5;
    assert_int_equal(model_ibl_criteria_status_of(v), MODEL_IBL_CRITERIA_TRAINED_1B);
    v[V(RT)] = 2.5;
    assert_int_equal(model_ibl_criteria_status_of(v), MODEL_IBL_CRITERIA_IN_TRAINING);
}

static void every_limit_of_the_biased_task_is_strict(void **state)
{
    (void)state;
    const struct border of_recording[] = {{V(SHIFT), 5, MODEL_IBL_CRITERIA_READY4DELAY},
                                          {V(LAPSE_LOW_20), 0.1, MODEL_IBL_CRITERIA_READY4DELAY},
                                          {V(LAPSE_HIGH_20), 0.1, MODEL_IBL_CRITERIA_READY4DELAY},
                                          {V(LAPSE_LOW_80), 0.1, MODEL_IBL_CRITERIA_READY4DELAY},
                                          {V(LAPSE_HIGH_80), 0.1, MODEL_IBL_CRITERIA_READY4DELAY},
                                          {V(TRIALS), 400, MODEL_IBL_CRITERIA_READY4DELAY},
                                          {V(EASY), 0.9, MODEL_IBL_CRITERIA_READY4DELAY},
                                          {V(RT), 2, MODEL_IBL_CRITERIA_READY4DELAY},
                                          {V(EPHYS), 2, MODEL_IBL_CRITERIA_READY4DELAY},
                                          {V(DELAY), 0, MODEL_IBL_CRITERIA_READY4DELAY}};
    const struct border of_delay[] = {{V(EPHYS), 0, MODEL_IBL_CRITERIA_READY4EPHYSRIG},
                                      {V(EPHYS_TRIALS), 400, MODEL_IBL_CRITERIA_READY4EPHYSRIG},
                                      {V(EPHYS_EASY), 0.9, MODEL_IBL_CRITERIA_READY4EPHYSRIG}};
    const struct border of_ephysrig[] = {{V(SHIFT), 5, MODEL_IBL_CRITERIA_TRAINED_1B},
                                         {V(LAPSE_LOW_20), 0.1, MODEL_IBL_CRITERIA_TRAINED_1B},
                                         {V(LAPSE_HIGH_20), 0.1, MODEL_IBL_CRITERIA_TRAINED_1B},
                                         {V(LAPSE_LOW_80), 0.1, MODEL_IBL_CRITERIA_TRAINED_1B},
                                         {V(LAPSE_HIGH_80), 0.1, MODEL_IBL_CRITERIA_TRAINED_1B},
                                         {V(TRIALS), 400, MODEL_IBL_CRITERIA_TRAINED_1B},
                                         {V(EASY), 0.9, MODEL_IBL_CRITERIA_TRAINED_1B},
                                         {V(RT), 2, MODEL_IBL_CRITERIA_TRAINED_1B}};
    values v;
    just_ready(v);
    check_borders(v, MODEL_IBL_CRITERIA_READY4RECORDING, 10, of_recording);
    v[V(EPHYS)] = 1;
    v[V(DELAY)] = 0;
    check_borders(v, MODEL_IBL_CRITERIA_READY4DELAY, 3, of_delay);
    v[V(EPHYS)] = 0;
    check_borders(v, MODEL_IBL_CRITERIA_READY4EPHYSRIG, 8, of_ephysrig);
}

static void a_change_of_protocol_tells_that_1b_was_reached(void **state)
{
    (void)state;
    values v;
    just_ready(v);
    for (int n = 1; n < 3; n++) {
        v[V(BIASED)] = n;
        v[V(TRIALS)] = 10;
        assert_int_equal(model_ibl_criteria_status_of(v), MODEL_IBL_CRITERIA_TRAINED_1B);
    }
    v[V(SESSIONS)] = v[V(BIASED)] = 2; /* the first sessions that were heard of */
    v[V(TRIALS)] = 500;
    assert_int_equal(model_ibl_criteria_status_of(v), MODEL_IBL_CRITERIA_TRAINED_1B);
}

/* A session with so many trials at each of 5 contrasts; `wrong` of each hundred of either side. */
static model_ibl_criteria_session made_up(uint32_t n, uint32_t wrong)
{
    static const double CONTRASTS[] = {-1.0, -0.25, 0.0, 0.25, 1.0};
    model_ibl_criteria_session s = {
        .protocol = MODEL_IBL_CRITERIA_PROTOCOL_TRAINING, .delay_s = (double)NAN, .n_contrasts = 5};
    for (int i = 0; i < 5; i++) {
        s.contrast[i].contrast = CONTRASTS[i];
        for (size_t block = 0; block < MODEL_IBL_CRITERIA_BLOCKS; block++) {
            s.contrast[i].n[block] = n;
            s.contrast[i].n_right[block] = i < 2    ? n * wrong / 100
                                           : i == 2 ? n / 2
                                                    : n - n * wrong / 100;
        }
        s.n_trials += (int64_t)MODEL_IBL_CRITERIA_BLOCKS * n;
    }
    s.n_easy = 100;
    s.n_easy_correct = 100 - wrong;
    return s;
}

static model_ibl_criteria_standing judged(size_t n, const model_ibl_criteria_session s[],
                                          double rt_s)
{
    model_ibl_criteria_window w = {.n = n, .zero_rt_s = rt_s};
    model_ibl_criteria_standing standing;
    for (size_t i = 0; i < n; i++) {
        w.session[i] = &s[i];
    }
    assert_int_equal(model_ibl_criteria_judge(&w, &standing), MODEL_OK);
    return standing;
}

/* Of `next`, or NULL. */
static const model_ibl_criteria_check *find(const model_ibl_criteria_standing *s,
                                            model_ibl_criterion criterion)
{
    for (size_t i = 0; i < s->n_checks; i++) {
        if (s->check[i].criterion == criterion) {
            return &s->check[i];
        }
    }
    return NULL;
}

static void the_worst_session_counts_and_the_checks_are_those_of_the_next_status(void **state)
{
    (void)state;
    model_ibl_criteria_session s[3] = {made_up(100, 5), made_up(100, 5), made_up(100, 5)};
    model_ibl_criteria_standing standing = judged(3, s, 0.5);
    assert_int_equal(standing.status, MODEL_IBL_CRITERIA_TRAINED_1B);
    assert_int_equal(standing.next, MODEL_IBL_CRITERIA_READY4EPHYSRIG);
    assert_false(find(&standing, V(BIASED))->is_met);
    assert_null(find(&standing, V(BIAS)));
    CHECK_NEAR(standing.curve[MODEL_IBL_CRITERIA_ELSE].lapse_low, 0.05, 1e-3);
    assert_true(isnan(standing.curve[MODEL_IBL_CRITERIA_20].bias));

    s[1].n_easy_correct = 90;
    standing = judged(3, s, 0.5);
    assert_int_equal(standing.status, MODEL_IBL_CRITERIA_TRAINED_1A);
    CHECK_NEAR(standing.value[V(EASY)], 0.9, 0.0);
    s[2].n_easy_correct = 80;
    s[0].n_trials = 200;
    standing = judged(3, s, 0.5);
    assert_int_equal(standing.status, MODEL_IBL_CRITERIA_IN_TRAINING);
    assert_int_equal(standing.next, MODEL_IBL_CRITERIA_TRAINED_1A);
    CHECK_NEAR(find(&standing, V(EASY))->value, 0.8, 0.0);
    CHECK_NEAR(find(&standing, V(TRIALS))->value, 200.0, 0.0);
    CHECK_NEAR(find(&standing, V(TRIALS))->limit, 200.0, 0.0);
    assert_false(find(&standing, V(TRIALS))->is_met);
    assert_true(find(&standing, V(TRIALS))->is_above);
    assert_true(find(&standing, V(BIAS))->is_met);
    s[2].n_easy = 0;
    s[2].n_easy_correct = 0;
    assert_true(isnan(judged(3, s, 0.5).value[V(EASY)]));
}

static void three_sessions_are_needed(void **state)
{
    (void)state;
    const model_ibl_criteria_session s[2] = {made_up(100, 5), made_up(100, 5)};
    const model_ibl_criteria_standing standing = judged(2, s, 0.5);
    assert_int_equal(standing.status, MODEL_IBL_CRITERIA_IN_TRAINING);
    assert_false(find(&standing, V(SESSIONS))->is_met);
    CHECK_NEAR(find(&standing, V(SESSIONS))->value, 2.0, 0.0);
    assert_int_equal(judged(0, s, (double)NAN).status, MODEL_IBL_CRITERIA_IN_TRAINING);
}

/* The 80 blocks' stimuli at zero contrast are answered left more often. */
static void blocks_shift_the_bias_of_biased_sessions_only(void **state)
{
    (void)state;
    model_ibl_criteria_session s[3] = {made_up(100, 5), made_up(100, 5), made_up(100, 5)};
    for (int i = 0; i < 3; i++) {
        s[i].protocol = MODEL_IBL_CRITERIA_PROTOCOL_BIASED;
        s[i].contrast[2].n_right[MODEL_IBL_CRITERIA_80] = 20;
        s[i].contrast[2].n_right[MODEL_IBL_CRITERIA_20] = 80;
    }
    model_ibl_criteria_standing standing = judged(3, s, 0.5);
    assert_int_equal(standing.status, MODEL_IBL_CRITERIA_READY4EPHYSRIG);
    assert_int_equal(standing.next, MODEL_IBL_CRITERIA_READY4DELAY);
    assert_true(standing.curve[MODEL_IBL_CRITERIA_80].bias > 3.0);
    assert_true(standing.curve[MODEL_IBL_CRITERIA_20].bias < -3.0);

    s[2].is_ephys_rig = 1;
    standing = judged(3, s, 0.5);
    assert_int_equal(standing.status, MODEL_IBL_CRITERIA_READY4DELAY);
    s[0].is_ephys_rig = s[1].is_ephys_rig = 1;
    s[0].delay_s = 899.9;
    assert_int_equal(judged(3, s, 0.5).status, MODEL_IBL_CRITERIA_READY4DELAY);
    s[0].delay_s = 900.0;
    standing = judged(3, s, 0.5);
    assert_int_equal(standing.status, MODEL_IBL_CRITERIA_READY4RECORDING);
    assert_int_equal(standing.next, MODEL_IBL_CRITERIA_READY4RECORDING);

    s[0].protocol = s[1].protocol = s[2].protocol = MODEL_IBL_CRITERIA_PROTOCOL_TRAINING;
    assert_true(isnan(judged(3, s, 0.5).value[V(SHIFT)]));
}

static void sessions_in_any_order_give_the_same_bits(void **state)
{
    (void)state;
    model_ibl_criteria_session s[3] = {made_up(100, 5), made_up(80, 10), made_up(60, 20)};
    const model_ibl_criteria_session turned[3] = {s[2], s[0], s[1]};
    const model_ibl_criteria_standing a = judged(3, s, 0.5);
    const model_ibl_criteria_standing b = judged(3, turned, 0.5);
    assert_memory_equal(&a.curve, &b.curve, sizeof a.curve);
    assert_memory_equal(&a.value, &b.value, sizeof a.value);
}

static void too_many_contrasts_give_no_curve(void **state)
{
    (void)state;
    model_ibl_criteria_session s[3] = {made_up(100, 5), made_up(100, 5), made_up(100, 5)};
    s[1].n_uncounted = 1;
    assert_true(isnan(judged(3, s, 0.5).value[V(BIAS)]));
    assert_int_equal(judged(3, s, 0.5).status, MODEL_IBL_CRITERIA_IN_TRAINING);
    s[1].n_uncounted = 0;
    for (int i = 0; i < 2; i++) { /* 20 in each session, 40 in all */
        s[i].n_contrasts = 20;
        for (int k = 0; k < 20; k++) {
            s[i].contrast[k] = (model_ibl_criteria_contrast){.contrast = 0.01 * (k + 1) + 0.3 * i,
                                                             .n = {10, 0, 0}};
        }
    }
    assert_true(isnan(judged(2, s, 0.5).value[V(BIAS)]));
    assert_true(isfinite(judged(1, s, 0.5).value[V(BIAS)]));
}

static void refuses_counts_that_are_none(void **state)
{
    (void)state;
    model_ibl_criteria_session s = made_up(10, 5);
    model_ibl_criteria_window w = {.n = 4, .session = {&s, &s, &s}};
    model_ibl_criteria_standing standing = {.status = MODEL_IBL_CRITERIA_READY4DELAY};
    assert_int_equal(model_ibl_criteria_judge(&w, &standing), MODEL_ERR_ARG);
    w.n = 1;
    s.n_contrasts = MODEL_IBL_CRITERIA_CONTRASTS + 1;
    assert_int_equal(model_ibl_criteria_judge(&w, &standing), MODEL_ERR_ARG);
    s.n_contrasts = 5;
    s.contrast[0].contrast = 1.5;
    assert_int_equal(model_ibl_criteria_judge(&w, &standing), MODEL_ERR_ARG);
    assert_int_equal(standing.status, MODEL_IBL_CRITERIA_READY4DELAY);
}

static void a_task_s_name_tells_the_protocol(void **state)
{
    (void)state;
    assert_int_equal(model_ibl_criteria_protocol_of("_iblrig_tasks_trainingChoiceWorld6.4.2"),
                     MODEL_IBL_CRITERIA_PROTOCOL_TRAINING);
    assert_int_equal(model_ibl_criteria_protocol_of("BiasedChoiceWorld"),
                     MODEL_IBL_CRITERIA_PROTOCOL_BIASED);
    assert_int_equal(model_ibl_criteria_protocol_of("ephysChoiceWorld"),
                     MODEL_IBL_CRITERIA_PROTOCOL_BIASED);
    assert_int_equal(model_ibl_criteria_protocol_of("habituationChoiceWorld"),
                     MODEL_IBL_CRITERIA_PROTOCOL_HABITUATION);
    assert_int_equal(model_ibl_criteria_protocol_of("train"), MODEL_IBL_CRITERIA_PROTOCOL_UNKNOWN);
    assert_int_equal(model_ibl_criteria_protocol_of(""), MODEL_IBL_CRITERIA_PROTOCOL_UNKNOWN);
}

static void every_name_is_there_once_and_nothing_beyond(void **state)
{
    (void)state;
    for (int i = 0; i < MODEL_IBL_CRITERION_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(model_ibl_criterion_of((model_ibl_criterion)i)->name,
                                    model_ibl_criterion_of((model_ibl_criterion)j)->name);
        }
        assert_non_null(model_ibl_criterion_of((model_ibl_criterion)i)->unit);
        assert_non_null(model_ibl_criterion_of((model_ibl_criterion)i)->help);
    }
    assert_null(model_ibl_criteria_status_name(MODEL_IBL_CRITERIA_STATUS_COUNT));
    assert_null(model_ibl_criteria_protocol_name(MODEL_IBL_CRITERIA_PROTOCOL_COUNT));
    assert_string_equal(model_ibl_criteria_status_name(MODEL_IBL_CRITERIA_READY4EPHYSRIG),
                        "ready4ephysrig");
    assert_string_equal(model_ibl_criteria_protocol_name(MODEL_IBL_CRITERIA_PROTOCOL_BIASED),
                        "biased");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_limit_of_the_training_task_is_strict),
        cmocka_unit_test(a_threshold_of_19_is_trained_1b_but_not_1a),
        cmocka_unit_test(every_limit_of_the_biased_task_is_strict),
        cmocka_unit_test(a_change_of_protocol_tells_that_1b_was_reached),
        cmocka_unit_test(the_worst_session_counts_and_the_checks_are_those_of_the_next_status),
        cmocka_unit_test(three_sessions_are_needed),
        cmocka_unit_test(blocks_shift_the_bias_of_biased_sessions_only),
        cmocka_unit_test(sessions_in_any_order_give_the_same_bits),
        cmocka_unit_test(too_many_contrasts_give_no_curve),
        cmocka_unit_test(refuses_counts_that_are_none),
        cmocka_unit_test(a_task_s_name_tells_the_protocol),
        cmocka_unit_test(every_name_is_there_once_and_nothing_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
