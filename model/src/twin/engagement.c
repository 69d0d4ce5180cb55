#include "model/engagement.h"

#include <math.h>
#include <string.h>

#include "checks.h"

enum {
    N_STATES = MODEL_ENGAGEMENT_STATES,
    N_OUT = MODEL_ENGAGEMENT_OUT,
    N_SIGNS = MODEL_ENGAGEMENT_SIGNS,
    N_QUANTILES = MODEL_ENGAGEMENT_QUANTILES,
    N_BINS = MODEL_ENGAGEMENT_BINS
};

_Static_assert(sizeof(model_engagement) ==
                   8 * (N_STATES + 3 + N_QUANTILES + 1 + N_OUT * (2 + N_SIGNS) + 1 + N_OUT + 2),
               "the state is compared and written bytewise: it must have no padding");

static const double LEVEL[N_QUANTILES] = {0.05, 0.25, 0.5, 0.75, 0.9, 0.97};
static const double SHARE[N_BINS] = {0.05, 0.20, 0.25, 0.25, 0.15, 0.07, 0.03};

/* Of a normal distribution whose quartiles are 1 apart. */
static const double NORMAL_QUANTILE[N_QUANTILES] = {-1.219, -0.5, 0.0, 0.5, 0.950, 1.394};
static const double NORMAL_DENSITY[N_QUANTILES] = {0.139, 0.429, 0.538, 0.429, 0.237, 0.092};

static const double RT_LEAST_S = 0.001;
static const double RT_FIRST_N = 8.0;    /* what the first reaction time counts for */
static const double RT_MEMORY_N = 150.0; /* what the quantiles count for at most */
static const double RT_SESSION_N = 10.0; /* the same when a session starts */
static const int64_t RT_USED_N = 20;     /* fewer tell nothing of an animal's speed */
static const double SPREAD_FIRST = 0.9;  /* between the quartiles of log(rt_s) */
static const double SPREAD_LEAST = 0.1;
static const double SPREAD_MOST = 3.0;
static const double NO_GO_FIRST_N = 50.0;
static const double NO_GO_MEMORY_N = 500.0;
static const double NO_GO_LEAST = 0.005;
static const double NO_GO_MOST = 0.3;
static const double ENGAGED_LEAST = 0.1; /* so that no animal is thought slow for ever */
static const double DETECTOR_MOST = 1e15;

void model_engagement_default(model_engagement_params *params)
{
    *params = (model_engagement_params){
        .start = {0.95, 0.04, 0.01},
        .move = {{0.981, 0.015, 0.004}, {0.12, 0.87, 0.01}, {0.05, 0.02, 0.93}},
        .slip = 0.02,
        .habit_trials = 10.0,
        .habit = 0.8,
        .no_go = 0.02,
        .no_go_away = 0.6,
        .rt_out = {0.02, 0.06, 0.115, 0.215, 0.23, 0.195, 0.165},
        .rt_weight = 0.8,
        .lapses = 0.1,
        .false_alarms = 1.0 / 5000.0,
    };
}

/* ---- evidence -------------------------------------------------------------------------------- */

static void forget_evidence(model_engagement *e)
{
    memset(e->detector, 0, sizeof e->detector);
    memset(e->score, 0, sizeof e->score);
    memset(e->sign, 0, sizeof e->sign);
    memset(e->stretch, 0, sizeof e->stretch);
    e->back = 0.0;
    e->is_out = 0;
}

static double e_value(const model_engagement *e)
{
    return (e->detector[0] + e->detector[1]) / N_OUT;
}

static int likelier(const model_engagement *e)
{
    return e->detector[1] > e->detector[0] ? 1 : 0;
}

/* Log-likelihood ratios of one trial, disengaged against engaged. */
struct ratios {
    double sign[N_OUT][N_SIGNS];
    double sum[N_OUT];
    double sound[N_OUT]; /* against an engaged animal that lapses now and then */
};

