#include "likelihood_kernel.h"

#include <math.h>
#include <string.h>

#include "filter.h"
#include "fit_filter.h"
#include "kernel_levels.h"
#include "rule_basis.h"
#include "rule_ops.h"

enum {
    LD = MODEL_LIKELIHOOD_MAX,
    LANES = 8,
    N_MAX = MODEL_WEIGHTS_MAX,
    PAIRS_MAX = N_MAX * (N_MAX + 1) / 2,
    OWN_MAX = MODEL_BASIS_STEPS + 3
};

typedef double row[LD]; /* derivatives by each parameter that is not held, then of those held */

/* Where the filter stands, and the derivatives of that. */
typedef struct {
    size_t n;
    size_t n_free;   /* parameters that are not held */
    size_t ld;       /* columns of a row: these and one for all held, rounded up to whole lanes */
    size_t slot[LD]; /* (m): the column of each */
    double w[N_MAX];
    double P[N_MAX][N_MAX];
    double trace[N_MAX];
    double memory;
    double memory_by_decay;
    row w_by[N_MAX];
    row P_by[PAIRS_MAX]; /* the lower triangle */
    row trace_by[N_MAX];
    double g[N_MAX];
    double Pg[N_MAX]; /* and v = g . Pg, of features at hand */
    double v;
    row Pg_by[N_MAX];
    row v_by;
    row logit_by; /* of w . g */
} belief;

/* A derivative of a rule's step by one of its own parameters. */
typedef struct {
    size_t at;
    double value;
    double slope;
    double trace;
} own_part;

/* What a rule makes of a trial for one weight: dw = value g + trace e, with e before the trial. */
typedef struct {
    double value;
    double slope; /* by p */
    double bend;  /* d slope / dp */
    double trace;
    size_t n_own;
    own_part own[OWN_MAX];
} weight_step;

#define EACH(k, b) for (size_t k = 0; k < (b)->ld; k++)

static inline double *pair(belief *b, size_t i, size_t j)
{
    return i >= j ? b->P_by[i * (i + 1) / 2 + j] : b->P_by[j * (j + 1) / 2 + i];
}

/* Features, and P g, v = g . P g and w . g with their derivatives. Returns w . g. */
static double look(belief *b, const model_fit_animal *animal, size_t trial)
{
    const size_t n = b->n;
    double mean = 0.0;
    for (size_t i = 0; i < n; i++) {
        b->g[i] = (double)animal->g[trial * n + i];
    }
    memset(b->v_by, 0, b->ld * sizeof(double));
    memset(b->logit_by, 0, b->ld * sizeof(double));
    b->v = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double gi = b->g[i];
        double *restrict by = b->Pg_by[i];
        b->Pg[i] = 0.0;
        memset(by, 0, b->ld * sizeof(double));
        for (size_t j = 0; j < n; j++) {
            const double gj = b->g[j];
            const double *restrict P_by = pair(b, i, j);
            b->Pg[i] += b->P[i][j] * gj;
            EACH(k, b) by[k] += P_by[k] * gj;
        }
        b->v += gi * b->Pg[i];
        mean += gi * b->w[i];
        EACH(k, b)
        {
            b->v_by[k] += gi * by[k];
            b->logit_by[k] += gi * b->w_by[i][k];
        }
    }
    return mean;
}

static void start(belief *b, const model_params *params, const likelihood_places *places,
                  const model_likelihood *sums)
{
    memset(b, 0, sizeof *b);
    b->n = params->policy.n;
    for (size_t i = 0; i < places->m; i++) {
        b->slot[i] = b->n_free;
        b->n_free += sums->is_held != NULL && sums->is_held[i] ? 0 : 1;
    }
    for (size_t i = 0; i < places->m && sums->is_held != NULL; i++) {
        b->slot[i] = sums->is_held[i] ? b->n_free : b->slot[i];
    }
    if (sums->score != NULL) {
        b->ld = (b->n_free + LANES) / LANES * LANES;
    }
    for (size_t i = 0; i < b->n; i++) {
        b->w[i] = params->noise.prior_mean[i];
        b->P[i][i] = params->noise.prior_var[i];
        b->w_by[i][b->slot[places->first[MODEL_PARAMETER_PRIOR_MEAN] + i]] = 1.0;
        pair(b, i, i)[b->slot[places->first[MODEL_PARAMETER_PRIOR_VAR] + i]] = 1.0;
    }
}

