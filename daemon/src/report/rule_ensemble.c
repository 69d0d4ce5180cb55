#include "rule_ensemble.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/fieller.h"
#include "model/percentile.h"
#include "model/student_t.h"

static const double TRAINED[] = {0.0, 1.0, 2.0};
static const char *const TRAINED_NAME[] = {"naive", "half-trained", "trained"};
_Static_assert(sizeof TRAINED_NAME / sizeof TRAINED_NAME[0] == sizeof TRAINED / sizeof TRAINED[0],
               "a name for each");
static const double CHOICES_LEAST = 2000.0; /* with fewer, intervals do not hold */
static const char VISITED[] = "visited";
_Static_assert((int)RULE_ENSEMBLE_MEMBERS_MAX <= (int)MODEL_FIELLER_DRAWS_MAX, "room for all");
_Static_assert((int)RULE_ENSEMBLE_MODELS_MAX <= (int)RULE_ENSEMBLE_MEMBERS_MAX, "room for all");

const model_policy *rule_ensemble_policy(const struct rule_ensemble *e)
{
    return &e->models[0].params->policy;
}

model_rule_kind rule_ensemble_kind(const struct rule_ensemble *e)
{
    return e->models[0].params->rule.kind;
}

const model_params *rule_ensemble_member(const struct rule_ensemble *e, uint32_t member)
{
    return e->draws != NULL ? &e->draws[member] : e->models[member].params;
}

static int need_same(const struct rule_ensemble *e, const struct rule_ensemble_model *m,
                     struct fault *fault)
{
    const struct rule_ensemble_model *first = &e->models[0];
    char found[MODEL_POLICY_TEXT_MAX];
    char expected[MODEL_POLICY_TEXT_MAX];
    if (m->params->rule.kind != first->params->rule.kind ||
        !model_policy_equals(&m->params->policy, &first->params->policy)) {
        (void)model_policy_print(&m->params->policy, found, sizeof found);
        (void)model_policy_print(&first->params->policy, expected, sizeof expected);
        return fault_set(fault, FAULT_INPUT,
                         "%s: rule %s of policy %s (%s); %s of %s (%s) was expected, as in %s",
                         m->path, model_rule_name(m->params->rule.kind), found,
                         model_transform_name(m->params->policy.transform),
                         model_rule_name(first->params->rule.kind), expected,
                         model_transform_name(first->params->policy.transform), first->path);
    }
    return FAULT_NONE;
}

static int need_another(const struct rule_ensemble *e, const struct model_file *file,
                        const char *path, struct fault *fault)
{
    for (uint32_t i = 0; i < e->n_models; i++) {
        if (strcmp(e->models[i].hash, file->hash) == 0) {
            return fault_set(fault, FAULT_INPUT, "%s: the same model as %s; another was expected",
                             path, e->models[i].path);
        }
    }
    return FAULT_NONE;
}

static int need_rule(const struct model_file *file, const char *path, struct fault *fault)
{
    char rules[MODEL_BANK_MAX * 16] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < file->bank.n && used < sizeof rules; i++) {
        used += (size_t)snprintf(rules + used, sizeof rules - used, "%s%s", i > 0 ? ", " : "",
                                 model_rule_name(file->bank.member[i].rule.kind));
    }
    return fault_set(fault, FAULT_INPUT,
                     "%s: has %s; one rule was expected: choose one with --rule", path, rules);
}

