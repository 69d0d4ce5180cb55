#include "audit_stage.h"

#include <math.h>
#include <string.h>

#include "audit_bet.h"
#include "audit_params.h"

static const double ELSEWHERE = 0.02;     /* a session begins where its rules do not say */
static const double WEIGHT_LEAST = 1e-5;  /* paths below are out of the question */
static const double STRAY = 1e-3;         /* a contrast may come from nowhere */
static const double MOVE_PARTIAL = 0.002; /* a trial: a stage is left whose beginning is unknown */
static const double MOVE_BROKEN = 0.01;   /* the same where counters with missing trials say so */

const model_audit_path *audit_path_likeliest(const model_audit *audit)
{
    const model_audit_path *best = &audit->path[0];
    for (uint64_t i = 1; i < audit->n_paths; i++) {
        best = audit->path[i].weight > best->weight ? &audit->path[i] : best;
    }
    return best;
}

static model_audit_path *find_stage(model_audit *audit, int64_t stage)
{
    for (uint64_t i = 0; i < audit->n_paths; i++) {
        if (audit->path[i].rig.stage == stage) {
            return &audit->path[i];
        }
    }
    return NULL;
}

static void drop(model_audit *audit, uint64_t at)
{
    audit->n_paths--;
    if (at != audit->n_paths) {
        audit->path[at] = audit->path[audit->n_paths];
    }
}

/* Two paths that have come to the same stage: the likelier one's counters go on. */
static void merge(model_audit *audit)
{
    for (uint64_t i = 0; i < audit->n_paths; i++) {
        for (uint64_t k = i + 1; k < audit->n_paths;) {
            model_audit_path *a = &audit->path[i];
            const model_audit_path *b = &audit->path[k];
            if (a->rig.stage != b->rig.stage) {
                k++;
                continue;
            }
            const double sum = a->weight + b->weight;
            const bool is_one = fmin(a->weight, b->weight) < 1e-3 * sum;
            *a = b->weight > a->weight ? *b : *a;
            a->weight = sum;
            a->is_broken = is_one ? a->is_broken : 1;
            drop(audit, k);
        }
    }
}

static void scale(model_audit *audit)
{
    double sum = 0.0;
    for (uint64_t i = 0; i < audit->n_paths; i++) {
        sum += audit->path[i].weight;
    }
    for (uint64_t i = 0; i < audit->n_paths;) {
        audit->path[i].weight /= sum;
        if (audit->path[i].weight < WEIGHT_LEAST) {
            sum -= audit->path[i].weight * sum;
            drop(audit, i);
        } else {
            i++;
        }
    }
}

/* A path in a stage that none is in, its counters at 0. */
static model_audit_path *add_path(model_audit *audit, const model_protocol_state *from,
                                  uint32_t stage)
{
    model_audit_path *to = &audit->path[audit->n_paths++];
    to->rig = *from;
    to->weight = 0.0;
    to->is_partial = to->is_broken = 0;
    model_protocol_enter(&to->rig, stage);
    to->rig.stage_sessions = 1;
    return to;
}

/* The stage may have been entered just now, too; counters that began earlier say little then. */
static void enter_maybe(model_audit *audit, const model_protocol_state *from, uint32_t stage,
                        double weight)
{
    model_audit_path *to = find_stage(audit, stage);
    to = to != NULL ? to : add_path(audit, from, stage);
    to->is_broken = weight > 1e-3 * to->weight ? 1 : to->is_broken;
    to->weight += weight;
}

/* Every stage may be where it begins, most of all where the session before left it. */
static void spread(model_audit *audit, const model_audit_params *params, double share)
{
    const uint32_t n = params->protocol.n_stages;
    const model_protocol_state from = audit_path_likeliest(audit)->rig;
    for (uint64_t i = 0; i < audit->n_paths; i++) {
        audit->path[i].weight *= 1.0 - share;
    }
    for (uint32_t i = 0; i < n; i++) {
        model_audit_path *to = find_stage(audit, i);
        if (to == NULL) {
            to = add_path(audit, &from, i);
            to->is_partial = !params->protocol.counters_per_session;
        }
        to->weight += share / n;
    }
    audit_bet_discount(audit, 1.0 - share + share / n);
}

