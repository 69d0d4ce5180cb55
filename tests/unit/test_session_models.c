/* session.h: which model follows an animal, and what it was fitted on. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hear.h"

/* A bank of the random walk and a rule that was fitted on animals without bias. */
static void use_narrow_bank(double rate)
{
    bank.n = 2;
    bank.share = 0.001;
    bank.member[1] = params;
    bank.member[1].rule.kind = MODEL_RULE_REINFORCE;
    bank.member[1].rule.rate[0] = rate;
    bank.member[1].range = (model_range){.is_known = true,
                                         .w_lo = {-1e3, -2.0, -1e3},
                                         .w_hi = {1e3, 2.0, 1e3},
                                         .step_max = {1.0, 1.0, 1.0}};
    bank.prior[0] = bank.prior[1] = 0.5;
    assert_int_equal(model_bank_check(&bank), MODEL_OK);
}

static void choose(int from, int to, int every)
{
    for (int i = from; i < to; i++) {
        hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s1','trial':%d,'stimulus':0,"
             "'choice':%d,'reward':1}",
             i, every == 0 || i % every == 0);
        assert_int_equal(result.status, SESSION_OUTCOME_TAKEN);
        assert_int_equal(result.reply.kind, PROTO_KIND_PREDICTION);
        if (result.n_alerts > 0) {
            return;
        }
    }
}

static double weight_of_rule(const char *name)
{
    const proto_prediction *p = &result.reply.as.prediction;
    for (uint32_t i = 0; i < p->bank.n; i++) {
        if (strcmp(p->bank.v[i].name, name) == 0) {
            return p->bank.v[i].value;
        }
    }
    return -1.0;
}

static void an_animal_not_heard_yet_begins_with_the_model_in_force(void **state)
{
    (void)state;
    model_params other = params;
    other.noise.prior_mean[0] = 2.0;
    other.noise.prior_var[0] *= 3.0;
    model_bank_params other_bank;
    model_bank_single(&other_bank, &other);
    const struct twin_models others = {
        .bank = &other_bank, .baseline = &params, .engagement = &engagement};
    assert_int_equal(subjects_add_subject(&subjects, "m1"), 0); /* as a resume does */
    assert_int_equal(subjects_change_run(&subjects, 2, &config, others, "0123456789abcdef", NULL),
                     0);
    struct twin fresh;
    twin_init(&fresh, &others);
    assert_memory_equal(&m1()->state.twin, &fresh, twin_used(&fresh));
    hear_trial("s1", 0, 1, 1);
    const struct twin heard = m1()->state.twin;
    assert_int_equal(subjects_change_run(&subjects, 3, &config, models, "built-in", NULL), 0);
    assert_true(m1()->state.twin.bank.member[0].w[0] == heard.bank.member[0].w[0]);
    assert_int_equal(m1()->state.twin.score.n, 1);
}

static void an_animal_outside_of_the_model_is_said_once_a_bout(void **state)
{
    (void)state;
    use_narrow_bank(0.01);
    choose(0, 20, 2); /* right, left, right: no bias */
    expect(SESSION_OUTCOME_TAKEN, "");
    choose(20, 60, 0); /* right only */
    expect(SESSION_OUTCOME_TAKEN, "model_out_of_range");
    assert_true(result.alerts[0].evidence == 1.0);
    const int64_t said = result.heard.env.trial;
    char start[64];
    (void)snprintf(start, sizeof start, "m1, trial %" PRId64 ": weight bias is 2.", said);
    assert_memory_equal(result.alerts[0].text, start, strlen(start));
    assert_non_null(strstr(result.alerts[0].text, "-2 to 2 where the rule reinforce was "
                                                  "fitted; 1 of 2 members"));
    choose((int)said + 1, (int)said + 40, 0);
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_true(weight_of_rule("none") > 0.99);
    choose((int)said + 40, (int)said + 300, 2); /* comes back, and a bout ends */
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_int_equal(m1()->state.outside, 0);
    choose((int)said + 300, (int)said + 400, 0);
    expect(SESSION_OUTCOME_TAKEN, "model_out_of_range");
}

static void a_rule_that_is_nonsense_never_reaches_a_prediction(void **state)
{
    (void)state;
    use_narrow_bank(0.01);
    bank.member[1].rule.rate[0] = (double)NAN;
    bank.member[1].rule.rate[1] = 1e308;
    hear_trial("s1", 0, -1, 0);
    expect(SESSION_OUTCOME_TAKEN, "model_out_of_range");
    assert_non_null(strstr(result.alerts[0].text, "the rule reinforce gave no finite number"));
    for (int i = 1; i < 100; i++) {
        hear_trial("s1", i, -1, i);
        expect(SESSION_OUTCOME_TAKEN, "");
        const proto_prediction *p = &result.reply.as.prediction;
        for (uint32_t k = 0; k < p->p_right.n; k++) {
            assert_true(p->p_right.v[k] > 0.0 && p->p_right.v[k] < 1.0);
            assert_true(p->lo.v[k] <= p->p_right.v[k] && p->p_right.v[k] <= p->hi.v[k]);
        }
        assert_true(weight_of_rule("none") > 0.99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAR_TEST(an_animal_not_heard_yet_begins_with_the_model_in_force),
        HEAR_TEST(an_animal_outside_of_the_model_is_said_once_a_bout),
        HEAR_TEST(a_rule_that_is_nonsense_never_reaches_a_prediction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
