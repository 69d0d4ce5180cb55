/* model/cohort.h: against model/virtual_mouse.h and model/rule.h, animal by animal; and the
 * cohort's kernels against libm. Seeds are written out; every test gives the same result on every
 * run. */
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
#include "cohort_kernel.h"
#include "model/cohort.h"
#include "model/random.h"
#include "model/virtual_mouse.h"
#include "some_net.h"
#include "some_terms.h"

enum { ANIMALS = 150, TRIALS = 120, SESSION = 40 };

static const char FEATURES[] = "stimulus,bias,prev_choice,win_stay,choice_trace";

static model_params params;
static some_net *net;

/* A rule with noise on every weight; nets are small and random. */
static void state_params(const char *features, model_rule_kind kind, double noise)
{
    memset(&params, 0, sizeof params);
    assert_int_equal(model_params_built_in(&params, features), MODEL_OK);
    params.rule.kind = kind;
    some_terms_fill(&params.rule);
    for (size_t i = 0; i < MODEL_WEIGHTS_MAX; i++) {
        params.rule.rate[i] = 0.05 + 0.01 * (double)i;
        params.rule.baseline[i] = 0.3;
        params.rule.decay[i] = 0.8;
        params.noise.drift_var[i] = noise * 1e-4 * (double)(i + 1);
        params.noise.session_var[i] = noise * 0.1;
        params.noise.prior_var[i] = noise > 0.0 ? 0.5 : 1e-12;
    }
    if (model_rule_of(kind)->has_net) {
        test_random r = {.state = 77};
        const model_net_shape shape = {
            .is_recurrent = model_rule_of(kind)->is_recurrent,
            .n_inputs = (uint32_t)(params.policy.n + model_rule_of(kind)->n_inputs),
            .n_hidden = 19,
            .n_layers = 2,
            .n_outputs = params.policy.n};
        net = some_net_make(&r, shape);
        params.rule.net = net->net;
    }
}

static model_cohort *fresh(size_t n)
{
    const size_t size = model_cohort_size(&params, n);
    assert_true(size > 0 && size % MODEL_NET_ALIGN == 0);
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    assert_non_null(mem);
    model_cohort *cohort = NULL;
    assert_int_equal(model_cohort_init(mem, size, &params, n, &cohort), MODEL_OK);
    return cohort;
}

/* Animal i with those weights, and no more known of it. */
static void place(model_cohort *cohort, size_t i, const double w[])
{
    model_member twin;
    model_member_init(&twin, &params);
    memset(twin.P, 0, sizeof twin.P);
    memcpy(twin.w, w, params.policy.n * sizeof w[0]);
    model_cohort_enter(cohort, i, &twin, 0, i);
}

static void drop(model_cohort *cohort)
{
    free(cohort);
    if (net != NULL) {
        some_net_free(net);
        net = NULL;
    }
}

/* What a rig does with animal `number` on a trial, whatever cohort it stands in. */
static double contrast_of(uint64_t number, int trial)
{
    static const double CONTRASTS[] = {-1.0, -0.5, -0.25, -0.125, 0.0, 0.0625, 0.25, 1.0};
    model_random r;
    model_random_seed(&r, 500 + (uint64_t)trial, number);
    return CONTRASTS[model_random_below(&r, 8)];
}

static bool has_trial(uint64_t number, int trial)
{
    return (number + (uint64_t)trial) % 7 != 3;
}

/* One life of a cohort whose animal i is number numbers[i]; all weights at the end, in out (n, k).
 */
