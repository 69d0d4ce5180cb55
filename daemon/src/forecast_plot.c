#include "forecast_plot.h"

#include <math.h>

#include "plot.h"

enum { TIP_MAX = 96 };

static const double LEFT = 64.0;
static const double WIDTH = 620.0;
static const double HEIGHT = 220.0;
static const double TOP = 80.0;
static const double GAP = 92.0;

static const double FRAME[2] = {0.0, 1.0};

static double middle_of(const struct forecast_plot *f, double window)
{
    return (window + 0.5) * f->result->window;
}

static void draw_band(struct plot *p, const struct forecast_plot *f,
                      const model_forecast_band bands[], bool wide)
{
    const size_t n = f->result->n_windows;
    plot_path_open(p, "band c0");
    for (size_t i = 0; i < n; i++) {
        plot_path_to(p, middle_of(f, (double)i), wide ? bands[i].hi90 : bands[i].hi50);
    }
    for (size_t i = n; i-- > 0;) {
        plot_path_to(p, middle_of(f, (double)i), wide ? bands[i].lo90 : bands[i].lo50);
    }
    plot_path_close(p);
}

static void draw_bands(struct plot *p, const struct forecast_plot *f,
                       const model_forecast_band bands[])
{
    draw_band(p, f, bands, true);
    draw_band(p, f, bands, false);
    plot_path_open(p, "line c0");
    for (size_t i = 0; i < f->result->n_windows; i++) {
        plot_path_to(p, middle_of(f, (double)i), bands[i].median);
    }
    plot_path_close(p);
}

static void draw_dots(struct plot *p, const struct forecast_plot *f, size_t n, const double share[],
                      double first, const char *css_class)
{
    for (size_t i = 0; i < n; i++) {
        char tip[TIP_MAX];
        const double x = middle_of(f, first + (double)i);
        (void)snprintf(tip, sizeof tip, "%.0f%% correct around trial %+.0f", 100.0 * share[i], x);
        plot_dot(p, css_class, x, share[i], 3.2, tip);
    }
}

static struct plot frame(FILE *to, const struct forecast_plot *f, double top)
{
    return (struct plot){.to = to,
                         .left = LEFT,
                         .top = top,
                         .width = WIDTH,
                         .height = HEIGHT,
                         .x0 = -(double)f->n_before * f->result->window,
                         .x1 = fmax((double)f->result->n_windows, 1.0) * f->result->window,
                         .y0 = FRAME[0],
                         .y1 = FRAME[1]};
}

static void draw_legend(FILE *to, double top)
{
    static const struct {
        const char *css_class;
        const char *text;
    } ENTRIES[] = {
        {"dot c2", "before"}, {"dot c3", "what came"}, {"dot c0", "forecast, 50% and 90%"}};
    double x = LEFT;
    for (size_t i = 0; i < sizeof ENTRIES / sizeof ENTRIES[0]; i++) {
        plot_key(to, ENTRIES[i].css_class, x, top + 10.0, ENTRIES[i].text);
        x += 110.0;
    }
}

void forecast_plot(FILE *to, const struct forecast_plot *f)
{
    plot_file_open(to, LEFT + WIDTH + 30.0, TOP + 2.0 * HEIGHT + GAP + 60.0,
                   "a forecast of learning, and what came");
    plot_text(to, "head", LEFT, 22.0, "start", f->title);
    draw_legend(to, 32.0);
    struct plot p = frame(to, f, TOP);
    plot_y_axis(&p, "share correct", NULL);
    plot_line(&p, "chance", p.x0, 0.5, p.x1, 0.5);
    plot_line(&p, "line c4 dashed", p.x0, f->accuracy, p.x1, f->accuracy);
    plot_line(&p, "start", 0.0, 0.0, 0.0, 1.0);
    draw_bands(&p, f, f->result->correct);
    draw_dots(&p, f, f->n_before, f->before, -(double)f->n_before, "dot c2");
    draw_dots(&p, f, f->n_came, f->came, 0.0, "dot c3");
    plot_x_axis(&p, "trials from now", NULL);
    p = frame(to, f, TOP + HEIGHT + GAP);
    plot_y_axis(&p, "p(right) at zero contrast", NULL);
    plot_line(&p, "chance", p.x0, 0.5, p.x1, 0.5);
    plot_line(&p, "start", 0.0, 0.0, 0.0, 1.0);
    draw_bands(&p, f, f->result->bias);
    plot_x_axis(&p, "trials from now", NULL);
    plot_picture_close(to);
}
