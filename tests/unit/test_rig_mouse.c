/* rig_mouse.h: a rig's messages, one after another, without sockets or clocks. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/random.h"
#include "rig_mouse.h"
#include "suite.h"

static const int64_t S = 1000000000;

static model_params params;
static struct rig_mouse_options options;
static struct rig_mouse mouse;
static proto_message reply;
static int64_t now_ns;

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(model_params_built_in(&params, "stimulus,bias"), MODEL_OK);
    memset(&params.noise, 0, sizeof params.noise);
    options = (struct rig_mouse_options){
        .params = &params, .seed = 41, .subject = "vm1", .window_s = 10.0, .speed = 1.0};
    model_engagement_sim_steady(&options.engagement);
    rig_mouse_init(&mouse, &options);
    now_ns = S;
    return 0;
}

static proto_message message(proto_kind kind, int64_t trial)
{
    proto_message m;
    proto_message_init(&m, kind);
    strcpy(m.env.rig, "rig-1");
    strcpy(m.env.subject, "vm1");
    m.env.trial = trial;
    return m;
}

static enum rig_mouse_heard hear(const proto_message *m)
{
    return rig_mouse_hear(&mouse, m, now_ns, &reply);
}

static enum rig_mouse_heard start(const char *session)
{
    proto_message m = message(PROTO_KIND_SESSION_START, PROTO_NIL);
    strcpy(m.env.session, session);
    return hear(&m);
}

static enum rig_mouse_heard show(int64_t trial, double contrast)
{
    proto_message m = message(PROTO_KIND_STIMULUS, trial);
    m.as.stimulus.stimulus = contrast;
    return hear(&m);
}

/* Waits for the answer. */
static int64_t answer(void)
{
    const int64_t due_ns = rig_mouse_due_ns(&mouse);
    assert_true(due_ns < INT64_MAX);
    assert_true(due_ns <= now_ns || !rig_mouse_next(&mouse, now_ns, &reply));
    now_ns = due_ns > now_ns ? due_ns : now_ns;
    assert_true(rig_mouse_next(&mouse, now_ns, &reply));
    assert_int_equal(reply.kind, PROTO_KIND_CHOICE);
    return reply.as.choice.choice;
}

static enum rig_mouse_heard finish(int64_t trial, double contrast, int64_t choice, double reward)
{
    proto_message m = message(PROTO_KIND_TRIAL, trial);
    m.as.trial.stimulus = contrast;
    m.as.trial.choice = choice;
    m.as.trial.reward = reward;
    return hear(&m);
}

static void assert_refused(enum rig_mouse_heard heard, proto_error_code code, const char *key)
{
    assert_int_equal(heard, RIG_MOUSE_REFUSED);
    assert_int_equal(reply.kind, PROTO_KIND_ERROR);
    assert_string_equal(reply.as.error.code, proto_error_name(code));
    assert_string_equal(reply.as.error.key, key);
    assert_true(reply.as.error.text[0] != '\0');
    uint8_t bytes[PROTO_BYTES_MAX];
    assert_true(proto_encode(&reply, PROTO_FORMAT_JSON, bytes, sizeof bytes) > 0);
}

static void answers_after_its_reaction_time_and_not_before(void **state)
{
    (void)state;
    assert_int_equal(start("s1"), RIG_MOUSE_REPLY);
    assert_int_equal(reply.kind, PROTO_KIND_SESSION_START);
    for (int64_t t = 0; t < 200; t++) {
        assert_int_equal(show(t, 0.5), RIG_MOUSE_ACT);
        const int64_t shown_ns = now_ns;
        (void)answer();
        assert_int_equal(reply.env.trial, t);
        assert_string_equal(reply.env.session, "s1");
        assert_string_equal(reply.env.rig, "rig-1");
        const double took_s = (double)(now_ns - shown_ns) / 1e9;
        assert_true(fabs(took_s - reply.as.choice.rt_s) < 1e-6);
        assert_true(took_s >= 0.2);
        assert_int_equal(finish(t, 0.5, reply.as.choice.choice, 1.0), RIG_MOUSE_REPLY);
        assert_int_equal(reply.kind, PROTO_KIND_TRIAL);
    }
    assert_int_equal(mouse.tally.stimuli, 200);
    assert_int_equal(mouse.tally.choices, 200);
    assert_int_equal(mouse.tally.trials, 200);
    assert_int_equal(mouse.tally.refused + mouse.tally.repeated + mouse.tally.unseen, 0);
}

