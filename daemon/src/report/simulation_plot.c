#include "simulation_plot.h"

#include <math.h>
#include <stddef.h>

#include "svg_plot.h"

enum {
    PANEL_WIDTH = 430,
    PANEL_HEIGHT = 282,
    LEFT = 56,
    TOP = 66,
    FRAME_WIDTH = 350,
    FRAME_HEIGHT = 160,
    HEAD = 34,
    LEGEND_WIDTH = PANEL_WIDTH,
    A_ROW = 2,
    TEXT_MAX = 200
};

static const char *const LINES[2] = {"line c0", "line c1"};
static const char *const BANDS[2] = {"band c0", "band c1"};
static const char *const DOTS[2] = {"dot c0", "dot c1"};

/* The line of each stage in its panel; of the second protocol it is dashed. */
static const char *const STAGE_LINES[2][8] = {
    {"line c0", "line c1", "line c2", "line c3", "line c4", "line c5", "line c6", "line c7"},
    {"line dashed c0", "line dashed c1", "line dashed c2", "line dashed c3", "line dashed c4",
     "line dashed c5", "line dashed c6", "line dashed c7"}};
static struct svg_plot panel_of(FILE *to, int number, const char *title, double y0, double y1,
                                double sessions)
{
    const double left = (double)(number % A_ROW) * PANEL_WIDTH;
    const double top = HEAD + (double)(number / A_ROW) * PANEL_HEIGHT;
    const struct svg_plot p = {.to = to,
                               .left = left + LEFT,
                               .top = top + TOP,
                               .width = FRAME_WIDTH,
                               .height = FRAME_HEIGHT,
                               .x0 = 1.0,
                               .x1 = sessions > 1.0 ? sessions : 2.0,
                               .y0 = y0,
                               .y1 = y1};
    svg_plot_text(to, "head", p.left, top + 30.0, "start", title);
    return p;
}

/* Between two quantiles of bands that stand `step` apart. */
static void draw_band(struct svg_plot *p, const char *css_class,
                      const struct simulation_band *bands, size_t step, int64_t n, int low,
                      int high)
{
    svg_plot_path_open(p, css_class);
    for (int64_t i = 0; i < n; i++) {
        svg_plot_path_to(p, (double)i + 1.0, bands[(size_t)i * step].q[high]);
    }
    for (int64_t i = n; i-- > 0;) {
        svg_plot_path_to(p, (double)i + 1.0, bands[(size_t)i * step].q[low]);
    }
    svg_plot_path_close(p);
}

static void draw_measure(struct svg_plot *p, const struct simulation_report *r, int which,
                         enum simulation_measure measure)
{
    const struct simulation_band *bands = &r->measure[measure];
    const int64_t n = r->s->plan.sessions;
    draw_band(p, BANDS[which], bands, SIMULATION_MEASURES, n, 0, 4);
    draw_band(p, BANDS[which], bands, SIMULATION_MEASURES, n, 1, 3);
    svg_plot_path_open(p, LINES[which]);
    for (int64_t i = 0; i < n; i++) {
        svg_plot_path_to(p, (double)i + 1.0, bands[(size_t)i * SIMULATION_MEASURES].q[2]);
    }
    svg_plot_path_close(p);
}

static void draw_measures(FILE *to, int number, const char *title, double y0, double y1,
                          double level, const struct simulation_report reports[], size_t n,
                          enum simulation_measure measure)
{
    struct svg_plot p = panel_of(to, number, title, y0, y1, (double)reports[0].s->plan.sessions);
    svg_plot_y_axis(&p, NULL, NULL);
    svg_plot_line(&p, "chance", p.x0, level, p.x1, level);
    for (size_t i = 0; i < n; i++) {
        draw_measure(&p, &reports[i], (int)i, measure);
    }
    svg_plot_x_axis(&p, "session", NULL);
}

static void draw_stages(FILE *to, int number, const struct simulation_report reports[], size_t n)
{
    struct svg_plot p = panel_of(to, number, "share of trials in each stage, mean over mice", 0.0,
                                 1.0, (double)reports[0].s->plan.sessions);
    svg_plot_y_axis(&p, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        const model_protocol *protocol = reports[i].s->plan.protocol;
        for (uint32_t k = 0; k < protocol->n_stages; k++) {
            svg_plot_path_open(&p, STAGE_LINES[i][k % 8]);
            for (int64_t session = 0; session < reports[i].s->plan.sessions; session++) {
                svg_plot_path_to(
                    &p, (double)session + 1.0,
                    reports[i].occupancy[(size_t)session * protocol->n_stages + k].mean);
            }
            svg_plot_path_close(&p);
        }
    }
    svg_plot_x_axis(&p, "session", NULL);
}

