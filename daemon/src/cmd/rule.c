#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "json_writer.h"
#include "rule_ensemble.h"
#include "rule_memory.h"
#include "text_escape.h"
#include "vocabulary.h"

enum { PATH_BYTES = 4096, CELL_BYTES = 64 };

static const char *const OUTCOME_NAME[] = {"correct", "error"};
_Static_assert(sizeof OUTCOME_NAME / sizeof OUTCOME_NAME[0] == MODEL_RULE_PROBE_OUTCOMES,
               "a name for each");
static const char *const PAST_NAME[] = {"settled", "rewarded", "unrewarded"};
_Static_assert(sizeof PAST_NAME / sizeof PAST_NAME[0] == MODEL_RULE_PROBE_PASTS, "a name for each");
static const char *const INDEX_NAME[] = {"asymmetry", "history"};
_Static_assert(sizeof INDEX_NAME / sizeof INDEX_NAME[0] == MODEL_RULE_PROBE_INDICES,
               "a name for each");

static const char *const INTERVAL_NAME[] = {NULL, "seeds", "bootstrap", "posterior"};
_Static_assert(sizeof INTERVAL_NAME / sizeof INTERVAL_NAME[0] == RULE_ENSEMBLE_POSTERIOR + 1,
               "a name for each");

struct request {
    const struct options *options;
    const char *paths[RULE_ENSEMBLE_MODELS_MAX];
    struct option_word rule;
    const char *csv;
    const char *plot;
    struct option_reals weights;
    int64_t history;
    bool is_json;
};

static const char *quantity(const struct rule_ensemble *e)
{
    return model_rule_of(rule_ensemble_kind(e))->sets_offset ? "offset" : "dw";
}

static const char *weight_name(const struct rule_ensemble *e, uint32_t weight)
{
    const model_policy *policy = rule_ensemble_policy(e);
    return weight < policy->n ? model_feature_name(policy->feature[weight]) : "all";
}

static void put_quoted(FILE *to, const char *text)
{
    char clean[PATH_BYTES];
    text_escape_clean(clean, sizeof clean, text);
    putc('"', to);
    for (const char *at = clean; *at != '\0'; at++) {
        if (*at == '"') {
            putc('"', to);
        }
        putc(*at, to);
    }
    putc('"', to);
}

static void put_place(FILE *to, const struct rule_ensemble *e, const char *member, uint32_t weight,
                      uint32_t place, int past, int outcome)
{
    const uint32_t n = rule_ensemble_policy(e)->n;
    put_quoted(to, member);
    fprintf(to, ",%s,%s,%s,%s,", model_rule_name(rule_ensemble_kind(e)), quantity(e),
            weight_name(e, weight), e->places[place].name);
    for (uint32_t i = 0; i < n && e->places[place].n == 1; i++) {
        fprintf(to, "%s%.9g", i > 0 ? ";" : "", e->states[e->places[place].first * n + i]);
    }
    fprintf(to, ",%s,%s", PAST_NAME[past], OUTCOME_NAME[outcome]);
}

/* The rows of one weight in one place: every model, and the ensemble. */
static void put_rows(FILE *to, const struct rule_ensemble *e, uint32_t weight, uint32_t place,
                     int past, int outcome)
{
    const uint32_t n_models = e->draws != NULL ? 0 : e->n_models;
    for (uint32_t m = 0; m <= n_models; m++) {
        const bool is_mean = m == n_models;
        for (size_t x = 0; x < MODEL_RULE_PROBE_STIMULI && (!is_mean || e->n_members > 1); x++) {
            const struct rule_ensemble_value v =
                is_mean ? rule_ensemble_mean_dw(e, place, (model_rule_probe_past)past,
                                                (model_rule_probe_outcome)outcome, x, weight)
                        : (struct rule_ensemble_value){
                              rule_ensemble_dw(e, m, place, (model_rule_probe_past)past,
                                               (model_rule_probe_outcome)outcome, x, weight),
                              (double)NAN, (double)NAN};
            put_place(to, e, is_mean ? "mean" : e->models[m].path, weight, place, past, outcome);
            text_escape_field(to, 9, model_rule_probe_stimulus(x));
            text_escape_field(to, 9, v.mean);
            text_escape_field(to, 9, v.lo);
            text_escape_field(to, 9, v.hi);
            putc('\n', to);
        }
    }
}