static int collect(struct rule_ensemble *e, const struct model_file *file, const char *path,
                   const char *rule, struct fault *fault)
{
    int rc = need_another(e, file, path, fault);
    const uint32_t before = e->n_models;
    for (uint32_t i = 0; i < file->bank.n && rc == FAULT_NONE; i++) {
        const model_params *params = &file->bank.member[i];
        struct rule_ensemble_model *m = &e->models[e->n_models];
        if (rule != NULL && strcmp(rule, model_rule_name(params->rule.kind)) != 0) {
            continue;
        }
        if (e->n_models == RULE_ENSEMBLE_MODELS_MAX) {
            return fault_set(fault, FAULT_INPUT, "%s: more than %d models", path,
                             RULE_ENSEMBLE_MODELS_MAX);
        }
        *m = (struct rule_ensemble_model){
            .params = params, .fit = &file->members[i].fit, .hash = file->hash};
        (void)snprintf(m->path, sizeof m->path, "%.200s", path);
        if (model_file_is_bank(file)) {
            const size_t used = strlen(m->path);
            (void)snprintf(m->path + used, sizeof m->path - used, " member %u", (unsigned)i);
        }
        if (rule == NULL && i > 0 && params->rule.kind != file->bank.member[0].rule.kind) {
            return need_rule(file, path, fault);
        }
        rc = e->n_models > 0 ? need_same(e, m, fault) : FAULT_NONE;
        e->n_models += rc == FAULT_NONE ? 1 : 0;
    }
    return rc == FAULT_NONE && e->n_models == before ? need_rule(file, path, fault) : rc;
}

/* The rule of every draw, for the rest as the model is. */
static int draw_members(struct rule_ensemble *e, struct fault *fault)
{
    const model_params *params = e->models[0].params;
    const struct model_file_fit *fit = e->models[0].fit;
    const size_t n = params->policy.n;
    e->n_members = MODEL_FILE_DRAWS;
    e->draws = calloc(e->n_members, sizeof *e->draws);
    if (e->draws == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for the draws of a posterior");
    }
    for (size_t m = 0; m < e->n_members; m++) {
        model_rule *rule = &e->draws[m].rule;
        e->draws[m] = *params;
        rule->memory = (double)fit->memory[m];
        for (size_t i = 0; i < n; i++) {
            rule->decay[i] = (double)fit->decay[m];
            for (size_t k = 0; k < MODEL_BASIS_TERMS; k++) {
                rule->coefficient[k][i] =
                    (double)fit->coefficient[(m * MODEL_BASIS_TERMS + k) * n + i];
            }
        }
    }
    return FAULT_NONE;
}

static double count_of(const struct rule_ensemble_model *m, enum model_file_count count)
{
    return m->fit->counts != NULL ? (double)m->fit->counts[count] : (double)NAN;
}

/* Who the members are, and what their intervals are of. */
static int choose_members(struct rule_ensemble *e, struct fault *fault)
{
    bool is_resampled = true;
    for (uint32_t i = 0; i < e->n_models; i++) {
        is_resampled = is_resampled && count_of(&e->models[i], MODEL_FILE_RESAMPLED) > 0.0;
    }
    e->n_members = e->n_models;
    e->interval = e->n_models == 1 ? RULE_ENSEMBLE_NONE
                  : is_resampled   ? RULE_ENSEMBLE_BOOTSTRAP
                                   : RULE_ENSEMBLE_SEEDS;
    if (e->n_models == 1 && e->models[0].fit->coefficient != NULL) {
        e->interval = RULE_ENSEMBLE_POSTERIOR;
        return draw_members(e, fault);
    }
    return FAULT_NONE;
}

int rule_ensemble_open(struct rule_ensemble *e, uint32_t n, const char *const paths[],
                       const char *rule, struct fault *fault)
{
    e->files = calloc(n, sizeof *e->files);
    if (e->files == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for %u models", (unsigned)n);
    }
    int rc = FAULT_NONE;
    for (uint32_t i = 0; i < n && rc == FAULT_NONE; i++) {
        rc = model_file_load(paths[i], &e->files[i], fault);
        if (rc == FAULT_NONE) {
            e->n_files++;
            rc = collect(e, &e->files[i], paths[i], rule, fault);
        }
    }
    return rc ? rc : choose_members(e, fault);
}

static void add_place(struct rule_ensemble *e, const char *name, uint32_t n)
{
    e->places[e->n_places++] =
        (struct rule_ensemble_place){.name = name, .first = e->n_states, .n = n};
    e->n_states += n;
}

bool rule_ensemble_is_visited(const struct rule_ensemble *e)
{
    return e->n_places == 1 && strcmp(e->places[0].name, VISITED) == 0;
}

