/* model/src/ahead/rollout.h: against the animals themselves, simulated by model/virtual_mouse.h.
 * Seeds are written out; every test gives the same result on every run. */
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
#include "model/random.h"
#include "model/rate_grid.h"
#include "model/virtual_mouse.h"
#include "rollout.h"
#include "some_net.h"

enum { ROLLOUTS = 400, KNOWN = 2000, AHEAD = 2000, LAST = 500, ANIMALS = 12 };

static const double CONTRASTS[] = {-1.0,   -0.5,  -0.25, -0.125, -0.0625,
                                   0.0625, 0.125, 0.25,  0.5,    1.0};

static model_bank_params params;
static model_rollout_tuning tuning;

/* A bank of the random walk and REINFORCE, as they would be fitted to learners with this noise. */
static void state_bank(void)
{
    model_params none;
    memset(&params, 0, sizeof params);
    assert_int_equal(model_params_built_in(&none, "stimulus,bias"), MODEL_OK);
    none.noise.prior_var[0] = none.noise.prior_var[1] = 0.5;
    none.noise.session_var[0] = none.noise.session_var[1] = 0.0;
    none.noise.drift_var[0] = 1e-3;
    none.noise.drift_var[1] = 4e-4;
    params.n = 2;
    params.share = 0.001;
    params.temper = 1.0;
    params.prior[0] = params.prior[1] = 0.5;
    params.member[0] = none;
    params.member[1] = none;
    params.member[1].rule.kind = MODEL_RULE_REINFORCE;
    params.member[1].rule.rate[0] = params.member[1].rule.rate[1] = 1.0 / 64.0;
    params.member[1].noise.drift_var[0] = 1e-4;
    params.member[1].noise.drift_var[1] = 1e-4;
    model_rollout_tuning_init(&tuning);
    assert_int_equal(model_bank_check(&params), MODEL_OK);
}

static rollout *fresh(size_t n)
{
    const size_t size = rollout_size(&params, n);
    assert_true(size > 0);
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    rollout *r = NULL;
    assert_non_null(mem);
    assert_int_equal(rollout_init(mem, size, &params, n, &r), MODEL_OK);
    return r;
}

static double draw_contrast(model_random *rig)
{
    return CONTRASTS[model_random_below(rig, sizeof CONTRASTS / sizeof CONTRASTS[0])];
}

static model_trial play(model_virtual_mouse *mouse, const model_params *animal, double c)
{
    const bool right = model_virtual_mouse_choose(mouse, animal, c);
    const model_trial trial = {.contrast = c,
                               .reward = (c > 0.0) == right ? 1.0 : 0.0,
                               .rt_s = (double)NAN,
                               .choice = right,
                               .side = c > 0.0};
    assert_int_equal(model_virtual_mouse_learn(mouse, animal, &trial), MODEL_OK);
    return trial;
}

