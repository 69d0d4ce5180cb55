/* bridge/line_reader.h - the named values of a line of text: fields with a separator between, JSON,
 * or what a regular expression finds.
 *
 * Of a mapping it reads the section lines:
 *   form       fields, json, pairs (KEY:VALUE or KEY=VALUE; a line without the choice is no trial)
 *              or pattern; without it the first line tells fields from json
 *   separator  comma, semicolon, tab, space, bar, or the character; without it that under which the
 *              first line names most of what is asked for
 *   columns    names of the fields, or of the groups of the pattern, with commas between; without
 *              it the first line has them
 *   pattern    a POSIX extended regular expression; lines that it does not match are no trials
 *   comment    what lines begin with that are no trials
 * Fields and groups also have their numbers as names, from 1. A byte order mark is passed by. With
 * a separator other than a comma, 0,25 is a number.
 *
 * Threads: one owner. Memory: the heap, bridge_line_reader_close(). RT-safe: no.
 */
#pragma once

#include <regex.h>

#include "bridge/trial_fields.h"

enum {
    BRIDGE_LINE_COLUMNS_MAX = 1024,
    BRIDGE_LINE_GROUPS_MAX = 32,
    BRIDGE_TEXT_LINE_MAX = 1 << 20
};

struct bridge_line_reader {
    struct bridge_trial_fields *fields;
    enum {
        BRIDGE_LINES_ANY,
        BRIDGE_LINES_FIELDS,
        BRIDGE_LINES_JSON,
        BRIDGE_LINES_PAIRS,
        BRIDGE_LINES_PATTERN
    } form;
    bool is_form_stated;
    char separator;        /* 0: not found yet */
    char stated_separator; /* 0: none is */
    const char *columns;   /* stated ones; NULL: the first line's */
    const char *comment;   /* NULL: none */
    regex_t pattern;
    bool has_pattern;
    bool has_names;  /* of columns */
    bool is_refused; /* the first line was: nothing more is read */
    size_t n_columns;
    uint64_t slots[BRIDGE_LINE_COLUMNS_MAX];
    char *copy; /* of a line */
    size_t capacity;
};

/* fields must be open, and outlive the reader. 0, or -1 with s->why and nothing to close. */
int bridge_line_reader_open(struct bridge_line_reader *r, struct bridge_trial_fields *fields,
                            struct bridge_source *s);
void bridge_line_reader_close(struct bridge_line_reader *r);

/* The next line is the first of a text again. */
void bridge_line_reader_restart(struct bridge_line_reader *r);

/* The values of a line: 1; 0 it is no trial's; -1 it is left out: s->why. */
int bridge_line_reader_read(struct bridge_line_reader *r, struct bridge_source *s, int64_t number,
                            const uint8_t *line, size_t size, struct bridge_values *values);