static void its_time_runs_as_fast_as_is_said(void **state)
{
    (void)state;
    options.speed = 4.0;
    rig_mouse_init(&mouse, &options);
    assert_int_equal(show(0, 0.5), RIG_MOUSE_ACT);
    const int64_t waits_ns = rig_mouse_due_ns(&mouse) - now_ns;
    (void)answer();
    assert_true(fabs((double)waits_ns / 1e9 - reply.as.choice.rt_s / 4.0) < 1e-6);
    options.speed = 0.0;
    rig_mouse_init(&mouse, &options);
    assert_int_equal(show(0, 0.5), RIG_MOUSE_ACT);
    assert_true(rig_mouse_due_ns(&mouse) == now_ns);
}

static void a_no_go_is_said_when_the_window_is_over(void **state)
{
    (void)state;
    options.engagement.play.no_go = 1.0;
    rig_mouse_init(&mouse, &options);
    assert_int_equal(show(0, 0.5), RIG_MOUSE_ACT);
    assert_true(rig_mouse_due_ns(&mouse) == now_ns + 10 * S);
    assert_int_equal(answer(), PROTO_NIL);
    assert_true(isnan(reply.as.choice.rt_s));
    assert_refused(finish(0, 0.5, 1, 1.0), PROTO_ERROR_CONFLICT, "trial.choice");
    assert_int_equal(finish(0, 0.5, PROTO_NIL, 0.0), RIG_MOUSE_REPLY);
    assert_int_equal(mouse.tally.no_gos, 1);
    assert_int_equal(mouse.mouse.n_trials, 1);
}

static void a_reaction_slower_than_the_window_is_a_no_go(void **state)
{
    (void)state;
    options.window_s = 0.1;
    rig_mouse_init(&mouse, &options);
    assert_int_equal(show(0, 0.5), RIG_MOUSE_ACT);
    assert_int_equal(answer(), PROTO_NIL);
}

static void what_is_shown_again_is_answered_again_with_the_same(void **state)
{
    (void)state;
    assert_int_equal(show(0, 0.5), RIG_MOUSE_ACT);
    const int64_t due_ns = rig_mouse_due_ns(&mouse);
    now_ns += S / 10;
    assert_int_equal(show(0, 0.5), RIG_MOUSE_AGAIN);
    assert_true(rig_mouse_due_ns(&mouse) == due_ns);
    const int64_t choice = answer();
    const double rt_s = reply.as.choice.rt_s;
    for (int i = 0; i < 10; i++) {
        now_ns += S;
        assert_int_equal(show(0, 0.5), RIG_MOUSE_AGAIN);
        assert_true(rig_mouse_due_ns(&mouse) <= now_ns);
        assert_int_equal(answer(), choice);
        assert_true(reply.as.choice.rt_s == rt_s);
    }
    const double w = mouse.mouse.w[0];
    assert_int_equal(finish(0, 0.5, choice, 1.0), RIG_MOUSE_REPLY);
    assert_int_equal(finish(0, 0.5, choice, 1.0), RIG_MOUSE_REPLY);
    assert_int_equal(mouse.mouse.n_trials, 1);
    assert_true(mouse.mouse.w[0] == w);
    assert_int_equal(show(0, 0.5), RIG_MOUSE_AGAIN);
    assert_int_equal(answer(), choice);
    assert_int_equal(mouse.tally.stimuli, 1);
    assert_int_equal(mouse.tally.choices, 1);
    assert_int_equal(mouse.tally.repeated, 13);
}

static void without_numbers_a_seq_tells_what_is_the_same(void **state)
{
    (void)state;
    proto_message m = message(PROTO_KIND_STIMULUS, PROTO_NIL);
    m.as.stimulus.stimulus = 0.25;
    m.env.seq = 5;
    assert_int_equal(hear(&m), RIG_MOUSE_ACT);
    assert_int_equal(hear(&m), RIG_MOUSE_AGAIN);
    (void)answer();
    assert_int_equal(reply.env.trial, 0);
    m.env.seq = 6;
    assert_int_equal(hear(&m), RIG_MOUSE_ACT);
    (void)answer();
    assert_int_equal(reply.env.trial, 1);
    m.env.seq = PROTO_NIL;
    assert_int_equal(hear(&m), RIG_MOUSE_ACT);
    assert_int_equal(hear(&m), RIG_MOUSE_ACT);
    (void)answer();
    assert_int_equal(reply.env.trial, 3);
    assert_int_equal(show(1000000000, 0.25), RIG_MOUSE_ACT);
    assert_refused(hear(&m), PROTO_ERROR_LIMIT, "");
}

