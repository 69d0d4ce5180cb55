#include "evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"

enum { ADAPT_EVERY = 250, ADAPT_WINDOW = 2000 };

static void leave_out(const model_bank_params *params, evaluation_weights priors)
{
    for (uint32_t i = 0; i < params->n; i++) {
        for (uint32_t k = 0; k < params->n; k++) {
            priors[i][k] = k != i ? params->prior[k] / (1.0 - params->prior[i]) : 0.0;
        }
    }
}

/* Its memory beyond what the bank uses is never touched. */
static int add_animal(struct evaluation *e, struct evaluation_animal *animal, struct fault *fault)
{
    animal->session[0] = '\0';
    animal->weights = NULL;
    animal->n_trials = 0;
    animal->outside = 0.0;
    if (e->with_members) {
        animal->weights = malloc(sizeof *animal->weights);
        if (animal->weights == NULL) {
            return fault_set(fault, FAULT_WORK, "no memory for %u subjects", e->n + 1);
        }
        memcpy(animal->weights, e->priors, sizeof *animal->weights);
    }
    animal->own = NULL;
    animal->n_since = 0;
    if (e->adapts_rules) {
        const size_t size = adaptation_size(&e->plan);
        animal->own = aligned_alloc(MODEL_NET_ALIGN, size);
        if (animal->own == NULL) {
            free(animal->weights);
            return fault_set(fault, FAULT_WORK, "no memory for %u subjects", e->n + 1);
        }
        memset(animal->own, 0, sizeof animal->own->head);
    }
    twin_init(&animal->twin, &e->models);
    e->n++;
    return FAULT_NONE;
}

