/* suggestion_message.h: what is said on the wire is what was found. */
#include "suite.h"

#include <string.h>

#include "check.h"
#include "suggestion_message.h"

static model_protocol names;
static model_curriculum_advice advice;

static int some_advice(void **context)
{
    (void)context;
    memset(&names, 0, sizeof names);
    memset(&advice, 0, sizeof advice);
    names.n_stages = 2;
    (void)snprintf(names.stage[1].name, sizeof names.stage[1].name, "full");
    advice.n = 3;
    advice.carry_on.skill = 0.75;
    advice.carry_on.reward = 0.9;
    advice.action[0] = (model_curriculum_action){.change = {.kind = MODEL_PROTOCOL_CHANGE_STIMULI,
                                                            .contrast = 0.125,
                                                            .part = 0.5,
                                                            .p_left = 0.7},
                                                 .skill = 0.8,
                                                 .reward = 0.85,
                                                 .gain = 0.05,
                                                 .gain_lo = -0.01,
                                                 .gain_hi = 0.11,
                                                 .p_better = 0.9};
    advice.action[1].change =
        (model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_STAGE_UP, .stage = 1};
    advice.action[2].change = (model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_STOP};
    return 0;
}

static void says_the_best_changes_first_with_their_parameters(void **context)
{
    (void)context;
    static proto_message msg;
    static proto_message heard;
    static uint8_t bytes[PROTO_BYTES_MAX];
    proto_fault fault;
    suggestion_message_fill(&msg, &advice, &names, 200, 41);
    (void)snprintf(msg.env.rig, sizeof msg.env.rig, "rig");
    (void)snprintf(msg.env.subject, sizeof msg.env.subject, "m1");
    const int size = proto_encode(&msg, PROTO_FORMAT_JSON, bytes, sizeof bytes);
    assert_true(size > 0);
    assert_int_equal(proto_decode(bytes, (size_t)size, &heard, &fault), PROTO_OK);
    const proto_suggestion *s = &heard.as.suggestion;
    assert_int_equal(s->based_on, 41);
    assert_int_equal(s->horizon, 200);
    assert_int_equal(s->abstain, 0);
    assert_int_equal(s->actions.n, 3);
    assert_string_equal(s->actions.v[0].action, "stimuli");
    assert_int_equal(s->actions.v[0].params.n, 3);
    assert_string_equal(s->actions.v[0].params.v[2].name, "p_left");
    CHECK_NEAR(s->actions.v[0].params.v[2].value, 0.7, 0.0);
    CHECK_NEAR(s->actions.v[0].gain, 0.05, 0.0);
    CHECK_NEAR(s->actions.v[0].gain_lo, -0.01, 0.0);
    CHECK_NEAR(s->actions.v[0].p_better, 0.9, 0.0);
    assert_string_equal(s->actions.v[2].action, "stop");
    assert_int_equal(s->actions.v[2].params.n, 0);
    assert_string_equal(s->why, "stimuli contrast 0.125, part 0.5, p_left 0.7: proportion correct "
                                "0.800 rather than 0.750, rewarded 0.85 (0.90)");
}

static void abstains_with_a_reason(void **context)
{
    (void)context;
    static proto_message msg;
    advice.why = MODEL_CURRICULUM_NOT_LEARNING;
    advice.p_learns = 0.125;
    suggestion_message_fill(&msg, &advice, &names, 200, 3);
    assert_int_equal(msg.as.suggestion.abstain, 1);
    assert_string_equal(msg.as.suggestion.why, "the animal is not seen to learn: probability 0.12");
}

static void says_nothing_of_changes_that_were_not_looked_at_to_the_end(void **context)
{
    (void)context;
    static proto_message msg;
    advice.why = MODEL_CURRICULUM_STOPPED;
    suggestion_message_fill(&msg, &advice, &names, 200, 3);
    assert_int_equal(msg.as.suggestion.actions.n, 0);
    assert_int_equal(msg.as.suggestion.abstain, 1);
}

static void names_the_stage_that_a_change_leads_to(void **context)
{
    (void)context;
    char words[64];
    suggestion_message_describe(&advice.action[1].change, &names, words, sizeof words);
    assert_string_equal(words, "stage_up to full");
    advice.action[0].change.kind = MODEL_PROTOCOL_CHANGE_CONTRAST;
    suggestion_message_describe(&advice.action[0].change, &names, words, sizeof words);
    assert_string_equal(words, "contrast 0.125, part 0.5");
}

static void says_debiasing_by_the_name_that_protocols_have_for_it(void **context)
{
    (void)context;
    char words[64];
    const model_protocol_change change = {.kind = MODEL_PROTOCOL_CHANGE_DEBIAS, .factor = 2.0};
    suggestion_message_describe(&change, &names, words, sizeof words);
    assert_string_equal(words, "debias resample");
}

static void a_message_can_be_asked_for_its_change_and_its_reason(void **context)
{
    (void)context;
    static proto_message msg;
    char words[96];
    advice.action[0].change = advice.action[1].change;
    suggestion_message_fill(&msg, &advice, &names, 200, 3);
    suggestion_message_words(&msg.as.suggestion, words, sizeof words);
    assert_string_equal(words, "stage_up to full");
    assert_int_equal(suggestion_message_reason(&msg.as.suggestion), MODEL_CURRICULUM_ADVISES);
    msg.as.suggestion.why[0] = '\0'; /* of another murid */
    suggestion_message_words(&msg.as.suggestion, words, sizeof words);
    assert_string_equal(words, "stage_up");
    for (int why = MODEL_CURRICULUM_ADVISES + 1; why < MODEL_CURRICULUM_WHYS; why++) {
        advice.why = (model_curriculum_why)why;
        suggestion_message_fill(&msg, &advice, &names, 200, 3);
        assert_int_equal(suggestion_message_reason(&msg.as.suggestion), why);
        suggestion_message_words(&msg.as.suggestion, words, sizeof words);
        assert_string_equal(words, "");
    }
    (void)snprintf(msg.as.suggestion.why, sizeof msg.as.suggestion.why, "the moon");
    assert_int_equal(suggestion_message_reason(&msg.as.suggestion), MODEL_CURRICULUM_WHYS);
}

static void has_room_for_all_that_is_found(void **context)
{
    (void)context;
    static proto_message msg;
    advice.n = MODEL_CURRICULUM_MAX;
    suggestion_message_fill(&msg, &advice, &names, 200, 3);
    assert_int_equal(msg.as.suggestion.actions.n, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(says_the_best_changes_first_with_their_parameters, some_advice),
        cmocka_unit_test_setup(abstains_with_a_reason, some_advice),
        cmocka_unit_test_setup(says_nothing_of_changes_that_were_not_looked_at_to_the_end,
                               some_advice),
        cmocka_unit_test_setup(names_the_stage_that_a_change_leads_to, some_advice),
        cmocka_unit_test_setup(says_debiasing_by_the_name_that_protocols_have_for_it, some_advice),
        cmocka_unit_test_setup(a_message_can_be_asked_for_its_change_and_its_reason, some_advice),
        cmocka_unit_test_setup(has_room_for_all_that_is_found, some_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
