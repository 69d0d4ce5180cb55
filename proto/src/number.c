#include "number.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_MAX = 160 };

/* printf() and strtod() follow the locale's decimal mark, which may be several bytes long. */
static void use_point(char *text)
{
    const size_t head = strspn(text, "-0123456789");
    if (text[head] == '\0' || text[head] == '.' || text[head] == 'e') {
        return;
    }
    const size_t mark = strcspn(text + head, "0123456789");
    text[head] = '.';
    memmove(text + head + 1, text + head + mark, strlen(text + head + mark) + 1);
}

static double read_with_mark(const char *text, size_t point)
{
    char half[16];
    char copy[READ_MAX];
    (void)snprintf(half, sizeof half, "%.1f", 0.5);
    const size_t mark = strlen(half) - 2;
    const size_t size = strlen(text);
    if (size + mark >= sizeof copy) {
        return (double)NAN;
    }
    memcpy(copy, text, point);
    memcpy(copy + point, half + 1, mark);
    memcpy(copy + point + mark, text + point + 1, size - point);
    return strtod(copy, NULL);
}

/* Digits with a point: their whole number and the power of ten are doubles exactly, so that one
 * division rounds as strtod() does (Clinger 1990). False: it is something longer. */
static bool read_short(const char *text, double *x)
{
    enum { DIGITS_MAX = 15 };
    static const double POWER[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const bool is_negative = text[0] == '-';
    const char *at = text + (is_negative ? 1 : 0);
    int64_t whole = 0;
    int n = 0;
    int n_after = -1;
    for (; n <= DIGITS_MAX && *at != '\0'; at++) {
        if (*at == '.' && n_after < 0) {
            n_after = 0;
        } else if (*at >= '0' && *at <= '9') {
            whole = 10 * whole + (*at - '0');
            n++;
            n_after += n_after >= 0;
        } else {
            return false;
        }
    }
    if (FLT_EVAL_METHOD != 0 || n == 0 || n > DIGITS_MAX) {
        return false;
    }
    *x = (double)whole / POWER[n_after > 0 ? n_after : 0];
    *x = is_negative ? -*x : *x;
    return true;
}

double proto_number_read(const char *text)
{
    double quick = 0.0;
    if (read_short(text, &quick)) {
        return quick;
    }
    char *end = NULL;
    const double x = strtod(text, &end);
    return *end == '.' ? read_with_mark(text, (size_t)(end - text)) : x;
}

int proto_number_write(double x, char out[NUMBER_TEXT_MAX])
{
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(out, NUMBER_TEXT_MAX, "%.*g", digits, x);
        use_point(out);
        if (proto_number_read(out) == x) {
            break;
        }
    }
    return (int)strlen(out);
}

int proto_number_write_int(int64_t x, char out[NUMBER_TEXT_MAX])
{
    char digits[NUMBER_TEXT_MAX];
    uint64_t rest = x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
    int n = 0;
    do {
        digits[n++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest > 0);
    int at = 0;
    if (x < 0) {
        out[at++] = '-';
    }
    while (n > 0) {
        out[at++] = digits[--n];
    }
    out[at] = '\0';
    return at;
}
