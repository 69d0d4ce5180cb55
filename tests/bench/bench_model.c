/* Time of the twin's parts: nanoseconds a call, the median of 15 runs and the best.
 *
 *     bench_model
 *
 * Goals: net step 1000, observe 500, predict of 11 stimuli 1000, observe and predict with the net
 * 3000 (docs/model.md, section figures). */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bank_predict.h"
#include "model/bank.h"
#include "model/engagement.h"
#include "net_kernel.h"
#include "some_net.h"

enum { RUNS = 15, CALLS = 20000, N_STIMULI = 11, MEMBERS = 12 };

static const double STIMULI[N_STIMULI] = {-1.0,   -0.5,  -0.25, -0.125, -0.0625, 0.0,
                                          0.0625, 0.125, 0.25,  0.5,    1.0};

struct bench {
    model_bank_params params;
    model_bank bank;
    model_engagement_params engagement_params;
    model_engagement engagement;
    const some_net *net;
    float h[MODEL_STATE_MAX];
    double sink; /* keeps the compiler from dropping the work */
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *what, struct bench *b, void (*call)(struct bench *, int), int calls)
{
    double ns[RUNS];
    for (int run = 0; run < RUNS; run++) {
        const double start = now_ns();
        for (int i = 0; i < calls; i++) {
            call(b, i);
        }
        ns[run] = (now_ns() - start) / calls;
    }
    qsort(ns, RUNS, sizeof ns[0], compare);
    printf("%-44s %8.0f %8.0f\n", what, ns[RUNS / 2], ns[0]);
}

static void observe(struct bench *b, int i)
{
    const model_trial trial = {STIMULI[i % N_STIMULI], i & 1, (double)NAN, (int8_t)(i * 7 % 13 > 6),
                               -1};
    if (model_bank_observe(&b->bank, &b->params, &trial, NULL) != MODEL_OK) {
        abort();
    }
}

static void observe_engagement(struct bench *b, int i)
{
    const model_engagement_trial trial = {0.1 + 0.8 * (i % 2), 0.3 + 0.01 * (i * 7 % 31), i % 2};
    if (model_engagement_observe(&b->engagement, &b->engagement_params, &trial) != MODEL_OK) {
        abort();
    }
    b->sink += model_engagement_p(&b->engagement);
}

static void predict(struct bench *b, int i)
{
    double p[N_STIMULI];
    double lo[N_STIMULI];
    double hi[N_STIMULI];
    bank_predict(&b->bank, &b->params, N_STIMULI, STIMULI, p, lo, hi);
    b->sink += p[i % N_STIMULI] + lo[0] + hi[0];
}

static void observe_and_predict(struct bench *b, int i)
{
    observe(b, i);
    predict(b, i);
}

static void step(struct bench *b, int i)
{
    const float in[9] = {0.1F, 0.2F, 0.3F, (float)(i % 7) * 0.1F, 1.0F, 0.0F, 1.0F, 1.0F, 0.0F};
    float out[MODEL_NET_OUTPUTS_MAX];
    (void)model_net_step(b->net->net, in, b->h, out);
    b->sink += (double)out[0];
}

/* Members of the built-in noise; with the net as their rule if there is one. */
static void use_members(struct bench *b, uint32_t n, const some_net *net)
{
    model_params params;
    if (model_params_built_in(&params, NULL) != MODEL_OK) {
        abort();
    }
    params.rule.kind = net != NULL ? MODEL_RULE_RNN : MODEL_RULE_NONE;
    params.rule.net = net != NULL ? net->net : NULL;
    model_bank_single(&b->params, &params);
    b->params.n = n;
    b->params.share = 0.001;
    for (uint32_t i = 0; i < n; i++) {
        b->params.member[i] = params;
        b->params.prior[i] = 1.0 / n;
    }
    model_bank_init(&b->bank, &b->params);
}

static void run_net(struct bench *b, uint32_t n_hidden)
{
    char what[64];
    test_random r = {.state = n_hidden};
    some_net *s = some_net_make(&r, (model_net_shape){true, 9, n_hidden, 2, 3});
    b->net = s;
    memset(b->h, 0, sizeof b->h);
    (void)snprintf(what, sizeof what, "rnn %u units: one step", (unsigned)n_hidden);
    measure(what, b, step, CALLS);
    use_members(b, 1, s);
    (void)snprintf(what, sizeof what, "rnn %u units: observe and predict 11", (unsigned)n_hidden);
    measure(what, b, observe_and_predict, CALLS);
    use_members(b, MEMBERS, s);
    (void)snprintf(what, sizeof what, "bank of %d of them: observe and predict 11", MEMBERS);
    measure(what, b, observe_and_predict, CALLS / 10);
    some_net_free(s);
}

int main(void)
{
    static struct bench b;
    printf("%-44s %8s %8s   kernel %s\n", "stimulus,bias,prev_choice", "median", "best, ns",
           model_kernel_at(0)->name);
    use_members(&b, 1, NULL);
    measure("no rule: observe", &b, observe, CALLS);
    measure("no rule: predict 11", &b, predict, CALLS);
    model_engagement_default(&b.engagement_params);
    model_engagement_init(&b.engagement, &b.engagement_params);
    measure("engagement: observe", &b, observe_engagement, CALLS);
    use_members(&b, MEMBERS, NULL);
    measure("bank of 12, no rule: observe", &b, observe, CALLS);
    measure("bank of 12, no rule: predict 11", &b, predict, CALLS);
    run_net(&b, 32);
    run_net(&b, 64);
    run_net(&b, 128);
    return b.sink > 0.0 ? 0 : 1;
}
