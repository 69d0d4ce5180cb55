#include "review_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "review_plots.h"
#include "svg_plot.h"
#include "text_escape.h"

enum { TIME_MAX = 32, OPEN_SESSIONS = 12 };

static const char HEAD[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n";

static const char STYLE[] =
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:24px 20px "
    "60px;max-width:1400px;background:var(--page);color:var(--ink);font:15px/1.45 "
    "system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}\n"
    "h1{font-size:22px;margin:0 0 2px}h2{font-size:18px;margin:36px 0 "
    "10px}h3{font-size:14px;margin:0 0 6px}h1,h2,li{overflow-wrap:anywhere}\n"
    "p{margin:0 0 10px}.soft{color:var(--soft)}a{color:var(--c0)}\n"
    ".tiles{display:flex;flex-wrap:wrap;gap:10px;margin:16px 0}\n"
    ".tile{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:8px "
    "14px;min-width:112px}\n"
    ".tile b{display:block;font-size:20px;font-weight:600}\n"
    ".tile span{color:var(--soft);font-size:12.5px}\n"
    ".grid{display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr))"
    "}\n"
    ".card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px "
    "12px;overflow:hidden}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-"
    "size:13.5px;width:100%}\n"
    "th,td{padding:4px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid "
    "var(--rule)}\n"
    "th{color:var(--soft);font-weight:500}th.l,td.l{text-align:left}\n"
    "td.wrap{white-space:normal;min-width:150px}tr.all td{font-weight:600;border-bottom:0}\n"
    "summary{cursor:pointer;color:var(--soft);margin:10px 0 6px}\n"
    "ul{margin:0;padding-left:18px}li{margin:3px 0}\n"
    "svg{display:block;width:100%;height:auto}\n"
    "@media print{body{max-width:none;background:none}.card{break-inside:avoid}}\n";

static void put_real(FILE *to, const char *format, double value)
{
    char text[32];
    (void)snprintf(text, sizeof text, format, value);
    fputs(isfinite(value) ? text : "–", to);
}

static void cell_real(FILE *to, const char *format, double value)
{
    fputs("<td>", to);
    put_real(to, format, value);
    fputs("</td>", to);
}

static void cell_whole(FILE *to, int64_t value)
{
    fprintf(to, "<td>%" PRId64 "</td>", value);
}

static void put_interval(FILE *to, const struct review_interval *i)
{
    if (isfinite(i->lo)) {
        fprintf(to, "%+.4f to %+.4f", i->lo, i->hi);
    } else {
        fputs("–", to);
    }
}

static int64_t count_alerts(const struct review_tally *t)
{
    int64_t n = 0;
    for (int i = 0; i < PROTO_ALERT_COUNT; i++) {
        n += t->alerts[i];
    }
    return n;
}

static void put_alerts(FILE *to, const struct review_tally *t)
{
    const char *between = "";
    for (int i = 0; i < PROTO_ALERT_COUNT; i++) {
        if (t->alerts[i] > 0) {
            fprintf(to, "%s%s %" PRId64, between, proto_alert_name((proto_alert_code)i),
                    t->alerts[i]);
            between = ", ";
        }
    }
}

/* The columns that sessions, animals and the whole journal share. */
static void header_cells(FILE *to)
{
    fputs("<th>trials</th><th title=\"trials without a choice\">no-go</th><th title=\"missing "
          "trial numbers\">gaps</th><th title=\"rewarded; where unknown: to the side of the "
          "stimulus\">accuracy</th><th title=\"mean -log p(choice) of the twin\">nats</th><th "
          "title=\"the same for the random walk\">random walk</th><th title=\"random walk − nats: "
          "above 0 the twin predicts better\">gain</th><th title=\"calibration error, 10 "
          "bins\">ECE</th><th>Brier</th><th title=\"fraction of bins of choices inside the 90% "
          "interval of p(right)\">covered</th><th title=\"decode, assimilate, predict: median\">µs "
          "p50</th><th title=\"the same: 99th percentile\">µs p99</th>",
          to);
}

static void tally_cells(FILE *to, const struct review_tally *t)
{
    cell_whole(to, t->trials);
    cell_whole(to, t->no_gos);
    cell_whole(to, t->missing);
    cell_real(to, "%.3f", review_accuracy(t));
    cell_real(to, "%.4f", model_score_mean_nats(&t->score));
    cell_real(to, "%.4f", model_score_mean_baseline_nats(&t->score));
    cell_real(to, "%+.4f", review_gain(t));
    cell_real(to, "%.3f", model_score_ece(&t->score));
    cell_real(to, "%.3f", model_score_mean_brier(&t->score));
    cell_real(to, "%.3f", model_score_coverage(&t->score));
    cell_real(to, "%.1f", histogram_quantile(&t->latency, 0.5) / 1000.0);
    cell_real(to, "%.1f", histogram_quantile(&t->latency, 0.99) / 1000.0);
}

static void open_tile(FILE *to)
{
    fputs("<div class=\"tile\"><b>", to);
}

static void close_tile(FILE *to, const char *label)
{
    fputs("</b><span>", to);
    text_escape_html(to, label);
    fputs("</span></div>\n", to);
}

static void tile_whole(FILE *to, int64_t value, const char *label)
{
    open_tile(to);
    fprintf(to, "%" PRId64, value);
    close_tile(to, label);
}

static void tile_real(FILE *to, const char *format, double value, const char *label)
{
    open_tile(to);
    put_real(to, format, value);
    close_tile(to, label);
}

static void put_summary(FILE *to, const struct review *v)
{
    const struct review_tally *t = &v->total;
    char path[sizeof v->path];
    char from[TIME_MAX];
    char until[TIME_MAX];
    char now[TIME_MAX];
    struct timespec clock;
    clock_gettime(CLOCK_REALTIME, &clock);
    text_escape_clean(path, sizeof path, v->path);
    fputs("<h1>Review of a journal</h1>\n<p class=\"soft\">", to);
    text_escape_html(to, path);
    if (v->n_events > 0) {
        fprintf(to, " · %s to %s",
                review_time(from, sizeof from, "%Y-%m-%d %H:%M", v->first_wall_ns),
                review_time(until, sizeof until, "%Y-%m-%d %H:%M", v->last_wall_ns));
    }
    fprintf(to, " · written %s by murid %s</p>\n<div class=\"tiles\">\n",
            review_time(now, sizeof now, "%Y-%m-%d %H:%M", (int64_t)clock.tv_sec * 1000000000),
            MURID_VERSION);
    tile_whole(to, t->trials, "trials");
    tile_whole(to, review_count_sessions(v), "sessions");
    tile_real(to, "%.1f%%", 100.0 * review_accuracy(t), "accuracy");
    tile_real(to, "%.4f", model_score_mean_nats(&t->score), "nats/trial, twin");
    open_tile(to);
    put_real(to, "%+.4f", review_gain(t));
    fputs("</b><span>gain over the random walk<br>", to);
    put_interval(to, &v->gain);
    fputs("</span></div>\n", to);
    tile_real(to, "%.3f", model_score_ece(&t->score), "calibration error");
    tile_real(to, "%.1f%%", 100.0 * model_score_coverage(&t->score), "covered by 90% intervals");
    tile_whole(to, t->missing, "missing trials");
    tile_whole(to, v->n_refused + v->n_conflicts, "messages refused");
    tile_whole(to, v->alerts.n, "alerts");
    tile_real(to, "%.1f µs", histogram_quantile(&t->latency, 0.5) / 1000.0, "trial, median");
    fputs("</div>\n", to);
}

static void put_alert_list(FILE *to, const struct review_alerts *alerts)
{
    char when[TIME_MAX];
    fputs("<ul>\n", to);
    for (int64_t i = alerts->n; i > review_alerts_first(alerts); i--) {
        const struct review_alert *a = &alerts->latest[(i - 1) % REVIEW_TEXTS];
        fprintf(to, "<li><span class=\"soft\">%s · %s</span> ",
                review_time(when, sizeof when, "%Y-%m-%d %H:%M:%S", a->t_wall_ns),
                proto_alert_name(a->code));
        text_escape_html(to, a->text);
        fputs("</li>\n", to);
    }
    fputs("</ul>\n", to);
}

static void put_subject_cells(FILE *to, uint32_t n_sessions, const struct review_tally *tally,
                              const struct review_interval *gain)
{
    fprintf(to, "</td><td>%" PRIu32 "</td>", n_sessions);
    tally_cells(to, tally);
    fputs("<td>", to);
    put_interval(to, gain);
    fputs("</td><td class=\"l wrap\">", to);
    put_alerts(to, tally);
    fputs("</td></tr>\n", to);
}

static void put_subjects_table(FILE *to, const struct review *v)
{
    fputs("<div class=\"card wide\"><table><tr><th class=\"l\">animal</th><th>sessions</th>", to);
    header_cells(to);
    fputs(
        "<th title=\"bootstrap over sessions\">95% of gain</th><th class=\"l\">alerts</th></tr>\n",
        to);
    for (uint32_t i = 0; i < v->n_subjects; i++) {
        const struct review_subject *s = &v->subjects[i];
        if (!review_has_subject(v, i)) {
            continue;
        }
        fprintf(to, "<tr><td class=\"l\"><a href=\"#s%" PRIu32 "\">", i);
        text_escape_html(to, s->name);
        fputs("</a>", to);
        put_subject_cells(to, s->n_sessions, &s->tally, &s->gain);
    }
    fputs("<tr class=\"all\"><td class=\"l\">all", to);
    put_subject_cells(to, review_count_sessions(v), &v->total, &v->gain);
    fputs("</table></div>\n", to);
}

static void put_sessions_table(FILE *to, const struct review *v, uint32_t subject)
{
    char start[TIME_MAX];
    fprintf(to, "<details%s><summary>%" PRIu32 " session%s</summary>\n<div class=\"card wide\">",
            v->subjects[subject].n_sessions <= OPEN_SESSIONS ? " open" : "",
            v->subjects[subject].n_sessions, v->subjects[subject].n_sessions == 1 ? "" : "s");
    fputs(
        "<table><tr><th class=\"l\">session</th><th class=\"l\">rig</th><th class=\"l\">start</th>",
        to);
    header_cells(to);
    fputs("<th class=\"l\">alerts</th></tr>\n", to);
    for (uint32_t i = 0; i < v->n_sessions; i++) {
        const struct review_session *s = &v->sessions[i];
        if (s->subject != subject) {
            continue;
        }
        fputs("<tr><td class=\"l\">", to);
        text_escape_html(to, s->name);
        fputs("</td><td class=\"l\">", to);
        text_escape_html(to, s->rig);
        fprintf(to, "</td><td class=\"l\">%s</td>",
                review_time(start, sizeof start, "%Y-%m-%d %H:%M", s->started_wall_ns));
        tally_cells(to, &s->tally);
        fputs("<td class=\"l wrap\">", to);
        put_alerts(to, &s->tally);
        fputs("</td></tr>\n", to);
    }
    fputs("</table></div></details>\n", to);
}

static void put_card(FILE *to, const char *title,
                     void (*plot)(FILE *to, const struct review *review, uint32_t subject),
                     const struct review *v, uint32_t subject)
{
    fprintf(to, "<div class=\"card\"><h3>%s</h3>\n", title);
    plot(to, v, subject);
    fputs("</div>\n", to);
}

static void put_outlook(FILE *to, const struct review_forecasts *o)
{
    char text[REVIEW_FORECASTS_LINE_MAX];
    fputs("<div class=\"card\"><h3>Forecasts and advice</h3>\n<ul>\n", to);
    for (int i = 0; i < REVIEW_FORECASTS_LINES; i++) {
        const enum review_forecasts_line line = (enum review_forecasts_line)i;
        if (review_forecasts_text(o, line, text) != NULL) {
            fprintf(to, "<li><span class=\"soft\">%s</span> ", review_forecasts_line_name(line));
            text_escape_html(to, text);
            fputs("</li>\n", to);
        }
    }
    fputs("</ul>\n</div>\n", to);
}

static void put_subject(FILE *to, const struct review *v, uint32_t subject)
{
    const struct review_subject *s = &v->subjects[subject];
    fprintf(to, "<h2 id=\"s%" PRIu32 "\">", subject);
    text_escape_html(to, s->name);
    fputs("</h2>\n", to);
    if (s->tally.trials > 0) {
        fputs("<div class=\"grid\">\n", to);
        put_card(to, "Learning curve", review_plot_learning, v, subject);
        if (review_forecasts_has_bands(s->outlook)) {
            put_card(to, "A forecast against the observed trials", review_plot_forecast, v,
                     subject);
        }
        put_card(to, "The twin against the random walk", review_plot_gain, v, subject);
        put_card(to, "What the choices depend on (weights)", review_plot_weights, v, subject);
        put_card(to, "The last sessions", review_plot_psychometric, v, subject);
        put_card(to, "Calibration", review_plot_reliability, v, subject);
        if (s->outlook != NULL) {
            put_outlook(to, s->outlook);
        }
        fputs("<div class=\"card\"><h3>Alerts</h3>\n", to);
        if (count_alerts(&s->tally) > 0) {
            fputs("<p class=\"soft\">", to);
            put_alerts(to, &s->tally);
            fputs("; the latest:</p>\n", to);
            put_alert_list(to, &s->alerts);
        } else {
            fputs("<p class=\"soft\">None.</p>\n", to);
        }
        fputs("</div>\n</div>\n", to);
    }
    put_sessions_table(to, v, subject);
}

static void put_page(FILE *to, const void *what)
{
    const struct review *v = what;
    char title[sizeof v->path];
    text_escape_clean(title, sizeof title, v->path);
    fputs(HEAD, to);
    fputs("<title>", to);
    text_escape_html(to, title);
    fputs(" – review</title>\n", to);
    fputs("<style>\n", to);
    svg_plot_put_style(to);
    fputs(STYLE, to);
    fputs("</style></head><body>\n", to);
    put_summary(to, v);
    put_subjects_table(to, v);
    fputs(
        "<p class=\"soft\" style=\"margin-top:10px\">nats: mean −log p(choice) of the twin, "
        "predicted before the choice was read. random walk: the same of a twin without a learning "
        "rule. gain: random walk − nats, above 0 the twin predicts better; its interval is a "
        "bootstrap over sessions. Thin upright lines: sessions start. Red triangles: alerts.</p>\n",
        to);
    if (v->alerts.n > 0) {
        fputs("<h2>Latest alerts</h2>\n<div class=\"card\">", to);
        put_alert_list(to, &v->alerts);
        fputs("</div>\n", to);
    }
    for (uint32_t i = 0; i < v->n_subjects; i++) {
        if (review_has_subject(v, i)) {
            put_subject(to, v, i);
        }
    }
    fputs("</body></html>\n", to);
}

int review_page_write(const struct review *review, const struct output_guard *guard,
                      const char *path, struct fault *fault)
{
    return output_file_write(guard, path, put_page, review, fault);
}
