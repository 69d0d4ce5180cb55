#include "fit_basis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family_mix.h"
#include "model/percentile.h"
#include "model/posterior.h"
#include "model_file.h"

enum { MAX = MODEL_LIKELIHOOD_MAX, PASSES_EXPECTED = 90 };

static const double RATE_LEAST = 1e-3; /* log odds a trial: scale of priors at the least */
/* sd of a term in a family, in rates of reinforce: of its first, of the trace, whose e is a mean
 * over trials and small, and of the others, which add a part to the first. */
static const double FIRST_SD = 1.5;
static const double TRACE_SD = 2.0;
static const double LATER_SD = 0.6;
static const double MEAN_SD = 10.0; /* of the prior's mean, about where it is found */
/* Mean of a variance that is not 0, at the least: of the prior, of a trial's drift, of a new
 * session. A larger one that is found is the mean itself, so that the prior does not pull it down.
 */
static const double PRIOR_VAR_MEAN = 1.0;
static const double DRIFT_VAR_MEAN = 4e-4;
static const double SESSION_VAR_MEAN = 0.1;

#define BIT(TERM) (UINT32_C(1) << MODEL_BASIS_##TERM)

#define ALL_TERMS ((UINT32_C(1) << MODEL_BASIS_TERMS) - 1)

#define MEMORY (BIT(REWARDED_MEMORY) | BIT(UNREWARDED_MEMORY))

/* Families that are tried first, the classic rules alike, and what is added to the best of them.
 * prior: chance before the animals. */
static const struct {
    model_rule_kind rule;
    uint32_t terms;
    double prior;
} PLAIN[] = {{MODEL_RULE_NONE, 0, 0.05},
             {MODEL_RULE_REINFORCE, BIT(REWARDED), 0.16},
             {MODEL_RULE_REINFORCE_BASE, BIT(REWARDED) | BIT(UNREWARDED), 0.16},
             {MODEL_RULE_PREDICT_MAX, BIT(PREDICT_MAX), 0.16},
             {MODEL_RULE_REWARD_MAX, BIT(REWARD_MAX), 0.16},
             {MODEL_RULE_ELIGIBILITY, BIT(REWARDED) | BIT(TRACE), 0.16}};

static const struct {
    const char *name;
    uint32_t terms;
    double prior;
} ADDED[] = {{"shape", BIT(REWARDED_EXPECTED) | BIT(REWARDED_UNSURE), 0.02},
             {"contrast", BIT(REWARDED_CONTRAST) | BIT(UNREWARDED_CONTRAST), 0.02},
             {"memory", MEMORY, 0.02},
             {"trace", BIT(TRACE), 0.02},
             {"forgetting", BIT(FORGETTING), 0.02}};

static const double ALL_PRIOR = 0.05;
/* Draws whose likelihood is looked at, and nats of difference that say nothing. */
enum { DOUBT_DRAWS = 3 };
static const double DOUBT_LITTLE = 30.0;
static const double LONG_DECAY = 0.98; /* a trial, of the trace and of the memory */

/* Families whose draws the intervals are of. In each, steps after rewards and after errors are free
 * of each other and of earlier rewards, so that none is sure of a simple rule because it is simple.
 */
#define EITHER (BIT(REWARDED) | BIT(UNREWARDED) | BIT(PREDICT_MAX) | MEMORY)
static const uint32_t WIDE[] = {EITHER,
                                EITHER | BIT(REWARD_MAX),
                                EITHER | BIT(TRACE),
                                EITHER | BIT(REWARDED_EXPECTED) | BIT(REWARDED_UNSURE),
                                EITHER | BIT(REWARDED_CONTRAST) | BIT(UNREWARDED_CONTRAST),
                                EITHER | BIT(FORGETTING)};

enum {
    N_PLAIN = sizeof PLAIN / sizeof PLAIN[0],
    N_ADDED = sizeof ADDED / sizeof ADDED[0],
    N_WIDE = sizeof WIDE / sizeof WIDE[0]
};

