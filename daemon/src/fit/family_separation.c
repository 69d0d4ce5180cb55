#include "family_separation.h"

#include <math.h>
#include <stdlib.h>

#include "model/bootstrap.h"

static uint32_t count_terms(uint32_t terms)
{
    uint32_t n = 0;
    for (; terms != 0; terms >>= 1) {
        n += terms & 1U;
    }
    return n;
}

/* Coefficients that a family may choose; decays count little, and are left out. */
static double size_of(const struct family_comparison *c, uint32_t family)
{
    return (double)(count_terms(c->fit.family[family].terms) * c->n_weights);
}

static bool contains(const struct family_comparison *c, uint32_t larger, uint32_t smaller)
{
    const uint32_t terms = c->fit.family[smaller].terms;
    return (c->fit.family[larger].terms & terms) == terms;
}

static double log_odds(double p)
{
    return log(p / (1.0 - p));
}

/* What the first gains on the second, by animal. */
static int find_gain(struct family_separation *s, const struct family_comparison *c, uint64_t seed,
                     struct fault *fault)
{
    const uint32_t n = c->training->n;
    double *room = calloc(FAMILY_SEPARATION_RESAMPLES + 2 * (size_t)n, sizeof *room);
    if (room == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory to compare rules");
    }
    double *sums = room + FAMILY_SEPARATION_RESAMPLES;
    double *counts = sums + n;
    const double surplus = (size_of(c, s->first) - size_of(c, s->second)) / 2.0;
    const double n_trials = (double)c->training->n_choices;
    model_random random;
    size_t k = 0;
    double sum = -surplus;
    for (uint32_t i = 0; i < n; i++) {
        const struct family_animal *a = &c->animal[i];
        const double gain = a->log_likelihood[s->first] - a->log_likelihood[s->second];
        if (a->n > 0) {
            counts[k] = (double)a->n;
            sums[k++] = gain - surplus * (double)a->n / n_trials;
            sum += gain;
        }
    }
    model_random_seed(&random, seed, 0);
    model_bootstrap_ratio(k, sums, counts, &random, FAMILY_SEPARATION_RESAMPLES, room, &s->lo,
                          &s->hi);
    s->nats = sum / n_trials;
    free(room);
    return FAULT_NONE;
}

/* Of two families one of which contains the other. */
static void find_trials_within(struct family_separation *s, const struct family_comparison *c,
                               double needed_first, double needed_second, double rate)
{
    const double more = size_of(c, s->second) - size_of(c, s->first);
    const bool is_gaining = more > 0.0 ? s->hi < 0.0 : s->lo > 0.0; /* the larger */
    if (is_gaining) {
        s->way = more > 0.0 ? FAMILY_SEPARATION_TURN : FAMILY_SEPARATION_GAIN;
        s->trials = (more > 0.0 ? needed_second : needed_first) / rate;
    } else {
        s->way = FAMILY_SEPARATION_SIMPLICITY;
        s->trials = (double)c->training->n_choices *
                    expm1(2.0 * (more > 0.0 ? needed_first : needed_second) / fabs(more));
    }
}

static void find_trials(struct family_separation *s, const struct family_comparison *c)
{
    const double p = c->fit.family[s->first].posterior;
    const double q = c->fit.family[s->second].posterior;
    const double told = log_odds(FAMILY_SEPARATION_TOLD);
    const double needed_first = told - log_odds(p);
    const double needed_second = told + log(p / q);
    const double rate = fabs(s->nats) / fmax(c->fit.shared, 1.0); /* evidence, nats/trial */
    s->way = FAMILY_SEPARATION_UNKNOWN;
    s->trials = (double)NAN;
    if (contains(c, s->second, s->first) || contains(c, s->first, s->second)) {
        find_trials_within(s, c, needed_first, needed_second, rate);
    } else if (s->lo > 0.0) {
        s->way = FAMILY_SEPARATION_GAIN;
        s->trials = needed_first / rate;
    } else if (s->hi < 0.0) {
        s->way = FAMILY_SEPARATION_TURN;
        s->trials = needed_second / rate;
    }
}

static void find_contrast(struct family_separation *s, const struct family_comparison *c)
{
    const size_t last = FAMILY_VISITS_STIMULI - 1;
    s->apart = -1.0;
    for (size_t i = 0; i <= last; i++) {
        const double apart = 0.5 * (c->apart[i] + c->apart[last - i]);
        s->apart_mean += c->apart[i] / FAMILY_VISITS_STIMULI;
        if (apart > s->apart) {
            s->apart = apart;
            s->contrast = fabs(family_visits_stimulus(i));
        }
    }
}

int family_separation_find(struct family_separation *s, const struct family_comparison *c,
                           uint64_t seed, struct fault *fault)
{
    *s = (struct family_separation){.first = c->order[0], .second = c->order[1]};
    if (c->fit.n_families < 2 || c->fit.family[s->first].posterior >= FAMILY_SEPARATION_TOLD) {
        return FAULT_NONE;
    }
    const int rc = find_gain(s, c, seed, fault);
    find_trials(s, c);
    find_contrast(s, c);
    return rc;
}
