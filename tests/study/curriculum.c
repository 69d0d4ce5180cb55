/* What advice is worth: virtual animals trained under (a) a protocol as it is, (b) its last stage's
 * stimuli in random order, (c) AlignMax trial by trial, (d) the protocol with murid's advice
 * obeyed; and what could be had at all: (e) AlignMax by one who knows the animal's weights and
 * rule, (f) the same with a price on errors.
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

#include "alignmax.h"
#include "bench.h"
#include "learner.h"
#include "model/bootstrap.h"
#include "model/curriculum.h"
#include "protocol_file.h"
#include "rollout.h"
#include "thread_pool.h"

enum {
    MICE_MAX = 512,
    SPAN = 100, /* trials that the criterion is a mean over */
    DRAWS = 2000,
    THIRDS = 3,
    COPIES = 8 /* of the animal, that live through what was said */
};

#define ARMS(X)                                                                                    \
    X(PROTOCOL, "(a) the protocol as it is")                                                       \
    X(RANDOM, "(b) uniform random")                                                                \
    X(ALIGN, "(c) AlignMax")                                                                       \
    X(ADVICE, "(d) advice obeyed")                                                                 \
    X(KNOWING, "(e) knows the animal")                                                             \
    X(FRUGAL, "(f) knows it, keeps reward")
#define ENUM_OF(NAME, text) NAME,
#define TEXT_OF(NAME, text) text,
enum arm { ARMS(ENUM_OF) N_ARMS };
static const char *const ARM_NAMES[] = {ARMS(TEXT_OF)};

/* A protocol, and what is asked of an animal at its end. */
static const struct task {
    const char *file;
    double criterion;
} TASKS[] = {{"staged_2afc", 0.9}, {"ibl_training", 0.85}, {"fixed_set", 0.85}};
enum { N_TASKS = sizeof TASKS / sizeof TASKS[0] };

/* What was said of the horizon, against the animal itself living through it, COPIES times over. */
struct check {
    double skills, skills_inside;           /* carrying on: copies; of them in its 90% band */
    double gains, gains_inside, gain, came; /* advised changes: said and true gain, summed */
    double said_better, better;             /* copies: said and true share that gains */
};

struct result {
    double trials; /* to the criterion; the budget if it was not met */
    bool has_met;
    double rewarded; /* of the trials that (a) needed */
    double span;     /* these */
    double bias;     /* mean |p(right at zero contrast) - 0.5| */
    double asked[THIRDS], abstained[THIRDS];
    double why[MODEL_CURRICULUM_WHYS];
    double taken[MODEL_PROTOCOL_CHANGES];
    struct check said; /* of (d), against the truth */
};

struct study {
    model_protocol protocol;
    double criterion;
    learner_kind kind;
    int64_t budget;
    uint64_t seed;
    int64_t every;
    bool arms[N_ARMS];
    struct result result[MICE_MAX][N_ARMS];
};

static model_bank_params bank_params;
static model_curriculum_config config;
static struct model_file mice;
static double error_price = 0.5; /* of (f), in steps of the rule */
static bool is_verbose;

/* ---- training -------------------------------------------------------------------------------- */