_Static_assert((int)N_PLAIN + (int)N_ADDED + 1 <= (int)FIT_BASIS_FAMILIES_MAX, "room for all");

struct fitting {
    struct fit_scoring scoring;
    struct fit_basis_result *result;
    double temper;
    double rate; /* of reinforce: the scale of priors */
    size_t m;
    size_t n_rule;
    model_parameter list[MAX];
    model_params start; /* reinforce as basis, with noise and prior */
    model_scoring found;
    model_scoring other;
    model_posterior posterior;
    size_t place[MAX]; /* of the posterior's parameters */
    double *drawn;     /* (FIT_BASIS_DRAWS, posterior.m) */
    struct fit_basis_family wide[N_WIDE];
    uint32_t n_wide;
    double
        *kept; /* (FIT_BASIS_FAMILIES_MAX + N_WIDE, FIT_BASIS_DRAWS, n_rule): the result's, wide */
};

/* ---- one family ---- */

static bool is_own(const struct fitting *f, size_t i)
{
    return f->list[i].kind < MODEL_PARAMETER_PRIOR_MEAN;
}

static bool is_free(const struct fitting *f, const struct fit_basis_family *family, size_t i)
{
    switch ((int)f->list[i].kind) {
    case MODEL_PARAMETER_COEFFICIENT:
        return (family->terms >> f->list[i].term & 1U) == 1U;
    case MODEL_PARAMETER_DECAY:
        return (family->terms & BIT(TRACE)) != 0;
    case MODEL_PARAMETER_MEMORY:
        return (family->terms & MEMORY) != 0;
    default:
        return !fit_scoring_is_stated(&f->scoring.options, f->list[i].kind);
    }
}

/* The prior of a parameter: normal, or that of a variance (model/posterior.h), which has no sd. */
static void prior_of(const struct fitting *f, const struct fit_basis_family *family, size_t i,
                     double *mean, double *sd)
{
    const model_parameter *p = &f->list[i];
    const uint32_t before = (UINT32_C(1) << p->term) - 1;
    fit_scoring_wide_prior(p->kind, mean, sd);
    switch ((int)p->kind) {
    case MODEL_PARAMETER_COEFFICIENT:
        *sd = f->rate * ((family->terms & before) == 0  ? FIRST_SD
                         : p->term == MODEL_BASIS_TRACE ? TRACE_SD
                                                        : LATER_SD);
        break;
    case MODEL_PARAMETER_PRIOR_MEAN:
        *mean = f->found.values[i];
        *sd = MEAN_SD;
        break;
    case MODEL_PARAMETER_PRIOR_VAR:
        *mean = fmax(PRIOR_VAR_MEAN, f->found.values[i]);
        break;
    case MODEL_PARAMETER_DRIFT_VAR:
        *mean = fmax(DRIFT_VAR_MEAN, f->found.values[i]);
        break;
    case MODEL_PARAMETER_SESSION_VAR:
        *mean = fmax(SESSION_VAR_MEAN, f->found.values[i]);
        break;
    default:
        break;
    }
}

/* Where a family's search begins: where another ended, or a step as long as reinforce's. */
static void start_family(const struct fitting *f, const struct fit_basis_family *from,
                         struct fit_basis_family *family)
{
    double(*c)[MODEL_WEIGHTS_MAX] = family->params.rule.coefficient;
    family->params = from != NULL ? from->params : f->start;
    for (size_t k = 0; k < MODEL_BASIS_TERMS && from != NULL; k++) {
        memset(c[k], 0, (family->terms >> k & 1U) == 1U ? 0 : sizeof c[k]);
    }
    if (from != NULL) {
        return;
    }
    const bool is_among = (family->terms & BIT(REWARDED)) != 0;
    for (uint32_t i = 0; i < f->start.policy.n; i++) {
        const double a = c[MODEL_BASIS_REWARDED][i];
        c[MODEL_BASIS_REWARDED][i] = is_among ? a : 0.0;
        c[MODEL_BASIS_PREDICT_MAX][i] = family->terms == BIT(PREDICT_MAX) ? a : 0.0;
        c[MODEL_BASIS_REWARD_MAX][i] = family->terms == BIT(REWARD_MAX) ? a : 0.0;
    }
}