/* Shares correct in the last LAST of AHEAD trials: what came, and what the roll-outs say. */
struct future {
    double truth;
    double forecast;
    double lo;
    double hi;
};

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* by_rule: the bank alone, every rule at pace 1. */
static struct future look_ahead(const model_params *animal, bool by_rule, uint64_t number)
{
    static model_bank bank;
    static model_rate_grid pace;
    static double right[ROLLOUTS];
    static float contrast[ROLLOUTS];
    static float reward[ROLLOUTS];
    static int8_t side[ROLLOUTS];
    static uint8_t chose[ROLLOUTS];
    struct future f = {0.0, 0.0, 0.0, 0.0};
    model_random rig;
    model_virtual_mouse mouse;
    model_random_seed(&rig, 60, number);
    model_virtual_mouse_init(&mouse, animal, 61, number);
    model_rate_grid_init(&pace, &params);
    model_bank_init(&bank, &params);
    for (int t = 0; t < KNOWN; t++) {
        const model_trial trial = play(&mouse, animal, draw_contrast(&rig));
        assert_int_equal(model_rate_grid_observe(&pace, &params, &trial), MODEL_OK);
        assert_int_equal(model_bank_observe(&bank, &params, &trial, NULL), MODEL_OK);
    }
    rollout *r = fresh(ROLLOUTS);
    assert_int_equal(by_rule ? rollout_start_bank(r, &bank, &tuning, ROLLOUTS, number)
                             : rollout_start(r, &pace, &tuning, ROLLOUTS, number),
                     MODEL_OK);
    memset(right, 0, sizeof right);
    for (int t = 0; t < AHEAD; t++) {
        const double c = draw_contrast(&rig);
        const model_trial trial = play(&mouse, animal, c);
        const double counts = t >= AHEAD - LAST ? 1.0 / LAST : 0.0;
        f.truth += counts * trial.reward;
        for (size_t i = 0; i < ROLLOUTS; i++) {
            contrast[i] = (float)c;
            side[i] = c > 0.0;
        }
        rollout_choose(r, contrast, NULL, chose, NULL);
        for (size_t i = 0; i < ROLLOUTS; i++) {
            reward[i] = chose[i] == side[i] ? 1.0F : 0.0F;
            right[i] += counts * (double)reward[i];
        }
        const model_cohort_trials trials = {contrast, chose, reward, side, NULL, NULL};
        assert_int_equal(rollout_learn(r, &trials), 0);
    }
    qsort(right, ROLLOUTS, sizeof right[0], compare);
    for (size_t i = 0; i < ROLLOUTS; i++) {
        f.forecast += right[i] / ROLLOUTS;
    }
    f.lo = right[ROLLOUTS / 20];
    f.hi = right[ROLLOUTS - 1 - ROLLOUTS / 20];
    free(r);
    return f;
}

/* Means over animals, and how many are within their bands. */
static struct future look_at_all(const model_params *animal, bool by_rule, int *n_in)
{
    struct future mean = {0.0, 0.0, 0.0, 0.0};
    *n_in = 0;
    for (uint64_t i = 0; i < ANIMALS; i++) {
        const struct future f = look_ahead(animal, by_rule, i);
        mean.truth += f.truth / ANIMALS;
        mean.forecast += f.forecast / ANIMALS;
        mean.lo += f.lo / ANIMALS;
        mean.hi += f.hi / ANIMALS;
        *n_in += f.truth >= f.lo && f.truth <= f.hi;
    }
    print_message("came %.3f, forecast %.3f (%.3f to %.3f), %d of %d within\n", mean.truth,
                  mean.forecast, mean.lo, mean.hi, *n_in, ANIMALS);
    return mean;
}

static void only(model_rule_kind kind)
{
    memset(tuning.prior, 0, sizeof tuning.prior);
    tuning.prior[kind] = 1.0;
}

static void learning_that_is_there_is_forecast(void **state)
{
    (void)state;
    int n_in;
    state_bank();
    const model_params learner = params.member[1];
    const struct future f = look_at_all(&learner, false, &n_in);
    CHECK_NEAR(f.forecast, f.truth, 0.03);
    assert_true(n_in >= ANIMALS - 3);
    only(MODEL_RULE_NONE); /* the walk alone misses it */
    assert_true(look_at_all(&learner, true, &n_in).forecast < f.truth - 0.04);
}

static void learning_that_is_not_there_is_not_invented(void **state)
{
    (void)state;
    int n_in;
    state_bank();
    model_params walker = params.member[0];
    walker.noise.prior_mean[0] = 1.0;
    walker.noise.prior_var[0] = walker.noise.prior_var[1] = 0.05;
    walker.noise.drift_var[0] = walker.noise.drift_var[1] = 1e-4;
    const struct future f = look_at_all(&walker, false, &n_in);
    CHECK_NEAR(f.forecast, f.truth, 0.06);
    assert_true(n_in >= ANIMALS - 3);
    only(MODEL_RULE_REINFORCE); /* the rule alone invents it */
    assert_true(look_at_all(&walker, true, &n_in).forecast > f.truth + 0.12);
}

