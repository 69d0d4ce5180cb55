#include "bridge/line_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/text_fields.h"
#include "bridge/text_pairs.h"
#include "bridge/value_tree.h"

enum { PATTERN_MAX = 512, PATTERN_LINE_MAX = 4096, REPEATS_MAX = 255 };

/* ---- the mapping ----------------------------------------------------------------------------- */

static int refuse_mapping(struct bridge_source *s, const char *key, const char *value,
                          const char *expected)
{
    char found[160];
    (void)snprintf(found, sizeof found, "the mapping has lines.%s: \"%.80s\"", key, value);
    return bridge_why_set(s, NULL, 0, -1, found, expected, "correct it");
}

static int open_form(struct bridge_line_reader *r, struct bridge_source *s)
{
    static const char *const FORMS[] = {"fields", "json", "pairs", "pattern", NULL};
    const char *form = bridge_mapping_get(s->map, "lines", "form");
    size_t i = 0;
    if (form == NULL) {
        return 0;
    }
    while (FORMS[i] != NULL && strcmp(form, FORMS[i]) != 0) {
        i++;
    }
    if (FORMS[i] == NULL) {
        return refuse_mapping(s, "form", form, "fields, json, pairs or pattern");
    }
    r->is_form_stated = true;
    r->form = i == 0   ? BRIDGE_LINES_FIELDS
              : i == 1 ? BRIDGE_LINES_JSON
              : i == 2 ? BRIDGE_LINES_PAIRS
                       : BRIDGE_LINES_PATTERN;
    return 0;
}

static int open_separator(struct bridge_line_reader *r, struct bridge_source *s)
{
    static const struct {
        const char *name;
        char separator;
    } NAMES[] = {{"comma", ','}, {"semicolon", ';'}, {"tab", '\t'}, {"space", ' '}, {"bar", '|'}};
    const char *given = bridge_mapping_get(s->map, "lines", "separator");
    if (given == NULL) {
        return 0;
    }
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        r->stated_separator =
            strcmp(given, NAMES[i].name) == 0 ? NAMES[i].separator : r->stated_separator;
    }
    if (given[0] != '\0' && given[1] == '\0' && given[0] != '"') {
        r->stated_separator = given[0];
    }
    return r->stated_separator != 0
               ? 0
               : refuse_mapping(s, "separator", given,
                                "comma, semicolon, tab, space, bar or one character");
}

/* regcomp() copies what is repeated, and what repeats it, so that numbers multiply; a back
 * reference makes matching take exponential time. */
static bool is_bounded(const char *pattern)
{
    long repeats = 1;
    if (strlen(pattern) > PATTERN_MAX) {
        return false;
    }
    for (const char *c = pattern; *c != '\0'; c++) {
        if (*c == '\\' && c[1] != '\0') {
            c++;
            if (*c >= '0' && *c <= '9') {
                return false;
            }
        } else if (*c == '{') {
            const long from = strtol(c + 1, NULL, 10);
            const char *comma = strchr(c, ',');
            const char *end = strchr(c, '}');
            const long to =
                comma != NULL && end != NULL && comma < end ? strtol(comma + 1, NULL, 10) : from;
            const long most = to > from ? to : from;
            if (most > REPEATS_MAX || most < 0) {
                return false;
            }
            repeats *= most > 0 ? most : 1;
            if (repeats > REPEATS_MAX) {
                return false;
            }
        }
    }
    return true;
}

static int open_pattern(struct bridge_line_reader *r, struct bridge_source *s)
{
    const char *pattern = bridge_mapping_get(s->map, "lines", "pattern");
    char text[120];
    if (pattern == NULL) {
        return r->form != BRIDGE_LINES_PATTERN
                   ? 0
                   : refuse_mapping(s, "form", "pattern", "lines.pattern beside it");
    }
    if (!is_bounded(pattern)) {
        return refuse_mapping(s, "pattern", pattern,
                              "at most 512 bytes, without \\1 and repeats above 255 in all");
    }
    const int rc = regcomp(&r->pattern, pattern, REG_EXTENDED);
    if (rc != 0) {
        (void)regerror(rc, &r->pattern, text, sizeof text);
        char expected[160];
        (void)snprintf(expected, sizeof expected, "a POSIX extended regular expression (%s)", text);
        return refuse_mapping(s, "pattern", pattern, expected);
    }
    r->has_pattern = true;
    r->is_form_stated = true;
    r->form = BRIDGE_LINES_PATTERN;
    return 0;
}

