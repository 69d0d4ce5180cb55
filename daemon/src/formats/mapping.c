#include "mapping.h"

#include <stdio.h>
#include <string.h>

#include "nearest.h"

static const struct {
    const char *name;
    const char *about;
    const char *lines;
} NAMED[] = {
#define MAPPING(name, about, lines) {#name, about, lines},
#include "mapping_names.def"
};

enum { N_NAMED = sizeof NAMED / sizeof NAMED[0], NAME_MAX_BYTES = 64 };

/* Every section and key. key NULL: the section; "": any key. */
static const struct row {
    const char *section;
    const char *key;
    const char *help;
} ROWS[] = {
#define SECTION(section, help)  {#section, NULL, help},
#define KEY(section, key, help) {#section, #key, help},
#define ANY(section, what)      {#section, "", what},
#define FIELDS(section)         FIELDS_OF_##section
#define MARKS(section)          MARKS_OF_##section
#define FIELDS_OF_columns       {"columns", "@fields", ""},
#define FIELDS_OF_fixed         {"fixed", "@fields", ""},
#define FIELDS_OF_coding        {"coding", "@fields", ""},
#define MARKS_OF_marks          {"marks", "@marks", ""},
#include "bridge/mapping_keys.def"
};

static const struct row FIELD_ROWS[] = {
#define FIELD(NAME, name, kind, help) {"", #name, help},
#include "bridge/trial_fields.def"
};

static const struct row MARK_ROWS[] = {
#define MARK(NAME, name, help) {"", #name, help},
#include "bridge/trial_marks.def"
};

enum {
    N_ROWS = sizeof ROWS / sizeof ROWS[0],
    N_FIELDS = sizeof FIELD_ROWS / sizeof FIELD_ROWS[0],
    N_MARKS = sizeof MARK_ROWS / sizeof MARK_ROWS[0]
};

/* ---- sections and keys ----------------------------------------------------------------------- */

/* The keys that a row stands for, of which there are *n. */
static const struct row *keys_of(const struct row *row, size_t *n)
{
    if (row->key != NULL && strcmp(row->key, "@fields") == 0) {
        *n = N_FIELDS;
        return FIELD_ROWS;
    }
    if (row->key != NULL && strcmp(row->key, "@marks") == 0) {
        *n = N_MARKS;
        return MARK_ROWS;
    }
    *n = row->key != NULL ? 1 : 0;
    return row;
}

/* Looks for a key among those of the section, and offers all to nearest. */
static bool find_key(const char *section, const char *key, struct nearest *nearest)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        size_t n = 0;
        const struct row *keys = keys_of(&ROWS[i], &n);
        for (size_t k = 0; strcmp(ROWS[i].section, section) == 0 && k < n; k++) {
            if (keys[k].key[0] == '\0' || strcmp(keys[k].key, key) == 0) {
                return true;
            }
            nearest_offer(nearest, keys[k].key);
        }
    }
    return false;
}

static bool find_section(const char *section, struct nearest *nearest)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        if (ROWS[i].key == NULL) {
            if (strcmp(ROWS[i].section, section) == 0) {
                return true;
            }
            nearest_offer(nearest, ROWS[i].section);
        }
    }
    return false;
}

static int refuse_section(const char *where, const char *section, const struct nearest *nearest,
                          struct fault *fault)
{
    char ask[NEAREST_TEXT_MAX];
    char names[256] = "";
    for (size_t i = 0; i < N_ROWS; i++) {
        const size_t used = strlen(names);
        if (ROWS[i].key == NULL) {
            (void)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "",
                           ROWS[i].section);
        }
    }
    return fault_set(fault, FAULT_INPUT, "%s: no section \"%s\"; one of %s was expected%s", where,
                     section, names, nearest_ask(nearest, "", ask));
}

static int check(const char *where, const char *section, const char *key, struct fault *fault)
{
    struct nearest nearest;
    char ask[NEAREST_TEXT_MAX];
    nearest_init(&nearest, section);
    if (!find_section(section, &nearest)) {
        return refuse_section(where, section, &nearest, fault);
    }
    nearest_init(&nearest, key);
    return find_key(section, key, &nearest)
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT,
                           "%s: no key \"%s\" in section %s%s; docs/formats.md "
                           "lists them",
                           where, key, section, nearest_ask(&nearest, "", ask));
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Copies a text of size bytes; NULL: no room. */
static const char *keep(struct mapping *m, const char *text, size_t size)
{
    char *to = m->text + m->used;
    if (size >= sizeof m->text - m->used) {
        return NULL;
    }
    memcpy(to, text, size);
    to[size] = '\0';
    m->used += size + 1;
    return to;
}

static struct bridge_mapping_line *line_of(struct mapping *m, const char *section, const char *key)
{
    for (size_t i = 0; i < m->map.n; i++) {
        if (strcmp(m->line[i].section, section) == 0 && strcmp(m->line[i].key, key) == 0) {
            return &m->line[i];
        }
    }
    return m->map.n < MAPPING_LINES_MAX ? &m->line[m->map.n] : NULL;
}