static void live(model_cohort *cohort, size_t n, const uint64_t numbers[], bool pauses, double *out)
{
    float contrast[ANIMALS];
    float reward[ANIMALS];
    float rt_s[ANIMALS];
    int8_t side[ANIMALS];
    uint8_t active[ANIMALS];
    uint8_t chose[ANIMALS];
    for (size_t i = 0; i < n; i++) {
        model_cohort_found(cohort, i, 31, numbers[i]);
    }
    for (int t = 0; t < TRIALS; t++) {
        for (size_t i = 0; i < n; i++) {
            if (t % SESSION == 0) {
                model_cohort_start_session(cohort, i);
            }
            contrast[i] = (float)contrast_of(numbers[i], t);
            active[i] = !pauses || has_trial(numbers[i], t);
            chose[i] = 9;
            rt_s[i] = t % 5 == 0 ? NAN : 0.3F + (float)contrast[i];
            side[i] = (int8_t)(contrast[i] > 0.0F ? 1 : (contrast[i] < 0.0F ? 0 : -1));
        }
        model_cohort_choose(cohort, contrast, active, chose, NULL);
        for (size_t i = 0; i < n; i++) {
            assert_true(active[i] ? chose[i] <= 1 : chose[i] == 9);
            reward[i] = side[i] < 0 ? NAN : (float)(chose[i] == side[i]);
        }
        const model_cohort_trials trials = {contrast, chose, reward, side, rt_s, active};
        assert_int_equal(model_cohort_learn(cohort, &trials), 0);
    }
    for (size_t i = 0; i < n; i++) {
        model_cohort_weights(cohort, i, out + i * params.policy.n);
    }
}

/* The same choices and no noise: w and p of the cohort are those of model_virtual_mouse, which
 * takes model_rule_step() in double precision. */
static void follows_the_mouse_step_by_step(void **state)
{
    (void)state;
    enum { N = 70 };
    for (int kind = 0; kind < MODEL_RULES; kind++) {
        static model_virtual_mouse mice[N];
        float contrast[N];
        float reward[N];
        float rt_s[N];
        float p[N];
        int8_t side[N];
        uint8_t chose[N];
        state_params(FEATURES, (model_rule_kind)kind, 0.0);
        model_cohort *cohort = fresh(N);
        for (size_t i = 0; i < N; i++) {
            model_virtual_mouse_init(&mice[i], &params, 5, i);
            for (size_t k = 0; k < params.policy.n; k++) {
                mice[i].w[k] = 0.4 * sin((double)(i * 8 + k));
            }
            place(cohort, i, mice[i].w);
        }
        model_random coin;
        model_random_seed(&coin, 6, (uint64_t)kind);
        for (int t = 0; t < TRIALS; t++) {
            for (size_t i = 0; i < N; i++) {
                if (t == SESSION + (int)i % 3) {
                    model_virtual_mouse_start_session(&mice[i], &params);
                    model_cohort_start_session(cohort, i);
                }
                contrast[i] = (float)contrast_of(i, t);
                chose[i] = model_random_below(&coin, 2) == 1;
                reward[i] = model_random_below(&coin, 4) == 0 ? NAN : (float)(chose[i] == 1);
                side[i] = (int8_t)((int)model_random_below(&coin, 3) - 1);
                rt_s[i] = model_random_below(&coin, 5) == 0
                              ? NAN
                              : (float)(200.0 * model_random_uniform(&coin) - 1.0);
                rt_s[i] = rt_s[i] < 0.0F ? 0.0F : rt_s[i];
            }
            uint8_t drawn[N];
            model_cohort_choose(cohort, contrast, NULL, drawn, p);
            const model_cohort_trials trials = {contrast, chose, reward, side, rt_s, NULL};
            assert_int_equal(model_cohort_learn(cohort, &trials), 0);
            for (size_t i = 0; i < N; i++) {
                double w[MODEL_WEIGHTS_MAX];
                CHECK_NEAR(p[i],
                           model_virtual_mouse_predict(&mice[i], &params, (double)contrast[i]),
                           2e-5);
                const model_trial trial = {.contrast = (double)contrast[i],
                                           .reward = (double)reward[i],
                                           .rt_s = (double)rt_s[i],
                                           .choice = (int8_t)chose[i],
                                           .side = side[i]};
                assert_int_equal(model_virtual_mouse_learn(&mice[i], &params, &trial), MODEL_OK);
                model_cohort_weights(cohort, i, w);
                for (size_t k = 0; k < params.policy.n; k++) {
                    const double truth = mice[i].w[k] + mice[i].rule.offset[k];
                    CHECK_NEAR(w[k], truth, 2e-5 * (1.0 + fabs(truth)));
                }
            }
        }
        drop(cohort);
    }
}

