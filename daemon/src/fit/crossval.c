#include "crossval.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/random.h"
#include "model/static_glm.h"
#include "progress.h"
#include "twin.h"

enum { STREAM_FOLDS = 1, STREAM_RESAMPLE = 2, NOBODY_OUT = -1, PLACE_MAX = 160 };

static int no_memory(struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "no memory for the cross-validation");
}

int crossval_deal(const struct training_set *training, uint32_t n_folds, uint64_t seed,
                  uint32_t fold[], struct fault *fault)
{
    uint32_t order[SUBJECT_NAMES_MAX];
    if (training->n < n_folds) {
        return fault_set(fault, FAULT_INPUT,
                         "%u folds of %u animals; at least as many animals as folds were expected",
                         n_folds, training->n);
    }
    memcpy(order, training->subjects.by_name, training->n * sizeof order[0]);
    training_set_shuffle(order, training->n, training->n - 1, seed, STREAM_FOLDS);
    for (uint32_t i = 0; i < training->n; i++) {
        fold[order[i]] = i % n_folds;
    }
    return FAULT_NONE;
}

static uint32_t seeds_of(const struct crossval_options *o, size_t member)
{
    return o->members[member].is_seeded ? o->n_seeds : 1;
}

/* An animal may have made no choice at all. */
static int need_choices(const struct crossval *cv, struct fault *fault)
{
    const struct training_set *t = cv->options->training;
    for (uint32_t set = 0; set < cv->options->n_folds; set++) {
        size_t n = 0;
        for (uint32_t i = 0; i < t->n; i++) {
            n += cv->fold[i] != set ? t->subject[i].n_choices : 0;
        }
        if (n == 0) {
            return fault_set(fault, FAULT_INPUT,
                             "only animals of fold %" PRIu32
                             " made choices; other animals to train on were expected",
                             set + 1);
        }
    }
    return FAULT_NONE;
}

static void list_fits(struct crossval *cv)
{
    const struct crossval_options *o = cv->options;
    for (size_t m = 0; m < o->n_members; m++) {
        for (uint32_t s = 0; s < seeds_of(o, m); s++) {
            cv->fits[cv->n_fits++] = (struct crossval_which){.member = m, .seed = o->seed + s};
        }
    }
}

static size_t count_jobs(const struct crossval *cv)
{
    return cv->n_fits * cv->n_sets;
}

int crossval_open(struct crossval *cv, const struct crossval_options *o, struct fault *fault)
{
    *cv = (struct crossval){.options = o, .n_sets = o->n_folds};
    cv->n_sets += o->with_all || o->n_folds == 0 ? 1 : 0;
    cv->fold = calloc((size_t)o->training->n + 1, sizeof cv->fold[0]);
    cv->fits = calloc(o->n_members * o->n_seeds, sizeof cv->fits[0]);
    int rc = cv->fold != NULL && cv->fits != NULL ? FAULT_NONE : no_memory(fault);
    if (rc == FAULT_NONE && o->n_folds > 0) {
        rc = crossval_deal(o->training, o->n_folds, o->seed, cv->fold, fault);
    }
    rc = rc ? rc : need_choices(cv, fault);
    if (rc == FAULT_NONE) {
        list_fits(cv);
        cv->results = calloc(count_jobs(cv), sizeof cv->results[0]);
        rc = cv->results != NULL ? FAULT_NONE : no_memory(fault);
    }
    if (rc == FAULT_NONE && count_jobs(cv) > JOB_SCHEDULER_JOBS_MAX) {
        rc = fault_set(fault, FAULT_INPUT, "%zu fits; at most %d were expected", count_jobs(cv),
                       JOB_SCHEDULER_JOBS_MAX);
    }
    if (rc != FAULT_NONE) {
        crossval_close(cv);
    }
    return rc;
}

