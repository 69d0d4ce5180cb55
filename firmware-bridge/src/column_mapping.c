#include "bridge/column_mapping.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const ROLES[BRIDGE_ROLES] = {
#define BRIDGE_ROLE(name) #name,
    BRIDGE_ROLE_LIST(BRIDGE_ROLE)
#undef BRIDGE_ROLE
};

/* Sections and keys besides the columns. */
static const char *const CODINGS[][2] = {
    {"choice", "right"}, {"choice", "left"},   {"choice", "none"},    {"side", "right"},
    {"side", "left"},    {"side", "none"},     {"reward", "yes"},     {"reward", "no"},
    {"repeat", "yes"},   {"stimulus", "unit"}, {"stimulus", "value"}, {"rt", "unit"},
};

/* ---- mapping --------------------------------------------------------------------------------- */

static bool is_known(const struct bridge_mapping_line *line)
{
    if (strcmp(line->section, "columns") == 0) {
        for (size_t i = 0; i < BRIDGE_ROLES; i++) {
            if (strcmp(line->key, ROLES[i]) == 0) {
                return true;
            }
        }
        return false;
    }
    for (size_t i = 0; i < sizeof CODINGS / sizeof CODINGS[0]; i++) {
        if (strcmp(line->section, CODINGS[i][0]) == 0 && strcmp(line->key, CODINGS[i][1]) == 0) {
            return true;
        }
    }
    return false;
}

int bridge_column_mapping_check(struct bridge_source *s)
{
    for (size_t i = 0; s->map != NULL && i < s->map->n; i++) {
        const struct bridge_mapping_line *line = &s->map->line[i];
        if (!is_known(line)) {
            char found[160];
            (void)snprintf(found, sizeof found, "the mapping has %.60s.%.60s", line->section,
                           line->key);
            return bridge_why_set(
                s, NULL, 0, -1, found,
                "columns.ROLE, choice.right, choice.left, choice.none, side.right, "
                "side.left, reward.yes, stimulus.unit, ...",
                "see docs/tables.md for all of them");
        }
    }
    return 0;
}

/* What the mapping, else the preset says of a coding; NULL: nothing. */
const char *bridge_column_mapping_told(const struct bridge_column_mapping *m, const char *section,
                                       const char *key)
{
    const char *value = bridge_mapping_get(m->map, section, key);
    for (size_t i = 0; value == NULL && m->preset != NULL && i < m->preset->n; i++) {
        const struct bridge_mapping_line *line = &m->preset->line[i];
        if (strcmp(line->section, section) == 0 && strcmp(line->key, key) == 0) {
            value = line->value;
        }
    }
    return value;
}

/* The names of the columns that are there, as far as they fit; not those of a file's own values. */
static void list_columns(const struct bridge_columns *c, char *out, size_t cap)
{
    size_t used = 0;
    for (size_t i = 0; i < c->n && used + 1 < cap; i++) {
        const char *name = c->list[i].name;
        if (name[0] != '@' && name[0] != '/') {
            const int more =
                snprintf(out + used, cap - used, "%s%s", used > 0 ? ", " : "one of ", name);
            used += more > 0 ? (size_t)more : 0;
        }
    }
    if (used >= cap) {
        memcpy(out + cap - 4, "...", 4);
    }
}

/* A column that the user names must be there; of those of a preset, the first that is. */
static int find_role(struct bridge_column_mapping *m, struct bridge_source *s, size_t role)
{
    const char *name = bridge_mapping_get(m->map, "columns", ROLES[role]);
    m->role[role] = name != NULL ? bridge_columns_find(m->columns, name) : NULL;
    if (name != NULL && m->role[role] == NULL) {
        char found[160];
        char expected[160] = "a table with columns";
        list_columns(m->columns, expected, sizeof expected);
        (void)snprintf(found, sizeof found, "no column \"%.64s\", which columns.%s names", name,
                       ROLES[role]);
        return bridge_why_set(s, NULL, 0, -1, found, expected, "name another in the mapping");
    }
    for (size_t i = 0; m->role[role] == NULL && m->preset != NULL && i < m->preset->n; i++) {
        const struct bridge_mapping_line *line = &m->preset->line[i];
        if (strcmp(line->section, "columns") == 0 && strcmp(line->key, ROLES[role]) == 0) {
            m->role[role] = bridge_columns_find(m->columns, line->value);
        }
    }
    return 0;
}

