#include "bridge/trial_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- shipped mappings ------------------------------------------------------------------------ */

#define MAPPING(name, format, task, ...)                                                           \
    static const struct bridge_mapping_line LINES_##name[] = {__VA_ARGS__};
#include "mappings.def"

static const struct shipped {
    const char *format;
    const char *task;
    struct bridge_mapping mapping;
} SHIPPED[] = {
#define MAPPING(name, format, task, ...)                                                           \
    {format, task, {LINES_##name, sizeof LINES_##name / sizeof LINES_##name[0]}},
#include "mappings.def"
};

const struct bridge_mapping *bridge_mapping_shipped(const char *format, const char *task)
{
    for (size_t i = 0; i < sizeof SHIPPED / sizeof SHIPPED[0]; i++) {
        if (strcmp(SHIPPED[i].format, format) == 0 && strcmp(SHIPPED[i].task, task) == 0) {
            return &SHIPPED[i].mapping;
        }
    }
    return NULL;
}

/* ---- reading a mapping ----------------------------------------------------------------------- */

static const char *const COLUMNS[BRIDGE_COLUMNS] = {
    [BRIDGE_COLUMN_TRIAL] = "trial",       [BRIDGE_COLUMN_STIMULUS] = "stimulus",
    [BRIDGE_COLUMN_CONTRAST] = "contrast", [BRIDGE_COLUMN_CHOICE] = "choice",
    [BRIDGE_COLUMN_CORRECT] = "correct",   [BRIDGE_COLUMN_REWARD] = "reward",
    [BRIDGE_COLUMN_RT_S] = "rt_s",         [BRIDGE_COLUMN_SIDE] = "side",
    [BRIDGE_COLUMN_REPEAT] = "repeat",     [BRIDGE_COLUMN_P_LEFT] = "p_left",
    [BRIDGE_COLUMN_STAGE] = "stage"};

const char *bridge_trial_column_name(enum bridge_trial_column column)
{
    return COLUMNS[column];
}

static const char *const STATES[BRIDGE_STATES] = {
    [BRIDGE_STATE_RIGHT] = "right",     [BRIDGE_STATE_LEFT] = "left",
    [BRIDGE_STATE_CORRECT] = "correct", [BRIDGE_STATE_WRONG] = "wrong",
    [BRIDGE_STATE_REWARD] = "reward",   [BRIDGE_STATE_SKIP] = "skip",
    [BRIDGE_STATE_RT_FROM] = "rt_from", [BRIDGE_STATE_RT_TO] = "rt_to"};

/* What a coding of a column may be. */
enum coding { CODING_NONE, CODING_NUMBER, CODING_SIDE, CODING_TRUTH };

static const enum coding CODINGS[BRIDGE_COLUMNS] = {
    [BRIDGE_COLUMN_STIMULUS] = CODING_NUMBER, [BRIDGE_COLUMN_CONTRAST] = CODING_NUMBER,
    [BRIDGE_COLUMN_CHOICE] = CODING_SIDE,     [BRIDGE_COLUMN_CORRECT] = CODING_TRUTH,
    [BRIDGE_COLUMN_REWARD] = CODING_TRUTH,    [BRIDGE_COLUMN_RT_S] = CODING_NUMBER,
    [BRIDGE_COLUMN_SIDE] = CODING_SIDE,       [BRIDGE_COLUMN_REPEAT] = CODING_TRUTH};

struct allowed {
    const char *const *rows;
    bool has_states;
    bool has_events;
};

/* The words of a list with commas between, at out. */
static void join(char *out, size_t cap, const char *const words[], size_t n)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n && words[i] != NULL && used < cap; i++) {
        const int more = snprintf(out + used, cap - used, "%s%s", i > 0 ? ", " : "", words[i]);
        used += more > 0 ? (size_t)more : 0;
    }
}

/* The keys of a section that may stand there; "": there is no such section. */
static void keys_of(const char *section, const struct allowed *allowed, char *out, size_t cap)
{
    const char *coded[BRIDGE_COLUMNS] = {NULL};
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < BRIDGE_COLUMNS; i++) {
        if (CODINGS[i] != CODING_NONE) {
            coded[n++] = COLUMNS[i];
        }
    }
    if (strcmp(section, "rows") == 0 && allowed->rows != NULL) {
        join(out, cap, allowed->rows, SIZE_MAX);
    } else if (strcmp(section, "columns") == 0) {
        join(out, cap, COLUMNS, BRIDGE_COLUMNS);
    } else if (strcmp(section, "fixed") == 0) {
        (void)snprintf(out, cap, "stimulus, contrast");
    } else if (strcmp(section, "coding") == 0) {
        join(out, cap, coded, n);
    } else if (strcmp(section, "states") == 0 && allowed->has_states) {
        join(out, cap, STATES, BRIDGE_STATES);
    } else if (strcmp(section, "events") == 0 && allowed->has_events) {
        (void)snprintf(out, cap, "right, left");
    }
}

