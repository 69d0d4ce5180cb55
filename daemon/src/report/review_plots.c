#include "review_plots.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "figure.h"
#include "forecast_plot.h"
#include "model/policy.h"

enum { WIDTH = 640, HEIGHT = 274, TIP_MAX = 224, STARTS_MAX = 200 };

static const double LEFT = 50.0;
static const double TOP = 38.0;
static const double FRAME_HEIGHT = 190.0;
static const double LABEL_ROOM = 110.0; /* right of the frame, for the names of lines */

/* Of the stroke and fill: a feature keeps its colour from animal to animal. */
static const char *const FEATURE_CLASS[] = {
    [MODEL_FEATURE_STIMULUS] = "c0",      [MODEL_FEATURE_BIAS] = "c1",
    [MODEL_FEATURE_PREV_CHOICE] = "c2",   [MODEL_FEATURE_STIMULUS_RIGHT] = "c3",
    [MODEL_FEATURE_STIMULUS_LEFT] = "c4", [MODEL_FEATURE_WIN_STAY] = "c5",
    [MODEL_FEATURE_PREV_STIMULUS] = "c6", [MODEL_FEATURE_LOSE_SWITCH] = "c7",
    [MODEL_FEATURE_CHOICE_TRACE] = "c8"};
_Static_assert(MODEL_FEATURES == 9, "a class for each");

static struct svg_plot over_trials(FILE *to, const struct review_subject *s, double room)
{
    struct svg_plot p = svg_plot_at(to, LEFT, TOP, WIDTH - LEFT - room, FRAME_HEIGHT);
    p.x1 = fmax((double)s->tally.trials, 1.0);
    return p;
}

static void draw_session_starts(struct svg_plot *p, const struct review *v, uint32_t subject)
{
    if (v->subjects[subject].n_sessions > STARTS_MAX) {
        return;
    }
    for (uint32_t i = 0; i < v->n_sessions; i++) {
        const struct review_session *s = &v->sessions[i];
        if (s->subject == subject && s->tally.trials > 0 && s->first_trial > 0) {
            svg_plot_line(p, "start", (double)s->first_trial, p->y0, (double)s->first_trial, p->y1);
        }
    }
}

static void draw_marks(struct svg_plot *p, const struct review_curves *c)
{
    const int64_t first = c->n_marks > REVIEW_MARKS ? c->n_marks - REVIEW_MARKS : 0;
    for (int64_t i = first; i < c->n_marks; i++) {
        const struct review_mark *m = &c->marks[i % REVIEW_MARKS];
        char tip[TIP_MAX];
        (void)snprintf(tip, sizeof tip, "%s at trial %" PRId64, proto_alert_name(m->code),
                       m->trial);
        svg_plot_mark(p, "alert", (double)m->trial, tip);
    }
}

void review_plot_learning(FILE *to, const struct review *v, uint32_t subject)
{
    const struct review_subject *s = &v->subjects[subject];
    const struct review_curves *c = s->curves;
    struct svg_plot p = over_trials(to, s, 14.0);
    char title[TIP_MAX];
    /* A few trials, as at the end, say nothing that a point could show. */
    const int64_t least = c->n_bins > 1 ? c->bin_trials / 4 : 1;
    p.y0 = 0.4;
    p.y1 = 1.0;
    for (size_t i = 0; i < c->n_bins; i++) {
        if (c->bins[i].n >= least) {
            p.y0 = fmin(p.y0, floor(10.0 * c->bins[i].correct / (double)c->bins[i].n) / 10.0);
        }
    }
    (void)snprintf(title, sizeof title, "fraction correct of each %" PRId64 " trials",
                   c->bin_trials);
    svg_plot_picture_open(to, WIDTH, HEIGHT, title);
    draw_session_starts(&p, v, subject);
    figure_axes(&p, "trial", title, 0.5);
    svg_plot_path_open(&p, "line c0");
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < c->n_bins; i++) {
            const struct review_bin *b = &c->bins[i];
            const double from = (double)((int64_t)i * c->bin_trials);
            const double x = (from + fmin(from + (double)c->bin_trials, p.x1)) / 2.0;
            const double y = b->n >= least ? b->correct / (double)b->n : (double)NAN;
            char tip[TIP_MAX];
            if (pass == 0) {
                svg_plot_path_to(&p, x, y);
                continue;
            }
            (void)snprintf(tip, sizeof tip, "trials %.0f on: %.1f%% of %" PRId64, from, 100.0 * y,
                           b->n);
            svg_plot_dot(&p, "dot c0", x, y, c->n_bins > 60 ? 1.8 : 2.8, tip);
        }
        if (pass == 0) {
            svg_plot_path_close(&p);
        }
    }
    draw_marks(&p, c);
    svg_plot_picture_close(to);
}