/* Number 0 to n - 1 in order; a few of them in another order; with pauses. */
static void each_animal_is_the_same_in_any_herd(void **state)
{
    (void)state;
    static const uint64_t SOME[] = {149, 3, 64, 63, 0, 101};
    enum { SOME_N = sizeof SOME / sizeof SOME[0] };
    static uint64_t all[ANIMALS];
    static double of_all[ANIMALS * MODEL_WEIGHTS_MAX];
    static double of_some[SOME_N * MODEL_WEIGHTS_MAX];
    for (uint64_t i = 0; i < ANIMALS; i++) {
        all[i] = i;
    }
    for (int kind = 0; kind < MODEL_RULES; kind++) {
        state_params("stimulus,bias,choice_trace", (model_rule_kind)kind, 1.0);
        model_cohort *cohort = fresh(ANIMALS);
        live(cohort, ANIMALS, all, true, of_all);
        model_cohort *few = fresh(SOME_N);
        live(few, SOME_N, SOME, true, of_some);
        for (size_t i = 0; i < SOME_N; i++) {
            assert_memory_equal(of_some + i * 3, of_all + SOME[i] * 3, 3 * sizeof(double));
        }
        free(few);
        drop(cohort);
    }
}

static void animals_without_a_trial_are_left_alone(void **state)
{
    (void)state;
    state_params(FEATURES, MODEL_RULE_RNN, 1.0);
    model_cohort *cohort = fresh(3);
    const size_t size = model_cohort_size(&params, 3);
    const float contrast[3] = {NAN, NAN, NAN};
    const uint8_t active[3] = {0, 0, 0};
    uint8_t chose[3] = {7, 8, 9};
    double before[3][MODEL_WEIGHTS_MAX];
    double after[MODEL_WEIGHTS_MAX];
    assert_true(size > 0);
    for (size_t i = 0; i < 3; i++) {
        model_cohort_weights(cohort, i, before[i]);
    }
    model_cohort_choose(cohort, contrast, active, chose, NULL);
    assert_true(chose[0] == 7 && chose[1] == 8 && chose[2] == 9);
    const model_cohort_trials trials = {
        .contrast = contrast, .chose_right = chose, .active = active};
    assert_int_equal(model_cohort_learn(cohort, &trials), 0);
    for (size_t i = 0; i < 3; i++) {
        model_cohort_weights(cohort, i, after);
        assert_memory_equal(after, before[i], params.policy.n * sizeof(double));
    }
    drop(cohort);
}

/* Mean and variance of the first two weights over animals. */
typedef struct {
    double mean[2];
    double var[2];
} moments;

static moments moments_of(const double *w, size_t n, size_t k)
{
    moments m = {{0.0, 0.0}, {0.0, 0.0}};
    for (size_t j = 0; j < 2; j++) {
        for (size_t i = 0; i < n; i++) {
            m.mean[j] += w[i * k + j] / (double)n;
        }
        for (size_t i = 0; i < n; i++) {
            const double apart = w[i * k + j] - m.mean[j];
            m.var[j] += apart * apart / (double)(n - 1);
        }
    }
    return m;
}

enum { MANY = 3000 };

/* The same life for model_virtual_mouse. */
static void live_alone(double *out)
{
    for (uint64_t i = 0; i < MANY; i++) {
        model_virtual_mouse mouse;
        model_virtual_mouse_init(&mouse, &params, 32, i);
        for (int t = 0; t < TRIALS; t++) {
            if (t % SESSION == 0) {
                model_virtual_mouse_start_session(&mouse, &params);
            }
            const double c = contrast_of(i, t);
            const bool right = model_virtual_mouse_choose(&mouse, &params, c);
            const model_trial trial = {.contrast = c,
                                       .reward = (c > 0.0) == right ? 1.0 : 0.0,
                                       .rt_s = (double)NAN,
                                       .choice = right,
                                       .side = c > 0.0};
            assert_int_equal(model_virtual_mouse_learn(&mouse, &params, &trial), MODEL_OK);
        }
        memcpy(out + 2 * i, mouse.w, 2 * sizeof(double));
    }
}

