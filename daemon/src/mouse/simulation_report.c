#include "simulation_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/bootstrap.h"
#include "model/percentile.h"

static const double QUANTILES[] = {0.05, 0.25, 0.5, 0.75, 0.95};
_Static_assert(sizeof QUANTILES / sizeof QUANTILES[0] == SIMULATION_QUANTILES, "a share for each");

const char *simulation_measure_name(enum simulation_measure measure)
{
    static const char *const NAMES[SIMULATION_MEASURES] = {[SIMULATION_ACCURACY] = "accuracy",
                                                           [SIMULATION_BIAS] = "bias",
                                                           [SIMULATION_REWARD_RATE] = "reward_rate",
                                                           [SIMULATION_REPEAT_RATE] = "repeat_rate",
                                                           [SIMULATION_TRIALS] = "trials"};
    return NAMES[measure];
}

const char *simulation_outcome_name(enum simulation_outcome outcome)
{
    static const char *const NAMES[SIMULATION_OUTCOMES] = {
        [SIMULATION_TRIALS_TO_LAST] = "trials_to_last_stage",
        [SIMULATION_SESSIONS_TO_LAST] = "sessions_to_last_stage",
        [SIMULATION_TRIALS_TO_CRITERION] = "trials_to_criterion",
        [SIMULATION_SESSIONS_TO_CRITERION] = "sessions_to_criterion",
        [SIMULATION_FINAL_ACCURACY] = "final_accuracy",
        [SIMULATION_FINAL_BIAS] = "final_bias",
        [SIMULATION_REWARDS] = "reward_ul_in_all"};
    return NAMES[outcome];
}

static double share(double part, double whole)
{
    return whole > 0.0 ? part / whole : (double)NAN;
}

static double measure_of(const struct simulation *s, int64_t mouse, int64_t session,
                         enum simulation_measure measure)
{
    const struct simulation_session *v = simulation_session(s, mouse, session);
    const double n = (double)v->n[0] + v->n[1];
    switch (measure) {
    case SIMULATION_ACCURACY:
        return share((double)v->shown_correct[0] + v->shown_correct[1],
                     (double)v->shown[0] + v->shown[1]);
    case SIMULATION_BIAS:
        return 0.5 *
               (share(v->shown_correct[1], v->shown[1]) - share(v->shown_correct[0], v->shown[0]));
    case SIMULATION_REWARD_RATE:
        return share(v->rewards, n);
    case SIMULATION_REPEAT_RATE:
        return share(v->repeats, n);
    case SIMULATION_TRIALS:
        return n;
    case SIMULATION_MEASURES:
        break;
    }
    return (double)NAN;
}

static int64_t count_trials(const struct simulation *s, int64_t mouse, int64_t sessions)
{
    int64_t n = 0;
    for (int64_t i = 0; i < sessions; i++) {
        const struct simulation_session *v = simulation_session(s, mouse, i);
        n += (int64_t)v->n[0] + v->n[1];
    }
    return n;
}

/* The first trial of a stage without moves. */
static struct simulation_entry last_entry(const struct simulation *s, int64_t mouse)
{
    struct simulation_entry first = {-1, -1};
    for (uint32_t i = 0; i < s->plan.protocol->n_stages; i++) {
        const struct simulation_entry *e = simulation_entry(s, mouse, i);
        if (s->plan.protocol->stage[i].n_moves == 0 && e->trials >= 0 &&
            (first.trials < 0 || e->trials < first.trials)) {
            first = *e;
        }
    }
    return first;
}

/* The first session whose accuracy is above the criterion. */
static struct simulation_entry criterion_entry(const struct simulation_report *r, int64_t mouse)
{
    for (int64_t i = 0; i < r->s->plan.sessions; i++) {
        if (measure_of(r->s, mouse, i, SIMULATION_ACCURACY) > r->criterion) {
            return (struct simulation_entry){count_trials(r->s, mouse, i), i};
        }
    }
    return (struct simulation_entry){-1, -1};
}

