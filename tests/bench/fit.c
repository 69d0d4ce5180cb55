/* One step of training of the rnn rule (12 animals, 32 units, chunks of 500 trials) on one core,
 * against the same in PyTorch eager and against BLIS multiplying matrices of the same shapes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <blis.h>

#include "bench.h"
#include "fit_kernel.h"
#include "model/fit.h"
#include "model/random.h"

enum {
    ANIMALS = 12,
    TRIALS = 2000,
    HIDDEN = 32,
    LAYERS = 2,
    TRUNCATION = 500,
    TORCH_TRIALS = 1000
};
enum { REPEATS = 15, BLOCK = 32 * ANIMALS };

static const double LEAST_RATIO = 25.0;

static const model_net_shape SHAPE = {
    .is_recurrent = true, .n_inputs = 8, .n_hidden = HIDDEN, .n_layers = LAYERS, .n_outputs = 2};

/* rows x depth times depth x columns, how often a trial of all animals. */
struct product {
    const char *what;
    dim_t rows;
    dim_t depth;
    dim_t columns;
    double times;
};

/* What one trial of all animals needs: forward, backward, and a share of the weights' gradients. */
static const struct product PRODUCTS[] = {
    {"r and z", ANIMALS, 40, 64, 1.0},
    {"n of the inputs", ANIMALS, 8, 32, 1.0},
    {"n of h, and the layers", ANIMALS, 32, 32, 3.0},
    {"the weights", ANIMALS, 32, 2, 1.0},
    {"back through the weights", ANIMALS, 2, 32, 1.0},
    {"back through the layers", ANIMALS, 32, 32, 2.0},
    {"back through the gates", ANIMALS, 96, 32, 1.0},
    {"back to the inputs", ANIMALS, 96, 2, 1.0},
    {"gradient of r and z", 41, BLOCK, 64, 1.0 / 32},
    {"gradient of n", 9, BLOCK, 32, 1.0 / 32},
    {"gradient of n and layers", 33, BLOCK, 32, 3.0 / 32},
    {"gradient of the weights", 33, BLOCK, 2, 1.0 / 32},
};

enum { N_PRODUCTS = sizeof PRODUCTS / sizeof PRODUCTS[0] };

static double flop_a_trial(void)
{
    double flop = 0.0;
    for (size_t i = 0; i < N_PRODUCTS; i++) {
        const struct product *p = &PRODUCTS[i];
        flop += 2.0 * p->times * (double)p->rows * (double)p->depth * (double)p->columns;
    }
    return flop;
}

static double best_product_ns(const struct product *p)
{
    static float a[BLOCK * 96];
    static float b[BLOCK * 96];
    static float c[BLOCK * 96];
    float one = 1.0F;
    int64_t best = INT64_MAX;
    enum { CALLS = 500 };
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        const int64_t start = bench_now_ns();
        for (int i = 0; i < CALLS; i++) {
            bli_sgemm(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, p->rows, p->columns, p->depth, &one, a,
                      p->depth, 1, b, p->columns, 1, &one, c, p->columns, 1);
        }
        const int64_t took = bench_now_ns() - start;
        best = took < best ? took : best;
    }
    return (double)best / CALLS;
}

static double blis_ns_a_trial(void)
{
    double ns = 0.0;
    for (size_t i = 0; i < N_PRODUCTS; i++) {
        ns += PRODUCTS[i].times * best_product_ns(&PRODUCTS[i]);
    }
    return ns;
}

static void make_animals(model_fit_animal animals[ANIMALS])
{
    static float x[ANIMALS][TRIALS * MODEL_RULE_INPUTS];
    static float g[ANIMALS][TRIALS * 2];
    static uint8_t y[ANIMALS][TRIALS];
    model_random r;
    model_random_seed(&r, 1, 1);
    for (size_t a = 0; a < ANIMALS; a++) {
        for (size_t i = 0; i < TRIALS * MODEL_RULE_INPUTS; i++) {
            x[a][i] = (float)model_random_uniform(&r);
        }
        for (size_t i = 0; i < TRIALS * 2; i++) {
            g[a][i] = (float)model_random_uniform(&r);
        }
        for (size_t i = 0; i < TRIALS; i++) {
            y[a][i] = (uint8_t)model_random_below(&r, 2);
        }
        animals[a] =
            (model_fit_animal){.n_trials = TRIALS, .x = x[a], .g = g[a], .chose_right = y[a]};
    }
}

static double murid_ns(uint32_t n_shards)
{
    model_fit_animal animals[ANIMALS];
    model_fit_config config;
    make_animals(animals);
    model_params params;
    (void)model_params_built_in(&params, "stim_bias");
    params.rule.kind = MODEL_RULE_RNN;
    model_fit_config_init(&config, &params, &SHAPE);
    config.truncation = TRUNCATION;
    config.n_shards = n_shards;
    const size_t size = model_fit_size(&config, ANIMALS, animals);
    float *parameters = calloc(model_fit_parameters(&config), sizeof *parameters);
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    model_fit *fit;
    if (parameters == NULL || mem == NULL) {
        bench_die("no memory");
    }
    model_fit_draw(&config, 1, parameters);
    if (model_fit_init(mem, size, &config, ANIMALS, animals, parameters, &fit) != MODEL_OK) {
        bench_die("the fit could not be made");
    }
    int64_t best = INT64_MAX;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        const int64_t start = bench_now_ns();
        for (uint32_t s = 0; s < n_shards; s++) {
            model_fit_run(fit, s);
        }
        (void)model_fit_sum(fit);
        if (model_fit_step(fit) != MODEL_OK) {
            bench_die("the step was not finite");
        }
        const int64_t took = bench_now_ns() - start;
        best = took < best ? took : best;
    }
    free(mem);
    free(parameters);
    return (double)best / (double)(ANIMALS * TRIALS);
}

int main(int argc, char **argv)
{
    double shards = 1.0;
    const struct bench_option list[] = {
        {"shards", NULL, &shards, NULL, "parts that the animals are dealt out to (default 1)"},
    };
    bench_options(argc, argv,
                  "Training of the rnn rule, one core: 12 animals, 32 units, chunks of 500.", list,
                  1);
    bench_machine();
    const double ns = murid_ns((uint32_t)shards);
    const double blis_ns = blis_ns_a_trial();
    const double flop = flop_a_trial();
    const double rate = flop / (ns * ANIMALS);
    const double blis_rate = flop / blis_ns;
    printf("kernel %s, %.0f shard(s), %.0f kFLOP per animal and trial\n", fit_kernel_at(0)->name,
           shards, flop / ANIMALS / 1e3);
    printf("murid    %8.3f us per animal and trial, %7.1f GFLOP/s with gates, loss and Adam\n",
           ns / 1e3, rate);
    printf("BLIS     %8.3f us for the matrices alone, %7.1f GFLOP/s; murid runs at %.0f%% of it\n",
           blis_ns / ANIMALS / 1e3, blis_rate, 100.0 * rate / blis_rate);
    const double us =
        bench_torch_us(MURID_SOURCE_DIR "/tests/reference/fit_torch.py", "time %d %d %d %d %d",
                       ANIMALS, TORCH_TRIALS, HIDDEN, LAYERS, TRUNCATION);
    if (us < 0.0) {
        printf("skipped: no PyTorch for /usr/bin/python3 to compare with (python3-torch)\n");
        return 0;
    }
    const double ratio = us * 1e3 / ns;
    printf("PyTorch  %8.3f us per animal and trial\n", us);
    return bench_verdict("faster than PyTorch", ratio, "times", false, LEAST_RATIO);
}
