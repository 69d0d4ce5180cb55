/* Once it is set up, advice allocates nothing: it may run on a worker beside the loop. */
#include <stdio.h>
#include <string.h>

#include "count_allocations.h"
#include "model/curriculum.h"
#include "some_bank.h"
#include "suggestion_message.h"
#include "suite.h"

static model_bank_params params;
static model_rate_grid pace;
static model_protocol protocol;
static model_protocol_state rig;
static model_curriculum_advice advice;
static proto_message message;
static uint8_t bytes[PROTO_BYTES_MAX];

static void make_protocol(void)
{
    protocol.n_stages = 2;
    protocol.trials_min = protocol.trials_max = 60;
    strcpy(protocol.name, "two");
    for (uint32_t i = 0; i < 2; i++) {
        model_protocol_stage *s = &protocol.stage[i];
        strcpy(s->name, i == 0 ? "easy" : "hard");
        s->n_contrasts = 1;
        s->contrast[0] = i == 0 ? 1.0 : 0.25;
        s->probability[0] = 1.0;
        s->p_left = 0.5;
        s->p_reward[0][0] = s->p_reward[1][1] = 1.0;
    }
    protocol.stage[0].n_moves = 1;
    protocol.stage[0].move[0] = (model_protocol_move){
        .to = 1, .n_tests = 1, .test = {{MODEL_PROTOCOL_TEST_TRIALS, true, 0, 0.0, 40.0}}};
    assert_int_equal(model_protocol_check(&protocol, NULL), MODEL_OK);
    model_protocol_init(&rig, &protocol, 1, 1);
    model_protocol_start_session(&rig, &protocol);
}

static void advice_allocates_nothing(void **state)
{
    (void)state;
    model_curriculum_config config;
    model_curriculum *curriculum;
    some_bank_make(&params, 0.0);
    for (uint32_t m = 0; m < params.n; m++) {
        params.member[m].noise.prior_mean[0] = 2.5;
    }
    model_rate_grid_init(&pace, &params);
    make_protocol();
    model_curriculum_default(&config);
    config.rollouts = 400; /* qsort() would allocate */
    const size_t size = model_curriculum_size(&params, &config);
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    assert_non_null(mem);
    assert_int_equal(model_curriculum_init(mem, size, &params, &config, &curriculum), MODEL_OK);
    const model_curriculum_training training = {.place = {&protocol, &protocol, &protocol, 0, 0},
                                                .rig = &rig};
    n_calls = 0;
    is_counting = 1;
    const int status =
        model_curriculum_advise(curriculum, &pace, &training, 1, NULL, NULL, &advice);
    suggestion_message_fill(&message, &advice, &protocol, 200, 7);
    strcpy(message.env.rig, "r1");
    strcpy(message.env.subject, "m1");
    const int written = proto_encode(&message, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes);
    is_counting = 0;
    assert_int_equal(status, MODEL_OK);
    assert_true(written > 0);
    assert_true(advice.n > 4);
    assert_int_equal(n_calls, 0);
    free(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(advice_allocates_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
