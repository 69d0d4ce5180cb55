#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "journal_schema.h"
#include "json_writer.h"
#include "progress.h"
#include "review.h"
#include "review_page.h"
#include "text_escape.h"

enum { TIME_MAX = 32 };

static double quantile_us(const struct review_tally *t, double q)
{
    return histogram_quantile(&t->latency, q) / 1000.0;
}

static void print_numbers(const struct review_tally *t)
{
    char a[9][TEXT_ESCAPE_NUMBER_MAX];
    printf(" %8" PRId64 " %6" PRId64 " %5" PRId64 " %8s %7s %7s %8s %6s %6s %6s %7s %7s", t->trials,
           t->no_gos, t->missing, text_escape_number(a[0], "%.3f", review_accuracy(t)),
           text_escape_number(a[1], "%.4f", model_score_mean_nats(&t->score)),
           text_escape_number(a[2], "%.4f", model_score_mean_baseline_nats(&t->score)),
           text_escape_number(a[3], "%+.4f", review_gain(t)),
           text_escape_number(a[4], "%.3f", model_score_ece(&t->score)),
           text_escape_number(a[5], "%.3f", model_score_mean_brier(&t->score)),
           text_escape_number(a[6], "%.3f", model_score_coverage(&t->score)),
           text_escape_number(a[7], "%.1f", quantile_us(t, 0.5)),
           text_escape_number(a[8], "%.1f", quantile_us(t, 0.99)));
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

static void print_subject(const char *name, int width, uint32_t n_sessions,
                          const struct review_tally *tally, const struct review_interval *gain)
{
    printf("%-*s %8" PRIu32, width, name, n_sessions);
    print_numbers(tally);
    print_interval(gain);
    printf("  ");
    print_alerts(tally->alerts);
}

static void print_subjects(const struct review *v, const struct widths *w)
{
    printf("\n%-*s %8s", w->subject, "subject", "sessions");
    print_header();
    printf("  95%% of gain         alerts\n");
    for (uint32_t i = 0; i < v->n_subjects; i++) {
        const struct review_subject *s = &v->subjects[i];
        if (review_has_subject(v, i)) {
            print_subject(s->name, w->subject, s->n_sessions, &s->tally, &s->gain);
        }
    }
    print_subject("all", w->subject, review_count_sessions(v), &v->total, &v->gain);
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
        "us: decode,\nassimilate and predict; gaps: trial numbers never received\n"
        "late: %" PRId64 " healed, %" PRId64 " too late to be accepted; refused: %" PRId64
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

static void json_tally(struct json_writer *w, const struct review_tally *t)
{
    JSON_INTS(w, {"trials", t->trials}, {"no_gos", t->no_gos}, {"healed", t->healed},
              {"late", t->late}, {"missing", t->missing}, {"scored", t->score.n});
    JSON_REALS(w, {"accuracy", review_accuracy(t)}, {"nats", model_score_mean_nats(&t->score)},
               {"baseline_nats", model_score_mean_baseline_nats(&t->score)},
               {"gain", review_gain(t)}, {"brier", model_score_mean_brier(&t->score)},
               {"ece", model_score_ece(&t->score)}, {"coverage", model_score_coverage(&t->score)});
    json_int(w, "coverage_bins", t->score.n_rates);
    JSON_REALS(w, {"interval_ratio", model_score_interval_ratio(&t->score)},
               {"us_p50", quantile_us(t, 0.5)}, {"us_p99", quantile_us(t, 0.99)});
    json_object(w, "alerts");
    for (int i = 0; i < PROTO_ALERT_COUNT; i++) {
        if (t->alerts[i] > 0) {
            json_int(w, proto_alert_name((proto_alert_code)i), t->alerts[i]);
        }
    }
    json_end(w);
}

static void json_interval(struct json_writer *w, const struct review_interval *gain)
{
    json_real(w, "gain_lo", gain->lo);
    json_real(w, "gain_hi", gain->hi);
}

static void json_based_on(struct json_writer *w, int64_t trial, const char *session)
{
    json_int(w, "based_on", trial);
    json_text(w, "session", session);
}

/* A text of a message, which may hold anything. */
static void json_clean(struct json_writer *w, const char *key, const char *value)
{
    char clean[REVIEW_TEXT_MAX + 1];
    text_escape_clean(clean, sizeof clean, value);
    json_text(w, key, clean);
}

static void json_forecast(struct json_writer *w, const struct review_forecast *f)
{
    const proto_outlook *when = &f->said.current.v;
    json_object(w, "forecast");
    json_based_on(w, f->said.based_on, f->session);
    json_clean(w, "criterion", f->said.criterion);
    if (f->said.met_trial != PROTO_NIL) {
        json_object(w, "met");
        json_int(w, "trial", f->said.met_trial);
        json_clean(w, "session", f->said.met_session);
        json_end(w);
    } else {
        json_text(w, "met", NULL);
    }
    json_clean(w, "unit", when->unit);
    JSON_REALS(w, {"median", when->median}, {"lo50", when->lo50}, {"hi50", when->hi50},
               {"lo90", when->lo90}, {"hi90", when->hi90}, {"p_reached", when->p_reached});
    json_clean(w, "next_status", f->said.next_status);
    json_object(w, "p_within");
    for (uint32_t i = 0; i < f->said.p_within.n; i++) {
        char name[PROTO_NAME_MAX + 1];
        text_escape_clean(name, sizeof name, f->said.p_within.v[i].name);
        json_digits(w, name, 9, f->said.p_within.v[i].value);
    }
    json_end(w);
    json_end(w);
}

static void json_held(struct json_writer *w, const struct review_forecasts *o)
{
    const proto_bands *b = &o->held.said.correct.v;
    const struct review_held held = review_forecasts_held(o);
    json_object(w, "forecast_held");
    json_based_on(w, o->held.said.based_on, o->held.session);
    JSON_INTS(w, {"window", o->held.said.window}, {"came", held.n}, {"within_50", held.n_50},
              {"within_90", held.n_90});
    json_array(w, "windows");
    for (uint32_t i = 0; i < b->median.n; i++) {
        json_object(w, NULL);
        JSON_REALS(w, {"median", b->median.v[i]}, {"lo50", b->lo50.v[i]}, {"hi50", b->hi50.v[i]},
                   {"lo90", b->lo90.v[i]}, {"hi90", b->hi90.v[i]},
                   {"came", review_forecasts_share(o, (int)i)});
        json_end(w);
    }
    json_end(w);
    json_end(w);
}

static void json_advised(struct json_writer *w, const struct review_forecasts *o)
{
    json_object(w, "last_advised");
    json_based_on(w, o->advised.based_on, o->advised_session);
    json_clean(w, "why", o->advised.why);
    if (o->advised.actions.n > 0) {
        const proto_action *best = &o->advised.actions.v[0];
        json_clean(w, "action", best->action);
        JSON_REALS(w, {"gain", best->gain}, {"gain_lo", best->gain_lo}, {"gain_hi", best->gain_hi},
                   {"p_better", best->p_better});
    }
    json_end(w);
}

static void json_advice(struct json_writer *w, const struct review_forecasts *o)
{
    json_object(w, "advice");
    json_int(w, "n", o->n_suggestions);
    json_object(w, "abstained");
    for (int i = MODEL_CURRICULUM_ADVISES + 1; i <= MODEL_CURRICULUM_WHYS; i++) {
        if (o->n_by_reason[i] > 0) {
            json_int(w, review_forecasts_reason_name(i), o->n_by_reason[i]);
        }
    }
    json_end(w);
    json_int(w, "advised", o->n_by_reason[MODEL_CURRICULUM_ADVISES]);
    o->n_by_reason[MODEL_CURRICULUM_ADVISES] > 0 ? json_advised(w, o)
                                                 : json_text(w, "last_advised", NULL);
    json_end(w);
}

/* null for what was never said. */
static void json_outlook(struct json_writer *w, const struct review_forecasts *o)
{
    json_int(w, "forecasts", o != NULL ? o->n_forecasts : 0);
    o != NULL && o->n_forecasts > 0 ? json_forecast(w, &o->last) : json_text(w, "forecast", NULL);
    review_forecasts_has_bands(o) ? json_held(w, o) : json_text(w, "forecast_held", NULL);
    o != NULL && o->n_suggestions > 0 ? json_advice(w, o) : json_text(w, "advice", NULL);
}

static void json_sessions(struct json_writer *w, const struct review *v)
{
    char start[TIME_MAX];
    json_line(w, 0);
    json_array(w, "sessions");
    for (uint32_t i = 0; i < v->n_sessions; i++) {
        const struct review_session *s = &v->sessions[i];
        if (review_has_session(v, i)) {
            json_line(w, 0);
            json_object(w, NULL);
            json_text(w, "subject", v->subjects[s->subject].name);
            json_text(w, "session", s->name);
            json_text(w, "rig", s->rig);
            json_int(w, "start_wall_ns", s->started_wall_ns);
            json_text(w, "start",
                      review_time(start, sizeof start, "%Y-%m-%dT%H:%M:%S%z", s->started_wall_ns));
            json_tally(w, &s->tally);
            json_end(w);
        }
    }
    json_end(w);
}

static void json_subjects(struct json_writer *w, const struct review *v)
{
    json_line(w, 0);
    json_object(w, "subjects");
    for (uint32_t i = 0; i < v->n_subjects; i++) {
        const struct review_subject *s = &v->subjects[i];
        if (review_has_subject(v, i)) {
            json_line(w, 0);
            json_object(w, s->name);
            json_int(w, "sessions", s->n_sessions);
            json_tally(w, &s->tally);
            json_interval(w, &s->gain);
            json_outlook(w, s->outlook);
            json_end(w);
        }
    }
    json_end(w);
    json_line(w, 0);
    json_object(w, "total");
    json_int(w, "sessions", review_count_sessions(v));
    json_tally(w, &v->total);
    json_interval(w, &v->gain);
    json_end(w);
}

static void json_alerts(struct json_writer *w, const struct review *v)
{
    json_line(w, 0);
    json_array(w, "latest_alerts");
    for (int64_t i = review_alerts_first(&v->alerts); i < v->alerts.n; i++) {
        const struct review_alert *a = &v->alerts.latest[i % REVIEW_TEXTS];
        json_line(w, 0);
        json_object(w, NULL);
        json_int(w, "t_wall_ns", a->t_wall_ns);
        json_text(w, "code", proto_alert_name(a->code));
        json_text(w, "text", a->text);
        json_end(w);
    }
    json_end(w);
}

static void print_json(const struct review *v)
{
    struct json_writer w = {.to = stdout};
    char path[sizeof v->path];
    text_escape_clean(path, sizeof path, v->path);
    json_object(&w, NULL);
    json_text(&w, "journal", path);
    JSON_INTS(&w, {"schema", JOURNAL_VERSION}, {"runs", v->n_runs}, {"events", v->n_events},
              {"refused", v->n_refused}, {"conflicts", v->n_conflicts}, {"seed", REVIEW_SEED});
    json_sessions(&w, v);
    json_subjects(&w, v);
    json_alerts(&w, v);
    json_end(&w);
}

struct request {
    struct review_request what;
    const char *page;
    const struct output_guard *guard;
    bool is_json;
};

static int work(void *request, struct fault *fault)
{
    struct request *r = request;
    struct review review;
    r->what.with_curves = r->page != NULL;
    progress_catch_interrupts();
    int rc = review_open(&review, &r->what, fault);
    if (rc == FAULT_NONE) {
        (r->is_json ? print_json : print_text)(&review);
        rc = r->page != NULL ? review_page_write(&review, r->guard, r->page, fault) : FAULT_NONE;
        review_close(&review);
    }
    return rc;
}

int cmd_review(int argc, char **argv)
{
    struct request r = {0};
    const struct option list[] = {
        {"html", OPTION_OUT, &r.page, 0, 0, "FILE", "write a page with plots; one file, no scripts",
         NULL},
        COMMAND_SUBJECT(&r.what.subject),
        COMMAND_JSON(&r.is_json),
    };
    struct options options = {
        .usage = "review JOURNAL [--html FILE] [--subject S] [--json]",
        .about = "What a journal holds, read only: each session with its trials, accuracy, score "
                 "against the random walk, calibration, latencies and alerts; then each animal and "
                 "all; the last forecast of each animal, what was observed of an earlier one, and "
                 "the advice. JOURNAL: the file, or its data directory; a daemon may be writing "
                 "it. Accuracy counts what was rewarded; where the reward is unknown, choices to "
                 "the side of the stimulus.",
        COMMAND_OPTIONS(list),
        COMMAND_FILE(&r.what.path),
    };
    r.guard = &options.guard;
    return command_run(&options, argc, argv, work, &r);
}
