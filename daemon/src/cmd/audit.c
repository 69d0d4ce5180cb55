#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit_message.h"
#include "audit_report.h"
#include "command.h"
#include "config.h"
#include "file_kind.h"
#include "journal_reader.h"
#include "json_writer.h"
#include "model_options.h"
#include "progress.h"
#include "protocol_defects.h"
#include "protocol_file.h"
#include "protocol_list.h"
#include "recorded_models.h"
#include "stage_simulation.h"
#include "vocabulary.h"
#include "yaml_reader.h"

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

static int load_file(const struct request *r, struct protocol_file *file, struct fault *fault)
{
    const int rc = protocol_file_load(file, r->path[0], fault);
    return rc || r->defects.chosen == NULL
               ? rc
               : protocol_defects_add(file, r->path[0], r->defects.chosen, fault);
}

static const struct audit_protocol *protocol_of(const struct audit_report *a,
                                                const struct audit_report_alarm *alarm)
{
    return &a->protocols->v[alarm->protocol];
}

/* What it says, in a sentence or two. */
static void say(const struct audit_report *a, const struct audit_report_alarm *alarm, char text[],
                size_t cap)
{
    if (alarm->is_set) {
        audit_message_set(&alarm->set, protocol_of(a, alarm), text, cap);
    } else {
        audit_message_print(&alarm->what, protocol_of(a, alarm), alarm->software, text, cap);
    }
}

static void print_alarm(const struct audit_report *a, const struct audit_report_alarm *alarm)
{
    char text[2 * AUDIT_MESSAGE_MAX];
    say(a, alarm, text, sizeof text);
    printf("%s session %s ", a->subjects[alarm->subject]->name, alarm->session);
    if (!alarm->is_set) {
        printf("trial %" PRId64 ", e-value %.3g: ", alarm->trial, alarm->what.e_value);
    }
    printf("%s\n", text);
}

static double most_of_all(const struct audit_report *a, int rule)
{
    double most = 0.0;
    for (uint32_t i = 0; i < a->n_subjects; i++) {
        most = a->subjects[i]->most[rule] > most ? a->subjects[i]->most[rule] : most;
    }
    return most;
}

static void print_protocols(const struct audit_report *a)
{
    for (uint32_t i = 0; i < a->protocols->n; i++) {
        const struct audit_protocol *p = &a->protocols->v[i];
        printf("%s%s%s%s%s", i > 0 ? ", " : "protocol ", p->declared.protocol.name,
               p->task[0] != '\0' ? " (" : "", p->task, p->task[0] != '\0' ? ")" : "");
    }
}

static void print_text(const struct audit_report *a)
{
    int64_t trials = 0;
    int64_t sessions = 0;
    for (uint32_t i = 0; i < a->n_subjects; i++) {
        trials += a->subjects[i]->n_trials;
        sessions += a->subjects[i]->n_sessions;
    }
    print_protocols(a);
    printf(": %" PRIu32 " animals, %" PRId64 " sessions, %" PRId64 " trials\n", a->n_subjects,
           sessions, trials);
    if (a->n_sessions_aside > 0) {
        printf("%" PRId64 " sessions of tasks without a protocol, like \"%s\": not audited\n",
               a->n_sessions_aside, a->task_aside);
    }
    if (a->n_stages_unknown > 0) {
        printf("%" PRId64
               " trials name a stage that the protocol does not have, like %s: taken as unknown\n",
               a->n_stages_unknown, a->stage_unknown);
    }
    for (uint32_t i = 0; i < a->n_notices; i++) {
        printf("%s session %s: %s\n", a->subjects[a->notices[i].subject]->name,
               a->notices[i].session, a->notices[i].text);
    }
    for (uint32_t i = 0; i < a->n_alarms; i++) {
        print_alarm(a, &a->alarms[i]);
    }
    printf("%s\n%-12s %s\n", a->n_violations > 0 ? "" : "no violation", "rule",
           "highest e-value of an animal");
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        printf("%-12s %.3g\n", model_audit_rule_name((model_audit_rule)i), most_of_all(a, i));
    }
    printf("alarm from %g\n", a->protocols->v[0].declared.sessions_per_alarm);
}