int bridge_line_reader_open(struct bridge_line_reader *r, struct bridge_trial_fields *fields,
                            struct bridge_source *s)
{
    *r = (struct bridge_line_reader){.fields = fields};
    r->columns = bridge_mapping_get(s->map, "lines", "columns");
    r->comment = bridge_mapping_get(s->map, "lines", "comment");
    static const char *const KEYS[] = {"form", "separator", "columns", "pattern", "comment", NULL};
    int rc = bridge_mapping_check_keys(s, "lines", KEYS);
    rc = rc ? rc : open_form(r, s);
    rc = rc ? rc : open_separator(r, s);
    rc = rc ? rc : open_pattern(r, s);
    r->separator = r->stated_separator;
    return rc;
}

void bridge_line_reader_close(struct bridge_line_reader *r)
{
    if (r->has_pattern) {
        regfree(&r->pattern);
    }
    free(r->copy);
    r->copy = NULL;
    r->has_pattern = false;
}

void bridge_line_reader_restart(struct bridge_line_reader *r)
{
    r->form = r->is_form_stated ? r->form : BRIDGE_LINES_ANY;
    r->separator = r->stated_separator;
    r->has_names = r->is_refused = false;
}

/* ---- columns --------------------------------------------------------------------------------- */

/* The slots of the column of that number, from 0, and name. */
static uint64_t slots_of(const struct bridge_line_reader *r, size_t column, const char *name,
                         size_t size)
{
    char number[24];
    while (size > 0 && name[0] == ' ') {
        name++;
        size--;
    }
    while (size > 0 && name[size - 1] == ' ') {
        size--;
    }
    const int n = snprintf(number, sizeof number, "%zu", column + 1);
    return bridge_trial_fields_slots(r->fields, name, size) |
           bridge_trial_fields_slots(r->fields, number, (size_t)n);
}

static bool copy_line(struct bridge_line_reader *r, const uint8_t *line, size_t size)
{
    if (size + 1 > r->capacity) {
        char *grown = realloc(r->copy, size + 256);
        if (grown == NULL) {
            return false;
        }
        r->copy = grown;
        r->capacity = size + 256;
    }
    memcpy(r->copy, line, size);
    r->copy[size] = '\0';
    return true;
}

/* Names the columns by fields of r->copy; the slots that are there, or -1 in *rc. */
static uint64_t name_columns(struct bridge_line_reader *r, char separator, int *rc)
{
    uint64_t all = 0;
    size_t at = 0;
    const char *text = NULL;
    size_t size = 0;
    r->n_columns = 0;
    for (*rc = 1; *rc == 1 && r->n_columns < BRIDGE_LINE_COLUMNS_MAX;) {
        *rc = bridge_text_field_next(r->copy, separator, &at, &text, &size);
        if (*rc >= 0) {
            r->slots[r->n_columns] = slots_of(r, r->n_columns, text, size);
            all |= r->slots[r->n_columns++];
        }
    }
    return all;
}

static int count_bits(uint64_t bits)
{
    int n = 0;
    for (; bits != 0; bits &= bits - 1) {
        n++;
    }
    return n;
}

/* The separator under which the line has most of the slots, or of stated columns the right number
 * of fields. */
static void find_separator(struct bridge_line_reader *r, const uint8_t *line, size_t size)
{
    static const char LIST[] = "\t;,| ";
    int most = -1;
    size_t n_stated = 1;
    for (const char *c = r->columns; c != NULL && *c != '\0'; c++) {
        n_stated += *c == ',' ? 1 : 0;
    }
    for (const char *c = LIST; *c != '\0' && r->stated_separator == 0; c++) {
        int rc = 0;
        if (!copy_line(r, line, size)) {
            return;
        }
        const uint64_t slots = name_columns(r, *c, &rc);
        const int score = r->columns != NULL ? (r->n_columns == n_stated ? 1 : 0)
                                             : 2 * count_bits(slots) + (r->n_columns > 1 ? 1 : 0);
        if (rc >= 0 && score > most) {
            most = score;
            r->separator = *c;
        }
    }
    r->fields->has_decimal_comma = r->separator != ',';
}