struct training_set {
    const struct study *study;
    const learner *animal;
    enum arm arm;
    struct result *result;
    model_virtual_mouse mouse;
    model_rate_grid pace;
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
static void graduate(struct training_set *t)
{
    t->has_graduated = true;
    t->now = t->start = t->study->protocol;
    t->arm = PROTOCOL;
    model_protocol_enter(&t->rig, model_protocol_change_goal(&t->now));
    t->rig.carried_stage = t->rig.stage;
}

static void start_session(struct training_set *t)
{
    model_protocol_start_session(&t->rig, &t->now);
    model_virtual_mouse_start_session(&t->mouse, &t->animal->params);
    model_rate_grid_start_session(&t->pace, &bank_params);
    t->start = t->now;
    t->start_stage = (uint32_t)t->rig.stage;
}

static void obey(struct training_set *t, const model_protocol_change *change)
{
    model_protocol changed;
    uint32_t stage;
    const model_protocol_change_place place = {&t->study->protocol, &t->start, &t->now,
                                               (uint32_t)t->rig.stage, t->start_stage};
    if (change->kind == MODEL_PROTOCOL_CHANGE_STOP) {
        t->rig.session_trials = t->rig.trial;
        return;
    }
    if (model_protocol_change_apply(&changed, &stage, &place, change) == MODEL_OK) {
        model_protocol_change_carry(&t->rig, &t->now, &changed);
        t->now = changed;
        if (stage != (uint32_t)t->rig.stage) {
            model_protocol_enter(&t->rig, stage);
        }
    }
}

static model_trial answer(const learner *l, model_virtual_mouse *mouse, model_protocol_state *rig,
                          const model_protocol *protocol, const model_protocol_trial *shown)
{
    const bool right = model_virtual_mouse_choose(mouse, &l->params, shown->contrast);
    return (model_trial){.contrast = shown->contrast,
                         .reward = model_protocol_push(rig, protocol, shown, right, (double)NAN),
                         .rt_s = (double)NAN,
                         .choice = right,
                         .side = shown->side};
}

/* What the animal itself comes to after the horizon under that protocol, in draws of a copy. */
static double live(const struct training_set *t, const model_protocol *protocol, uint32_t stage,
                   bool stops, uint64_t copy)
{
    const learner *l = t->animal;
    const uint64_t seed = ~t->study->seed + (uint64_t)t->n;
    model_virtual_mouse mouse = t->mouse;
    model_protocol_state rig = t->rig;
    int64_t trials = (int64_t)config.horizon;
    model_protocol_change_carry(&rig, &t->now, protocol);
    if (stage != (uint32_t)rig.stage) {
        model_protocol_enter(&rig, stage);
    }
    if (stops) {
        trials -= rig.session_trials > rig.trial ? rig.session_trials - rig.trial : 0;
        rig.session_trials = rig.trial;
    }
    model_random_seed(&mouse.choices, seed, 3 * copy);
    model_random_seed(&mouse.noise, seed, 3 * copy + 1);
    model_random_seed(&rig.random, seed, 3 * copy + 2);
    for (int64_t i = 0; i < trials; i++) {
        model_protocol_trial shown;
        if (!model_protocol_next(&rig, protocol, &shown)) {
            model_protocol_start_session(&rig, protocol);
            model_virtual_mouse_start_session(&mouse, &l->params);
            (void)model_protocol_next(&rig, protocol, &shown);
        }
        const model_trial heard = answer(l, &mouse, &rig, protocol, &shown);
        learner_learn(l, &mouse, &heard);
    }
    const model_protocol *declared = &t->study->protocol;
    return learner_worse_side(l, &mouse, &declared->stage[model_protocol_change_goal(declared)]);
}

/* Holds what was said against what comes. */
static void check(const struct training_set *t, const model_protocol_change_place *place)
{
    struct check *c = &t->result->said;
    const model_curriculum_advice *said = &t->advice;
    const model_curriculum_action *a = &said->action[0];
    const bool advises = said->why == MODEL_CURRICULUM_ADVISES;
    model_protocol changed;
    uint32_t stage;
    if (advises && model_protocol_change_apply(&changed, &stage, place, &a->change) != MODEL_OK) {
        bench_die("a change was advised that cannot be made");
    }
    for (uint64_t copy = 0; copy < (advises ? COPIES : 1); copy++) {
        const double base = live(t, place->now, place->stage, false, copy);
        c->skills++;
        c->skills_inside += base >= said->carry_on.skill_lo && base <= said->carry_on.skill_hi;
        if (advises) {
            const bool stops = a->change.kind == MODEL_PROTOCOL_CHANGE_STOP;
            const double gain = live(t, &changed, stage, stops, copy) - base;
            c->gains++;
            c->gains_inside += gain >= a->gain_lo && gain <= a->gain_hi;
            c->gain += a->gain;
            c->came += gain;
            c->said_better += a->p_better;
            c->better += gain > 0.0 ? 1.0 : (gain < 0.0 ? 0.0 : 0.5);
        }
    }
}

static void ask(struct training_set *t)
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
            model_curriculum_why_name(t->advice.why), model_protocol_change_name(a->change.kind),
            a->change.contrast, a->change.part, a->change.p_left, a->gain, a->gain_se, a->reward,
            t->advice.carry_on.reward);
    }
    check(t, &where.place);
    if (t->advice.why == MODEL_CURRICULUM_ADVISES) {
        t->result->taken[t->advice.action[0].change.kind]++;
        obey(t, &t->advice.action[0].change);
    }
}