/* The quadratic about f->found, of what is free and told of. */
static void make_quadratic(struct fitting *f, const struct fit_basis_family *family)
{
    model_posterior *p = &f->posterior;
    const model_scoring *at = &f->found;
    p->m = 0;
    for (size_t i = 0; i < f->m; i++) {
        if (!is_free(f, family, i) || !(at->information[i * f->m + i] > 0.0)) {
            continue;
        }
        p->is_variance[p->m] = f->list[i].kind > MODEL_PARAMETER_PRIOR_MEAN;
        prior_of(f, family, i, &p->mean[p->m], &p->sd[p->m]);
        f->place[p->m++] = i;
    }
    for (size_t a = 0; a < p->m; a++) {
        p->linear[a] = f->temper * at->score[f->place[a]];
        for (size_t b = 0; b < p->m; b++) {
            const size_t i = f->place[a > b ? a : b];
            const size_t j = f->place[a > b ? b : a];
            const double h = f->temper * at->information[i * f->m + j];
            p->information[a * p->m + b] = h;
            p->linear[a] += h * at->values[f->place[b]];
        }
    }
}

/* The log likelihood, the prior there, and how much of the prior the animals leave: what the draws
 * vary (Laplace). Noise and prior count as known: all families have them. */
static double log_evidence(const struct fitting *f)
{
    const model_posterior *p = &f->posterior;
    double sum = f->temper * f->found.log_likelihood;
    size_t own[MAX];
    size_t n = 0;
    for (size_t a = 0; a < p->m; a++) {
        if (is_own(f, f->place[a])) {
            const double away = f->found.values[f->place[a]] - p->mean[a];
            sum -= log(p->sd[a]) + 0.5 * away * away / (p->sd[a] * p->sd[a]);
            own[n++] = a;
        }
    }
    return sum + model_posterior_log_volume(p->m, FIT_BASIS_DRAWS, f->drawn, n, own);
}

/* Every parameter of the rule in each draw. */
static void keep_draws(const struct fitting *f, const model_scoring_config *config, double kept[])
{
    for (size_t k = 0; k < FIT_BASIS_DRAWS; k++) {
        double *to = &kept[k * f->n_rule];
        memcpy(to, f->found.values, f->n_rule * sizeof to[0]);
        for (size_t a = 0; a < f->posterior.m; a++) {
            const size_t i = f->place[a];
            if (i < f->n_rule) {
                to[i] =
                    fmin(fmax(f->drawn[k * f->posterior.m + a], config->least[i]), config->most[i]);
            }
        }
    }
}

/* What the quadratic says that the log likelihood at values is above that at the summit: at most 0,
 * but for a slope at a bound, or where the climb gave up. */
static double expected_rise(const struct fitting *f, const double values[])
{
    const model_scoring *at = &f->found;
    double sum = 0.0;
    for (size_t i = 0; i < f->m; i++) {
        const double d = values[i] - at->values[i];
        sum += d * (at->score[i] - 0.5 * d * at->information[i * f->m + i]);
        for (size_t j = 0; j < i; j++) {
            sum -= d * (values[j] - at->values[j]) * at->information[i * f->m + j];
        }
    }
    return sum;
}

/* A rule can follow choices so delicately that every other one nearby fails: its summit is a
 * needle, of which the quadratic sees nothing. Nats by which draws explain the animals less than
 * the quadratic says, at the median, where that is much. */
