#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "journal_schema.h"
#include "options.h"
#include "progress.h"
#include "review.h"
#include "review_page.h"
#include "text_escape.h"

enum { TIME_MAX = 32, CELL_MAX = 24 };

static double quantile_us(const struct review_tally *t, double q)
{
    return histogram_quantile(&t->latency, q) / 1000.0;
}

/* ---- for people -------------------------------------------------------------------------------
 */

/* A number with so many decimals, or "-" where there is none. */
static const char *cell(char out[CELL_MAX], const char *format, double value)
{
    out[0] = '-';
    out[1] = '\0';
    if (isfinite(value)) {
        (void)snprintf(out, CELL_MAX, format, value);
    }
    return out;
}

static void print_numbers(const struct review_tally *t)
{
    char a[9][CELL_MAX];
    printf(" %8" PRId64 " %6" PRId64 " %5" PRId64 " %8s %7s %7s %8s %6s %6s %6s %7s %7s", t->trials,
           t->no_gos, t->missing, cell(a[0], "%.3f", review_accuracy(t)),
           cell(a[1], "%.4f", model_score_mean_nats(&t->score)),
           cell(a[2], "%.4f", model_score_mean_baseline_nats(&t->score)),
           cell(a[3], "%+.4f", review_gain(t)), cell(a[4], "%.3f", model_score_ece(&t->score)),
           cell(a[5], "%.3f", model_score_mean_brier(&t->score)),
           cell(a[6], "%.3f", model_score_coverage(&t->score)),
           cell(a[7], "%.1f", quantile_us(t, 0.5)), cell(a[8], "%.1f", quantile_us(t, 0.99)));
}

static void print_header(void)
{
    printf(" %8s %6s %5s %8s %7s %7s %8s %6s %6s %6s %7s %7s", "trials", "no-go", "gaps",
           "accuracy", "nats", "walk", "gain", "ece", "brier", "cover", "us p50", "us p99");
}

/* "gap 2, late 1" */
static void print_alerts(const int64_t alerts[PROTO_ALERT_COUNT])
{
    const char *between = "";
    for (int i = 0; i < PROTO_ALERT_COUNT; i++) {
        if (alerts[i] > 0) {
            printf("%s%s %" PRId64, between, proto_alert_name((proto_alert_code)i), alerts[i]);
            between = ", ";
        }
    }
    printf("%s\n", between[0] == '\0' ? "-" : "");
}

struct widths {
    int subject, session, rig;
};

static void widen(int *width, const char *text)
{
    const int n = (int)strlen(text);
    *width = n > *width ? n : *width;
}

static struct widths widths_of(const struct review *v)
{
    struct widths w = {(int)strlen("subject"), (int)strlen("session"), (int)strlen("rig")};
    for (uint32_t i = 0; i < v->n_subjects; i++) {
        widen(&w.subject, v->subjects[i].name);
    }
    for (uint32_t i = 0; i < v->n_sessions; i++) {
        widen(&w.session, v->sessions[i].name);
        widen(&w.rig, v->sessions[i].rig);
    }
    return w;
}

static void print_sessions(const struct review *v, const struct widths *w)
{
    printf("%-*s %-*s %-*s %-16s", w->subject, "subject", w->session, "session", w->rig, "rig",
           "start");
    print_header();
    printf("  alerts\n");
    for (uint32_t i = 0; i < v->n_sessions; i++) {
        const struct review_session *s = &v->sessions[i];
        char start[TIME_MAX];
        if (!review_has_session(v, i)) {
            continue;
        }
        printf("%-*s %-*s %-*s %-16s", w->subject, v->subjects[s->subject].name, w->session,
               s->name, w->rig, s->rig,
               review_time(start, sizeof start, "%Y-%m-%d %H:%M", s->started_wall_ns));
        print_numbers(&s->tally);
        printf("  ");
        print_alerts(s->tally.alerts);
    }
}

static void print_interval(const struct review_interval *gain)
{
    if (isfinite(gain->lo)) {
        printf("  %+.4f to %+.4f", gain->lo, gain->hi);
    } else {
        printf("  %-18s", "-");
    }
}

static void print_subjects(const struct review *v, const struct widths *w)
{
    printf("\n%-*s %8s", w->subject, "subject", "sessions");
    print_header();
    printf("  95%% of gain         alerts\n");
    for (uint32_t i = 0; i < v->n_subjects; i++) {
        const struct review_subject *s = &v->subjects[i];
        if (review_has_subject(v, i)) {
            printf("%-*s %8" PRIu32, w->subject, s->name, s->n_sessions);
            print_numbers(&s->tally);
            print_interval(&s->gain);
            printf("  ");
            print_alerts(s->tally.alerts);
        }
    }
    printf("%-*s %8" PRIu32, w->subject, "all", review_count_sessions(v));
    print_numbers(&v->total);
    print_interval(&v->gain);
    printf("  ");
    print_alerts(v->total.alerts);
}

