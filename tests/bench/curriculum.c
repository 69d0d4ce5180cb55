/* What advice is worth: virtual animals trained under (a) a protocol as it is, (b) its last stage's
 * stimuli in random order, (c) AlignMax trial by trial, (d) the protocol with murid's advice
 * obeyed.
 *
 * The twin sees stimuli, choices and rewards. Its bank holds no rule that an animal learns by: it
 * has random walks, predict_max and reward_max at a few rates; the animals learn by noisy
 * reinforce, reinforce_base, eligibility or a net that was fitted to mice, each with rates of its
 * own, or not at all. Who has met the criterion goes on in the last stage as it was declared.
 * Criterion, the same for all arms, read from the simulation's truth: the animal's policy is right
 * on at least so much of the last stage's stimuli with contrast, on either side, in the mean over
 * the last 100 trials. All that stands here is a function of the seed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "model/bootstrap.h"
#include "model/curriculum.h"
#include "model/mouse.h"
#include "protocol_file.h"
#include "team.h"

enum {
    MICE_MAX = 512,
    SPAN = 100, /* trials that the criterion is a mean over */
    DRAWS = 2000,
    THIRDS = 3
};

#define ARMS(X)                                                                                    \
    X(PROTOCOL, "(a) the protocol as it is")                                                       \
    X(RANDOM, "(b) uniform random")                                                                \
    X(ALIGN, "(c) AlignMax")                                                                       \
    X(ADVICE, "(d) advice obeyed")
#define LEARNERS(X)                                                                                \
    X(REINFORCE, "reinforce")                                                                      \
    X(BASE, "reinforce_base")                                                                      \
    X(TRACE, "eligibility")                                                                        \
    X(NET, "rnn of mice")                                                                          \
    X(IDLE, "does not learn")
#define ENUM_OF(NAME, text) NAME,
#define TEXT_OF(NAME, text) text,
enum arm { ARMS(ENUM_OF) N_ARMS };
enum learner_type { LEARNERS(ENUM_OF) N_TYPES };
static const char *const ARM_NAMES[] = {ARMS(TEXT_OF)};
static const char *const TYPE_NAMES[] = {LEARNERS(TEXT_OF)};

/* A protocol, and what is asked of an animal at its end. */
static const struct task {
    const char *file;
    double criterion;
} TASKS[] = {{"staged_2afc", 0.9}, {"ibl_training", 0.85}};
enum { N_TASKS = sizeof TASKS / sizeof TASKS[0] };

struct animal {
    model_params params;
    double pace; /* of the net's steps */
    double home; /* bias that one that does not learn comes back to */
};

struct result {
    double trials; /* to the criterion; the budget if it was not met */
    bool has_met;
    double rewarded; /* of the trials that (a) needed */
    double span;     /* these */
    double bias;     /* mean |p(right at zero contrast) - 0.5| */
    double asked[THIRDS], abstained[THIRDS];
    double why[MODEL_CURRICULUM_WHYS];
    double taken[MODEL_CHANGES];
};

struct study {
    model_protocol protocol;
    double criterion;
    enum learner_type type;
    int64_t budget;
    uint64_t seed;
    int64_t every;
    bool arms[N_ARMS];
    struct result result[MICE_MAX][N_ARMS];
};

static model_bank_params bank_params;
static model_curriculum_config config;
static struct model_file mice;
static bool is_verbose;

/* ---- animals --------------------------------------------------------------------------------- */

static double between(model_random *r, double lo, double hi)
{
    return lo + (hi - lo) * model_random_uniform(r);
}

static void set_all(double out[], double stimulus, double bias)
{
    out[0] = out[1] = stimulus;
    out[2] = bias;
}

