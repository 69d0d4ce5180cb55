#include "family_verdict.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { NAMED_MAX = 4, NUMBER_MAX = 48 };

static const double NOT = 0.1;       /* a posterior below which something is not there */
static const double WIDE = 1.0;      /* of an interval within -1 to 1 that tells nothing */
static const double LITTLE = 5.0;    /* nats of the filter's error that change no verdict */
static const double ALIKE = 0.001;   /* of p(right) */
static const double HOPELESS = 100.; /* times the trials that there are */

#define BIT(TERM) (UINT32_C(1) << MODEL_BASIS_##TERM)

static const uint32_t MEMORIES = BIT(REWARDED_MEMORY) | BIT(UNREWARDED_MEMORY) | BIT(TRACE);

static void say(struct family_verdict *v, const char *format, ...) FAULT_PRINTF(2, 3);

static void say(struct family_verdict *v, const char *format, ...)
{
    va_list values;
    assert(v->n < FAMILY_VERDICT_LINES);
    va_start(values, format);
    (void)vsnprintf(v->line[v->n++], FAMILY_VERDICT_BYTES, format, values);
    va_end(values);
}

/* Of the families that may have one of the terms; all terms 0: of none. */
static double posterior_of(const struct family_comparison *c, uint32_t terms)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < c->fit.n_families; i++) {
        const struct fit_basis_family *family = &c->fit.family[i];
        const bool is_meant = terms != 0 ? (family->terms & terms) != 0 : family->terms == 0;
        sum += is_meant ? family->posterior : 0.0;
    }
    return sum;
}

/* The families that together reach what one would have to. */
static void say_families(struct family_verdict *v, const struct family_comparison *c)
{
    char names[FAMILY_VERDICT_BYTES - NUMBER_MAX * 2] = "";
    const struct fit_basis_family *first = &c->fit.family[c->order[0]];
    size_t used = 0;
    double sum = 0.0;
    uint32_t n = 0;
    if (first->posterior >= FAMILY_SEPARATION_TOLD) {
        say(v, "%s %s (posterior %.2f).",
            first->terms == 0 ? "These animals show no learning; their weights only drift:"
                              : "Of the rules compared these animals follow",
            first->name, first->posterior);
        return;
    }
    for (; sum < FAMILY_SEPARATION_TOLD && n < c->fit.n_families; n++) {
        const struct fit_basis_family *family = &c->fit.family[c->order[n]];
        sum += family->posterior;
        if (n < NAMED_MAX) {
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s (%.2f)",
                                     n > 0 ? ", " : "", family->name, family->posterior);
        }
    }
    if (n > NAMED_MAX) {
        (void)snprintf(names + used, sizeof names - used, " and %u more",
                       (unsigned)(n - NAMED_MAX));
    }
    say(v, "These animals do not tell apart: %s.", names);
}

/* Two digits; "about 1,200" would need a locale. */
static const char *print_trials(char out[NUMBER_MAX], double trials, double n_trials)
{
    if (!(trials < HOPELESS * n_trials)) {
        (void)snprintf(out, NUMBER_MAX, "more than %.0f times these trials", HOPELESS);
        return out;
    }
    const double unit = pow(10.0, fmax(floor(log10(fmax(trials, 1.0))) - 1.0, 0.0));
    (void)snprintf(out, NUMBER_MAX, "about %.0f more trials", ceil(trials / unit) * unit);
    return out;
}

static void say_trials(struct family_verdict *v, const struct family_comparison *c,
                       const struct family_separation *s)
{
    char trials[NUMBER_MAX];
    const char *first = c->fit.family[s->first].name;
    const char *second = c->fit.family[s->second].name;
    (void)print_trials(trials, s->trials, (double)c->training->n_choices);
    if (s->way == FAMILY_SEPARATION_GAIN) {
        say(v,
            "%s gains %.2g nats/trial on %s (%.2g to %.2g over animals): %s of this kind would "
            "tell.",
            first, s->nats, second, s->lo, s->hi, trials);
    } else if (s->way == FAMILY_SEPARATION_TURN) {
        say(v,
            "%s is less probable so far, but gains %.2g nats/trial on %s (%.2g to %.2g over "
            "animals): %s of this kind would tell.",
            second, -s->nats, first, -s->hi, -s->lo, trials);
    } else {
        say(v,
            "Over animals the sign of what %s gains on %s is not known (%.2g to %.2g nats/trial): "
            "no number of trials of this kind is known to suffice.",
            first, second, s->lo, s->hi);
    }
    if (s->way == FAMILY_SEPARATION_SIMPLICITY) {
        say(v, "One contains the other: if the larger adds nothing, %s would tell.", trials);
    }
}