/* A rule with rates, and eligibility's trace split into this trial's part and the part before. */
static void see_rates(const model_rule *rule, const likelihood_places *places, size_t i,
                      rule_sight *seen, weight_step *s)
{
    const rule_ops *ops = rule_ops_of(rule->kind);
    const double a = rule->rate[i];
    const size_t rate = places->first[MODEL_PARAMETER_RATE] + i;
    seen->baseline = rule->baseline[i];
    const rule_term k = ops->term(seen);
    if (!ops->traits.has_trace) {
        *s = (weight_step){a * k.value, a * k.slope, a * k.bend, 0.0, .n_own = 1};
        s->own[0] = (own_part){rate, k.value, k.slope, 0.0};
        if (ops->traits.has_baseline) {
            s->own[s->n_own++] = (own_part){places->first[MODEL_PARAMETER_BASELINE] + i,
                                            a * k.value_by_baseline, a * k.slope_by_baseline, 0.0};
        }
        return;
    }
    const double l = rule->decay[i];
    const double r = k.gain;
    const double now = a * r * (1.0 - l);
    const double turn = a * r * l * (1.0 - l);
    *s = (weight_step){now * k.value, now * k.slope, now * k.bend, a * r * l, .n_own = 2};
    s->own[0] = (own_part){rate, r * (1.0 - l) * k.value, r * (1.0 - l) * k.slope, r * l};
    s->own[1] = (own_part){places->first[MODEL_PARAMETER_DECAY] + i, -turn * k.value,
                           -turn * k.slope, turn};
}

/* values: of the terms that multiply g; a memory's are m times those of the outcome alone. */
static void see_terms(const model_rule *rule, const likelihood_places *places, size_t i,
                      const belief *b, const rule_basis_value values[], double reward,
                      weight_step *s)
{
    const size_t first = places->first[MODEL_PARAMETER_COEFFICIENT] + i;
    own_part by_memory = {places->first[MODEL_PARAMETER_MEMORY], 0.0, 0.0, 0.0};
    *s = (weight_step){.trace = rule->coefficient[MODEL_BASIS_TRACE][i] * reward};
    for (size_t k = 0; k < MODEL_BASIS_STEPS; k++) {
        const double c = rule->coefficient[k][i];
        s->value += c * values[k].value;
        s->slope += c * values[k].slope;
        s->bend += c * values[k].bend;
        s->own[s->n_own++] = (own_part){first + k * b->n, values[k].value, values[k].slope, 0.0};
    }
    for (size_t o = 0; o < 2; o++) {
        const double c = rule->coefficient[MODEL_BASIS_REWARDED_MEMORY + o][i];
        by_memory.value += c * values[MODEL_BASIS_REWARDED + o].value * b->memory_by_decay;
        by_memory.slope += c * values[MODEL_BASIS_REWARDED + o].slope * b->memory_by_decay;
    }
    s->own[s->n_own++] = (own_part){first + MODEL_BASIS_TRACE * b->n, 0.0, 0.0, reward};
    s->own[s->n_own++] = by_memory;
}

/* w += dw and P = A P A', A = I + u g', of one weight: dw and u, and their derivatives. Returns u.
 */
static double step_weight(belief *b, size_t i, const weight_step *s, double p, double u_by[])
{
    const double spread = p * (1.0 - p);
    const double gi = b->g[i];
    const double per_logit = gi * s->slope * spread;
    const double u_per_logit = gi * spread * (s->bend * spread + s->slope * (1.0 - 2.0 * p));
    double *restrict w_by = b->w_by[i];
    const double *restrict e_by = b->trace_by[i];
    EACH(k, b)
    {
        w_by[k] += per_logit * b->logit_by[k] + s->trace * e_by[k];
        u_by[k] = u_per_logit * b->logit_by[k];
    }
    for (size_t o = 0; o < s->n_own; o++) {
        const own_part *part = &s->own[o];
        w_by[b->slot[part->at]] += gi * part->value + part->trace * b->trace[i];
        u_by[b->slot[part->at]] += gi * part->slope * spread;
    }
    b->w[i] += gi * s->value + s->trace * b->trace[i];
    return per_logit;
}

