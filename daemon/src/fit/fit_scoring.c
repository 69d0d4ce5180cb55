#include "fit_scoring.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS_MAX = 64, MAX = MODEL_LIKELIHOOD_MAX };

static const double VARIANCE_OF_NOTE = 1e-9;

struct fit_scoring_shard {
    model_likelihood sums;
    double score[MAX];
    double information[MAX * MAX];
    bool is_finite;
};

int fit_scoring_open(struct fit_scoring *f, const struct fit_scoring_options *options,
                     uint32_t n_expected, struct fault *fault)
{
    const uint32_t n = options->view->n;
    *f = (struct fit_scoring){
        .options = *options, .n_shards = n < SHARDS_MAX ? n : SHARDS_MAX, .n_expected = n_expected};
    f->shards = calloc(f->n_shards, sizeof *f->shards);
    return f->shards != NULL
               ? FAULT_NONE
               : fault_set(fault, FAULT_WORK, "no memory for the fit of %u animals", (unsigned)n);
}

void fit_scoring_close(struct fit_scoring *f)
{
    free(f->shards);
    memset(f, 0, sizeof *f);
}

/* The animals of shard number s are from..to-1. */
static uint32_t first_of(const struct fit_scoring *f, size_t s)
{
    return (uint32_t)((uint64_t)f->options.view->n * s / f->n_shards);
}

static void run_shard(void *context, size_t number)
{
    struct fit_scoring *f = context;
    struct fit_scoring_shard *shard = &f->shards[number];
    model_parameter list[MAX];
    shard->sums = (model_likelihood){0};
    shard->is_finite = true;
    if (!f->is_plain) {
        const size_t m = model_likelihood_list(&f->params, list);
        memset(shard->score, 0, m * sizeof shard->score[0]);
        memset(shard->information, 0, m * m * sizeof shard->information[0]);
        shard->sums = (model_likelihood){
            .score = shard->score, .information = shard->information, .is_held = f->is_held};
    }
    for (uint32_t i = first_of(f, number); i < first_of(f, number + 1) && shard->is_finite; i++) {
        shard->is_finite =
            model_likelihood_add(&f->params, &f->options.view->animals[i], &shard->sums);
    }
}

static void run_all(struct fit_scoring *f)
{
    if (f->options.team != NULL) {
        thread_pool_run(f->options.team, run_shard, f, f->n_shards);
        return;
    }
    for (uint32_t s = 0; s < f->n_shards; s++) {
        run_shard(f, s);
    }
}

/* Of a shard's sums, without what is held, to those of all m parameters. */
static void add_shard(const struct fit_scoring *f, const struct fit_scoring_shard *shard, size_t m,
                      model_likelihood *sums)
{
    size_t place[MAX];
    size_t n = 0;
    for (size_t i = 0; i < m; i++) {
        if (!f->is_held[i]) {
            place[n++] = i;
        }
    }
    for (size_t a = 0; a < n; a++) {
        sums->score[place[a]] += shard->score[a];
        for (size_t b = 0; b <= a; b++) {
            sums->information[place[a] * m + place[b]] += shard->information[a * n + b];
        }
    }
}

static bool evaluate(void *context, const double values[], model_likelihood *sums)
{
    struct fit_scoring *f = context;
    model_parameter list[MAX];
    const double done = (double)f->n_passes / (double)(f->n_passes + f->n_expected);
    f->is_stopped =
        f->is_stopped || (f->options.tell != NULL && !f->options.tell(f->options.context, done));
    if (f->is_stopped) {
        return false;
    }
    model_likelihood_decode(values, &f->params);
    const size_t m = model_likelihood_list(&f->params, list);
    f->n_passes++;
    run_all(f);
    bool is_finite = true;
    for (uint32_t s = 0; s < f->n_shards; s++) {
        const struct fit_scoring_shard *shard = &f->shards[s];
        is_finite = is_finite && shard->is_finite;
        sums->log_likelihood += shard->sums.log_likelihood;
        add_shard(f, shard, m, sums);
    }
    return is_finite;
}

void fit_scoring_wide_prior(model_parameter_kind kind, double *mean, double *sd)
{
    static const double RATE_SD = 1.0;
    static const double BASELINE_SD = 2.0;
    static const double DECAY_MEAN = 1.4; /* logit of 0.8: five trials */
    static const double DECAY_SD = 1.5;
    static const double PRIOR_MEAN_SD = 5.0;
    const bool is_decay = kind == MODEL_PARAMETER_DECAY || kind == MODEL_PARAMETER_MEMORY;
    *mean = is_decay ? DECAY_MEAN : 0.0;
    *sd = is_decay                             ? DECAY_SD
          : kind == MODEL_PARAMETER_PRIOR_MEAN ? PRIOR_MEAN_SD
          : kind == MODEL_PARAMETER_BASELINE   ? BASELINE_SD
                                               : RATE_SD;
}

bool fit_scoring_is_stated(const struct fit_scoring_options *options, model_parameter_kind kind)
{
    return (kind == MODEL_PARAMETER_PRIOR_MEAN && options->is_start_stated) ||
           (kind == MODEL_PARAMETER_PRIOR_VAR && options->is_start_sd_stated);
}

