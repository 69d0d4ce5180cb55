#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "escape.h"
#include "learner.h"
#include "model_file.h"
#include "options.h"
#include "progress.h"
#include "subjects.h"
#include "table.h"

enum { ROWS_A_LOOK = 256 };

static const double CHANCE_NATS = 0.69314718055994530942; /* ln 2 */

struct animal {
    char session[PROTO_ID_MAX + 1];
    struct learner learner;
};

struct eval {
    struct learner_models models;
    struct subjects subjects;
    struct animal *animals; /* by the subject's number */
    uint32_t n;
    uint32_t capacity;
};

/* Points *out to the animal of that name, a new one if it was not seen yet. */
static int find_animal(struct eval *e, const struct table *table, const char *name,
                       struct animal **out, struct fault *fault)
{
    uint32_t number;
    const int rc = subjects_find(&e->subjects, table, name, &number, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (number == e->n && e->n == e->capacity) {
        const uint32_t capacity = e->capacity > 0 ? 2 * e->capacity : 16;
        struct animal *animals = realloc(e->animals, capacity * sizeof *animals);
        if (animals == NULL) {
            return fault_set(fault, FAULT_WORK, "no memory for %u subjects", capacity);
        }
        e->animals = animals;
        e->capacity = capacity;
    }
    *out = &e->animals[number];
    if (number == e->n) {
        memset(*out, 0, sizeof **out);
        learner_init(&(*out)->learner, &e->models);
        e->n++;
    }
    return FAULT_NONE;
}

static int take_row(struct eval *e, const struct table *table, const struct table_row *row,
                    struct fault *fault)
{
    struct animal *animal = NULL;
    const int rc = find_animal(e, table, row->subject, &animal, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (strcmp(animal->session, row->session) != 0) {
        memcpy(animal->session, row->session, sizeof animal->session);
        learner_start_session(&animal->learner, &e->models);
    }
    const model_trial trial = {.contrast = row->stimulus,
                               .reward = row->reward,
                               .rt_s = row->rt_s,
                               .choice = row->choice,
                               .side = row->side};
    struct learner_outcome outcome;
    const int status = learner_observe(&animal->learner, &e->models, &trial, &outcome);
    if (status != MODEL_OK) {
        return fault_set(fault, FAULT_WORK,
                         "%s:%lld: the twin of %s could not take this trial up: %s", table->path,
                         (long long)table->line, row->subject, model_strerror(status));
    }
    return FAULT_NONE;
}

static int read_rows(struct eval *e, struct table *table, struct fault *fault)
{
    struct stat info;
    struct progress progress;
    const bool is_file = fstat(fileno(table->file), &info) == 0 && S_ISREG(info.st_mode);
    progress_start(&progress, "eval", is_file ? (int64_t)info.st_size : 0);
    struct table_row row;
    int rc = FAULT_NONE;
    int64_t n = 0;
    int got = table_next(table, &row, fault);
    for (; got == 1 && rc == FAULT_NONE; got = table_next(table, &row, fault)) {
        rc = take_row(e, table, &row, fault);
        if (++n % ROWS_A_LOOK == 0) {
            if (progress_interrupted()) {
                rc = fault_set(fault, FAULT_WORK, "%s:%lld: interrupted", table->path,
                               (long long)table->line);
            }
            progress_update(&progress, is_file ? (int64_t)ftello(table->file) : n);
        }
    }
    progress_finish(&progress);
    if (rc == FAULT_NONE && n == 0 && got == 0) {
        return fault_set(fault, FAULT_INPUT, "%s: no trials; rows under the header were expected",
                         table->path);
    }
    return rc != FAULT_NONE ? rc : got < 0 ? FAULT_INPUT : FAULT_NONE;
}

static void print_row(const char *name, int width, const model_score *s)
{
    printf("%-*s %8lld %8.4f %8.4f %8.4f %8.4f %8.4f %8.4f\n", width, name, (long long)s->n,
           model_score_mean_nats(s), model_score_mean_baseline_nats(s), CHANCE_NATS,
           model_score_accuracy(s), model_score_mean_brier(s), model_score_ece(s));
}

static void print_table(const struct eval *e, const model_score *pooled)
{
    int width = 7;
    for (uint32_t i = 0; i < e->n; i++) {
        const int n = (int)strlen(e->subjects.name[i]);
        width = n > width ? n : width;
    }
    printf("%-*s %8s %8s %8s %8s %8s %8s %8s\n", width, "subject", "trials", "nats", "walk",
           "chance", "accuracy", "brier", "ece");
    for (uint32_t i = 0; i < e->n; i++) {
        print_row(e->subjects.name[i], width, &e->animals[i].learner.score);
    }
    print_row("pooled", width, pooled);
}

static void print_score(const model_score *s)
{
    printf("{");
    escape_json_real(stdout, "nats", model_score_mean_nats(s));
    printf(", ");
    escape_json_real(stdout, "accuracy", model_score_accuracy(s));
    printf(", ");
    escape_json_real(stdout, "brier", model_score_mean_brier(s));
    printf(", ");
    escape_json_real(stdout, "ece", model_score_ece(s));
    printf(", ");
    escape_json_real(stdout, "baseline_nats", model_score_mean_baseline_nats(s));
    printf(", ");
    printf("\"n\": %lld}", (long long)s->n);
}

static void print_json(const struct eval *e, const model_score *pooled)
{
    printf("{\"pooled\": ");
    print_score(pooled);
    printf(", \"subjects\": {");
    for (uint32_t i = 0; i < e->n; i++) {
        printf("%s\"%s\": ", i > 0 ? ", " : "", e->subjects.name[i]);
        print_score(&e->animals[i].learner.score);
    }
    printf("}}\n");
}

static int evaluate(const char *path, const char *features, const char *model_path, bool json,
                    struct fault *fault)
{
    struct table table = {0};
    struct model_file twin = {0};
    struct eval *e = calloc(1, sizeof *e);
    model_params baseline;
    int rc = e != NULL ? FAULT_NONE : fault_set(fault, FAULT_WORK, "no memory");
    if (rc == FAULT_NONE && model_params_built_in(&baseline, features) != MODEL_OK) {
        rc = fault_set(fault, FAULT_INPUT,
                       "option policy: \"%.100s\" is not a list of known features", features);
    }
    if (rc == FAULT_NONE && model_path != NULL) {
        rc = model_file_load(model_path, &twin, fault);
    }
    if (rc == FAULT_NONE) {
        e->models.baseline = &baseline;
        e->models.twin = model_path != NULL ? &twin.params : &baseline;
        rc = table_open(&table, path, fault);
    }
    if (rc == FAULT_NONE) {
        rc = read_rows(e, &table, fault);
    }
    if (rc == FAULT_NONE) {
        model_score pooled;
        model_score_reset(&pooled);
        for (uint32_t i = 0; i < e->n; i++) {
            model_score_add(&pooled, &e->animals[i].learner.score);
        }
        if (json) {
            print_json(e, &pooled);
        } else {
            print_table(e, &pooled);
        }
    }
    table_close(&table);
    model_file_free(&twin);
    if (e != NULL) {
        free(e->animals);
        subjects_free(&e->subjects);
    }
    free(e);
    return rc;
}

int cmd_eval(int argc, char **argv)
{
    const char *path = NULL;
    const char *model = NULL;
    const char *features = NULL;
    bool json = false;
    const struct option list[] = {
        {"model", OPTION_TEXT, &model, 0, 0, "M", "model file; without it, the random walk", NULL},
        {"policy", OPTION_TEXT, &features, 0, 0, "FEATURES",
         "of the random walk (stimulus,bias,prev_choice)", NULL},
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "the same for programs", NULL},
    };
    struct options options = {
        .usage = "eval DATA.csv [--model M] [--policy FEATURES] [--json]",
        .about = "How well each choice is predicted before it is read, trial after trial: nats a\n"
                 "trial of the model, of the built-in random walk and of chance (ln 2), accuracy,\n"
                 "Brier score and calibration error (10 bins), for each subject and over all\n"
                 "trials. DATA.csv \"-\" is standard input.",
        .list = list,
        .n = sizeof list / sizeof list[0],
        .arguments = &path,
        .arguments_min = 1,
        .arguments_max = 1};
    int code = 0;
    if (!options_read(&options, argc, argv, &code)) {
        return code;
    }
    struct fault fault;
    progress_catch_interrupts();
    const int rc = evaluate(path, features, model, json, &fault);
    return rc == FAULT_NONE ? 0 : fault_report(&fault, rc);
}