void crossval_close(struct crossval *cv)
{
    if (cv->results != NULL) {
        job_scheduler_free(cv->results, count_jobs(cv));
    }
    free(cv->results);
    free(cv->fold);
    free(cv->fits);
    memset(cv, 0, sizeof *cv);
}

/* Animals that a set's models are fitted to, or with is_held those that they are not. */
static uint32_t list_subjects(const struct crossval *cv, uint32_t set, bool is_held,
                              uint32_t subjects[])
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < cv->options->training->n; i++) {
        const bool held = set < cv->options->n_folds && cv->fold[i] == set;
        if (held == is_held) {
            subjects[n++] = i;
        }
    }
    return n;
}

/* As many animals, drawn with replacement from those of n that made choices; the order of the rows
 * does not matter. */
static void resample(const struct training_set *t, uint64_t seed, uint32_t n, uint32_t subjects[])
{
    uint32_t from[SUBJECT_NAMES_MAX];
    uint32_t n_from = 0;
    model_random random;
    for (uint32_t k = 0; k < t->n; k++) {
        const uint32_t number = t->subjects.by_name[k];
        bool is_among = false;
        for (uint32_t i = 0; i < n; i++) {
            is_among = is_among || subjects[i] == number;
        }
        if (is_among && t->subject[number].n_choices > 0) {
            from[n_from++] = number;
        }
    }
    model_random_seed(&random, seed, STREAM_RESAMPLE);
    for (uint32_t i = 0; i < n; i++) {
        subjects[i] = from[model_random_below(&random, n_from)];
    }
}

static int do_fit(void *context, struct job_scheduler_task *task, struct job_scheduler_result *out,
                  struct fault *fault)
{
    const struct crossval *cv = context;
    const struct crossval_options *o = cv->options;
    const struct crossval_which *fit = &cv->fits[task->number % cv->n_fits];
    const uint32_t set = (uint32_t)(task->number / cv->n_fits);
    struct model_file model = {0};
    uint32_t *subjects = calloc((size_t)o->training->n + 1, sizeof *subjects);
    if (subjects == NULL) {
        return no_memory(fault);
    }
    const uint32_t n = list_subjects(cv, set, false, subjects);
    if (o->members[fit->member].is_resampled) {
        resample(o->training, fit->seed, n, subjects);
    }
    int rc = o->fit(o->context, fit->member, fit->seed, subjects, n, task, &model, fault);
    rc = rc ? rc : model_file_encode(&model, &out->bytes, &out->size, fault);
    model_file_free(&model);
    free(subjects);
    return rc;
}

/* A member's cost for a trial times the trials. */
static void fill_costs(const struct crossval *cv, double costs[])
{
    const struct training_set *t = cv->options->training;
    for (uint32_t set = 0; set < cv->n_sets; set++) {
        double n = 1.0;
        for (uint32_t i = 0; i < t->n; i++) {
            const bool held = set < cv->options->n_folds && cv->fold[i] == set;
            n += held ? 0.0 : (double)t->subject[i].n_choices;
        }
        for (size_t f = 0; f < cv->n_fits; f++) {
            costs[set * cv->n_fits + f] = n * cv->options->members[cv->fits[f].member].cost;
        }
    }
}

static int write_key(const struct crossval *cv, char key[JOB_STORE_KEY_MAX], struct fault *fault)
{
    const struct crossval_options *o = cv->options;
    int n = snprintf(key, JOB_STORE_KEY_MAX,
                     "%s, %" PRIu32 " folds%s, seeds %" PRIu64 " to %" PRIu64, o->key, o->n_folds,
                     cv->n_sets > o->n_folds ? " and all" : "", o->seed, o->seed + o->n_seeds - 1);
    for (size_t m = 0; m < o->n_members && n > 0 && n < JOB_STORE_KEY_MAX; m++) {
        n += snprintf(key + n, (size_t)(JOB_STORE_KEY_MAX - n), ", member %s", o->members[m].name);
    }
    return n > 0 && n < JOB_STORE_KEY_MAX
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT, "the options are too long");
}

