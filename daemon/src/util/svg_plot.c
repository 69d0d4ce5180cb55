#include "svg_plot.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "text_escape.h"

static const double TICK_PX_X = 70.0; /* at least so far apart, or three to a narrow frame */
static const double TICK_PX_Y = 34.0;
static const double FONT_PX = 12.0;
static const double BOLD = 1.18;

enum { TEXT_MAX = 512 };

static const struct {
    const char *name;
    const char *light;
    const char *dark;
} COLOURS[] = {
    {"page", "#f6f6f3", "#131315"},  {"card", "#fff", "#1d1d20"},
    {"ink", "#17171a", "#ececea"},   {"soft", "#5d5d66", "#a5a4a0"},
    {"rule", "#e4e3de", "#303034"},  {"axis", "#a3a2a0", "#6b6b70"},
    {"start", "#d3d2cc", "#3d3d42"}, {"alert", "#b3261e", "#ff8a80"},
    {"c0", "#2a6fd0", "#5b9bf0"},    {"c1", "#d9580f", "#f08a4b"},
    {"c2", "#12876a", "#2fb893"},    {"c3", "#5b48b8", "#a394f0"},
    {"c4", "#c2353c", "#ef7a7a"},    {"c5", "#2e7d1e", "#6cb85a"},
    {"c6", "#b83f80", "#e07bb0"},    {"c7", "#946400", "#cfa03a"},
    {"c8", "#56606e", "#a9b4c2"},
};

enum { N_COLOURS = sizeof COLOURS / sizeof COLOURS[0], FIRST_OF_DATA = 8 };

static const struct {
    const char *selector;
    const char *property;
    const char *colour;
    const char *more;
} STYLES[] = {
    {"svg text", "fill", "ink",
     ";font:12px system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif"},
    {"svg .tick,svg .title", "fill", "soft", ""},
    {"svg .name", "fill", "ink", ""},
    {".paper", "fill", "card", ""},
    {".axis", "stroke", "axis", ""},
    {".rule", "stroke", "rule", ""},
    {".start", "stroke", "start", ""},
    {".chance", "stroke", "axis", ";stroke-dasharray:4 4"},
    {".seen", "fill", "ink", ";stroke-width:1"},
    {".seen", "stroke", "card", ""},
    {".whisker", "stroke", "ink", ";stroke-width:1.3"},
    {".alert", "fill", "alert", ""},
};

static const char FORMS[] =
    ".line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n"
    ".line.dashed{stroke-dasharray:5 4;stroke-linecap:butt}\n"
    ".band{stroke:none;opacity:.16}.bar{opacity:.8;stroke:none!important}\n"
    ".dot{stroke:none!important}.head{font-weight:600}\n";

/* Drawing programs do not know variables: a file by itself gets the colours. */
static void put_colour(FILE *to, const char *name, bool by_name)
{
    if (by_name) {
        fprintf(to, "var(--%s)", name);
        return;
    }
    size_t i = 0;
    while (strcmp(COLOURS[i].name, name) != 0) {
        i++;
    }
    fputs(COLOURS[i].light, to);
}

static void put_rules(FILE *to, bool by_name)
{
    fputs(FORMS, to);
    for (size_t i = 0; i < sizeof STYLES / sizeof STYLES[0]; i++) {
        fprintf(to, "%s{%s:", STYLES[i].selector, STYLES[i].property);
        put_colour(to, STYLES[i].colour, by_name);
        fprintf(to, "%s}\n", STYLES[i].more);
    }
    for (size_t i = FIRST_OF_DATA; i < N_COLOURS; i++) {
        const char *name = COLOURS[i].name;
        fprintf(to, ".line.%s{stroke:", name);
        put_colour(to, name, by_name);
        fprintf(to, "}.band.%s,.dot.%s,.bar.%s{fill:", name, name, name);
        put_colour(to, name, by_name);
        fputs("}\n", to);
    }
}

void svg_plot_put_style(FILE *to)
{
    fputs(":root{color-scheme:light dark", to);
    for (size_t i = 0; i < N_COLOURS; i++) {
        fprintf(to, ";--%s:%s", COLOURS[i].name, COLOURS[i].light);
    }
    fputs("}\n@media(prefers-color-scheme:dark){:root{", to);
    for (size_t i = 0; i < N_COLOURS; i++) {
        fprintf(to, "--%s:%s;", COLOURS[i].name, COLOURS[i].dark);
    }
    fputs("}}\n", to);
    put_rules(to, true);
}

