#include "fit_record.h"

#include <stdlib.h>
#include <string.h>

#include "model/random.h"
#include "model_file_nets.h"

enum { STREAM_VISITED = 3, EVERY = FIT_BASIS_DRAWS / MODEL_FILE_DRAWS };

_Static_assert((int)EVERY *(int)MODEL_FILE_DRAWS == (int)FIT_BASIS_DRAWS,
               "draws are thinned evenly");

struct record {
    const struct training_set *training;
    const uint32_t *subjects;
    uint32_t n_animals;
    const model_params *params;
    model_range range;
    uint64_t place[MODEL_FILE_VISITED]; /* of the choices before which weights are taken, rising */
    size_t n_taken;
    uint64_t n_choices;                                    /* passed so far */
    float visited[MODEL_FILE_VISITED * MODEL_WEIGHTS_MAX]; /* (MODEL_FILE_VISITED, n) */
    float counts[MODEL_FILE_COUNTS];
    double stimuli[MODEL_FILE_STIMULI_MAX]; /* different contrasts so far */
    size_t n_stimuli;
};

static uint32_t number_of(const struct record *r, uint32_t i)
{
    return r->subjects != NULL ? r->subjects[i] : i;
}

static int by_place(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Choices of all animals, with replacement. */
static void draw_places(struct record *r, uint64_t seed)
{
    model_random random;
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->n_animals; i++) {
        n += r->training->subject[number_of(r, i)].n_choices;
    }
    model_random_seed(&random, seed, STREAM_VISITED);
    for (size_t k = 0; k < MODEL_FILE_VISITED; k++) {
        r->place[k] = model_random_below(&random, n);
    }
    qsort(r->place, MODEL_FILE_VISITED, sizeof r->place[0], by_place);
}

static void take_weights(struct record *r, const model_member *twin)
{
    const size_t n = r->params->policy.n;
    for (; r->n_taken < MODEL_FILE_VISITED && r->place[r->n_taken] == r->n_choices; r->n_taken++) {
        for (size_t i = 0; i < n; i++) {
            r->visited[r->n_taken * n + i] = (float)twin->w[i];
        }
    }
    r->n_choices++;
}

static void count_stimulus(struct record *r, double contrast)
{
    for (size_t i = 0; i < r->n_stimuli; i++) {
        if (r->stimuli[i] == contrast) {
            return;
        }
    }
    if (r->n_stimuli < MODEL_FILE_STIMULI_MAX) {
        r->stimuli[r->n_stimuli++] = contrast;
    }
}

/* A side or a reward that is not known counts as neither. */
static void count_choice(struct record *r, const model_trial *trial)
{
    const int8_t side = model_trial_side(trial->side, trial->contrast);
    const bool is_correct = side == trial->choice;
    if (side >= 0) {
        r->counts[is_correct ? MODEL_FILE_CORRECT : MODEL_FILE_ERRORS] += 1.0F;
    }
    if (trial->reward > 0.5) {
        r->counts[MODEL_FILE_REWARDED] += 1.0F;
    } else if (trial->reward < 0.5) {
        r->counts[MODEL_FILE_UNREWARDED] += 1.0F;
    }
    count_stimulus(r, trial->contrast);
}

/* Where the fitted twin went with one animal or its mirror image. */
static void follow(struct record *r, const struct training_set_subject *animal, bool is_mirror)
{
    model_member twin;
    model_member_init(&twin, r->params);
    for (size_t i = 0; i < animal->n; i++) {
        const model_trial trial =
            is_mirror ? training_set_mirror(&animal->trials[i]) : animal->trials[i];
        if (animal->starts_session[i] != 0) {
            model_member_start_session(&twin, r->params);
        }
        if (!is_mirror && trial.choice >= 0) {
            take_weights(r, &twin);
            count_choice(r, &trial);
        }
        (void)model_member_measure(&twin, r->params, &trial,
                                   &r->range); /* a trial that fails moves nothing */
    }
}

/* An animal that was drawn twice is one. */
static uint32_t count_animals(const struct record *r)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_animals; i++) {
        bool is_new = r->training->subject[number_of(r, i)].n_choices > 0;
        for (uint32_t k = 0; k < i && is_new; k++) {
            is_new = number_of(r, k) != number_of(r, i);
        }
        n += is_new ? 1 : 0;
    }
    return n;
}

/* Some of the draws, laid out as files have them; *fit points into the memory that is returned,
 * NULL: there is none. */
static float *lay_out_draws(const model_params *params, const struct fit_basis_result *basis,
                            struct model_file_fit *fit)
{
    const size_t n = params->policy.n;
    const size_t each = MODEL_BASIS_TERMS * n;
    float *values = calloc(MODEL_FILE_DRAWS * (each + 2), sizeof *values);
    double parameters[MODEL_LIKELIHOOD_MAX];
    if (values == NULL) {
        return NULL;
    }
    float *decay = values + MODEL_FILE_DRAWS * each;
    float *memory = decay + MODEL_FILE_DRAWS;
    model_likelihood_encode(params, parameters);
    for (size_t m = 0; m < MODEL_FILE_DRAWS; m++) {
        model_params drawn = *params;
        memcpy(parameters, &basis->draws[m * EVERY * basis->n_rule],
               basis->n_rule * sizeof parameters[0]);
        model_likelihood_decode(parameters, &drawn);
        for (size_t k = 0; k < each; k++) {
            values[m * each + k] = (float)drawn.rule.coefficient[k / n][k % n];
        }
        decay[m] = (float)drawn.rule.decay[0];
        memory[m] = (float)drawn.rule.memory;
    }
    fit->coefficient = values;
    fit->decay = decay;
    fit->memory = memory;
    return values;
}

int fit_record_take(const struct training_set *training, const uint32_t subjects[], uint32_t n,
                    uint64_t seed, bool is_resampled, const struct fit_basis_result *basis,
                    struct model_file *model, struct fault *fault)
{
    model_params *params = &model->bank.member[0];
    if (params->rule.kind == MODEL_RULE_NONE) {
        return FAULT_NONE;
    }
    struct record r = {.training = training,
                       .subjects = subjects,
                       .n_animals = subjects != NULL ? n : training->n,
                       .params = params};
    struct model_file_fit fit = {.counts = r.counts, .visited = r.visited};
    float *draws = NULL;
    model_range_open(&r.range);
    draw_places(&r, seed);
    for (uint32_t i = 0; i < r.n_animals; i++) {
        follow(&r, &training->subject[number_of(&r, i)], false);
        follow(&r, &training->subject[number_of(&r, i)], true);
    }
    model_range_close(&r.range, &params->rule, params->policy.n);
    params->range = r.range;
    r.counts[MODEL_FILE_ANIMALS] = (float)count_animals(&r);
    r.counts[MODEL_FILE_STIMULI] = (float)r.n_stimuli;
    r.counts[MODEL_FILE_RESAMPLED] = is_resampled ? 1.0F : 0.0F;
    if (basis->draws != NULL && (draws = lay_out_draws(params, basis, &fit)) == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for the draws of a posterior");
    }
    const int rc = model_file_nets_copy_fit(&fit, params, &model->members[0], "fit", fault);
    free(draws);
    return rc;
}