static void strands_are_dealt_out_by_their_weights(void **state)
{
    (void)state;
    static model_rate_grid pace;
    double weight[MODEL_RATE_GRID_STRANDS];
    double sum = 0.0;
    state_bank();
    model_rate_grid_init(&pace, &params);
    pace.strand[1].nats = 3.0;
    rollout_weigh(&params, &pace, &tuning, weight);
    for (int64_t i = 0; i < pace.n; i++) {
        sum += weight[i];
    }
    CHECK_NEAR(sum, 1.0, 1e-12);
    CHECK_NEAR(weight[1] / weight[3], 0.2 / 0.35 * exp(-3.0 * tuning.trust), 1e-12);
    CHECK_NEAR(weight[0] / weight[3],
               tuning.prior[MODEL_RULE_NONE] / tuning.prior[MODEL_RULE_REINFORCE] / 0.35, 1e-12);
    rollout *r = fresh(1000);
    assert_int_equal(rollout_start(r, &pace, &tuning, 1000, 1), MODEL_OK);
    CHECK_NEAR(rollout_share(r, 0), weight[0], 1e-3);
    CHECK_NEAR(rollout_share(r, 1), 1.0 - weight[0], 1e-3);
    tuning.prior[MODEL_RULE_NONE] = 0.0;
    assert_int_equal(rollout_start(r, &pace, &tuning, 1000, 1), MODEL_OK);
    CHECK_NEAR(rollout_share(r, 0), 0.0, 0.0);
    free(r);
}

/* A gru_policy does not learn: it has no share where there is another, and all where there is none.
 */
static void a_gru_policy_alone_is_rolled_out_all_the_same(void **state)
{
    (void)state;
    static model_bank bank;
    test_random random = {.state = 9};
    state_bank();
    const model_net_shape shape = {true, 2 + MODEL_RULE_CONTEXT_INPUTS, 8, 1, 2};
    some_net *net = some_net_make(&random, shape);
    params.member[1].rule.kind = MODEL_RULE_GRU_POLICY;
    params.member[1].rule.net = net->net;
    model_bank_init(&bank, &params);
    rollout *r = fresh(64);
    assert_int_equal(rollout_start_bank(r, &bank, &tuning, 64, 1), MODEL_OK);
    CHECK_NEAR(rollout_share(r, 1), 0.0, 0.0);
    free(r);
    params.member[0] = params.member[1];
    params.n = 1;
    params.prior[0] = 1.0;
    model_bank_init(&bank, &params);
    r = fresh(64);
    assert_int_equal(rollout_start_bank(r, &bank, &tuning, 64, 1), MODEL_OK);
    CHECK_NEAR(rollout_share(r, 0), 1.0, 0.0);
    assert_true(fabs(rollout_predict(r, 63, 0.5) - 0.5) < 0.5);
    free(r);
    some_net_free(net);
}

static void refuses_what_is_out_of_range(void **state)
{
    (void)state;
    static model_bank bank;
    state_bank();
    model_bank_init(&bank, &params);
    rollout *r = fresh(10);
    assert_int_equal(rollout_start_bank(r, &bank, &tuning, 11, 1), MODEL_ERR_ARG);
    assert_int_equal(rollout_start_bank(r, &bank, &tuning, 0, 1), MODEL_ERR_ARG);
    tuning.reversion[1] = 1.5;
    assert_int_equal(rollout_start_bank(r, &bank, &tuning, 10, 1), MODEL_ERR_ARG);
    model_rollout_tuning_init(&tuning);
    tuning.drift[0] = (double)NAN;
    assert_int_equal(rollout_start_bank(r, &bank, &tuning, 10, 1), MODEL_ERR_ARG);
    assert_int_equal(rollout_size(&params, ROLLOUT_MAX + 1), 0);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learning_that_is_there_is_forecast),
        cmocka_unit_test(learning_that_is_not_there_is_not_invented),
        cmocka_unit_test(strands_are_dealt_out_by_their_weights),
        cmocka_unit_test(a_gru_policy_alone_is_rolled_out_all_the_same),
        cmocka_unit_test(refuses_what_is_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