/* The bands of a message, window by window. Returns how many. */
static size_t take_bands(const proto_bands *from, model_forecast_band out[])
{
    const size_t n = from->median.n;
    for (size_t i = 0; i < n; i++) {
        out[i] = (model_forecast_band){.median = from->median.v[i],
                                       .lo50 = from->lo50.v[i],
                                       .hi50 = from->hi50.v[i],
                                       .lo90 = from->lo90.v[i],
                                       .hi90 = from->hi90.v[i]};
    }
    return n;
}

void review_plot_forecast(FILE *to, const struct review *v, uint32_t subject)
{
    const struct review_forecasts *o = v->subjects[subject].outlook;
    const uint32_t window = (uint32_t)o->held.said.window;
    model_forecast_band bands[FORECAST_MESSAGE_WINDOWS];
    double before[REVIEW_FORECASTS_BEFORE];
    double came[FORECAST_MESSAGE_WINDOWS];
    char title[TIP_MAX];
    const size_t n = take_bands(&o->held.said.correct.v, bands);
    int n_before = 0;
    while (n_before < REVIEW_FORECASTS_BEFORE && !isnan(review_forecasts_share(o, -n_before - 1))) {
        n_before++;
    }
    struct svg_plot p = svg_plot_at(to, LEFT, TOP + 20.0, WIDTH - LEFT - 22.0, FRAME_HEIGHT - 20.0);
    p.x0 = -(double)n_before * window;
    p.x1 = (double)n * window;
    p.y0 = 0.4;
    for (int i = 0; i < n_before; i++) {
        before[i] = review_forecasts_share(o, i - n_before);
        svg_plot_include(&p.y0, &p.y1, before[i]);
    }
    for (size_t i = 0; i < n; i++) {
        came[i] = review_forecasts_share(o, (int)i);
        svg_plot_include(&p.y0, &p.y1, came[i]);
        svg_plot_include(&p.y0, &p.y1, bands[i].lo90);
    }
    (void)snprintf(title, sizeof title,
                   "fraction correct of each %" PRIu32 " choices, forecast after trial %" PRId64
                   " of session %s",
                   window, o->held.said.based_on, o->held.session);
    svg_plot_picture_open(to, WIDTH, HEIGHT, title);
    svg_plot_text_in(to, "title", LEFT - 6.0, TOP - 16.0, "start", WIDTH - LEFT, title);
    forecast_plot_legend(to, LEFT, TOP + 4.0);
    figure_axes(&p, "choices since the forecast", NULL, 0.5);
    forecast_plot_bands(&p, window, n, bands);
    forecast_plot_dots(&p, window, (size_t)n_before, before, -(double)n_before, "dot c2");
    forecast_plot_dots(&p, window, n, came, 0.0, "dot c3");
    svg_plot_picture_close(to);
}

void review_plot_gain(FILE *to, const struct review *v, uint32_t subject)
{
    const struct review_subject *s = &v->subjects[subject];
    const struct review_curves *c = s->curves;
    struct svg_plot p = over_trials(to, s, 14.0);
    const struct figure_run run = {c->n_points + 1, 0.0, (double)c->point_trials, sizeof(double)};
    double gain[REVIEW_POINTS_MAX + 1] = {0.0};
    bool is_walk = true;
    p.y0 = -1.0;
    for (size_t i = 0; i < c->n_points; i++) {
        gain[i + 1] = (double)c->points[i].gain;
        svg_plot_include(&p.y0, &p.y1, gain[i + 1]);
        is_walk = is_walk && fabs(gain[i + 1]) < 1e-9;
    }
    const double pad = 0.05 * (p.y1 - p.y0);
    p.y0 -= pad;
    p.y1 += pad;
    svg_plot_picture_open(to, WIDTH, HEIGHT, "cumulative gain of the twin over the random walk");
    draw_session_starts(&p, v, subject);
    figure_axes(&p, "trial", "cumulative gain over the random walk (nats)", 0.0);
    figure_curve(&p, "line c0", &run, gain);
    if (is_walk) {
        svg_plot_text(to, "name", p.left + p.width / 2.0, p.top + 50.0, "middle",
                      "the twin is the random walk itself");
    }
    svg_plot_picture_close(to);
}

struct line_label {
    int feature;
    double at; /* pixels from the top */
};

