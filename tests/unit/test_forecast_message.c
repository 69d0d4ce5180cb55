/* forecast_message.h, lookahead.h: what of a forecast goes into its message, and what of a past a
 * forecast draws from. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "forecast_message.h"
#include "lookahead.h"

static struct lookahead_recent recent;

static void push(double contrast, int8_t choice, double rt_s)
{
    lookahead_recent_push(&recent, &(model_trial){contrast, 1.0, rt_s, choice, 1}, 0.5);
}

static void keeps_the_last_stimuli_and_sessions(void **state)
{
    (void)state;
    model_forecast_task task = {0};
    memset(&recent, 0, sizeof recent);
    assert_false(lookahead_recent_task(&recent, &task));
    for (int session = 0; session < 9; session++) {
        lookahead_recent_start_session(&recent);
        for (int i = 0; i < 100 + session; i++) {
            push(0.001 * (100 * session + i), 1, 0.5);
        }
    }
    assert_true(lookahead_recent_task(&recent, &task));
    assert_true(task.is_pool && task.protocol == NULL);
    assert_int_equal(task.n_stimuli, LOOKAHEAD_STIMULI);
    assert_int_equal(task.n_sessions, LOOKAHEAD_SESSIONS);
    uint64_t sum = 0;
    for (size_t i = 0; i < task.n_sessions; i++) {
        sum += task.session_trials[i];
    }
    assert_int_equal(sum, 102 + 103 + 104 + 105 + 106 + 107);
    assert_int_equal(task.session_left, 0); /* 108 are more than the mean */
    float least = 1.0F;
    for (size_t i = 0; i < task.n_stimuli; i++) {
        least = fminf(least, task.stimuli[i].contrast);
    }
    assert_true(least >= 0.4F);
}

static void a_first_session_is_taken_to_be_of_usual_length(void **state)
{
    (void)state;
    model_forecast_task task = {0};
    memset(&recent, 0, sizeof recent);
    lookahead_recent_start_session(&recent);
    lookahead_recent_start_session(&recent);
    push(1.0, -1, 0.5);
    assert_false(lookahead_recent_task(&recent, &task));
    push(1.0, 0, 0.5);
    assert_true(lookahead_recent_task(&recent, &task));
    assert_int_equal(task.n_stimuli, 1);
    assert_int_equal(task.session_trials[0], LOOKAHEAD_SESSION_TRIALS);
    assert_int_equal(task.session_left, LOOKAHEAD_SESSION_TRIALS - 1);
}

static void knows_the_median_reaction_time(void **state)
{
    (void)state;
    memset(&recent, 0, sizeof recent);
    assert_true(isnan(lookahead_recent_rt_s(&recent)));
    push(1.0, 1, (double)NAN);
    assert_true(isnan(lookahead_recent_rt_s(&recent)));
    static const double RT_S[] = {5.0, 0.25, 0.5, 0.75, 60.0};
    for (size_t i = 0; i < 5; i++) {
        push(1.0, 1, RT_S[i]);
    }
    CHECK_NEAR(lookahead_recent_rt_s(&recent), 0.75, 0.0);
}

static model_forecast_result some_result(void)
{
    model_forecast_result r = {.n_windows = 40,
                               .window = 50,
                               .n_rollouts = 200,
                               .p_reached = 0.25,
                               .next = MODEL_IBL_CRITERIA_TRAINED_1B,
                               .p_within = {0.0, 0.5, (double)NAN},
                               .pace = 1.25};
    for (size_t i = 0; i < 40; i++) {
        r.correct[i] = (model_forecast_band){0.7, 0.71, 0.6, 0.8, 0.5, 0.9};
        r.bias[i] = (model_forecast_band){0.5, 0.5, 0.4, 0.6, 0.3, 0.7};
    }
    r.trials = (model_forecast_band){300.0, (double)INFINITY, 800.0, (double)INFINITY,
                                     120.0, (double)INFINITY};
    r.sessions =
        (model_forecast_band){3.0, (double)INFINITY, 4.0, (double)INFINITY, 2.0, (double)INFINITY};
    r.share[MODEL_RULE_RNN] = 1.0 + 1e-16;
    return r;
}

static void says_what_the_forecast_says_on_the_wire(void **state)
{
    (void)state;
    static proto_message said;
    static proto_message heard;
    static uint8_t bytes[PROTO_BYTES_MAX];
    static model_training_status tracker;
    proto_fault fault;
    const model_forecast_result result = some_result();
    const model_forecast_task task = {.tracker = &tracker};
    const model_forecast_criterion criterion = {0.8, 0.5, 100};
    forecast_message_message(&result, &task, &criterion, 1234, &said);
    strcpy(said.env.rig, "r1");
    strcpy(said.env.subject, "m1");
    for (int format = PROTO_FORMAT_MSGPACK; format <= PROTO_FORMAT_JSON; format++) {
        const int size = proto_encode(&said, (proto_format)format, bytes, sizeof bytes);
        assert_true(size > 0);
        assert_int_equal(proto_decode(bytes, (size_t)size, &heard, &fault), PROTO_OK);
        const proto_forecast *f = &heard.as.forecast;
        assert_int_equal(f->based_on, 1234);
        assert_string_equal(f->criterion, "0.8 correct of 100 trials, contrast >= 0.5");
        assert_string_equal(f->stimuli, "recent");
        assert_string_equal(f->next_status, "trained_1b");
        assert_true(f->current.present && f->sessions.present && !f->suggested.present);
        assert_true(isnan(f->current.v.median));
        CHECK_NEAR(f->current.v.lo90, 120.0, 0.0);
        CHECK_NEAR(f->sessions.v.lo50, 4.0, 0.0);
        CHECK_NEAR(f->current.v.p_reached, 0.25, 0.0);
        assert_int_equal(f->correct.v.median.n, FORECAST_MESSAGE_WINDOWS);
        CHECK_NEAR(f->correct.v.hi90.v[31], 0.9, 0.0);
        CHECK_NEAR(f->bias.v.lo50.v[0], 0.4, 0.0);
        assert_int_equal(f->p_within.n, 2);
        assert_string_equal(f->p_within.v[1].name, "3");
        CHECK_NEAR(f->p_within.v[1].value, 0.5, 0.0);
        assert_int_equal(f->rules.n, 1);
        CHECK_NEAR(f->rules.v[0].value, 1.0, 0.0);
        assert_int_equal(f->window, 50);
        assert_int_equal(f->rollouts, 200);
    }
}

static void leaves_out_curves_of_which_nothing_is_known(void **state)
{
    (void)state;
    static proto_message said;
    static model_protocol protocol;
    model_forecast_result result = some_result();
    const model_forecast_task task = {.protocol = &protocol};
    const model_forecast_criterion criterion = {0.8, 0.5, 100};
    result.correct[0].median = (double)NAN;
    result.bias[3].median = (double)NAN;
    forecast_message_message(&result, &task, &criterion, 0, &said);
    const proto_forecast *f = &said.as.forecast;
    assert_false(f->correct.present);
    assert_int_equal(f->bias.v.median.n, 3);
    assert_string_equal(f->stimuli, "protocol");
    assert_string_equal(f->next_status, "");
    assert_int_equal(f->p_within.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_last_stimuli_and_sessions),
        cmocka_unit_test(a_first_session_is_taken_to_be_of_usual_length),
        cmocka_unit_test(knows_the_median_reaction_time),
        cmocka_unit_test(says_what_the_forecast_says_on_the_wire),
        cmocka_unit_test(leaves_out_curves_of_which_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
