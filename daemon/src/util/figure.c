#include "figure.h"

#include <math.h>
#include <string.h>

static const double RIGHT = 18.0; /* of a panel's frame */
static const double UNDER = 58.0;
static const double TITLE = 36.0; /* above it */
static const double KEY_GAP = 4.0;
static const double NAME_GAP = 10.0;

/* ---- panels and axes ------------------------------------------------------------------------- */

void figure_panels_open(FILE *to, const struct figure_panels *panels, uint32_t n, const char *label)
{
    const uint32_t rows = n > 0 ? (n - 1) / panels->columns + 1 : 1;
    svg_plot_file_open(to, panels->columns * panels->width, panels->head + rows * panels->height,
                       label);
}

struct svg_plot figure_panel(FILE *to, const struct figure_panels *panels, uint32_t number,
                             const char *title)
{
    const double left = number % panels->columns * panels->width + panels->left;
    const double top = panels->head + number / panels->columns * panels->height + panels->top;
    const double width = panels->width - panels->left - RIGHT;
    svg_plot_text_in(to, "head", left, top - TITLE, "start", width, title);
    return svg_plot_at(to, left, top, width, panels->height - panels->top - UNDER);
}

void figure_axes(struct svg_plot *p, const char *x_title, const char *y_title, double level)
{
    svg_plot_y_axis(p, y_title, NULL);
    svg_plot_line(p, "chance", p->x0, level, p->x1, level);
    if (p->x0 < 0.0 && p->x1 > 0.0) {
        svg_plot_line(p, "start", 0.0, p->y0, 0.0, p->y1);
    }
    svg_plot_x_axis(p, x_title, NULL);
}

/* ---- curves and bands ------------------------------------------------------------------------ */

static double x_of(const struct figure_run *run, size_t i)
{
    return run->x0 + (double)i * run->dx;
}

static double value_of(const struct figure_run *run, const double *first, size_t i)
{
    double value;
    memcpy(&value, (const unsigned char *)first + i * run->stride, sizeof value);
    return value;
}

void figure_curve(struct svg_plot *p, const char *css_class, const struct figure_run *run,
                  const double *y)
{
    svg_plot_path_open(p, css_class);
    for (size_t i = 0; i < run->n; i++) {
        svg_plot_path_to(p, x_of(run, i), value_of(run, y, i));
    }
    svg_plot_path_close(p);
}

/* One polygon for each stretch of finite values. */
void figure_band(struct svg_plot *p, const char *css_class, const struct figure_run *run,
                 const double *lo, const double *hi)
{
    size_t end;
    for (size_t first = 0; first < run->n; first = end + 1) {
        for (end = first; end < run->n && isfinite(value_of(run, lo, end)) &&
                          isfinite(value_of(run, hi, end));) {
            end++;
        }
        if (end < first + 2) {
            continue;
        }
        svg_plot_path_open(p, css_class);
        for (size_t i = first; i < end; i++) {
            svg_plot_path_to(p, x_of(run, i), value_of(run, hi, i));
        }
        for (size_t i = end; i-- > first;) {
            svg_plot_path_to(p, x_of(run, i), value_of(run, lo, i));
        }
        svg_plot_path_close(p);
    }
}

/* ---- proportions ----------------------------------------------------------------------------- */

void figure_interval(double k, double n, double *lo, double *hi)
{
    const double z = 1.959963984540054;
    const double p = k / n;
    const double middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    const double half = z / (1.0 + z * z / n) * sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n));
    *lo = n > 0.0 ? fmax(middle - half, 0.0) : (double)NAN;
    *hi = n > 0.0 ? fmin(middle + half, 1.0) : (double)NAN;
}

void figure_draw_proportion(struct svg_plot *p, const char *css_class, double x, double k, double n,
                            const char *tip)
{
    double lo;
    double hi;
    figure_interval(k, n, &lo, &hi);
    svg_plot_line(p, "whisker", x, lo, x, hi);
    svg_plot_dot(p, css_class, x, k / n, 3.3, tip);
}

/* ---- words ----------------------------------------------------------------------------------- */

void figure_dot_key(FILE *to, const char *css_class, double x, double y, const char *text)
{
    struct svg_plot p = svg_plot_at(to, x, y - 5.0, 1.0, 1.0);
    svg_plot_dot(&p, css_class, 0.0, 1.0, 4.0, NULL);
    svg_plot_text(to, "title", x + 9.0, y, "start", text);
}

void figure_line_key(FILE *to, const char *css_class, double x, double y, double length,
                     double room, const char *text)
{
    struct svg_plot p = svg_plot_at(to, x, y - 4.0, length, 1.0);
    svg_plot_line(&p, css_class, 0.0, 1.0, 1.0, 1.0);
    svg_plot_text_in(to, "name", x + length + KEY_GAP, y, "start", room - length - KEY_GAP, text);
}

void figure_row_name(const struct svg_plot *p, double y, const char *name)
{
    svg_plot_text_in(p->to, "name", p->left - NAME_GAP, svg_plot_py(p, y) + 4.0, "end",
                     p->left - 2.0 * NAME_GAP, name);
}
