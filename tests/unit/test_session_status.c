/* session.h and subjects.h: the training status that an animal's trials come to. */
#include <math.h>
#include <stdio.h>

#include "hear.h"
#include "model/random.h"
#include "status_message.h"

/* A trial of m1 on r1, and the same to a tracker that hears no wire. */
static void hear_counted(model_training_status *alone, const char *session, int trial,
                         model_random *random)
{
    static const double CONTRASTS[] = {-1.0, -0.25, 0.0, 0.25, 1.0};
    const double stimulus = CONTRASTS[model_random_below(random, 5)];
    const int choice = model_random_uniform(random) < 0.5 + 0.45 * stimulus ? 1 : 0;
    const double rt_s = 0.25 + (double)model_random_below(random, 64) / 64.0;
    const double p_left = model_random_below(random, 2) == 0 ? 0.2 : 0.8;
    const bool is_no_go = model_random_below(random, 16) == 0;
    const model_trial t = {.contrast = stimulus,
                           .reward = (double)NAN,
                           .rt_s = rt_s,
                           .choice = (int8_t)(is_no_go ? -1 : choice)};
    const char *const chosen = is_no_go ? "null" : choice == 1 ? "1" : "0";
    for (int times = 0; times < 2; times++) { /* what comes twice counts once */
        hear("{'kind':'trial','rig':'r1','subject':'m1','session':'%s','trial':%d,'stimulus':%.3f,"
             "'choice':%s,'rt_s':%.6f,'p_left':%.1f}",
             session, trial, stimulus, chosen, rt_s, p_left);
    }
    model_training_status_push(alone, &t, p_left);
}

static void the_tracker_hears_what_is_taken_up_and_what_a_session_start_says(void **state)
{
    (void)state;
    static model_training_status alone;
    static uint8_t live_bytes[sizeof(model_training_status)];
    static uint8_t alone_bytes[sizeof(model_training_status)];
    const model_training_status_session_info infos[] = {
        {MODEL_IBL_CRITERIA_PROTOCOL_BIASED, true, 1000.0},
        {MODEL_IBL_CRITERIA_PROTOCOL_UNKNOWN, false, (double)NAN},
        {MODEL_IBL_CRITERIA_PROTOCOL_TRAINING, false, 0.0},
        {MODEL_IBL_CRITERIA_PROTOCOL_BIASED, false, (double)NAN}};
    const char *const says[] = {"'task':'ephysChoiceWorld','ephys_rig':1,'delay_s':1000",
                                "'task':'my own'", "'task':'trainingChoiceWorld','delay_s':0",
                                "'task':'BIASED','ephys_rig':0,'delay_s':NaN"};
    model_random random;
    model_random_seed(&random, suite_seed(), 0);
    model_training_status_init(&alone);
    for (int s = 0; s < 4; s++) {
        char name[8];
        (void)snprintf(name, sizeof name, "s%d", s);
        hear("{'kind':'session_start','rig':'r1','subject':'m1','session':'%s',%s}", name, says[s]);
        expect(SESSION_OUTCOME_NOTED, "");
        model_training_status_start(&alone, status_message_session_id("r1", name), &infos[s], NULL);
        for (int t = 0; t < 100; t++) { /* each fifth comes after the sixth */
            const int number = t % 10 == 4 ? t + 1 : t % 10 == 5 ? t - 1 : t;
            hear_counted(&alone, name, number, &random);
        }
        if (s % 2 == 0) { /* judged in time, or only when the next one starts */
            subjects_judge(m1(), now_ns);
        }
    }
    const model_training_status *live = &m1()->state.tracker;
    assert_int_equal(live->n_pushed, 400);
    assert_int_equal(model_training_status_size(live), model_training_status_size(&alone));
    model_training_status_pack(live, live_bytes);
    model_training_status_pack(&alone, alone_bytes);
    assert_memory_equal(live_bytes, alone_bytes, model_training_status_size(live));
}

static void an_animal_is_judged_when_its_session_ended_or_a_period_went_by(void **state)
{
    (void)state;
    proto_message said;
    hear_trial("s1", 0, -1, 1);
    assert_false(status_message_fill(&subjects, 0, &said));
    assert_false(subjects_is_to_judge(m1(), S, 60 * S));
    assert_true(subjects_is_to_judge(m1(), 60 * S, 60 * S));
    hear("{'kind':'session_end','rig':'r1','subject':'m1','session':'s1'}");
    assert_true(subjects_is_to_judge(m1(), S, 60 * S));
    subjects_judge(m1(), 2 * S);
    assert_false(subjects_is_to_judge(m1(), 100 * S, 60 * S));
    assert_true(status_message_fill(&subjects, 0, &said));
    assert_int_equal(said.kind, PROTO_KIND_TRAINING);
    assert_string_equal(said.env.session, "s1");
    assert_string_equal(said.as.training.status, "in_training");
    assert_string_equal(said.as.training.next, "trained_1a");
    assert_int_equal(said.as.training.running, 0);
    hear_trial("s1", 1, -1, 2);
    assert_false(subjects_is_to_judge(m1(), 3 * S, 60 * S));
    assert_true(subjects_is_to_judge(m1(), 62 * S, 60 * S));
    subjects_judge(m1(), 62 * S);
    assert_true(status_message_fill(&subjects, 0, &said));
    assert_int_equal(said.as.training.running, 1);
    hear("{'kind':'session_end','rig':'r1','subject':'m1','session':'s1'}");
    assert_true(subjects_is_to_judge(m1(), 63 * S, 60 * S)); /* its end is said, too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAR_TEST(the_tracker_hears_what_is_taken_up_and_what_a_session_start_says),
        HEAR_TEST(an_animal_is_judged_when_its_session_ended_or_a_period_went_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