static void put_table(FILE *to, const void *what)
{
    const struct rule_ensemble *e = what;
    fputs("member,rule,quantity,weight,state,w,history,outcome,stimulus,value,lo,hi\n", to);
    for (uint32_t i = 0; i < rule_ensemble_policy(e)->n; i++) {
        for (uint32_t k = 0; k < e->n_places; k++) {
            for (int past = 0; past < MODEL_RULE_PROBE_PASTS; past++) {
                for (int outcome = 0; outcome < MODEL_RULE_PROBE_OUTCOMES; outcome++) {
                    put_rows(to, e, i, k, past, outcome);
                }
            }
        }
    }
}

static void print_value(const struct rule_ensemble_value *v)
{
    if (!isfinite(v->mean)) {
        printf("not known: nothing moves");
    } else if (!isfinite(v->lo)) {
        printf("%+.3f", v->mean);
    } else if (rule_ensemble_is_known(v)) {
        printf("%+.3f [%+.3f, %+.3f]", v->mean, v->lo, v->hi);
    } else {
        printf("not known: the interval spans [%+.3f, %+.3f]", v->lo, v->hi);
    }
}

static void print_index(const struct rule_ensemble *e, model_rule_probe_index index)
{
    printf("\n%s\n", INDEX_NAME[index]);
    for (uint32_t i = 0; i <= rule_ensemble_policy(e)->n; i++) {
        const struct rule_ensemble_value v = rule_ensemble_mean_index(e, index, i);
        printf("  %-15s  ", weight_name(e, i));
        print_value(&v);
        putchar('\n');
    }
}

static void print_trials(const struct rule_ensemble *e, enum rule_memory memory)
{
    const struct rule_ensemble_value v = rule_memory_trials(e, memory);
    printf("  of %-12s  ", rule_memory_name(memory));
    if (!isfinite(v.mean)) {
        puts("none");
    } else if (!isfinite(v.lo)) {
        printf("lasts %.3g trials\n", v.mean);
    } else if (rule_memory_is_known(e, memory, &v)) {
        printf("lasts %.3g trials [%.3g, %.3g]\n", v.mean, v.lo, v.hi);
    } else if (rule_memory_is_shown(e, memory)) {
        printf("not known how long: the interval spans [%.3g, %.3g] trials\n", v.lo, v.hi);
    } else {
        puts("not known whether there is one");
    }
}

/* How long a memory lasts, and how much of a step earlier choices are. */
static void print_memory(const struct rule_ensemble *e)
{
    puts("\nmemory");
    for (int memory = 0; memory < RULE_MEMORIES; memory++) {
        print_trials(e, (enum rule_memory)memory);
    }
    puts("\nearlier choices");
    for (uint32_t i = 0; i <= rule_ensemble_policy(e)->n; i++) {
        const struct rule_ensemble_value v = rule_memory_part(e, i);
        printf("  %-15s  ", weight_name(e, i));
        print_value(&v);
        putchar('\n');
    }
    puts("  their part in what a reward teaches, -1 to 1; 0: it teaches of its own choice alone");
}

