#include "model/audit.h"

#include <math.h>

#include "audit_alarm.h"
#include "audit_bet.h"
#include "audit_params.h"
#include "audit_stage.h"
#include "model/trial.h"

static const double BEGIN_SESSION = 0.5;  /* put on a bet when a session starts */
static const double BEGIN_TRIAL = 0.0005; /* and before each of its first trials */
static const int64_t BEGIN_TRIALS = 1000;
static const double DRAWN_KEEP = 1.0 - 1.0 / 400.0;
static const double DRAWN_PRIOR = 2.0;
static const double SURE = 0.98; /* of a bet on "always" */
static const double FIRM = 20.0; /* trials that a declared chance counts for */
static const double WEAK = 4.0;
static const double UNDECIDED = 0.1; /* a debias trial, or none */
static const int64_t ANSWERS_ALL = INT64_C(1) << 40;

/* ---- what is declared of a trial ------------------------------------------------------------- */

static const model_protocol_stage *stage_of(const struct audit_step *step, uint64_t path)
{
    return &step->params->protocol.stage[step->audit->path[path].rig.stage];
}

static bool counts(const struct audit_step *step, uint64_t path)
{
    return step->audit->path[path].weight >= AUDIT_PATH_COUNTS;
}

static const struct audit_chance NOTHING = {2.0, -1.0};

static void widen(struct audit_chance *chance, double p)
{
    chance->lo = fmin(chance->lo, p);
    chance->hi = fmax(chance->hi, p);
}

/* Number of a contrast in the stage; n_contrasts: it is none of its. */
static uint32_t find_contrast(const model_protocol_stage *stage, double contrast)
{
    uint32_t i = 0;
    while (i < stage->n_contrasts && !(fabs(stage->contrast[i] - fabs(contrast)) < AUDIT_SAME)) {
        i++;
    }
    return i;
}

/* The contrast comes on one side alone. */
static bool is_of_one_side(const model_protocol_stage *stage, double contrast)
{
    const uint32_t at = find_contrast(stage, contrast);
    return at < stage->n_contrasts && stage->only[at] != 0;
}

static bool is_zero(double contrast)
{
    return fabs(contrast) < AUDIT_SAME;
}

/* Chance of left of a contrast of the stage, or of one that it does not have, at that p_left. */
static double left_at(const model_protocol_stage *stage, uint32_t at, double p_left)
{
    return at < stage->n_contrasts ? model_protocol_left(stage, at, p_left) : p_left;
}

static void widen_left(struct audit_chance *chance, const model_protocol_stage *stage,
                       const model_audit_trial *t)
{
    const uint32_t at = find_contrast(stage, t->contrast);
    const model_protocol_blocks *blocks = &stage->blocks;
    if (blocks->n > 0 && !isnan(t->p_left)) {
        widen(chance, left_at(stage, at, t->p_left));
        return;
    }
    if (blocks->n == 0 || blocks->first > 0) {
        widen(chance, left_at(stage, at, stage->p_left));
    }
    for (uint32_t i = 0; i < blocks->n; i++) {
        widen(chance, left_at(stage, at, blocks->value[i]));
    }
}

/* Chance that the side is left, over the stages that it may be in. */
static struct audit_chance chance_left(const struct audit_step *step)
{
    struct audit_chance chance = NOTHING;
    for (uint64_t i = 0; i < step->audit->n_paths; i++) {
        if (counts(step, i)) {
            widen_left(&chance, stage_of(step, i), step->trial);
        }
    }
    return chance;
}

/* The side that choice and reward leave; -1 if they leave both. */
static int infer_side(const struct audit_step *step)
{
    const model_audit_trial *t = step->trial;
    if (isnan(t->reward) || t->choice < 0) {
        return -1;
    }
    bool can[2] = {false, false};
    for (uint64_t i = 0; i < step->audit->n_paths; i++) {
        for (int side = 0; counts(step, i) && side < 2; side++) {
            const double p = stage_of(step, i)->p_reward[side][t->choice];
            can[side] = can[side] || (t->reward > 0.0 ? p > 0.0 : p < 1.0);
        }
    }
    return can[0] == can[1] ? -1 : can[1];
}