static void draw_classic(struct animal *a, enum learner_type type, model_random *r)
{
    model_params *p = &a->params;
    (void)model_params_built_in(p, "stimulus_right,stimulus_left,bias");
    memset(&p->noise, 0, sizeof p->noise);
    set_all(p->noise.prior_var, 0.04, 1.0);
    set_all(p->noise.drift_var, 1e-4, 2e-4);
    set_all(p->noise.session_var, 0.01, 0.09);
    const double rate = exp2(between(r, -6.0, -4.0));
    set_all(p->rule.rate, rate, rate * exp2(between(r, -2.0, 0.0)));
    p->rule.kind = MODEL_RULE_REINFORCE;
    if (type == BASE) {
        const double base = between(r, -0.3, 0.4);
        p->rule.kind = MODEL_RULE_REINFORCE_BASE;
        set_all(p->rule.baseline, base, base);
    } else if (type == TRACE) {
        const double decay = between(r, 0.3, 0.9);
        p->rule.kind = MODEL_RULE_ELIGIBILITY;
        set_all(p->rule.decay, decay, decay);
    } else if (type == IDLE) {
        p->rule.kind = MODEL_RULE_NONE;
        set_all(p->noise.prior_mean, between(r, 0.6, 1.6), 0.0);
        set_all(p->noise.drift_var, 0.0, 4e-4);
        set_all(p->noise.session_var, 0.0, 0.04);
    }
}

static void draw_animal(struct animal *a, enum learner_type type, uint64_t seed, uint64_t number)
{
    model_random r;
    model_random_seed(&r, seed, (UINT64_C(1) << 40) + number);
    a->pace = 1.0;
    if (type == NET) {
        a->params = mice.bank.member[6 + model_random_below(&r, 3)];
        a->pace = exp2(between(&r, 1.0, 3.0));
    } else {
        draw_classic(a, type, &r);
    }
}

static void learn(model_mouse *mouse, const struct animal *a, const model_trial *trial)
{
    const size_t n = a->params.policy.n;
    model_params quiet = a->params;
    double before[MODEL_WEIGHTS_MAX];
    memcpy(before, mouse->w, sizeof before);
    memset(quiet.noise.drift_var, 0, sizeof quiet.noise.drift_var);
    (void)model_mouse_learn(mouse, &quiet, trial);
    for (size_t k = 0; k < n; k++) {
        mouse->w[k] += (a->pace - 1.0) * (mouse->w[k] - before[k]);
        mouse->w[k] += sqrt(a->params.noise.drift_var[k]) * model_random_normal(&mouse->noise);
    }
    if (a->params.rule.kind == MODEL_RULE_NONE) {
        mouse->w[n - 1] -= 0.002 * mouse->w[n - 1]; /* it keeps near 0 */
    }
}

/* p(right) of the true policy without history. */
static double truth(const model_mouse *mouse, const model_params *p, double contrast)
{
    model_mouse bare = *mouse;
    model_history_reset(&bare.history);
    return model_mouse_predict(&bare, p, contrast);
}

/* Proportion right of the goal's stimuli with contrast, on the worse side. */
static double worse_side(const model_mouse *mouse, const model_params *p,
                         const model_protocol_stage *goal)
{
    double sum[2] = {0.0, 0.0};
    double weight = 0.0;
    for (uint32_t i = 0; i < goal->n_contrasts; i++) {
        if (goal->contrast[i] > 0.0) {
            sum[0] += goal->probability[i] * (1.0 - truth(mouse, p, -goal->contrast[i]));
            sum[1] += goal->probability[i] * truth(mouse, p, goal->contrast[i]);
            weight += goal->probability[i];
        }
    }
    return fmin(sum[0], sum[1]) / weight;
}

/* ---- training -------------------------------------------------------------------------------- */

struct training {
    const struct study *study;
    const struct animal *animal;
    enum arm arm;
    struct result *result;
    model_mouse mouse;
    model_pace pace;
    model_protocol now, start;
    uint32_t start_stage;
    model_protocol_state rig;
    model_random draws;
    model_curriculum *advisor;
    model_curriculum_advice advice;
    double skill[SPAN];
    double skill_sum;
    int64_t n;
    bool has_graduated;
};

/* Whoever has met the criterion goes on in the last stage as it was declared. */
static void graduate(struct training *t)
{
    t->has_graduated = true;
    t->now = t->start = t->study->protocol;
    t->arm = PROTOCOL;
    model_protocol_enter(&t->rig, model_change_goal(&t->now));
    t->rig.carried_stage = t->rig.stage;
}