/* Is the number in some row of the column? NULL has none. */
static bool holds(const struct bridge_column *column, const char *number)
{
    const double value = strtod(number, NULL);
    for (size_t i = 0; column != NULL && i < column->n; i++) {
        const double here = bridge_column_number(column, i);
        if (here >= value && here <= value) {
            return true;
        }
    }
    return false;
}

static void choose_preset(struct bridge_column_mapping *m)
{
    m->preset = NULL;
    if (bridge_mapping_get(m->map, "columns", "choice") != NULL) {
        return;
    }
    for (const struct bridge_preset *p = BRIDGE_PRESETS; m->preset == NULL && p->name != NULL;
         p++) {
        bool is_there =
            p->holds == NULL || holds(bridge_columns_find(m->columns, p->needs[0]), p->holds);
        for (size_t k = 0; k < 4 && p->needs[k] != NULL; k++) {
            is_there = is_there && bridge_columns_find(m->columns, p->needs[k]) != NULL;
        }
        m->preset = is_there ? p : NULL;
    }
}

/* The preset most of whose columns are there, two at least, and one that is not. */
static const char *near_preset(const struct bridge_columns *columns, const char **lacks)
{
    const char *name = NULL;
    size_t most = 1;
    for (const struct bridge_preset *p = BRIDGE_PRESETS; p->name != NULL; p++) {
        const char *missing = NULL;
        size_t n = 0;
        for (size_t k = 0; k < 4 && p->needs[k] != NULL; k++) {
            const bool is_there = bridge_columns_find(columns, p->needs[k]) != NULL;
            n += is_there ? 1 : 0;
            missing = is_there || missing != NULL ? missing : p->needs[k];
        }
        if (n > most && missing != NULL) {
            most = n;
            name = p->name;
            *lacks = missing;
        }
    }
    return name;
}

static int no_role(const struct bridge_column_mapping *m, struct bridge_source *s, const char *what,
                   const char *fix)
{
    char found[160];
    char expected[160] = "a table with columns";
    const char *lacks = NULL;
    const char *near = m->preset == NULL ? near_preset(m->columns, &lacks) : NULL;
    list_columns(m->columns, expected, sizeof expected);
    if (near != NULL) {
        (void)snprintf(found, sizeof found, "no column %s, which the preset %s needs", lacks, near);
    } else {
        (void)snprintf(found, sizeof found, "%s%s", what,
                       m->preset == NULL ? "; no preset knows these columns" : "");
    }
    return bridge_why_set(s, NULL, 0, -1, found, expected,
                          near == NULL
                              ? fix
                              : "write that column, or say by a mapping which are: "
                                "columns.choice, choice.right, choice.left, columns.stimulus");
}