static void learns_from_the_reward_that_the_rig_tells(void **state)
{
    (void)state;
    params.rule.kind = MODEL_RULE_REINFORCE;
    params.rule.rate[0] = params.rule.rate[1] = 0.2;
    rig_mouse_init(&mouse, &options);
    int correct[2] = {0};
    for (int64_t t = 0; t < 2000; t++) {
        const double contrast = t % 2 == 0 ? 1.0 : -1.0;
        assert_int_equal(show(t, contrast), RIG_MOUSE_ACT);
        const int64_t choice = answer();
        const bool is_right = (choice == 1) == (contrast > 0.0);
        correct[t < 1000 ? 0 : 1] += is_right;
        assert_int_equal(finish(t, contrast, choice, is_right ? 1.0 : 0.0), RIG_MOUSE_REPLY);
    }
    assert_true(correct[0] < correct[1]);
    assert_true(correct[1] > 970);
    assert_int_equal(mouse.tally.rewarded, correct[0] + correct[1]);
}

static void a_rig_that_tells_another_choice_or_stimulus_is_refused(void **state)
{
    (void)state;
    params.rule.kind = MODEL_RULE_REINFORCE;
    params.rule.rate[0] = 0.2;
    rig_mouse_init(&mouse, &options);
    const model_virtual_mouse before = mouse.mouse;
    assert_int_equal(show(0, 0.5), RIG_MOUSE_ACT);
    assert_refused(finish(0, 0.5, 1, 1.0), PROTO_ERROR_CONFLICT, "trial.choice"); /* too early */
    const int64_t choice = answer();
    assert_refused(finish(0, 0.5, 1 - choice, 1.0), PROTO_ERROR_CONFLICT, "trial.choice");
    assert_refused(finish(0, 0.25, choice, 1.0), PROTO_ERROR_CONFLICT, "trial.stimulus");
    assert_refused(finish(1, 0.5, choice, 1.0), PROTO_ERROR_CONFLICT, "trial.choice");
    assert_refused(finish(0, (double)NAN, choice, 1.0), PROTO_ERROR_BAD_MESSAGE, "trial.stimulus");
    assert_refused(show(0, 0.25), PROTO_ERROR_CONFLICT, "stimulus.stimulus");
    assert_memory_equal(before.w, mouse.mouse.w, sizeof before.w);
    assert_int_equal(finish(0, 0.5, choice, 1.0), RIG_MOUSE_REPLY);
    assert_int_equal(mouse.tally.trials, 1);
    assert_int_equal(mouse.tally.refused, 6);
}

static void a_rig_may_give_up_before_the_mouse_answers(void **state)
{
    (void)state;
    assert_int_equal(show(0, 0.5), RIG_MOUSE_ACT);
    assert_int_equal(finish(0, 0.5, PROTO_NIL, 0.0), RIG_MOUSE_REPLY);
    assert_true(rig_mouse_due_ns(&mouse) == INT64_MAX);
    assert_int_equal(mouse.tally.trials, 1);
    assert_int_equal(mouse.tally.choices, 0);
    assert_int_equal(show(1, 0.5), RIG_MOUSE_ACT);
    assert_int_equal(show(2, 0.25), RIG_MOUSE_ACT); /* the former is over */
    (void)answer();
    assert_int_equal(reply.env.trial, 2);
    assert_int_equal(finish(5, 0.25, PROTO_NIL, 0.0), RIG_MOUSE_REPLY);
    assert_int_equal(mouse.tally.unseen, 1);
}