/* P = A P A' with A = I + u g'. */
static void spread_P(belief *b, const double u[], row u_by[])
{
    for (size_t i = 0; i < b->n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double *restrict d = pair(b, i, j);
            const double ui = u[i];
            const double uj = u[j];
            const double left = b->Pg[j] + b->v * uj;
            const double right = b->Pg[i] + b->v * ui;
            EACH(k, b)
            d[k] += u_by[i][k] * left + u_by[j][k] * right + ui * b->Pg_by[j][k] +
                    uj * b->Pg_by[i][k] + b->v_by[k] * ui * uj;
            b->P[i][j] += ui * b->Pg[j] + b->Pg[i] * uj + b->v * ui * uj;
            b->P[j][i] = b->P[i][j];
        }
    }
}

/* e <- l e + (1 - l) (y - p) g */
static void move_trace(belief *b, const model_rule *rule, const likelihood_places *places,
                       const rule_sight *seen)
{
    const double error = seen->choice - seen->p;
    const double spread = seen->p * (1.0 - seen->p);
    for (size_t i = 0; i < b->n; i++) {
        const double l = rule->decay[i];
        const double per_logit = -(1.0 - l) * b->g[i] * spread;
        const size_t decay = places->first[MODEL_PARAMETER_DECAY] + (places->has_one_decay ? 0 : i);
        EACH(k, b) b->trace_by[i][k] = l * b->trace_by[i][k] + per_logit * b->logit_by[k];
        b->trace_by[i][b->slot[decay]] += l * (1.0 - l) * (b->trace[i] - error * b->g[i]);
        b->trace[i] = l * b->trace[i] + (1.0 - l) * error * b->g[i];
    }
}

static void move_memory(belief *b, const model_rule *rule, double reward)
{
    const double l = rule->memory;
    const double now = 2.0 * reward - 1.0;
    b->memory_by_decay = l * b->memory_by_decay + l * (1.0 - l) * (b->memory - now);
    b->memory = l * b->memory + (1.0 - l) * now;
}

/* w_i <- (1 - f_i) w_i, and P with it. */
static void forget(belief *b, const model_rule *rule, const likelihood_places *places)
{
    const size_t first = places->first[MODEL_PARAMETER_COEFFICIENT] + MODEL_BASIS_FORGETTING * b->n;
    for (size_t i = 0; i < b->n; i++) {
        const double keep = 1.0 - rule->coefficient[MODEL_BASIS_FORGETTING][i];
        EACH(k, b) b->w_by[i][k] *= keep;
        b->w_by[i][b->slot[first + i]] -= b->w[i];
        b->w[i] *= keep;
        for (size_t j = 0; j < b->n; j++) {
            double *restrict d = pair(b, i, j);
            const double scale = i == j ? keep * keep : keep;
            const double scale_by = i == j ? -2.0 * keep : -1.0;
            EACH(k, b) d[k] *= scale;
            d[b->slot[first + i]] += scale_by * b->P[i][j];
            b->P[i][j] *= scale;
            b->P[j][i] = b->P[i][j];
        }
    }
}

/* The rule's step for the trial before this one. */
static void step_rule(belief *b, const model_params *params, const likelihood_places *places,
                      const fit_filter_trial *t)
{
    const model_rule *rule = &params->rule;
    const model_rule_traits *traits = model_rule_of(rule->kind);
    const model_rule_trial trial = fit_filter_last_trial(t, b->n, b->g);
    const double p = sigmoid_exact(look(b, t->animal, t->number - 1));
    rule_sight seen = rule_ops_see(&trial, p);
    rule_basis_value values[MODEL_BASIS_STEPS] = {{0.0, 0.0, 0.0}};
    double u[N_MAX];
    row u_by[N_MAX];
    if (traits->has_terms) {
        rule_basis_values(&seen, b->memory, fabs(trial.stimulus), values);
    }
    for (size_t i = 0; i < b->n; i++) {
        weight_step s;
        if (traits->has_terms) {
            see_terms(rule, places, i, b, values, seen.reward, &s);
        } else {
            see_rates(rule, places, i, &seen, &s);
        }
        u[i] = step_weight(b, i, &s, p, u_by[i]);
    }
    spread_P(b, u, u_by);
    if (traits->has_trace) {
        move_trace(b, rule, places, &seen);
    }
    if (traits->has_terms) {
        move_memory(b, rule, seen.reward);
        forget(b, rule, places);
    }
}

