#include "model/curriculum.h"

#include <math.h>
#include <string.h>

#include "alignmax.h"
#include "arena.h"
#include "checks.h"
#include "rollout.h"
#include "sample.h"

enum { ASK_STEP = 8 }; /* trials between two questions whether to stop */

/* What one round of twins came to under one protocol; rows of n. */
struct tally {
    double *skill;
    double *reward; /* proportion of rewarded trials */
};

struct model_curriculum {
    const model_bank_params *params;
    const model_curriculum_config *config;
    rollout *rollout;
    model_protocol changed;
    model_protocol_state *rig;
    struct tally base;
    struct tally other;
    double *sorted;
    float *contrast;
    float *reward;
    int8_t *side;
    uint8_t *chose_right;
    uint8_t *active;
    model_protocol_trial *shown;
    uint32_t n_goal;
    double goal_contrast[2 * MODEL_PROTOCOL_CONTRASTS];
    double goal_probability[2 * MODEL_PROTOCOL_CONTRASTS];
};

/* What one call works on. */
struct question {
    model_curriculum *c;
    const model_rate_grid *pace;
    const model_curriculum_training *training;
    bool (*should_stop)(void *);
    void *context;
    bool is_stopped;
    double weight[MODEL_RATE_GRID_STRANDS];
};

static void place_arrays(model_curriculum *c, arena *a, size_t n)
{
    c->rig = arena_take(a, n * sizeof *c->rig);
    c->base.skill = arena_take(a, n * sizeof *c->base.skill);
    c->base.reward = arena_take(a, n * sizeof *c->base.reward);
    c->other.skill = arena_take(a, n * sizeof *c->other.skill);
    c->other.reward = arena_take(a, n * sizeof *c->other.reward);
    c->sorted = arena_take(a, n * sizeof *c->sorted);
    c->contrast = arena_take(a, n * sizeof *c->contrast);
    c->reward = arena_take(a, n * sizeof *c->reward);
    c->side = arena_take(a, n * sizeof *c->side);
    c->chose_right = arena_take(a, n * sizeof *c->chose_right);
    c->active = arena_take(a, n * sizeof *c->active);
    c->shown = arena_take(a, n * sizeof *c->shown);
}

size_t model_curriculum_size(const model_bank_params *params, const model_curriculum_config *config)
{
    model_curriculum c;
    arena count = {NULL, 0};
    if (model_curriculum_check(config) != MODEL_OK || rollout_size(params, config->rollouts) == 0) {
        return 0;
    }
    (void)arena_take(&count, sizeof c);
    place_arrays(&c, &count, config->rollouts);
    return count.used + rollout_size(params, config->rollouts);
}

int model_curriculum_init(void *mem, size_t mem_size, const model_bank_params *params,
                          const model_curriculum_config *config, model_curriculum **out)
{
    const size_t size = model_curriculum_size(params, config);
    if (size == 0) {
        return MODEL_ERR_ARG;
    }
    if (mem_size < size) {
        return MODEL_ERR_SPACE;
    }
    arena a = {mem, 0};
    memset(mem, 0, size);
    model_curriculum *c = arena_take(&a, sizeof *c);
    c->params = params;
    c->config = config;
    place_arrays(c, &a, config->rollouts);
    (void)rollout_init(a.base + a.used, size - a.used, params, config->rollouts, &c->rollout);
    *out = c;
    return MODEL_OK;
}

/* Probability that the animal makes steps of one of the bank's rules, by Bayes' rule from the
 * likelihoods of strands with steps and strands without; `before`: the prior. Members without steps
 * of their own (gru_policy) are excluded. Without strands of both kinds it is `before`. */
static double p_learns(const model_rate_grid *pace, const model_bank_params *params, double before)
{
    double weight[2] = {0.0, 0.0}; /* without steps, with */
    double prior[2] = {0.0, 0.0};
    for (int64_t i = 0; i < pace->n; i++) {
        const model_rate_grid_strand *s = &pace->strand[i];
        const model_rule_traits *rule = model_rule_of(params->member[s->member].rule.kind);
        const double share = params->prior[s->member] * s->prior;
        const bool moves = rule->moves_weights && s->pace > 0.0;
        if (!rule->sets_offset) {
            weight[moves] += share * exp(-s->nats);
            prior[moves] += share;
        }
    }
    if (!(prior[0] > 0.0) || !(prior[1] > 0.0)) {
        return before;
    }
    const double learns = before * weight[1] / prior[1];
    const double stays = (1.0 - before) * weight[0] / prior[0];
    return learns + stays > 0.0 ? learns / (learns + stays) : before;
}