static int fail_key(struct bridge_source *s, const struct bridge_mapping_line *line,
                    const struct allowed *allowed)
{
    char found[160];
    char expected[160];
    (void)snprintf(found, sizeof found, "the mapping has %.60s.%.60s", line->section, line->key);
    keys_of(line->section, allowed, expected, sizeof expected);
    if (expected[0] == '\0') {
        (void)snprintf(expected, sizeof expected, "%scolumns, fixed, coding%s%s",
                       allowed->rows != NULL ? "rows, " : "", allowed->has_states ? ", states" : "",
                       allowed->has_events ? ", events" : "");
    }
    return bridge_why_set(s, NULL, 0, -1, found, expected, "correct it in the mapping");
}

static int fail_value(struct bridge_source *s, const struct bridge_mapping_line *line,
                      const char *expected)
{
    char found[160];
    (void)snprintf(found, sizeof found, "the mapping has %.40s.%.40s: %.60s", line->section,
                   line->key, line->value);
    return bridge_why_set(s, NULL, 0, -1, found, expected, "correct it in the mapping");
}

static size_t index_of(const char *const words[], size_t n, const char *word)
{
    size_t i = 0;
    while (i < n && strcmp(words[i], word) != 0) {
        i++;
    }
    return i;
}

/* A number that is all of a text; NaN: it is none. */
static double number_of(const char *text)
{
    char *end = NULL;
    const double value = strtod(text, &end);
    return end != text && *end == '\0' ? value : (double)NAN;
}

/* A text with '/' between its parts, at most n of them. */
static bool split(const char *text, size_t n, char out[][BRIDGE_CODE_MAX])
{
    for (size_t i = 0; i < n; i++) {
        const size_t size = strcspn(text, "/");
        if (size >= BRIDGE_CODE_MAX) {
            return false;
        }
        memcpy(out[i], text, size);
        out[i][size] = '\0';
        text += size + (text[size] == '/');
    }
    return text[0] == '\0';
}

static int read_coding(struct bridge_trial_map *map, struct bridge_source *s,
                       const struct bridge_mapping_line *line, size_t column)
{
    static const struct {
        const char *name;
        double divisor;
    } UNITS[] = {{"fraction", 1.0}, {"percent", 100.0}, {"s", 1.0}, {"ms", 1000.0}};
    char part[3][BRIDGE_CODE_MAX] = {"", "", ""};
    if (CODINGS[column] == CODING_NUMBER) {
        double divisor = number_of(line->value);
        for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
            divisor = strcmp(UNITS[i].name, line->value) == 0 ? UNITS[i].divisor : divisor;
        }
        map->divisor[column] = divisor;
        return divisor > 0.0 && divisor <= 1e9
                   ? 0
                   : fail_value(s, line, "a number to divide by, fraction, percent, s or ms");
    }
    if (!split(line->value, column == BRIDGE_COLUMN_CHOICE ? 3 : 2, part) || part[0][0] == '\0' ||
        part[1][0] == '\0') {
        return fail_value(s, line,
                          CODINGS[column] == CODING_TRUTH  ? "YES/NO"
                          : column == BRIDGE_COLUMN_CHOICE ? "RIGHT/LEFT/NONE"
                                                           : "RIGHT/LEFT");
    }
    memcpy(map->code[column][1], part[0], sizeof part[0]);
    memcpy(map->code[column][0], part[1], sizeof part[1]);
    memcpy(map->code[column][2], part[2], sizeof part[2]);
    return 0;
}

static int read_fixed(struct bridge_trial_map *map, struct bridge_source *s,
                      const struct bridge_mapping_line *line, size_t column)
{
    const double value = number_of(line->value);
    map->fixed[column] = line->value;
    return value >= -1.0 && value <= 1.0 ? 0 : fail_value(s, line, "a number from -1 to 1");
}