static void find_side(struct audit_step *step)
{
    const model_audit_trial *t = step->trial;
    step->side_is_inferred = false;
    step->side = is_zero(t->contrast) ? t->side : model_trial_side(-1, t->contrast);
    if (step->side < 0) {
        step->side = infer_side(step);
        step->side_is_inferred = true;
    }
}

/* ---- contrasts, and stages by them ----------------------------------------------------------- */

static void judge_drawn(struct audit_step *step, const double p[])
{
    model_audit *audit = step->audit;
    double sum = 0.0;
    double gain = 0.0;
    for (uint32_t i = 0; i < step->params->n_contrasts; i++) {
        const double g = (audit->drawn[i] + DRAWN_PRIOR) / (audit->expected[i] + DRAWN_PRIOR);
        sum += p[i] * g;
        gain = i == step->class_at ? g : gain;
    }
    audit_bet_settle(step, MODEL_AUDIT_BET_CONTRAST_DRAWN, gain / sum, false);
    if (audit->called[MODEL_AUDIT_CONTRAST] != 0) {
        return;
    }
    for (uint32_t i = 0; i < step->params->n_contrasts; i++) {
        audit->drawn[i] = audit->drawn[i] * DRAWN_KEEP + (i == step->class_at ? 1.0 : 0.0);
        audit->expected[i] = audit->expected[i] * DRAWN_KEEP + p[i];
    }
}

/* True if it is a contrast that the stage has. */
static bool judge_contrast(struct audit_step *step)
{
    const model_audit_params *params = step->params;
    model_audit *audit = step->audit;
    double p[MODEL_AUDIT_CLASSES];
    audit_path_probabilities(step, p);
    const double here = p[step->class_at];
    const bool is_other = !(here > 0.0);
    if (is_other && audit->called[MODEL_AUDIT_CONTRAST] == 0) {
        audit->other_contrast = fabs(step->trial->contrast);
    }
    audit_bet_lately(step, MODEL_AUDIT_BET_CONTRAST_OTHER, (struct audit_chance){0.0, 0.0}, FIRM,
                     is_other);
    if (!is_other) {
        judge_drawn(step, p);
    }
    for (uint32_t i = 0; i < params->protocol.n_stages; i++) {
        const double there = params->probability[i][step->class_at];
        const double ratio =
            is_other ? (there > 0.0 ? (double)INFINITY : 1.0) : SURE * there / here + (1.0 - SURE);
        audit_bet_settle(step, MODEL_AUDIT_BET_STAGE_0 + (int)i, ratio, true);
    }
    return !is_other;
}

/* ---- sides ----------------------------------------------------------------------------------- */

static void judge_side(struct audit_step *step)
{
    const bool at_zero = is_zero(step->trial->contrast);
    const struct audit_chance left = chance_left(step);
    const bool is_left = step->side == 0;
    if (left.lo == left.hi && (left.lo == 0.0 || left.lo == 1.0)) {
        audit_bet_lately(step, at_zero ? MODEL_AUDIT_BET_ZERO_OTHER : MODEL_AUDIT_BET_SIDE_OTHER,
                         (struct audit_chance){0.0, 0.0}, FIRM, is_left != (left.lo == 1.0));
        return;
    }
    const int share = at_zero ? MODEL_AUDIT_BET_ZERO_SHARE : MODEL_AUDIT_BET_SIDE_SHARE;
    const int all = at_zero ? MODEL_AUDIT_BET_ZERO_LEFT : MODEL_AUDIT_BET_SIDE_LEFT;
    const int none = at_zero ? MODEL_AUDIT_BET_ZERO_RIGHT : MODEL_AUDIT_BET_SIDE_RIGHT;
    audit_bet_lately(step, share, left, WEAK, is_left);
    if (!at_zero) {
        audit_bet_lately(step, MODEL_AUDIT_BET_SIDE_RECENT, left, WEAK, is_left);
    }
    audit_bet_event(step, all, SURE, left, is_left);
    audit_bet_event(step, none, 1.0 - SURE, left, is_left);
    if (!at_zero) {
        audit_bet_event(step, MODEL_AUDIT_BET_SIDE_FAIR, 0.5, left, is_left);
    }
}