static void choose_random(struct training_set *t, model_protocol_trial *trial)
{
    const model_protocol_stage *s =
        &t->study->protocol.stage[model_protocol_change_goal(&t->study->protocol)];
    const uint64_t at = model_random_below(&t->draws, s->n_contrasts);
    trial->side = model_random_uniform(&t->draws) < 0.5;
    trial->contrast = trial->side ? s->contrast[at] : -s->contrast[at];
}

static void choose_aligned(struct training_set *t, model_protocol_trial *trial)
{
    double contrast[MODEL_PROTOCOL_CONTRASTS];
    double signed_contrast[2 * MODEL_PROTOCOL_CONTRASTS];
    double gain[2 * MODEL_PROTOCOL_CONTRASTS];
    double goal[MODEL_WEIGHTS_MAX];
    double weight[MODEL_RATE_GRID_STRANDS];
    double p_reward[2][2] = {{1.0, 0.0}, {0.0, 1.0}};
    const uint32_t n = model_protocol_change_contrasts(&t->study->protocol, contrast);
    for (uint32_t i = 0; i < n; i++) {
        signed_contrast[2 * i] = contrast[i];
        signed_contrast[2 * i + 1] = -contrast[i];
    }
    model_alignmax_goal(&bank_params.member[0].policy, config.goal, goal);
    rollout_weigh(&bank_params, &t->pace, &config.tuning, weight);
    model_alignmax(&t->pace, &bank_params, weight, goal, p_reward, 2 * n, signed_contrast, gain);
    uint32_t best = 0;
    for (uint32_t i = 1; i < 2 * n; i++) {
        best = gain[i] > gain[best] ? i : best;
    }
    trial->contrast = signed_contrast[best];
    trial->side = trial->contrast > 0.0;
}

/* AlignMax with the animal's own weights and rule, and its policy with history; less the price of
 * the errors that are expected, in steps of the rule. */
static void choose_knowing(struct training_set *t, model_protocol_trial *trial, double price)
{
    double contrast[MODEL_PROTOCOL_CONTRASTS];
    double goal[MODEL_WEIGHTS_MAX];
    const model_params *p = &t->animal->params;
    const uint32_t n = model_protocol_change_contrasts(&t->study->protocol, contrast);
    const double step = p->rule.rate[0] > 0.0 ? p->rule.rate[0] : 0.02;
    double most = -(double)INFINITY;
    model_alignmax_goal(&p->policy, config.goal, goal);
    for (uint32_t i = 0; i < 2 * n; i++) {
        const bool side = i % 2 == 1;
        const double shown = side ? contrast[i / 2] : -contrast[i / 2];
        const double p_right = model_virtual_mouse_predict(&t->mouse, p, shown);
        double worth = -price * step * (side ? 1.0 - p_right : p_right);
        for (int right = 0; right < 2; right++) {
            model_virtual_mouse taught = t->mouse;
            const model_trial heard = {.contrast = shown,
                                       .reward = right == side,
                                       .rt_s = (double)NAN,
                                       .choice = (int8_t)right,
                                       .side = side};
            learner_step(t->animal, &taught, &heard);
            for (size_t k = 0; k < p->policy.n; k++) {
                worth += (right ? p_right : 1.0 - p_right) * (taught.w[k] - t->mouse.w[k]) *
                         (goal[k] - t->mouse.w[k]);
            }
        }
        if (worth > most) {
            most = worth;
            trial->contrast = shown;
            trial->side = side;
        }
    }
}