/* ---- twins ----------------------------------------------------------------------------------- */

/* Stimuli with contrast of the stage that training leads to. */
static bool set_goal(model_curriculum *c, const model_protocol *declared)
{
    const model_protocol_stage *s = &declared->stage[model_protocol_change_goal(declared)];
    double sum = 0.0;
    c->n_goal = 0;
    for (uint32_t i = 0; i < s->n_contrasts; i++) {
        for (int side = -1; side <= 1 && s->contrast[i] > 0.0; side += 2) {
            if (s->only[i] == 0 || s->only[i] == side) {
                c->goal_contrast[c->n_goal] = side * s->contrast[i];
                c->goal_probability[c->n_goal] = s->probability[i] * (s->only[i] == 0 ? 0.5 : 1.0);
                sum += c->goal_probability[c->n_goal++];
            }
        }
    }
    for (uint32_t i = 0; i < c->n_goal; i++) {
        c->goal_probability[i] /= sum;
    }
    return sum > 0.0;
}

/* Of the side that is done worse. */
static double skill_of(const model_curriculum *c, size_t i)
{
    double sum[2] = {0.0, 0.0};
    double weight[2] = {0.0, 0.0};
    for (uint32_t k = 0; k < c->n_goal; k++) {
        const bool is_right = c->goal_contrast[k] > 0.0;
        const double p = rollout_predict(c->rollout, i, c->goal_contrast[k]);
        sum[is_right] += c->goal_probability[k] * (is_right ? p : 1.0 - p);
        weight[is_right] += c->goal_probability[k];
    }
    const double left = weight[0] > 0.0 ? sum[0] / weight[0] : 1.0;
    const double right = weight[1] > 0.0 ? sum[1] / weight[1] : 1.0;
    return fmin(left, right);
}

static void measure_skill(const model_curriculum *c, size_t n, double skill[])
{
    for (size_t i = 0; i < n; i++) {
        skill[i] = skill_of(c, i);
    }
}

/* The rig of every twin, as that of the animal, with draws of its own. */
static void start_rigs(struct question *q, const model_protocol *protocol, uint32_t stage,
                       bool stops, size_t n, uint64_t seed)
{
    model_curriculum *c = q->c;
    const model_curriculum_training *t = q->training;
    model_protocol_state rig = *t->rig;
    model_protocol_change_carry(&rig, t->place.now, protocol);
    if (stage != t->place.stage || rig.stage != (int64_t)stage) {
        model_protocol_enter(&rig, stage);
    }
    for (size_t i = 0; i < n; i++) {
        c->rig[i] = rig;
        model_random_seed(&c->rig[i].random, seed, (UINT64_C(1) << 33) + i);
        if (stops) {
            c->rig[i].session_trials = c->rig[i].trial;
        }
    }
}

/* Every twin's next stimulus; a session that is over is followed by another. */
static void show_all(model_curriculum *c, const model_protocol *protocol, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c->active[i] == 0) {
            continue;
        }
        if (!model_protocol_next(&c->rig[i], protocol, &c->shown[i])) {
            model_protocol_start_session(&c->rig[i], protocol);
            rollout_start_session(c->rollout, i);
            (void)model_protocol_next(&c->rig[i], protocol, &c->shown[i]);
        }
        c->contrast[i] = (float)c->shown[i].contrast;
        c->side[i] = c->shown[i].side;
    }
}