/* ---- debias trials --------------------------------------------------------------------------- */

/* Share of left ones among the last answers of the session; 0: among all of them. */
static double mean_left(const model_protocol_state *rig, uint32_t window)
{
    int64_t n = rig->session_answers;
    int64_t left = rig->session_lefts;
    if (window > 0 && n > (int64_t)window) {
        left = 0;
        for (uint32_t i = 0; i < window; i++) {
            left += (int64_t)(rig->session_left >> i & 1);
        }
        n = window;
    }
    return n > 0 ? (double)left / (double)n : 0.5;
}

static void judge_debias_side(struct audit_step *step)
{
    const model_protocol_state *rig = &audit_path_likeliest(step->audit)->rig;
    const model_protocol *protocol = &step->params->protocol;
    const model_protocol_stage *stage = &protocol->stage[rig->stage];
    const model_protocol_debias *d = &stage->debias;
    double p = 0.5;
    const bool is_of_last = d->window > 0 && d->rows == 0;
    if (d->kind != MODEL_PROTOCOL_DEBIAS_RESAMPLE || is_of_one_side(stage, step->trial->contrast) ||
        step->audit->answers < (is_of_last ? (int64_t)d->window : ANSWERS_ALL) ||
        !model_protocol_debiases(rig, protocol, (uint32_t)rig->stage, &p)) {
        return;
    }
    const struct audit_chance declared = {p, p};
    const bool is_right = step->side == 1;
    const double other = mean_left(rig, is_of_last ? 0 : 10);
    const double all = 0.5 * erfc((0.5 - other) / (d->sd * 1.4142135623730951));
    audit_bet_event(step, MODEL_AUDIT_BET_DEBIAS_ALL, all, declared, is_right);
    audit_bet_event(step, MODEL_AUDIT_BET_DEBIAS_FAIR, 0.5, declared, is_right);
    audit_bet_event(step, MODEL_AUDIT_BET_DEBIAS_SAME, rig->side == 1 ? SURE : 1.0 - SURE, declared,
                    is_right);
    audit_bet_lately(step, MODEL_AUDIT_BET_DEBIAS_SHARE, declared, WEAK, is_right);
}

