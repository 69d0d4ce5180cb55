/* Virtual animals with the rnn rule (32 units, 2 hidden layers, policy stim_bias) on one core,
 * choices, rewards and drift drawn: together in a cohort, against one by one as
 * model/virtual_mouse.h runs them, and against the loop in PyTorch. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "model/cohort.h"
#include "model/random.h"
#include "model/virtual_mouse.h"
#include "net_kernel.h"
#include "some_net.h"

enum {
    REPEATS = 25,
    SPAN = 1 << 16,
    TRIALS = 400,
    ALONE = 8,
    TORCH_ANIMALS = 4096,
    TORCH_TRIALS = 60
};

static const double LEAST_RATE = 4e6;
static const double LEAST_RATIO = 6.0; /* 4 million against PyTorch's 0.67 */

static const float CONTRASTS[] = {-1.0F, -0.5F, -0.25F, -0.125F, 0.0F, 0.125F, 0.25F, 0.5F, 1.0F};
enum { N_CONTRASTS = sizeof CONTRASTS / sizeof CONTRASTS[0] };

static model_params params;

static void make_params(test_random *r)
{
    const model_net_shape shape = {.is_recurrent = true,
                                   .n_inputs = 2 + MODEL_RULE_INPUTS,
                                   .n_hidden = 32,
                                   .n_layers = 2,
                                   .n_outputs = 2};
    (void)model_params_built_in(&params, "stim_bias");
    params.rule.kind = MODEL_RULE_RNN;
    params.rule.net = some_net_make(r, shape)->net;
}

/* One trial of all: the stimulus is the rig's, the rest is drawn. */
static void herd_trial_of_all(model_cohort *cohort, size_t n, int t, float *contrast, float *reward,
                              int8_t *side, uint8_t *chose)
{
    for (size_t i = 0; i < n; i++) {
        contrast[i] = CONTRASTS[(i * 7 + (size_t)t * 5) % N_CONTRASTS];
        side[i] = contrast[i] > 0.0F;
    }
    model_cohort_choose(cohort, contrast, NULL, chose, NULL);
    for (size_t i = 0; i < n; i++) {
        reward[i] = chose[i] == side[i] ? 1.0F : 0.0F;
    }
    const model_cohort_trials trials = {contrast, chose, reward, side, NULL, NULL};
    if (model_cohort_learn(cohort, &trials) != 0) {
        bench_die("a step was not finite");
    }
}

/* Nanoseconds per animal and trial, the best of REPEATS. */
static double herd_ns(size_t n)
{
    const size_t size = model_cohort_size(&params, n);
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    float *contrast = calloc(n, sizeof *contrast);
    float *reward = calloc(n, sizeof *reward);
    int8_t *side = calloc(n, sizeof *side);
    uint8_t *chose = calloc(n, sizeof *chose);
    model_cohort *cohort;
    if (mem == NULL || contrast == NULL || reward == NULL || side == NULL || chose == NULL ||
        model_cohort_init(mem, size, &params, n, &cohort) != MODEL_OK) {
        bench_die("the cohort could not be made");
    }
    const int n_trials = SPAN / (int)n + 1; /* short, so that some run undisturbed */
    int64_t best = INT64_MAX;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        const int64_t start = bench_now_ns();
        for (int t = 0; t < n_trials; t++) {
            herd_trial_of_all(cohort, n, t, contrast, reward, side, chose);
        }
        const int64_t took = bench_now_ns() - start;
        best = took < best ? took : best;
    }
    free(mem);
    free(contrast);
    free(reward);
    free(side);
    free(chose);
    return (double)best / n_trials / (double)n;
}

static double mice_ns(void)
{
    int64_t best = INT64_MAX;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        const int64_t start = bench_now_ns();
        for (uint64_t i = 0; i < ALONE; i++) {
            model_virtual_mouse mouse;
            model_virtual_mouse_init(&mouse, &params, 1, i);
            for (int t = 0; t < TRIALS; t++) {
                const double c = (double)CONTRASTS[((size_t)i * 7 + (size_t)t * 5) % N_CONTRASTS];
                const bool right = model_virtual_mouse_choose(&mouse, &params, c);
                const model_trial trial = {.contrast = c,
                                           .reward = right == (c > 0.0) ? 1.0 : 0.0,
                                           .rt_s = (double)NAN,
                                           .choice = right,
                                           .side = c > 0.0};
                if (model_virtual_mouse_learn(&mouse, &params, &trial) != MODEL_OK) {
                    bench_die("a step was not finite");
                }
            }
        }
        const int64_t took = bench_now_ns() - start;
        best = took < best ? took : best;
    }
    return (double)best / TRIALS / ALONE;
}

int main(int argc, char **argv)
{
    double animals = 1024.0;
    const struct bench_option list[] = {
        {"animals", NULL, &animals, NULL, "in the cohort (default 1024)"},
    };
    bench_options(argc, argv, "Virtual animals with the rnn rule, 32 units, one core.", list, 1);
    bench_machine();
    test_random r = {.state = 7};
    make_params(&r);
    const size_t n = (size_t)animals;
    const double alone = mice_ns();
    const double together = herd_ns(n);
    printf("kernel %s, %zu animals\n", model_kernel_at(0)->name, n);
    printf("one by one %8.0f ns per animal and trial, %6.2f million a second\n", alone,
           1e3 / alone);
    printf("cohort       %8.0f ns per animal and trial, %6.2f million a second, %.1f times\n",
           together, 1e3 / together, alone / together);
    const int slow = bench_verdict("cohort", 1e9 / together, "trials/s", false, LEAST_RATE);
    const double us = bench_torch_us(MURID_SOURCE_DIR "/tests/reference/rollout_torch.py", "%d %d",
                                     TORCH_ANIMALS, TORCH_TRIALS);
    if (us < 0.0) {
        printf("skipped: no PyTorch for /usr/bin/python3 to compare with (python3-torch)\n");
        return slow;
    }
    printf("PyTorch    %8.0f ns per animal and trial, %6.2f million a second\n", us * 1e3,
           1.0 / us);
    const int behind =
        bench_verdict("faster than PyTorch", us * 1e3 / together, "times", false, LEAST_RATIO);
    return slow != 0 ? slow : behind;
}
