/* canvas.h - a page of character cells that is drawn on and then turned into terminal text.
 *
 * Coordinates are columns and rows from 0, top left. What does not fit is cut off;
 * text with an ellipsis. Only characters
 * that take one cell are drawn: others, and everything that could steer a terminal, become '?'.
 * Threads: one owner. Memory: fixed arrays inside struct canvas.
 */
#ifndef MURID_CANVAS_H
#define MURID_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CANVAS_WIDTH_MAX = 240,
    CANVAS_HEIGHT_MAX = 80,
    /* Every cell: three bytes of UTF-8 and a change of style; every row: its end. */
    CANVAS_TEXT_MAX = CANVAS_WIDTH_MAX * CANVAS_HEIGHT_MAX * 16 + 64
};

/* Styles and their escape sequences (SGR). */
#define CANVAS_STYLE_LIST(X)                                                                       \
    X(PLAIN, "0")                                                                                  \
    X(BOLD, "0;1")                                                                                 \
    X(DIM, "0;2")                                                                                  \
    X(GOOD, "0;32")                                                                                \
    X(BAD, "0;31")                                                                                 \
    X(WARN, "0;1;33")                                                                              \
    X(TWIN, "0;36")

enum canvas_style {
#define CANVAS_STYLE_ENUM(name, sgr) CANVAS_##name,
    CANVAS_STYLE_LIST(CANVAS_STYLE_ENUM)
#undef CANVAS_STYLE_ENUM
};

struct canvas_cell {
    uint16_t character; /* Unicode, one cell wide */
    uint8_t style;
};

struct canvas {
    int width;
    int height;
    struct canvas_cell cells[CANVAS_WIDTH_MAX * CANVAS_HEIGHT_MAX];
};

/* An empty page; width and height are cut to what a canvas holds. */
void canvas_init(struct canvas *c, int width, int height);

/* Writes UTF-8 from column x on, at most `cells` cells. Returns the column after the last one. */
int canvas_put(struct canvas *c, int x, int y, int cells, enum canvas_style style,
               const char *text);

/* The same, formatted; at most 255 bytes. */
int canvas_print(struct canvas *c, int x, int y, int cells, enum canvas_style style,
                 const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 6, 7)))
#endif
    ;

/* A horizontal bar from column x on, value of `cells` cells long (0..1), in eighths of a cell. */
void canvas_bar(struct canvas *c, int x, int y, int cells, double value, enum canvas_style style);

/* A vertical bar of one column standing on row y, value of `cells` cells high (0..1). A value above
 * 0 shows at least an eighth, so that it differs from nothing. */
void canvas_column(struct canvas *c, int x, int y, int cells, double value,
                   enum canvas_style style);

/* The page as text: rows without trailing spaces, each ended by end_of_row; escape sequences only
 * with colour. out must hold CANVAS_TEXT_MAX bytes. Returns its length. */
size_t canvas_text(const struct canvas *c, bool colour, const char *end_of_row,
                   char out[CANVAS_TEXT_MAX]);

#endif
