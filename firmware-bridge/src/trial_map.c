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
    [BRIDGE_COLUMN_TRIAL] = "trial",   [BRIDGE_COLUMN_STIMULUS] = "stimulus",
    [BRIDGE_COLUMN_CHOICE] = "choice", [BRIDGE_COLUMN_REWARD] = "reward",
    [BRIDGE_COLUMN_RT_S] = "rt_s",     [BRIDGE_COLUMN_SIDE] = "side",
    [BRIDGE_COLUMN_REPEAT] = "repeat", [BRIDGE_COLUMN_P_LEFT] = "p_left",
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

/* Keys of lines whose values are kept as they are. */
static const struct text_key {
    const char *section;
    const char *key;
    size_t offset;
} TEXT_KEYS[] = {
    {"events", "left", offsetof(struct bridge_trial_map, event[0])},
    {"events", "right", offsetof(struct bridge_trial_map, event[1])},
    {"choice", "left", offsetof(struct bridge_trial_map, choice[0])},
    {"choice", "right", offsetof(struct bridge_trial_map, choice[1])},
    {"choice", "none", offsetof(struct bridge_trial_map, no_choice)},
    {"side", "left", offsetof(struct bridge_trial_map, side[0])},
    {"side", "right", offsetof(struct bridge_trial_map, side[1])},
    {"reward", "no", offsetof(struct bridge_trial_map, reward[0])},
    {"reward", "yes", offsetof(struct bridge_trial_map, reward[1])},
    {"repeat", "no", offsetof(struct bridge_trial_map, repeat[0])},
    {"repeat", "yes", offsetof(struct bridge_trial_map, repeat[1])},
};

enum { N_TEXT_KEYS = sizeof TEXT_KEYS / sizeof TEXT_KEYS[0] };

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
    const char *keys[BRIDGE_COLUMNS + N_TEXT_KEYS] = {NULL};
    size_t n = 0;
    out[0] = '\0';
    if (strcmp(section, "rows") == 0 && allowed->rows != NULL) {
        join(out, cap, allowed->rows, SIZE_MAX);
    } else if (strcmp(section, "columns") == 0) {
        join(out, cap, COLUMNS, BRIDGE_COLUMNS);
    } else if (strcmp(section, "states") == 0 && allowed->has_states) {
        join(out, cap, STATES, BRIDGE_STATES);
    } else if (strcmp(section, "stimulus") == 0) {
        (void)snprintf(out, cap, "value, unit, sign");
    } else if (strcmp(section, "rt") == 0) {
        (void)snprintf(out, cap, "unit");
    } else if (strcmp(section, "events") != 0 || allowed->has_events) {
        for (size_t i = 0; i < N_TEXT_KEYS; i++) {
            if (strcmp(TEXT_KEYS[i].section, section) == 0) {
                keys[n++] = TEXT_KEYS[i].key;
            }
        }
        join(out, cap, keys, n);
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
        (void)snprintf(expected, sizeof expected,
                       "%scolumns, stimulus, rt, choice, side, reward, repeat%s%s",
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

/* Keys with a value of their own: 1 it was one; 0; -1. */
static int read_number(struct bridge_trial_map *map, struct bridge_source *s,
                       const struct bridge_mapping_line *line)
{
    const bool is_stimulus = strcmp(line->section, "stimulus") == 0;
    const double value = number_of(line->value);
    if (strcmp(line->key, "unit") == 0 && (is_stimulus || strcmp(line->section, "rt") == 0)) {
        const char *small = is_stimulus ? "percent" : "ms";
        const bool is_small = strcmp(line->value, small) == 0;
        *(is_stimulus ? &map->stimulus_divisor : &map->rt_divisor) = !is_small     ? 1.0
                                                                     : is_stimulus ? 100.0
                                                                                   : 1000.0;
        return is_small || strcmp(line->value, is_stimulus ? "fraction" : "s") == 0
                   ? 1
                   : fail_value(s, line, is_stimulus ? "fraction or percent" : "s or ms");
    }
    if (is_stimulus && strcmp(line->key, "value") == 0) {
        map->stimulus = value;
        return value >= -1.0 && value <= 1.0 ? 1 : fail_value(s, line, "a number from -1 to 1");
    }
    if (is_stimulus && strcmp(line->key, "sign") == 0) {
        map->signs_by_side = true;
        return strcmp(line->value, "side") == 0 ? 1 : fail_value(s, line, "side");
    }
    return 0;
}

static int read_line(struct bridge_trial_map *map, struct bridge_source *s,
                     const struct bridge_mapping_line *line, const struct allowed *allowed)
{
    const int rc = read_number(map, s, line);
    if (rc != 0) {
        return rc < 0 ? -1 : 0;
    }
    if (strcmp(line->section, "rows") == 0) {
        size_t i = 0;
        while (allowed->rows != NULL && allowed->rows[i] != NULL) {
            if (strcmp(allowed->rows[i++], line->key) == 0) {
                return 0;
            }
        }
        return fail_key(s, line, allowed);
    }
    const size_t column = index_of(COLUMNS, BRIDGE_COLUMNS, line->key);
    if (strcmp(line->section, "columns") == 0 && column < BRIDGE_COLUMNS) {
        map->column[column] = line->value;
        return 0;
    }
    const size_t state = index_of(STATES, BRIDGE_STATES, line->key);
    if (strcmp(line->section, "states") == 0 && allowed->has_states && state < BRIDGE_STATES) {
        map->state[state] = line->value;
        return 0;
    }
    for (size_t i = 0; i < N_TEXT_KEYS; i++) {
        if (strcmp(TEXT_KEYS[i].section, line->section) == 0 &&
            strcmp(TEXT_KEYS[i].key, line->key) == 0 &&
            (allowed->has_events || strcmp(line->section, "events") != 0)) {
            memcpy((char *)map + TEXT_KEYS[i].offset, &line->value, sizeof line->value);
            return 0;
        }
    }
    return fail_key(s, line, allowed);
}

/* Does it say what a trial needs? */
static int check(const struct bridge_trial_map *map, struct bridge_source *s)
{
    const bool has_choice =
        map->column[BRIDGE_COLUMN_CHOICE] != NULL ||
        (map->event[0] != NULL && map->event[1] != NULL) ||
        (map->state[BRIDGE_STATE_RIGHT] != NULL && map->state[BRIDGE_STATE_LEFT] != NULL) ||
        map->state[BRIDGE_STATE_CORRECT] != NULL;
    const bool has_side = map->column[BRIDGE_COLUMN_SIDE] != NULL;
    if (!has_choice) {
        return bridge_why_set(s, NULL, 0, -1, "the mapping does not say the choice",
                              "columns.choice, or states or events that tell it",
                              "add one to the mapping");
    }
    if (isnan(map->stimulus) && map->column[BRIDGE_COLUMN_STIMULUS] == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "the mapping does not say the stimulus",
                              "columns.stimulus or stimulus.value",
                              "add one; stimulus.value: 0 for a task without a stimulus");
    }
    const bool needs_side = map->signs_by_side || (map->state[BRIDGE_STATE_CORRECT] != NULL &&
                                                   map->state[BRIDGE_STATE_RIGHT] == NULL &&
                                                   map->column[BRIDGE_COLUMN_CHOICE] == NULL);
    if (needs_side && !has_side) {
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
    *map = (struct bridge_trial_map){
        .stimulus = (double)NAN, .stimulus_divisor = 1.0, .rt_divisor = 1.0};
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