static int put(struct mapping *m, const char *where, const struct bridge_mapping_line *said,
               size_t value_size, struct fault *fault)
{
    const int rc = check(where, said->section, said->key, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    struct bridge_mapping_line *line = line_of(m, said->section, said->key);
    const char *kept[] = {keep(m, said->section, strlen(said->section)),
                          keep(m, said->key, strlen(said->key)), keep(m, said->value, value_size)};
    if (line == NULL || kept[0] == NULL || kept[1] == NULL || kept[2] == NULL) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: the mapping is too long; at most %d lines of %d bytes in all were "
                         "expected",
                         where, MAPPING_LINES_MAX, MAPPING_BYTES_MAX);
    }
    m->map.n += line == &m->line[m->map.n] ? 1 : 0;
    m->map.line = m->line;
    *line = (struct bridge_mapping_line){kept[0], kept[1], kept[2]};
    return FAULT_NONE;
}

int mapping_put(struct mapping *m, const char *where, const char *section, const char *key,
                const char *value, struct fault *fault)
{
    const struct bridge_mapping_line said = {section, key, value};
    return value[0] != '\0' ? put(m, where, &said, strlen(value), fault)
                            : fault_set(fault, FAULT_INPUT,
                                        "%s: %s.%s is empty; a value was "
                                        "expected",
                                        where, section, key);
}

/* One line, SECTION.KEY=VALUE or KEY=VALUE, of size bytes. */
static int add_line(struct mapping *m, const char *where, const char *text, size_t size,
                    struct fault *fault)
{
    char section[NAME_MAX_BYTES] = "columns";
    char key[NAME_MAX_BYTES];
    const char *equals = memchr(text, '=', size);
    const char *dot = memchr(text, '.', (size_t)(equals - text));
    const char *name = dot != NULL ? dot + 1 : text;
    const size_t name_size = (size_t)(equals - name);
    const size_t value_size = size - (size_t)(equals + 1 - text);
    if (name_size == 0 || name_size >= sizeof key || value_size == 0 ||
        (dot != NULL && (size_t)(dot - text) >= sizeof section)) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: \"%.80s\"; SECTION.KEY=VALUE was expected, as coding.choice=-1/1/0",
                         where, text);
    }
    if (dot != NULL) {
        (void)snprintf(section, sizeof section, "%.*s", (int)(dot - text), text);
    }
    (void)snprintf(key, sizeof key, "%.*s", (int)name_size, name);
    return put(m, where, &(struct bridge_mapping_line){section, key, equals + 1}, value_size,
               fault);
}

const char *mapping_names(char *out, size_t cap)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < N_NAMED && used < cap; i++) {
        const char *between = i == 0 ? "" : i + 1 == N_NAMED ? " or " : ", ";
        used += (size_t)snprintf(out + used, cap - used, "%s%s", between, NAMED[i].name);
    }
    return out;
}

static int refuse_name(const char *where, const char *text, struct fault *fault)
{
    char names[160];
    char ask[NEAREST_TEXT_MAX];
    struct nearest nearest;
    nearest_init(&nearest, text);
    for (size_t i = 0; i < N_NAMED; i++) {
        nearest_offer(&nearest, NAMED[i].name);
    }
    return fault_set(fault, FAULT_INPUT, "%s: \"%.80s\"; SECTION.KEY=VALUE or %s was expected%s",
                     where, text, mapping_names(names, sizeof names),
                     nearest_ask(&nearest, "", ask));
}

int mapping_add(struct mapping *m, const char *where, const char *text, struct fault *fault)
{
    if (strchr(text, '=') != NULL) {
        return add_line(m, where, text, strlen(text), fault);
    }
    for (size_t i = 0; i < N_NAMED; i++) {
        int rc = FAULT_NONE;
        if (strcmp(NAMED[i].name, text) != 0) {
            continue;
        }
        for (const char *at = NAMED[i].lines; rc == FAULT_NONE && *at != '\0';) {
            const size_t size = strcspn(at, "\n");
            rc = add_line(m, where, at, size, fault);
            at += size + 1;
        }
        return rc;
    }
    return refuse_name(where, text, fault);
}

const struct bridge_mapping *mapping_of(const struct mapping *m)
{
    return m->map.n > 0 ? &m->map : NULL;
}

/* ---- docs ------------------------------------------------------------------------------------ */

void mapping_print_markdown(FILE *to)
{
    fprintf(to, "| section, key | what it says |\n|---|---|\n");
    for (size_t i = 0; i < N_ROWS; i++) {
        size_t n = 0;
        const struct row *keys = keys_of(&ROWS[i], &n);
        const bool is_list = n > 1;
        if (ROWS[i].key == NULL) {
            fprintf(to, "| **`%s`** | %s |\n", ROWS[i].section, ROWS[i].help);
        } else if (is_list && strcmp(ROWS[i].section, "fixed") != 0 &&
                   strcmp(ROWS[i].section, "coding") != 0) {
            for (size_t k = 0; k < n; k++) {
                fprintf(to, "| `%s` | %s |\n", keys[k].key, keys[k].help);
            }
        } else if (is_list) {
            fprintf(to, "| ... | the keys of `columns` |\n");
        } else {
            fprintf(to, "| %s%s%s | %s |\n", keys->key[0] != '\0' ? "`" : "",
                    keys->key[0] != '\0' ? keys->key : "any", keys->key[0] != '\0' ? "`" : "",
                    keys->help);
        }
    }
    fprintf(to, "\n| mapping | what it stands for |\n|---|---|\n");
    for (size_t i = 0; i < N_NAMED; i++) {
        fprintf(to, "| `%s` | %s |\n", NAMED[i].name, NAMED[i].about);
    }
}