static double sum_rewards(const struct simulation *s, int64_t mouse)
{
    double sum = 0.0;
    for (int64_t i = 0; i < s->plan.sessions; i++) {
        sum += (double)simulation_session(s, mouse, i)->reward_ul;
    }
    return sum;
}

double simulation_outcome_of(const struct simulation_report *r, int64_t mouse,
                             enum simulation_outcome outcome)
{
    const struct simulation *s = r->s;
    const int64_t last = s->plan.sessions - 1;
    const bool is_stage = outcome <= SIMULATION_SESSIONS_TO_LAST;
    struct simulation_entry entry;
    switch (outcome) {
    case SIMULATION_TRIALS_TO_LAST:
    case SIMULATION_TRIALS_TO_CRITERION:
        entry = is_stage ? last_entry(s, mouse) : criterion_entry(r, mouse);
        return (double)(entry.trials >= 0 ? entry.trials
                                          : count_trials(s, mouse, s->plan.sessions));
    case SIMULATION_SESSIONS_TO_LAST:
    case SIMULATION_SESSIONS_TO_CRITERION:
        entry = is_stage ? last_entry(s, mouse) : criterion_entry(r, mouse);
        return (double)(entry.trials >= 0 ? entry.sessions : s->plan.sessions);
    case SIMULATION_FINAL_ACCURACY:
        return measure_of(s, mouse, last, SIMULATION_ACCURACY);
    case SIMULATION_FINAL_BIAS:
        return fabs(measure_of(s, mouse, last, SIMULATION_BIAS));
    case SIMULATION_REWARDS:
        return sum_rewards(s, mouse);
    case SIMULATION_OUTCOMES:
        break;
    }
    return (double)NAN;
}

struct simulation_band simulation_band_of(double values[], int64_t n)
{
    struct simulation_band band = {0};
    double sum = 0.0;
    int64_t n_finite = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isnan(values[i])) {
            values[band.n++] = values[i];
        }
    }
    model_percentile_sort((size_t)band.n, values);
    for (; n_finite < band.n && isfinite(values[n_finite]); n_finite++) {
        sum += values[n_finite];
    }
    band.mean = n_finite > 0 ? sum / (double)n_finite : (double)NAN;
    for (int k = 0; k < SIMULATION_QUANTILES; k++) {
        band.q[k] =
            band.n > 0 ? model_percentile((size_t)band.n, values, QUANTILES[k]) : (double)NAN;
    }
    return band;
}

static void fill_session(struct simulation_report *r, int64_t session, double values[])
{
    const struct simulation *s = r->s;
    const uint32_t stages = s->plan.protocol->n_stages;
    for (int m = 0; m < SIMULATION_MEASURES; m++) {
        for (int64_t i = 0; i < s->plan.mice; i++) {
            values[i] = measure_of(s, i, session, (enum simulation_measure)m);
        }
        r->measure[session * SIMULATION_MEASURES + m] = simulation_band_of(values, s->plan.mice);
    }
    for (uint32_t k = 0; k < stages; k++) {
        for (int64_t i = 0; i < s->plan.mice; i++) {
            values[i] = simulation_occupancy(s, i, session, k);
        }
        r->occupancy[(size_t)session * stages + k] = simulation_band_of(values, s->plan.mice);
    }
}

/* stage: MODEL_PROTOCOL_STAGES for the criterion. */
static void fill_reach(struct simulation_report *r, uint32_t stage, double values[])
{
    const struct simulation *s = r->s;
    struct simulation_reach *reach =
        stage < MODEL_PROTOCOL_STAGES ? &r->stage[stage] : &r->criterion_reach;
    for (int trials = 0; trials < 2; trials++) {
        reach->n = 0;
        for (int64_t i = 0; i < s->plan.mice; i++) {
            const struct simulation_entry e = stage < MODEL_PROTOCOL_STAGES
                                                  ? *simulation_entry(s, i, stage)
                                                  : criterion_entry(r, i);
            values[i] =
                e.trials < 0 ? (double)INFINITY : (double)(trials == 1 ? e.trials : e.sessions);
            reach->n += e.trials >= 0;
        }
        *(trials == 1 ? &reach->trials : &reach->sessions) =
            simulation_band_of(values, s->plan.mice);
    }
}