int crossval_run(struct crossval *cv, const struct ranks *ranks, struct fault *fault)
{
    const struct crossval_options *o = cv->options;
    char key[JOB_STORE_KEY_MAX];
    double *costs = calloc(count_jobs(cv), sizeof *costs);
    int rc = costs != NULL ? write_key(cv, key, fault) : no_memory(fault);
    rc = ranks_agree(ranks, rc, fault);
    if (rc == FAULT_NONE) {
        fill_costs(cv, costs);
        const struct job_scheduler_options spread = {.what = "fit",
                                                     .directory = o->directory,
                                                     .key = key,
                                                     .resume = o->resume,
                                                     .n_threads = o->n_threads,
                                                     .n_jobs = count_jobs(cv),
                                                     .costs = costs,
                                                     .job = do_fit,
                                                     .context = cv};
        rc = job_scheduler_run(&spread, ranks, cv->results, fault);
    }
    free(costs);
    return rc;
}

/* "rnn", or "rnn/3" with the seed where there are several. */
static void name_fit(const struct crossval *cv, size_t fit, char out[COMPARISON_NAME_MAX + 1])
{
    const struct crossval_which *which = &cv->fits[fit];
    const char *name = cv->options->members[which->member].name;
    if (seeds_of(cv->options, which->member) > 1) {
        (void)snprintf(out, COMPARISON_NAME_MAX + 1, "%.40s/%" PRIu64, name, which->seed);
    } else {
        (void)snprintf(out, COMPARISON_NAME_MAX + 1, "%.40s", name);
    }
}

int crossval_model(const struct crossval *cv, uint32_t set, size_t fit, struct model_file *out,
                   struct fault *fault)
{
    const struct job_scheduler_result *r = &cv->results[set * cv->n_fits + fit];
    char name[COMPARISON_NAME_MAX + 1];
    char place[PLACE_MAX];
    name_fit(cv, fit, name);
    (void)snprintf(place, sizeof place, "the fit of %s, set %" PRIu32, name, set + 1);
    return model_file_parse(place, r->bytes, r->size, out, fault);
}

static bool is_in_bank(const struct crossval *cv, size_t fit, int64_t member_out)
{
    const size_t member = cv->fits[fit].member;
    return cv->options->members[member].is_in_bank && (int64_t)member != member_out;
}

static size_t first_in_bank(const struct crossval *cv, int64_t member_out)
{
    size_t f = 0;
    while (!is_in_bank(cv, f, member_out)) {
        f++;
    }
    return f;
}

static size_t count_in_bank(const struct crossval *cv, int64_t member_out)
{
    size_t n = 0;
    for (size_t f = 0; f < cv->n_fits; f++) {
        n += is_in_bank(cv, f, member_out) ? 1 : 0;
    }
    return n;
}

/* Joins those of models (n_fits) that are in the bank, two or more. */
static int join(const struct crossval *cv, const struct model_file models[], int64_t member_out,
                struct model_file *out, struct fault *fault)
{
    const struct crossval_options *o = cv->options;
    struct model_file *list = calloc(cv->n_fits, sizeof *list); /* borrowed, not owned */
    size_t n = 0;
    if (list == NULL) {
        return no_memory(fault);
    }
    for (size_t f = 0; f < cv->n_fits; f++) {
        if (is_in_bank(cv, f, member_out)) {
            list[n++] = models[f];
        }
    }
    assert(o->join != NULL && n >= 2);
    const int rc = o->join(o->context, list, n, out, fault);
    free(list);
    return rc;
}

static void free_models(struct model_file *models, size_t n)
{
    for (size_t i = 0; i < n && models != NULL; i++) {
        model_file_free(&models[i]);
    }
    free(models);
}