static double find_doubt(struct fitting *f, const model_params *params)
{
    double less[DOUBT_DRAWS];
    for (size_t k = 0; k < DOUBT_DRAWS; k++) {
        const double *draw = &f->drawn[k * FIT_BASIS_DRAWS / DOUBT_DRAWS * f->posterior.m];
        model_params drawn = *params;
        double values[MAX];
        memcpy(values, f->found.values, f->m * sizeof values[0]);
        for (size_t a = 0; a < f->posterior.m; a++) {
            values[f->place[a]] = draw[a];
        }
        model_likelihood_decode(values, &drawn);
        less[k] = f->temper * (f->found.log_likelihood + expected_rise(f, values) -
                               fit_scoring_log_likelihood(&f->scoring, &drawn));
    }
    model_percentile_sort(DOUBT_DRAWS, less);
    const double median = model_percentile(DOUBT_DRAWS, less, 0.5);
    return median > DOUBT_LITTLE ? median : 0.0;
}

/* What a climb of a family goes by. */
static void configure_family(const struct fitting *f, const struct fit_basis_family *family,
                             model_scoring_config *config)
{
    fit_scoring_configure(&f->scoring.options, &family->params, f->temper, config);
    for (size_t i = 0; i < f->m; i++) {
        config->is_held[i] = !is_free(f, family, i);
        if (is_own(f, i) && !config->is_held[i]) {
            double sd;
            prior_of(f, family, i, &config->mean[i], &sd);
            config->precision[i] = 1.0 / (sd * sd);
        }
    }
}

/* The same climb with a memory that is long at first: there can be a summit where it is short and
 * one where it is long. */
static int climb_from_long(struct fitting *f, model_params start, model_params *params,
                           const model_scoring_config *config, struct fault *fault)
{
    for (uint32_t i = 0; i < start.policy.n; i++) {
        start.rule.decay[i] = LONG_DECAY;
    }
    start.rule.memory = LONG_DECAY;
    const int rc = fit_scoring_climb(&f->scoring, &start, config, &f->other, fault);
    if (rc == FAULT_NONE && !f->scoring.is_stopped && f->other.objective > f->found.objective) {
        f->found = f->other;
        *params = start;
    }
    return rc;
}

/* Fits a family whose terms are set, and draws; from: where it starts, NULL: at reinforce. */
static int fit_terms(struct fitting *f, struct fit_basis_family *family, double kept[],
                     const struct fit_basis_family *from, struct fault *fault)
{
    const uint32_t remembers = family->terms & (MEMORY | BIT(TRACE));
    const bool is_new = remembers != 0 && (from == NULL || (from->terms & remembers) != remembers);
    model_scoring_config config;
    if (f->scoring.is_stopped) {
        return FAULT_NONE;
    }
    start_family(f, from, family);
    configure_family(f, family, &config);
    const model_params start = family->params;
    int rc = fit_scoring_climb(&f->scoring, &family->params, &config, &f->found, fault);
    if (rc == FAULT_NONE && is_new && !f->scoring.is_stopped) {
        rc = climb_from_long(f, start, &family->params, &config, fault);
    }
    if (rc != FAULT_NONE || f->scoring.is_stopped) {
        return rc;
    }
    make_quadratic(f, family);
    if (model_posterior_draw(&f->posterior, f->scoring.options.seed, FIT_BASIS_DRAWS, f->drawn) !=
        MODEL_OK) {
        return fault_set(fault, FAULT_WORK, "what the animals leave unknown cannot be computed");
    }
    family->log_likelihood = f->found.log_likelihood;
    family->log_evidence = log_evidence(f);
    family->n_own = 0;
    for (size_t a = 0; a < f->posterior.m; a++) {
        family->n_own += is_own(f, f->place[a]) ? 1 : 0;
    }
    keep_draws(f, &config, kept);
    family->doubt = remembers != 0 ? find_doubt(f, &family->params) : 0.0;
    family->log_evidence -= family->doubt;
    return FAULT_NONE;
}