/* Columns are named: are trials to be made of them? */
static int check_columns(struct bridge_line_reader *r, struct bridge_source *s, int64_t number,
                         uint64_t slots)
{
    struct bridge_value_fault fault;
    r->has_names = true;
    if (bridge_trial_fields_suffice(r->fields, slots, &fault)) {
        return 0;
    }
    r->is_refused = true;
    return bridge_why_set(s, NULL, number, -1, fault.found, fault.expected, fault.fix);
}

/* Columns that the mapping names. */
static int take_stated(struct bridge_line_reader *r, struct bridge_source *s, int64_t number)
{
    int rc = 0;
    if (!copy_line(r, (const uint8_t *)r->columns, strlen(r->columns))) {
        return bridge_why_set(s, NULL, number, -1, "no memory", "", "");
    }
    return check_columns(r, s, number, name_columns(r, ',', &rc));
}

/* Groups of a pattern without names have their numbers. */
static int take_groups(struct bridge_line_reader *r, struct bridge_source *s, int64_t number)
{
    uint64_t all = 0;
    r->n_columns = r->pattern.re_nsub < BRIDGE_LINE_GROUPS_MAX ? r->pattern.re_nsub
                                                               : BRIDGE_LINE_GROUPS_MAX - 1;
    for (size_t i = 0; i < r->n_columns; i++) {
        r->slots[i] = slots_of(r, i, "", 0);
        all |= r->slots[i];
    }
    return check_columns(r, s, number, all);
}

static int refuse_fields(struct bridge_source *s, int64_t number, int rc)
{
    return bridge_why_set(s, NULL, number, -1,
                          rc == BRIDGE_TEXT_OPEN_QUOTE ? "a quote is not closed on its line"
                                                       : "text after a closing quote",
                          "fields with a separator between", "the line is left out");
}

/* ---- lines ----------------------------------------------------------------------------------- */

static int read_fields(struct bridge_line_reader *r, struct bridge_source *s, int64_t number,
                       struct bridge_values *values)
{
    size_t at = 0;
    size_t n = 0;
    char found[96];
    for (int more = 1; more == 1; n++) {
        const char *text = NULL;
        size_t size = 0;
        more = bridge_text_field_next(r->copy, r->separator, &at, &text, &size);
        if (more < 0) {
            return refuse_fields(s, number, more);
        }
        if (n < r->n_columns && r->slots[n] != 0 &&
            !bridge_values_put(values, r->slots[n], text, size)) {
            (void)snprintf(found, sizeof found, "field %zu is too long", n + 1);
            return bridge_why_set(s, NULL, number, text - r->copy, found, "at most 127 bytes",
                                  "the line is left out");
        }
    }
    if (n != r->n_columns) {
        (void)snprintf(found, sizeof found, "%zu fields where %zu columns are named", n,
                       r->n_columns);
        return bridge_why_set(s, NULL, number, -1, found, "as many", "the line is left out");
    }
    return 1;
}

static int read_pattern(struct bridge_line_reader *r, struct bridge_source *s, int64_t number,
                        size_t size, struct bridge_values *values)
{
    regmatch_t group[BRIDGE_LINE_GROUPS_MAX];
    if (size > PATTERN_LINE_MAX) {
        return bridge_why_set(s, NULL, number, -1, "the line is too long for a pattern",
                              "at most 4096 bytes", "the line is left out");
    }
    if (regexec(&r->pattern, r->copy, BRIDGE_LINE_GROUPS_MAX, group, 0) != 0) {
        return 0;
    }
    for (size_t i = 0; i < r->n_columns && i + 1 < BRIDGE_LINE_GROUPS_MAX; i++) {
        const regmatch_t *g = &group[i + 1];
        if (i < r->pattern.re_nsub && g->rm_so >= 0 && r->slots[i] != 0 &&
            !bridge_values_put(values, r->slots[i], r->copy + g->rm_so,
                               (size_t)(g->rm_eo - g->rm_so))) {
            return bridge_why_set(s, NULL, number, g->rm_so, "a group is too long",
                                  "at most 127 bytes", "the line is left out");
        }
    }
    return 1;
}

