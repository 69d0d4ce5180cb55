#include "rule_ensemble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double TRAINED[] = {0.0, 1.0, 2.0};
static const char *const TRAINED_NAME[] = {"naive", "half-trained", "trained"};
_Static_assert(sizeof TRAINED_NAME / sizeof TRAINED_NAME[0] == sizeof TRAINED / sizeof TRAINED[0],
               "a name for each");

const model_policy *rule_ensemble_policy(const struct rule_ensemble *e)
{
    return &e->members[0].params->policy;
}

model_rule_kind rule_ensemble_kind(const struct rule_ensemble *e)
{
    return e->members[0].params->rule.kind;
}

static int need_same(const struct rule_ensemble *e, const struct rule_ensemble_member *m,
                     struct fault *fault)
{
    const struct rule_ensemble_member *first = &e->members[0];
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
    for (uint32_t i = 0; i < e->n_members; i++) {
        if (strcmp(e->members[i].hash, file->hash) == 0) {
            return fault_set(fault, FAULT_INPUT, "%s: the same model as %s; another was expected",
                             path, e->members[i].path);
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
    const uint32_t before = e->n_members;
    for (uint32_t i = 0; i < file->bank.n && rc == FAULT_NONE; i++) {
        const model_params *params = &file->bank.member[i];
        struct rule_ensemble_member *m = &e->members[e->n_members];
        if (rule != NULL && strcmp(rule, model_rule_name(params->rule.kind)) != 0) {
            continue;
        }
        if (e->n_members == RULE_ENSEMBLE_MEMBERS_MAX) {
            return fault_set(fault, FAULT_INPUT, "%s: more than %d models", path,
                             RULE_ENSEMBLE_MEMBERS_MAX);
        }
        *m = (struct rule_ensemble_member){.params = params, .hash = file->hash};
        (void)snprintf(m->path, sizeof m->path, "%.200s", path);
        if (model_file_is_bank(file)) {
            const size_t used = strlen(m->path);
            (void)snprintf(m->path + used, sizeof m->path - used, " member %u", (unsigned)i);
        }
        if (rule == NULL && i > 0 && params->rule.kind != file->bank.member[0].rule.kind) {
            return need_rule(file, path, fault);
        }
        rc = e->n_members > 0 ? need_same(e, m, fault) : FAULT_NONE;
        e->n_members += rc == FAULT_NONE ? 1 : 0;
    }
    return rc == FAULT_NONE && e->n_members == before ? need_rule(file, path, fault) : rc;
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
    return rc;
}

int rule_ensemble_state(struct rule_ensemble *e, size_t n, const double w[], struct fault *fault)
{
    const model_policy *policy = rule_ensemble_policy(e);
    if (n == 0) {
        e->n_states = sizeof TRAINED / sizeof TRAINED[0];
        for (uint32_t k = 0; k < e->n_states; k++) {
            e->states[k].name = TRAINED_NAME[k];
            for (uint32_t i = 0; i < policy->n; i++) {
                e->states[k].w[i] =
                    model_feature_is_stimulus(policy->feature[i]) ? TRAINED[k] : 0.0;
            }
        }
        return FAULT_NONE;
    }
    if (n % policy->n != 0 || n / policy->n > RULE_ENSEMBLE_STATES_MAX) {
        return fault_set(fault, FAULT_INPUT,
                         "--weights: %zu numbers; %u for each state were expected", n,
                         (unsigned)policy->n);
    }
    e->n_states = (uint32_t)(n / policy->n);
    for (uint32_t k = 0; k < e->n_states; k++) {
        e->states[k].name = "given";
        memcpy(e->states[k].w, w + k * policy->n, policy->n * sizeof w[0]);
    }
    return FAULT_NONE;
}

int rule_ensemble_probe(struct rule_ensemble *e, uint32_t history, struct fault *fault)
{
    e->history = history;
    e->probes = calloc((size_t)e->n_members * e->n_states, sizeof *e->probes);
    if (e->probes == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for %u models in %u states",
                         (unsigned)e->n_members, (unsigned)e->n_states);
    }
    for (uint32_t m = 0; m < e->n_members; m++) {
        for (uint32_t k = 0; k < e->n_states; k++) {
            const int status = model_rule_probe_run(&e->probes[m * e->n_states + k],
                                                    e->members[m].params, e->states[k].w, history);
            if (status != MODEL_OK) {
                return fault_set(fault, FAULT_WORK, "%s: the rule's step is not finite: %s",
                                 e->members[m].path, model_strerror(status));
            }
        }
    }
    return FAULT_NONE;
}

void rule_ensemble_close(struct rule_ensemble *e)
{
    for (uint32_t i = 0; i < e->n_files; i++) {
        model_file_free(&e->files[i]);
    }
    free(e->files);
    free(e->probes);
    memset(e, 0, sizeof *e);
}

double rule_ensemble_dw(const struct rule_ensemble *e, uint32_t member, uint32_t state,
                        model_rule_probe_past past, model_rule_probe_outcome outcome,
                        size_t stimulus, uint32_t weight)
{
    return e->probes[member * e->n_states + state].dw[past][outcome][stimulus][weight];
}

model_student_t_interval rule_ensemble_mean_dw(const struct rule_ensemble *e, uint32_t state,
                                               model_rule_probe_past past,
                                               model_rule_probe_outcome outcome, size_t stimulus,
                                               uint32_t weight)
{
    double values[RULE_ENSEMBLE_MEMBERS_MAX];
    for (uint32_t m = 0; m < e->n_members; m++) {
        values[m] = rule_ensemble_dw(e, m, state, past, outcome, stimulus, weight);
    }
    return model_student_t_of_mean(e->n_members, values, RULE_ENSEMBLE_CHANCE);
}

double rule_ensemble_index(const struct rule_ensemble *e, uint32_t member,
                           enum rule_ensemble_index index, uint32_t weight)
{
    const uint32_t n = rule_ensemble_policy(e)->n;
    const model_rule_probe *probes = &e->probes[member * e->n_states];
    const size_t first = weight < n ? weight : 0;
    const size_t n_weights = weight < n ? 1 : n;
    return index == RULE_ENSEMBLE_ASYMMETRY
               ? model_rule_probe_asymmetry(e->n_states, probes, first, n_weights)
               : model_rule_probe_memory(e->n_states, probes, first, n_weights);
}

model_student_t_interval rule_ensemble_mean_index(const struct rule_ensemble *e,
                                                  enum rule_ensemble_index index, uint32_t weight)
{
    double values[RULE_ENSEMBLE_MEMBERS_MAX];
    for (uint32_t m = 0; m < e->n_members; m++) {
        values[m] = rule_ensemble_index(e, m, index, weight);
    }
    return model_student_t_of_mean(e->n_members, values, RULE_ENSEMBLE_CHANCE);
}