static void live_together(double *out)
{
    static float contrast[MANY];
    static float reward[MANY];
    static int8_t side[MANY];
    static uint8_t chose[MANY];
    model_cohort *cohort = fresh(MANY);
    for (int t = 0; t < TRIALS; t++) {
        for (size_t i = 0; i < MANY; i++) {
            if (t % SESSION == 0) {
                model_cohort_start_session(cohort, i);
            }
            contrast[i] = (float)contrast_of(i, t);
            side[i] = contrast[i] > 0.0F;
        }
        model_cohort_choose(cohort, contrast, NULL, chose, NULL);
        for (size_t i = 0; i < MANY; i++) {
            reward[i] = chose[i] == side[i] ? 1.0F : 0.0F;
        }
        const model_cohort_trials trials = {contrast, chose, reward, side, NULL, NULL};
        assert_int_equal(model_cohort_learn(cohort, &trials), 0);
    }
    for (size_t i = 0; i < MANY; i++) {
        model_cohort_weights(cohort, i, out + 2 * i);
    }
    drop(cohort);
}

static void its_animals_are_spread_as_mice_are(void **state)
{
    (void)state;
    static double alone[2 * MANY];
    static double together[2 * MANY];
    static const model_rule_kind KINDS[] = {MODEL_RULE_NONE, MODEL_RULE_REINFORCE,
                                            MODEL_RULE_ELIGIBILITY};
    for (size_t kind = 0; kind < sizeof KINDS / sizeof KINDS[0]; kind++) {
        state_params("stimulus,bias", KINDS[kind], 1.0);
        live_alone(alone);
        live_together(together);
        const moments a = moments_of(alone, MANY, 2);
        const moments b = moments_of(together, MANY, 2);
        for (size_t j = 0; j < 2; j++) {
            CHECK_NEAR(a.mean[j], b.mean[j], 5.0 * sqrt(2.0 * a.var[j] / MANY));
            CHECK_NEAR(a.var[j], b.var[j], 5.0 * a.var[j] * 2.0 / sqrt((double)MANY));
        }
    }
}

static void goes_on_from_what_a_twin_knows(void **state)
{
    (void)state;
    static double w[2 * MANY];
    state_params("stimulus,bias", MODEL_RULE_NONE, 1.0);
    model_member twin;
    model_member_init(&twin, &params);
    for (int t = 0; t < 60; t++) {
        const double c = contrast_of(1, t);
        const model_trial trial = {c, 1.0, (double)NAN, c > 0.0, -1};
        assert_int_equal(model_member_observe(&twin, &params, &trial), MODEL_OK);
    }
    model_cohort *cohort = fresh(MANY);
    double cross = 0.0;
    for (size_t i = 0; i < MANY; i++) {
        model_cohort_enter(cohort, i, &twin, 8, i);
        model_cohort_weights(cohort, i, w + 2 * i);
        cross += (w[2 * i] - twin.w[0]) * (w[2 * i + 1] - twin.w[1]) / MANY;
    }
    const moments m = moments_of(w, MANY, 2);
    for (size_t j = 0; j < 2; j++) {
        const double var = twin.P[j * 2 + j];
        CHECK_NEAR(m.mean[j], twin.w[j], 5.0 * sqrt(var / MANY));
        CHECK_NEAR(m.var[j], var, 5.0 * var * sqrt(2.0 / MANY));
    }
    CHECK_NEAR(cross, twin.P[1],
               5.0 * sqrt((twin.P[0] * twin.P[3] + twin.P[1] * twin.P[1]) / MANY));
    drop(cohort);
}

/* History, hidden state and counts too: without uncertainty and noise the animals do what the twin
 * says, to rounding. */