/* Names at the right end of the lines, pushed apart until they can be read. */
static void draw_labels(const struct svg_plot *p, struct line_label *labels, size_t n)
{
    const double apart = 15.0;
    char css_class[32];
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i; j > 0 && labels[j - 1].at > labels[j].at; j--) {
            const struct line_label swap = labels[j];
            labels[j] = labels[j - 1];
            labels[j - 1] = swap;
        }
    }
    for (size_t i = 1; i < n; i++) {
        labels[i].at = fmax(labels[i].at, labels[i - 1].at + apart);
    }
    double most = p->top + p->height;
    for (size_t i = n; i > 0; i--) {
        labels[i - 1].at = fmin(labels[i - 1].at, most);
        most = labels[i - 1].at - apart;
    }
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(css_class, sizeof css_class, "line %s", FEATURE_CLASS[labels[i].feature]);
        figure_line_key(p->to, css_class, p->left + p->width + 6.0, labels[i].at + 4.0, 10.0,
                        LABEL_ROOM, model_feature_name((model_feature)labels[i].feature));
    }
}

/* One weight over trials, and its band. Where it stands last; NaN: nowhere, as in models without
 * it. */
static double draw_weight(struct svg_plot *p, const struct review_curves *c, int feature,
                          bool is_band)
{
    const struct figure_run run = {c->n_points, (double)c->point_trials, (double)c->point_trials,
                                   sizeof(double)};
    double w[REVIEW_POINTS_MAX];
    double lo[REVIEW_POINTS_MAX];
    double hi[REVIEW_POINTS_MAX];
    char css_class[32];
    double last = (double)NAN;
    for (size_t i = 0; i < c->n_points; i++) {
        const double half = MODEL_Z90 * (double)c->points[i].w_sd[feature];
        w[i] = (double)c->points[i].w[feature];
        lo[i] = w[i] - half;
        hi[i] = w[i] + half;
        last = isfinite(w[i]) ? w[i] : last;
    }
    (void)snprintf(css_class, sizeof css_class, "%s %s", is_band ? "band" : "line",
                   FEATURE_CLASS[feature]);
    if (is_band) {
        figure_band(p, css_class, &run, lo, hi);
    } else if (isfinite(last)) {
        figure_curve(p, css_class, &run, w);
    }
    return last;
}

void review_plot_weights(FILE *to, const struct review *v, uint32_t subject)
{
    const struct review_subject *s = &v->subjects[subject];
    const struct review_curves *c = s->curves;
    struct svg_plot p = over_trials(to, s, LABEL_ROOM);
    struct line_label labels[MODEL_FEATURES];
    size_t n = 0;
    p.y0 = -1.0;
    for (size_t i = 0; i < c->n_points; i++) {
        for (int f = 0; f < MODEL_FEATURES; f++) {
            const double w = (double)c->points[i].w[f];
            const double half = MODEL_Z90 * (double)c->points[i].w_sd[f];
            svg_plot_include(&p.y0, &p.y1, w - half);
            svg_plot_include(&p.y0, &p.y1, w + half);
        }
    }
    svg_plot_picture_open(to, WIDTH, HEIGHT, "weights of the twin over trials");
    draw_session_starts(&p, v, subject);
    figure_axes(&p, "trial", "weights of the twin, with 90% bands", 0.0);
    for (int f = 0; f < MODEL_FEATURES; f++) {
        (void)draw_weight(&p, c, f, true);
    }
    for (int f = 0; f < MODEL_FEATURES; f++) {
        const double last = draw_weight(&p, c, f, false);
        if (isfinite(last)) {
            labels[n++] = (struct line_label){f, svg_plot_py(&p, last)};
        }
    }
    draw_labels(&p, labels, n);
    if (n == 0) {
        svg_plot_text(to, "name", p.left + p.width / 2.0, p.top + 60.0, "middle",
                      "this murid cannot read the journal's model");
    }
    svg_plot_picture_close(to);
}

static void draw_panel(struct svg_plot *p, const struct review *v,
                       const struct review_psychometric *y)
{
    const struct review_session *s = &v->sessions[y->session];
    char text[TIP_MAX];
    svg_plot_line(p, "chance", p->x0, 0.5, p->x1, 0.5);
    svg_plot_line(p, "start", 0.0, 0.0, 0.0, 1.0);
    svg_plot_path_open(p, "line c0");
    for (uint32_t i = 0; i < y->n; i++) {
        const struct review_choice *c = &y->stimuli[i];
        if (c->n > 0) {
            svg_plot_path_to(p, c->stimulus, c->p_right / (double)c->n);
        }
    }
    svg_plot_path_close(p);
    for (uint32_t i = 0; i < y->n; i++) {
        const struct review_choice *c = &y->stimuli[i];
        const double n = (double)c->n;
        (void)snprintf(text, sizeof text,
                       "stimulus %.3g: right in %.1f%% of %" PRId64 ", predicted %.1f%%",
                       c->stimulus, 100.0 * (double)c->n_right / n, c->n, 100.0 * c->p_right / n);
        if (c->n > 0) {
            svg_plot_dot(p, "dot c0", c->stimulus, c->p_right / n, 2.4, NULL);
            figure_draw_proportion(p, "seen", c->stimulus, (double)c->n_right, n, text);
        }
    }
    svg_plot_text_in(p->to, "name", p->left + p->width / 2.0, p->top - 8.0, "middle", p->width,
                     s->name);
}

