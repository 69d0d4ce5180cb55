/* cell_canvas.h - a page of character cells, drawn on and then turned into terminal text.
 *
 * Coordinates are columns and rows from 0, top left. What does not fit is cut off; text with an
 * ellipsis. Only characters that take one cell are drawn: others, and everything that could control
 * a terminal, become '?'.
 * Threads: one owner. Memory: fixed arrays inside struct cell_canvas.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CELL_CANVAS_WIDTH_MAX = 240,
    CELL_CANVAS_HEIGHT_MAX = 80,
    /* Every cell: three bytes of UTF-8 and a change of style; every row: its end. */
    CELL_CANVAS_TEXT_MAX = CELL_CANVAS_WIDTH_MAX * CELL_CANVAS_HEIGHT_MAX * 16 + 64
};

/* Styles and their escape sequences (SGR). */
#define CELL_CANVAS_STYLE_LIST(X)                                                                  \
    X(PLAIN, "0")                                                                                  \
    X(BOLD, "0;1")                                                                                 \
    X(DIM, "0;2")                                                                                  \
    X(GOOD, "0;32")                                                                                \
    X(BAD, "0;31")                                                                                 \
    X(WARN, "0;1;33")                                                                              \
    X(TWIN, "0;36")

enum cell_canvas_style {
#define CELL_CANVAS_STYLE_ENUM(name, sgr) CANVAS_##name,
    CELL_CANVAS_STYLE_LIST(CELL_CANVAS_STYLE_ENUM)
#undef CELL_CANVAS_STYLE_ENUM
};

struct cell_canvas_cell {
    uint16_t character; /* Unicode, one cell wide */
    uint8_t style;
};

struct cell_canvas {
    int width;
    int height;
    struct cell_canvas_cell cells[CELL_CANVAS_WIDTH_MAX * CELL_CANVAS_HEIGHT_MAX];
};

/* An empty page; width and height are cut to what a canvas holds. */
void cell_canvas_init(struct cell_canvas *c, int width, int height);

/* Writes UTF-8 from column x on, at most `cells` cells. Returns the column after the last one. */
int cell_canvas_put(struct cell_canvas *c, int x, int y, int cells, enum cell_canvas_style style,
                    const char *text);

/* The same, formatted; at most 255 bytes. */
int cell_canvas_print(struct cell_canvas *c, int x, int y, int cells, enum cell_canvas_style style,
                      const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 6, 7)))
#endif
    ;

/* A horizontal bar from column x on, value of `cells` cells long (0..1), in eighths of a cell. */
void cell_canvas_bar(struct cell_canvas *c, int x, int y, int cells, double value,
                     enum cell_canvas_style style);

/* A vertical bar of one column standing on row y, value of `cells` cells high (0..1). A value above
 * 0 shows at least an eighth, so that it differs from nothing. */
void cell_canvas_column(struct cell_canvas *c, int x, int y, int cells, double value,
                        enum cell_canvas_style style);

/* The page as text: rows without trailing spaces, each ended by end_of_row; escape sequences only
 * with colour. out must hold CELL_CANVAS_TEXT_MAX bytes. Returns its length. */
size_t cell_canvas_text(const struct cell_canvas *c, bool colour, const char *end_of_row,
                        char out[CELL_CANVAS_TEXT_MAX]);