static void start_session(struct training *t)
{
    model_protocol_start_session(&t->rig, &t->now);
    model_mouse_start_session(&t->mouse, &t->animal->params);
    model_pace_start_session(&t->pace, &bank_params);
    t->start = t->now;
    t->start_stage = (uint32_t)t->rig.stage;
}

static void obey(struct training *t, const model_change *change)
{
    model_protocol changed;
    uint32_t stage;
    const model_change_place place = {&t->study->protocol, &t->start, &t->now,
                                      (uint32_t)t->rig.stage, t->start_stage};
    if (change->kind == MODEL_CHANGE_STOP) {
        t->rig.session_trials = t->rig.trial;
        return;
    }
    if (model_change_apply(&changed, &stage, &place, change) == MODEL_OK) {
        model_change_carry(&t->rig, &t->now, &changed);
        t->now = changed;
        if (stage != (uint32_t)t->rig.stage) {
            model_protocol_enter(&t->rig, stage);
        }
    }
}

static void ask(struct training *t)
{
    const uint32_t stage = model_protocol_next_stage(&t->rig, &t->now);
    if (stage != (uint32_t)t->rig.stage) {
        model_protocol_enter(&t->rig, stage);
    }
    const model_curriculum_training where = {
        .place = {&t->study->protocol, &t->start, &t->now, stage, t->start_stage}, .rig = &t->rig};
    if (model_curriculum_advise(t->advisor, &t->pace, &where, t->study->seed + (uint64_t)t->n, NULL,
                                NULL, &t->advice) != MODEL_OK) {
        bench_die("no advice could be made");
    }
    const int64_t third = t->n * THIRDS / t->study->budget;
    t->result->asked[third]++;
    t->result->abstained[third] += t->advice.why != MODEL_CURRICULUM_ADVISES;
    t->result->why[t->advice.why]++;
    if (is_verbose) {
        const model_curriculum_action *a = &t->advice.action[0];
        printf(
            "%5lld stage %u skill %.3f true %.3f learns %.2f %s: %s c %.3f part %.2f p_left %.2f "
            "gain %.4f se %.4f reward %.2f (%.2f)\n",
            (long long)t->n, stage, t->advice.skill, t->skill_sum / SPAN, t->advice.p_learns,
            model_curriculum_why_name(t->advice.why), model_change_name(a->change.kind),
            a->change.contrast, a->change.part, a->change.p_left, a->gain, a->gain_se, a->reward,
            t->advice.carry_on.reward);
    }
    if (t->advice.why == MODEL_CURRICULUM_ADVISES) {
        t->result->taken[t->advice.action[0].change.kind]++;
        obey(t, &t->advice.action[0].change);
    }
}

static void choose_random(struct training *t, model_protocol_trial *trial)
{
    const model_protocol_stage *s =
        &t->study->protocol.stage[model_change_goal(&t->study->protocol)];
    const uint64_t at = model_random_below(&t->draws, s->n_contrasts);
    trial->side = model_random_uniform(&t->draws) < 0.5;
    trial->contrast = trial->side ? s->contrast[at] : -s->contrast[at];
}

static void choose_aligned(struct training *t, model_protocol_trial *trial)
{
    double contrast[MODEL_PROTOCOL_CONTRASTS];
    double signed_contrast[2 * MODEL_PROTOCOL_CONTRASTS];
    double gain[2 * MODEL_PROTOCOL_CONTRASTS];
    double goal[MODEL_WEIGHTS_MAX];
    double weight[MODEL_PACE_STRANDS];
    double p_reward[2][2] = {{1.0, 0.0}, {0.0, 1.0}};
    const uint32_t n = model_change_contrasts(&t->study->protocol, contrast);
    for (uint32_t i = 0; i < n; i++) {
        signed_contrast[2 * i] = contrast[i];
        signed_contrast[2 * i + 1] = -contrast[i];
    }
    model_align_goal(&bank_params.member[0].policy, config.goal, goal);
    model_rollout_weigh(&bank_params, &t->pace, &config.tuning, weight);
    model_align(&t->pace, &bank_params, weight, goal, p_reward, 2 * n, signed_contrast, gain);
    uint32_t best = 0;
    for (uint32_t i = 1; i < 2 * n; i++) {
        best = gain[i] > gain[best] ? i : best;
    }
    trial->contrast = signed_contrast[best];
    trial->side = trial->contrast > 0.0;
}