/* Where the draws of a family are kept. */
static double *kept_of(const struct fitting *f, uint32_t number)
{
    return &f->kept[(size_t)number * FIT_BASIS_DRAWS * f->n_rule];
}

/* Adds a family to the result. */
static int fit_family(struct fitting *f, const char *name, uint32_t terms, double prior,
                      const struct fit_basis_family *from, struct fault *fault)
{
    const uint32_t number = f->result->n_families;
    struct fit_basis_family *family = &f->result->family[number];
    *family = (struct fit_basis_family){.terms = terms, .prior = prior};
    (void)snprintf(family->name, sizeof family->name, "%s", name);
    const int rc = fit_terms(f, family, kept_of(f, number), from, fault);
    f->result->n_families += rc == FAULT_NONE && !f->scoring.is_stopped ? 1 : 0;
    return rc;
}

/* ---- all of them ---- */

/* The family with the most evidence and prior chance so far. */
static uint32_t find_best(const struct fit_basis_result *r)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < r->n_families; i++) {
        const struct fit_basis_family *a = &r->family[i];
        const struct fit_basis_family *b = &r->family[best];
        best = a->log_evidence + log(a->prior) > b->log_evidence + log(b->prior) ? i : best;
    }
    return best;
}

/* How far animals share their draws, by the rule that explains them best of those with one rate:
 * under a wrong one they seem to. p: reinforce, found. */
static int find_shared(struct fitting *f, const model_params *p, struct fault *fault)
{
    static const model_rule_kind OTHERS[] = {MODEL_RULE_PREDICT_MAX, MODEL_RULE_REWARD_MAX};
    double most = f->found.log_likelihood;
    model_params best = *p;
    int rc = FAULT_NONE;
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0] && rc == FAULT_NONE; i++) {
        model_params other = *p;
        model_scoring_config config;
        other.rule.kind = OTHERS[i];
        fit_scoring_configure(&f->scoring.options, &other, 1.0, &config);
        rc = fit_scoring_climb(&f->scoring, &other, &config, &f->other, fault);
        if (rc == FAULT_NONE && !f->scoring.is_stopped && f->other.log_likelihood > most) {
            most = f->other.log_likelihood;
            best = other;
        }
    }
    if (rc == FAULT_NONE && !f->scoring.is_stopped) {
        f->result->shared = fit_scoring_shared(&f->scoring, &best);
        f->temper = f->result->shared > FIT_SCORING_SHARED_OF_NOTE ? 1.0 / f->result->shared : 1.0;
    }
    return rc;
}

/* Noise, prior, the scale of steps and how far animals share their draws. */
static int fit_reinforce(struct fitting *f, struct fault *fault)
{
    model_params *p = &f->start;
    model_scoring_config config;
    p->rule = (model_rule){.kind = MODEL_RULE_REINFORCE};
    for (uint32_t i = 0; i < p->policy.n; i++) {
        p->rule.rate[i] = MODEL_FILE_RATE;
    }
    fit_scoring_configure(&f->scoring.options, p, 1.0, &config);
    int rc = fit_scoring_climb_twice(&f->scoring, p, &config, &f->found, &f->other, fault);
    if (rc != FAULT_NONE || f->scoring.is_stopped) {
        return rc;
    }
    rc = find_shared(f, p, fault);
    f->rate = RATE_LEAST;
    for (uint32_t i = 0; i < p->policy.n; i++) {
        f->rate = fmax(f->rate, fabs(p->rule.rate[i]));
    }
    model_rule_as_basis(&p->rule, p->policy.n, &p->rule);
    f->m = model_likelihood_list(p, f->list);
    while (f->n_rule < f->m && is_own(f, f->n_rule)) {
        f->n_rule++;
    }
    return rc;
}