/* The models' in turn. False if one does not tell. */
static bool take_visited(struct rule_ensemble *e)
{
    const size_t n = rule_ensemble_policy(e)->n;
    for (uint32_t i = 0; i < e->n_models; i++) {
        if (e->models[i].fit->visited == NULL) {
            return false;
        }
    }
    for (size_t k = 0; k < MODEL_FILE_VISITED; k++) {
        const float *from = e->models[k % e->n_models].fit->visited;
        for (size_t i = 0; i < n; i++) {
            e->states[k * n + i] = (double)from[k * n + i];
        }
    }
    add_place(e, VISITED, MODEL_FILE_VISITED);
    return true;
}

static void take_trained(struct rule_ensemble *e)
{
    const model_policy *policy = rule_ensemble_policy(e);
    for (size_t k = 0; k < sizeof TRAINED / sizeof TRAINED[0]; k++) {
        for (size_t i = 0; i < policy->n; i++) {
            e->states[k * policy->n + i] =
                model_feature_is_stimulus(policy->feature[i]) ? TRAINED[k] : 0.0;
        }
        add_place(e, TRAINED_NAME[k], 1);
    }
}

int rule_ensemble_state(struct rule_ensemble *e, size_t n, const double w[], struct fault *fault)
{
    const model_policy *policy = rule_ensemble_policy(e);
    if (n == 0) {
        if (!take_visited(e)) {
            take_trained(e);
        }
        return FAULT_NONE;
    }
    if (n % policy->n != 0 || n / policy->n > RULE_ENSEMBLE_STATES_MAX) {
        return fault_set(fault, FAULT_INPUT,
                         "--weights: %zu numbers; %u for each state were expected", n,
                         (unsigned)policy->n);
    }
    memcpy(e->states, w, n * sizeof w[0]);
    while (e->n_states < n / policy->n) {
        add_place(e, "given", 1);
    }
    return FAULT_NONE;
}

static int probe_rule(struct rule_ensemble *e, uint32_t number, const model_params *params,
                      const char *path, struct fault *fault)
{
    const size_t n = rule_ensemble_policy(e)->n;
    for (uint32_t k = 0; k < e->n_places; k++) {
        const struct rule_ensemble_place *place = &e->places[k];
        const int status = model_rule_probe_run(&e->probes[number * e->n_places + k], params,
                                                place->n, e->states + place->first * n, e->history);
        if (status != MODEL_OK) {
            return fault_set(fault, FAULT_WORK, "%s: the rule's step is not finite: %s", path,
                             model_strerror(status));
        }
    }
    return FAULT_NONE;
}

int rule_ensemble_probe(struct rule_ensemble *e, uint32_t history, struct fault *fault)
{
    const bool has_draws = e->draws != NULL;
    int rc = FAULT_NONE;
    e->history = history;
    e->probes = calloc(((size_t)e->n_members + 1) * e->n_places, sizeof *e->probes);
    if (e->probes == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for %u members in %u states",
                         (unsigned)e->n_members, (unsigned)e->n_states);
    }
    for (uint32_t m = 0; m < e->n_members && rc == FAULT_NONE; m++) {
        rc = probe_rule(e, m, rule_ensemble_member(e, m), e->models[has_draws ? 0 : m].path, fault);
    }
    return rc == FAULT_NONE && has_draws
               ? probe_rule(e, e->n_members, e->models[0].params, e->models[0].path, fault)
               : rc;
}

void rule_ensemble_close(struct rule_ensemble *e)
{
    for (uint32_t i = 0; i < e->n_files; i++) {
        model_file_free(&e->files[i]);
    }
    free(e->files);
    free(e->draws);
    free(e->probes);
    memset(e, 0, sizeof *e);
}

const char *rule_ensemble_interval_words(const struct rule_ensemble *e)
{
    switch (e->interval) {
    case RULE_ENSEMBLE_SEEDS:
        return "90%, Student's t over the models: the variation between seeds alone, no statement "
               "about animals";
    case RULE_ENSEMBLE_BOOTSTRAP:
        return "90%, by models fitted to animals drawn with replacement";
    case RULE_ENSEMBLE_POSTERIOR:
        return "90%, by draws from the posterior";
    case RULE_ENSEMBLE_NONE:
        break;
    }
    return NULL;
}