static void print_indices(const struct rule_ensemble *e)
{
    const char *missing[RULE_ENSEMBLE_MISSING_MAX];
    const uint32_t n = rule_ensemble_missing(e, missing);
    if (n > 0) {
        printf("\nno index: the table of the fit had ");
        for (uint32_t i = 0; i < n; i++) {
            printf("%s%s", i > 0 ? ", " : "", missing[i]);
        }
        putchar('\n');
        return;
    }
    print_index(e, MODEL_RULE_PROBE_ASYMMETRY);
    printf("  (C - E) / (C + E), -1 to 1; C, E: size of the mean %s, towards the choice, after "
           "correct and error trials\n",
           quantity(e));
    print_index(e, MODEL_RULE_PROBE_MEMORY);
    printf("  the same for %u rewarded against %u unrewarded previous trials%s\n",
           (unsigned)e->history, (unsigned)e->history,
           model_rule_of(rule_ensemble_kind(e))->has_memory
               ? ""
               : "; this rule has no memory, so they change nothing");
    if (rule_memory_is_there(e)) {
        print_memory(e);
    }
}

static void name_place(const struct rule_ensemble *e, uint32_t place, char out[CELL_BYTES])
{
    const struct rule_ensemble_place *p = &e->places[place];
    const uint32_t n = rule_ensemble_policy(e)->n;
    size_t used = (size_t)snprintf(out, CELL_BYTES, "%s ", p->name);
    for (uint32_t i = 0; i < n && p->n == 1 && used < CELL_BYTES; i++) {
        used += (size_t)snprintf(out + used, CELL_BYTES - used, "%s%.3g", i > 0 ? "," : "",
                                 e->states[p->first * n + i]);
    }
}

static void print_curves(const struct rule_ensemble *e)
{
    static const size_t SHOWN[] = {0, 5, 9, 10, 14, 19};
    enum { N_SHOWN = sizeof SHOWN / sizeof SHOWN[0] };
    printf("\n%s after a trial of stimulus x\n%-15s %-24s %-8s", quantity(e), "weight", "at w",
           "outcome");
    for (size_t x = 0; x < N_SHOWN; x++) {
        printf("  x = %+.1f", model_rule_probe_stimulus(SHOWN[x]));
    }
    putchar('\n');
    for (uint32_t i = 0; i < rule_ensemble_policy(e)->n; i++) {
        for (uint32_t k = 0; k < e->n_places; k++) {
            char state[CELL_BYTES];
            name_place(e, k, state);
            for (int outcome = 0; outcome < MODEL_RULE_PROBE_OUTCOMES; outcome++) {
                printf("%-15s %-24s %-8s", weight_name(e, i), state, OUTCOME_NAME[outcome]);
                for (size_t x = 0; x < N_SHOWN; x++) {
                    const struct rule_ensemble_value v =
                        rule_ensemble_mean_dw(e, k, MODEL_RULE_PROBE_SETTLED,
                                              (model_rule_probe_outcome)outcome, SHOWN[x], i);
                    printf(" %+9.3g", v.mean);
                }
                putchar('\n');
            }
        }
    }
}

static void print_members(const struct rule_ensemble *e)
{
    const char *words = rule_ensemble_interval_words(e);
    if (words == NULL) {
        printf(
            "models  1: no interval; rule basis fitted in the filter has one, and so have models "
            "of murid fit --bootstrap\n");
    } else {
        printf("models  %u: means%s, and intervals: %s\n", (unsigned)e->n_models,
               e->draws != NULL ? " of its posterior" : "", words);
    }
    printf("asked   at %u %s\n", (unsigned)e->n_states,
           rule_ensemble_is_visited(e) ? "weights w that the animals of the fit had" : "weights w");
}

static void print_text(const struct rule_ensemble *e, bool wrote)
{
    const model_rule_kind kind = rule_ensemble_kind(e);
    char features[MODEL_POLICY_TEXT_MAX] = "";
    (void)model_policy_print(rule_ensemble_policy(e), features, sizeof features);
    printf("rule    %s: %s\npolicy  %s\n", model_rule_name(kind), model_rule_of(kind)->formula,
           features);
    print_members(e);
    if (kind == MODEL_RULE_NONE) {
        printf("\nrule none does not learn: dw = 0 for every weight and trial\n");
        return;
    }
    if (model_rule_of(kind)->sets_offset) {
        printf("\nrule gru_policy moves no weight: shown is the offset o that it adds to them for "
               "the next trial\n");
    }
    print_indices(e);
    print_curves(e);
    if (!wrote) {
        printf("\n--csv FILE.csv writes all of it, --plot FILE.svg a figure\n");
    }
}