static double least_of(model_parameter_kind kind)
{
    return kind == MODEL_PARAMETER_PRIOR_VAR   ? FIT_SCORING_PRIOR_VAR_LEAST
           : kind == MODEL_PARAMETER_DRIFT_VAR ? FIT_SCORING_DRIFT_VAR_LEAST
                                               : -(double)INFINITY;
}

void fit_scoring_configure(const struct fit_scoring_options *options, const model_params *params,
                           double temper, model_scoring_config *config)
{
    model_parameter list[MAX];
    const size_t m = model_likelihood_list(params, list);
    model_scoring_config_init(config, params);
    config->temper = temper;
    for (size_t i = 0; i < m; i++) {
        config->is_held[i] = fit_scoring_is_stated(options, list[i].kind);
        if (!config->is_held[i]) {
            config->least[i] = fmax(config->least[i], least_of(list[i].kind));
        }
    }
    for (size_t i = 0; i < m && list[i].kind <= MODEL_PARAMETER_PRIOR_MEAN; i++) {
        double sd;
        fit_scoring_wide_prior(list[i].kind, &config->mean[i], &sd);
        config->precision[i] = 1.0 / (sd * sd);
    }
}

static int ended(const struct fit_scoring *f, int status, const model_params *params,
                 struct fault *fault)
{
    return status == MODEL_OK || f->is_stopped
               ? FAULT_NONE
               : fault_set(fault, FAULT_WORK, "the likelihood of rule %s is not finite",
                           model_rule_name(params->rule.kind));
}

int fit_scoring_climb(struct fit_scoring *f, model_params *params,
                      const model_scoring_config *config, model_scoring *out, struct fault *fault)
{
    double values[MAX];
    f->params = *params;
    f->is_held = config->is_held;
    model_likelihood_encode(params, values);
    int rc = ended(f, model_scoring_start(out, config, values, evaluate, f), params, fault);
    while (rc == FAULT_NONE && !f->is_stopped && !out->is_done) {
        rc = ended(f, model_scoring_step(out, config, evaluate, f), params, fault);
    }
    if (rc == FAULT_NONE) {
        model_likelihood_decode(out->values, params);
    }
    return rc;
}

static bool has_noise(const model_params *params)
{
    bool has = false;
    for (uint32_t i = 0; i < params->policy.n; i++) {
        has = has || params->noise.drift_var[i] > FIT_SCORING_DRIFT_VAR_LEAST ||
              params->noise.session_var[i] > 0.0;
    }
    return has;
}

int fit_scoring_climb_twice(struct fit_scoring *f, model_params *params,
                            const model_scoring_config *config, model_scoring *out,
                            model_scoring *other, struct fault *fault)
{
    int rc = fit_scoring_climb(f, params, config, out, fault);
    if (rc != FAULT_NONE || f->is_stopped || !has_noise(params)) {
        return rc;
    }
    model_params still = *params;
    memset(still.noise.drift_var, 0, sizeof still.noise.drift_var);
    memset(still.noise.session_var, 0, sizeof still.noise.session_var);
    rc = fit_scoring_climb(f, &still, config, other, fault);
    if (rc == FAULT_NONE && !f->is_stopped && other->objective > out->objective) {
        *params = still;
        *out = *other;
    }
    return rc;
}

double fit_scoring_log_likelihood(struct fit_scoring *f, const model_params *params)
{
    double sum = 0.0;
    bool is_finite = true;
    f->params = *params;
    f->is_plain = true;
    run_all(f);
    f->is_plain = false;
    for (uint32_t s = 0; s < f->n_shards; s++) {
        is_finite = is_finite && f->shards[s].is_finite;
        sum += f->shards[s].sums.log_likelihood;
    }
    return is_finite ? sum : -(double)INFINITY;
}

double fit_scoring_shared(struct fit_scoring *f, const model_params *params)
{
    model_parameter list[MAX];
    bool is_used[MAX];
    double values[MAX];
    size_t longest = 0;
    const size_t m = model_likelihood_list(params, list);
    model_likelihood_encode(params, values);
    for (size_t i = 0; i < m; i++) {
        double least;
        double most;
        model_likelihood_bounds(&list[i], &least, &most);
        is_used[i] = values[i] > least + VARIANCE_OF_NOTE && values[i] < most;
    }
    for (uint32_t i = 0; i < f->options.view->n; i++) {
        const size_t n = f->options.view->animals[i].n_trials;
        longest = n > longest ? n : longest;
    }
    struct fit_scoring_shard *shard = &f->shards[0];
    double *by_trial = calloc(longest * m + 1, sizeof *by_trial);
    double shared = (double)NAN;
    if (by_trial != NULL) {
        memset(shard, 0, sizeof *shard);
        shard->sums = (model_likelihood){.score = shard->score,
                                         .information = shard->information,
                                         .by_trial = by_trial,
                                         .n_by_trial = longest};
        bool is_finite = true;
        for (uint32_t i = 0; i < f->options.view->n && is_finite; i++) {
            is_finite = model_likelihood_add(params, &f->options.view->animals[i], &shard->sums);
        }
        shared = is_finite ? model_likelihood_shared(m, is_used, &shard->sums) : shared;
    }
    free(by_trial);
    return shared;
}
