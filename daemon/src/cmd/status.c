#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "command.h"
#include "json_writer.h"
#include "progress.h"
#include "status_message.h"
#include "status_report.h"
#include "text_escape.h"

enum { NEED_MAX = 96, WHY_MAX = 160 };

static void print_lacks(const model_ibl_criteria_standing *now)
{
    const char *between = "";
    for (size_t i = 0; i < now->n_checks; i++) {
        if (!now->check[i].is_met) {
            printf("%s%s", between, model_ibl_criterion_of(now->check[i].criterion)->name);
            between = ", ";
        }
    }
    printf("%s\n", between[0] == '\0' ? "-" : "");
}

/* With a star where fewer sessions than it takes stand behind it. */
static void print_status(const model_ibl_criteria_standing *now)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%s%s", model_ibl_criteria_status_name(now->status),
                   model_ibl_criteria_is_shown(now) ? "" : "*");
    printf("%-15s ", text);
}

static void print_session(const struct status_report_session *s, int width)
{
    char a[10][TEXT_ESCAPE_NUMBER_MAX];
    const model_ibl_criteria_standing *now = &s->standing.now;
    const model_psychometric *c = &now->curve[MODEL_IBL_CRITERIA_ELSE];
    printf("%-*s %-8s %6" PRId64 " %5s %6s %6s %5s %5s %6s %5s  ", width, s->name,
           model_ibl_criteria_protocol_name(s->protocol), s->n_trials,
           text_escape_number(a[0], "%.3f", s->easy), text_escape_number(a[1], "%.1f", c->bias),
           text_escape_number(a[2], "%.1f", c->threshold),
           text_escape_number(a[3], "%.3f", c->lapse_low),
           text_escape_number(a[4], "%.3f", c->lapse_high),
           text_escape_number(a[5], "%.1f", now->value[MODEL_IBL_CRITERION_SHIFT]),
           text_escape_number(a[6], "%.2f", now->value[MODEL_IBL_CRITERION_RT]));
    print_status(now);
    printf("%-15s ", model_ibl_criteria_status_name(s->standing.reached));
    print_lacks(now);
}

static void print_checks(const model_ibl_criteria_standing *now)
{
    for (size_t i = 0; i < now->n_checks; i++) {
        const model_ibl_criteria_check *c = &now->check[i];
        proto_criterion criterion;
        char need[NEED_MAX];
        status_message_criterion(&criterion, c);
        status_message_need(&criterion, 8, need, sizeof need);
        printf("  %-6s %-15s %s needed: %s\n", c->is_met ? "met" : "lacks", criterion.name, need,
               model_ibl_criterion_of(c->criterion)->help);
    }
}

/* What the table leaves open, and why. */
static void print_notes(const struct status_report_subject *s)
{
    bool has_star = false;
    for (uint32_t i = 0; i < s->n_sessions; i++) {
        char why[WHY_MAX];
        status_report_no_curve(&s->sessions[i], why, sizeof why);
        if (why[0] != '\0') {
            printf("no curve after session %s: %s\n", s->sessions[i].name, why);
        }
        has_star = has_star || !model_ibl_criteria_is_shown(&s->sessions[i].standing.now);
    }
    if (has_star) {
        printf("* fewer than %d sessions of the biased task stand behind it: it follows from the "
               "task alone, and\n  does not count as reached\n",
               MODEL_IBL_CRITERIA_SESSIONS);
    }
}

static void print_subject(const struct status_report_subject *s)
{
    int width = (int)strlen("session");
    for (uint32_t i = 0; i < s->n_sessions; i++) {
        const int n = (int)strlen(s->sessions[i].name);
        width = n > width ? n : width;
    }
    const model_training_status_standing *last = &s->sessions[s->n_sessions - 1].standing;
    printf("%s: %s", s->name, model_ibl_criteria_status_name(last->now.status));
    if (!model_ibl_criteria_is_shown(&last->now)) {
        printf(" (by %zu of %d sessions)", last->now.n_behind, MODEL_IBL_CRITERIA_SESSIONS);
    }
    printf("%s%s\n", last->is_untrainable ? ", untrainable" : "",
           last->is_unbiasable ? ", unbiasable" : "");
    printf("%-*s %-8s %6s %5s %6s %6s %5s %5s %6s %5s  %-15s %-15s %s\n", width, "session", "task",
           "trials", "easy", "bias", "thresh", "low", "high", "shift", "rt_s", "status", "reached",
           "lacks for the next");
    for (uint32_t i = 0; i < s->n_sessions; i++) {
        print_session(&s->sessions[i], width);
    }
    print_notes(s);
    printf("%s%s:\n", last->now.next == last->now.status ? "" : "to ",
           model_ibl_criteria_status_name(last->now.next));
    print_checks(&last->now);
}

static void print_text(const struct status_report *s)
{
    for (uint32_t i = 0; i < s->n_subjects; i++) {
        if (s->subjects[i].n_sessions > 0) {
            print_subject(&s->subjects[i]);
            printf("\n");
        }
    }
    printf("trials and easy are of the session; the curve (bias, threshold, lapses), the shift of "
           "its bias\nbetween blocks, rt_s and status of the last three together\n");
}