static void json_states(struct json_writer *w, const struct rule_ensemble *e)
{
    const uint32_t n = rule_ensemble_policy(e)->n;
    json_line(w, 0);
    json_array(w, "states");
    for (uint32_t k = 0; k < e->n_places; k++) {
        for (uint32_t i = 0; i < e->places[k].n; i++) {
            json_object(w, NULL);
            json_text(w, "name", e->places[k].name);
            json_reals(w, "w", 17, e->states + (e->places[k].first + i) * n, n);
            json_end(w);
        }
    }
    json_end(w);
}

static void json_value(struct json_writer *w, const char *name, const struct rule_ensemble_value *v,
                       bool is_known)
{
    json_object(w, name);
    JSON_REALS(w, {"mean", v->mean}, {"lo", v->lo}, {"hi", v->hi});
    json_bool(w, "known", is_known);
    json_end(w);
}

static void json_weight(struct json_writer *w, const struct rule_ensemble *e, uint32_t weight)
{
    json_object(w, weight_name(e, weight));
    for (int index = 0; index < MODEL_RULE_PROBE_INDICES; index++) {
        const struct rule_ensemble_value v =
            rule_ensemble_mean_index(e, (model_rule_probe_index)index, weight);
        json_value(w, INDEX_NAME[index], &v, rule_ensemble_is_known(&v));
    }
    json_end(w);
}

static void json_memory(struct json_writer *w, const struct rule_ensemble *e)
{
    json_line(w, 0);
    if (!rule_memory_is_there(e)) {
        json_text(w, "memory", NULL);
        return;
    }
    json_object(w, "memory");
    for (int memory = 0; memory < RULE_MEMORIES; memory++) {
        const struct rule_ensemble_value v = rule_memory_trials(e, (enum rule_memory)memory);
        json_object(w, rule_memory_name((enum rule_memory)memory));
        json_value(w, "trials", &v, rule_memory_is_known(e, (enum rule_memory)memory, &v));
        for (uint32_t i = 0; i <= rule_ensemble_policy(e)->n && memory == RULE_MEMORY_CHOICES;
             i++) {
            const struct rule_ensemble_value part = rule_memory_part(e, i);
            json_value(w, weight_name(e, i), &part, rule_ensemble_is_known(&part));
        }
        json_end(w);
    }
    json_end(w);
}

/* With what is missing there is no index. */
static void json_indices(struct json_writer *w, const struct rule_ensemble *e)
{
    const char *missing[RULE_ENSEMBLE_MISSING_MAX];
    const uint32_t n = rule_ensemble_missing(e, missing);
    json_line(w, 0);
    json_array(w, "missing");
    for (uint32_t i = 0; i < n; i++) {
        json_text(w, NULL, missing[i]);
    }
    json_end(w);
    json_line(w, 0);
    if (n > 0) {
        json_text(w, "indices", NULL);
        json_text(w, "memory", NULL);
        return;
    }
    json_object(w, "indices");
    for (uint32_t i = 0; i <= rule_ensemble_policy(e)->n; i++) {
        if (i > 0) {
            json_line(w, 0);
        }
        json_weight(w, e, i);
    }
    json_end(w);
    json_memory(w, e);
}