static void carries_over_all_that_the_twin_remembers(void **state)
{
    (void)state;
    for (int kind = 0; kind < MODEL_RULES; kind++) {
        state_params(FEATURES, (model_rule_kind)kind, 0.0);
        model_member twin;
        model_member_init(&twin, &params);
        for (int t = 0; t < 30; t++) {
            const model_trial trial = {contrast_of(2, t), 1.0, 0.7, t % 3 == 0, 1};
            assert_int_equal(model_member_observe(&twin, &params, &trial), MODEL_OK);
        }
        memset(twin.P, 0, sizeof twin.P);
        model_cohort *cohort = fresh(1);
        model_cohort_enter(cohort, 0, &twin, 9, 0);
        for (int t = 30; t < 34; t++) {
            const double c = contrast_of(2, t);
            const float shown = (float)c;
            const float paid = 0.0F;
            const float rt_s = 0.7F;
            const int8_t side = 0;
            const uint8_t chose = 1;
            double said;
            float p;
            model_member_predict(&twin, &params, 1, &c, &said, NULL, NULL);
            uint8_t drawn;
            model_cohort_choose(cohort, &shown, NULL, &drawn, &p);
            CHECK_NEAR(p, said, 2e-6);
            const model_trial trial = {c, 0.0, (double)rt_s, 1, side};
            assert_int_equal(model_member_observe(&twin, &params, &trial), MODEL_OK);
            memset(twin.P, 0, sizeof twin.P);
            const model_cohort_trials trials = {&shown, &chose, &paid, &side, &rt_s, NULL};
            assert_int_equal(model_cohort_learn(cohort, &trials), 0);
        }
        drop(cohort);
    }
}

static void a_step_that_is_not_finite_moves_nothing_and_is_counted(void **state)
{
    (void)state;
    state_params("stimulus,bias", MODEL_RULE_REINFORCE, 0.0);
    params.rule.rate[0] = MODEL_RATE_MAX;
    model_cohort *cohort = fresh(66);
    float contrast[66];
    float reward[66];
    uint8_t chose[66];
    double w[2] = {-999999.9, 0.0};
    for (size_t i = 0; i < 66; i++) {
        contrast[i] = -1.0F;
        reward[i] = 1.0F;
        chose[i] = 1;
        place(cohort, i, (double[2]){0.0, 0.0});
    }
    place(cohort, 65, (double[2]){-999999.9, -999999.9});
    const model_cohort_trials trials = {
        .contrast = contrast, .chose_right = chose, .reward = reward};
    assert_int_equal(model_cohort_learn(cohort, &trials), 1);
    model_cohort_weights(cohort, 65, w);
    assert_true(w[0] == -999999.9 && w[1] == -999999.9);
    model_cohort_weights(cohort, 0, w);
    CHECK_NEAR(w[0], -500.0, 1e-3);
    drop(cohort);
}

static void refuses_what_it_cannot_hold(void **state)
{
    (void)state;
    state_params("stimulus,bias", MODEL_RULE_NONE, 1.0);
    model_cohort *cohort = NULL;
    _Alignas(MODEL_NET_ALIGN) static unsigned char mem[1 << 16];
    const size_t size = model_cohort_size(&params, 10);
    assert_true(size > 0 && size <= sizeof mem);
    assert_int_equal(model_cohort_size(&params, 0), 0);
    assert_int_equal(model_cohort_size(&params, (size_t)MODEL_COHORT_MAX + 1), 0);
    assert_int_equal(model_cohort_init(mem, size - 1, &params, 10, &cohort), MODEL_ERR_SPACE);
    assert_null(cohort);
    params.policy.n = 0;
    assert_int_equal(model_cohort_size(&params, 10), 0);
    assert_int_equal(model_cohort_init(mem, sizeof mem, &params, 10, &cohort), MODEL_ERR_ARG);
    assert_null(cohort);
}

