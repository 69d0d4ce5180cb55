/* The chance of the next training status, against how often it came: simulated learners under IBL's
 * contrasts, whose rule and noise the model knows, forecast after each of their first sessions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "lookahead.h"
#include "model/forecast.h"
#include "model/random.h"
#include "model/virtual_mouse.h"

enum { SESSION = 450, SESSIONS = 14, BINS = 4, MOST_WITHIN = 5 };

static const double CONTRASTS[] = {1.0, 0.5, 0.25, 0.125, 0.0625, 0.0};
static const double EDGE[BINS] = {0.02, 0.3, 0.7, 1.01};

/* Of the forecasts that gave a chance below EDGE[bin] and not below the one before. */
struct bin {
    double n;
    double said;
    double came;
};

static struct bin bins[MODEL_FORECAST_WITHIN][BINS];
static model_bank_params params;

static void make_params(double rate)
{
    model_params learner;
    (void)model_params_built_in(&learner, "stimulus,bias");
    for (size_t i = 0; i < 2; i++) {
        learner.noise.prior_var[i] = 0.25;
        learner.noise.drift_var[i] = 1e-4;
        learner.noise.session_var[i] = 0.02;
        learner.rule.rate[i] = rate;
    }
    learner.rule.kind = MODEL_RULE_REINFORCE;
    model_bank_single(&params, &learner);
}

struct animal {
    model_virtual_mouse mouse;
    model_random rig;
    model_rate_grid pace;
    model_training_status tracker;
    struct lookahead_recent recent;
    model_ibl_criteria_status reached;
};

static void live_session(struct animal *a, int session)
{
    const model_training_status_session_info info = {MODEL_IBL_CRITERIA_PROTOCOL_TRAINING, false,
                                                     (double)NAN};
    model_virtual_mouse_start_session(&a->mouse, &params.member[0]);
    model_rate_grid_start_session(&a->pace, &params);
    model_training_status_start(&a->tracker, session, &info, NULL);
    lookahead_recent_start_session(&a->recent);
    for (int t = 0; t < SESSION; t++) {
        const double size = CONTRASTS[model_random_below(&a->rig, 6)];
        const int8_t side = (int8_t)model_random_below(&a->rig, 2);
        const double c = side == 1 ? size : -size;
        const bool right = model_virtual_mouse_choose(&a->mouse, &params.member[0], c);
        const model_trial trial = {c, right == (side == 1) ? 1.0 : 0.0, 0.5, right, side};
        if (model_virtual_mouse_learn(&a->mouse, &params.member[0], &trial) != MODEL_OK ||
            model_rate_grid_observe(&a->pace, &params, &trial) != MODEL_OK) {
            bench_die("a trial could not be taken up");
        }
        model_training_status_push(&a->tracker, &trial, 0.5);
        lookahead_recent_push(&a->recent, &trial, 0.5);
    }
    model_training_status_standing now;
    if (model_training_status_judge(&a->tracker, &now) == MODEL_OK) {
        a->reached = now.now.status > a->reached ? now.now.status : a->reached;
    }
}

/* reached[s]: after session s. */
static void count(const model_forecast_result *said, int session,
                  const model_ibl_criteria_status reached[])
{
    for (size_t k = 0; k < MODEL_FORECAST_WITHIN; k++) {
        const double p = said->p_within[k];
        size_t b = 0;
        while (p >= EDGE[b]) {
            b++;
        }
        bins[k][b].n++;
        bins[k][b].said += p;
        bins[k][b].came += reached[session + model_forecast_within(k)] >= said->next;
    }
}

static void follow(model_forecast *f, uint64_t number)
{
    static struct animal a;
    static model_forecast_result said[SESSIONS];
    model_ibl_criteria_status reached[SESSIONS + MOST_WITHIN] = {MODEL_IBL_CRITERIA_IN_TRAINING};
    bool is_asked[SESSIONS] = {false};
    model_rollout_tuning tuning;
    memset(&a, 0, sizeof a);
    model_rollout_tuning_init(&tuning);
    tuning.drift[0] = tuning.session[0] = 1.0; /* the animals' own */
    tuning.reversion[1] = 0.0;
    model_random_seed(&a.rig, 80, number);
    model_virtual_mouse_init(&a.mouse, &params.member[0], 81, number);
    model_rate_grid_init(&a.pace, &params);
    model_training_status_init(&a.tracker);
    for (int s = 0; s < SESSIONS + MOST_WITHIN; s++) {
        live_session(&a, s);
        reached[s] = a.reached;
        if (s < SESSIONS && a.reached < MODEL_IBL_CRITERIA_TRAINED_1B) {
            model_forecast_task task = {.tracker = &a.tracker};
            (void)lookahead_recent_task(&a.recent, &task);
            task.session_left = 0;
            if (model_forecast_start(f, &task, &a.pace, NULL, &tuning, number) != MODEL_OK) {
                bench_die("the forecast could not be started");
            }
            while (model_forecast_run(f, 1000000) == 1) {
            }
            said[s] = *model_forecast_result_of(f);
            is_asked[s] = true;
        }
    }
    for (int s = 0; s < SESSIONS; s++) {
        if (is_asked[s]) {
            count(&said[s], s, reached);
        }
    }
}

int main(int argc, char **argv)
{
    double animals = 60.0;
    double rollouts = 60.0;
    double rate = 1.0 / 200.0;
    const struct bench_option list[] = {
        {"animals", NULL, &animals, NULL, "how many (60)"},
        {"rollouts", NULL, &rollouts, NULL, "of each forecast (60)"},
        {"rate", NULL, &rate, NULL, "of learning (1/200)"},
    };
    bench_options(argc, argv, "Chances of the next training status against how often it came.",
                  list, 3);
    make_params(rate);
    model_forecast_config config;
    model_forecast_config_init(&config);
    config.n_rollouts = (uint32_t)rollouts;
    config.n_windows = 1;
    const size_t size = model_forecast_size(&params, &config);
    void *mem = size > 0 ? aligned_alloc(MODEL_NET_ALIGN, size) : NULL;
    model_forecast *f;
    if (mem == NULL || model_forecast_init(mem, size, &params, &config, &f) != MODEL_OK) {
        bench_die("no memory");
    }
    for (uint64_t i = 0; i < (uint64_t)animals; i++) {
        follow(f, i);
    }
    printf("%-10s %-14s %10s %8s %8s\n", "within", "chance below", "forecasts", "said", "came");
    double worst = 0.0;
    for (size_t k = 0; k < MODEL_FORECAST_WITHIN; k++) {
        for (size_t b = 0; b < BINS; b++) {
            const struct bin *bin = &bins[k][b];
            printf("%-10d %-14g %10.0f %8.3f %8.3f\n", model_forecast_within(k), fmin(EDGE[b], 1.0),
                   bin->n, bin->said / bin->n, bin->came / bin->n);
            if (bin->n >= 20.0) {
                worst = fmax(worst, fabs(bin->said - bin->came) / bin->n);
            }
        }
    }
    free(mem);
    return bench_verdict("largest difference of said and came", worst, "", true, 0.15);
}