static void judge(struct training *t)
{
    const model_protocol *p = &t->study->protocol;
    const double skill = worse_side(&t->mouse, &t->animal->params, &p->stage[model_change_goal(p)]);
    t->skill_sum += skill - t->skill[t->n % SPAN];
    t->skill[t->n % SPAN] = skill;
    t->n++;
    if (t->n >= SPAN && t->skill_sum / SPAN >= t->study->criterion) {
        t->result->has_met = true;
        t->result->trials = (double)t->n;
    }
}

static void one_trial(struct training *t)
{
    model_protocol_trial trial;
    if (t->rig.session < 0 || !model_protocol_next(&t->rig, &t->now, &trial)) {
        start_session(t);
        if (t->arm == ADVICE) {
            ask(t);
        }
        (void)model_protocol_next(&t->rig, &t->now, &trial);
    } else if (t->arm == ADVICE && t->rig.trial % t->study->every == 0) {
        ask(t);
        (void)model_protocol_next(&t->rig, &t->now, &trial);
    }
    if (t->arm == RANDOM) {
        choose_random(t, &trial);
    } else if (t->arm == ALIGN) {
        choose_aligned(t, &trial);
    }
    const bool right = model_mouse_choose(&t->mouse, &t->animal->params, trial.contrast);
    const double reward = model_protocol_push(&t->rig, &t->now, &trial, right, (double)NAN);
    const model_trial heard = {.contrast = trial.contrast,
                               .reward = reward,
                               .rt_s = (double)NAN,
                               .choice = right,
                               .side = trial.side};
    if (!(t->n >= (int64_t)t->result->span && t->result->span > 0.0)) {
        t->result->rewarded += reward;
        t->result->bias += fabs(truth(&t->mouse, &t->animal->params, 0.0) - 0.5);
    }
    (void)model_pace_observe(&t->pace, &bank_params, &heard);
    learn(&t->mouse, t->animal, &heard);
    if (t->has_graduated) {
        t->n++;
    } else {
        judge(t);
    }
}

static void train(const struct study *study, const struct animal *animal, uint64_t number,
                  enum arm arm, struct result *result, model_curriculum *advisor)
{
    struct training *t = calloc(1, sizeof *t);
    if (t == NULL) {
        bench_die("no memory");
    }
    t->study = study;
    t->animal = animal;
    t->arm = arm;
    t->result = result;
    t->advisor = advisor;
    t->now = t->start = study->protocol;
    model_mouse_init(&t->mouse, &animal->params, study->seed, number);
    model_pace_init(&t->pace, &bank_params);
    model_protocol_init(&t->rig, &study->protocol, study->seed, (UINT64_C(1) << 41) + number);
    model_random_seed(&t->draws, study->seed, (UINT64_C(1) << 42) + number);
    result->trials = (double)study->budget;
    while (t->n < study->budget && !(result->has_met && t->n >= (int64_t)result->span)) {
        one_trial(t);
        if (result->has_met && !t->has_graduated) {
            graduate(t);
        }
    }
    result->span = result->span > 0.0 ? result->span : result->trials;
    free(t);
}

static void train_animal(void *context, size_t number)
{
    struct study *study = context;
    struct animal animal;
    model_curriculum *advisor;
    const size_t size = model_curriculum_size(&bank_params, &config);
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    if (mem == NULL ||
        model_curriculum_init(mem, size, &bank_params, &config, &advisor) != MODEL_OK) {
        bench_die("no advisor could be made");
    }
    draw_animal(&animal, study->type, study->seed, number);
    for (int arm = 0; arm < N_ARMS; arm++) {
        if (study->arms[arm]) {
            study->result[number][arm].span =
                arm == PROTOCOL ? 0.0 : study->result[number][PROTOCOL].trials;
            train(study, &animal, number, (enum arm)arm, &study->result[number][arm], advisor);
        }
    }
    free(mem);
}