void audit_path_start(model_audit *audit, const model_audit_params *params)
{
    const model_protocol *protocol = &params->protocol;
    const bool is_first = audit->n_paths == 0;
    if (is_first) {
        audit->n_paths = 1;
        memset(&audit->path[0], 0, sizeof audit->path[0]);
        model_protocol_init(&audit->path[0].rig, protocol, 0, 0);
        audit->path[0].weight = 1.0;
        audit->path[0].is_partial = !protocol->counters_per_session;
    }
    for (uint64_t i = 0; i < audit->n_paths; i++) {
        model_audit_path *path = &audit->path[i];
        const int64_t before = path->rig.stage;
        model_protocol_start_session(&path->rig, protocol);
        if (protocol->counters_per_session || path->rig.stage != before) {
            path->is_partial = is_first ? path->is_partial : 0;
            path->is_broken = 0;
        }
    }
    merge(audit);
    if (audit->stage_is_heard == 0) {
        spread(audit, params, is_first && protocol->carries_stage ? 1.0 : ELSEWHERE);
        scale(audit);
    }
}

void audit_path_forget(struct audit_step *step)
{
    step->audit->stage_is_heard = 0;
    if (step->audit->trial == 0) {
        spread(step->audit, step->params, ELSEWHERE);
        scale(step->audit);
    }
}

void audit_path_break(model_audit *audit)
{
    for (uint64_t i = 0; i < audit->n_paths; i++) {
        audit->path[i].is_broken = 1;
    }
}

static void go_to(model_audit_path *path, uint32_t stage)
{
    model_protocol_enter(&path->rig, stage);
    path->is_partial = path->is_broken = 0;
}

/* Where counters do not hold all of the stage's trials it may be left at any time. */
static double leave(struct audit_step *step, uint64_t at)
{
    const model_audit_path *path = &step->audit->path[at];
    const uint32_t due = model_protocol_next_stage(&path->rig, &step->params->protocol);
    const model_protocol_stage *stage = &step->params->protocol.stage[path->rig.stage];
    const bool is_due = due != path->rig.stage;
    const double rate = is_due ? MOVE_BROKEN : MOVE_PARTIAL;
    const double weight = rate * path->weight;
    const model_protocol_state from = path->rig;
    uint32_t n = 0;
    for (uint32_t i = 0; i < stage->n_moves; i++) {
        n += stage->move[i].at_session_start ? 0 : 1;
    }
    if (n == 0) {
        return 0.0;
    }
    step->audit->path[at].weight -= weight;
    for (uint32_t i = 0; i < stage->n_moves; i++) {
        if (!stage->move[i].at_session_start) {
            enter_maybe(step->audit, &from, stage->move[i].to, weight / n);
        }
    }
    return rate;
}

void audit_path_move(struct audit_step *step)
{
    model_audit *audit = step->audit;
    double most = 0.0;
    for (uint64_t i = 0; i < audit->n_paths; i++) {
        model_audit_path *path = &audit->path[i];
        const uint32_t due = model_protocol_next_stage(&path->rig, &step->params->protocol);
        if (path->is_broken == 0 && due != path->rig.stage) {
            go_to(path, due);
        }
    }
    merge(audit);
    const uint64_t n = audit->n_paths;
    for (uint64_t i = 0; i < n; i++) {
        if (audit->path[i].is_broken != 0 || audit->path[i].is_partial != 0) {
            most = fmax(most, leave(step, i));
        }
    }
    audit_bet_discount(audit, 1.0 - most);
    scale(audit);
}

/* Its counters hold trials of earlier sessions, of which some may not have been heard. */
static bool is_older(const struct audit_step *step, const model_audit_path *path)
{
    return !step->params->protocol.counters_per_session && path->rig.stage_trials > path->rig.trial;
}

/* Bets on a heard stage: kept too long, changed too early, not the one that was carried over. */
static void judge_stage(struct audit_step *step, const model_audit_path *path)
{
    model_audit *audit = step->audit;
    const uint32_t heard = (uint32_t)step->trial->stage;
    const uint32_t due = model_protocol_next_stage(&path->rig, &step->params->protocol);
    const struct audit_chance never = {0.0, 0.0};
    const bool is_late = due != path->rig.stage;
    const bool is_wrong = heard != due;
    int bet = is_late ? MODEL_AUDIT_BET_STAGE_LATE : MODEL_AUDIT_BET_STAGE_EARLY;
    struct audit_step wary = *step;
    wary.slack = is_older(step, path) ? AUDIT_SLACK_CARRIED : AUDIT_SLACK_STAGE;
    if (audit->trial == 0) {
        bet = MODEL_AUDIT_BET_STAGE_CARRIED;
        wary.slack = AUDIT_SLACK_CARRIED;
    }
    if (audit->trial == 0 ? step->trial->is_gap
                          : (path->is_broken != 0 || (path->is_partial != 0 && !is_late))) {
        return;
    }
    if (is_wrong && audit->trial == 0) {
        audit->is_set = 1;
        audit->set_due = due;
        audit->set_heard = heard;
    }
    if (is_wrong && audit->called[MODEL_AUDIT_STAGE] == 0) {
        audit->stage_due = due;
        audit->stage_heard = heard;
        audit->stage_before = path->rig.stage;
    }
    audit_bet_lately(&wary, bet, never, 20.0, is_wrong);
}

