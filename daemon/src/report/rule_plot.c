#include <math.h>
#include <string.h>

#include "figure.h"
#include "rule_ensemble.h"

/* One figure for a slide: dw by stimulus, a panel a weight, and the indices beside them. */

enum { TEXT_MAX = 256, ONE_ROW_MAX = 3, SIDE = MODEL_RULE_PROBE_STIMULI / 2 };

static const double WIDTH = 960.0;
static const double HEIGHT = 540.0;
static const double LEFT = 70.0; /* of a frame, within its panel */
static const double GAP = 14.0;
static const double HEAD_ROOM = 104.0;
static const double UNDER_ROOM = 58.0;  /* numbers and title under the last frames */
static const double ROW_GAP = 64.0;     /* between two rows of panels */
static const double INDEX_LEFT = 740.0; /* of the indices' frame */
static const double INDEX_WIDTH = 196.0;
static const double NAME_ROOM = 112.0; /* names of the indices' rows */

static const char *const OUTCOME_CLASS[] = {"c0", "c1"};
_Static_assert(sizeof OUTCOME_CLASS / sizeof OUTCOME_CLASS[0] == MODEL_RULE_PROBE_OUTCOMES,
               "a class for each");

static const char *symbol(const struct rule_ensemble *e)
{
    return model_rule_of(rule_ensemble_kind(e))->sets_offset ? "offset o" : "Δw";
}

static struct rule_ensemble_value curve_at(const struct rule_ensemble *e, int outcome, size_t x,
                                           uint32_t weight)
{
    return rule_ensemble_mean_dw(e, e->n_places, MODEL_RULE_PROBE_SETTLED,
                                 (model_rule_probe_outcome)outcome, x, weight);
}

static void range_of(const struct rule_ensemble *e, uint32_t weight, struct svg_plot *p)
{
    p->y0 = p->y1 = 0.0;
    for (int i = 0; i < MODEL_RULE_PROBE_OUTCOMES * MODEL_RULE_PROBE_STIMULI; i++) {
        const struct rule_ensemble_value v = curve_at(
            e, i / MODEL_RULE_PROBE_STIMULI, (size_t)(i % MODEL_RULE_PROBE_STIMULI), weight);
        svg_plot_include(&p->y0, &p->y1, v.mean);
        svg_plot_include(&p->y0, &p->y1, v.lo);
        svg_plot_include(&p->y0, &p->y1, v.hi);
    }
    const double pad = p->y1 > p->y0 ? 0.06 * (p->y1 - p->y0) : 1.0;
    p->y0 -= pad;
    p->y1 += pad;
}

/* One curve: the sides apart, since at 0 the choice that is correct changes. */
static void draw_curve(struct svg_plot *p, const struct rule_ensemble *e, int outcome,
                       uint32_t weight)
{
    char band[32];
    char line[32];
    (void)snprintf(band, sizeof band, "band %s", OUTCOME_CLASS[outcome]);
    (void)snprintf(line, sizeof line, "line %s", OUTCOME_CLASS[outcome]);
    for (size_t first = 0; first < MODEL_RULE_PROBE_STIMULI; first += SIDE) {
        struct rule_ensemble_value v[SIDE];
        for (size_t i = 0; i < SIDE; i++) {
            v[i] = curve_at(e, outcome, first + i, weight);
        }
        const struct figure_run run = {SIDE, model_rule_probe_stimulus(first), 1.0 / SIDE,
                                       sizeof v[0]};
        if (e->interval != RULE_ENSEMBLE_NONE) {
            figure_band(p, band, &run, &v->lo, &v->hi);
        }
        figure_curve(p, line, &run, &v->mean);
    }
}

static void draw_panel(const struct rule_ensemble *e, uint32_t weight, struct svg_plot *p,
                       bool is_lowest)
{
    const model_feature feature = rule_ensemble_policy(e)->feature[weight];
    char text[TEXT_MAX];
    p->x0 = -1.1;
    p->x1 = 1.1;
    range_of(e, weight, p);
    (void)snprintf(text, sizeof text, "%s of %s", symbol(e), model_feature_name(feature));
    svg_plot_text_in(p->to, "name", p->left + p->width / 2.0, p->top - 9.0, "middle", p->width,
                     text);
    svg_plot_y_axis(p, NULL, NULL);
    svg_plot_line(p, "chance", p->x0, 0.0, p->x1, 0.0);
    svg_plot_line(p, "start", 0.0, p->y0, 0.0, p->y1);
    svg_plot_x_axis(p, is_lowest ? "stimulus x" : NULL, NULL);
    for (int outcome = 0; outcome < MODEL_RULE_PROBE_OUTCOMES; outcome++) {
        draw_curve(p, e, outcome, weight);
    }
}

/* Up to three weights stand in one row, more in two. */
static void draw_panels(FILE *to, const struct rule_ensemble *e)
{
    const uint32_t n = rule_ensemble_policy(e)->n;
    const uint32_t rows = n <= ONE_ROW_MAX ? 1 : 2;
    const uint32_t columns = (n + rows - 1) / rows;
    const double room = (INDEX_LEFT - NAME_ROOM - GAP) / columns;
    const double height = (HEIGHT - HEAD_ROOM - UNDER_ROOM - (rows - 1) * ROW_GAP) / rows;
    for (uint32_t i = 0; i < n; i++) {
        struct svg_plot p =
            svg_plot_at(to, (i % columns) * room + LEFT,
                        HEAD_ROOM + i / columns * (height + ROW_GAP), room - LEFT, height);
        draw_panel(e, i, &p, i + columns >= n);
    }
}