/* The trial repeats the contrast of the one before it, and its side where that is the rule. */
static bool is_repeat(const struct audit_step *step)
{
    const model_protocol_state *rig = &audit_path_likeliest(step->audit)->rig;
    const bool same_side =
        step->params->protocol.stage[rig->stage].debias.kind != MODEL_PROTOCOL_DEBIAS_REPEAT ||
        step->side < 0 || step->side == rig->side;
    return fabs(fabs(rig->contrast) - fabs(step->trial->contrast)) < AUDIT_SAME && same_side;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static bool is_first_block(const struct audit_step *step, const model_protocol_stage *stage)
{
    return step->audit->trial == 0 && !step->trial->is_gap && stage->blocks.first > 0;
}

static bool has_value(const struct audit_step *step, const model_protocol_stage *stage)
{
    const double p_left = step->trial->p_left;
    const model_protocol_blocks *blocks = &stage->blocks;
    const bool is_first = is_first_block(step, stage);
    bool has = (blocks->n == 0 || blocks->first > 0) && fabs(stage->p_left - p_left) < AUDIT_SAME;
    for (uint32_t i = 0; !is_first && i < blocks->n; i++) {
        has = has || fabs(blocks->value[i] - p_left) < AUDIT_SAME;
    }
    return has;
}

static void judge_value(struct audit_step *step)
{
    bool has = false;
    for (uint64_t i = 0; i < step->audit->n_paths; i++) {
        has = has || (counts(step, i) && has_value(step, stage_of(step, i)));
    }
    audit_bet_lately(step, MODEL_AUDIT_BET_BLOCK_VALUE, (struct audit_chance){0.0, 0.0}, FIRM,
                     !has);
}

/* A new block can be told from the one before by its p_left. */
static bool blocks_show(const model_protocol_stage *stage)
{
    const model_protocol_blocks *b = &stage->blocks;
    bool show = b->n > 1;
    for (uint32_t i = 0; b->first > 0 && i < b->n; i++) {
        show = show && fabs(b->value[i] - stage->p_left) >= AUDIT_SAME;
    }
    return show;
}

/* Chance that a block of n trials so far ends now. */
static double chance_end(const model_protocol_blocks *b, bool is_first, int64_t n)
{
    if (is_first && b->first > 0) {
        return n >= (int64_t)b->first ? 1.0 : 0.0;
    }
    if (n < (int64_t)b->min) {
        return 0.0;
    }
    if (b->max == b->min || n >= (int64_t)b->max - 1) {
        return 1.0;
    }
    const double rest = ((double)b->max - (double)n) / b->mean;
    return -expm1(-1.0 / b->mean) / -expm1(-rest);
}

static void judge_end(struct audit_step *step, double chance, bool ends)
{
    model_audit *a = step->audit;
    const struct audit_chance never = {0.0, 0.0};
    if (chance <= 0.0) {
        audit_bet_lately(step, MODEL_AUDIT_BET_BLOCK_SHORT, never, FIRM, ends);
    } else if (chance >= 1.0) {
        audit_bet_lately(step, MODEL_AUDIT_BET_BLOCK_LONG, never, FIRM, !ends);
    } else {
        const double g = (a->block_ends + DRAWN_PRIOR) / (a->block_expected + DRAWN_PRIOR);
        audit_bet_event(step, MODEL_AUDIT_BET_BLOCK_RATE, fmin(chance * g, SURE),
                        (struct audit_chance){chance, chance}, ends);
        a->block_ends += ends ? 1.0 : 0.0;
        a->block_expected += chance;
        if (a->block_expected > 50.0) {
            a->block_ends *= 0.98;
            a->block_expected *= 0.98;
        }
    }
}

static void judge_block(struct audit_step *step)
{
    model_audit *a = step->audit;
    const model_protocol_stage *stage = stage_of(step, 0);
    const double p_left = step->trial->p_left;
    if (a->n_paths > 1 || step->trial->is_gap || isnan(p_left) || !blocks_show(stage)) {
        a->block_trials = 0;
        a->block_p = p_left;
        return;
    }
    if (a->trial == 0) {
        a->block_trials = 1;
        a->block_is_first = 1;
        a->block_p = p_left;
        return;
    }
    const bool ends = !(fabs(a->block_p - p_left) < AUDIT_SAME);
    if (a->block_trials > 0) {
        judge_end(step, chance_end(&stage->blocks, a->block_is_first != 0, a->block_trials), ends);
        a->block_trials++;
    }
    if (ends) {
        a->block_trials = isnan(a->block_p) ? 0 : 1;
        a->block_is_first = 0;
    }
    a->block_p = p_left;
}

/* ---- rewards --------------------------------------------------------------------------------- */

static void judge_reward(struct audit_step *step)
{
    const model_audit_trial *t = step->trial;
    if (isnan(t->reward) || step->side < 0 || step->side_is_inferred) {
        return;
    }
    const bool go_nogo = step->params->protocol.task == MODEL_PROTOCOL_GO_NOGO;
    const int choice = go_nogo && t->choice < 0 ? 0 : t->choice;
    const bool is_given = t->reward > 0.0;
    struct audit_chance given = choice < 0 ? (struct audit_chance){0.0, 0.0} : NOTHING;
    for (uint64_t i = 0; choice >= 0 && i < step->audit->n_paths; i++) {
        if (counts(step, i)) {
            widen(&given, stage_of(step, i)->p_reward[step->side][choice]);
        }
    }
    if (choice == step->side) {
        audit_bet_lately(step, MODEL_AUDIT_BET_REWARD_RIGHT,
                         (struct audit_chance){1.0 - given.hi, 1.0 - given.lo}, FIRM, !is_given);
    } else {
        audit_bet_lately(step, MODEL_AUDIT_BET_REWARD_WRONG, given, FIRM, is_given);
    }
}

/* ---- one trial ------------------------------------------------------------------------------- */

/* What was shown, given what came before it. */
static void judge_stimulus(struct audit_step *step)
{
    const int said = step->trial->repeat;
    const double due = audit_path_debias(step);
    if (step->trial->is_gap || (due > UNDECIDED && due < 1.0 - UNDECIDED)) {
        return;
    }
    if (due >= 1.0 - UNDECIDED) {
        const bool is_missing = said == 0 || !is_repeat(step);
        audit_bet_lately(step, MODEL_AUDIT_BET_DEBIAS_MISSING,
                         (struct audit_chance){0.0, 1.0 - due}, FIRM, is_missing);
        if (!is_missing && step->side >= 0) {
            judge_debias_side(step);
        }
        return;
    }
    if (said >= 0) {
        audit_bet_lately(step, MODEL_AUDIT_BET_DEBIAS_UNDUE, (struct audit_chance){0.0, due}, FIRM,
                         said == 1);
    }
    if (said == 1) {
        return;
    }
    const bool is_shown = judge_contrast(step);
    if (!isnan(step->trial->p_left)) {
        judge_value(step);
    }
    if (step->side >= 0 && is_shown) {
        judge_side(step);
    }
    audit_path_weigh(step);
}

static bool is_trial(const model_audit_params *params, const model_audit_trial *t)
{
    return fabs(t->contrast) <= 1.0 && !(t->reward < 0.0) && !(t->p_left < 0.0) &&
           !(t->p_left > 1.0) && t->choice >= -1 && t->choice <= 1 && t->side >= -1 &&
           t->side <= 1 && t->repeat >= -1 && t->repeat <= 1 && t->stage >= -1 &&
           t->stage < (int32_t)params->protocol.n_stages;
}

static void begin(struct audit_step *step)
{
    model_audit *a = step->audit;
    if (a->trial < BEGIN_TRIALS) {
        audit_bet_begin(a, step->params, BEGIN_TRIAL);
    }
    if (step->trial->is_gap) {
        audit_path_break(a);
        a->answers = 0;
    }
    if (step->trial->stage >= 0) {
        audit_path_pin(step);
    } else {
        if (a->stage_is_heard != 0) {
            audit_path_forget(step);
        }
        audit_path_move(step);
    }
}

void model_audit_start_session(model_audit *audit, const model_audit_params *params)
{
    model_audit_end_session(audit);
    audit->sessions++;
    audit->trial = 0;
    audit->is_in_session = 1;
    audit->answers = ANSWERS_ALL;
    audit->block_trials = 0;
    audit->block_p = (double)NAN;
    audit_bet_begin(audit, params, BEGIN_SESSION);
    audit_path_start(audit, params);
}

int model_audit_observe(model_audit *audit, const model_audit_params *params,
                        const model_audit_trial *trial)
{
    if (!is_trial(params, trial)) {
        return MODEL_ERR_ARG;
    }
    if (audit->is_in_session == 0) {
        model_audit_start_session(audit, params);
    }
    struct audit_step step = {.audit = audit,
                              .params = params,
                              .trial = trial,
                              .slack = AUDIT_SLACK,
                              .class_at = audit_class(params, trial->contrast)};
    begin(&step);
    find_side(&step);
    judge_stimulus(&step);
    judge_block(&step);
    judge_reward(&step);
    audit_path_push(&step);
    audit->trial++;
    audit->answers += trial->choice >= 0;
    audit_call(audit, params);
    return MODEL_OK;
}
