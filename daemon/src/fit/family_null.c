#include "family_null.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/virtual_mouse.h"

/* Others than those of animals that were simulated with the same seed. */
static const uint64_t FIRST_NUMBER = UINT64_C(1) << 32;

static const struct fit_basis_family *none_of(const struct fit_basis_result *fit)
{
    const struct fit_basis_family *none = &fit->family[0];
    for (uint32_t i = 0; i < fit->n_families; i++) {
        none = fit->family[i].terms == 0 ? &fit->family[i] : none;
    }
    return none;
}

/* The choices of a virtual mouse in an animal's trials; the side decides on the reward. */
static void choose(const struct training_set_subject *animal, const model_params *params,
                   uint64_t seed, uint32_t number, struct training_set_subject *out)
{
    model_virtual_mouse mouse;
    model_virtual_mouse_init(&mouse, params, seed, FIRST_NUMBER + number);
    out->n_right = 0;
    for (size_t k = 0; k < animal->n; k++) {
        model_trial *trial = &out->trials[k];
        const int8_t side = model_trial_side(trial->side, trial->contrast);
        if (animal->starts_session[k] != 0) {
            model_virtual_mouse_start_session(&mouse, params);
        }
        if (trial->choice < 0) {
            model_virtual_mouse_pass(&mouse, params);
            continue;
        }
        trial->choice = model_virtual_mouse_choose(&mouse, params, trial->contrast) ? 1 : 0;
        trial->reward = side < 0 ? 0.5 : trial->choice == side ? 1.0 : 0.0;
        out->n_right += trial->choice == 1 ? 1 : 0;
        (void)model_virtual_mouse_learn(&mouse, params, trial); /* one that fails moves nothing */
    }
}

static void free_mice(struct training_set *mice)
{
    for (uint32_t i = 0; i < mice->n && mice->subject != NULL; i++) {
        free(mice->subject[i].trials);
    }
    free(mice->subject);
}

/* The animals' table with other choices; what it does not own is the animals'. */
static int raise_mice(struct training_set *mice, const struct training_set *training,
                      const model_params *params, uint64_t seed, struct fault *fault)
{
    *mice = (struct training_set){
        .n = training->n, .n_choices = training->n_choices, .n_rows = training->n_rows};
    mice->subject = calloc((size_t)training->n + 1, sizeof mice->subject[0]);
    bool is_whole = mice->subject != NULL;
    for (uint32_t i = 0; i < training->n && is_whole; i++) {
        const struct training_set_subject *animal = &training->subject[i];
        struct training_set_subject *mouse = &mice->subject[i];
        *mouse = *animal;
        mouse->trials = calloc(animal->n + 1, sizeof mouse->trials[0]);
        is_whole = mouse->trials != NULL;
        if (is_whole) {
            memcpy(mouse->trials, animal->trials, animal->n * sizeof mouse->trials[0]);
            choose(animal, params, seed, i, mouse);
        }
    }
    return is_whole ? FAULT_NONE : fault_set(fault, FAULT_WORK, "no memory for simulated mice");
}

static double gain_of(const struct fit_basis_result *fit, const struct fit_basis_family *family)
{
    return family->log_likelihood - none_of(fit)->log_likelihood;
}

bool family_null_is_beaten(const struct family_null *n)
{
    return n->gain > 1.5 * n->without + 3.0;
}

int family_null_find(struct family_null *n, const struct family_comparison *c,
                     const struct fit_scoring_options *options, struct fault *fault)
{
    const struct fit_basis_family *none = none_of(&c->fit);
    struct training_set mice;
    struct training_set_view view = {0};
    struct fit_basis_result fit = {0};
    struct fit_scoring_options how = *options;
    model_params params = none->params;
    *n = (struct family_null){.gain = gain_of(&c->fit, &c->fit.family[c->order[0]])};
    how.view = &view;
    int rc = raise_mice(&mice, c->training, &none->params, options->seed, fault);
    rc = rc ? rc
            : training_set_view_open(&view, &mice, &params.policy, MODEL_RULE_BASIS, NULL, mice.n,
                                     false, fault);
    rc = rc ? rc : fit_basis_fit(&params, &how, &fit, fault);
    n->is_stopped = fit.is_stopped;
    if (rc == FAULT_NONE && !n->is_stopped) {
        n->without = gain_of(&fit, &fit.family[fit.best]);
    }
    fit_basis_free(&fit);
    training_set_view_close(&view);
    free_mice(&mice);
    return rc;
}