static void answer_all(model_curriculum *c, const model_protocol *protocol, size_t n,
                       double earned[])
{
    rollout_choose(c->rollout, c->contrast, c->active, c->chose_right, NULL);
    for (size_t i = 0; i < n; i++) {
        if (c->active[i] != 0) {
            const double reward = model_protocol_push(&c->rig[i], protocol, &c->shown[i],
                                                      c->chose_right[i], (double)NAN);
            c->reward[i] = (float)reward;
            earned[i] += reward;
        }
    }
    const model_cohort_trials trials = {.contrast = c->contrast,
                                        .chose_right = c->chose_right,
                                        .reward = c->reward,
                                        .side = c->side,
                                        .rt_s = NULL,
                                        .active = c->active};
    (void)rollout_learn(c->rollout, &trials);
}

/* n twins over the horizon under one protocol. Who stops loses the trials that were left in the
 * session. */
static void run(struct question *q, const model_protocol *protocol, uint32_t stage, bool stops,
                size_t n, uint64_t seed, struct tally *out)
{
    model_curriculum *c = q->c;
    const model_protocol_state *rig = q->training->rig;
    const int64_t left = rig->session_trials > rig->trial ? rig->session_trials - rig->trial : 0;
    const int64_t lost = stops ? left : 0;
    const int64_t trials = (int64_t)c->config->horizon - lost;
    (void)rollout_start(c->rollout, q->pace, &c->config->tuning, n, seed);
    start_rigs(q, protocol, stage, stops, n, seed);
    memset(c->active, 1, n);
    memset(out->reward, 0, n * sizeof out->reward[0]);
    for (int64_t t = 0; t < trials && !q->is_stopped; t++) {
        if (t % ASK_STEP == 0 && q->should_stop != NULL) {
            q->is_stopped = q->should_stop(q->context);
        }
        show_all(c, protocol, n);
        answer_all(c, protocol, n, out->reward);
    }
    for (size_t i = 0; i < n; i++) {
        out->reward[i] = trials > 0 ? out->reward[i] / (double)trials : (double)NAN;
    }
    measure_skill(c, n, out->skill);
}

/* ---- what they came to ----------------------------------------------------------------------- */

/* Gains by rule: the twins of a member stand side by side. */
static void part_by_rule(const model_curriculum *c, size_t n, const double gain[],
                         model_curriculum_action *a)
{
    double sum[MODEL_RULES] = {0.0};
    double squares[MODEL_RULES] = {0.0};
    double count[MODEL_RULES] = {0.0};
    size_t i = 0;
    for (uint32_t m = 0; m < c->params->n; m++) {
        const model_rule_kind kind = c->params->member[m].rule.kind;
        const size_t own = (size_t)lround(rollout_share(c->rollout, m) * (double)n);
        for (size_t k = 0; k < own; k++, i++) {
            sum[kind] += gain[i];
            squares[kind] += gain[i] * gain[i];
            count[kind] += 1.0;
        }
    }
    for (int r = 0; r < MODEL_RULES; r++) {
        const double k = count[r];
        const double mean = sum[r] / k;
        a->rule_gain[r] = k > 0.0 ? mean : (double)NAN;
        a->rule_se[r] =
            k > 1.0 ? sqrt(fmax(squares[r] / k - mean * mean, 0.0) / (k - 1.0)) : (double)NAN;
    }
}

static void compare(const model_curriculum *c, size_t n, model_curriculum_action *a)
{
    const struct tally *base = &c->base;
    const struct tally *other = &c->other;
    double better = 0.0;
    for (size_t i = 0; i < n; i++) {
        c->sorted[i] = other->skill[i] - base->skill[i];
        better += c->sorted[i] > 0.0 ? 1.0 : (c->sorted[i] < 0.0 ? 0.0 : 0.5);
    }
    part_by_rule(c, n, c->sorted, a);
    a->skill = sample_mean(n, other->skill);
    a->reward = sample_mean(n, other->reward);
    a->has_reward = a->reward >= fmin(c->config->reward_floor, sample_mean(n, base->reward));
    a->p_better = better / (double)n;
    a->gain = sample_mean(n, c->sorted);
    a->gain_se = sample_error(n, c->sorted, a->gain);
    a->worth =
        a->gain + c->config->reward_price * fmin(a->reward - sample_mean(n, base->reward), 0.0);
    sample_span(n, c->sorted, &a->gain_lo, &a->gain_hi);
    memcpy(c->sorted, other->skill, n * sizeof c->sorted[0]);
    sample_span(n, c->sorted, &a->skill_lo, &a->skill_hi);
    memcpy(c->sorted, other->reward, n * sizeof c->sorted[0]);
    sample_span(n, c->sorted, &a->reward_lo, &a->reward_hi);
}