/* One row: the interval, and the mean unless the interval says that it is not known. */
static void draw_index(struct svg_plot *p, const struct rule_ensemble *e,
                       model_rule_probe_index index, uint32_t weight, double y)
{
    const struct rule_ensemble_value v = rule_ensemble_mean_index(e, index, weight);
    const uint32_t n = rule_ensemble_policy(e)->n;
    const char *name =
        weight < n ? model_feature_name(rule_ensemble_policy(e)->feature[weight]) : "all weights";
    char tip[TEXT_MAX];
    figure_row_name(p, y, name);
    if (!rule_ensemble_is_known(&v)) {
        svg_plot_line(p, "line dashed c2", v.lo, y, v.hi, y);
        svg_plot_text(p->to, "title", svg_plot_px(p, 1.0), svg_plot_py(p, y) - 4.0, "end",
                      isfinite(v.lo) ? "not known" : "nothing moves");
        return;
    }
    (void)snprintf(tip, sizeof tip, "%s: %+.3f [%+.3f, %+.3f]", name, v.mean, v.lo, v.hi);
    svg_plot_line(p, "whisker", v.lo, y, v.hi, y);
    svg_plot_dot(p, "seen", v.mean, y, 4.0, tip);
}

static void draw_indices(FILE *to, const struct rule_ensemble *e, model_rule_probe_index index,
                         double top, double height, const char *const title[2])
{
    const uint32_t n = rule_ensemble_policy(e)->n;
    struct svg_plot p = svg_plot_at(to, INDEX_LEFT, top, INDEX_WIDTH, height);
    p.x0 = -1.05;
    p.x1 = 1.05;
    p.y0 = -0.6;
    p.y1 = n + 0.6;
    svg_plot_text(to, "name", p.left + p.width / 2.0, top - 25.0, "middle", title[0]);
    svg_plot_text(to, "title", p.left + p.width / 2.0, top - 9.0, "middle", title[1]);
    svg_plot_x_axis(&p, NULL, "%.1f");
    svg_plot_line(&p, "start", 0.0, p.y0, 0.0, p.y1);
    svg_plot_line(&p, "chance", p.x0, n - 0.5, p.x1, n - 0.5);
    for (uint32_t i = 0; i <= n; i++) {
        draw_index(&p, e, index, i, i < n ? n - 1.0 - i : n);
    }
}

static void draw_missing(FILE *to, uint32_t n, const char *const missing[])
{
    double y = HEAD_ROOM + 40.0;
    svg_plot_text(to, "name", INDEX_LEFT - NAME_ROOM / 2.0, y, "start",
                  "no index: the table of the fit had");
    for (uint32_t i = 0; i < n; i++) {
        y += 18.0;
        svg_plot_text(to, "name", INDEX_LEFT - NAME_ROOM / 2.0, y, "start", missing[i]);
    }
}

static void draw_right(FILE *to, const struct rule_ensemble *e)
{
    const double each = (HEIGHT - HEAD_ROOM - UNDER_ROOM - ROW_GAP) / 2.0;
    const char *missing[RULE_ENSEMBLE_MISSING_MAX];
    const uint32_t n = rule_ensemble_missing(e, missing);
    char pasts[TEXT_MAX];
    if (n > 0) {
        draw_missing(to, n, missing);
        return;
    }
    (void)snprintf(pasts, sizeof pasts, "-1: %u unrewarded before, 1: rewarded",
                   (unsigned)e->history);
    draw_indices(to, e, MODEL_RULE_PROBE_ASYMMETRY, HEAD_ROOM, each,
                 (const char *const[]){"asymmetry", "-1: errors alone, 1: correct alone"});
    draw_indices(to, e, MODEL_RULE_PROBE_MEMORY, HEAD_ROOM + each + ROW_GAP, each,
                 (const char *const[]){"history", pasts});
}

static void draw_head(FILE *to, const struct rule_ensemble *e, const char *title)
{
    const char *words = rule_ensemble_interval_words(e);
    char text[TEXT_MAX];
    svg_plot_text_in(to, "head", GAP, 24.0, "start", WIDTH - 2.0 * GAP, title);
    (void)snprintf(text, sizeof text, "%s; at %u %s",
                   words != NULL ? words : "one model, so no interval", (unsigned)e->n_states,
                   rule_ensemble_is_visited(e) ? "states (w) that the animals were in"
                                               : "states (w)");
    svg_plot_text_in(to, "title", GAP, 43.0, "start", WIDTH - 2.0 * GAP, text);
    figure_line_key(to, "line c0", GAP + 6.0, 67.0, 22.0, 200.0, "after a correct trial");
    figure_line_key(to, "line c1", GAP + 186.0, 67.0, 22.0, 200.0, "after an error");
    svg_plot_text(to, "title", GAP + 320.0, 67.0, "start", "log odds per unit of the feature");
}

void rule_plot(FILE *to, const struct rule_ensemble *e)
{
    char title[TEXT_MAX];
    (void)snprintf(title, sizeof title, "Learning rule %s: %s",
                   model_rule_name(rule_ensemble_kind(e)),
                   model_rule_of(rule_ensemble_kind(e))->formula);
    svg_plot_file_open(to, WIDTH, HEIGHT, title);
    draw_head(to, e, title);
    draw_panels(to, e);
    draw_right(to, e);
    svg_plot_picture_close(to);
}
