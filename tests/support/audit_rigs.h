/* audit_rigs.h - rigs to audit: five protocols, and animals that learn, are biased, tire and do not
 * answer now and then. All is a function of the seed. */
#pragma once

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/audit.h"
#include "model/protocol.h"
#include "model/random.h"

enum rig_protocol {
    RIG_TRAINING, /* trainingChoiceWorld of the International Brain Laboratory */
    RIG_BIASED,   /* its biasedChoiceWorld */
    RIG_STAGED,   /* three stages, counters that outlive sessions, correction trials */
    RIG_GO_NOGO,
    RIG_FIXED, /* one set of contrasts */
    RIG_PROTOCOLS
};

static const char *const RIG_NAMES[RIG_PROTOCOLS] = {"training", "biased", "staged", "go_nogo",
                                                     "fixed"};

static inline void rig_contrasts(model_protocol_stage *s, uint32_t n, const double contrast[],
                                 double zero_share)
{
    double sum = 0.0;
    s->n_contrasts = n;
    for (uint32_t i = 0; i < n; i++) {
        s->contrast[i] = contrast[i];
        s->probability[i] = contrast[i] > 0.0 ? 1.0 : zero_share;
        sum += s->probability[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        s->probability[i] /= sum;
    }
    s->p_left = 0.5;
    s->p_reward[0][0] = s->p_reward[1][1] = 1.0;
}

static inline model_protocol_move *rig_move(model_protocol_stage *s, uint32_t to)
{
    model_protocol_move *move = &s->move[s->n_moves++];
    move->to = to;
    return move;
}

static inline void rig_test(model_protocol_move *move, model_protocol_test_kind kind,
                            double contrast, uint32_t window, double limit)
{
    move->test[move->n_tests++] = (model_protocol_test){
        .kind = kind, .is_above = true, .window = window, .contrast = contrast, .limit = limit};
}

static inline void rig_make_training(model_protocol *p)
{
    static const double SETS[6][6] = {{1, 0.5},
                                      {1, 0.5, 0.25},
                                      {1, 0.5, 0.25, 0.125},
                                      {1, 0.5, 0.25, 0.125, 0.0625},
                                      {1, 0.5, 0.25, 0.125, 0.0625, 0},
                                      {1, 0.25, 0.125, 0.0625, 0}};
    static const uint32_t SIZES[6] = {2, 3, 4, 5, 6, 5};
    p->n_stages = 6;
    p->counters_per_session = true;
    p->counts_drawn = true;
    p->carries_stage = true;
    p->carry_trials = 43;
    for (uint32_t i = 0; i < 6; i++) {
        model_protocol_stage *s = &p->stage[i];
        rig_contrasts(s, SIZES[i], SETS[i], 0.5);
        if (i < 5) {
            s->debias = (model_protocol_debias){
                .kind = MODEL_PROTOCOL_DEBIAS_RESAMPLE, .contrast = 0.5, .window = 10, .sd = 0.5};
        }
    }
    model_protocol_move *move = rig_move(&p->stage[0], 1);
    rig_test(move, MODEL_PROTOCOL_TEST_PERFORMANCE, 1.0, 50, 0.8);
    rig_test(move, MODEL_PROTOCOL_TEST_PERFORMANCE, 0.5, 50, 0.8);
    rig_test(rig_move(&p->stage[1], 2), MODEL_PROTOCOL_TEST_PERFORMANCE, 0.25, 50, 0.8);
    for (uint32_t i = 2; i < 5; i++) {
        rig_test(rig_move(&p->stage[i], i + 1), MODEL_PROTOCOL_TEST_TRIALS, 0, 0, 200);
    }
}

static inline void rig_make_biased(model_protocol *p)
{
    static const double SET[5] = {1, 0.25, 0.125, 0.0625, 0};
    p->n_stages = 1;
    rig_contrasts(&p->stage[0], 5, SET, 1.0);
    p->stage[0].blocks = (model_protocol_blocks){
        .n = 2, .first = 90, .value = {0.2, 0.8}, .mean = 60, .min = 20, .max = 100};
}

static inline void rig_make_staged(model_protocol *p)
{
    static const double SETS[3][4] = {{1}, {1, 0.5}, {1, 0.5, 0.25, 0}};
    static const uint32_t SIZES[3] = {1, 2, 4};
    p->n_stages = 3;
    p->carries_stage = true;
    for (uint32_t i = 0; i < 3; i++) {
        rig_contrasts(&p->stage[i], SIZES[i], SETS[i], 1.0);
    }
    p->stage[0].debias.kind = p->stage[1].debias.kind = MODEL_PROTOCOL_DEBIAS_REPEAT;
    p->stage[0].debias.after_no_go = true;
    model_protocol_move *move = rig_move(&p->stage[0], 1);
    rig_test(move, MODEL_PROTOCOL_TEST_ACCURACY, 0, 100, 0.75);
    rig_test(move, MODEL_PROTOCOL_TEST_SESSIONS, 0, 0, 2);
    move = rig_move(&p->stage[1], 2);
    rig_test(move, MODEL_PROTOCOL_TEST_ACCURACY, 0, 200, 0.8);
    rig_test(move, MODEL_PROTOCOL_TEST_TRIALS, 0, 0, 300);
}

static inline void rig_make_go_nogo(model_protocol *p)
{
    static const double SET[2] = {1, 0.5};
    p->task = MODEL_PROTOCOL_GO_NOGO;
    p->n_stages = 1;
    rig_contrasts(&p->stage[0], 2, SET, 1.0);
    p->stage[0].p_left = 0.4;
    p->stage[0].p_reward[0][0] = 0.0;
}

static inline void rig_make_fixed(model_protocol *p)
{
    static const double SET[3] = {0.5, 0.25, 0};
    p->n_stages = 1;
    rig_contrasts(&p->stage[0], 3, SET, 0.5);
}

static inline void rig_make(model_protocol *p, enum rig_protocol which)
{
    memset(p, 0, sizeof *p);
    (void)snprintf(p->name, sizeof p->name, "%s", RIG_NAMES[which]);
    p->trials_min = 400;
    p->trials_max = 900;
    switch (which) {
    case RIG_TRAINING:
        rig_make_training(p);
        break;
    case RIG_BIASED:
        rig_make_biased(p);
        break;
    case RIG_STAGED:
        rig_make_staged(p);
        break;
    case RIG_GO_NOGO:
        rig_make_go_nogo(p);
        break;
    case RIG_FIXED:
        rig_make_fixed(p);
        break;
    case RIG_PROTOCOLS:
        break;
    }
    for (uint32_t i = 0; i < p->n_stages; i++) {
        (void)snprintf(p->stage[i].name, sizeof p->stage[i].name, "%u", i);
    }
}

/* ---- animals --------------------------------------------------------------------------------- */

struct rig_mouse {
    model_random random;
    double n;    /* trials of its life */
    double bias; /* drifts */
    double tau;  /* trials in which it learns */
    double no_go;
    double last; /* choice of the last trial, -1 or 1 */
};

static inline void rig_mouse_init(struct rig_mouse *m, uint64_t seed, uint64_t number)
{
    memset(m, 0, sizeof *m);
    model_random_seed(&m->random, seed, number);
    m->bias = model_random_normal(&m->random);
    m->tau = 1000.0 + 4000.0 * model_random_uniform(&m->random);
    m->no_go = 0.05 * model_random_uniform(&m->random);
}

static inline void rig_mouse_start_session(struct rig_mouse *m)
{
    m->bias = 0.6 * m->bias + 0.8 * model_random_normal(&m->random);
    m->last = 0.0;
}

static inline int rig_mouse_choose(struct rig_mouse *m, double contrast)
{
    const double learnt = 1.0 - exp(-m->n / m->tau);
    const double see = 6.0 * learnt * tanh(5.0 * contrast);
    const double drive = see + (1.2 - learnt) * m->bias + 0.5 * (1.0 - learnt) * m->last;
    const double u = model_random_uniform(&m->random);
    const double v = model_random_uniform(&m->random);
    m->n += 1.0;
    m->bias = 0.999 * m->bias + 0.05 * model_random_normal(&m->random);
    if (v < m->no_go) {
        return -1;
    }
    const int right = u < 0.01 + 0.98 / (1.0 + exp(-drive)) ? 1 : 0;
    m->last = right ? 1.0 : -1.0;
    return right;
}

/* ---- a rig with an animal in it, and what is heard of it ------------------------------------- */

struct rig_ears {
    bool stage, side, repeat, p_left; /* these are said */
    double lost;                      /* share of trials that are not heard */
    double away;                      /* share of sessions that are not */
};

struct rig {
    const model_protocol *protocol; /* what it does */
    model_protocol_state state;
    struct rig_mouse mouse;
    struct rig_ears ears;
    model_random noise;
    bool is_lost;
};

static inline void rig_init(struct rig *r, const model_protocol *protocol, struct rig_ears ears,
                            uint64_t seed, uint64_t number)
{
    r->protocol = protocol;
    r->ears = ears;
    r->is_lost = false;
    model_protocol_init(&r->state, protocol, seed, number);
    rig_mouse_init(&r->mouse, seed + 1, number);
    model_random_seed(&r->noise, seed + 2, number);
}

static inline void rig_start_session(struct rig *r)
{
    model_protocol_start_session(&r->state, r->protocol);
    rig_mouse_start_session(&r->mouse);
    r->is_lost = false;
}

/* The next trial as heard; false if the session is over. shown: as it was, may be NULL. */
static inline bool rig_next(struct rig *r, model_audit_trial *t, model_protocol_trial *shown)
{
    model_protocol_trial trial;
    do {
        if (!model_protocol_next(&r->state, r->protocol, &trial)) {
            return false;
        }
        const int choice = rig_mouse_choose(&r->mouse, trial.contrast);
        const double reward = model_protocol_push(&r->state, r->protocol, &trial, choice, 1.0);
        *t = (model_audit_trial){.contrast = trial.contrast,
                                 .reward = reward,
                                 .p_left = r->ears.p_left ? trial.p_left : (double)NAN,
                                 .choice = (int8_t)choice,
                                 .side = r->ears.side ? trial.side : -1,
                                 .repeat = r->ears.repeat ? (int8_t)trial.is_repeat : -1,
                                 .is_gap = r->is_lost,
                                 .stage = r->ears.stage ? (int32_t)trial.stage : -1};
        r->is_lost = r->ears.lost > 0.0 && model_random_uniform(&r->noise) < r->ears.lost;
    } while (r->is_lost);
    if (shown != NULL) {
        *shown = trial;
    }
    return true;
}
