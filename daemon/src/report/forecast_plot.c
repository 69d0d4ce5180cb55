#include "forecast_plot.h"

#include <math.h>

enum { TIP_MAX = 96 };

static const double LEFT = 64.0;
static const double WIDTH = 620.0;
static const double HEIGHT = 220.0;
static const double TOP = 100.0;
static const double GAP = 92.0;

static const double FRAME[2] = {0.0, 1.0};

static double middle_of(uint32_t window, double number)
{
    return (number + 0.5) * window;
}

static void draw_band(struct svg_plot *p, uint32_t window, size_t n,
                      const model_forecast_band bands[], bool wide)
{
    svg_plot_path_open(p, "band c0");
    for (size_t i = 0; i < n; i++) {
        svg_plot_path_to(p, middle_of(window, (double)i), wide ? bands[i].hi90 : bands[i].hi50);
    }
    for (size_t i = n; i-- > 0;) {
        svg_plot_path_to(p, middle_of(window, (double)i), wide ? bands[i].lo90 : bands[i].lo50);
    }
    svg_plot_path_close(p);
}

void forecast_plot_bands(struct svg_plot *p, uint32_t window, size_t n,
                         const model_forecast_band bands[])
{
    draw_band(p, window, n, bands, true);
    draw_band(p, window, n, bands, false);
    svg_plot_path_open(p, "line c0");
    for (size_t i = 0; i < n; i++) {
        svg_plot_path_to(p, middle_of(window, (double)i), bands[i].median);
    }
    svg_plot_path_close(p);
}

void forecast_plot_dots(struct svg_plot *p, uint32_t window, size_t n, const double share[],
                        double first, const char *css_class)
{
    for (size_t i = 0; i < n; i++) {
        char tip[TIP_MAX];
        const double x = middle_of(window, first + (double)i);
        (void)snprintf(tip, sizeof tip, "%.0f%% correct around trial %+.0f", 100.0 * share[i], x);
        svg_plot_dot(p, css_class, x, share[i], 3.2, tip);
    }
}

static struct svg_plot frame(FILE *to, const struct forecast_plot *f, double top)
{
    return (struct svg_plot){.to = to,
                             .left = LEFT,
                             .top = top,
                             .width = WIDTH,
                             .height = HEIGHT,
                             .x0 = -(double)f->n_before * f->result->window,
                             .x1 = fmax((double)f->result->n_windows, 1.0) * f->result->window,
                             .y0 = FRAME[0],
                             .y1 = FRAME[1]};
}

void forecast_plot_legend(FILE *to, double x, double y)
{
    static const struct {
        const char *css_class;
        const char *text;
    } ENTRIES[] = {
        {"dot c2", "before"}, {"dot c3", "what came"}, {"dot c0", "forecast, 50% and 90%"}};
    for (size_t i = 0; i < sizeof ENTRIES / sizeof ENTRIES[0]; i++) {
        svg_plot_key(to, ENTRIES[i].css_class, x, y, ENTRIES[i].text);
        x += 110.0;
    }
}

void forecast_plot(FILE *to, const struct forecast_plot *f)
{
    const uint32_t window = f->result->window;
    const size_t n = f->result->n_windows;
    svg_plot_file_open(to, LEFT + WIDTH + 30.0, TOP + 2.0 * HEIGHT + GAP + 60.0,
                       "a forecast of learning, and what came");
    svg_plot_text_in(to, "head", LEFT, 22.0, "start", WIDTH, f->title);
    forecast_plot_legend(to, LEFT, 42.0);
    svg_plot_key(to, "dot c4", LEFT, 62.0, f->criterion);
    struct svg_plot p = frame(to, f, TOP);
    svg_plot_y_axis(&p, "share correct", NULL);
    svg_plot_line(&p, "chance", p.x0, 0.5, p.x1, 0.5);
    if (f->met >= p.x0 && f->met <= p.x1) {
        svg_plot_line(&p, "line c4 dashed", f->met, p.y0, f->met, p.y1);
    }
    svg_plot_line(&p, "start", 0.0, 0.0, 0.0, 1.0);
    forecast_plot_bands(&p, window, n, f->result->correct);
    forecast_plot_dots(&p, window, f->n_before, f->before, -(double)f->n_before, "dot c2");
    forecast_plot_dots(&p, window, f->n_came, f->came, 0.0, "dot c3");
    svg_plot_x_axis(&p, "trials from now", NULL);
    p = frame(to, f, TOP + HEIGHT + GAP);
    svg_plot_y_axis(&p, "p(right) at zero contrast", NULL);
    svg_plot_line(&p, "chance", p.x0, 0.5, p.x1, 0.5);
    svg_plot_line(&p, "start", 0.0, 0.0, 0.0, 1.0);
    forecast_plot_bands(&p, window, n, f->result->bias);
    svg_plot_x_axis(&p, "trials from now", NULL);
    svg_plot_picture_close(to);
}