static int load_models(const struct crossval *cv, uint32_t set, struct model_file **out,
                       struct fault *fault)
{
    struct model_file *models = calloc(cv->n_fits, sizeof *models);
    int rc = models != NULL ? FAULT_NONE : no_memory(fault);
    for (size_t f = 0; f < cv->n_fits && rc == FAULT_NONE; f++) {
        rc = crossval_model(cv, set, f, &models[f], fault);
    }
    if (rc != FAULT_NONE) {
        free_models(models, cv->n_fits);
        models = NULL;
    }
    *out = models;
    return rc;
}

int crossval_bank(const struct crossval *cv, uint32_t set, struct model_file *out,
                  struct fault *fault)
{
    struct model_file *models = NULL;
    memset(out, 0, sizeof *out);
    assert(count_in_bank(cv, NOBODY_OUT) > 0);
    if (count_in_bank(cv, NOBODY_OUT) == 1) {
        return crossval_model(cv, set, first_in_bank(cv, NOBODY_OUT), out, fault);
    }
    int rc = load_models(cv, set, &models, fault);
    rc = rc ? rc : join(cv, models, NOBODY_OUT, out, fault);
    free_models(models, cv->n_fits);
    return rc;
}

enum column_kind { COLUMN_BANK, COLUMN_FIT, COLUMN_WITHOUT, COLUMN_PSYCHOMETRIC, COLUMN_CHANCE };

struct column {
    enum column_kind kind;
    size_t number; /* FIT: which; WITHOUT: the member that is left out */
    const struct model_file *model;
    struct model_file joined; /* BANK, WITHOUT: what model points to, unless that is a fit */
};

struct scoring {
    const struct crossval *cv;
    struct comparison *table;
    struct column *columns; /* (table->n_models) */
    model_params walk;      /* what a twin wants besides its twin */
    /* Of one fold: */
    struct model_file *models;
    double w[MODEL_WEIGHTS_MAX];   /* psychometric */
    struct training_set_view view; /* of the animals held out */
    uint32_t *subjects;            /* held out */
    int *codes;                    /* by animal held out */
    struct fault *faults;
};

static bool has_bank(const struct crossval *cv)
{
    return cv->options->join != NULL && count_in_bank(cv, NOBODY_OUT) > 1;
}

/* Without a member there must be something left, and it must have been in. */
static bool is_telling(const struct crossval *cv, size_t member)
{
    const size_t left = count_in_bank(cv, (int64_t)member);
    return has_bank(cv) && left > 0 && left < count_in_bank(cv, NOBODY_OUT);
}

static uint32_t add_column(struct column *out, uint32_t n, enum column_kind kind, size_t number)
{
    if (out != NULL) {
        out[n] = (struct column){.kind = kind, .number = number};
    }
    return n + 1;
}

/* Lists the columns; out NULL only counts. */
static uint32_t list_columns(const struct crossval *cv, struct column *out)
{
    uint32_t n = has_bank(cv) ? add_column(out, 0, COLUMN_BANK, 0) : 0;
    for (size_t f = 0; f < cv->n_fits; f++) {
        n = add_column(out, n, COLUMN_FIT, f);
    }
    for (size_t m = 0; m < cv->options->n_members; m++) {
        n = is_telling(cv, m) ? add_column(out, n, COLUMN_WITHOUT, m) : n;
    }
    n = add_column(out, n, COLUMN_PSYCHOMETRIC, 0);
    return add_column(out, n, COLUMN_CHANCE, 0);
}

static void name_column(const struct crossval *cv, const struct column *column,
                        char out[COMPARISON_NAME_MAX + 1])
{
    const size_t cap = COMPARISON_NAME_MAX + 1;
    switch (column->kind) {
    case COLUMN_BANK:
        (void)snprintf(out, cap, "bank");
        break;
    case COLUMN_FIT:
        name_fit(cv, column->number, out);
        break;
    case COLUMN_WITHOUT:
        (void)snprintf(out, cap, "bank without %.40s", cv->options->members[column->number].name);
        break;
    case COLUMN_PSYCHOMETRIC:
        (void)snprintf(out, cap, "psychometric");
        break;
    case COLUMN_CHANCE:
        (void)snprintf(out, cap, "chance");
        break;
    }
}

