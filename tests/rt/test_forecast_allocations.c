/* Once it is set up, a forecast allocates nothing, whatever it runs under: it may run on a worker
 * beside the loop. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "count_allocations.h"
#include "forecast_message.h"
#include "lookahead.h"
#include "model/forecast.h"
#include "some_bank.h"
#include "suite.h"

enum { TRIALS = 1500, SESSION = 300 };

static model_bank_params params;
static model_rate_grid pace;
static model_training_status tracker;
static struct lookahead_recent recent;
static model_forecast *forecast;
static proto_message message;
static uint8_t bytes[PROTO_BYTES_MAX];

/* An animal that answers rightly in IBL's task, so that statuses are judged. */
static void follow(void)
{
    static const double CONTRASTS[] = {1.0, -1.0, 0.5, -0.5, 0.25, -0.25, 0.125, -0.125, 0.0};
    const model_training_status_session_info info = {MODEL_IBL_CRITERIA_PROTOCOL_TRAINING, false,
                                                     1.0};
    model_rate_grid_init(&pace, &params);
    model_training_status_init(&tracker);
    for (int t = 0; t < TRIALS; t++) {
        if (t % SESSION == 0) {
            model_rate_grid_start_session(&pace, &params);
            model_training_status_start(&tracker, t, &info, NULL);
            lookahead_recent_start_session(&recent);
        }
        const double c = CONTRASTS[t % 9];
        const model_trial trial = {c, 1.0, 0.5, c > 0.0, c > 0.0};
        assert_int_equal(model_rate_grid_observe(&pace, &params, &trial), MODEL_OK);
        model_training_status_push(&tracker, &trial, 0.5);
        lookahead_recent_push(&recent, &trial, 0.5);
    }
}

static int64_t allocations_of(const model_forecast_task *task)
{
    model_rollout_tuning tuning;
    model_forecast_config config;
    model_forecast_config_init(&config);
    model_rollout_tuning_init(&tuning);
    n_calls = 0;
    is_counting = 1;
    const int status = model_forecast_start(forecast, task, &pace, NULL, &tuning, 1);
    while (model_forecast_run(forecast, 10000) == 1) {
    }
    forecast_message_message(model_forecast_result_of(forecast), task, &config.criterion, TRIALS,
                             &message);
    strcpy(message.env.rig, "r1");
    strcpy(message.env.subject, "m1");
    const int size = proto_encode(&message, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes);
    is_counting = 0;
    assert_int_equal(status, MODEL_OK);
    assert_true(size > 0);
    return n_calls;
}

static void a_forecast_allocates_nothing(void **state)
{
    (void)state;
    static model_protocol protocol;
    static model_protocol_state rig;
    model_forecast_config config;
    some_bank_make(&params, 0.001);
    follow();
    model_forecast_config_init(&config);
    config.n_rollouts = 50;
    config.n_windows = 10;
    const size_t size = model_forecast_size(&params, &config);
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    assert_non_null(mem);
    assert_int_equal(model_forecast_init(mem, size, &params, &config, &forecast), MODEL_OK);
    model_forecast_task task = {.tracker = &tracker};
    assert_true(lookahead_recent_task(&recent, &task));
    assert_int_equal(allocations_of(&task), 0);

    protocol.n_stages = 1;
    protocol.trials_min = protocol.trials_max = 200;
    strcpy(protocol.name, "one");
    strcpy(protocol.stage[0].name, "only");
    protocol.stage[0].n_contrasts = 1;
    protocol.stage[0].contrast[0] = protocol.stage[0].probability[0] = 1.0;
    protocol.stage[0].p_left = 0.5;
    protocol.stage[0].p_reward[0][0] = protocol.stage[0].p_reward[1][1] = 1.0;
    assert_int_equal(model_protocol_check(&protocol, NULL), MODEL_OK);
    model_protocol_init(&rig, &protocol, 1, 1);
    const model_forecast_task by_protocol = {
        .protocol = &protocol, .state = &rig, .rt_s = 0.5, .tracker = &tracker};
    assert_int_equal(allocations_of(&by_protocol), 0);
    free(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_forecast_allocates_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