static int read_json(struct bridge_line_reader *r, struct bridge_source *s, int64_t number,
                     const uint8_t *line, size_t size, struct bridge_values *values)
{
    struct bridge_value_tree_fault fault;
    uint64_t slots = 0;
    if (bridge_value_tree_read(PROTO_FORMAT_JSON, line, size, r->fields, values, &slots, &fault) !=
        0) {
        return bridge_why_set(s, NULL, number, (int64_t)fault.byte, fault.found, fault.expected,
                              "the line is left out");
    }
    return 1;
}

/* A line without the choice is no trial's. */
static int read_pairs(struct bridge_line_reader *r, struct bridge_source *s, int64_t number,
                      struct bridge_values *values)
{
    uint64_t slots = 0;
    const char *at = bridge_text_pairs_read(bridge_text_of(r->copy), r->fields, values, &slots);
    if (at != NULL) {
        return bridge_why_set(s, NULL, number, at - r->copy, "the value is too long",
                              "at most 127 bytes", "the line is left out");
    }
    return bridge_trial_fields_have(r->fields, values, BRIDGE_FIELD_CHOICE) ||
           bridge_trial_fields_have(r->fields, values, BRIDGE_FIELD_CORRECT);
}

/* What the first line says of the form, and its names. 0 it is used up, 1 it is a trial's; -1. */
static int take_first(struct bridge_line_reader *r, struct bridge_source *s, int64_t number,
                      const uint8_t *line, size_t size)
{
    int rc = 0;
    if (size >= 2 &&
        ((line[0] == 0xff && line[1] == 0xfe) || (line[0] == 0xfe && line[1] == 0xff))) {
        r->is_refused = true;
        return bridge_why_set(s, NULL, number, 0, "text in UTF-16", "UTF-8", "save it as UTF-8");
    }
    if (r->form == BRIDGE_LINES_ANY) {
        r->form = line[0] == '{' ? BRIDGE_LINES_JSON : BRIDGE_LINES_FIELDS;
    }
    if (r->form == BRIDGE_LINES_JSON || r->form == BRIDGE_LINES_PAIRS) {
        r->has_names = true;
        return 1;
    }
    if (r->form == BRIDGE_LINES_FIELDS) {
        find_separator(r, line, size);
    }
    if (r->columns != NULL || r->form == BRIDGE_LINES_PATTERN) {
        rc = r->columns != NULL ? take_stated(r, s, number) : take_groups(r, s, number);
        return rc == 0 ? 1 : -1;
    }
    if (!copy_line(r, line, size)) {
        return bridge_why_set(s, NULL, number, -1, "no memory", "", "");
    }
    const uint64_t slots = name_columns(r, r->separator, &rc);
    if (rc < 0) {
        r->is_refused = true;
        return refuse_fields(s, number, rc);
    }
    return check_columns(r, s, number, slots);
}

int bridge_line_reader_read(struct bridge_line_reader *r, struct bridge_source *s, int64_t number,
                            const uint8_t *line, size_t size, struct bridge_values *values)
{
    if (!r->has_names && size >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        size -= 3;
    }
    const bool is_comment = r->comment != NULL && size >= strlen(r->comment) &&
                            memcmp(line, r->comment, strlen(r->comment)) == 0;
    if (size == 0 || is_comment || r->is_refused) {
        return 0;
    }
    const int rc = r->has_names ? 1 : take_first(r, s, number, line, size);
    if (rc != 1) {
        return rc;
    }
    if (r->form == BRIDGE_LINES_JSON) {
        return read_json(r, s, number, line, size, values);
    }
    if (memchr(line, '\0', size) != NULL || !copy_line(r, line, size)) {
        return bridge_why_set(s, NULL, number, -1, "a NUL byte", "text", "the line is left out");
    }
    return r->form == BRIDGE_LINES_FIELDS  ? read_fields(r, s, number, values)
           : r->form == BRIDGE_LINES_PAIRS ? read_pairs(r, s, number, values)
                                           : read_pattern(r, s, number, size, values);
}