static void say_stimuli(struct family_verdict *v, const struct family_separation *s)
{
    if (s->apart < ALIKE) {
        say(v, "Their predictions differ by less than %.3f of p(right) at every contrast.", ALIKE);
    } else {
        say(v,
            "Their predictions differ most at a contrast of %g: %.4f of p(right), against %.4f "
            "over all contrasts.",
            s->contrast, s->apart, s->apart_mean);
    }
}

static void say_steps(struct family_verdict *v, const struct family_comparison *c)
{
    const struct family_interval *a = &c->asymmetry;
    if (isnan(a->value)) {
        return;
    }
    if (a->hi - a->lo > WIDE) {
        say(v,
            "How steps after errors compare with those after correct trials is not known: the "
            "interval of their asymmetry spans %.2f to %.2f, of -1 to 1.",
            a->lo, a->hi);
    } else if (a->value >= 0.0) {
        say(v, "Steps after errors are %.2f of those after correct trials (%.2f to %.2f).",
            (1.0 - a->value) / (1.0 + a->value), (1.0 - a->hi) / (1.0 + a->hi),
            (1.0 - a->lo) / (1.0 + a->lo));
    } else {
        say(v, "Steps after correct trials are %.2f of those after errors (%.2f to %.2f).",
            (1.0 + a->value) / (1.0 - a->value), (1.0 + a->lo) / (1.0 - a->lo),
            (1.0 + a->hi) / (1.0 - a->hi));
    }
}

static void say_memory(struct family_verdict *v, const struct family_comparison *c)
{
    const double p = posterior_of(c, MEMORIES);
    bool is_asked = false;
    for (uint32_t i = 0; i < c->fit.n_families; i++) {
        is_asked = is_asked || (c->fit.family[i].terms & MEMORIES) != 0;
    }
    if (!is_asked) {
        return;
    }
    if (p < NOT) {
        say(v, "A rule without memory explains as much (posterior of memory %.2f).", p);
    } else if (p >= FAMILY_SEPARATION_TOLD) {
        say(v, "Their rule has a memory of earlier trials (posterior %.2f).", p);
    } else {
        say(v, "Whether their rule has a memory is not known (posterior of memory %.2f).", p);
    }
}

/* What simulated mice that learn nothing leave of it. */
static void say_null(struct family_verdict *v, const struct family_comparison *c,
                     const struct family_null *null)
{
    if (null->gain > 0.0 && !family_null_is_beaten(null)) {
        say(v,
            "These animals do not show that they learn: %s gains %.1f nats on none; %.1f are "
            "gained by simulated mice with their trials and noise that learn nothing.",
            c->fit.family[c->order[0]].name, null->gain, null->without);
    } else if (null->without > LITTLE) {
        say(v,
            "The filter's error is worth %.1f nats here, as simulated mice without learning "
            "show: families whose log likelihoods differ by less are not told apart, whatever "
            "their posterior.",
            null->without);
    }
}

void family_verdict_make(struct family_verdict *v, const struct family_comparison *c,
                         const struct family_separation *s, const struct family_null *null,
                         const struct training_gaps *gaps)
{
    const double still = posterior_of(c, 0);
    const bool is_learning = null->gain <= 0.0 || family_null_is_beaten(null);
    *v = (struct family_verdict){0};
    if (gaps->n > 0 || c->fit.n_families < 2) {
        return;
    }
    say_null(v, c, null);
    if (!is_learning && null->without > LITTLE) {
        return;
    }
    say_families(v, c);
    if (s->way != FAMILY_SEPARATION_NONE) {
        say_trials(v, c, s);
        say_stimuli(v, s);
    }
    if (is_learning && still >= NOT && still < FAMILY_SEPARATION_TOLD) {
        say(v, "Whether they learn at all is not known (posterior of none %.2f).", still);
    } else if (is_learning && still < NOT && null->without <= LITTLE) {
        say_steps(v, c);
        say_memory(v, c);
    }
}