/* ---- the twin -------------------------------------------------------------------------------- */

static void add_member(model_rule_kind kind, double rate, double noise)
{
    model_params *p = &bank_params.member[bank_params.n++];
    (void)model_params_built_in(p, "stimulus_right,stimulus_left,bias");
    p->rule.kind = kind;
    set_all(p->rule.rate, rate, rate);
    for (size_t k = 0; k < 3; k++) {
        p->noise.prior_var[k] = 1.0;
        p->noise.drift_var[k] *= noise;
        p->noise.session_var[k] = 0.1;
    }
}

static void make_bank(void)
{
    bank_params.share = 0.0003;
    bank_params.temper = 1.0;
    add_member(MODEL_RULE_NONE, 0.0, 1.0);
    add_member(MODEL_RULE_NONE, 0.0, 0.06);
    for (int i = 0; i < 2; i++) {
        add_member(MODEL_RULE_PREDICT_MAX, exp2(-7.0 + 2.0 * i), 0.06);
        add_member(MODEL_RULE_REWARD_MAX, exp2(-7.0 + 2.0 * i), 0.06);
    }
    for (uint32_t m = 0; m < bank_params.n; m++) {
        bank_params.prior[m] = 1.0 / bank_params.n;
    }
    if (model_bank_check(&bank_params) != MODEL_OK) {
        bench_die("the twin's bank is not one");
    }
}

/* ---- figures --------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(size_t n, double value[])
{
    qsort(value, n, sizeof value[0], by_value);
    return n > 0 ? 0.5 * (value[(n - 1) / 2] + value[n / 2]) : (double)NAN;
}

/* The median of n values, and the ends of its 95% bootstrap interval. */
static double median_interval(size_t n, const double value[], double *lo, double *hi)
{
    static double drawn[N_TYPES * MICE_MAX];
    double medians[DRAWS];
    model_random r;
    model_random_seed(&r, 1, n);
    for (int d = 0; d < DRAWS; d++) {
        for (size_t i = 0; i < n; i++) {
            drawn[i] = value[model_random_below(&r, n)];
        }
        medians[d] = median(n, drawn);
    }
    qsort(medians, DRAWS, sizeof medians[0], by_value);
    *lo = medians[DRAWS / 40];
    *hi = medians[DRAWS - 1 - DRAWS / 40];
    memcpy(drawn, value, n * sizeof drawn[0]);
    return median(n, drawn);
}

static void print_arm(const struct study *s, size_t n, int arm)
{
    double trials[MICE_MAX];
    double ratio[MICE_MAX];
    double lo;
    double hi;
    double met = 0.0;
    double rewarded = 0.0;
    double bias = 0.0;
    double all = 0.0;
    for (size_t i = 0; i < n; i++) {
        const struct result *r = &s->result[i][arm];
        trials[i] = r->trials;
        ratio[i] = r->trials / s->result[i][PROTOCOL].trials;
        met += r->has_met;
        rewarded += r->rewarded;
        bias += r->bias;
        all += r->span;
    }
    const double ratio_median = median_interval(n, ratio, &lo, &hi);
    printf("  %-26s %6.0f  %4.0f%%   %.3f (%.3f to %.3f)  reward %.3f  bias %.3f\n", ARM_NAMES[arm],
           median(n, trials), 100.0 * met / (double)n, ratio_median, lo, hi, rewarded / all,
           bias / all);
}

