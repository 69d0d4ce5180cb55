#include "forecast_plot.h"

#include <inttypes.h>
#include <math.h>

#include "figure.h"

enum { TIP_MAX = 96, TITLE_MAX = 256 };

static const double LEFT = 64.0;
static const double WIDTH = 620.0;
static const double HEIGHT = 220.0;
static const double TOP = 100.0;
static const double GAP = 92.0;

static double middle_of(uint32_t window, double number)
{
    return (number + 0.5) * window;
}

void forecast_plot_bands(struct svg_plot *p, uint32_t window, size_t n,
                         const model_forecast_band bands[])
{
    const struct figure_run run = {n, middle_of(window, 0.0), window, sizeof bands[0]};
    figure_band(p, "band c0", &run, &bands->lo90, &bands->hi90);
    figure_band(p, "band c0", &run, &bands->lo50, &bands->hi50);
    figure_curve(p, "line c0", &run, &bands->median);
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

/* A frame over the windows before and after, with its bands. */
static struct svg_plot draw_frame(FILE *to, const struct forecast_report *f, double top,
                                  const char *y_title, const model_forecast_band bands[])
{
    const model_forecast_result *r = f->result;
    struct svg_plot p = svg_plot_at(to, LEFT, top, WIDTH, HEIGHT);
    p.x0 = -(double)f->n_before * r->window;
    p.x1 = fmax((double)r->n_windows, 1.0) * r->window;
    figure_axes(&p, "trials from now", y_title, 0.5);
    forecast_plot_bands(&p, r->window, r->n_windows, bands);
    return p;
}

void forecast_plot_legend(FILE *to, double x, double y)
{
    static const struct {
        const char *css_class;
        const char *text;
    } ENTRIES[] = {
        {"dot c2", "before"}, {"dot c3", "observed"}, {"dot c0", "forecast, 50% and 90%"}};
    for (size_t i = 0; i < sizeof ENTRIES / sizeof ENTRIES[0]; i++) {
        figure_dot_key(to, ENTRIES[i].css_class, x, y, ENTRIES[i].text);
        x += 110.0;
    }
}

static void name_criterion(const struct forecast_report *f, char out[TITLE_MAX])
{
    const model_forecast_result *r = f->result;
    const struct forecast_report_request *q = f->request;
    char when[64];
    if (f->met_at > 0) {
        (void)snprintf(when, sizeof when, "met at trial %zu", f->met_at);
    } else if (isfinite(r->trials.median)) {
        (void)snprintf(when, sizeof when, "median in %.0f trials", r->trials.median);
    } else {
        (void)snprintf(when, sizeof when, "chance %.2f", r->p_reached);
    }
    (void)snprintf(out, TITLE_MAX, "%g correct of %" PRId64 " trials of contrast %g and above: %s",
                   q->accuracy, q->over, q->easy, when);
}

void forecast_plot(FILE *to, const struct forecast_report *f)
{
    char title[TITLE_MAX];
    char criterion[TITLE_MAX];
    const uint32_t window = f->result->window;
    const double met = f->met_at > 0 ? -forecast_report_since(f) : f->result->trials.median;
    (void)snprintf(title, sizeof title, "%.64s after %zu trials, in windows of %u",
                   f->animal.past.subject, f->animal.at, window);
    name_criterion(f, criterion);
    svg_plot_file_open(to, LEFT + WIDTH + 30.0, TOP + 2.0 * HEIGHT + GAP + 60.0,
                       "a forecast of learning, and what was observed");
    svg_plot_text_in(to, "head", LEFT, 22.0, "start", WIDTH, title);
    forecast_plot_legend(to, LEFT, 42.0);
    figure_dot_key(to, "dot c4", LEFT, 62.0, criterion);
    struct svg_plot p = draw_frame(to, f, TOP, "fraction correct", f->result->correct);
    if (met >= p.x0 && met <= p.x1) {
        svg_plot_line(&p, "line c4 dashed", met, p.y0, met, p.y1);
    }
    forecast_plot_dots(&p, window, f->n_before, f->before, -(double)f->n_before, "dot c2");
    forecast_plot_dots(&p, window, f->n_observed, f->observed, 0.0, "dot c3");
    (void)draw_frame(to, f, TOP + HEIGHT + GAP, "p(right) at zero contrast", f->result->bias);
    svg_plot_picture_close(to);
}