static void print_json(const struct rule_ensemble *e)
{
    struct json_writer w = {.to = stdout};
    json_object(&w, NULL);
    json_text(&w, "rule", model_rule_name(rule_ensemble_kind(e)));
    json_text(&w, "quantity", quantity(e));
    json_bool(&w, "has_memory", model_rule_of(rule_ensemble_kind(e))->has_memory);
    json_int(&w, "history", e->history);
    json_array(&w, "policy");
    for (uint32_t i = 0; i < rule_ensemble_policy(e)->n; i++) {
        json_text(&w, NULL, weight_name(e, i));
    }
    json_end(&w);
    json_line(&w, 0);
    json_array(&w, "models");
    for (uint32_t m = 0; m < e->n_models; m++) {
        char path[PATH_BYTES];
        text_escape_clean(path, sizeof path, e->models[m].path);
        json_object(&w, NULL);
        json_text(&w, "file", path);
        json_text(&w, "hash", e->models[m].hash);
        json_end(&w);
    }
    json_end(&w);
    json_states(&w, e);
    json_line(&w, 0);
    json_text(&w, "interval", rule_ensemble_interval_words(e));
    json_text(&w, "interval_of", INTERVAL_NAME[e->interval]);
    json_int(&w, "members", e->n_members);
    json_indices(&w, e);
    json_end(&w);
}

static void put_plot(FILE *to, const void *ensemble)
{
    rule_plot(to, ensemble);
}

static int work(void *request, struct fault *fault)
{
    const struct request *r = request;
    struct rule_ensemble e = {0};
    int rc =
        rule_ensemble_open(&e, (uint32_t)r->options->n_arguments, r->paths, r->rule.chosen, fault);
    rc = rc ? rc : rule_ensemble_state(&e, r->weights.n, r->weights.v, fault);
    rc = rc ? rc : rule_ensemble_probe(&e, (uint32_t)r->history, fault);
    rc = rc ? rc : output_file_write(&r->options->guard, r->csv, put_table, &e, fault);
    rc = rc ? rc : output_file_write(&r->options->guard, r->plot, put_plot, &e, fault);
    if (rc == FAULT_NONE && r->is_json) {
        print_json(&e);
    } else if (rc == FAULT_NONE) {
        print_text(&e, r->csv != NULL || r->plot != NULL);
    }
    rule_ensemble_close(&e);
    return rc;
}

int cmd_rule(int argc, char **argv)
{
    struct request r = {.history = 4, .rule = vocabulary_rules()};
    const struct option list[] = {
        {"rule", OPTION_WORD, &r.rule, 0, 0, "RULE", "of a bank, the members of this rule", NULL},
        {"csv", OPTION_OUT, &r.csv, 0, 0, "FILE.csv", "write the curves as a table", NULL},
        COMMAND_PLOT(&r.plot),
        {"weights", OPTION_REALS, &r.weights, -100, 100, "LIST",
         "evaluate at these w: one number per weight; several states one after the other", NULL},
        {"history", OPTION_INT, &r.history, 1, MODEL_RULE_PROBE_HISTORY_MAX, "K",
         "trials before, all rewarded or all unrewarded", NULL},
        COMMAND_JSON(&r.is_json),
    };
    struct options options = {
        .usage = "rule M.safetensors [M2 ...] [--csv FILE.csv] [--plot FILE.svg] [options]",
        .about = "Shows a learning rule: how far a trial moves each weight (dw), by stimulus, "
                 "after a correct trial and after an error, and whether the trials before it "
                 "matter; asymmetry and history as one number each; of rule basis also which "
                 "memory it has and how long that lasts. Asked at weights that the animals "
                 "of the fit had, w held fixed; of a model that does not tell them at w = 0, 1 and "
                 "2 for weights of stimuli (naive, half-trained, trained) and 0 for the others. "
                 "90% intervals: of rule basis from its posterior, of models of one rule and "
                 "policy that were fitted with --bootstrap by these, both for what the "
                 "animals leave unknown; of models from several seeds Student's t, which is of the "
                 "seeds alone. An index whose interval is wider than 1 is not known.",
        COMMAND_OPTIONS(list),
        .arguments = r.paths,
        .arguments_min = 1,
        .arguments_max = RULE_ENSEMBLE_MODELS_MAX};
    r.options = &options;
    return command_run(&options, argc, argv, work, &r);
}