/* What was said of each animal's future, under a title if there is any. */
static void print_outlooks(const struct review *v, const struct widths *w)
{
    char text[REVIEW_FORECASTS_LINE_MAX];
    const char *title = "\nforecasts and advice:\n";
    for (uint32_t i = 0; i < v->n_subjects; i++) {
        const struct review_subject *s = &v->subjects[i];
        for (int k = 0; review_has_subject(v, i) && k < REVIEW_FORECASTS_LINES; k++) {
            const enum review_forecasts_line line = (enum review_forecasts_line)k;
            if (review_forecasts_text(s->outlook, line, text) != NULL) {
                printf("%s  %-*s %-8s %s\n", title, w->subject, s->name,
                       review_forecasts_line_name(line), text);
                title = "";
            }
        }
    }
}

static void print_text(const struct review *v)
{
    const struct widths w = widths_of(v);
    char from[TIME_MAX];
    char to[TIME_MAX];
    char path[sizeof v->path];
    text_escape_clean(path, sizeof path, v->path);
    printf("%s: %" PRId64 " messages", path, v->n_events);
    if (v->n_events > 0) {
        printf(", %s to %s", review_time(from, sizeof from, "%Y-%m-%d %H:%M", v->first_wall_ns),
               review_time(to, sizeof to, "%Y-%m-%d %H:%M", v->last_wall_ns));
    }
    printf("; %" PRId64 " runs of the daemon\n\n", v->n_runs);
    print_sessions(v, &w);
    print_subjects(v, &w);
    printf(
        "\nnats: mean -log p(choice) of the twin, predicted before the choice was read; walk: of "
        "the random walk;\ngain: walk - nats, above 0 the twin predicts better; 95%%: bootstrap "
        "over sessions; cover: of bins of choices whose rate the 90%% interval of p(right) held; "
        "us: "
        "decode,\nassimilate and predict; gaps: trial numbers never heard\n"
        "late: %" PRId64 " healed, %" PRId64 " too late to be taken up; refused: %" PRId64
        " messages, %" PRId64 " conflicts\n",
        v->total.healed, v->total.late, v->n_refused, v->n_conflicts);
    if (v->alerts.n > 0) {
        printf("latest of %" PRId64 " alerts:\n", v->alerts.n);
    }
    for (int64_t i = review_alerts_first(&v->alerts); i < v->alerts.n; i++) {
        const struct review_alert *a = &v->alerts.latest[i % REVIEW_TEXTS];
        printf("  %s  %s: %s\n", review_time(from, sizeof from, "%Y-%m-%d %H:%M:%S", a->t_wall_ns),
               proto_alert_name(a->code), a->text);
    }
    print_outlooks(v, &w);
}

/* ---- for programs -----------------------------------------------------------------------------
 */

static void json_real(const char *key, double value)
{
    printf(", ");
    text_escape_json_real(stdout, key, value);
}

static void json_tally(const struct review_tally *t)
{
    printf("\"trials\": %" PRId64 ", \"no_gos\": %" PRId64 ", \"healed\": %" PRId64
           ", \"late\": %" PRId64 ", \"missing\": %" PRId64 ", \"scored\": %" PRId64,
           t->trials, t->no_gos, t->healed, t->late, t->missing, t->score.n);
    json_real("accuracy", review_accuracy(t));
    json_real("nats", model_score_mean_nats(&t->score));
    json_real("baseline_nats", model_score_mean_baseline_nats(&t->score));
    json_real("gain", review_gain(t));
    json_real("brier", model_score_mean_brier(&t->score));
    json_real("ece", model_score_ece(&t->score));
    json_real("coverage", model_score_coverage(&t->score));
    printf(", \"coverage_bins\": %" PRId64, t->score.n_rates);
    json_real("interval_ratio", model_score_interval_ratio(&t->score));
    json_real("us_p50", quantile_us(t, 0.5));
    json_real("us_p99", quantile_us(t, 0.99));
    printf(", \"alerts\": {");
    const char *between = "";
    for (int i = 0; i < PROTO_ALERT_COUNT; i++) {
        if (t->alerts[i] > 0) {
            printf("%s\"%s\": %" PRId64, between, proto_alert_name((proto_alert_code)i),
                   t->alerts[i]);
            between = ", ";
        }
    }
    printf("}");
}