void review_plot_psychometric(FILE *to, const struct review *v, uint32_t subject)
{
    const struct review_curves *c = v->subjects[subject].curves;
    const int64_t n =
        c->n_psychometric < REVIEW_LAST_SESSIONS ? c->n_psychometric : REVIEW_LAST_SESSIONS;
    const double gap = 14.0;
    const double width =
        (WIDTH - LEFT - 10.0 - (REVIEW_LAST_SESSIONS - 1) * gap) / REVIEW_LAST_SESSIONS;
    struct svg_plot p = svg_plot_at(to, LEFT, TOP + 16.0, width, FRAME_HEIGHT - 16.0);
    p.x1 = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const struct review_psychometric *y = &c->psychometric[i];
        svg_plot_include(&p.x0, &p.x1, fabs(y->stimuli[0].stimulus));
        svg_plot_include(&p.x0, &p.x1, fabs(y->stimuli[y->n - 1].stimulus));
    }
    p.x1 = p.x1 > 0.0 ? 1.08 * p.x1 : 1.0;
    p.x0 = -p.x1;
    svg_plot_picture_open(to, WIDTH, HEIGHT, "psychometric curves of the last sessions");
    svg_plot_text(to, "title", LEFT - 6.0, TOP - 16.0, "start",
                  "fraction of right choices: predicted (line) and observed (dots, 95% intervals)");
    for (int64_t i = 0; i < n; i++) {
        svg_plot_y_axis(&p, NULL, i == 0 ? NULL : "");
        svg_plot_x_axis(&p, "stimulus", NULL);
        draw_panel(&p, v, &c->psychometric[(c->n_psychometric - n + i) % REVIEW_LAST_SESSIONS]);
        p.left += width + gap;
    }
    if (n == 0) {
        svg_plot_text(to, "name", WIDTH / 2.0, p.top + 60.0, "middle", "no choice was scored");
    }
    svg_plot_picture_close(to);
}

static void draw_counts(FILE *to, const model_score *score)
{
    struct svg_plot p = svg_plot_at(to, 2.0 * LEFT + FRAME_HEIGHT + 90.0, TOP,
                                    WIDTH - 2.0 * LEFT - FRAME_HEIGHT - 104.0, FRAME_HEIGHT);
    for (int i = 0; i < MODEL_SCORE_BINS; i++) {
        svg_plot_include(&p.y0, &p.y1, 1.05 * (double)score->bin_n[i]);
    }
    svg_plot_y_axis(&p, "choices by prediction", NULL);
    for (int i = 0; i < MODEL_SCORE_BINS; i++) {
        char tip[TIP_MAX];
        (void)snprintf(tip, sizeof tip, "%.1f to %.1f: %" PRId64 " choices",
                       (double)i / MODEL_SCORE_BINS, (i + 1.0) / MODEL_SCORE_BINS, score->bin_n[i]);
        svg_plot_bar(&p, "bar c0", (i + 0.06) / MODEL_SCORE_BINS, (i + 0.94) / MODEL_SCORE_BINS,
                     (double)score->bin_n[i], tip);
    }
    svg_plot_x_axis(&p, "predicted p(right)", NULL);
}

void review_plot_reliability(FILE *to, const struct review *v, uint32_t subject)
{
    const model_score *score = &v->subjects[subject].tally.score;
    struct svg_plot p = svg_plot_at(to, LEFT, TOP, FRAME_HEIGHT + 60.0, FRAME_HEIGHT);
    svg_plot_picture_open(to, WIDTH, HEIGHT, "reliability of the predictions");
    figure_axes(&p, "predicted p(right)", "right was chosen, 95% intervals", (double)NAN);
    svg_plot_line(&p, "chance", 0.0, 0.0, 1.0, 1.0);
    for (int i = 0; i < MODEL_SCORE_BINS; i++) {
        const double n = (double)score->bin_n[i];
        char tip[TIP_MAX];
        (void)snprintf(tip, sizeof tip, "predicted %.1f%%: right in %.1f%% of %.0f",
                       100.0 * score->bin_p[i] / n, 100.0 * score->bin_y[i] / n, n);
        if (n > 0.0) {
            figure_draw_proportion(&p, "seen", score->bin_p[i] / n, score->bin_y[i], n, tip);
        }
    }
    draw_counts(to, score);
    svg_plot_picture_close(to);
}
