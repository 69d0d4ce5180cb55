/* model/curriculum.h. Skills are compared with animals of model/virtual_mouse.h, one by one. */
#include "suite.h"

#include <string.h>

#include "check.h"
#include "model/curriculum.h"
#include "model/virtual_mouse.h"

static model_protocol protocol;
static model_protocol_state rig;
static model_bank_params params;
static model_rate_grid pace;
static model_curriculum_config config;
static model_curriculum_advice advice;
static model_curriculum *curriculum;
static void *mem;

static void set_stage(uint32_t at, const char *name, uint32_t n, const double contrast[])
{
    model_protocol_stage *s = &protocol.stage[at];
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    s->n_contrasts = n;
    for (uint32_t i = 0; i < n; i++) {
        s->contrast[i] = contrast[i];
        s->probability[i] = 1.0 / n;
    }
    s->p_left = 0.5;
    s->p_reward[0][0] = s->p_reward[1][1] = 1.0;
}

static void some_protocol(void)
{
    memset(&protocol, 0, sizeof protocol);
    (void)snprintf(protocol.name, sizeof protocol.name, "two");
    protocol.n_stages = 2;
    protocol.carries_stage = true;
    protocol.trials_min = protocol.trials_max = 300;
    set_stage(0, "easy", 1, (double[]){1.0});
    set_stage(1, "full", 3, (double[]){1.0, 0.25, 0.125});
    protocol.stage[0].n_moves = 1;
    protocol.stage[0].move[0] = (model_protocol_move){
        .to = 1, .n_tests = 1, .test = {{MODEL_PROTOCOL_TEST_TRIALS, true, 0, 0.0, 1e6}}};
}

static void add_member(model_rule_kind kind, double rate)
{
    model_params *p = &params.member[params.n++];
    (void)model_params_built_in(p, "stimulus,bias");
    p->rule.kind = kind;
    for (size_t k = 0; k < 2; k++) {
        p->rule.rate[k] = rate;
        p->noise.prior_var[k] = 0.01;
        p->noise.drift_var[k] = 1e-5;
        p->noise.session_var[k] = 0.01;
    }
}

static void know(double stimulus, double bias)
{
    for (uint32_t m = 0; m < params.n; m++) {
        params.prior[m] = 1.0 / params.n;
        params.member[m].noise.prior_mean[0] = stimulus;
        params.member[m].noise.prior_mean[1] = bias;
    }
    memset(&pace, 0, sizeof pace);
    model_rate_grid_init(&pace, &params);
}

static int begin(void **context)
{
    (void)context;
    memset(&params, 0, sizeof params);
    params.temper = 1.0;
    some_protocol();
    model_curriculum_default(&config);
    config.tuning.trust = 1.0;
    for (size_t i = 0; i < 2; i++) { /* twins as they stand */
        config.tuning.drift[i] = config.tuning.session[i] = 1.0;
        config.tuning.reversion[i] = 0.0;
    }
    config.largest_change = 1.0;
    return 0;
}

static int end(void **context)
{
    (void)context;
    free(mem);
    mem = NULL;
    return 0;
}

static void make(void)
{
    const size_t size = model_curriculum_size(&params, &config);
    assert_true(size > 0);
    mem = aligned_alloc(MODEL_NET_ALIGN, size);
    assert_non_null(mem);
    assert_int_equal(model_curriculum_init(mem, size, &params, &config, &curriculum), MODEL_OK);
    model_protocol_init(&rig, &protocol, 1, 0);
    model_protocol_start_session(&rig, &protocol);
}

static void ask(uint32_t stage)
{
    if (stage != (uint32_t)rig.stage) {
        model_protocol_enter(&rig, stage);
    }
    const model_curriculum_training training = {
        .place = {&protocol, &protocol, &protocol, stage, stage}, .rig = &rig};
    assert_int_equal(model_curriculum_advise(curriculum, &pace, &training, 5, NULL, NULL, &advice),
                     MODEL_OK);
}

