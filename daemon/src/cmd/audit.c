#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit_message.h"
#include "audit_report.h"
#include "command.h"
#include "json_writer.h"
#include "model_options.h"
#include "progress.h"
#include "protocol_file.h"
#include "stage_simulation.h"
#include "vocabulary.h"

struct request {
    const struct options *options;
    const char *path[2]; /* protocol, data */
    const char *subject;
    struct option_word defects;
    const char *model;
    int64_t per_alarm;
    bool is_json;
    struct trial_table_options table;
    bool is_simulation;
    bool found; /* something was called */
    int64_t mice;
    int64_t sessions;
    int64_t seed;
    struct model_options spec;
};

static void print_alarm(const struct audit_report *a, const struct audit_report_alarm *alarm)
{
    char text[2 * AUDIT_MESSAGE_MAX];
    audit_message_print(&alarm->what, a->params, text, sizeof text);
    printf("%s session %s trial %" PRId64 ", e-value %.3g: %s\n", a->subjects[alarm->subject]->name,
           alarm->session, alarm->trial, alarm->what.e_value, text);
}

static double most_of_all(const struct audit_report *a, int rule)
{
    double most = 0.0;
    for (uint32_t i = 0; i < a->n_subjects; i++) {
        most = a->subjects[i]->most[rule] > most ? a->subjects[i]->most[rule] : most;
    }
    return most;
}

static void print_text(const struct audit_report *a)
{
    int64_t trials = 0;
    int64_t sessions = 0;
    for (uint32_t i = 0; i < a->n_subjects; i++) {
        trials += a->subjects[i]->n_trials;
        sessions += a->subjects[i]->n_sessions;
    }
    printf("protocol %s: %" PRIu32 " animals, %" PRId64 " sessions, %" PRId64 " trials\n",
           a->params->protocol.name, a->n_subjects, sessions, trials);
    if (a->n_stages_unknown > 0) {
        printf("%" PRId64
               " trials name a stage that the protocol does not have, like %s: taken as unknown\n",
               a->n_stages_unknown, a->stage_unknown);
    }
    for (uint32_t i = 0; i < a->n_alarms; i++) {
        print_alarm(a, &a->alarms[i]);
    }
    printf("%s\n%-12s %s\n", a->n_alarms > 0 ? "" : "no violation", "rule",
           "highest e-value of an animal");
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        printf("%-12s %.3g\n", model_audit_rule_name((model_audit_rule)i), most_of_all(a, i));
    }
    printf("alarm from %g\n", a->params->sessions_per_alarm);
}

static void json_alarm(struct json_writer *w, const struct audit_report *a,
                       const struct audit_report_alarm *alarm)
{
    char text[2 * AUDIT_MESSAGE_MAX];
    const model_audit_alarm *what = &alarm->what;
    audit_message_print(what, a->params, text, sizeof text);
    json_line(w, 0);
    json_object(w, NULL);
    json_text(w, "subject", a->subjects[alarm->subject]->name);
    json_text(w, "session", alarm->session);
    json_int(w, "trial", alarm->trial);
    json_text(w, "rule", model_audit_rule_name(what->rule));
    json_bool(w, "foreign", what->is_foreign);
    json_array(w, "rules");
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        if ((what->rules >> i & 1) != 0) {
            json_text(w, NULL, model_audit_rule_name((model_audit_rule)i));
        }
    }
    json_end(w);
    json_real(w, "e_value", what->e_value);
    json_int(w, "trials", what->n);
    json_int(w, "hits", what->hits);
    json_text(w, "text", text);
    json_end(w);
}

static void json_subject(struct json_writer *w, const struct audit_report_subject *s)
{
    json_line(w, 0);
    json_object(w, s->name);
    json_int(w, "sessions", s->n_sessions);
    json_int(w, "trials", s->n_trials);
    json_object(w, "e_values");
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        json_real(w, model_audit_rule_name((model_audit_rule)i), s->most[i]);
    }
    json_end(w);
    json_end(w);
}

static void print_json(const struct audit_report *a)
{
    struct json_writer w = {.to = stdout};
    json_object(&w, NULL);
    json_text(&w, "protocol", a->params->protocol.name);
    json_real(&w, "alarm_from", a->params->sessions_per_alarm);
    json_int(&w, "stages_unknown", a->n_stages_unknown);
    json_array(&w, "alarms");
    for (uint32_t i = 0; i < a->n_alarms; i++) {
        json_alarm(&w, a, &a->alarms[i]);
    }
    json_end(&w);
    json_object(&w, "subjects");
    for (uint32_t i = 0; i < a->n_subjects; i++) {
        json_subject(&w, a->subjects[i]);
    }
    json_end(&w);
    json_end(&w);
}

