/* figure.h - what figures have in common, on top of svg_plot.h: panels in a grid, axes, curves and
 * bands of values, proportions with their intervals, and legends.
 *
 * Threads: any. Memory: none kept.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "svg_plot.h"

/* Panels row by row under a head, each with one frame. Pixels. */
struct figure_panels {
    uint32_t columns;
    double width, height; /* of a panel */
    double left, top;     /* of the frame within it */
    double head;
};

/* Opens an SVG file with room for n panels. */
void figure_panels_open(FILE *to, const struct figure_panels *panels, uint32_t n,
                        const char *label);

/* The frame of a panel, under its title. */
struct svg_plot figure_panel(FILE *to, const struct figure_panels *panels, uint32_t number,
                             const char *title);

/* Axes with their titles, which may be NULL; a dashed line across at `level`, unless it is NaN, and
 * a line up where x is 0, if that lies inside. */
void figure_axes(struct svg_plot *p, const char *x_title, const char *y_title, double level);

/* Of n values number i is drawn at x0 + i * dx, and stands i * stride bytes after the first. */
struct figure_run {
    size_t n;
    double x0, dx;
    size_t stride;
};

/* A line of the values, and the area between two of them. What is not finite is left open. */
void figure_curve(struct svg_plot *p, const char *css_class, const struct figure_run *run,
                  const double *y);
void figure_band(struct svg_plot *p, const char *css_class, const struct figure_run *run,
                 const double *lo, const double *hi);

/* The 95% interval of a proportion k of n (Wilson 1927); NaN where n is 0. */
void figure_interval(double k, double n, double *lo, double *hi);

/* The proportion as a dot, the interval as its whisker. */
void figure_draw_proportion(struct svg_plot *p, const char *css_class, double x, double k, double n,
                            const char *tip);

/* Entries of a legend, in the picture's pixels, on the base line y: a dot or a line of a class at
 * x, and what it stands for, in so much room. */
void figure_dot_key(FILE *to, const char *css_class, double x, double y, const char *text);
void figure_line_key(FILE *to, const char *css_class, double x, double y, double length,
                     double room, const char *text);

/* The name of a row, left of the frame. */
void figure_row_name(const struct svg_plot *p, double y, const char *name);