static void advises_harder_stimuli_to_an_animal_that_has_mastered_the_easy_ones(void **context)
{
    (void)context;
    add_member(MODEL_RULE_REINFORCE, 0.03);
    know(3.0, 0.0);
    make();
    ask(0);
    assert_int_equal(advice.why, MODEL_CURRICULUM_ADVISES);
    const model_curriculum_action *best = &advice.action[0];
    assert_true(best->gain > 5.0 * best->gain_se);
    assert_true(best->align > 0.0);
    assert_true(best->change.kind == MODEL_PROTOCOL_CHANGE_CONTRAST ||
                best->change.kind == MODEL_PROTOCOL_CHANGE_STIMULI ||
                best->change.kind == MODEL_PROTOCOL_CHANGE_HARDER ||
                best->change.kind == MODEL_PROTOCOL_CHANGE_STAGE_UP);
    assert_true(best->reward < advice.carry_on.reward);
    assert_true(best->p_better > 0.6); /* a fifth of the twins make no steps */
    assert_true(best->gain_lo <= best->gain && best->gain <= best->gain_hi);
}

static void advises_the_side_that_a_biased_animal_neglects(void **context)
{
    (void)context;
    add_member(MODEL_RULE_REINFORCE, 0.03);
    know(1.5, 1.5);
    for (int i = 0; i < MODEL_PROTOCOL_CHANGES; i++) {
        config.allowed[i] = i == MODEL_PROTOCOL_CHANGE_SIDE;
    }
    config.reward_floor = 0.0;
    make();
    ask(1);
    assert_int_equal(advice.why, MODEL_CURRICULUM_ADVISES);
    assert_true(advice.action[0].change.p_left > 0.6);
    for (uint32_t i = 0; i < advice.n; i++) {
        assert_int_equal(advice.action[i].change.kind, MODEL_PROTOCOL_CHANGE_SIDE);
    }
}

static void abstains_where_no_rule_moves_the_animal(void **context)
{
    (void)context;
    add_member(MODEL_RULE_NONE, 0.0);
    add_member(MODEL_RULE_REINFORCE, 0.03);
    know(2.0, 0.0);
    for (int64_t i = 0; i < pace.n; i++) {
        pace.strand[i].nats = pace.strand[i].member == 1 && pace.strand[i].pace > 0.0 ? 5.0 : 0.0;
    }
    make();
    ask(0);
    assert_int_equal(advice.why, MODEL_CURRICULUM_NOT_LEARNING);
    CHECK_NEAR(advice.p_learns, 3.0 * exp(-5.0) / (3.0 * exp(-5.0) + 1.0), 1e-9); /* 3 to 1 */
}

static void finds_no_gain_beyond_chance_in_an_animal_that_does_not_learn(void **context)
{
    (void)context;
    add_member(MODEL_RULE_NONE, 0.0);
    know(2.0, 0.0);
    make();
    ask(0);
    assert_int_equal(advice.why, MODEL_CURRICULUM_NOISE);
}

/* The one unlearns where the other learns. */
static void abstains_where_the_rules_disagree(void **context)
{
    (void)context;
    config.reward_price = config.reward_floor = 0.0;
    config.first = 512;
    config.rollouts = 4096;
    add_member(MODEL_RULE_PREDICT_MAX, 0.1);
    add_member(MODEL_RULE_REINFORCE, -0.05);
    know(2.5, 0.0);
    for (int64_t i = 0; i < pace.n; i++) {
        pace.strand[i].nats = pace.strand[i].pace == 1.0 ? 0.0 : (double)INFINITY;
    }
    for (int i = 0; i < MODEL_PROTOCOL_CHANGES; i++) {
        config.allowed[i] = i == MODEL_PROTOCOL_CHANGE_CONTRAST;
    }
    make();
    ask(0);
    assert_int_equal(advice.why, MODEL_CURRICULUM_DISAGREE);
}