static void json_curve(struct json_writer *w, const char *key, const model_psychometric *c)
{
    if (isnan(c->bias)) {
        json_text(w, key, NULL);
        return;
    }
    json_object(w, key);
    JSON_REALS(w, {"bias", c->bias}, {"threshold", c->threshold}, {"lapse_low", c->lapse_low},
               {"lapse_high", c->lapse_high});
    json_end(w);
}

static void json_checks(struct json_writer *w, const model_ibl_criteria_standing *now)
{
    json_array(w, "criteria");
    for (size_t i = 0; i < now->n_checks; i++) {
        const model_ibl_criteria_check *c = &now->check[i];
        json_object(w, NULL);
        json_text(w, "name", model_ibl_criterion_of(c->criterion)->name);
        json_real(w, "value", c->value);
        json_real(w, "limit", c->limit);
        json_bool(w, "above", c->is_above);
        json_bool(w, "met", c->is_met);
        json_text(w, "unit", model_ibl_criterion_of(c->criterion)->unit);
        json_end(w);
    }
    json_end(w);
}

static void json_standing(struct json_writer *w, const model_training_status_standing *s)
{
    json_text(w, "status", model_ibl_criteria_status_name(s->now.status));
    json_text(w, "reached", model_ibl_criteria_status_name(s->reached));
    json_text(w, "next", model_ibl_criteria_status_name(s->now.next));
    json_int(w, "status_sessions", (int64_t)s->now.n_behind);
    json_bool(w, "untrainable", s->is_untrainable);
    json_bool(w, "unbiasable", s->is_unbiasable);
}

static void json_session(struct json_writer *w, const struct status_report_session *s)
{
    const model_ibl_criteria_standing *now = &s->standing.now;
    char why[WHY_MAX];
    status_report_no_curve(s, why, sizeof why);
    json_line(w, 0);
    json_object(w, NULL);
    json_text(w, "session", s->name);
    json_text(w, "rig", s->rig);
    json_text(w, "task", model_ibl_criteria_protocol_name(s->protocol));
    json_int(w, "trials", s->n_trials);
    json_real(w, "easy", s->easy);
    json_standing(w, &s->standing);
    json_checks(w, now);
    json_curve(w, "curve", &now->curve[MODEL_IBL_CRITERIA_ELSE]);
    json_text(w, "no_curve", why[0] != '\0' ? why : NULL);
    json_curve(w, "curve_20", &now->curve[MODEL_IBL_CRITERIA_20]);
    json_curve(w, "curve_80", &now->curve[MODEL_IBL_CRITERIA_80]);
    json_object(w, "values");
    for (int i = 0; i < MODEL_IBL_CRITERION_COUNT; i++) {
        json_real(w, model_ibl_criterion_of((model_ibl_criterion)i)->name, now->value[i]);
    }
    json_end(w);
    json_end(w);
}

static void print_json(const struct status_report *s)
{
    struct json_writer w = {.to = stdout};
    json_object(&w, NULL);
    json_object(&w, "subjects");
    for (uint32_t i = 0; i < s->n_subjects; i++) {
        const struct status_report_subject *subject = &s->subjects[i];
        if (subject->n_sessions == 0) {
            continue;
        }
        json_line(&w, 0);
        json_object(&w, subject->name);
        json_standing(&w, &subject->sessions[subject->n_sessions - 1].standing);
        json_array(&w, "sessions");
        for (uint32_t k = 0; k < subject->n_sessions; k++) {
            json_session(&w, &subject->sessions[k]);
        }
        json_end(&w);
        json_end(&w);
    }
    json_end(&w);
    json_end(&w);
}

static void put_plot(FILE *to, const void *standings)
{
    status_plot(to, standings);
}

struct request {
    const char *path;
    const char *subject;
    const char *plot;
    const struct output_guard *guard;
    bool is_json;
    struct trial_table_options table;
};

static int work(void *request, struct fault *fault)
{
    const struct request *r = request;
    struct status_report s;
    progress_catch_interrupts();
    int rc = status_report_read(&s, r->path, r->subject, trial_table_how(&r->table), fault);
    if (rc == FAULT_NONE) {
        rc = output_file_write(r->guard, r->plot, put_plot, &s, fault);
        if (rc == FAULT_NONE) {
            (r->is_json ? print_json : print_text)(&s);
        }
        status_report_close(&s);
    }
    return rc;
}

int cmd_status(int argc, char **argv)
{
    struct request r = {0};
    const struct option list[] = {
        COMMAND_SUBJECT(&r.subject),
        COMMAND_PLOT(&r.plot),
        TRIAL_TABLE_OPTIONS(r.table),
        COMMAND_JSON(&r.is_json),
    };
    struct options options = {
        .usage = "status DATA|JOURNAL [--subject S] [--plot FILE.svg] [--json]",
        .about =
            "Where animals stand by the training criteria of the International Brain Laboratory: "
            "after each session the status that the last three show, the highest reached, and the "
            "psychometric curve; then each criterion of the next status, with what is met. A "
            "journal may be one that a daemon is writing. DATA \"-\" is standard input. "
            "Columns task (a name with training, biased, ephys or habituation in it; else blocks "
            "of p_left decide), ephys_rig (0, 1) and delay_s are read if present.",
        COMMAND_OPTIONS(list),
        COMMAND_FILE(&r.path),
    };
    r.guard = &options.guard;
    return command_run(&options, argc, argv, work, &r);
}