static bool is_asked_for(const struct fitting *f, model_rule_kind rule)
{
    const uint32_t families = f->scoring.options.families;
    return families == 0 || (families >> rule & 1U) == 1U;
}

/* By how well a family explains the animals, less the number of its parameters (Akaike 1974). */
static double merit_of(const struct fitting *f, const struct fit_basis_family *family)
{
    return f->temper * family->log_likelihood - (double)family->n_own - family->doubt;
}

/* The families that intervals are of, but for that of all terms. */
static int fit_wide(struct fitting *f, const struct fit_basis_family *from, struct fault *fault)
{
    int rc = FAULT_NONE;
    for (uint32_t i = 0; i < N_WIDE && rc == FAULT_NONE && !f->scoring.is_stopped; i++) {
        f->wide[i] = (struct fit_basis_family){.terms = WIDE[i]};
        rc = fit_terms(f, &f->wide[i], kept_of(f, FIT_BASIS_FAMILIES_MAX + i),
                       i == 0 ? from : &f->wide[0], fault); /* the first is in all others */
        f->n_wide += rc == FAULT_NONE && !f->scoring.is_stopped ? 1 : 0;
    }
    return rc;
}

/* All terms, from the best of what was fitted: it holds all of them. */
static int fit_whole(struct fitting *f, struct fault *fault)
{
    const struct fit_basis_result *r = f->result;
    const struct fit_basis_family *best = NULL;
    for (uint32_t i = 0; i < r->n_families + f->n_wide; i++) {
        const struct fit_basis_family *family =
            i < r->n_families ? &r->family[i] : &f->wide[i - r->n_families];
        best = best == NULL || merit_of(f, family) > merit_of(f, best) ? family : best;
    }
    return fit_family(f, model_rule_name(MODEL_RULE_BASIS), ALL_TERMS, ALL_PRIOR, best, fault);
}

static bool has_family(const struct fit_basis_result *r, uint32_t terms)
{
    bool has = false;
    for (uint32_t i = 0; i < r->n_families; i++) {
        has = has || r->family[i].terms == terms;
    }
    return has;
}

/* The best so far with one thing added, the families that intervals are of, and all terms. */
static int fit_larger(struct fitting *f, struct fault *fault)
{
    int rc = FAULT_NONE;
    const bool has_plain = f->result->n_families > 0;
    const struct fit_basis_family plain = f->result->family[find_best(f->result)];
    for (size_t i = 0; i < N_ADDED && rc == FAULT_NONE && has_plain; i++) {
        char name[FIT_BASIS_NAME_BYTES];
        const uint32_t terms = plain.terms | ADDED[i].terms;
        (void)snprintf(name, sizeof name, "%.24s + %.16s", plain.name, ADDED[i].name);
        if (!has_family(f->result, terms)) {
            rc = fit_family(f, name, terms, ADDED[i].prior, &plain, fault);
        }
    }
    rc = rc ? rc : fit_wide(f, has_plain ? &plain : NULL, fault);
    return rc == FAULT_NONE && !f->scoring.is_stopped ? fit_whole(f, fault) : rc;
}

static int fit_families(struct fitting *f, struct fault *fault)
{
    int rc = FAULT_NONE;
    for (size_t i = 0; i < N_PLAIN && rc == FAULT_NONE; i++) {
        if (is_asked_for(f, PLAIN[i].rule)) {
            rc = fit_family(f, model_rule_name(PLAIN[i].rule), PLAIN[i].terms, PLAIN[i].prior, NULL,
                            fault);
        }
    }
    return rc == FAULT_NONE && is_asked_for(f, MODEL_RULE_BASIS) ? fit_larger(f, fault) : rc;
}