static void keeps_to_the_reward_floor_and_to_what_is_allowed(void **context)
{
    (void)context;
    add_member(MODEL_RULE_REINFORCE, 0.03);
    know(3.0, 0.0);
    config.reward_floor = 1.0;
    config.allowed[MODEL_PROTOCOL_CHANGE_DEBIAS] = config.allowed[MODEL_PROTOCOL_CHANGE_SIDE] =
        false;
    config.allowed[MODEL_PROTOCOL_CHANGE_STOP] = config.allowed[MODEL_PROTOCOL_CHANGE_STIMULI] =
        false;
    make();
    ask(0);
    assert_int_equal(advice.why, MODEL_CURRICULUM_REWARD);
    memset(config.allowed, 0, sizeof config.allowed);
    ask(0);
    assert_int_equal(advice.why, MODEL_CURRICULUM_NOTHING);
    assert_int_equal(advice.n, 0);
}

static void goes_no_further_than_the_largest_change(void **context)
{
    (void)context;
    add_member(MODEL_RULE_REINFORCE, 0.03);
    know(3.0, 0.5);
    config.largest_change = 0.3;
    make();
    ask(1);
    for (uint32_t i = 0; i < advice.n; i++) {
        static model_protocol changed;
        uint32_t stage;
        const model_protocol_change_place place = {&protocol, &protocol, &protocol, 1, 1};
        assert_int_equal(
            model_protocol_change_apply(&changed, &stage, &place, &advice.action[i].change),
            MODEL_OK);
        if (stage == 1) {
            assert_true(model_protocol_change_distance(&changed.stage[1], &protocol.stage[1]) <
                        0.3 + 1e-6);
        }
    }
}

static void says_the_same_twice_and_something_else_with_another_seed(void **context)
{
    (void)context;
    static model_curriculum_advice first;
    add_member(MODEL_RULE_REINFORCE, 0.03);
    add_member(MODEL_RULE_NONE, 0.0);
    know(3.0, 0.5);
    make();
    ask(0);
    first = advice;
    ask(0);
    assert_memory_equal(&first, &advice, sizeof advice);
    const model_curriculum_training training = {.place = {&protocol, &protocol, &protocol, 0, 0},
                                                .rig = &rig};
    assert_int_equal(model_curriculum_advise(curriculum, &pace, &training, 6, NULL, NULL, &advice),
                     MODEL_OK);
    assert_true(fabs(first.carry_on.skill - advice.carry_on.skill) > 0.0);
}

static bool third_time(void *context)
{
    int *asked = context;
    return ++*asked >= 3;
}

static void gives_up_when_it_is_told_to(void **context)
{
    (void)context;
    int asked = 0;
    add_member(MODEL_RULE_REINFORCE, 0.03);
    know(3.0, 0.5);
    make();
    const model_curriculum_training training = {.place = {&protocol, &protocol, &protocol, 0, 0},
                                                .rig = &rig};
    assert_int_equal(
        model_curriculum_advise(curriculum, &pace, &training, 5, third_time, &asked, &advice),
        MODEL_OK);
    assert_int_equal(advice.why, MODEL_CURRICULUM_STOPPED);
    assert_int_equal(asked, 3);
}

static double skill_of(const model_virtual_mouse *mouse, const model_params *p)
{
    static const double CONTRASTS[] = {1.0, 0.25, 0.125};
    double left = 0.0;
    double right = 0.0;
    for (size_t i = 0; i < 3; i++) {
        left += (1.0 - model_virtual_mouse_predict(mouse, p, -CONTRASTS[i])) / 3.0;
        right += model_virtual_mouse_predict(mouse, p, CONTRASTS[i]) / 3.0;
    }
    return fmin(left, right);
}