/* Moments of 2^20 numbers of each kernel, and the share beyond 1, 2 and 3. */
static void its_normal_numbers_are_normal(void **state)
{
    (void)state;
    static cohort_random r;
    static uint32_t mask[COHORT_LANES];
    static const double BEYOND[3] = {0.31731050786, 0.04550026390, 0.00269979606};
    enum { ROUNDS = 8192 };
    const double n = 2.0 * ROUNDS * COHORT_LANES;
    const cohort_kernel *kernel;
    for (size_t level = 0; (kernel = cohort_kernel_at(level)) != NULL; level++) {
        double sums[4] = {0.0, 0.0, 0.0, 0.0};
        double across = 0.0;
        double beyond[3] = {0.0, 0.0, 0.0};
        for (size_t i = 0; i < COHORT_LANES; i++) {
            model_random start;
            model_random_seed(&start, 40, i);
            for (size_t j = 0; j < 4; j++) {
                r.s[j][i] = (uint32_t)start.s[j];
            }
            mask[i] = ~UINT32_C(0);
        }
        for (int round = 0; round < ROUNDS; round++) {
            cohort_row z[2];
            kernel->normal(&r, mask, z[0], z[1]);
            for (size_t i = 0; i < COHORT_LANES; i++) {
                across += (double)z[0][i] * (double)z[1][i];
                for (size_t j = 0; j < 2; j++) {
                    const double x = (double)z[j][i];
                    sums[0] += x;
                    sums[1] += x * x;
                    sums[2] += x * x * x;
                    sums[3] += x * x * x * x;
                    for (size_t k = 0; k < 3; k++) {
                        beyond[k] += fabs(x) > (double)(k + 1);
                    }
                }
            }
        }
        CHECK_NEAR(sums[0] / n, 0.0, 4.0 / sqrt(n));
        CHECK_NEAR(sums[1] / n, 1.0, 4.0 * sqrt(2.0 / n));
        CHECK_NEAR(sums[2] / n, 0.0, 4.0 * sqrt(15.0 / n));
        CHECK_NEAR(sums[3] / n, 3.0, 4.0 * sqrt(96.0 / n));
        CHECK_NEAR(across / (n / 2.0), 0.0, 4.0 / sqrt(n / 2.0));
        for (size_t k = 0; k < 3; k++) {
            CHECK_NEAR(beyond[k] / n, BEYOND[k], 4.0 * sqrt(BEYOND[k] / n));
        }
    }
}

/* model_policy_stimulus() and libm say what it should be; all levels, all features. */
static void its_kernels_agree_with_double_precision(void **state)
{
    (void)state;
    static cohort_block block;
    static const char *const POLICIES[] = {
        "stimulus,bias,prev_choice,win_stay,lose_switch,choice_trace,prev_stimulus",
        "stimulus_right,stimulus_left,bias"};
    const cohort_kernel *kernel;
    for (size_t level = 0; (kernel = cohort_kernel_at(level)) != NULL; level++) {
        for (size_t which = 0; which < 4; which++) {
            state_params(POLICIES[which % 2], MODEL_RULE_NONE, 1.0);
            params.policy.transform = which < 2 ? MODEL_TRANSFORM_TANH5 : MODEL_TRANSFORM_NONE;
            cohort_row contrast;
            cohort_row p;
            for (size_t i = 0; i < COHORT_LANES; i++) {
                contrast[i] = (float)i / 31.5F - 1.0F;
                block.last_stimulus[i] = 0.3F;
                block.last_choice[i] = i % 2 == 0 ? 1.0F : -1.0F;
                block.last_reward[i] = (float)(i % 3) * 0.5F;
                block.choice_trace[i] = 0.01F * (float)i - 0.3F;
                for (size_t k = 0; k < params.policy.n; k++) {
                    block.w[k][i] = 3.0 * cos((double)(i + 9 * k));
                    block.offset[k][i] = 0.1F;
                }
            }
            kernel->predict(&params.policy, &block, contrast, p);
            for (size_t i = 0; i < COHORT_LANES; i++) {
                const model_history history = {
                    (double)block.last_stimulus[i], (double)block.last_choice[i],
                    (double)block.last_reward[i], (double)block.choice_trace[i]};
                double g[MODEL_WEIGHTS_MAX];
                double a = 0.0;
                const double x = model_policy_stimulus(&params.policy, (double)contrast[i]);
                model_policy_fill(&params.policy, &history, x, g);
                for (size_t k = 0; k < params.policy.n; k++) {
                    a += (block.w[k][i] + (double)block.offset[k][i]) * g[k];
                }
                CHECK_NEAR(p[i], 1.0 / (1.0 + exp(-a)), 1e-6);
            }
        }
    }
}

enum { LEVEL_UNITS = 5 };

/* All that one level makes of the same block and trials. */
struct made {
    cohort_block block;
    cohort_trial trial;
    cohort_row in[MODEL_WEIGHTS_MAX + MODEL_RULE_INPUTS_MAX];
    cohort_row h[LEVEL_UNITS];
    cohort_row dw[MODEL_RULES][MODEL_WEIGHTS_MAX];
    uint8_t chose[COHORT_LANES];
    size_t n_still;
};