static void print_advice(const struct study *s, size_t n)
{
    double asked[THIRDS] = {0.0}, abstained[THIRDS] = {0.0};
    double why[MODEL_CURRICULUM_WHYS] = {0.0}, taken[MODEL_CHANGES] = {0.0};
    for (size_t i = 0; i < n; i++) {
        const struct result *r = &s->result[i][ADVICE];
        for (int k = 0; k < THIRDS; k++) {
            asked[k] += r->asked[k];
            abstained[k] += r->abstained[k];
        }
        for (int k = 0; k < MODEL_CURRICULUM_WHYS; k++) {
            why[k] += r->why[k];
        }
        for (int k = 0; k < MODEL_CHANGES; k++) {
            taken[k] += r->taken[k];
        }
    }
    printf("    abstains by thirds of the budget:");
    for (int k = 0; k < THIRDS && asked[k] > 0.0; k++) {
        printf(" %.0f%%", 100.0 * abstained[k] / asked[k]);
    }
    printf(";");
    for (int k = 0; k < MODEL_CURRICULUM_WHYS; k++) {
        if (why[k] > 0.0) {
            printf(" %s %.0f", model_curriculum_why_name((model_curriculum_why)k), why[k]);
        }
    }
    printf(";");
    for (int k = 0; k < MODEL_CHANGES; k++) {
        if (taken[k] > 0.0) {
            printf(" %s %.0f", model_change_name((model_change_kind)k), taken[k]);
        }
    }
    printf("\n");
}

/* Of all animals that learn, under one protocol. */
static struct {
    size_t n;
    double ratio[N_TYPES * MICE_MAX];
    double more[N_TYPES * MICE_MAX]; /* rewards of (d) less those of (a) */
    double span[N_TYPES * MICE_MAX]; /* trials */
} pooled;

static double share_abstained(const struct study *s, size_t n)
{
    double asked = 0.0;
    double abstained = 0.0;
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < THIRDS; k++) {
            asked += s->result[i][ADVICE].asked[k];
            abstained += s->result[i][ADVICE].abstained[k];
        }
    }
    return abstained / asked;
}

static double worst_of_type(const struct study *s, size_t n)
{
    double ratio[MICE_MAX];
    for (size_t i = 0; i < n; i++) {
        const struct result *a = &s->result[i][PROTOCOL];
        const struct result *d = &s->result[i][ADVICE];
        ratio[i] = d->trials / a->trials;
        pooled.ratio[pooled.n] = ratio[i];
        pooled.more[pooled.n] = d->rewarded - a->rewarded;
        pooled.span[pooled.n++] = a->span;
    }
    return median(n, ratio);
}

static int report(const struct study *s, size_t n, bool is_quick)
{
    printf(" %s\n", TYPE_NAMES[s->type]);
    for (int arm = 0; arm < N_ARMS; arm++) {
        if (s->arms[arm]) {
            print_arm(s, n, arm);
        }
    }
    int failed = 0;
    if (s->arms[ADVICE]) {
        print_advice(s, n);
        failed =
            s->type == IDLE
                ? bench_verdict("    abstains", share_abstained(s, n), "of all times", false, 0.9)
                : bench_verdict("    median", worst_of_type(s, n), "of the trials of (a)", true,
                                is_quick ? 1.25 : 1.05);
    }
    (void)fflush(stdout);
    return failed;
}

static int judge_pooled(void)
{
    double lo;
    double hi;
    double ratios[DRAWS];
    model_random r;
    const double ratio = median_interval(pooled.n, pooled.ratio, &lo, &hi);
    printf(" all that learn: (d) %.3f of the trials of (a) (%.3f to %.3f)\n", ratio, lo, hi);
    int failed = bench_verdict("    median", ratio, "of the trials of (a)", true, 0.75);
    double more = 0.0;
    double trials = 0.0;
    for (size_t i = 0; i < pooled.n; i++) {
        more += pooled.more[i];
        trials += pooled.span[i];
    }
    model_random_seed(&r, 1, 0);
    model_bootstrap_ratio(pooled.n, pooled.more, pooled.span, &r, DRAWS, ratios, &lo, &hi);
    printf(" reward rate of (d) less that of (a): %.4f (%.4f to %.4f)\n", more / trials, lo, hi);
    failed |= bench_verdict("    reward rate", more / trials, "more", false, 0.0);
    return failed;
}