/* Which line is which stage, in the row of that number. */
static void name_stages(FILE *to, int number, const struct simulation_report *r, int row)
{
    const double left = (double)(number % A_ROW) * PANEL_WIDTH + LEFT;
    const double top = HEAD + (double)(number / A_ROW) * PANEL_HEIGHT + 38.0 + 14.0 * row;
    const model_protocol *protocol = r->s->plan.protocol;
    const double width = (double)FRAME_WIDTH / protocol->n_stages;
    for (uint32_t k = 0; k < protocol->n_stages; k++) {
        struct svg_plot p = {.to = to,
                             .left = left + k * width,
                             .top = top,
                             .width = 1.0,
                             .height = 8.0,
                             .x1 = 1.0,
                             .y1 = 1.0};
        svg_plot_line(&p, STAGE_LINES[row][k % 8], 0.0, 0.5, 14.0, 0.5);
        svg_plot_text_in(to, "title", p.left + 18.0, top + 8.0, "start", width - 24.0,
                         protocol->stage[k].name);
    }
}

/* Share of animals that had come to the last stage before each session. */
static void draw_last_stage(FILE *to, int number, const struct simulation_report reports[],
                            size_t n)
{
    const int64_t sessions = reports[0].s->plan.sessions;
    struct svg_plot p = panel_of(to, number, "share of mice that came to the last stage", 0.0, 1.0,
                                 (double)sessions);
    svg_plot_y_axis(&p, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        const struct simulation *s = reports[i].s;
        svg_plot_path_open(&p, LINES[i]);
        for (int64_t session = 0; session < sessions; session++) {
            int64_t there = 0;
            for (int64_t k = 0; k < s->plan.mice; k++) {
                there += simulation_outcome_of(&reports[i], k, SIMULATION_SESSIONS_TO_LAST) <=
                         (double)session;
            }
            svg_plot_path_to(&p, (double)session + 1.0, (double)there / (double)s->plan.mice);
        }
        svg_plot_path_close(&p);
    }
    svg_plot_x_axis(&p, "session", NULL);
}

static void draw_gain(FILE *to, int number, const struct simulation_difference *d)
{
    const int64_t n = d->first->s->plan.sessions;
    double low = -0.05;
    double high = 0.05;
    for (int64_t i = 0; i < n; i++) {
        svg_plot_include(&low, &high, d->accuracy[i].band.q[1]);
        svg_plot_include(&low, &high, d->accuracy[i].band.q[3]);
        svg_plot_include(&low, &high, d->accuracy[i].lo);
        svg_plot_include(&low, &high, d->accuracy[i].hi);
    }
    struct svg_plot p =
        panel_of(to, number, "accuracy, second minus first: middle half of mice, mean with 95%",
                 low, high, (double)n);
    svg_plot_y_axis(&p, NULL, NULL);
    svg_plot_line(&p, "chance", p.x0, 0.0, p.x1, 0.0);
    svg_plot_path_open(&p, "band c2");
    for (int64_t i = 0; i < n; i++) {
        svg_plot_path_to(&p, (double)i + 1.0, d->accuracy[i].band.q[3]);
    }
    for (int64_t i = n; i-- > 0;) {
        svg_plot_path_to(&p, (double)i + 1.0, d->accuracy[i].band.q[1]);
    }
    svg_plot_path_close(&p);
    for (int64_t i = 0; i < n; i++) {
        const struct simulation_gain *g = &d->accuracy[i];
        svg_plot_line(&p, "whisker", (double)i + 1.0, g->lo, (double)i + 1.0, g->hi);
        svg_plot_dot(&p, "dot c2", (double)i + 1.0, g->band.mean, 2.6, NULL);
    }
    svg_plot_x_axis(&p, "session", NULL);
}

static void draw_legend(FILE *to, const struct simulation_report reports[], size_t n)
{
    char text[TEXT_MAX];
    for (size_t i = 0; i < n; i++) {
        struct svg_plot p = {.to = to,
                             .left = 14.0 + (double)i * LEGEND_WIDTH,
                             .top = 12.0,
                             .width = 1.0,
                             .height = 8.0,
                             .x1 = 1.0,
                             .y1 = 1.0};
        (void)snprintf(text, sizeof text, "%lld mice, %s%s", (long long)reports[i].s->plan.mice,
                       i > 0 ? "stages dashed: " : "", reports[i].name);
        svg_plot_dot(&p, DOTS[i], 0.0, 0.5, 4.5, NULL);
        svg_plot_text_in(to, "head", p.left + 10.0, 20.0, "start", LEGEND_WIDTH - 24.0, text);
    }
}

void simulation_plot(FILE *to, const struct simulation_report reports[], size_t n,
                     const struct simulation_difference *difference)
{
    const double rows = difference != NULL ? 3.0 : 2.0;
    svg_plot_file_open(to, A_ROW * PANEL_WIDTH, HEAD + rows * PANEL_HEIGHT,
                       "training of virtual mice by session");
    draw_legend(to, reports, n);
    draw_measures(to, 0, "accuracy: median, middle half and 90% of mice", 0.0, 1.0, 0.5, reports, n,
                  SIMULATION_ACCURACY);
    draw_measures(to, 1, "bias to the right", -0.6, 0.6, 0.0, reports, n, SIMULATION_BIAS);
    draw_stages(to, 2, reports, n);
    for (size_t i = 0; i < n; i++) {
        name_stages(to, 2, &reports[i], (int)i);
    }
    draw_last_stage(to, 3, reports, n);
    if (difference != NULL) {
        draw_gain(to, 4, difference);
    }
    svg_plot_picture_close(to);
}