/* The most that a model's table had; a bootstrap may have missed some. NaN: not known of one. */
static double most_of(const struct rule_ensemble *e, enum model_file_count count)
{
    double most = 0.0;
    for (uint32_t i = 0; i < e->n_models && !isnan(most); i++) {
        const double n = count_of(&e->models[i], count);
        most = isnan(n) ? n : fmax(most, n);
    }
    return most;
}

uint32_t rule_ensemble_missing(const struct rule_ensemble *e,
                               const char *out[RULE_ENSEMBLE_MISSING_MAX])
{
    static const struct {
        enum model_file_count count;
        double least;
        const char *text;
    } NEEDED[] = {{MODEL_FILE_CORRECT, 1.0, "no correct choices"},
                  {MODEL_FILE_ERRORS, 1.0, "no errors"},
                  {MODEL_FILE_REWARDED, 1.0, "no rewarded trials"},
                  {MODEL_FILE_UNREWARDED, 1.0, "only rewarded trials"},
                  {MODEL_FILE_STIMULI, 2.0, "one stimulus value"},
                  {MODEL_FILE_ANIMALS, 2.0, "one animal"}};
    _Static_assert(sizeof NEEDED / sizeof NEEDED[0] < RULE_ENSEMBLE_MISSING_MAX - 1,
                   "room for all");
    uint32_t n = 0;
    const double choices = most_of(e, MODEL_FILE_CORRECT) + most_of(e, MODEL_FILE_ERRORS);
    const double known = most_of(e, MODEL_FILE_REWARDED) + most_of(e, MODEL_FILE_UNREWARDED);
    for (size_t i = 0; i < sizeof NEEDED / sizeof NEEDED[0]; i++) {
        const bool is_reward =
            NEEDED[i].count == MODEL_FILE_REWARDED || NEEDED[i].count == MODEL_FILE_UNREWARDED;
        if (most_of(e, NEEDED[i].count) < NEEDED[i].least && !(is_reward && known == 0.0)) {
            out[n++] = NEEDED[i].text;
        }
    }
    if (known < (1.0 - MODEL_FILE_UNKNOWN_MAX) * choices) {
        out[n++] = "unknown rewards";
    }
    if (choices < CHOICES_LEAST) {
        out[n++] = "fewer than 2000 choices";
    }
    return n;
}

double rule_ensemble_dw(const struct rule_ensemble *e, uint32_t member, uint32_t place,
                        model_rule_probe_past past, model_rule_probe_outcome outcome,
                        size_t stimulus, uint32_t weight)
{
    const uint32_t first = place < e->n_places ? place : 0;
    const uint32_t n = place < e->n_places ? 1 : e->n_places;
    double sum = 0.0;
    for (uint32_t k = first; k < first + n; k++) {
        sum += e->probes[member * e->n_places + k].dw[past][outcome][stimulus][weight];
    }
    return sum / n;
}

/* One end of the percentiles; what is not a number counts as `unknown`. */
static double end_of(uint32_t n, const double values[], double share, double unknown)
{
    double sorted[RULE_ENSEMBLE_MEMBERS_MAX];
    for (uint32_t i = 0; i < n; i++) {
        sorted[i] = isnan(values[i]) ? unknown : values[i];
    }
    model_percentile_sort(n, sorted);
    return model_percentile(n, sorted, share);
}

static bool has_percentiles(const struct rule_ensemble *e)
{
    return e->interval == RULE_ENSEMBLE_BOOTSTRAP || e->interval == RULE_ENSEMBLE_POSTERIOR;
}