/* ---- the changes that may be made ------------------------------------------------------------ */

static void propose(struct question *q, model_curriculum_advice *out,
                    const model_protocol_change *change)
{
    uint32_t stage;
    model_curriculum *c = q->c;
    const model_protocol_change_place *place = &q->training->place;
    if (out->n == MODEL_CURRICULUM_MAX - 1 || !c->config->allowed[change->kind] ||
        model_protocol_change_apply(&c->changed, &stage, place, change) != MODEL_OK) {
        return;
    }
    const model_protocol_stage *made = &c->changed.stage[stage];
    const bool is_as_now = stage == place->stage &&
                           model_protocol_change_distance(made, &place->now->stage[stage]) < 1e-3;
    if (is_as_now && change->kind != MODEL_PROTOCOL_CHANGE_DEBIAS &&
        change->kind != MODEL_PROTOCOL_CHANGE_BLOCKS &&
        change->kind != MODEL_PROTOCOL_CHANGE_STOP) {
        return; /* it is so already */
    }
    if (stage == place->stage && model_protocol_change_distance(made, &place->start->stage[stage]) >
                                     c->config->largest_change + 1e-9) {
        return;
    }
    out->action[out->n++] = (model_curriculum_action){.change = *change};
}

/* The part that takes a stage's distribution as far as may be, to one contrast. */
static double farthest(const struct question *q, double contrast)
{
    const model_protocol_change_place *place = &q->training->place;
    const model_protocol_stage *s = &place->start->stage[place->stage];
    double has = 0.0;
    for (uint32_t i = 0; i < s->n_contrasts; i++) {
        has += fabs(s->contrast[i] - contrast) < 1e-9 ? s->probability[i] : 0.0;
    }
    return has < 1.0 ? fmin(q->c->config->largest_change / (1.0 - has), 1.0) : 0.0;
}

static void propose_sides(struct question *q, model_curriculum_advice *out, double contrast,
                          double part)
{
    const model_protocol_change_place *place = &q->training->place;
    const double from = place->start->stage[place->stage].p_left;
    const double now = place->now->stage[place->stage].p_left;
    const double most = q->c->config->largest_change;
    for (int i = -2; i <= 2; i++) {
        const double p_left = clamp(from + 0.5 * i * most, 0.1, 0.9);
        const model_protocol_change_kind kind =
            part > 0.0 ? MODEL_PROTOCOL_CHANGE_STIMULI : MODEL_PROTOCOL_CHANGE_SIDE;
        if (fabs(p_left - now) > 0.01) {
            propose(q, out,
                    &(model_protocol_change){
                        .kind = kind, .contrast = contrast, .part = part, .p_left = p_left});
        }
    }
}

/* AlignMax of one contrast, both sides alike; and of all that a stage shows. */
static double align_contrast(struct question *q, double contrast, double p_left)
{
    const model_protocol_change_place *place = &q->training->place;
    double p_reward[2][2];
    double goal[MODEL_WEIGHTS_MAX];
    double gain[2];
    memcpy(p_reward, place->now->stage[place->stage].p_reward, sizeof p_reward);
    model_alignmax_goal(&q->c->params->member[0].policy, q->c->config->goal, goal);
    model_alignmax(q->pace, q->c->params, q->weight, goal, p_reward, 2,
                   (double[2]){-contrast, contrast}, gain);
    return p_left * gain[0] + (1.0 - p_left) * gain[1];
}

static double align_stage(struct question *q, const model_protocol_stage *s)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < s->n_contrasts; i++) {
        const double p_left = model_protocol_left(s, i, s->p_left);
        sum += s->probability[i] * align_contrast(q, s->contrast[i], p_left);
    }
    return sum;
}