static int read_line(struct bridge_trial_map *map, struct bridge_source *s,
                     const struct bridge_mapping_line *line, const struct allowed *allowed)
{
    const size_t column = index_of(COLUMNS, BRIDGE_COLUMNS, line->key);
    const size_t state = index_of(STATES, BRIDGE_STATES, line->key);
    const bool is_column = column < BRIDGE_COLUMNS;
    if (strcmp(line->section, "columns") == 0 && is_column) {
        map->column[column] = line->value;
        return 0;
    }
    if (strcmp(line->section, "coding") == 0 && is_column && CODINGS[column] != CODING_NONE) {
        return read_coding(map, s, line, column);
    }
    if (strcmp(line->section, "fixed") == 0 &&
        (column == BRIDGE_COLUMN_STIMULUS || column == BRIDGE_COLUMN_CONTRAST)) {
        return read_fixed(map, s, line, column);
    }
    if (strcmp(line->section, "states") == 0 && allowed->has_states && state < BRIDGE_STATES) {
        map->state[state] = line->value;
        return 0;
    }
    if (strcmp(line->section, "events") == 0 && allowed->has_events && state <= BRIDGE_STATE_LEFT) {
        map->event[state == BRIDGE_STATE_RIGHT] = line->value;
        return 0;
    }
    for (size_t i = 0;
         strcmp(line->section, "rows") == 0 && allowed->rows != NULL && allowed->rows[i] != NULL;
         i++) {
        if (strcmp(allowed->rows[i], line->key) == 0) {
            return 0;
        }
    }
    return fail_key(s, line, allowed);
}

/* Does it say what a trial needs? */
static int check(const struct bridge_trial_map *map, struct bridge_source *s)
{
    const bool by_side =
        map->column[BRIDGE_COLUMN_CORRECT] != NULL || map->state[BRIDGE_STATE_CORRECT] != NULL;
    const bool has_choice =
        map->column[BRIDGE_COLUMN_CHOICE] != NULL ||
        (map->event[0] != NULL && map->event[1] != NULL) ||
        (map->state[BRIDGE_STATE_RIGHT] != NULL && map->state[BRIDGE_STATE_LEFT] != NULL);
    const bool has_contrast =
        map->column[BRIDGE_COLUMN_CONTRAST] != NULL || map->fixed[BRIDGE_COLUMN_CONTRAST] != NULL;
    if (!has_choice && !by_side) {
        return bridge_why_set(s, NULL, 0, -1, "the mapping does not say the choice",
                              "columns.choice, or columns.correct, states or events that tell it",
                              "add one to the mapping");
    }
    if (!has_contrast && map->column[BRIDGE_COLUMN_STIMULUS] == NULL &&
        map->fixed[BRIDGE_COLUMN_STIMULUS] == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "the mapping does not say the stimulus",
                              "columns.stimulus, columns.contrast or fixed.stimulus",
                              "add one; fixed.stimulus: 0 for a task without a stimulus");
    }
    if ((has_contrast || !has_choice) && map->column[BRIDGE_COLUMN_SIDE] == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "the mapping does not say the correct side",
                              "columns.side, from which sign or choice are to be made",
                              "add it to the mapping");
    }
    return 0;
}

int bridge_trial_map_read(struct bridge_trial_map *map, struct bridge_source *s,
                          const struct bridge_mapping *from, const char *const rows[],
                          bool has_states, bool has_events)
{
    const struct allowed allowed = {rows, has_states, has_events};
    *map = (struct bridge_trial_map){.column = {NULL}};
    for (size_t i = 0; i < BRIDGE_COLUMNS; i++) {
        map->divisor[i] = 1.0;
    }
    for (size_t i = 0; i < from->n; i++) {
        if (read_line(map, s, &from->line[i], &allowed) != 0) {
            return -1;
        }
    }
    return check(map, s);
}

/* ---- lists ---------------------------------------------------------------------------------- */

/* The next word of a list, without the blanks around it; NULL: there is none. */
const char *bridge_trial_map_word(const char **list, size_t *size)
{
    const char *at = *list + strspn(*list, ", ");
    if (*at == '\0') {
        return NULL;
    }
    *size = strcspn(at, ",");
    *list = at + *size;
    while (*size > 0 && at[*size - 1] == ' ') {
        --*size;
    }
    return at;
}

bool bridge_trial_map_has(const char *list, const char *name)
{
    size_t size = 0;
    const size_t wanted = strlen(name);
    for (const char *at = list, *word;
         at != NULL && (word = bridge_trial_map_word(&at, &size)) != NULL;) {
        if (size == wanted && memcmp(word, name, size) == 0) {
            return true;
        }
    }
    return false;
}