static int audit_trials(struct request *r, const model_protocol *protocol, struct fault *fault)
{
    struct audit_report a;
    model_audit_params *params = malloc(sizeof *params);
    if (params == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    int rc = FAULT_NONE;
    if (model_audit_params_init(params, protocol, (double)r->per_alarm) != MODEL_OK) {
        rc = fault_set(
            fault, FAULT_INPUT,
            "%s: its stages have more than %d contrasts together, which cannot be audited",
            r->path[0], MODEL_AUDIT_CONTRASTS);
    }
    rc = rc ? rc
            : audit_report_read(&a, params, r->path[1], r->subject, trial_table_how(&r->table),
                                fault);
    if (rc == FAULT_NONE) {
        r->found = a.n_alarms > 0;
        (r->is_json ? print_json : print_text)(&a);
        audit_report_close(&a);
    }
    free(params);
    return rc;
}

static void print_arrivals(const struct stage_simulation *t, const model_protocol *protocol)
{
    printf("protocol %s: %" PRId64 " virtual mice, up to %" PRId64 " sessions each\n",
           protocol->name, t->n, t->sessions);
    printf("%-16s %7s %9s %9s\n", "stage", "reached", "session", "trial");
    for (uint32_t i = 0; i < protocol->n_stages; i++) {
        double session;
        double trial;
        const int64_t n = stage_simulation_arrived(t, i, &session, &trial);
        printf("%-16s %6.1f%% ", protocol->stage[i].name, 100.0 * (double)n / (double)t->n);
        if (n > 0) {
            printf("%9.1f %9.1f\n", session, trial);
        } else {
            printf("%9s %9s\n", "-", "-");
        }
    }
    printf("session and trial at which a mouse reaches it: medians of those that do\n");
}

static void json_arrivals(const struct stage_simulation *t, const model_protocol *protocol)
{
    struct json_writer w = {.to = stdout};
    json_object(&w, NULL);
    json_text(&w, "protocol", protocol->name);
    JSON_INTS(&w, {"mice", t->n}, {"sessions", t->sessions}, {"trials", t->n_trials});
    json_array(&w, "stages");
    for (uint32_t i = 0; i < protocol->n_stages; i++) {
        double session;
        double trial;
        const int64_t n = stage_simulation_arrived(t, i, &session, &trial);
        json_line(&w, 0);
        json_object(&w, NULL);
        json_text(&w, "stage", protocol->stage[i].name);
        json_int(&w, "reached", n);
        json_real(&w, "session", session);
        json_real(&w, "trial", trial);
        json_bool(&w, "is_last", protocol->stage[i].n_moves == 0);
        json_end(&w);
    }
    json_end(&w);
    json_end(&w);
}

static bool any_finished(const struct stage_simulation *t, const model_protocol *protocol)
{
    bool any = false;
    for (uint32_t i = 0; i < protocol->n_stages; i++) {
        double session;
        double trial;
        any = any || (protocol->stage[i].n_moves == 0 &&
                      stage_simulation_arrived(t, i, &session, &trial) > 0);
    }
    return any;
}

static int load_mouse(struct request *r, struct model_file *model, struct fault *fault)
{
    int rc = model_options_check(&r->spec, r->model, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    rc = model_options_load(&r->spec, r->model, model, fault);
    if (rc == FAULT_NONE && model_file_is_bank(model)) {
        model_file_free(model);
        return fault_set(fault, FAULT_INPUT, "%s: is a bank; a single model expected", r->model);
    }
    return rc;
}

static int audit_simulation(struct request *r, const struct protocol_file *file,
                            struct fault *fault)
{
    struct model_file model = {0};
    struct stage_simulation t;
    const model_protocol *protocol = &file->protocol;
    int rc = load_mouse(r, &model, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    rc = stage_simulation_run(&t, protocol, &model.bank.member[0], r->mice, r->sessions,
                              (uint64_t)r->seed, fault);
    model_file_free(&model);
    if (rc != FAULT_NONE) {
        return rc;
    }
    (r->is_json ? json_arrivals : print_arrivals)(&t, protocol);
    const bool is_finished = any_finished(&t, protocol);
    stage_simulation_close(&t);
    if (!is_finished) {
        r->found = true;
        if (protocol_file_finish(file, r->path[0], fault) == FAULT_NONE) {
            (void)fault_set(fault, FAULT_WORK, "%s: no virtual mouse reached its last stage",
                            r->path[0]);
        }
        (void)fault_report(fault, FAULT_WORK);
    }
    return FAULT_NONE;
}

static int check_request(const struct request *r, struct fault *fault)
{
    const size_t n_arguments = r->options->n_arguments;
    if (r->is_simulation && n_arguments != 1) {
        return fault_set(
            fault, FAULT_INPUT,
            "\"%.60s\" was not expected: --against-simulation takes a protocol, but no trials",
            r->path[1]);
    }
    if (!r->is_simulation && n_arguments != 2) {
        return fault_set(fault, FAULT_INPUT,
                         "audit: PROTOCOL.yaml and DATA or JOURNAL expected, or PROTOCOL.yaml "
                         "and --against-simulation");
    }
    return FAULT_NONE;
}

static int work(void *request, struct fault *fault)
{
    struct request *r = request;
    int rc = check_request(r, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    struct protocol_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    rc = protocol_file_load(file, r->path[0], fault);
    rc = rc || r->defects.chosen == NULL
             ? rc
             : protocol_file_add_defects(file, r->path[0], r->defects.chosen, fault);
    if (rc == FAULT_NONE) {
        progress_catch_interrupts();
        rc = r->is_simulation ? audit_simulation(r, file, fault)
                              : audit_trials(r, &file->protocol, fault);
    }
    free(file);
    return rc;
}

int cmd_audit(int argc, char **argv)
{
    struct request r = {
        .defects = vocabulary_defects(), .per_alarm = 1000, .mice = 20, .sessions = 60, .seed = 1};
    model_options_init(&r.spec, "reinforce", 0.05, "stimulus,bias");
    const struct option own[] = {
        COMMAND_SUBJECT(&r.subject),
        {"sessions-per-alarm", OPTION_INT, &r.per_alarm, 10, 1000000000, "N",
         "mean number of sessions between false alarms, at least", NULL},
        {"defect", OPTION_WORDS, &r.defects, 0, 0, "NAME,...",
         "known defects that the rig is declared to have (docs/protocols.md), some of", NULL},
        TRIAL_TABLE_OPTIONS(r.table),
        COMMAND_JSON(&r.is_json),
        {"against-simulation", OPTION_FLAG, &r.is_simulation, 0, 0, NULL,
         "instead of trials: does a virtual mouse reach the last stage?", NULL},
        {"model", OPTION_IN, &r.model, 0, 0, "M", "its model file, instead of the options below",
         NULL},
        {"mice", OPTION_INT, &r.mice, 1, STAGE_SIMULATION_MAX, "N", "how many mice", NULL},
        {"sessions", OPTION_INT, &r.sessions, 1, 100000, "N", "sessions of each, at most", NULL},
        COMMAND_SEED(&r.seed, "the same seed gives the same mice"),
    };
    struct option list[MODEL_OPTIONS_OPTIONS + sizeof own / sizeof own[0]];
    memcpy(list, own, sizeof own);
    (void)model_options_options(&r.spec, list + sizeof own / sizeof own[0]);
    static const struct option_rule rules[] = {
        {"subject|sessions-per-alarm|strict", OPTION_EXCLUDES, "against-simulation"},
        {"model|mice|sessions|seed|rule|rate|baseline|decay|terms|memory|policy|noise|session-"
         "noise|"
         "start|start-sd",
         OPTION_NEEDS, "against-simulation"}};
    struct options options = {
        .usage = "audit PROTOCOL.yaml (DATA | JOURNAL | --against-simulation) [options]",
        .about =
            "Tests whether a rig follows its protocol: contrasts, sides, debias trials, stages, "
            "blocks and rewards of the trials are tested against it, trial after trial. An alarm "
            "gives the rule, the evidence and where to look. The exit code is 1 if there was an "
            "alarm. DATA \"-\" is standard input. Columns side, repeat, p_left and stage are "
            "used where they are. Against a simulation: virtual mice of a given rule are trained "
            "with it; the exit code is 1 if none of them reaches the last stage.",
        COMMAND_OPTIONS(list),
        COMMAND_RULES(rules),
        .arguments = r.path,
        .arguments_min = 1,
        .arguments_max = 2,
    };
    r.options = &options;
    const int code = command_run(&options, argc, argv, work, &r);
    return code == FAULT_NONE && r.found ? FAULT_WORK : code;
}
