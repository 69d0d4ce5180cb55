#include "task_simulation.h"

#include <math.h>

#include "model/virtual_mouse.h"
#include "trial_table.h"

enum { TRIALS_A_LOOK = 1024 };

/* The rig's draws, and what makes animals differ, come from streams far above those of the animals
 * (model/virtual_mouse.h). */
static const uint64_t RIG_STREAMS = UINT64_C(1) << 63;
static const uint64_t TALENT_STREAMS = UINT64_C(1) << 62;

struct task {
    struct task_simulation *what;
    model_params params; /* of the animal at hand */
    double rate_factor;  /* its rates over the cohort's */
    struct output_file out;
    struct output_file truth; /* zeroed: not wanted */
    struct progress progress;
};

static void write_truth_header(FILE *to, const model_policy *policy)
{
    fputs("subject,session,trial,p_right", to);
    for (uint32_t i = 0; i < policy->n; i++) {
        fprintf(to, ",%s", model_feature_name(policy->feature[i]));
    }
    fputs(",rate_factor\n", to);
}

/* The weights that the choice is drawn with. */
static void write_truth(const struct task *s, const struct trial_row *row,
                        const model_virtual_mouse *mouse)
{
    fprintf(s->truth.to, "%s,%s,%lld,%.9g", row->subject, row->session, (long long)row->trial,
            model_virtual_mouse_predict(mouse, &s->params, row->stimulus));
    for (uint32_t i = 0; i < s->params.policy.n; i++) {
        fprintf(s->truth.to, ",%.9g", mouse->w[i]);
    }
    fprintf(s->truth.to, ",%.9g\n", s->rate_factor);
}

static int run_trial(struct task *s, model_virtual_mouse *mouse, model_random *rig,
                     struct trial_row *row, struct fault *fault)
{
    const double contrast = s->what->stimuli.v[model_random_below(rig, s->what->stimuli.n)];
    const bool coin = model_random_below(rig, 2) == 1;
    row->stimulus = contrast;
    row->side = contrast > 0.0 || (!(contrast < 0.0) && coin);
    if (s->truth.to != NULL) {
        write_truth(s, row, mouse);
    }
    row->rt_s = floor(1000.0 * model_virtual_mouse_draw_rt_s(mouse, &s->params, contrast)) / 1000.0;
    row->choice = model_virtual_mouse_choose(mouse, &s->params, contrast);
    row->reward = row->choice == row->side ? 1.0 : 0.0;
    trial_table_write(s->out.to, row, TRIAL_TABLE_OF_TRIALS);
    s->what->n_trials++;
    s->what->n_correct += row->choice == row->side;

    const model_trial trial = {.contrast = contrast,
                               .reward = row->reward,
                               .rt_s = row->rt_s,
                               .choice = row->choice,
                               .side = row->side};
    const int status = model_virtual_mouse_learn(mouse, &s->params, &trial);
    if (status != MODEL_OK) {
        return fault_set(fault, FAULT_WORK,
                         "%s, session %s, trial %lld: the rule's weights are not finite: %s; a "
                         "lower rate or less noise may help",
                         row->subject, row->session, (long long)row->trial, model_strerror(status));
    }
    if (s->what->n_trials % TRIALS_A_LOOK == 0) {
        progress_update(&s->progress, s->what->n_trials);
        if (progress_interrupted()) {
            return fault_set(fault, FAULT_WORK, "interrupted after %lld trials",
                             (long long)s->what->n_trials);
        }
    }
    return FAULT_NONE;
}

/* One log-normal factor for all rates of an animal, so that some learn faster than others. */
static void draw_talent(struct task *s, int64_t number)
{
    model_random random;
    model_random_seed(&random, (uint64_t)s->what->seed, TALENT_STREAMS + (uint64_t)number);
    s->params = *s->what->cohort;
    s->rate_factor =
        s->what->rate_spread > 0.0 ? exp(s->what->rate_spread * model_random_normal(&random)) : 1.0;
    for (uint32_t i = 0; i < s->params.policy.n; i++) {
        s->params.rule.rate[i] *= s->rate_factor;
    }
}

static int run_mouse(struct task *s, int64_t number, struct fault *fault)
{
    model_virtual_mouse mouse;
    model_random rig;
    struct trial_row row = {.repeat = -1, .p_left = (double)NAN};
    draw_talent(s, number);
    model_virtual_mouse_init(&mouse, &s->params, (uint64_t)s->what->seed, (uint64_t)number);
    model_random_seed(&rig, (uint64_t)s->what->seed, RIG_STREAMS + (uint64_t)number);
    (void)snprintf(row.subject, sizeof row.subject, "vm%02lld", (long long)number + 1);
    for (int64_t session = 1; session <= s->what->sessions; session++) {
        (void)snprintf(row.session, sizeof row.session, "%lld", (long long)session);
        model_virtual_mouse_start_session(&mouse, &s->params);
        for (row.trial = 0; row.trial < s->what->trials; row.trial++) {
            const int rc = run_trial(s, &mouse, &rig, &row, fault);
            if (rc != FAULT_NONE) {
                return rc;
            }
        }
    }
    return FAULT_NONE;
}

int task_simulation_run(struct task_simulation *what, struct fault *fault)
{
    struct task s = {.what = what};
    int rc = output_file_open(&s.out, what->guard, what->table, fault);
    if (rc == FAULT_NONE && what->truth != NULL) {
        rc = output_file_open(&s.truth, what->guard, what->truth, fault);
    }
    if (rc == FAULT_NONE) {
        trial_table_write_header(s.out.to, TRIAL_TABLE_OF_TRIALS);
        if (s.truth.to != NULL) {
            write_truth_header(s.truth.to, &what->cohort->policy);
        }
        progress_start(&s.progress, "simulate", what->mice * what->sessions * what->trials);
        for (int64_t i = 0; i < what->mice && rc == FAULT_NONE; i++) {
            rc = run_mouse(&s, i, fault);
        }
        progress_finish(&s.progress);
    }
    rc = output_file_close(&s.truth, rc, fault);
    return output_file_close(&s.out, rc, fault);
}
