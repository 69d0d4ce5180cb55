#include "simulation_plot.h"

#include <math.h>

#include "figure.h"

enum { TEXT_MAX = 200, STAGE_LINE = 14 };

static const struct figure_panels PANELS = {
    .columns = 2, .width = 430.0, .height = 282.0, .left = 56.0, .top = 66.0, .head = 34.0};

static const char *const LINES[2] = {"line c0", "line c1"};
static const char *const BANDS[2] = {"band c0", "band c1"};
static const char *const DOTS[2] = {"dot c0", "dot c1"};

/* The line of each stage in its panel; of the second protocol it is dashed. */
static const char *const STAGE_LINES[2][8] = {
    {"line c0", "line c1", "line c2", "line c3", "line c4", "line c5", "line c6", "line c7"},
    {"line dashed c0", "line dashed c1", "line dashed c2", "line dashed c3", "line dashed c4",
     "line dashed c5", "line dashed c6", "line dashed c7"}};

/* A panel over sessions, from 1. */
static struct svg_plot draw_panel(FILE *to, uint32_t number, const char *title, double y0,
                                  double y1, double level, int64_t sessions)
{
    struct svg_plot p = figure_panel(to, &PANELS, number, title);
    p.x0 = 1.0;
    p.x1 = fmax((double)sessions, 2.0);
    p.y0 = y0;
    p.y1 = y1;
    figure_axes(&p, "session", NULL, level);
    return p;
}

static void draw_measure(FILE *to, uint32_t number, const char *title, double y0, double y1,
                         double level, const struct simulation_report reports[], size_t n,
                         enum simulation_measure measure)
{
    const int64_t sessions = reports[0].s->plan.sessions;
    const struct figure_run run = {(size_t)sessions, 1.0, 1.0,
                                   SIMULATION_MEASURES * sizeof(struct simulation_band)};
    struct svg_plot p = draw_panel(to, number, title, y0, y1, level, sessions);
    for (size_t i = 0; i < n; i++) {
        const double *q = reports[i].measure[measure].q;
        figure_band(&p, BANDS[i], &run, &q[0], &q[4]);
        figure_band(&p, BANDS[i], &run, &q[1], &q[3]);
        figure_curve(&p, LINES[i], &run, &q[2]);
    }
}

static void draw_stages(FILE *to, uint32_t number, const struct simulation_report reports[],
                        size_t n)
{
    const int64_t sessions = reports[0].s->plan.sessions;
    struct svg_plot p = draw_panel(to, number, "fraction of trials in each stage, mean over mice",
                                   0.0, 1.0, (double)NAN, sessions);
    for (size_t i = 0; i < n; i++) {
        const model_protocol *protocol = reports[i].s->plan.protocol;
        const double width = p.width / protocol->n_stages;
        const struct figure_run run = {(size_t)sessions, 1.0, 1.0,
                                       protocol->n_stages * sizeof(struct simulation_band)};
        for (uint32_t k = 0; k < protocol->n_stages; k++) {
            figure_curve(&p, STAGE_LINES[i][k % 8], &run, &reports[i].occupancy[k].mean);
            figure_line_key(to, STAGE_LINES[i][k % 8], p.left + k * width,
                            p.top - 20.0 + 14.0 * (double)i, STAGE_LINE, width - 6.0,
                            protocol->stage[k].name);
        }
    }
}

/* Fraction of animals that had come to the last stage before each session. */
static void draw_last_stage(FILE *to, uint32_t number, const struct simulation_report reports[],
                            size_t n)
{
    const int64_t sessions = reports[0].s->plan.sessions;
    struct svg_plot p = draw_panel(to, number, "fraction of mice that reached the last stage", 0.0,
                                   1.0, (double)NAN, sessions);
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
}

static void draw_gain(FILE *to, uint32_t number, const struct simulation_difference *d)
{
    const int64_t n = d->first->s->plan.sessions;
    const struct figure_run run = {(size_t)n, 1.0, 1.0, sizeof d->accuracy[0]};
    double low = -0.05;
    double high = 0.05;
    for (int64_t i = 0; i < n; i++) {
        svg_plot_include(&low, &high, d->accuracy[i].band.q[1]);
        svg_plot_include(&low, &high, d->accuracy[i].band.q[3]);
        svg_plot_include(&low, &high, d->accuracy[i].lo);
        svg_plot_include(&low, &high, d->accuracy[i].hi);
    }
    struct svg_plot p = draw_panel(to, number, "accuracy gained: interquartile range, mean, 95%",
                                   low, high, 0.0, n);
    figure_band(&p, "band c2", &run, &d->accuracy->band.q[1], &d->accuracy->band.q[3]);
    for (int64_t i = 0; i < n; i++) {
        const struct simulation_gain *g = &d->accuracy[i];
        svg_plot_line(&p, "whisker", (double)i + 1.0, g->lo, (double)i + 1.0, g->hi);
        svg_plot_dot(&p, "dot c2", (double)i + 1.0, g->band.mean, 2.6, NULL);
    }
}

static void draw_legend(FILE *to, const struct simulation_report reports[], size_t n)
{
    char text[TEXT_MAX];
    for (size_t i = 0; i < n; i++) {
        struct svg_plot p = svg_plot_at(to, 14.0 + (double)i * PANELS.width, 16.0, 1.0, 1.0);
        (void)snprintf(text, sizeof text, "%lld mice, %s%s", (long long)reports[i].s->plan.mice,
                       i > 0 ? "stages dashed: " : "", reports[i].name);
        svg_plot_dot(&p, DOTS[i], 0.0, 1.0, 4.5, NULL);
        svg_plot_text_in(to, "head", p.left + 10.0, 20.0, "start", PANELS.width - 24.0, text);
    }
}

void simulation_plot(FILE *to, const struct simulation_report reports[], size_t n,
                     const struct simulation_difference *difference)
{
    figure_panels_open(to, &PANELS, difference != NULL ? 5 : 4,
                       "training of virtual mice by session");
    draw_legend(to, reports, n);
    draw_measure(to, 0, "accuracy: median, 50% and 90% of mice", 0.0, 1.0, 0.5, reports, n,
                 SIMULATION_ACCURACY);
    draw_measure(to, 1, "bias to the right", -0.6, 0.6, 0.0, reports, n, SIMULATION_BIAS);
    draw_stages(to, 2, reports, n);
    draw_last_stage(to, 3, reports, n);
    if (difference != NULL) {
        draw_gain(to, 4, difference);
    }
    svg_plot_picture_close(to);
}