int simulation_report_open(struct simulation_report *r, const struct simulation *s,
                           const char *name, double criterion, struct fault *fault)
{
    const uint32_t stages = s->plan.protocol->n_stages;
    const size_t sessions = (size_t)s->plan.sessions;
    *r = (struct simulation_report){.s = s, .name = name, .criterion = criterion};
    double *values = calloc((size_t)s->plan.mice, sizeof *values);
    r->measure = calloc(sessions * SIMULATION_MEASURES, sizeof *r->measure);
    r->occupancy = calloc(sessions * stages, sizeof *r->occupancy);
    if (values == NULL || r->measure == NULL || r->occupancy == NULL) {
        free(values);
        simulation_report_close(r);
        return fault_set(fault, FAULT_WORK, "simulate: out of memory");
    }
    for (int64_t i = 0; i < s->plan.sessions; i++) {
        fill_session(r, i, values);
    }
    for (uint32_t k = 0; k < stages; k++) {
        fill_reach(r, k, values);
    }
    fill_reach(r, MODEL_PROTOCOL_STAGES, values);
    free(values);
    return FAULT_NONE;
}

void simulation_report_close(struct simulation_report *r)
{
    free(r->measure);
    free(r->occupancy);
    *r = (struct simulation_report){0};
}

struct room {
    double *values;
    double *counts;
    double ratios[SIMULATION_RESAMPLES];
};

static struct simulation_gain gain_of(struct room *room, int64_t n, model_random *random)
{
    struct simulation_gain gain;
    int64_t known = 0;
    for (int64_t i = 0; i < n; i++) {
        if (isfinite(room->values[i])) {
            room->values[known] = room->values[i];
            room->counts[known++] = 1.0;
        }
    }
    model_bootstrap_ratio((size_t)known, room->values, room->counts, random, SIMULATION_RESAMPLES,
                          room->ratios, &gain.lo, &gain.hi);
    gain.band = simulation_band_of(room->values, known);
    return gain;
}

static void fill_difference(struct simulation_difference *d, struct room *room)
{
    const struct simulation_plan *plan = &d->first->s->plan;
    model_random random;
    model_random_seed(&random, plan->seed, 0);
    for (int k = 0; k < SIMULATION_OUTCOMES; k++) {
        for (int64_t i = 0; i < plan->mice; i++) {
            room->values[i] = simulation_outcome_of(d->second, i, (enum simulation_outcome)k) -
                              simulation_outcome_of(d->first, i, (enum simulation_outcome)k);
        }
        d->outcome[k] = gain_of(room, plan->mice, &random);
    }
    for (int64_t session = 0; session < plan->sessions; session++) {
        for (int64_t i = 0; i < plan->mice; i++) {
            room->values[i] = measure_of(d->second->s, i, session, SIMULATION_ACCURACY) -
                              measure_of(d->first->s, i, session, SIMULATION_ACCURACY);
        }
        d->accuracy[session] = gain_of(room, plan->mice, &random);
    }
}

int simulation_difference_open(struct simulation_difference *d,
                               const struct simulation_report *first,
                               const struct simulation_report *second, struct fault *fault)
{
    const struct simulation_plan *plan = &first->s->plan;
    *d = (struct simulation_difference){.first = first, .second = second};
    struct room *room = calloc(1, sizeof *room);
    double *values = calloc((size_t)plan->mice, sizeof *values);
    double *counts = calloc((size_t)plan->mice, sizeof *counts);
    d->accuracy = calloc((size_t)plan->sessions, sizeof *d->accuracy);
    int rc = FAULT_NONE;
    if (room != NULL && values != NULL && counts != NULL && d->accuracy != NULL) {
        room->values = values;
        room->counts = counts;
        fill_difference(d, room);
    } else {
        simulation_difference_close(d);
        rc = fault_set(fault, FAULT_WORK, "simulate: out of memory");
    }
    free(room);
    free(values);
    free(counts);
    return rc;
}

void simulation_difference_close(struct simulation_difference *d)
{
    free(d->accuracy);
    *d = (struct simulation_difference){0};
}