static void json_interval(const struct review_interval *gain)
{
    json_real("gain_lo", gain->lo);
    json_real("gain_hi", gain->hi);
}

static void json_based_on(int64_t trial, const char *session)
{
    printf("{\"based_on\": %" PRId64 ", \"session\": \"%s\"", trial, session);
}

/* A text of a message, which may hold anything. */
static void json_text(const char *key, const char *value)
{
    char clean[REVIEW_TEXT_MAX + 1];
    text_escape_clean(clean, sizeof clean, value);
    printf(", \"%s\": ", key);
    text_escape_json(stdout, clean);
}

static void json_forecast(const struct review_forecast *f)
{
    const proto_outlook *when = &f->said.current.v;
    json_based_on(f->said.based_on, f->session);
    json_text("criterion", f->said.criterion);
    if (f->said.met_trial != PROTO_NIL) {
        printf(", \"met\": {\"trial\": %" PRId64, f->said.met_trial);
        json_text("session", f->said.met_session);
        printf("}");
    } else {
        printf(", \"met\": null");
    }
    json_text("unit", when->unit);
    printf(", ");
    text_escape_json_reals(stdout, 6,
                           (const struct text_escape_real[]){{"median", when->median},
                                                             {"lo50", when->lo50},
                                                             {"hi50", when->hi50},
                                                             {"lo90", when->lo90},
                                                             {"hi90", when->hi90},
                                                             {"p_reached", when->p_reached}});
    json_text("next_status", f->said.next_status);
    printf(", \"p_within\": {");
    for (uint32_t i = 0; i < f->said.p_within.n; i++) {
        char name[PROTO_NAME_MAX + 1];
        text_escape_clean(name, sizeof name, f->said.p_within.v[i].name);
        printf("%s", i > 0 ? ", " : "");
        text_escape_json(stdout, name);
        printf(": %.9g", f->said.p_within.v[i].value);
    }
    printf("}}");
}

static void json_came(const struct review_forecasts *o)
{
    const proto_bands *b = &o->held.said.correct.v;
    const struct review_held held = review_forecasts_held(o);
    json_based_on(o->held.said.based_on, o->held.session);
    printf(", \"window\": %" PRId64
           ", \"came\": %d, \"within_50\": %d, \"within_90\": %d, \"windows\": [",
           o->held.said.window, held.n, held.n_50, held.n_90);
    for (uint32_t i = 0; i < b->median.n; i++) {
        printf("%s{", i > 0 ? ", " : "");
        text_escape_json_reals(
            stdout, 6,
            (const struct text_escape_real[]){{"median", b->median.v[i]},
                                              {"lo50", b->lo50.v[i]},
                                              {"hi50", b->hi50.v[i]},
                                              {"lo90", b->lo90.v[i]},
                                              {"hi90", b->hi90.v[i]},
                                              {"came", review_forecasts_share(o, (int)i)}});
        printf("}");
    }
    printf("]}");
}

static void json_advice(const struct review_forecasts *o)
{
    const char *between = "";
    printf("{\"n\": %" PRId64 ", \"abstained\": {", o->n_suggestions);
    for (int i = MODEL_CURRICULUM_ADVISES + 1; i <= MODEL_CURRICULUM_WHYS; i++) {
        if (o->n_by_reason[i] > 0) {
            printf("%s\"%s\": %" PRId64, between, review_forecasts_reason_name(i),
                   o->n_by_reason[i]);
            between = ", ";
        }
    }
    printf("}, \"advised\": %" PRId64 ", \"last_advised\": ",
           o->n_by_reason[MODEL_CURRICULUM_ADVISES]);
    if (o->n_by_reason[MODEL_CURRICULUM_ADVISES] == 0) {
        printf("null}");
        return;
    }
    json_based_on(o->advised.based_on, o->advised_session);
    json_text("why", o->advised.why);
    if (o->advised.actions.n > 0) {
        const proto_action *best = &o->advised.actions.v[0];
        json_text("action", best->action);
        printf(", ");
        text_escape_json_reals(stdout, 4,
                               (const struct text_escape_real[]){{"gain", best->gain},
                                                                 {"gain_lo", best->gain_lo},
                                                                 {"gain_hi", best->gain_hi},
                                                                 {"p_better", best->p_better}});
    }
    printf("}}");
}

