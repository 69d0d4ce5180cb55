/* model/policy.h */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "model/policy.h"

#define MOST_FEATURES                                                                              \
    "lose_switch,win_stay,prev_stimulus,prev_choice,bias,stimulus_left,stimulus_right,stimulus"

static model_policy parsed(const char *features)
{
    model_policy policy;
    assert_int_equal(model_policy_parse(&policy, features), MODEL_OK);
    return policy;
}

static void every_list_of_names_prints_as_it_was_read(void **state)
{
    (void)state;
    static const char *const LISTS[] = {"stimulus", "stimulus,bias,prev_choice", MOST_FEATURES};
    char text[MODEL_POLICY_TEXT_MAX];
    for (int i = 0; i < 3; i++) {
        const model_policy policy = parsed(LISTS[i]);
        assert_int_equal(model_policy_print(&policy, text, sizeof text), (int)strlen(LISTS[i]));
        assert_string_equal(text, LISTS[i]);
        assert_int_equal(model_policy_print(&policy, text, strlen(LISTS[i])), MODEL_ERR_SPACE);
        assert_true(model_policy_is_valid(&policy));
        assert_int_equal(policy.transform, MODEL_TRANSFORM_TANH5);
    }
}

static void aliases_stand_for_their_lists(void **state)
{
    (void)state;
    static const char *const ALIASES[][2] = {
        {"stim_bias", "stimulus,bias"},
        {"right_left_bias", "stimulus_right,stimulus_left,bias"},
        {"stim_prevstim_bias", "stimulus,prev_stimulus,bias"}};
    for (int i = 0; i < 3; i++) {
        const model_policy alias = parsed(ALIASES[i][0]);
        const model_policy list = parsed(ALIASES[i][1]);
        assert_true(model_policy_equals(&alias, &list));
    }
}

static void bad_lists_are_refused_and_leave_the_policy(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",         ",",         "stimulus,",      ",bias",   "stimulus,,bias",     "stimulus bias",
        "Stimulus", "bias,bias", "stim_bias,bias", "stimulu", MOST_FEATURES ",bias"};
    const model_policy before = parsed("bias");
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        model_policy policy = before;
        assert_int_equal(model_policy_parse(&policy, BAD[i]), MODEL_ERR_ARG);
        assert_true(model_policy_equals(&policy, &before));
    }
}

/* tanh(5 c) / tanh(5): the values of the published analysis, and libm's. */
static void the_transform_is_the_published_one(void **state)
{
    (void)state;
    const model_policy policy = parsed("stimulus");
    static const double C[] = {0.0, 0.0625, 0.125, 0.25, 0.5, 1.0};
    static const double X[] = {0.0, 0.30274, 0.55465, 0.84836, 0.98670, 1.0};
    for (int i = 0; i < 6; i++) {
        CHECK_NEAR(model_policy_stimulus(&policy, C[i]), X[i], 5e-6);
    }
    assert_true(model_policy_stimulus(&policy, 1.0) == 1.0);
    assert_true(model_policy_stimulus(&policy, 0.0) == 0.0);
    for (double c = -1.0; c <= 1.0; c += 1.0 / 512) {
        CHECK_NEAR(model_policy_stimulus(&policy, c), tanh(5.0 * c) / tanh(5.0), 1e-15);
        assert_true(model_policy_stimulus(&policy, c) == -model_policy_stimulus(&policy, -c));
    }
    model_policy linear = policy;
    assert_int_equal(model_transform_parse(&linear.transform, "none"), MODEL_OK);
    CHECK_NEAR(model_policy_stimulus(&linear, 0.25), 0.25, 0.0);
    assert_int_equal(model_transform_parse(&linear.transform, "tanh"), MODEL_ERR_ARG);
}

static void features_follow_their_formulas(void **state)
{
    (void)state;
    const model_policy policy = parsed("stimulus,stimulus_right,stimulus_left,bias,prev_choice,"
                                       "prev_stimulus,win_stay,lose_switch");
    model_history history;
    double g[MODEL_WEIGHTS_MAX];
    const struct {
        bool has_past;
        bool chose_right;
        double reward;
        double x;
        double expected[MODEL_WEIGHTS_MAX];
    } cases[] = {
        {false, false, 0.0, -0.5, {-0.5, 0.0, -0.5, 1.0, 0.0, 0.0, 0.0, 0.0}},
        {true, true, 1.0, 0.25, {0.25, 0.25, 0.0, 1.0, 1.0, 0.75, 1.0, 0.0}},
        {true, true, 0.0, -0.25, {-0.25, 0.0, -0.25, 1.0, 1.0, 0.75, 0.0, -1.0}},
        {true, false, 1.0, 0.0, {0.0, 0.0, 0.0, 1.0, -1.0, 0.75, -1.0, 0.0}},
        {true, false, 0.0, 1.0, {1.0, 1.0, 0.0, 1.0, -1.0, 0.75, 0.0, 1.0}},
        {true, false, (double)NAN, 1.0, {1.0, 1.0, 0.0, 1.0, -1.0, 0.75, -0.5, 0.5}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        history = (model_history){0};
        if (cases[k].has_past) {
            model_history_push(&history, 0.75, cases[k].chose_right, cases[k].reward);
        }
        model_policy_fill(&policy, &history, cases[k].x, g);
        for (int i = 0; i < MODEL_WEIGHTS_MAX; i++) {
            CHECK_NEAR(g[i], cases[k].expected[i], 0.0);
        }
    }
}

static void the_choice_trace_is_a_running_mean_that_ends_with_the_session(void **state)
{
    (void)state;
    const model_policy policy = parsed("choice_trace");
    model_history history;
    double g[1];
    history = (model_history){0};
    model_policy_fill(&policy, &history, 0.5, g);
    CHECK_NEAR(g[0], 0.0, 0.0);
    model_history_push(&history, 0.5, true, 1.0);
    model_history_push(&history, 0.5, false, 1.0);
    model_policy_fill(&policy, &history, 0.5, g);
    CHECK_NEAR(g[0], 0.9 * 0.1 - 0.1, 1e-15);
    for (int t = 0; t < 300; t++) {
        model_history_push(&history, 0.5, true, 1.0);
    }
    model_policy_fill(&policy, &history, 0.5, g);
    CHECK_NEAR(g[0], 1.0, 1e-12);
    history = (model_history){0};
    model_policy_fill(&policy, &history, 0.5, g);
    CHECK_NEAR(g[0], 0.0, 0.0);
}

static void names_outside_the_lists_are_null(void **state)
{
    (void)state;
    assert_null(model_feature_name(MODEL_FEATURES));
    assert_null(model_transform_name(MODEL_TRANSFORMS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_list_of_names_prints_as_it_was_read),
        cmocka_unit_test(aliases_stand_for_their_lists),
        cmocka_unit_test(bad_lists_are_refused_and_leave_the_policy),
        cmocka_unit_test(the_transform_is_the_published_one),
        cmocka_unit_test(features_follow_their_formulas),
        cmocka_unit_test(the_choice_trace_is_a_running_mean_that_ends_with_the_session),
        cmocka_unit_test(names_outside_the_lists_are_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
