#include "model/score.h"

#include <math.h>

void model_score_reset(model_score *score)
{
    *score = (model_score){0};
}

double model_score_nats(double p_right, bool chose_right)
{
    return -log(model_policy_p_choice(p_right, chose_right));
}

void model_score_push_nats(model_score *score, double p_right, double nats, double baseline_nats,
                           bool chose_right)
{
    const double y = chose_right ? 1.0 : 0.0;
    const double error = p_right - y;
    int bin = (int)(p_right * MODEL_SCORE_BINS);
    bin = bin < MODEL_SCORE_BINS ? bin : MODEL_SCORE_BINS - 1;
    score->n++;
    score->n_hits += (p_right >= 0.5) == chose_right;
    score->nats += nats;
    score->baseline_nats += baseline_nats;
    score->brier += error * error;
    score->bin_n[bin]++;
    score->bin_p[bin] += p_right;
    score->bin_y[bin] += y;
}

void model_score_push_bin(model_score *score, const model_coverage_bin *bin)
{
    score->n_rates += bin->n;
    score->n_covered += bin->n_covered;
    score->found += bin->found;
    score->claimed += bin->claimed;
}

void model_score_add(model_score *score, const model_score *other)
{
    score->n += other->n;
    score->n_hits += other->n_hits;
    score->nats += other->nats;
    score->baseline_nats += other->baseline_nats;
    score->brier += other->brier;
    score->n_rates += other->n_rates;
    score->n_covered += other->n_covered;
    score->found += other->found;
    score->claimed += other->claimed;
    for (int i = 0; i < MODEL_SCORE_BINS; i++) {
        score->bin_n[i] += other->bin_n[i];
        score->bin_p[i] += other->bin_p[i];
        score->bin_y[i] += other->bin_y[i];
    }
}

static double mean(double sum, int64_t n)
{
    return n > 0 ? sum / (double)n : (double)NAN;
}

double model_score_mean_nats(const model_score *score)
{
    return mean(score->nats, score->n);
}

double model_score_mean_baseline_nats(const model_score *score)
{
    return mean(score->baseline_nats, score->n);
}

double model_score_mean_brier(const model_score *score)
{
    return mean(score->brier, score->n);
}

double model_score_accuracy(const model_score *score)
{
    return mean((double)score->n_hits, score->n);
}

double model_score_ece(const model_score *score)
{
    double sum = 0.0;
    for (int i = 0; i < MODEL_SCORE_BINS; i++) {
        sum += fabs(score->bin_y[i] - score->bin_p[i]);
    }
    return mean(sum, score->n);
}

double model_score_coverage(const model_score *score)
{
    return mean((double)score->n_covered, score->n_rates);
}

double model_score_interval_ratio(const model_score *score)
{
    return score->n_rates > 0 ? sqrt(fmax(score->found, 0.0) / score->claimed) : (double)NAN;
}