static void the_end_of_a_trial_may_come_after_the_next_stimulus(void **state)
{
    (void)state;
    params.rule.kind = MODEL_RULE_REINFORCE;
    params.rule.rate[0] = params.rule.rate[1] = 0.2;
    rig_mouse_init(&mouse, &options);
    int64_t choice[RIG_MOUSE_TRIALS + 2];
    for (int64_t t = 0; t < RIG_MOUSE_TRIALS + 2; t++) {
        assert_int_equal(show(t, 0.5), RIG_MOUSE_ACT);
        choice[t] = answer();
    }
    assert_int_equal(mouse.mouse.n_trials, 0);
    for (int64_t t = 0; t < RIG_MOUSE_TRIALS + 2; t++) {
        assert_int_equal(finish(t, 0.5, choice[t], 1.0), RIG_MOUSE_REPLY);
        assert_int_equal(finish(t, 0.5, choice[t], 1.0), RIG_MOUSE_REPLY);
    }
    assert_int_equal(mouse.mouse.n_trials, RIG_MOUSE_TRIALS); /* the first two are forgotten */
    assert_int_equal(mouse.tally.refused, 0);
}

static void a_rig_that_is_gone_gets_its_answer_when_it_asks_again(void **state)
{
    (void)state;
    assert_int_equal(show(0, 0.5), RIG_MOUSE_ACT);
    rig_mouse_drop(&mouse);
    assert_true(rig_mouse_due_ns(&mouse) == INT64_MAX);
    assert_false(rig_mouse_next(&mouse, now_ns + 100 * S, &reply));
    now_ns += 100 * S;
    assert_int_equal(show(0, 0.5), RIG_MOUSE_AGAIN);
    (void)answer();
    assert_int_equal(reply.env.trial, 0);
}

static void sessions_begin_by_message_by_name_or_after_an_end(void **state)
{
    (void)state;
    assert_int_equal(show(0, 0.5), RIG_MOUSE_ACT);
    (void)answer();
    assert_string_equal(reply.env.session, "1");
    proto_message end = message(PROTO_KIND_SESSION_END, PROTO_NIL);
    assert_int_equal(hear(&end), RIG_MOUSE_REPLY);
    assert_int_equal(reply.kind, PROTO_KIND_SESSION_END);
    assert_int_equal(show(0, 0.5), RIG_MOUSE_ACT);
    (void)answer();
    assert_string_equal(reply.env.session, "2");
    assert_int_equal(start("a"), RIG_MOUSE_REPLY);
    assert_int_equal(show(7, 0.5), RIG_MOUSE_ACT);
    assert_int_equal(start("a"), RIG_MOUSE_REPLY);
    assert_refused(show(3, 0.5), PROTO_ERROR_OUT_OF_ORDER, "");
    proto_message other = message(PROTO_KIND_STIMULUS, 0);
    strcpy(other.env.session, "b");
    other.as.stimulus.stimulus = 0.5;
    assert_int_equal(hear(&other), RIG_MOUSE_ACT);
    assert_int_equal(mouse.tally.sessions, 4);
    /* A trial of another session than this one is none that the mouse saw. */
    proto_message late = message(PROTO_KIND_TRIAL, 7);
    strcpy(late.env.session, "a");
    late.as.trial.stimulus = 0.5;
    late.as.trial.choice = 1;
    assert_refused(hear(&late), PROTO_ERROR_CONFLICT, "trial.choice");
    assert_int_equal(mouse.tally.sessions, 4);
}

static void another_animal_and_what_is_not_for_mice_are_refused(void **state)
{
    (void)state;
    proto_message m = message(PROTO_KIND_STIMULUS, 0);
    m.as.stimulus.stimulus = 0.5;
    strcpy(m.env.subject, "vm2");
    assert_refused(hear(&m), PROTO_ERROR_NOT_FOUND, "subject");
    m = message(PROTO_KIND_STATUS, PROTO_NIL);
    assert_refused(hear(&m), PROTO_ERROR_UNKNOWN_KIND, "kind");
    options.subject = "";
    rig_mouse_init(&mouse, &options);
    assert_int_equal(show(0, 0.5), RIG_MOUSE_ACT);
    assert_string_equal(mouse.subject, "vm1");
    const proto_message hello = message(PROTO_KIND_HELLO, PROTO_NIL);
    assert_int_equal(hear(&hello), RIG_MOUSE_REPLY);
    assert_int_equal(reply.kind, PROTO_KIND_HELLO);
    assert_string_equal(reply.as.hello.software, "murid mouse");
}