static void make(const cohort_kernel *kernel, struct made *m)
{
    static cohort_row sums[4 * LEVEL_UNITS];
    static float contrast[COHORT_LANES];
    static float reward[COHORT_LANES];
    static float rt_s[COHORT_LANES];
    static uint8_t chose[COHORT_LANES];
    static uint8_t active[COHORT_LANES];
    static int8_t side[COHORT_LANES];
    cohort_motion motion = {{0.0F}, {0.0F}, {0.0F}};
    memset(m, 0, sizeof *m);
    model_random r;
    model_random_seed(&r, 45, 0);
    for (size_t i = 0; i < COHORT_LANES; i++) {
        contrast[i] = (float)(2.0 * model_random_uniform(&r) - 1.0);
        reward[i] = i % 5 == 0 ? NAN : (float)(i % 2);
        rt_s[i] = i % 7 == 0 ? NAN : (float)(150.0 * model_random_uniform(&r));
        chose[i] = i % 3 == 0;
        active[i] = i % 11 != 0;
        side[i] = (int8_t)((int)(i % 3) - 1);
        m->block.memory[i] = (float)(i % 3) - 1.0F;
        m->block.pace[i] = 0.5F + (float)(i % 4);
        m->block.n_session[i] = m->block.n_training[i] = (float)(i * i);
        for (size_t k = 0; k < params.policy.n; k++) {
            m->block.w[k][i] = model_random_normal(&r);
            m->block.trace[k][i] = (float)model_random_normal(&r);
            m->block.anchor[k][i] = 0.5F;
            motion.scale[k] = 0.5F;
            motion.drift_sd[k] = 0.1F;
            motion.rate[k] = 0.01F;
        }
        for (size_t u = 0; u < 4 * LEVEL_UNITS; u++) {
            sums[u][i] = (float)(3.0 * model_random_normal(&r));
        }
        for (size_t j = 0; j < 4; j++) {
            m->block.choices.s[j][i] = (uint32_t)model_random_below(&r, UINT64_C(1) << 32);
            m->block.noise.s[j][i] = (uint32_t)model_random_below(&r, UINT64_C(1) << 32);
        }
    }
    const model_cohort_trials trials = {contrast, chose, reward, side, rt_s, active};
    kernel->load(params.policy.transform, &trials, 0, COHORT_LANES, &m->trial);
    kernel->fill(MODEL_RULE_CONTEXT_INPUTS, params.policy.n, &m->block, &m->trial, m->in);
    kernel->gates(LEVEL_UNITS * COHORT_LANES, sums[0], m->trial.mask, m->h[0]);
    for (int kind = 0; kind < MODEL_RULES; kind++) {
        params.rule.kind = (model_rule_kind)kind;
        for (size_t k = 0; k < params.policy.n; k++) { /* what a net says, where it says gains */
            memcpy(m->dw[kind][k], m->h[k], sizeof(cohort_row));
        }
        kernel->step(&params.rule, &params.policy, &m->block, &m->trial, m->dw[kind]);
    }
    kernel->choose(&m->block.choices, m->trial.mask, m->trial.choice, m->chose);
    m->n_still = kernel->finish(&params.policy, false, &motion, m->dw[MODEL_RULE_REINFORCE],
                                &m->block, &m->trial);
    m->n_still += kernel->finish(&params.policy, true, &motion, m->dw[MODEL_RULE_PREDICT_MAX],
                                 &m->block, &m->trial);
}

static void check_rows(size_t n, cohort_row *a, cohort_row *b)
{
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < COHORT_LANES; i++) {
            CHECK_NEAR(a[k][i], b[k][i], 3e-6 * (1.0 + fabs((double)b[k][i])));
        }
    }
}

