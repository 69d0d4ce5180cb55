/* svg_plot.h - plots as SVG, inside a page or as a file: a frame with axes, and lines, bands,
 * points, bars in data units. Colours and strokes are those of the style sheet, by class: line,
 * band, dot and bar of colour c0 to c8; dashed.
 *
 * Non-finite values break a line and draw no point. Threads: one owner. Memory: the struct.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct svg_plot {
    FILE *to;
    double left, top, width, height; /* of the frame, in the picture's pixels */
    double x0, x1, y0, y1;           /* data at its edges */
    bool is_pen_down;
};

/* A frame at a place in the picture's pixels. Data run from 0 to 1 both ways until x0 to y1 are
 * set.
 */
struct svg_plot svg_plot_at(FILE *to, double left, double top, double width, double height);

/* The style sheet of a page with pictures, and its colours as variables (--page, --card, --ink,
 * --soft, --rule, --axis, --start, --alert, --c0 to --c8), on light and on dark. */
void svg_plot_put_style(FILE *to);

/* A picture that is a file by itself, with the style sheet inside; on light. */
void svg_plot_file_open(FILE *to, double width, double height, const char *label);

/* A picture of so many pixels, holding one frame or more; label for those who cannot see it. */
void svg_plot_picture_open(FILE *to, double width, double height, const char *label);
void svg_plot_picture_close(FILE *to);

/* The frame's lines and numbers. format: of a number, as in "%.1f"; NULL: as many digits as needed.
 * title may be NULL. */
void svg_plot_x_axis(struct svg_plot *p, const char *title, const char *format);
void svg_plot_y_axis(struct svg_plot *p, const char *title, const char *format);

/* A line of a class, point by point. */
void svg_plot_path_open(struct svg_plot *p, const char *css_class);
void svg_plot_path_to(struct svg_plot *p, double x, double y);
void svg_plot_path_close(struct svg_plot *p);

/* One straight line. */
void svg_plot_line(struct svg_plot *p, const char *css_class, double xa, double ya, double xb,
                   double yb);

/* A dot of so many pixels; tip is shown under the mouse, NULL for none. */
void svg_plot_dot(struct svg_plot *p, const char *css_class, double x, double y, double radius,
                  const char *tip);

/* A bar from y 0. */
void svg_plot_bar(struct svg_plot *p, const char *css_class, double xa, double xb, double y,
                  const char *tip);

/* A small triangle that hangs from the upper edge. */
void svg_plot_mark(struct svg_plot *p, const char *css_class, double x, const char *tip);

/* Text in the picture's pixels; anchor: start, middle or end. It is escaped. */
void svg_plot_text(FILE *to, const char *css_class, double x, double y, const char *anchor,
                   const char *text);

/* The same of text whose length is not ours, as names are: no wider than so many pixels. What finds
 * no room is cut, with an ellipsis, and the whole is shown under the mouse. */
void svg_plot_text_in(FILE *to, const char *css_class, double x, double y, const char *anchor,
                      double width, const char *text);

/* Where data stand in the picture. */
double svg_plot_px(const struct svg_plot *p, double x);
double svg_plot_py(const struct svg_plot *p, double y);

/* Widens a range so that y fits in; not finite values do not count. */
void svg_plot_include(double *low, double *high, double y);