static void judge(struct training_set *t)
{
    const model_protocol *p = &t->study->protocol;
    const double skill =
        learner_worse_side(t->animal, &t->mouse, &p->stage[model_protocol_change_goal(p)]);
    t->skill_sum += skill - t->skill[t->n % SPAN];
    t->skill[t->n % SPAN] = skill;
    t->n++;
    if (t->n >= SPAN && t->skill_sum / SPAN >= t->study->criterion) {
        t->result->has_met = true;
        t->result->trials = (double)t->n;
    }
}

static void one_trial(struct training_set *t)
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
    } else if (t->arm == KNOWING || t->arm == FRUGAL) {
        choose_knowing(t, &trial, t->arm == FRUGAL ? error_price : 0.0);
    }
    const model_trial heard = answer(t->animal, &t->mouse, &t->rig, &t->now, &trial);
    if (!(t->n >= (int64_t)t->result->span && t->result->span > 0.0)) {
        t->result->rewarded += heard.reward;
        t->result->bias += fabs(learner_truth(t->animal, &t->mouse, 0.0) - 0.5);
    }
    (void)model_rate_grid_observe(&t->pace, &bank_params, &heard);
    learner_learn(t->animal, &t->mouse, &heard);
    if (t->has_graduated) {
        t->n++;
    } else {
        judge(t);
    }
}

static void train(const struct study *study, const learner *animal, uint64_t number, enum arm arm,
                  struct result *result, model_curriculum *advisor)
{
    struct training_set *t = calloc(1, sizeof *t);
    if (t == NULL) {
        bench_die("no memory");
    }
    t->study = study;
    t->animal = animal;
    t->arm = arm;
    t->result = result;
    t->advisor = advisor;
    t->now = t->start = study->protocol;
    model_virtual_mouse_init(&t->mouse, &animal->params, study->seed, number);
    model_rate_grid_init(&t->pace, &bank_params);
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
    learner animal;
    model_curriculum *advisor;
    const size_t size = model_curriculum_size(&bank_params, &config);
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    if (mem == NULL ||
        model_curriculum_init(mem, size, &bank_params, &config, &advisor) != MODEL_OK) {
        bench_die("no advisor could be made");
    }
    learner_draw(&animal, study->kind, &mice.bank, study->seed, number);
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
    for (size_t k = 0; k < p->policy.n; k++) {
        p->rule.rate[k] = rate;
    }
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
    static double drawn[LEARNER_KINDS * MICE_MAX];
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

/* Returns the median of the trials over those of (a). */
static double print_arm(const struct study *s, size_t n, int arm)
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
    return ratio_median;
}

static void print_check(const struct study *s, size_t n)
{
    struct check c = {0};
    for (size_t i = 0; i < n; i++) {
        const struct check *r = &s->result[i][ADVICE].said;
        c.skills += r->skills;
        c.skills_inside += r->skills_inside;
        c.gains += r->gains;
        c.gains_inside += r->gains_inside;
        c.gain += r->gain;
        c.came += r->came;
        c.said_better += r->said_better;
        c.better += r->better;
    }
    printf("    said and came over %u trials: carrying on inside 90%% %.0f%% of %.0f",
           (unsigned)config.horizon, 100.0 * c.skills_inside / c.skills, c.skills);
    if (c.gains > 0.0) {
        printf("; gain %.4f, %.4f; inside %.0f%%; better %.0f%%, %.0f%% of %.0f", c.gain / c.gains,
               c.came / c.gains, 100.0 * c.gains_inside / c.gains, 100.0 * c.said_better / c.gains,
               100.0 * c.better / c.gains, c.gains);
    }
    printf("\n");
}