static double choice_ratio(const model_engagement *e, const model_engagement_params *params,
                           const model_engagement_trial *trial)
{
    const double p = (1.0 - params->slip) * trial->p_right + 0.5 * params->slip;
    const double q = 0.5 + params->habit * (e->habit - 0.5);
    return trial->choice == 1 ? log(q / p) : log((1.0 - q) / (1.0 - p));
}

static double no_go_ratio(const model_engagement *e, const model_engagement_params *params,
                          bool is_no_go)
{
    const double engaged = fmin(fmax(e->no_go, NO_GO_LEAST), NO_GO_MOST);
    return is_no_go ? log(params->no_go_away / engaged)
                    : log((1.0 - params->no_go_away) / (1.0 - engaged));
}

static double log_of(double rt_s)
{
    return log(fmax(rt_s, RT_LEAST_S));
}

static double rt_ratio(const model_engagement *e, const model_engagement_params *params,
                       double rt_s)
{
    if (isnan(rt_s) || e->n_rt < RT_USED_N) {
        return 0.0;
    }
    const double log_rt = log_of(rt_s);
    int bin = 0;
    while (bin < N_QUANTILES && log_rt > e->quantile[bin]) {
        bin++;
    }
    return params->rt_weight * log(params->rt_out[bin] / SHARE[bin]);
}

/* The mean of r / (1 - lapses + lapses r) is at most 1 over the trials of an engaged animal, and
 * still over those of one that lapses in that share of them. */
static double against_lapses(double log_ratio, double lapses)
{
    return log_ratio - log1p(lapses * expm1(log_ratio));
}

static struct ratios weigh_signs(const model_engagement *e, const model_engagement_params *params,
                                 const model_engagement_trial *trial)
{
    struct ratios r;
    const bool is_no_go = trial->choice < 0;
    const double choice = is_no_go ? 0.0 : choice_ratio(e, params, trial);
    const double rt = is_no_go ? 0.0 : rt_ratio(e, params, trial->rt_s);
    const double no_go[N_OUT] = {0.0, no_go_ratio(e, params, is_no_go)};
    for (int i = 0; i < N_OUT; i++) {
        r.sign[i][MODEL_ENGAGEMENT_CHOICE] = choice;
        r.sign[i][MODEL_ENGAGEMENT_RT] = rt;
        r.sign[i][MODEL_ENGAGEMENT_NO_GO] = no_go[i];
        r.sum[i] = choice + rt + no_go[i];
        r.sound[i] = against_lapses(r.sum[i], params->lapses);
    }
    return r;
}

static void gather_evidence(model_engagement *e, const struct ratios *r)
{
    for (int i = 0; i < N_OUT; i++) {
        e->detector[i] = fmin((1.0 + e->detector[i]) * exp(r->sound[i]), DETECTOR_MOST);
        if (e->score[i] <= 0.0) {
            e->score[i] = 0.0;
            e->stretch[i] = 0;
            memset(e->sign[i], 0, sizeof e->sign[i]);
        }
        e->score[i] += r->sound[i];
        e->stretch[i]++;
        for (int k = 0; k < N_SIGNS; k++) {
            e->sign[i][k] += r->sign[i][k];
        }
    }
}

static void judge(model_engagement *e, const model_engagement_params *params,
                  const struct ratios *r)
{
    const double enough = 1.0 / params->false_alarms;
    if (model_engagement_is_out(e)) {
        e->back = fmax(e->back, 0.0) - fmax(r->sound[0], r->sound[1]);
        if (e->back >= log(enough)) {
            forget_evidence(e);
        }
    } else if (e_value(e) >= enough) {
        e->is_out = 1;
    }
}

/* ---- states ---------------------------------------------------------------------------------- */

static void move_states(const model_engagement_params *params, double p[])
{
    double before[N_STATES];
    memcpy(before, p, sizeof before);
    for (int to = 0; to < N_STATES; to++) {
        p[to] = 0.0;
        for (int from = 0; from < N_STATES; from++) {
            p[to] += before[from] * params->move[from][to];
        }
    }
}