static int check_units(struct bridge_column_mapping *m, struct bridge_source *s)
{
    const char *unit = bridge_column_mapping_told(m, "stimulus", "unit");
    const char *rt = bridge_column_mapping_told(m, "rt", "unit");
    const char *value = bridge_column_mapping_told(m, "stimulus", "value");
    char *end = NULL;
    m->unit = unit != NULL && strcmp(unit, "percent") == 0 ? 0.01 : 1.0;
    m->rt_unit = rt != NULL && strcmp(rt, "ms") == 0 ? 0.001 : 1.0;
    m->stimulus = value != NULL ? strtod(value, &end) : (double)NAN;
    if (unit != NULL && strcmp(unit, "percent") != 0 && strcmp(unit, "fraction") != 0) {
        return bridge_why_set(s, NULL, 0, -1, "stimulus.unit is neither", "fraction or percent",
                              "correct the mapping");
    }
    if (rt != NULL && strcmp(rt, "ms") != 0 && strcmp(rt, "s") != 0) {
        return bridge_why_set(s, NULL, 0, -1, "rt.unit is neither", "s or ms",
                              "correct the mapping");
    }
    if (value != NULL && (end == value || *end != '\0' || !(fabs(m->stimulus) <= 1.0))) {
        return bridge_why_set(s, NULL, 0, -1, "stimulus.value is no contrast",
                              "a number from -1 to 1", "correct the mapping");
    }
    return 0;
}

/* What every table must have. */
static int check_roles(struct bridge_column_mapping *m, struct bridge_source *s)
{
    const struct bridge_column *const *role = m->role;
    if (role[BRIDGE_ROLE_choice] == NULL) {
        return no_role(
            m, s, "it is not known which column is the choice",
            "say it by a mapping: columns.choice: NAME, choice.right: VALUE, choice.left: "
            "VALUE, columns.stimulus: NAME");
    }
    if (bridge_column_mapping_told(m, "choice", "right") == NULL ||
        bridge_column_mapping_told(m, "choice", "left") == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "it is not known which value is the choice right",
                              "choice.right and choice.left, as in choice.right: 1",
                              "add them to the mapping");
    }
    const bool has_sides = role[BRIDGE_ROLE_left] != NULL && role[BRIDGE_ROLE_right] != NULL;
    const bool has_contrast = role[BRIDGE_ROLE_contrast] != NULL && role[BRIDGE_ROLE_side] != NULL;
    if (role[BRIDGE_ROLE_stimulus] == NULL && !has_sides && !has_contrast && isnan(m->stimulus)) {
        return no_role(m, s, "it is not known which column is the stimulus",
                       "say it by a mapping: columns.stimulus: NAME, or columns.left and "
                       "columns.right, or stimulus.value: 0 for a task without one");
    }
    return 0;
}

/* Rows of all columns in use: as many as the choice has; the least that a cut one has. */
static int count_rows(struct bridge_column_mapping *m, struct bridge_source *s)
{
    const struct bridge_column *choice = m->role[BRIDGE_ROLE_choice];
    if (choice->is_scalar) {
        return bridge_why_set(s, NULL, 0, -1, "the choice is a single value", "one a trial", "");
    }
    m->n_rows = choice->n;
    for (size_t i = 0; i < BRIDGE_ROLES; i++) {
        const struct bridge_column *column = m->role[i];
        if (column == NULL || column->is_scalar || i == BRIDGE_ROLE_lengths) {
            continue;
        }
        if (column->n_stated != choice->n_stated) {
            char found[160];
            char expected[160];
            (void)snprintf(found, sizeof found, "column %s has %zu rows", column->name,
                           column->n_stated);
            (void)snprintf(expected, sizeof expected, "%zu, as column %s has", choice->n_stated,
                           choice->name);
            return bridge_why_set(s, NULL, 0, -1, found, expected,
                                  "write all columns of one table again");
        }
        m->n_rows = column->n < m->n_rows ? column->n : m->n_rows;
    }
    return 0;
}

int bridge_column_mapping_find(struct bridge_column_mapping *m, struct bridge_source *s,
                               const struct bridge_columns *columns)
{
    *m = (struct bridge_column_mapping){.map = s->map, .columns = columns};
    choose_preset(m);
    for (size_t i = 0; i < BRIDGE_ROLES; i++) {
        if (find_role(m, s, i) != 0) {
            return -1;
        }
    }
    if (check_units(m, s) != 0 || check_roles(m, s) != 0 || count_rows(m, s) != 0) {
        m->n_rows = 0;
        return -1;
    }
    return 0;
}