void audit_path_pin(struct audit_step *step)
{
    model_audit *audit = step->audit;
    const uint32_t heard = (uint32_t)step->trial->stage;
    const bool was_heard = audit->stage_is_heard != 0;
    if (!was_heard) {
        const model_audit_path *there = find_stage(audit, heard);
        const model_audit_path path = there != NULL ? *there : *audit_path_likeliest(audit);
        audit->path[0] = path;
        audit->n_paths = 1;
        audit->stage_is_heard = 1;
    }
    model_audit_path *path = &audit->path[0];
    path->weight = 1.0;
    if (was_heard) {
        judge_stage(step, path);
    }
    if (path->rig.stage != heard) {
        const bool is_whole = audit->trial > 0 || step->params->protocol.counters_per_session;
        go_to(path, heard);
        path->rig.stage_sessions = audit->trial == 0 ? 1 : 0;
        path->is_partial = is_whole ? 0 : 1;
        path->is_broken = step->trial->is_gap ? 1 : 0;
    }
}

static bool is_debias(const struct audit_step *step, const model_audit_path *path)
{
    return model_protocol_debiases(&path->rig, &step->params->protocol, (uint32_t)path->rig.stage,
                                   NULL);
}

double audit_path_debias(const struct audit_step *step)
{
    double sum = 0.0;
    for (uint64_t i = 0; i < step->audit->n_paths; i++) {
        const model_audit_path *path = &step->audit->path[i];
        sum += is_debias(step, path) ? path->weight : 0.0;
    }
    return fmin(sum, 1.0);
}

void audit_path_probabilities(const struct audit_step *step, double p[MODEL_AUDIT_CLASSES])
{
    memset(p, 0, MODEL_AUDIT_CLASSES * sizeof p[0]);
    for (uint64_t i = 0; i < step->audit->n_paths; i++) {
        const model_audit_path *path = &step->audit->path[i];
        if (is_debias(step, path)) {
            p[audit_class(step->params, path->rig.contrast)] += path->weight;
            continue;
        }
        for (uint32_t k = 0; k < step->params->n_contrasts; k++) {
            p[k] += path->weight * step->params->probability[path->rig.stage][k];
        }
    }
}

void audit_path_weigh(struct audit_step *step)
{
    model_audit *audit = step->audit;
    for (uint64_t i = 0; i < audit->n_paths && audit->n_paths > 1; i++) {
        model_audit_path *path = &audit->path[i];
        double p = step->params->probability[path->rig.stage][step->class_at];
        if (is_debias(step, path)) {
            p = audit_class(step->params, path->rig.contrast) == step->class_at ? 1.0 : 0.0;
        }
        path->weight *= (1.0 - STRAY) * p + STRAY / MODEL_AUDIT_CLASSES;
    }
    scale(audit);
}

void audit_path_push(const struct audit_step *step)
{
    const model_audit_trial *t = step->trial;
    const int side = step->side >= 0 ? step->side : (t->reward > 0.0) == (t->choice == 1);
    for (uint64_t i = 0; i < step->audit->n_paths; i++) {
        model_protocol_state *rig = &step->audit->path[i].rig;
        const model_protocol_trial seen = {.contrast = t->contrast,
                                           .p_left = rig->p_left,
                                           .side = (int8_t)side,
                                           .stage = (uint32_t)rig->stage};
        (void)model_protocol_push(rig, &step->params->protocol, &seen, t->choice, (double)NAN);
    }
}

uint32_t model_audit_stage(const model_audit *audit, double *probability)
{
    const model_audit_path *path = audit_path_likeliest(audit);
    if (probability != NULL) {
        *probability = audit->n_paths > 0 ? path->weight : 0.0;
    }
    return audit->n_paths > 0 ? (uint32_t)path->rig.stage : 0;
}

const model_protocol_state *model_audit_rig(const model_audit *audit)
{
    return audit->n_paths > 0 ? &audit_path_likeliest(audit)->rig : NULL;
}

bool model_audit_take_set(model_audit *audit, model_audit_set *set)
{
    const bool is_set = audit->is_set != 0;
    *set = (model_audit_set){(uint32_t)audit->set_due, (uint32_t)audit->set_heard};
    audit->is_set = 0;
    return is_set;
}