static void update_states(double p[], const struct ratios *r)
{
    double sum = p[0];
    for (int i = 0; i < N_OUT; i++) {
        p[i + 1] *= exp(r->sum[i]);
        sum += p[i + 1];
    }
    for (int i = 0; i < N_STATES; i++) {
        p[i] /= sum;
    }
}

/* ---- what an engaged animal is like ---------------------------------------------------------- */

/* Stochastic approximation of each quantile: steps of 1 / (n density). */
static void learn_rt(model_engagement *e, double log_rt, double weight)
{
    double *const q = e->quantile;
    if (e->n_rt == 0) {
        for (int i = 0; i < N_QUANTILES; i++) {
            q[i] = log_rt + SPREAD_FIRST * NORMAL_QUANTILE[i];
        }
        e->rt_n = RT_FIRST_N;
    }
    const double spread = fmin(fmax(q[3] - q[1], SPREAD_LEAST), SPREAD_MOST);
    for (int i = 0; i < N_QUANTILES; i++) {
        const double is_below = log_rt <= q[i] ? 1.0 : 0.0;
        q[i] += weight * spread * (LEVEL[i] - is_below) / (e->rt_n * NORMAL_DENSITY[i]);
        if (i > 0) {
            q[i] = fmax(q[i], q[i - 1]);
        }
    }
    e->rt_n = fmin(e->rt_n + 1.0, RT_MEMORY_N);
    e->n_rt++;
}

static void learn(model_engagement *e, const model_engagement_params *params,
                  const model_engagement_trial *trial, double weight)
{
    const bool is_no_go = trial->choice < 0;
    e->no_go_n = fmin(e->no_go_n + weight, NO_GO_MEMORY_N);
    e->no_go += weight * ((is_no_go ? 1.0 : 0.0) - e->no_go) / e->no_go_n;
    if (is_no_go) {
        return;
    }
    e->habit += ((double)trial->choice - e->habit) / params->habit_trials;
    if (!isnan(trial->rt_s)) {
        learn_rt(e, log_of(trial->rt_s), weight);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

void model_engagement_start_session(model_engagement *e, const model_engagement_params *params)
{
    memcpy(e->p, params->start, sizeof e->p);
    e->habit = 0.5;
    e->rt_n = fmin(e->rt_n, RT_SESSION_N);
    forget_evidence(e);
}

void model_engagement_init(model_engagement *e, const model_engagement_params *params)
{
    memset(e, 0, sizeof *e);
    e->no_go = params->no_go;
    e->no_go_n = NO_GO_FIRST_N;
    model_engagement_start_session(e, params);
}

int model_engagement_observe(model_engagement *e, const model_engagement_params *params,
                             const model_engagement_trial *trial)
{
    const bool rt_ok = isnan(trial->rt_s) || (trial->rt_s >= 0.0 && isfinite(trial->rt_s));
    if (!is_within(trial->p_right, 0.0, 1.0) || !rt_ok || trial->choice < -1 || trial->choice > 1) {
        return MODEL_ERR_ARG;
    }
    const struct ratios r = weigh_signs(e, params, trial);
    move_states(params, e->p);
    /* As thought before the trial: its own slowness must not keep it out of the quantiles. */
    const double engaged = fmax(e->p[MODEL_ENGAGEMENT_ENGAGED], ENGAGED_LEAST);
    update_states(e->p, &r);
    gather_evidence(e, &r);
    judge(e, params, &r);
    learn(e, params, trial, engaged);
    return MODEL_OK;
}

double model_engagement_p(const model_engagement *e)
{
    return fmin(e->p[MODEL_ENGAGEMENT_LAPSING] + e->p[MODEL_ENGAGEMENT_AWAY], 1.0);
}

bool model_engagement_is_out(const model_engagement *e)
{
    return e->is_out != 0;
}

void model_engagement_explain(const model_engagement *e, model_engagement_evidence *out)
{
    const int i = likelier(e);
    out->e_value = e_value(e);
    out->state = (model_engagement_state)(i + 1);
    out->trials = e->stretch[i];
    memcpy(out->nats, e->sign[i], sizeof out->nats);
}
