#include "family_visits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double STIMULI[FAMILY_VISITS_STIMULI] = {-1.0,   -0.5,  -0.25, -0.125, -0.0625, 0.0,
                                                      0.0625, 0.125, 0.25,  0.5,    1.0};

struct following {
    const struct training_set *training;
    const model_params *first;
    const model_params *second;
    struct family_visit *visit;
    size_t *from; /* (animals + 1): where the visits of each begin */
};

double family_visits_stimulus(size_t i)
{
    return STIMULI[i];
}

static void visit(const struct following *f, const model_member *a, const model_member *b,
                  const model_trial *trial, struct family_visit *out)
{
    double p[FAMILY_VISITS_STIMULI];
    double q[FAMILY_VISITS_STIMULI];
    const model_policy *policy = &f->first->policy;
    memcpy(out->w, a->w, sizeof out->w);
    out->state = a->rule;
    out->trial = (model_rule_trial){.stimulus = model_policy_stimulus(policy, trial->contrast),
                                    .reward = trial->reward,
                                    .rt_s = trial->rt_s,
                                    .n_session = a->n_session,
                                    .n_training = a->n_trials,
                                    .is_session_start = a->at_session_start,
                                    .chose_right = trial->choice == 1,
                                    .side = model_trial_side(trial->side, trial->contrast)};
    model_policy_fill(policy, &a->history, out->trial.stimulus, out->g);
    model_member_predict(a, f->first, FAMILY_VISITS_STIMULI, STIMULI, p, NULL, NULL);
    model_member_predict(b, f->second, FAMILY_VISITS_STIMULI, STIMULI, q, NULL, NULL);
    for (size_t i = 0; i < FAMILY_VISITS_STIMULI; i++) {
        out->apart[i] = fabs(p[i] - q[i]);
    }
}

/* Visit j of m is at the choice in the middle of the j-th part of n. */
static size_t choice_of(size_t j, size_t m, size_t n)
{
    return (2 * j + 1) * n / (2 * m);
}

static void follow(void *context, size_t number)
{
    const struct following *f = context;
    const struct training_set_subject *s = &f->training->subject[number];
    const size_t m = f->from[number + 1] - f->from[number];
    model_member a;
    model_member b;
    size_t n_choices = 0;
    size_t j = 0;
    model_member_init(&a, f->first);
    model_member_init(&b, f->second);
    for (size_t k = 0; k < s->n; k++) {
        const model_trial *trial = &s->trials[k];
        if (s->starts_session[k] != 0) {
            model_member_start_session(&a, f->first);
            model_member_start_session(&b, f->second);
        }
        if (trial->choice >= 0 && j < m && n_choices++ == choice_of(j, m, s->n_choices)) {
            visit(f, &a, &b, trial, &f->visit[f->from[number] + j++]);
        }
        (void)model_member_observe(&a, f->first, trial); /* a trial that fails moves nothing */
        (void)model_member_observe(&b, f->second, trial);
    }
}

int family_visits_open(struct family_visits *v, const struct training_set *training,
                       const model_params *first, const model_params *second,
                       struct thread_pool *team, struct fault *fault)
{
    struct following f = {.training = training, .first = first, .second = second};
    const size_t share = FAMILY_VISITS_MAX / training->n;
    const size_t most = share > 0 ? share : 1;
    memset(v, 0, sizeof *v);
    f.from = calloc((size_t)training->n + 1, sizeof f.from[0]);
    for (uint32_t i = 0; i < training->n && f.from != NULL; i++) {
        const size_t n = training->subject[i].n_choices;
        f.from[i + 1] = f.from[i] + (n < most ? n : most);
    }
    f.visit = f.from != NULL ? calloc(f.from[training->n] + 1, sizeof f.visit[0]) : NULL;
    if (f.visit == NULL) {
        free(f.from);
        return fault_set(fault, FAULT_WORK, "no memory for the states of %u animals", training->n);
    }
    if (team != NULL) {
        thread_pool_run(team, follow, &f, training->n);
    } else {
        for (uint32_t i = 0; i < training->n; i++) {
            follow(&f, i);
        }
    }
    *v = (struct family_visits){.n = f.from[training->n], .visit = f.visit};
    free(f.from);
    return FAULT_NONE;
}

void family_visits_close(struct family_visits *v)
{
    free(v->visit);
    memset(v, 0, sizeof *v);
}