static void propose_stimuli(struct question *q, model_curriculum_advice *out)
{
    const model_protocol_change_place *place = &q->training->place;
    double contrast[MODEL_PROTOCOL_CONTRASTS];
    const uint32_t n = model_protocol_change_contrasts(place->declared, contrast);
    const double p_left = place->now->stage[place->stage].p_left;
    const double most = q->c->config->largest_change;
    double best = -(double)INFINITY;
    uint32_t best_at = 0;
    for (uint32_t i = 0; i < n; i++) {
        const double gain = align_contrast(q, contrast[i], p_left);
        best_at = gain > best ? i : best_at;
        best = fmax(best, gain);
        propose(q, out,
                &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_CONTRAST,
                                         .contrast = contrast[i],
                                         .part = farthest(q, contrast[i])});
    }
    propose(q, out, &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_EASIER, .part = most});
    propose(q, out, &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_HARDER, .part = most});
    propose_sides(q, out, 0.0, 0.0);
    if (n > 0) {
        propose_sides(q, out, contrast[best_at], farthest(q, contrast[best_at]));
    }
}

static void propose_all(struct question *q, model_curriculum_advice *out)
{
    const model_protocol_change_place *place = &q->training->place;
    const uint32_t above = model_protocol_change_above(place->declared, place->stage);
    const uint32_t below = model_protocol_change_below(place->declared, place->stage);
    if (place->stage <= place->start_stage) {
        propose(q, out,
                &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_STAGE_UP, .stage = above});
    }
    if (place->stage >= place->start_stage) {
        propose(q, out,
                &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_STAGE_DOWN, .stage = below});
    }
    for (int repeat = 2; repeat >= 0; repeat--) {
        propose(q, out,
                &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_DEBIAS, .factor = repeat});
    }
    propose(q, out, &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_BLOCKS, .factor = 2.0});
    propose(q, out, &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_BLOCKS, .factor = 0.5});
    propose(q, out, &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_STOP});
    propose_stimuli(q, out);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void run_action(struct question *q, model_curriculum_action *a, size_t n, uint64_t seed,
                       bool is_final)
{
    uint32_t stage;
    model_curriculum *c = q->c;
    (void)model_protocol_change_apply(&c->changed, &stage, &q->training->place, &a->change);
    run(q, &c->changed, stage, a->change.kind == MODEL_PROTOCOL_CHANGE_STOP, n, seed, &c->other);
    compare(c, n, a);
    a->is_final = is_final;
}

static void run_base(struct question *q, size_t n, uint64_t seed, model_curriculum_action *a)
{
    model_curriculum *c = q->c;
    run(q, q->training->place.now, q->training->place.stage, false, n, seed, &c->base);
    memcpy(c->other.skill, c->base.skill, n * sizeof c->base.skill[0]);
    memcpy(c->other.reward, c->base.reward, n * sizeof c->base.reward[0]);
    compare(c, n, a);
    a->is_final = true;
}

/* Final ones first; enough reward first; then by gain; then as they were proposed. */
static bool comes_before(const model_curriculum_action *a, const model_curriculum_action *b)
{
    if (a->is_final != b->is_final) {
        return a->is_final;
    }
    if (a->has_reward != b->has_reward) {
        return a->has_reward;
    }
    return a->worth > b->worth;
}

static void rank(model_curriculum_advice *out)
{
    for (uint32_t i = 1; i < out->n; i++) {
        const model_curriculum_action a = out->action[i];
        uint32_t at = i;
        for (; at > 0 && comes_before(&a, &out->action[at - 1]); at--) {
            out->action[at] = out->action[at - 1];
        }
        out->action[at] = a;
    }
}

static bool is_clear(const model_curriculum *c, const model_curriculum_action *a)
{
    return a->worth > c->config->least_gain && a->gain > c->config->noise * a->gain_se;
}

/* Some change would help, if reward were no matter. */
static bool has_clear(const model_curriculum *c, const model_curriculum_advice *out)
{
    bool any = false;
    for (uint32_t i = 0; i < out->n; i++) {
        any = any || (!out->action[i].has_reward && is_clear(c, &out->action[i]));
    }
    return any;
}