/* 2,000 animals of model/virtual_mouse.h from the same prior, through the same protocol. */
static void carrying_on_comes_to_what_single_animals_come_to(void **context)
{
    (void)context;
    enum { N = 2000 };
    double sum = 0.0;
    double squares = 0.0;
    add_member(MODEL_RULE_REINFORCE, 0.05);
    know(1.0, 0.3);
    config.rollouts = 2048;
    make();
    for (int64_t i = 0; i < pace.n; i++) {
        pace.strand[i].nats = pace.strand[i].pace == 1.0 ? 0.0 : (double)INFINITY;
    }
    ask(1);
    for (uint64_t i = 0; i < N; i++) {
        const model_params *p = &params.member[0];
        model_virtual_mouse mouse;
        model_protocol_state own = rig;
        model_virtual_mouse_init(&mouse, p, 99, i);
        model_random_seed(&own.random, 98, i);
        for (uint32_t t = 0; t < config.horizon; t++) {
            model_protocol_trial shown;
            assert_true(model_protocol_next(&own, &protocol, &shown));
            const bool right = model_virtual_mouse_choose(&mouse, p, shown.contrast);
            const model_trial trial = {
                .contrast = shown.contrast,
                .reward = model_protocol_push(&own, &protocol, &shown, right, (double)NAN),
                .rt_s = (double)NAN,
                .choice = right,
                .side = shown.side};
            assert_int_equal(model_virtual_mouse_learn(&mouse, p, &trial), MODEL_OK);
        }
        const double skill = skill_of(&mouse, p);
        sum += skill;
        squares += skill * skill;
    }
    const double mean = sum / N;
    const double error = sqrt((squares / N - mean * mean) * (1.0 / N + 1.0 / 2048));
    CHECK_NEAR(advice.carry_on.skill, mean, 5.0 * error);
    assert_true(mean > advice.skill + 0.05); /* and they have learned */
}

static double p_learns(double before)
{
    config.p_learning = before;
    free(mem);
    make();
    ask(0);
    return advice.p_learns;
}

static void whether_it_learns_follows_from_the_strands(void **context)
{
    (void)context;
    add_member(MODEL_RULE_NONE, 0.0);
    add_member(MODEL_RULE_REINFORCE, 0.1);
    know(0.0, 0.0);
    CHECK_NEAR(p_learns(0.7), 0.7, 1e-12);
    pace.strand[0].nats =
        (double)INFINITY; /* none is out; pace 0 of the other is 0.2 of all its prior */
    CHECK_NEAR(p_learns(0.5), 1.0 / (1.0 + 0.2 / 1.2), 1e-12);
    params.n = 1;
    know(0.0, 0.0);
    CHECK_NEAR(p_learns(0.7), 0.7, 0.0);
}

static void refuses_configurations_out_of_range_and_memory_one_byte_short(void **context)
{
    (void)context;
    add_member(MODEL_RULE_REINFORCE, 0.03);
    know(1.0, 0.0);
    const size_t size = model_curriculum_size(&params, &config);
    mem = aligned_alloc(MODEL_NET_ALIGN, size);
    assert_int_equal(model_curriculum_init(mem, size - 1, &params, &config, &curriculum),
                     MODEL_ERR_SPACE);
    config.first = config.rollouts + 1;
    assert_int_equal(model_curriculum_size(&params, &config), 0);
    model_curriculum_default(&config);
    config.horizon = 0;
    assert_int_equal(model_curriculum_size(&params, &config), 0);
    model_curriculum_default(&config);
    config.largest_change = (double)NAN;
    assert_int_equal(model_curriculum_size(&params, &config), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(advises_harder_stimuli_to_an_animal_that_has_mastered_the_easy_ones),
        TEST(advises_the_side_that_a_biased_animal_neglects),
        TEST(abstains_where_no_rule_moves_the_animal),
        TEST(finds_no_gain_beyond_chance_in_an_animal_that_does_not_learn),
        TEST(abstains_where_the_rules_disagree),
        TEST(keeps_to_the_reward_floor_and_to_what_is_allowed),
        TEST(goes_no_further_than_the_largest_change),
        TEST(says_the_same_twice_and_something_else_with_another_seed),
        TEST(gives_up_when_it_is_told_to),
        TEST(carrying_on_comes_to_what_single_animals_come_to),
        TEST(whether_it_learns_follows_from_the_strands),
        TEST(refuses_configurations_out_of_range_and_memory_one_byte_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