static int load_column(struct scoring *s, struct column *column, struct fault *fault)
{
    const bool is_bank = column->kind == COLUMN_BANK;
    const int64_t member_out = is_bank ? NOBODY_OUT : (int64_t)column->number;
    column->model = NULL;
    if (column->kind == COLUMN_FIT) {
        column->model = &s->models[column->number];
    } else if (is_bank || column->kind == COLUMN_WITHOUT) {
        if (count_in_bank(s->cv, member_out) == 1) {
            column->model = &s->models[first_in_bank(s->cv, member_out)];
            return FAULT_NONE;
        }
        column->model = &column->joined;
        return join(s->cv, s->models, member_out, &column->joined, fault);
    }
    return FAULT_NONE;
}

static int fit_psychometric(struct scoring *s, uint32_t set, struct fault *fault)
{
    const struct crossval_options *o = s->cv->options;
    struct training_set_view view = {0};
    const uint32_t n = list_subjects(s->cv, set, false, s->subjects);
    int rc = training_set_view_open(&view, o->training, &o->policy, MODEL_RULE_NONE, s->subjects, n,
                                    false, fault);
    if (rc == FAULT_NONE &&
        model_static_glm_fit(o->policy.n, view.n, view.animals, s->w) != MODEL_OK) {
        rc = fault_set(fault, FAULT_WORK, "the static psychometric model could not be fitted");
    }
    training_set_view_close(&view);
    return rc;
}

static void leave_fold(struct scoring *s)
{
    for (uint32_t c = 0; c < s->table->n_models; c++) {
        model_file_free(&s->columns[c].joined);
    }
    free_models(s->models, s->cv->n_fits);
    s->models = NULL;
    training_set_view_close(&s->view);
}

static int enter_fold(struct scoring *s, uint32_t set, struct fault *fault)
{
    const struct crossval_options *o = s->cv->options;
    int rc = load_models(s->cv, set, &s->models, fault);
    for (uint32_t c = 0; c < s->table->n_models && rc == FAULT_NONE; c++) {
        rc = load_column(s, &s->columns[c], fault);
    }
    rc = rc ? rc : fit_psychometric(s, set, fault);
    if (rc == FAULT_NONE) {
        const uint32_t n = list_subjects(s->cv, set, true, s->subjects);
        rc = training_set_view_open(&s->view, o->training, &o->policy, MODEL_RULE_NONE, s->subjects,
                                    n, false, fault);
    }
    return rc;
}

/* One step ahead, in the order of the table, as a live twin goes. */
static int follow(const struct scoring *s, uint32_t subject, const struct model_file *model,
                  double *nats, struct fault *fault)
{
    const struct training_set *t = s->cv->options->training;
    const struct training_set_subject *animal = &t->subject[subject];
    const struct twin_models models = {.bank = &model->bank, .baseline = &s->walk};
    struct twin_outcome outcome;
    struct twin twin;
    twin_init(&twin, &models);
    for (size_t k = 0; k < animal->n; k++) {
        if (animal->starts_session[k] == 1) {
            twin_start_session(&twin, &models);
        }
        const int status = twin_observe(&twin, &models, &animal->trials[k], &outcome);
        if (status != MODEL_OK) {
            return fault_set(fault, FAULT_WORK, "the twin of %s could not absorb row %zu: %s",
                             t->subjects.name[subject], k + 1, model_strerror(status));
        }
    }
    *nats = twin.score.nats;
    return FAULT_NONE;
}