/* A rule that a tenth of the twins or more go on by loses by the change, beyond chance. */
static bool is_disputed(const model_curriculum *c, const model_curriculum_advice *out,
                        const model_curriculum_action *a)
{
    for (int r = 0; r < MODEL_RULES; r++) {
        if (out->rule_share[r] >= 0.1 && a->rule_gain[r] < -c->config->least_gain &&
            a->rule_gain[r] < -c->config->noise * a->rule_se[r]) {
            return true;
        }
    }
    return false;
}

static model_curriculum_why decide(const struct question *q, const model_curriculum_advice *out)
{
    const model_curriculum *c = q->c;
    const model_curriculum_action *best = &out->action[0];
    if (q->is_stopped) {
        return MODEL_CURRICULUM_STOPPED;
    }
    if (out->p_learns < c->config->least_learning) {
        return MODEL_CURRICULUM_NOT_LEARNING;
    }
    if (out->n == 0) {
        return MODEL_CURRICULUM_NOTHING;
    }
    if (!best->has_reward || !is_clear(c, best)) {
        return has_clear(c, out) ? MODEL_CURRICULUM_REWARD : MODEL_CURRICULUM_NOISE;
    }
    return is_disputed(c, out, best) ? MODEL_CURRICULUM_DISAGREE : MODEL_CURRICULUM_ADVISES;
}

static void describe_now(struct question *q, size_t n, uint64_t seed, model_curriculum_advice *out)
{
    model_curriculum *c = q->c;
    (void)rollout_start(c->rollout, q->pace, &c->config->tuning, n, seed);
    measure_skill(c, n, c->sorted);
    out->skill = sample_mean(n, c->sorted);
    sample_span(n, c->sorted, &out->skill_lo, &out->skill_hi);
    for (uint32_t m = 0; m < c->params->n; m++) {
        out->rule_share[c->params->member[m].rule.kind] += rollout_share(c->rollout, m);
    }
    out->p_learns = p_learns(q->pace, c->params, c->config->p_learning);
}

static void align_all(struct question *q, model_curriculum_advice *out)
{
    const model_protocol_change_place *place = &q->training->place;
    const double base = align_stage(q, &place->now->stage[place->stage]);
    for (uint32_t i = 0; i < out->n; i++) {
        uint32_t stage;
        (void)model_protocol_change_apply(&q->c->changed, &stage, place, &out->action[i].change);
        out->action[i].align = out->action[i].change.kind == MODEL_PROTOCOL_CHANGE_STOP
                                   ? 0.0
                                   : align_stage(q, &q->c->changed.stage[stage]) - base;
    }
}

/* All changes with a few twins, the best of them with many and with other draws. */
static void compare_all(struct question *q, uint64_t seed, model_curriculum_advice *out)
{
    const model_curriculum_config *config = q->c->config;
    run_base(q, config->first, seed, &out->carry_on);
    for (uint32_t i = 0; i < out->n && !q->is_stopped; i++) {
        run_action(q, &out->action[i], config->first, seed, false);
    }
    rank(out);
    run_base(q, config->rollouts, ~seed, &out->carry_on);
    for (uint32_t i = 0; i < out->n && i < MODEL_CURRICULUM_FINAL && !q->is_stopped; i++) {
        run_action(q, &out->action[i], config->rollouts, ~seed, true);
    }
    rank(out);
}

int model_curriculum_advise(model_curriculum *c, const model_rate_grid *pace,
                            const model_curriculum_training *training, uint64_t seed,
                            bool (*should_stop)(void *), void *context,
                            model_curriculum_advice *out)
{
    struct question q = {
        .c = c, .pace = pace, .training = training, .should_stop = should_stop, .context = context};
    memset(out, 0, sizeof *out);
    if (pace->n != (int64_t)model_rate_grid_strands(c->params) ||
        !set_goal(c, training->place.declared)) {
        return MODEL_ERR_ARG;
    }
    rollout_weigh(c->params, pace, &c->config->tuning, q.weight);
    describe_now(&q, c->config->rollouts, ~seed, out);
    propose_all(&q, out);
    align_all(&q, out);
    compare_all(&q, seed, out);
    out->why = decide(&q, out);
    return MODEL_OK;
}