static void what_is_no_message_gets_an_error(void **state)
{
    (void)state;
    proto_message heard;
    proto_fault fault;
    assert_true(proto_decode((const uint8_t *)"{\"kind\":\"dance\"}", 16, &heard, &fault) < 0);
    rig_mouse_refuse(&mouse, &heard, &fault, &reply);
    assert_refused(RIG_MOUSE_REFUSED, PROTO_ERROR_UNKNOWN_KIND, "kind");
    static const char BAD[] =
        "{\"kind\":\"stimulus\",\"rig\":\"r\",\"subject\":\"s\",\"stimulus\":7}";
    assert_true(proto_decode((const uint8_t *)BAD, sizeof BAD - 1, &heard, &fault) < 0);
    rig_mouse_refuse(&mouse, &heard, &fault, &reply);
    assert_refused(RIG_MOUSE_REFUSED, PROTO_ERROR_BAD_MESSAGE, "stimulus.stimulus");
}

/* Any order of any messages: it never answers what was not asked, never twice without being asked
 * again, and counts each stimulus once. */
static void whatever_a_rig_says_each_stimulus_has_one_answer(void **state)
{
    (void)state;
    model_random random;
    model_random_seed(&random, suite_seed(), 0);
    model_engagement_sim_default(&options.engagement);
    rig_mouse_init(&mouse, &options);
    int64_t answered[64];
    memset(answered, 0x7f, sizeof answered);
    int64_t session = 0;
    assert_int_equal(start("s0"), RIG_MOUSE_REPLY);
    for (int i = 0; i < 20000; i++) {
        char name[16];
        const int64_t trial = (int64_t)model_random_below(&random, 64);
        const double contrast = (double)(trial % 5) / 4.0;
        (void)snprintf(name, sizeof name, "s%d", (int)session);
        bool asked = false;
        switch (model_random_below(&random, 8)) {
        case 0:
            if (model_random_below(&random, 20) == 0) {
                session++;
                memset(answered, 0x7f, sizeof answered);
                (void)snprintf(name, sizeof name, "s%d", (int)session);
                assert_int_equal(start(name), RIG_MOUSE_REPLY);
            }
            break;
        case 1:
            (void)finish(trial, contrast, (int64_t)model_random_below(&random, 2), 1.0);
            break;
        case 2:
            (void)finish(trial, contrast, PROTO_NIL, 0.0);
            break;
        case 3:
            rig_mouse_drop(&mouse);
            break;
        default:
            asked = show(trial, contrast) != RIG_MOUSE_REFUSED;
            break;
        }
        now_ns += (int64_t)model_random_below(&random, 20) * S;
        const int64_t due_ns = rig_mouse_due_ns(&mouse);
        assert_true(!asked || due_ns < INT64_MAX);
        if (rig_mouse_next(&mouse, now_ns, &reply)) {
            assert_true(due_ns <= now_ns);
            int64_t *was = &answered[reply.env.trial];
            assert_true(*was == reply.as.choice.choice || *was == 0x7f7f7f7f7f7f7f7f);
            *was = reply.as.choice.choice;
        }
    }
    assert_int_equal(mouse.tally.sessions, session + 1);
    assert_true(mouse.tally.choices + mouse.tally.no_gos <= mouse.tally.stimuli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(answers_after_its_reaction_time_and_not_before, set_up),
        cmocka_unit_test_setup(its_time_runs_as_fast_as_is_said, set_up),
        cmocka_unit_test_setup(a_no_go_is_said_when_the_window_is_over, set_up),
        cmocka_unit_test_setup(a_reaction_slower_than_the_window_is_a_no_go, set_up),
        cmocka_unit_test_setup(what_is_shown_again_is_answered_again_with_the_same, set_up),
        cmocka_unit_test_setup(without_numbers_a_seq_tells_what_is_the_same, set_up),
        cmocka_unit_test_setup(learns_from_the_reward_that_the_rig_tells, set_up),
        cmocka_unit_test_setup(a_rig_that_tells_another_choice_or_stimulus_is_refused, set_up),
        cmocka_unit_test_setup(a_rig_may_give_up_before_the_mouse_answers, set_up),
        cmocka_unit_test_setup(the_end_of_a_trial_may_come_after_the_next_stimulus, set_up),
        cmocka_unit_test_setup(a_rig_that_is_gone_gets_its_answer_when_it_asks_again, set_up),
        cmocka_unit_test_setup(sessions_begin_by_message_by_name_or_after_an_end, set_up),
        cmocka_unit_test_setup(another_animal_and_what_is_not_for_mice_are_refused, set_up),
        cmocka_unit_test_setup(what_is_no_message_gets_an_error, set_up),
        cmocka_unit_test_setup(whatever_a_rig_says_each_stimulus_has_one_answer, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
