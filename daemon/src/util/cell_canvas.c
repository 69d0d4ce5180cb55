#include "cell_canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text_escape.h"

enum { ELLIPSIS = 0x2026 };

void cell_canvas_init(struct cell_canvas *c, int width, int height)
{
    c->width = width < 0 ? 0 : width < CELL_CANVAS_WIDTH_MAX ? width : CELL_CANVAS_WIDTH_MAX;
    c->height = height < 0 ? 0 : height < CELL_CANVAS_HEIGHT_MAX ? height : CELL_CANVAS_HEIGHT_MAX;
    for (size_t i = 0; i < CELL_CANVAS_WIDTH_MAX * CELL_CANVAS_HEIGHT_MAX; i++) {
        c->cells[i] = (struct cell_canvas_cell){' ', CANVAS_PLAIN};
    }
}

static void put_cell(struct cell_canvas *c, int x, int y, uint16_t character,
                     enum cell_canvas_style style)
{
    if (x >= 0 && x < c->width && y >= 0 && y < c->height) {
        c->cells[y * CELL_CANVAS_WIDTH_MAX + x] =
            (struct cell_canvas_cell){character, (uint8_t)style};
    }
}

/* Latin letters, dashes, arrows, boxes, blocks and check marks: all one cell wide, none invisible,
 * none that turns the direction of writing. */
static bool takes_one_cell(uint32_t character)
{
    static const uint32_t RANGES[][2] = {{0x20, 0x7e},     {0xa1, 0xac},     {0xae, 0x24f},
                                         {0x2010, 0x2027}, {0x2190, 0x21ff}, {0x2500, 0x25ff},
                                         {0x2713, 0x2717}};
    for (size_t i = 0; i < sizeof RANGES / sizeof RANGES[0]; i++) {
        if (character >= RANGES[i][0] && character <= RANGES[i][1]) {
            return true;
        }
    }
    return false;
}

/* Takes one character off UTF-8 text; ill-formed bytes come one by one as '?'. */
static uint32_t next_character(const char **text)
{
    uint32_t code = 0;
    const size_t n = text_escape_decode(*text, &code);
    *text += n > 0 ? n : 1;
    return n > 0 ? code : '?';
}

int cell_canvas_put(struct cell_canvas *c, int x, int y, int cells, enum cell_canvas_style style,
                    const char *text)
{
    cells = x + cells > c->width ? c->width - x : cells;
    for (int i = 0; i < cells && *text != '\0'; i++, x++) {
        uint32_t character = next_character(&text);
        character = i + 1 == cells && *text != '\0' ? ELLIPSIS : character;
        put_cell(c, x, y, takes_one_cell(character) ? (uint16_t)character : '?', style);
    }
    return x;
}

int cell_canvas_print(struct cell_canvas *c, int x, int y, int cells, enum cell_canvas_style style,
                      const char *format, ...)
{
    char text[256];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    return cell_canvas_put(c, x, y, cells, style, text);
}

static int eighths(int cells, double value)
{
    const double bounded = value > 0.0 ? value < 1.0 ? value : 1.0 : 0.0;
    return (int)(bounded * 8.0 * cells + 0.5);
}

/* Full cells one after the other, and what is left of the eighths as the last one. */
static void fill(struct cell_canvas *c, int x, int y, int dx, int dy, int n, int last,
                 enum cell_canvas_style style)
{
    for (int i = 0; i < n / 8; i++) {
        put_cell(c, x + i * dx, y + i * dy, 0x2588, style);
    }
    if (n % 8 > 0) {
        put_cell(c, x + n / 8 * dx, y + n / 8 * dy, (uint16_t)last, style);
    }
}

void cell_canvas_bar(struct cell_canvas *c, int x, int y, int cells, double value,
                     enum cell_canvas_style style)
{
    const int n = eighths(cells, value);
    fill(c, x, y, 1, 0, n, 0x2590 - n % 8, style);
}

void cell_canvas_column(struct cell_canvas *c, int x, int y, int cells, double value,
                        enum cell_canvas_style style)
{
    const int exact = eighths(cells, value);
    const int n = value > 0.0 && exact == 0 ? 1 : exact;
    fill(c, x, y, 0, -1, n, 0x2580 + n % 8, style);
}

static size_t encode(uint16_t character, char *out)
{
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    if (character < 0x800) {
        out[0] = (char)(0xc0 | character >> 6);
        out[1] = (char)(0x80 | (character & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | character >> 12);
    out[1] = (char)(0x80 | (character >> 6 & 0x3f));
    out[2] = (char)(0x80 | (character & 0x3f));
    return 3;
}

static size_t append(char *out, const char *text)
{
    const size_t n = strlen(text);
    memcpy(out, text, n);
    return n;
}

size_t cell_canvas_text(const struct cell_canvas *c, bool colour, const char *end_of_row,
                        char out[CELL_CANVAS_TEXT_MAX])
{
    static const char *const SGR[] = {
#define CANVAS_STYLE_SGR(name, sgr) "\x1b[" sgr "m",
        CELL_CANVAS_STYLE_LIST(CANVAS_STYLE_SGR)
#undef CANVAS_STYLE_SGR
    };
    size_t n = 0;
    for (int y = 0; y < c->height; y++) {
        const struct cell_canvas_cell *row = &c->cells[y * CELL_CANVAS_WIDTH_MAX];
        int end = c->width;
        while (end > 0 && row[end - 1].character == ' ') {
            end--;
        }
        uint8_t style = CANVAS_PLAIN;
        for (int x = 0; x < end; x++) {
            if (colour && row[x].style != style && row[x].character != ' ') {
                style = row[x].style;
                n += append(out + n, SGR[style]);
            }
            n += encode(row[x].character, out + n);
        }
        if (style != CANVAS_PLAIN) {
            n += append(out + n, SGR[CANVAS_PLAIN]);
        }
        n += append(out + n, end_of_row);
    }
    out[n] = '\0';
    return n;
}
