/* Finds the variances of the built-in random walk (model/src/twin/params.c).
 *
 *     tune_noise DATA.csv VARY FEATURES...
 *
 * Minimises, by Nelder-Mead over the logarithms of prior, drift and session variance of the
 * features named in VARY (comma-separated), the sum over the FEATURES lists of the pooled
 * one-step-ahead score: mean over all trials of -log p(choice), every animal started from the
 * prior. Features not in VARY keep their built-in variances. Prints the rows of NOISE_LIST and the
 * scores. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/member.h"
#include "model/nelder_mead.h"
#include "model/score.h"
#include "trial_table.h"

enum { SETS_MAX = 8, KINDS = 2, UNKNOWNS_MAX = KINDS * MODEL_WEIGHTS_MAX, STEPS_MAX = 1500 };

struct event {
    model_trial trial;
    bool is_new_subject;
    bool is_new_session;
};

struct problem {
    struct event *events;
    size_t n_events;
    model_policy vary;
    model_params sets[SETS_MAX];
    int n_sets;
};

static double *variance(model_noise *noise, int kind, uint32_t i)
{
    double *const arrays[KINDS] = {noise->drift_var, noise->session_var};
    return &arrays[kind][i];
}

static void read_events(struct problem *problem, const char *path)
{
    struct fault fault;
    struct trial_table table;
    struct trial_row row;
    struct trial_row last = {.subject = ""};
    size_t cap = 0;
    int got = -1;
    if (trial_table_open(&table, path, trial_table_plain(TRIAL_TABLE_QUIET), &fault) ==
        FAULT_NONE) {
        while ((got = trial_table_next(&table, &row, &fault)) == 1) {
            if (problem->n_events == cap) {
                cap = cap * 2 + 1024;
                problem->events = realloc(problem->events, cap * sizeof problem->events[0]);
                if (problem->events == NULL) {
                    abort();
                }
            }
            const bool is_new = strcmp(row.subject, last.subject) != 0;
            problem->events[problem->n_events++] = (struct event){
                .trial = {row.stimulus, row.reward, row.rt_s, row.choice, row.side},
                .is_new_subject = is_new,
                .is_new_session = is_new || strcmp(row.session, last.session) != 0,
            };
            last = row;
        }
    }
    if (got < 0) {
        exit(fault_report(&fault, FAULT_INPUT));
    }
    trial_table_close(&table);
}

static model_score score_set(const struct problem *problem, const model_params *params)
{
    model_member twin;
    model_score score;
    model_score_reset(&score);
    for (size_t i = 0; i < problem->n_events; i++) {
        const struct event *e = &problem->events[i];
        if (e->is_new_subject) {
            model_member_init(&twin, params);
        }
        if (e->is_new_session) {
            model_member_start_session(&twin, params);
        }
        if (e->trial.choice >= 0) {
            double p;
            model_member_predict(&twin, params, 1, &e->trial.contrast, &p, NULL, NULL);
            model_score_push_nats(&score, p, model_score_nats(p, e->trial.choice == 1), log(2.0),
                                  e->trial.choice == 1);
        }
        if (model_member_observe(&twin, params, &e->trial) != MODEL_OK) {
            score.nats = (double)INFINITY;
            break;
        }
    }
    return score;
}

static void set_unknowns(struct problem *problem, const double logs[])
{
    for (int s = 0; s < problem->n_sets; s++) {
        model_params *set = &problem->sets[s];
        for (uint32_t v = 0; v < problem->vary.n; v++) {
            for (uint32_t i = 0; i < set->policy.n; i++) {
                for (int kind = 0;
                     set->policy.feature[i] == problem->vary.feature[v] && kind < KINDS; kind++) {
                    *variance(&set->noise, kind, i) = exp(logs[v * KINDS + (uint32_t)kind]);
                }
            }
        }
    }
}

static double cost(void *context, const double logs[])
{
    struct problem *problem = context;
    double sum = 0.0;
    set_unknowns(problem, logs);
    for (int s = 0; s < problem->n_sets; s++) {
        const model_score score = score_set(problem, &problem->sets[s]);
        sum += model_score_mean_nats(&score);
    }
    return sum;
}

int main(int argc, char **argv)
{
    static struct problem problem;
    if (argc < 4 || argc - 3 > SETS_MAX || model_policy_parse(&problem.vary, argv[2]) != MODEL_OK) {
        fprintf(stderr, "usage: tune_noise DATA.csv VARY FEATURES...\n");
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        if (model_params_built_in(&problem.sets[problem.n_sets++], argv[i]) != MODEL_OK) {
            fprintf(stderr, "tune_noise: bad features %s\n", argv[i]);
            return 2;
        }
    }
    read_events(&problem, argv[1]);
    double best[UNKNOWNS_MAX];
    double step[UNKNOWNS_MAX];
    model_params start;
    if (model_params_built_in(&start, argv[2]) != MODEL_OK) {
        return 2;
    }
    for (uint32_t v = 0; v < problem.vary.n; v++) {
        for (int kind = 0; kind < KINDS; kind++) {
            best[v * KINDS + (uint32_t)kind] = log(*variance(&start.noise, kind, v));
            step[v * KINDS + (uint32_t)kind] = 1.0;
        }
    }
    /* Twice: a restart frees a simplex that has collapsed. */
    for (int round = 0; round < 2; round++) {
        const double least = model_nelder_mead((size_t)problem.vary.n * KINDS, best, step, 1e-8,
                                               STEPS_MAX, cost, &problem);
        printf("round %d: %.6f\n", round, least);
    }
    set_unknowns(&problem, best);
    for (uint32_t v = 0; v < problem.vary.n; v++) {
        printf("%s: drift %.3g session %.3g\n", model_feature_name(problem.vary.feature[v]),
               exp(best[v * KINDS]), exp(best[v * KINDS + 1]));
    }
    for (int s = 0; s < problem.n_sets; s++) {
        const model_score score = score_set(&problem, &problem.sets[s]);
        printf("%s: %.6f nats, accuracy %.4f, brier %.4f, ece %.4f, n %lld\n", argv[3 + s],
               model_score_mean_nats(&score), model_score_accuracy(&score),
               model_score_mean_brier(&score), model_score_ece(&score), (long long)score.n);
    }
    free(problem.events);
    return 0;
}