static void every_processor_level_makes_the_same_to_rounding(void **state)
{
    (void)state;
    static struct made base;
    static struct made other;
    const cohort_kernel *kernel;
    state_params(FEATURES, MODEL_RULE_NONE, 1.0);
    make(&cohort_kernel_base, &base);
    for (size_t level = 0; (kernel = cohort_kernel_at(level)) != NULL; level++) {
        make(kernel, &other);
        assert_int_equal(other.n_still, 0);
        assert_memory_equal(other.trial.mask, base.trial.mask, sizeof base.trial.mask);
        assert_memory_equal(other.chose, base.chose, sizeof base.chose);
        assert_memory_equal(&other.block.choices, &base.block.choices, sizeof(cohort_random));
        assert_memory_equal(&other.block.noise, &base.block.noise, sizeof(cohort_random));
        check_rows(5, &other.trial.stimulus, &base.trial.stimulus);
        check_rows(sizeof base.in / sizeof base.in[0], other.in, base.in);
        check_rows(LEVEL_UNITS, other.h, base.h);
        check_rows(MODEL_RULES * MODEL_WEIGHTS_MAX, other.dw[0], base.dw[0]);
        check_rows(2 * MODEL_WEIGHTS_MAX, other.block.offset, base.block.offset);
        check_rows(1, &other.block.memory, &base.block.memory);
        check_rows(7, &other.block.last_stimulus, &base.block.last_stimulus);
        for (size_t k = 0; k < params.policy.n; k++) {
            for (size_t i = 0; i < COHORT_LANES; i++) {
                CHECK_NEAR(other.block.w[k][i], base.block.w[k][i], 3e-6);
                assert_true(other.trial.mask[i] != 0 || other.block.offset[k][i] == 0.0F);
            }
        }
    }
}

/* Rate 1 in all, no noise: w is its anchor after one trial; and half of the pace is half the step.
 */
static void goes_to_its_anchor_and_at_its_pace(void **state)
{
    (void)state;
    const float contrast[2] = {1.0F, 1.0F};
    const float reward[2] = {1.0F, 1.0F};
    const uint8_t chose[2] = {1, 1};
    const model_cohort_trials trials = {
        .contrast = contrast, .chose_right = chose, .reward = reward};
    double w[2][2];
    state_params("stimulus,bias", MODEL_RULE_REINFORCE, 0.0);
    model_cohort *cohort = fresh(2);
    place(cohort, 0, (double[2]){0.0, 0.0});
    place(cohort, 1, (double[2]){0.0, 0.0});
    model_cohort_set_pace(cohort, 1, 0.5);
    assert_int_equal(model_cohort_learn(cohort, &trials), 0);
    model_cohort_weights(cohort, 0, w[0]);
    model_cohort_weights(cohort, 1, w[1]);
    assert_true(w[0][0] > 0.01);
    CHECK_NEAR(w[1][0], 0.5 * w[0][0], 1e-8);
    model_cohort_set_pace(cohort, 0, 0.0);
    model_cohort_set_pace(cohort, 1, 0.0);
    model_cohort_set_reversion(cohort, (double[2]){1.0, 0.25});
    model_cohort_set_anchor(cohort, 1, (double[2]){2.0, 3.0});
    assert_int_equal(model_cohort_learn(cohort, &trials), 0);
    const double before = w[1][1];
    model_cohort_weights(cohort, 0, w[0]);
    model_cohort_weights(cohort, 1, w[1]);
    CHECK_NEAR(w[0][0], 0.0, 1e-7);
    CHECK_NEAR(w[1][0], 2.0, 1e-6);
    CHECK_NEAR(w[1][1], before + 0.25 * (3.0 - before), 1e-6);
    drop(cohort);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_mouse_step_by_step),
        cmocka_unit_test(each_animal_is_the_same_in_any_herd),
        cmocka_unit_test(animals_without_a_trial_are_left_alone),
        cmocka_unit_test(its_animals_are_spread_as_mice_are),
        cmocka_unit_test(goes_on_from_what_a_twin_knows),
        cmocka_unit_test(carries_over_all_that_the_twin_remembers),
        cmocka_unit_test(a_step_that_is_not_finite_moves_nothing_and_is_counted),
        cmocka_unit_test(refuses_what_it_cannot_hold),
        cmocka_unit_test(its_normal_numbers_are_normal),
        cmocka_unit_test(its_kernels_agree_with_double_precision),
        cmocka_unit_test(every_processor_level_makes_the_same_to_rounding),
        cmocka_unit_test(goes_to_its_anchor_and_at_its_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