static void load_protocol(struct study *s, const char *name)
{
    static struct protocol_file file;
    struct fault fault = {0};
    char path[512];
    (void)snprintf(path, sizeof path, "%s/configs/protocols/%s.yaml", MURID_SOURCE_DIR, name);
    if (protocol_file_load(&file, path, &fault) != FAULT_NONE) {
        bench_die("%s", fault.text);
    }
    s->protocol = file.protocol;
}

int main(int argc, char **argv)
{
    static struct study study;
    static struct team team;
    bool is_quick = false;
    double n = 60;
    double threads = 2;
    double seed = 1;
    double every = 50;
    double price = 0.0;
    double floor = 0.0;
    const char *only_task = NULL;
    const char *only_type = NULL;
    const char *arms = "abcd";
    struct fault fault = {0};
    model_curriculum_default(&config);
    const struct bench_option options[] = {
        {"mice", NULL, &n, NULL, "animals of each kind (60)"},
        {"threads", NULL, &threads, NULL, "threads (2)"},
        {"seed", NULL, &seed, NULL, "of all draws (1)"},
        {"every", NULL, &every, NULL, "trials between two suggestions (50)"},
        {"protocol", &only_task, NULL, NULL, "only this one"},
        {"learner", &only_type, NULL, NULL, "only these"},
        {"arms", &arms, NULL, NULL, "which of abcd (all)"},
        {"price", NULL, &price, NULL, "of lost reward, see model/curriculum.h (0.015)"},
        {"floor", NULL, &floor, NULL, "of reward (0.85)"},
        {"verbose", NULL, NULL, &is_verbose, "every suggestion"},
        {"quick", NULL, NULL, &is_quick, "a few animals"}};
    bench_options(argc, argv, "what advice is worth", options, sizeof options / sizeof options[0]);
    config.reward_price = price > 0.0 ? price : config.reward_price;
    config.reward_floor = floor > 0.0 ? floor : config.reward_floor;
    if (n < 2 || n > MICE_MAX || threads < 1 || threads > TEAM_THREADS_MAX || every < 1) {
        bench_die("2 to %d mice, 1 to %d threads, and a trial or more were expected", MICE_MAX,
                  TEAM_THREADS_MAX);
    }
    if (is_quick) {
        n = 3;
        arms = "ad";
        only_task = TASKS[0].file;
    }
    if (model_file_load(MURID_SOURCE_DIR "/configs/models/mice.safetensors", &mice, &fault) !=
            FAULT_NONE ||
        team_open(&team, (size_t)threads, &fault) != FAULT_NONE) {
        bench_die("%s", fault.text);
    }
    make_bank();
    int failed = 0;
    for (int task = 0; task < N_TASKS; task++) {
        if (only_task != NULL && strcmp(only_task, TASKS[task].file) != 0) {
            continue;
        }
        load_protocol(&study, TASKS[task].file);
        printf("%s: right on %.0f%% of either side's stimuli\n", TASKS[task].file,
               100.0 * TASKS[task].criterion);
        printf("  %-26s %6s  %5s   %s\n", "", "trials", "met",
               "over those of (a), 95%; reward and bias over the trials of (a)");
        pooled.n = 0;
        for (int type = 0; type < N_TYPES; type++) {
            const bool is_left_out = is_quick && type != REINFORCE && type != IDLE;
            if (is_left_out || (only_type != NULL && strcmp(TYPE_NAMES[type], only_type) != 0)) {
                continue;
            }
            memset(study.result, 0, sizeof study.result);
            study.criterion = TASKS[task].criterion;
            study.type = (enum learner_type)type;
            study.budget = type != IDLE ? 15000 : is_quick ? 1500 : 4000;
            study.seed = (uint64_t)seed;
            study.every = (int64_t)every;
            for (int arm = 0; arm < N_ARMS; arm++) {
                study.arms[arm] = arm == PROTOCOL || strchr(arms, 'a' + arm) != NULL;
            }
            team_run(&team, train_animal, &study, (size_t)n);
            failed |= report(&study, (size_t)n, is_quick);
        }
        failed |= study.arms[ADVICE] && pooled.n > 0 && !is_quick ? judge_pooled() : 0;
    }
    team_close(&team);
    model_file_free(&mice);
    return failed;
}