static void add_noise(belief *b, const model_noise *noise, const likelihood_places *places,
                      double n_steps, bool starts_session)
{
    for (size_t i = 0; i < b->n; i++) {
        b->P[i][i] += n_steps * noise->drift_var[i];
        pair(b, i, i)[b->slot[places->first[MODEL_PARAMETER_DRIFT_VAR] + i]] += n_steps;
        if (starts_session) {
            b->P[i][i] += noise->session_var[i];
            pair(b, i, i)[b->slot[places->first[MODEL_PARAMETER_SESSION_VAR] + i]] += 1.0;
        }
    }
}

/* The forecast meets the choice. */
static void judge(belief *b, double mean, bool chose_right, size_t trial, model_likelihood *sums)
{
    const size_t m = b->n_free;
    const double scale = 1.0 / sqrt(1.0 + FILTER_PI_OVER_8 * b->v);
    const double per_v = -0.5 * FILTER_PI_OVER_8 * mean * scale * scale * scale;
    const double margin = chose_right ? mean * scale : -mean * scale;
    const double p = sigmoid_exact(mean * scale);
    const double error = (chose_right ? 1.0 : 0.0) - p;
    row by;
    sums->log_likelihood -= log1p(exp(-fabs(margin))) + (margin < 0.0 ? -margin : 0.0);
    if (sums->score == NULL) {
        return;
    }
    EACH(k, b) by[k] = scale * b->logit_by[k] + per_v * b->v_by[k];
    for (size_t i = 0; i < m; i++) {
        const double weight = p * (1.0 - p) * by[i];
        double *restrict to = sums->information + i * m;
        sums->score[i] += error * by[i];
        for (size_t k = 0; k <= i; k++) {
            to[k] += weight * by[k];
        }
    }
    for (size_t i = 0; trial < sums->n_by_trial && i < m; i++) {
        sums->by_trial[trial * m + i] += error * by[i];
    }
}

static void measure(belief *b, model_filter filter, double mean, bool chose_right)
{
    const filter_slopes s = filter_slopes_of(filter, mean, b->v, chose_right);
    row residual_by;
    row gain_by;
    EACH(k, b)
    {
        residual_by[k] = s.by_mean.residual * b->logit_by[k] + s.by_var.residual * b->v_by[k];
        gain_by[k] = s.by_mean.gain * b->logit_by[k] + s.by_var.gain * b->v_by[k];
    }
    const double residual = s.pull.residual;
    const double gain = s.pull.gain;
    for (size_t i = 0; i < b->n; i++) {
        double *restrict w_by = b->w_by[i];
        EACH(k, b) w_by[k] += b->Pg_by[i][k] * residual + b->Pg[i] * residual_by[k];
        b->w[i] += b->Pg[i] * residual;
        for (size_t j = 0; j <= i; j++) {
            double *restrict d = pair(b, i, j);
            const double Pi = b->Pg[i];
            const double Pj = b->Pg[j];
            EACH(k, b)
            d[k] -= gain_by[k] * Pi * Pj + gain * (b->Pg_by[i][k] * Pj + Pi * b->Pg_by[j][k]);
            b->P[i][j] -= gain * Pi * Pj;
            b->P[j][i] = b->P[i][j];
        }
    }
}

static bool add(const model_params *params, const likelihood_places *places,
                const model_fit_animal *animal, model_likelihood *sums)
{
    belief b;
    start(&b, params, places, sums);
    const model_rule_traits *rule = model_rule_of(params->rule.kind);
    const bool moves = rule->has_rates || rule->has_terms;
    for (size_t t = 0; t < animal->n_trials; t++) {
        const bool chose_right = animal->chose_right[t] != 0;
        const fit_filter_trial trial = {animal, t, model_fit_inputs(params->rule.kind)};
        if (t > 0 && moves) {
            step_rule(&b, params, places, &trial);
        }
        add_noise(&b, &params->noise, places, (double)animal->n_steps[t],
                  t > 0 && animal->starts_session[t] != 0);
        const double mean = look(&b, animal, t);
        judge(&b, mean, chose_right, t, sums);
        measure(&b, params->filter, mean, chose_right);
    }
    return isfinite(sums->log_likelihood);
}

KERNEL_LEVEL(likelihood_kernel, add)