/* The session that a row is of. */
static void json_place(struct json_writer *w, const struct audit_report *a,
                       const struct audit_report_alarm *alarm)
{
    json_line(w, 0);
    json_object(w, NULL);
    json_text(w, "subject", a->subjects[alarm->subject]->name);
    json_text(w, "session", alarm->session);
    json_text(w, "protocol", protocol_of(a, alarm)->declared.protocol.name);
}

static void json_set(struct json_writer *w, const struct audit_report *a,
                     const struct audit_report_alarm *alarm)
{
    const model_protocol *protocol = &protocol_of(a, alarm)->declared.protocol;
    json_place(w, a, alarm);
    json_text(w, "stage", protocol->stage[alarm->set.heard].name);
    json_text(w, "due", protocol->stage[alarm->set.due].name);
    json_end(w);
}

static void json_alarm(struct json_writer *w, const struct audit_report *a,
                       const struct audit_report_alarm *alarm)
{
    char text[2 * AUDIT_MESSAGE_MAX];
    const model_audit_alarm *what = &alarm->what;
    say(a, alarm, text, sizeof text);
    json_place(w, a, alarm);
    json_text(w, "software", alarm->software);
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
    json_array(w, "iblrig");
    for (uint32_t i = 0; i < protocol_of(a, alarm)->n_known; i++) {
        if ((what->fits >> i & 1) != 0) {
            const uint32_t release = protocol_of(a, alarm)->known[i].release;
            json_text(w, NULL, model_protocol_release_of(release)->first);
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

static void json_rows(struct json_writer *w, const struct audit_report *a, const char *name,
                      bool is_set)
{
    json_array(w, name);
    for (uint32_t i = 0; i < a->n_alarms; i++) {
        if (a->alarms[i].is_set == is_set) {
            (is_set ? json_set : json_alarm)(w, a, &a->alarms[i]);
        }
    }
    json_end(w);
}

static void json_notices(struct json_writer *w, const struct audit_report *a)
{
    json_array(w, "known_defects");
    for (uint32_t i = 0; i < a->n_notices; i++) {
        json_line(w, 0);
        json_object(w, NULL);
        json_text(w, "subject", a->subjects[a->notices[i].subject]->name);
        json_text(w, "session", a->notices[i].session);
        json_text(w, "text", a->notices[i].text);
        json_end(w);
    }
    json_end(w);
}

static void print_json(const struct audit_report *a)
{
    struct json_writer w = {.to = stdout};
    json_object(&w, NULL);
    json_text(&w, "protocol", a->protocols->v[0].declared.protocol.name);
    json_real(&w, "alarm_from", a->protocols->v[0].declared.sessions_per_alarm);
    json_int(&w, "stages_unknown", a->n_stages_unknown);
    json_int(&w, "sessions_not_audited", a->n_sessions_aside);
    json_rows(&w, a, "alarms", false);
    json_rows(&w, a, "stages_set", true);
    json_notices(&w, a);
    json_object(&w, "subjects");
    for (uint32_t i = 0; i < a->n_subjects; i++) {
        json_subject(&w, a->subjects[i]);
    }
    json_end(&w);
    json_end(&w);
}

/* ---- which protocols ------------------------------------------------------------------------- */

/* One file for all tasks, with the defects of the command line. */
static int declare_file(const struct request *r, struct audit_protocols *to, struct fault *fault)
{
    struct protocol_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    int rc = load_file(r, file, fault);
    if (rc == FAULT_NONE &&
        audit_protocol_init(&to->v[0], file, (double)r->per_alarm) != MODEL_OK) {
        rc = fault_set(
            fault, FAULT_INPUT,
            "%s: its stages have more than %d contrasts together, which cannot be audited",
            r->path[0], MODEL_AUDIT_CONTRASTS);
    }
    to->n = rc == FAULT_NONE ? 1 : 0;
    free(file);
    return rc;
}

/* Those of a configuration, by task. */
static int declare_config(const struct request *r, struct audit_protocols *to, struct fault *fault)
{
    struct config *config = calloc(1, sizeof *config);
    struct protocol_entry entry;
    if (config == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    int rc = config_load(config, r->path[0], fault);
    const size_t n = protocol_list_n(&config->protocol);
    if (rc == FAULT_NONE && n == 0) {
        rc = fault_set(fault, FAULT_INPUT, "%s: declares no protocol; a section protocol expected",
                       r->path[0]);
    }
    for (size_t i = 0; rc == FAULT_NONE && i < n; i++) {
        uint8_t *text = NULL;
        size_t size = 0;
        rc = protocol_list_at(&config->protocol, i, &entry, fault);
        rc = rc ? rc
                : yaml_reader_load(entry.file, PROTOCOL_FILE_BYTES_MAX, FILE_KIND_PROTOCOL, &text,
                                   &size, fault);
        rc = rc ? rc
                : audit_protocols_add(to, entry.task, entry.file, text, size, (double)r->per_alarm,
                                      fault);
        free(text);
    }
    free(config);
    return rc;
}

static int declare(const struct request *r, struct audit_protocols *to, struct fault *fault)
{
    const bool is_recorded = r->options->n_arguments == 1;
    const bool is_config = !is_recorded && file_kind_at(r->path[0]) == FILE_KIND_CONFIG;
    if ((is_recorded || is_config) && r->defects.chosen != NULL) {
        return fault_set(fault, FAULT_INPUT,
                         "--defect: is of one protocol; PROTOCOL.yaml expected before the trials");
    }
    return is_recorded ? recorded_models_protocols(r->path[0], to, fault)
           : is_config ? declare_config(r, to, fault)
                       : declare_file(r, to, fault);
}

static int audit_trials(struct request *r, struct fault *fault)
{
    struct audit_report a;
    struct audit_protocols *protocols = calloc(1, sizeof *protocols);
    if (protocols == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    const char *path = r->path[r->options->n_arguments - 1];
    int rc = declare(r, protocols, fault);
    rc = rc ? rc
            : audit_report_read(&a, protocols, path, r->subject, trial_table_how(&r->table), fault);
    if (rc == FAULT_NONE) {
        r->found = a.n_violations > 0;
        (r->is_json ? print_json : print_text)(&a);
        audit_report_close(&a);
    }
    free(protocols);
    return rc;
}

/* ---- against a simulation -------------------------------------------------------------------- */

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
    if (!r->is_simulation && n_arguments != 2 && !journal_reader_is_journal(r->path[0])) {
        return fault_set(fault, FAULT_INPUT,
                         "audit: PROTOCOL.yaml and DATA or JOURNAL expected, or JOURNAL alone, "
                         "or PROTOCOL.yaml and --against-simulation");
    }
    return FAULT_NONE;
}

static int simulate(struct request *r, struct fault *fault)
{
    struct protocol_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    int rc = load_file(r, file, fault);
    rc = rc ? rc : audit_simulation(r, file, fault);
    free(file);
    return rc;
}

static int work(void *request, struct fault *fault)
{
    struct request *r = request;
    const int rc = check_request(r, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    progress_catch_interrupts();
    return r->is_simulation ? simulate(r, fault) : audit_trials(r, fault);
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
        .usage = "audit [PROTOCOL.yaml | CONFIG.yaml] (DATA | JOURNAL | --against-simulation) "
                 "[options]",
        .about =
            "Tests whether a rig follows its protocol: contrasts, sides, debias trials, stages, "
            "blocks and rewards of the trials are tested against it, trial after trial. An alarm "
            "gives the rule, the evidence and where to look. The exit code is 1 if there was an "
            "alarm. DATA \"-\" is standard input. Columns side, repeat, p_left and stage are "
            "used where they are. A configuration declares a protocol for each of several tasks, "
            "and a journal, which may stand alone, knows those that its daemon was told of; "
            "column task says which a session is of. Against a simulation: virtual mice of a "
            "given rule are trained "
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