static void print_advice(const struct study *s, size_t n)
{
    double asked[THIRDS] = {0.0}, abstained[THIRDS] = {0.0};
    double why[MODEL_CURRICULUM_WHYS] = {0.0}, taken[MODEL_PROTOCOL_CHANGES] = {0.0};
    for (size_t i = 0; i < n; i++) {
        const struct result *r = &s->result[i][ADVICE];
        for (int k = 0; k < THIRDS; k++) {
            asked[k] += r->asked[k];
            abstained[k] += r->abstained[k];
        }
        for (int k = 0; k < MODEL_CURRICULUM_WHYS; k++) {
            why[k] += r->why[k];
        }
        for (int k = 0; k < MODEL_PROTOCOL_CHANGES; k++) {
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
    for (int k = 0; k < MODEL_PROTOCOL_CHANGES; k++) {
        if (taken[k] > 0.0) {
            printf(" %s %.0f", model_protocol_change_name((model_protocol_change_kind)k), taken[k]);
        }
    }
    printf("\n");
}

/* Of all animals that learn, under one protocol, by arm. */
static struct pool {
    size_t n;
    double ratio[LEARNER_KINDS * MICE_MAX];
    double more[LEARNER_KINDS * MICE_MAX]; /* rewards, less those of (a) */
    double span[LEARNER_KINDS * MICE_MAX]; /* trials */
} pooled[N_ARMS];

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

static void pool(const struct study *s, size_t n, int arm)
{
    struct pool *to = &pooled[arm];
    for (size_t i = 0; i < n; i++) {
        const struct result *a = &s->result[i][PROTOCOL];
        const struct result *b = &s->result[i][arm];
        to->ratio[to->n] = b->trials / a->trials;
        to->more[to->n] = b->rewarded - a->rewarded;
        to->span[to->n++] = a->span;
    }
}

static int report(const struct study *s, size_t n, bool is_quick)
{
    double ratio[N_ARMS];
    printf(" %s\n", learner_name(s->kind));
    for (int arm = 0; arm < N_ARMS; arm++) {
        if (s->arms[arm]) {
            ratio[arm] = print_arm(s, n, arm);
            if (s->kind != LEARNER_IDLE) {
                pool(s, n, arm);
            }
        }
    }
    int failed = 0;
    if (s->arms[ADVICE]) {
        print_advice(s, n);
        print_check(s, n);
        failed =
            s->kind == LEARNER_IDLE
                ? bench_verdict("    abstains", share_abstained(s, n), "of all times", false, 0.9)
                : bench_verdict("    median", ratio[ADVICE], "of the trials of (a)", true,
                                is_quick ? 1.25 : 1.05);
    }
    (void)fflush(stdout);
    return failed;
}

/* Prints one arm's; returns the reward rate less that of (a). */
static double print_pooled(int arm, double *ratio)
{
    const struct pool *from = &pooled[arm];
    double lo;
    double hi;
    double ratios[DRAWS];
    double more = 0.0;
    double trials = 0.0;
    model_random r;
    *ratio = median_interval(from->n, from->ratio, &lo, &hi);
    printf("  %-26s %.3f (%.3f to %.3f)", ARM_NAMES[arm], *ratio, lo, hi);
    for (size_t i = 0; i < from->n; i++) {
        more += from->more[i];
        trials += from->span[i];
    }
    model_random_seed(&r, 1, 0);
    model_bootstrap_ratio(from->n, from->more, from->span, &r, DRAWS, ratios, &lo, &hi);
    printf("   %+.4f (%+.4f to %+.4f)\n", more / trials, lo, hi);
    return more / trials;
}

static int judge_pooled(const struct study *s)
{
    int failed = 0;
    printf(" all that learn: trials over those of (a), reward rate less that of (a); 95%%\n");
    for (int arm = 1; arm < N_ARMS; arm++) {
        if (s->arms[arm]) {
            double ratio;
            const double more = print_pooled(arm, &ratio);
            if (arm == ADVICE) {
                failed |= bench_verdict("    median", ratio, "of the trials of (a)", true, 0.75);
                failed |= bench_verdict("    reward rate", more, "more", false, 0.0);
            }
        }
    }
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
    static struct thread_pool team;
    bool is_quick = false;
    double n = 60;
    double threads = 2;
    double seed = 1;
    double every = 50;
    const char *only_task = NULL;
    const char *only_kind = NULL;
    const char *arms = "abcdef";
    struct fault fault = {0};
    model_curriculum_default(&config);
    const struct bench_option options[] = {
        {"mice", NULL, &n, NULL, "animals of each kind (60)"},
        {"threads", NULL, &threads, NULL, "threads (2)"},
        {"seed", NULL, &seed, NULL, "of all draws (1)"},
        {"every", NULL, &every, NULL, "trials between two suggestions (50)"},
        {"protocol", &only_task, NULL, NULL, "only this one"},
        {"learner", &only_kind, NULL, NULL, "only these"},
        {"arms", &arms, NULL, NULL, "which of abcdef (all)"},
        {"price", NULL, &config.reward_price, NULL, "of lost reward, see model/curriculum.h"},
        {"floor", NULL, &config.reward_floor, NULL, "of reward"},
        {"change", NULL, &config.largest_change, NULL, "largest, of a session's stimuli"},
        {"learning", NULL, &config.least_learning, NULL, "least probability that it learns"},
        {"errors", NULL, &error_price, NULL, "price of an error in (f), in steps (0.5)"},
        {"verbose", NULL, NULL, &is_verbose, "every suggestion"},
        {"quick", NULL, NULL, &is_quick, "a few animals"}};
    bench_options(argc, argv, "what advice is worth", options, sizeof options / sizeof options[0]);
    if (n < 2 || n > MICE_MAX || threads < 1 || threads > THREAD_POOL_THREADS_MAX || every < 1) {
        bench_die("2 to %d mice, 1 to %d threads, and a trial or more were expected", MICE_MAX,
                  THREAD_POOL_THREADS_MAX);
    }
    if (is_quick) {
        n = 3;
        arms = "ad";
        only_task = TASKS[0].file;
    }
    if (model_file_load(MURID_SOURCE_DIR "/configs/models/mice.safetensors", &mice, &fault) !=
            FAULT_NONE ||
        thread_pool_open(&team, (size_t)threads, &fault) != FAULT_NONE) {
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
        for (int arm = 0; arm < N_ARMS; arm++) {
            pooled[arm].n = 0;
        }
        for (int kind = 0; kind < LEARNER_KINDS; kind++) {
            const bool is_left_out = is_quick && kind != LEARNER_REINFORCE && kind != LEARNER_IDLE;
            if (is_left_out ||
                (only_kind != NULL && strcmp(learner_name((learner_kind)kind), only_kind) != 0)) {
                continue;
            }
            memset(study.result, 0, sizeof study.result);
            study.criterion = TASKS[task].criterion;
            study.kind = (learner_kind)kind;
            study.budget = kind != LEARNER_IDLE ? 15000 : is_quick ? 1500 : 4000;
            study.seed = (uint64_t)seed;
            study.every = (int64_t)every;
            for (int arm = 0; arm < N_ARMS; arm++) {
                study.arms[arm] = arm == PROTOCOL || strchr(arms, 'a' + arm) != NULL;
            }
            thread_pool_run(&team, train_animal, &study, (size_t)n);
            failed |= report(&study, (size_t)n, is_quick);
        }
        failed |= pooled[PROTOCOL].n > 0 && !is_quick ? judge_pooled(&study) : 0;
    }
    thread_pool_close(&team);
    model_file_free(&mice);
    return failed;
}
