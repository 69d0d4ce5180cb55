#include "review_tally.h"

#include <math.h>

#include "model/bootstrap.h"
#include "model/trial.h"

double review_tally_judge(int choice, double reward, int side, double stimulus)
{
    if (choice < 0) {
        return (double)NAN;
    }
    if (!isnan(reward)) {
        return reward;
    }
    const int right = model_trial_side((int8_t)side, stimulus);
    return right < 0 ? (double)NAN : choice == right ? 1.0 : 0.0;
}

void review_tally_push(struct review_tally *to, const struct review_trial *t)
{
    to->trials++;
    to->no_gos += t->choice < 0 ? 1 : 0;
    to->healed += t->status == SESSION_OUTCOME_HEALED ? 1 : 0;
    to->late += t->status == SESSION_OUTCOME_LATE || t->status == SESSION_OUTCOME_DOUBTED ? 1 : 0;
    if (!isnan(t->correct)) {
        to->judged++;
        to->correct += t->correct;
    }
    if (!isnan(t->p_right)) {
        model_score_push_nats(&to->score, t->p_right, t->nats, t->baseline_nats, t->choice == 1);
        model_score_push_bin(&to->score, &t->bin);
    }
    if (t->latency_ns >= 0) {
        histogram_push(&to->latency, t->latency_ns);
    }
}

double review_accuracy(const struct review_tally *tally)
{
    return tally->judged > 0 ? tally->correct / (double)tally->judged : (double)NAN;
}

double review_gain(const struct review_tally *tally)
{
    return model_score_mean_baseline_nats(&tally->score) - model_score_mean_nats(&tally->score);
}

struct review_interval review_bootstrap(const double *gains, const double *choices, size_t k,
                                        uint64_t stream)
{
    double means[REVIEW_RESAMPLES];
    model_random random;
    struct review_interval interval;
    model_random_seed(&random, REVIEW_SEED, stream);
    model_bootstrap_ratio(k, gains, choices, &random, REVIEW_RESAMPLES, means, &interval.lo,
                          &interval.hi);
    return interval;
}