void svg_plot_file_open(FILE *to, double width, double height, const char *label)
{
    fprintf(to,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
            "width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
            "aria-label=\"",
            width, height, width, height);
    text_escape_html(to, label);
    fputs("\">\n<title>", to);
    text_escape_html(to, label);
    fputs("</title>\n<style>\n", to);
    put_rules(to, false);
    fprintf(to, "</style>\n<rect class=\"paper\" width=\"%.0f\" height=\"%.0f\"/>\n", width,
            height);
}

void svg_plot_picture_open(FILE *to, double width, double height, const char *label)
{
    fprintf(to, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", width, height);
    text_escape_html(to, label);
    fputs("\">\n", to);
}

void svg_plot_picture_close(FILE *to)
{
    fputs("</svg>\n", to);
}

struct svg_plot svg_plot_at(FILE *to, double left, double top, double width, double height)
{
    return (struct svg_plot){
        .to = to, .left = left, .top = top, .width = width, .height = height, .x1 = 1.0, .y1 = 1.0};
}

double svg_plot_px(const struct svg_plot *p, double x)
{
    return p->left + (x - p->x0) / (p->x1 - p->x0) * p->width;
}

double svg_plot_py(const struct svg_plot *p, double y)
{
    return p->top + (p->y1 - y) / (p->y1 - p->y0) * p->height;
}

void svg_plot_include(double *low, double *high, double y)
{
    if (isfinite(y)) {
        *low = fmin(*low, y);
        *high = fmax(*high, y);
    }
}

/* The round number (1, 2 or 5 times a power of ten) at or above. */
static double round_step(double least)
{
    const double power = pow(10.0, floor(log10(least)));
    const double part = least / power;
    return (part <= 1.0 ? 1.0 : part <= 2.0 ? 2.0 : part <= 5.0 ? 5.0 : 10.0) * power;
}

static void number(char out[32], const char *format, double value, double step)
{
    if (fabs(value) < step * 1e-9) {
        value = 0.0; /* not -0 */
    }
    if (format != NULL) {
        (void)snprintf(out, 32, format, value);
    } else {
        const int decimals = step < 1.0 ? (int)ceil(-log10(step) - 1e-9) : 0;
        (void)snprintf(out, 32, "%.*f", decimals, value);
    }
}

static void open_text(FILE *to, const char *css_class, double x, double y, const char *anchor)
{
    fprintf(to, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", css_class, x, y,
            anchor);
}

void svg_plot_text(FILE *to, const char *css_class, double x, double y, const char *anchor,
                   const char *text)
{
    open_text(to, css_class, x, y, anchor);
    text_escape_html(to, text);
    fputs("</text>\n", to);
}

/* Of the letters from ' ' to '~' in a wide font, DejaVu Sans, in hundredths of its size. */
static const uint8_t WIDTHS[] = {
    32, 40, 46, 84, 64, 95, 78, 27, 39,  39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79,
    60, 79, 69, 63, 61, 73, 68, 99, 69,  61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63,
    63, 28, 28, 58, 28, 97, 63, 61, 63,  63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84};

static double letter_width(char c)
{
    const unsigned char letter = (unsigned char)c;
    if (letter >= 0x80U) { /* one of several bytes, the others of which take no room */
        return letter < 0xc0U ? 0.0 : FONT_PX;
    }
    return letter < ' ' || letter > '~' ? 0.0 : FONT_PX * WIDTHS[letter - ' '] / 100.0;
}

/* Pixels that text takes, or a little less; "head" is bold. */
static double text_width(const char *css_class, const char *text)
{
    double width = 0.0;
    for (; *text != '\0'; text++) {
        width += letter_width(*text);
    }
    return strcmp(css_class, "head") == 0 ? BOLD * width : width;
}

/* Bytes of text that are no wider than that. */
static size_t fitting(const char *css_class, const char *text, double width)
{
    char letter[2] = "";
    size_t fits = 0;
    double used = 0.0;
    for (size_t i = 0; text[i] != '\0' && used <= width; i++) {
        letter[0] = text[i];
        fits = ((unsigned char)text[i] & 0xc0U) != 0x80U ? i : fits;
        used += text_width(css_class, letter);
    }
    return fits;
}

void svg_plot_text_in(FILE *to, const char *css_class, double x, double y, const char *anchor,
                      double width, const char *text)
{
    char cut[TEXT_MAX];
    if (text_width(css_class, text) <= width) {
        svg_plot_text(to, css_class, x, y, anchor, text);
        return;
    }
    const size_t n = fitting(css_class, text, fmax(width - FONT_PX, 0.0));
    (void)snprintf(cut, sizeof cut, "%.*s…", (int)(n < TEXT_MAX - 4 ? n : TEXT_MAX - 4), text);
    open_text(to, css_class, x, y, anchor);
    text_escape_html(to, cut);
    fputs("<title>", to);
    text_escape_html(to, text);
    fputs("</title></text>\n", to);
}

static void pixel_line(FILE *to, const char *css_class, double xa, double ya, double xb, double yb)
{
    fprintf(to, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", css_class,
            xa, ya, xb, yb);
}

void svg_plot_x_axis(struct svg_plot *p, const char *title, const char *format)
{
    const double step = round_step((p->x1 - p->x0) * fmin(TICK_PX_X / p->width, 0.4));
    const double bottom = p->top + p->height;
    char text[32];
    pixel_line(p->to, "axis", p->left, bottom, p->left + p->width, bottom);
    for (double i = ceil(p->x0 / step - 1e-9); i * step <= p->x1 + step * 1e-9; i++) {
        const double x = svg_plot_px(p, i * step);
        number(text, format, i * step, step);
        pixel_line(p->to, "axis", x, bottom, x, bottom + 4.0);
        svg_plot_text(p->to, "tick", x, bottom + 16.0, "middle", text);
    }
    if (title != NULL) {
        svg_plot_text(p->to, "title", p->left + p->width / 2.0, bottom + 33.0, "middle", title);
    }
}

void svg_plot_y_axis(struct svg_plot *p, const char *title, const char *format)
{
    const double step = round_step((p->y1 - p->y0) * TICK_PX_Y / p->height);
    char text[32];
    for (double i = ceil(p->y0 / step - 1e-9); i * step <= p->y1 + step * 1e-9; i++) {
        const double y = svg_plot_py(p, i * step);
        number(text, format, i * step, step);
        pixel_line(p->to, "rule", p->left, y, p->left + p->width, y);
        svg_plot_text(p->to, "tick", p->left - 6.0, y + 3.5, "end", text);
    }
    if (title != NULL) {
        svg_plot_text(p->to, "title", p->left - 6.0, p->top - 16.0, "start", title);
    }
}

void svg_plot_path_open(struct svg_plot *p, const char *css_class)
{
    fprintf(p->to, "<path class=\"%s\" d=\"", css_class);
    p->is_pen_down = false;
}

void svg_plot_path_to(struct svg_plot *p, double x, double y)
{
    if (!isfinite(x) || !isfinite(y)) {
        p->is_pen_down = false;
        return;
    }
    fprintf(p->to, "%c%.1f %.1f", p->is_pen_down ? 'L' : 'M', svg_plot_px(p, x), svg_plot_py(p, y));
    p->is_pen_down = true;
}

void svg_plot_path_close(struct svg_plot *p)
{
    fputs("\"/>\n", p->to);
}

void svg_plot_line(struct svg_plot *p, const char *css_class, double xa, double ya, double xb,
                   double yb)
{
    if (isfinite(xa) && isfinite(ya) && isfinite(xb) && isfinite(yb)) {
        pixel_line(p->to, css_class, svg_plot_px(p, xa), svg_plot_py(p, ya), svg_plot_px(p, xb),
                   svg_plot_py(p, yb));
    }
}

static void end_with_tip(FILE *to, const char *element, const char *tip)
{
    if (tip == NULL) {
        fputs("/>\n", to);
        return;
    }
    fputs("><title>", to);
    text_escape_html(to, tip);
    fprintf(to, "</title></%s>\n", element);
}

void svg_plot_dot(struct svg_plot *p, const char *css_class, double x, double y, double radius,
                  const char *tip)
{
    if (isfinite(x) && isfinite(y)) {
        fprintf(p->to, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"", css_class,
                svg_plot_px(p, x), svg_plot_py(p, y), radius);
        end_with_tip(p->to, "circle", tip);
    }
}

void svg_plot_bar(struct svg_plot *p, const char *css_class, double xa, double xb, double y,
                  const char *tip)
{
    const double left = svg_plot_px(p, xa);
    const double top = svg_plot_py(p, y);
    if (isfinite(left) && isfinite(top)) {
        fprintf(p->to, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"",
                css_class, left, top, svg_plot_px(p, xb) - left, svg_plot_py(p, 0.0) - top);
        end_with_tip(p->to, "rect", tip);
    }
}

void svg_plot_mark(struct svg_plot *p, const char *css_class, double x, const char *tip)
{
    const double px = svg_plot_px(p, x);
    fprintf(p->to, "<path class=\"%s\" d=\"M%.1f %.1fl-4 -8h8z\"", css_class, px, p->top);
    end_with_tip(p->to, "path", tip);
}