static void score_animal(void *context, size_t number)
{
    struct scoring *s = context;
    const uint32_t subject = s->subjects[number];
    const model_fit_animal *animal = &s->view.animals[number];
    double *nats = &s->table->nats[(size_t)subject * s->table->n_models];
    s->table->n[subject] = (int64_t)animal->n_trials;
    s->codes[number] = FAULT_NONE;
    for (uint32_t c = 0; c < s->table->n_models && !progress_interrupted(); c++) {
        const struct column *column = &s->columns[c];
        if (column->model != NULL && s->codes[number] == FAULT_NONE) {
            s->codes[number] = follow(s, subject, column->model, &nats[c], &s->faults[number]);
        } else if (column->kind == COLUMN_PSYCHOMETRIC) {
            nats[c] = model_static_glm_nats(s->view.policy.n, s->w, animal);
        } else if (column->kind == COLUMN_CHANCE) {
            nats[c] = TWIN_CHANCE_NATS * (double)animal->n_trials;
        }
    }
}

static int score_fold(struct scoring *s, struct thread_pool *team, uint32_t set,
                      struct fault *fault)
{
    int rc = enter_fold(s, set, fault);
    if (rc == FAULT_NONE) {
        thread_pool_run(team, score_animal, s, s->view.n);
        for (uint32_t i = 0; i < s->view.n && rc == FAULT_NONE; i++) {
            rc = s->codes[i];
            *fault = rc != FAULT_NONE ? s->faults[i] : *fault;
        }
    }
    leave_fold(s);
    if (progress_interrupted()) {
        return fault_set(fault, FAULT_WORK, "interrupted with all fits done; %s",
                         s->cv->options->directory != NULL
                             ? "the same command with --resume continues"
                             : "nothing was written");
    }
    return rc;
}

static int score_folds(struct scoring *s, struct fault *fault)
{
    const struct crossval_options *o = s->cv->options;
    struct thread_pool team = {0};
    struct progress progress;
    int rc = thread_pool_open(&team, o->n_threads, fault);
    progress_start(&progress, "score", o->n_folds);
    for (uint32_t set = 0; set < o->n_folds && rc == FAULT_NONE; set++) {
        rc = score_fold(s, &team, set, fault);
        progress_update(&progress, (int64_t)set + 1);
    }
    progress_finish(&progress);
    thread_pool_close(&team);
    return rc;
}

static int open_scoring(struct scoring *s, struct fault *fault)
{
    const struct crossval_options *o = s->cv->options;
    const uint32_t n_columns = list_columns(s->cv, NULL);
    int rc = comparison_open(s->table, o->training->n, n_columns, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const size_t n = (size_t)o->training->n + 1;
    s->columns = calloc(n_columns, sizeof s->columns[0]);
    s->subjects = calloc(n, sizeof s->subjects[0]);
    s->codes = calloc(n, sizeof s->codes[0]);
    s->faults = calloc(n, sizeof s->faults[0]);
    if (s->columns == NULL || s->subjects == NULL || s->codes == NULL || s->faults == NULL) {
        return no_memory(fault);
    }
    (void)model_params_built_in(&s->walk, NULL);
    (void)list_columns(s->cv, s->columns);
    for (uint32_t c = 0; c < n_columns; c++) {
        name_column(s->cv, &s->columns[c], s->table->model[c]);
    }
    for (uint32_t i = 0; i < o->training->n; i++) {
        memcpy(s->table->subject[i], o->training->subjects.name[i], sizeof s->table->subject[i]);
        s->table->fold[i] = s->cv->fold[i] + 1;
    }
    return FAULT_NONE;
}

int crossval_score(const struct crossval *cv, struct comparison *out, struct fault *fault)
{
    struct scoring s = {.cv = cv, .table = out};
    assert(cv->options->n_folds > 0);
    int rc = open_scoring(&s, fault);
    rc = rc ? rc : score_folds(&s, fault);
    rc = rc ? rc : comparison_against(out, 0, cv->options->seed, fault);
    if (rc != FAULT_NONE) {
        comparison_close(out);
    }
    free(s.columns);
    free(s.subjects);
    free(s.codes);
    free(s.faults);
    return rc;
}
