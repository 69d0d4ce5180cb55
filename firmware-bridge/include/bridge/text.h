/* bridge/text.h - parts of a line, without a NUL behind them; words and numbers in them.
 *
 * Threads: any. Memory: a part points into the line. RT-safe: no.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct bridge_text {
    const char *at;
    size_t size;
};

struct bridge_text bridge_text_of(const char *text);

bool bridge_text_is(struct bridge_text t, const char *word);
bool bridge_text_begins(struct bridge_text t, const char *word);

/* Is it of the form, in which 0 stands for any digit? */
bool bridge_text_has_form(struct bridge_text t, const char *form);

/* Without the blanks and tabs around it. */
struct bridge_text bridge_text_trim(struct bridge_text t);

/* As much as there is room for, with a NUL. */
void bridge_text_copy(char *out, size_t cap, struct bridge_text t);

/* What is before the separator, which leaves *rest too; all of it if there is none. */
struct bridge_text bridge_text_cut(struct bridge_text *rest, char separator);

/* The first place of a word; NULL: it is not there. */
const char *bridge_text_find(struct bridge_text t, const char *word);

/* A finite number that is all of the text. has_decimal_comma: 0,25 is one. */
bool bridge_text_number(struct bridge_text t, bool has_decimal_comma, double *to);

/* True if it is one of the words, which have commas between: as a number, or without regard to
 * case. */
bool bridge_text_is_among(struct bridge_text t, struct bridge_text words);