/* Points *out to the animal of that name, a new one if it was not seen yet. */
static int find_animal(struct evaluation *e, const struct trial_table *table, const char *name,
                       struct evaluation_animal **out, struct fault *fault)
{
    uint32_t number;
    const int rc = subject_names_find(&e->subjects, table, name, &number, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    void *list =
        number == e->n ? list_grow(e->animals, e->n, &e->capacity, sizeof *e->animals) : e->animals;
    if (list == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for %u subjects", e->n + 1);
    }
    e->animals = list;
    *out = &e->animals[number];
    return number == e->n ? add_animal(e, *out, fault) : FAULT_NONE;
}

/* As the program has them for this animal. */
static struct twin_models models_of(const struct evaluation *e,
                                    const struct evaluation_animal *animal)
{
    struct twin_models models = e->models;
    if (animal->own != NULL) {
        models.bank = adaptation_bank(&e->plan, animal->own);
    }
    return models;
}

static void adapt(struct evaluation *e, struct evaluation_animal *animal, const model_trial *trial,
                  bool starts)
{
    if (animal->own == NULL) {
        return;
    }
    adaptation_push(&e->plan, animal->own, trial, starts);
    if (++animal->n_since < ADAPT_EVERY) {
        return;
    }
    const model_adapt_window window = adaptation_window(&e->plan, animal->own);
    model_adapt_result result;
    animal->n_since = 0;
    if (model_adapt_run(&e->plan.adapt, &window, e->scratch, NULL, NULL, e->values, &result) ==
        MODEL_OK) {
        e->n_tried++;
        if (result.is_taken && adaptation_take(&e->plan, animal->own, e->values, e->n_tried) == 0) {
            e->n_taken++;
        }
    }
}

/* Adds up what each member says of a choice and what the bank would say without it, before the
 * animal's learner hears of it. */
static void take_members(struct evaluation *e, struct evaluation_animal *animal,
                         const model_trial *trial)
{
    const model_bank_params *params = models_of(e, animal).bank;
    const model_bank *bank = &animal->twin.bank;
    const bool chose_right = trial->choice == 1;
    model_bank_mixture said;
    model_bank_mix(bank, params, 1, &trial->contrast, &said);
    e->sums.whole += model_score_nats(said.p_right, chose_right);
    for (uint32_t i = 0; i < params->n; i++) {
        double *weight = (*animal->weights)[i];
        double mixed = 0.0;
        for (uint32_t k = 0; k < params->n; k++) {
            mixed += weight[k] * said.each[k];
        }
        e->sums.nats[i] += model_score_nats(said.each[i], chose_right);
        e->sums.weight[i] += model_bank_weight(bank, i);
        e->sums.without[i] += model_score_nats(mixed, chose_right);
        if (params->n > 1) {
            model_bank_weigh(params->n, params->share, params->temper, e->priors[i], said.each,
                             chose_right, weight);
        }
    }
}

static int take_row(void *context, const struct trial_table *table, const struct trial_row *row,
                    struct fault *fault)
{
    struct evaluation *e = context;
    struct evaluation_animal *animal = NULL;
    const int rc = find_animal(e, table, row->subject, &animal, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (strcmp(animal->session, row->session) != 0) {
        memcpy(animal->session, row->session, sizeof animal->session);
        const struct twin_models own = models_of(e, animal);
        twin_start_session(&animal->twin, &own);
    }
    const struct twin_models models = models_of(e, animal);
    const bool starts = animal->twin.baseline.n_session == 0;
    const model_trial trial = trial_table_trial(row);
    if (e->with_members && trial.choice >= 0) {
        take_members(e, animal, &trial);
    }
    if (animal->own != NULL) {
        adaptation_prepare(&e->plan, animal->own, &animal->twin.bank);
    }
    struct twin_outcome outcome;
    const int status = twin_observe(&animal->twin, &models, &trial, &outcome);
    animal->n_trials++;
    animal->outside += model_bank_outside(&animal->twin.bank);
    if (status != MODEL_OK) {
        return fault_set(fault, FAULT_WORK,
                         "%s:%lld: the twin of %s could not take this trial up: %s", table->path,
                         (long long)table->line, row->subject, model_strerror(status));
    }
    adapt(e, animal, &trial, starts);
    return FAULT_NONE;
}

double evaluation_member_gain(const struct evaluation *e, int64_t n, uint32_t i)
{
    return e->models.bank->n > 1 ? (e->sums.without[i] - e->sums.whole) / (double)n : (double)NAN;
}

static int prepare_adaptation(struct evaluation *e, bool with_nets, struct fault *fault)
{
    model_adapt_config config;
    model_adapt_config_init(&config);
    config.sd_net = with_nets ? MODEL_ADAPT_SD_NET : 0.0;
    const int rc =
        adaptation_plan_open(&e->plan, &config, e->models.bank, &e->file, ADAPT_WINDOW, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const size_t size = model_adapt_scratch(&e->plan.adapt, e->plan.window + ADAPTATION_SPARE);
    e->scratch = aligned_alloc(MODEL_NET_ALIGN, size);
    e->values = calloc(model_adapt_values(&e->plan.adapt) + 1, sizeof e->values[0]);
    if (e->scratch == NULL || e->values == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for an adaptation");
    }
    e->adapts_rules = true;
    return FAULT_NONE;
}

/* The members of a bank whose rules are listed, comma-separated, with priors as they stood to each
 * other. */
static int choose_members(struct evaluation *e, const struct evaluation_request *r,
                          const model_bank_params *whole, struct fault *fault)
{
    double sum = 0.0;
    e->part = *whole;
    e->part.n = 0;
    for (uint32_t i = 0; i < whole->n; i++) {
        if (option_word_has(&r->rules, model_rule_name(whole->member[i].rule.kind))) {
            e->part.member[e->part.n] = whole->member[i];
            e->part.prior[e->part.n++] = whole->prior[i];
            sum += whole->prior[i];
        }
    }
    if (e->part.n == 0) {
        return fault_set(fault, FAULT_INPUT, "--bank: %s has no member of these rules", r->model);
    }
    for (uint32_t i = 0; i < e->part.n; i++) {
        e->part.prior[i] /= sum;
    }
    e->models.bank = &e->part;
    return FAULT_NONE;
}

/* The model that is asked for, and the random walk beside it. */
static int choose_models(struct evaluation *e, const struct evaluation_request *r,
                         struct fault *fault)
{
    if (model_params_built_in(&e->baseline, r->features.chosen) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "--policy: \"%.100s\"; at most %d features, each once, were expected",
                         r->features.chosen, MODEL_WEIGHTS_MAX);
    }
    int rc = r->model != NULL ? model_file_load(r->model, &e->file, fault) : FAULT_NONE;
    if (rc != FAULT_NONE) {
        return rc;
    }
    model_bank_single(&e->part, &e->baseline);
    e->models.baseline = &e->baseline;
    e->models.bank = r->model != NULL ? &e->file.bank : &e->part;
    e->with_members = r->with_members;
    rc = r->rules.chosen != NULL ? choose_members(e, r, &e->file.bank, fault) : FAULT_NONE;
    model_engagement_default(&e->engagement);
    model_stacking_default(&e->stack);
    e->models.engagement = &e->engagement;
    e->models.stack = r->adapts_stack ? &e->stack : NULL;
    leave_out(e->models.bank, e->priors);
    return rc == FAULT_NONE && r->adapts_rules ? prepare_adaptation(e, r->adapts_nets, fault) : rc;
}

int evaluation_read(struct evaluation *e, const struct evaluation_request *r, struct fault *fault)
{
    const int rc = choose_models(e, r, fault);
    return rc ? rc
              : trial_table_read(r->path, "eval", NULL, trial_table_how(&r->table), take_row, e,
                                 fault);
}

void evaluation_close(struct evaluation *e)
{
    for (uint32_t i = 0; i < e->n; i++) {
        free(e->animals[i].weights);
        free(e->animals[i].own);
    }
    free(e->animals);
    subject_names_free(&e->subjects);
    adaptation_plan_close(&e->plan);
    free(e->scratch);
    free(e->values);
    model_file_free(&e->file);
}