/* The chance of each family, and so many of its draws; the rule is the mean of these. */
static void mix_families(struct fitting *f, model_params *params)
{
    struct fit_basis_result *r = f->result;
    double share[FIT_BASIS_FAMILIES_MAX];
    const double *kept[FIT_BASIS_FAMILIES_MAX];
    double mean[MAX] = {0.0};
    r->best = find_best(r);
    r->n_rule = f->n_rule;
    for (uint32_t i = 0; i < r->n_families; i++) {
        share[i] = r->family[i].log_evidence + log(r->family[i].prior);
        kept[i] = kept_of(f, i);
    }
    family_mix_normalise(r->n_families, share);
    for (uint32_t i = 0; i < r->n_families; i++) {
        r->family[i].posterior = share[i];
    }
    family_mix_draws(r->n_families, share, kept, FIT_BASIS_DRAWS, f->n_rule, r->draws);
    for (size_t k = 0; k < (size_t)FIT_BASIS_DRAWS * f->n_rule; k++) {
        mean[k % f->n_rule] += r->draws[k] / FIT_BASIS_DRAWS;
    }
    const struct fit_basis_family *best = &r->family[r->best];
    model_likelihood_encode(&best->params, f->found.values);
    memcpy(f->found.values, mean, f->n_rule * sizeof mean[0]);
    *params = best->params;
    model_likelihood_decode(f->found.values, params);
}

/* Draws of the wide families and of all terms instead, each by its merit. */
static void mix_wide(struct fitting *f)
{
    struct fit_basis_result *r = f->result;
    double share[N_WIDE + 1];
    const double *kept[N_WIDE + 1];
    const uint32_t whole = r->n_families - 1;
    for (uint32_t i = 0; i < f->n_wide; i++) {
        share[i] = merit_of(f, &f->wide[i]);
        kept[i] = kept_of(f, FIT_BASIS_FAMILIES_MAX + i);
    }
    share[f->n_wide] = merit_of(f, &r->family[whole]);
    kept[f->n_wide] = kept_of(f, whole);
    family_mix_normalise(f->n_wide + 1, share);
    family_mix_draws(f->n_wide + 1, share, kept, FIT_BASIS_DRAWS, f->n_rule, r->draws);
}

static int fit_all(struct fitting *f, model_params *params, struct fault *fault)
{
    int rc = fit_reinforce(f, fault);
    if (rc == FAULT_NONE && !f->scoring.is_stopped) {
        f->kept = calloc((size_t)(FIT_BASIS_FAMILIES_MAX + N_WIDE) * FIT_BASIS_DRAWS * f->n_rule,
                         sizeof *f->kept);
        rc = f->kept != NULL ? fit_families(f, fault)
                             : fault_set(fault, FAULT_WORK, "no memory for the fit");
    }
    if (rc == FAULT_NONE && !f->scoring.is_stopped) {
        mix_families(f, params);
        if (f->n_wide > 0) {
            mix_wide(f);
        }
    }
    free(f->kept);
    return rc;
}

int fit_basis_fit(model_params *params, const struct fit_scoring_options *options,
                  struct fit_basis_result *result, struct fault *fault)
{
    memset(result, 0, sizeof *result);
    struct fitting *f = calloc(1, sizeof *f);
    double *drawn = calloc((size_t)FIT_BASIS_DRAWS * MAX, sizeof *drawn);
    result->draws = calloc((size_t)FIT_BASIS_DRAWS * MAX, sizeof *result->draws);
    int rc = f != NULL && drawn != NULL && result->draws != NULL
                 ? fit_scoring_open(&f->scoring, options, PASSES_EXPECTED, fault)
                 : fault_set(fault, FAULT_WORK, "no memory for the fit");
    if (rc == FAULT_NONE) {
        f->result = result;
        f->temper = 1.0;
        f->drawn = drawn;
        f->start = *params;
        rc = fit_all(f, params, fault);
        result->is_stopped = f->scoring.is_stopped;
        fit_scoring_close(&f->scoring);
    }
    free(drawn);
    free(f);
    return rc;
}

void fit_basis_free(struct fit_basis_result *result)
{
    free(result->draws);
    *result = (struct fit_basis_result){0};
}