static struct rule_ensemble_value percentiles_of(uint32_t n, const double values[])
{
    const double tail = 0.5 * (1.0 - RULE_ENSEMBLE_CHANCE);
    double sum = 0.0;
    uint32_t known = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += isnan(values[i]) ? 0.0 : values[i];
        known += isnan(values[i]) ? 0 : 1;
    }
    if (known == 0) {
        return (struct rule_ensemble_value){(double)NAN, (double)NAN, (double)NAN};
    }
    return (struct rule_ensemble_value){.mean = sum / known,
                                        .lo = end_of(n, values, tail, -1.0),
                                        .hi = end_of(n, values, 1.0 - tail, 1.0)};
}

struct rule_ensemble_value rule_ensemble_value_of(const struct rule_ensemble *e,
                                                  const double values[])
{
    if (has_percentiles(e)) {
        struct rule_ensemble_value v = percentiles_of(e->n_members, values);
        if (e->interval == RULE_ENSEMBLE_POSTERIOR) {
            v.mean = values[e->n_members];
            v.lo = fmin(v.lo, v.mean);
            v.hi = fmax(v.hi, v.mean);
        }
        return v;
    }
    const model_student_t_interval t =
        model_student_t_of_mean(e->n_members, values, RULE_ENSEMBLE_CHANCE);
    return (struct rule_ensemble_value){t.mean, t.lo, t.hi};
}

static uint32_t count_probed(const struct rule_ensemble *e)
{
    return e->n_members + (e->draws != NULL ? 1 : 0);
}

struct rule_ensemble_value rule_ensemble_mean_dw(const struct rule_ensemble *e, uint32_t place,
                                                 model_rule_probe_past past,
                                                 model_rule_probe_outcome outcome, size_t stimulus,
                                                 uint32_t weight)
{
    double values[RULE_ENSEMBLE_MEMBERS_MAX + 1];
    for (uint32_t m = 0; m < count_probed(e); m++) {
        values[m] = rule_ensemble_dw(e, m, place, past, outcome, stimulus, weight);
    }
    return rule_ensemble_value_of(e, values);
}

/* A rule without memory has an index of memory that is 0 to the bit. */
static bool has_index(const struct rule_ensemble *e, model_rule_probe_index index)
{
    return index == MODEL_RULE_PROBE_ASYMMETRY || model_rule_of(rule_ensemble_kind(e))->has_memory;
}

/* By the members' parts of the index, of the m that each has. */
static model_fieller compare_parts(const struct rule_ensemble *e, model_rule_probe_index index,
                                   size_t first, size_t n_weights)
{
    double parts[2][RULE_ENSEMBLE_MEMBERS_MAX * MODEL_RULE_PROBE_PARTS_MAX];
    size_t m = 0;
    for (uint32_t k = 0; k < e->n_members; k++) {
        m = model_rule_probe_parts(index, e->n_places, &e->probes[k * e->n_places], first,
                                   n_weights, &parts[0][k * m], &parts[1][k * m]);
    }
    return model_fieller_index(e->n_members, m, parts[0], parts[1], RULE_ENSEMBLE_CHANCE);
}

struct rule_ensemble_value rule_ensemble_mean_index(const struct rule_ensemble *e,
                                                    model_rule_probe_index index, uint32_t weight)
{
    const uint32_t n = rule_ensemble_policy(e)->n;
    const size_t first = weight < n ? weight : 0;
    const size_t n_weights = weight < n ? 1 : n;
    double values[RULE_ENSEMBLE_MEMBERS_MAX + 1];
    for (uint32_t m = 0; m < count_probed(e); m++) {
        values[m] = model_rule_probe_contrast(index, e->n_places, &e->probes[m * e->n_places],
                                              first, n_weights);
    }
    struct rule_ensemble_value v = rule_ensemble_value_of(e, values);
    if (has_percentiles(e) && has_index(e, index) && isfinite(v.mean)) {
        const model_fieller f = compare_parts(e, index, first, n_weights);
        v.lo = fmin(f.lo, v.mean);
        v.hi = fmax(f.hi, v.mean);
    }
    return v;
}

bool rule_ensemble_is_known(const struct rule_ensemble_value *index)
{
    return isfinite(index->mean) && !(index->hi - index->lo > RULE_ENSEMBLE_WIDTH_MAX);
}