/* null for what was never said. */
static void json_outlook(const struct review_forecasts *o)
{
    printf(", \"forecasts\": %" PRId64 ", \"forecast\": ", o != NULL ? o->n_forecasts : 0);
    if (o != NULL && o->n_forecasts > 0) {
        json_forecast(&o->last);
    } else {
        printf("null");
    }
    printf(", \"forecast_held\": ");
    if (review_forecasts_has_bands(o)) {
        json_came(o);
    } else {
        printf("null");
    }
    printf(", \"advice\": ");
    if (o != NULL && o->n_suggestions > 0) {
        json_advice(o);
    } else {
        printf("null");
    }
}

static void print_json(const struct review *v)
{
    char text[TIME_MAX];
    char path[sizeof v->path];
    const char *between = "\n";
    text_escape_clean(path, sizeof path, v->path);
    printf("{\"journal\": ");
    text_escape_json(stdout, path);
    printf(", \"schema\": %d, \"runs\": %" PRId64 ", \"events\": %" PRId64 ", \"refused\": %" PRId64
           ", \"conflicts\": %" PRId64 ", \"seed\": %d,\n\"sessions\": [",
           JOURNAL_VERSION, v->n_runs, v->n_events, v->n_refused, v->n_conflicts, REVIEW_SEED);
    for (uint32_t i = 0; i < v->n_sessions; i++) {
        const struct review_session *s = &v->sessions[i];
        if (!review_has_session(v, i)) {
            continue;
        }
        printf("%s{\"subject\": \"%s\", \"session\": \"%s\", \"rig\": \"%s\", \"start_wall_ns\": "
               "%" PRId64 ", \"start\": \"%s\", ",
               between, v->subjects[s->subject].name, s->name, s->rig, s->started_wall_ns,
               review_time(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", s->started_wall_ns));
        json_tally(&s->tally);
        printf("}");
        between = ",\n";
    }
    printf("],\n\"subjects\": {");
    between = "\n";
    for (uint32_t i = 0; i < v->n_subjects; i++) {
        const struct review_subject *s = &v->subjects[i];
        if (!review_has_subject(v, i)) {
            continue;
        }
        printf("%s\"%s\": {\"sessions\": %" PRIu32 ", ", between, s->name, s->n_sessions);
        json_tally(&s->tally);
        json_interval(&s->gain);
        json_outlook(s->outlook);
        printf("}");
        between = ",\n";
    }
    printf("},\n\"total\": {\"sessions\": %" PRIu32 ", ", review_count_sessions(v));
    json_tally(&v->total);
    json_interval(&v->gain);
    printf("},\n\"latest_alerts\": [");
    between = "\n";
    for (int64_t i = review_alerts_first(&v->alerts); i < v->alerts.n; i++) {
        const struct review_alert *a = &v->alerts.latest[i % REVIEW_TEXTS];
        printf("%s{\"t_wall_ns\": %" PRId64 ", \"code\": \"%s\", \"text\": ", between, a->t_wall_ns,
               proto_alert_name(a->code));
        text_escape_json(stdout, a->text);
        printf("}");
        between = ",\n";
    }
    printf("]}\n");
}

int cmd_review(int argc, char **argv)
{
    struct review_request request = {0};
    const char *page = NULL;
    bool is_json = false;
    const struct option list[] = {
        {"html", OPTION_OUT, &page, 0, 0, "FILE", "write a page with plots; one file, no scripts",
         NULL},
        {"subject", OPTION_TEXT, &request.subject, 0, 0, "S", "only this animal", NULL},
        {"json", OPTION_FLAG, &is_json, 0, 0, NULL, "the same for programs", NULL},
    };
    struct options options = {
        .usage = "review JOURNAL [--html FILE] [--subject S] [--json]",
        .about =
            "What a journal holds, read only: each session with its trials, accuracy, score\n"
            "against the random walk, calibration, latencies and alerts; then each animal and\n"
            "all; the last forecast of each animal, what came of an earlier one, and the advice.\n"
            "JOURNAL: the file, or its data directory; a daemon may be writing it.\n"
            "Accuracy counts what was rewarded; where the reward is unknown, choices to the\n"
            "side of the stimulus.",
        .list = list,
        .n = sizeof list / sizeof list[0],
        .arguments = &request.path,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    int code = 0;
    if (!options_read(&options, argc, argv, &code)) {
        return code;
    }
    struct review review;
    struct fault fault;
    request.with_curves = page != NULL;
    progress_catch_interrupts();
    code = review_open(&review, &request, &fault);
    if (code != FAULT_NONE) {
        return fault_report(&fault, code);
    }
    if (is_json) {
        print_json(&review);
    } else {
        print_text(&review);
    }
    code = page != NULL ? review_page_write(&review, &options.guard, page, &fault) : FAULT_NONE;
    review_close(&review);
    return fault_report(&fault, code);
}
