#include "config.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "nearest.h"
#include "proto/message.h"
#include "yaml_reader.h"

enum kind { KIND_WHOLE, KIND_TRUTH, KIND_WORDS, KIND_REALS, KIND_LINES };

struct option {
    const char *section;
    const char *key;
    enum kind kind;
    size_t offset; /* from the start of the section's struct */
    size_t count;  /* entries of a list */
    size_t bytes;  /* longest text */
    double min;
    double max;
    const char *fallback;
    const char *unit;
    const char *help;
};

struct section {
    const char *name;
    const char *help;
    size_t offset; /* from the start of struct config */
};

static const struct option OPTIONS[] = {
#define SECTION(name, help)
#define END_SECTION(name)
#define AT(section, key)     #section, #key
#define OFFSET(section, key) offsetof(struct config_##section, key)
#define WHOLE(section, key, fallback, min, max, unit, help)                                        \
    {AT(section, key), KIND_WHOLE, OFFSET(section, key), 1, 0, min, max, #fallback, unit, help},
#define TRUTH(section, key, fallback, help)                                                        \
    {AT(section, key), KIND_TRUTH, OFFSET(section, key), 1, 0, 0, 1, #fallback, "", help},
#define WORDS(section, key, fallback, bytes, help)                                                 \
    {AT(section, key), KIND_WORDS, OFFSET(section, key), 1, bytes, 0, 0, fallback, "", help},
#define REALS(section, key, fallback, count, min, max, unit, help)                                 \
    {AT(section, key), KIND_REALS, OFFSET(section, key), count, 0, min, max, fallback, unit, help},
#define LINES(section, key, count, bytes, help)                                                    \
    {AT(section, key), KIND_LINES, OFFSET(section, key), count, bytes, 0, 0, "", "", help},
#include "config_options.def"
#undef SECTION
#undef END_SECTION
#undef WHOLE
#undef TRUTH
#undef WORDS
#undef REALS
#undef LINES
};
enum { N_OPTIONS = sizeof OPTIONS / sizeof OPTIONS[0] };

static const struct section SECTIONS[] = {
#define SECTION(name, help) {#name, help, offsetof(struct config, name)},
#define END_SECTION(name)
#define WHOLE(section, key, fallback, min, max, unit, help)
#define TRUTH(section, key, fallback, help)
#define WORDS(section, key, fallback, bytes, help)
#define REALS(section, key, fallback, count, min, max, unit, help)
#define LINES(section, key, count, bytes, help)
#include "config_options.def"
};
enum { N_SECTIONS = sizeof SECTIONS / sizeof SECTIONS[0] };

/* The two kinds of list lie in memory as their generated structs do. */
struct list {
    size_t n;
    double reals[];
};

static char *line_at(void *list, const struct option *o, size_t i)
{
    return (char *)list + sizeof(size_t) + i * (o->bytes + 1);
}

static bool is_rigs(const struct section *s)
{
    return strcmp(s->name, "rigs") == 0;
}

static int refuse(struct fault *fault, const char *name, size_t line, const struct option *o,
                  const char *found)
{
    char expected[128];
    switch (o->kind) {
    case KIND_WHOLE:
        (void)snprintf(expected, sizeof expected, "a whole number from %.0f to %.0f%s%s", o->min,
                       o->max, o->unit[0] ? " " : "", o->unit);
        break;
    case KIND_TRUTH:
        (void)snprintf(expected, sizeof expected, "true or false");
        break;
    case KIND_WORDS:
        (void)snprintf(expected, sizeof expected,
                       "a text of at most %zu bytes without control characters", o->bytes);
        break;
    case KIND_REALS:
        (void)snprintf(expected, sizeof expected, "a list of at most %zu numbers from %g to %g",
                       o->count, o->min, o->max);
        break;
    case KIND_LINES:
        (void)snprintf(expected, sizeof expected, "a list of at most %zu texts of %zu bytes",
                       o->count, o->bytes);
        break;
    }
    return fault_set(fault, FAULT_INPUT, "%s:%zu: %s.%s: expected %s, found \"%.60s\"", name, line,
                     o->section, o->key, expected, found);
}

static bool parse_real(const char *text, const struct option *o, double *out)
{
    char *end = NULL;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out) && *out >= o->min && *out <= o->max;
}

/* Stores one scalar; for lists, appends it. False if it is not what the option takes. */
static bool store(void *section, const struct option *o, const char *text, size_t size)
{
    void *at = (char *)section + o->offset;
    struct list *list = at;
    double real = 0.0;
    switch (o->kind) {
    case KIND_WHOLE:
        if (!parse_real(text, o, &real) || floor(real) != real) {
            return false;
        }
        *(int64_t *)at = (int64_t)real;
        return true;
    case KIND_TRUTH:
        *(bool *)at = strcmp(text, "true") == 0;
        return *(bool *)at || strcmp(text, "false") == 0;
    case KIND_WORDS:
        if (size > o->bytes || !yaml_reader_is_printable(text, size)) {
            return false;
        }
        memcpy(at, text, size + 1);
        return true;
    case KIND_REALS:
        if (list->n >= o->count || !parse_real(text, o, &real)) {
            return false;
        }
        list->reals[list->n++] = real;
        return true;
    case KIND_LINES:
        if (list->n >= o->count || size > o->bytes || !yaml_reader_is_printable(text, size)) {
            return false;
        }
        memcpy(line_at(at, o, list->n++), text, size + 1);
        return true;
    }
    return false;
}

static void set_defaults(void *section, const char *name)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct option *o = &OPTIONS[i];
        if (strcmp(o->section, name) != 0 || o->kind == KIND_LINES) {
            continue;
        }
        char text[512];
        (void)snprintf(text, sizeof text, "%s", o->fallback);
        if (o->kind != KIND_REALS) {
            (void)store(section, o, text, strlen(text));
            continue;
        }
        char *rest = NULL;
        for (char *t = strtok_r(text, ",", &rest); t != NULL; t = strtok_r(NULL, ",", &rest)) {
            (void)store(section, o, t, strlen(t));
        }
    }
}

void config_init(struct config *config)
{
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < N_SECTIONS; i++) {
        if (!is_rigs(&SECTIONS[i])) {
            set_defaults((char *)config + SECTIONS[i].offset, SECTIONS[i].name);
        }
    }
}

/* A recursive-descent reading of YAML's events; the first error ends it. */
struct parse {
    struct yaml_reader yaml;
    struct config *config;
};

static int next_event(struct parse *p)
{
    return yaml_reader_next(&p->yaml);
}

static int expect(struct parse *p, yaml_event_type_t type, const char *where, const char *what)
{
    return yaml_reader_expect(&p->yaml, type, where, what);
}

static int unknown_key(struct parse *p, const char *section)
{
    char known[400] = "";
    char ask[NEAREST_TEXT_MAX];
    struct nearest nearest;
    const struct option *elsewhere = NULL;
    const char *key = yaml_reader_text(&p->yaml);
    nearest_init(&nearest, key);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (strcmp(OPTIONS[i].section, section) == 0) {
            const size_t used = strlen(known);
            (void)snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "",
                           OPTIONS[i].key);
            nearest_offer(&nearest, OPTIONS[i].key);
        } else if (strcmp(OPTIONS[i].key, key) == 0) {
            elsewhere = &OPTIONS[i];
        }
    }
    if (elsewhere != NULL) {
        return fault_set(p->yaml.fault, FAULT_INPUT,
                         "%s:%zu: %s.%.60s: unknown key; it belongs below %s:", p->yaml.name,
                         yaml_reader_line(&p->yaml), section, key, elsewhere->section);
    }
    return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: %s.%.60s: unknown key; known are %s%s",
                     p->yaml.name, yaml_reader_line(&p->yaml), section, key, known,
                     nearest_ask(&nearest, "", ask));
}

static int parse_value(struct parse *p, void *section, const struct option *o)
{
    int rc = next_event(p);
    if (rc != 0) {
        return rc;
    }
    const bool is_list = o->kind == KIND_REALS || o->kind == KIND_LINES;
    if (!is_list) {
        if (p->yaml.event.type != YAML_SCALAR_EVENT) {
            return refuse(p->yaml.fault, p->yaml.name, yaml_reader_line(&p->yaml), o,
                          "a list or map");
        }
        if (!store(section, o, yaml_reader_text(&p->yaml), yaml_reader_size(&p->yaml))) {
            return refuse(p->yaml.fault, p->yaml.name, yaml_reader_line(&p->yaml), o,
                          yaml_reader_text(&p->yaml));
        }
        return 0;
    }
    if (p->yaml.event.type != YAML_SEQUENCE_START_EVENT) {
        return refuse(p->yaml.fault, p->yaml.name, yaml_reader_line(&p->yaml), o,
                      p->yaml.event.type == YAML_SCALAR_EVENT ? yaml_reader_text(&p->yaml)
                                                              : "a map");
    }
    ((struct list *)(void *)((char *)section + o->offset))->n = 0;
    for (;;) {
        rc = next_event(p);
        if (rc != 0 || p->yaml.event.type == YAML_SEQUENCE_END_EVENT) {
            return rc;
        }
        if (p->yaml.event.type != YAML_SCALAR_EVENT ||
            !store(section, o, yaml_reader_text(&p->yaml), yaml_reader_size(&p->yaml))) {
            return refuse(p->yaml.fault, p->yaml.name, yaml_reader_line(&p->yaml), o,
                          p->yaml.event.type == YAML_SCALAR_EVENT ? yaml_reader_text(&p->yaml)
                                                                  : "a list or map");
        }
    }
}

/* The keys of one map, up to and with its end. */
static int parse_keys(struct parse *p, void *section, const char *name)
{
    bool seen[N_OPTIONS] = {false};
    for (;;) {
        int rc = next_event(p);
        if (rc != 0 || p->yaml.event.type == YAML_MAPPING_END_EVENT) {
            return rc;
        }
        rc = expect(p, YAML_SCALAR_EVENT, name, "a key");
        if (rc != 0) {
            return rc;
        }
        size_t i = 0;
        while (i < N_OPTIONS && (strcmp(OPTIONS[i].section, name) != 0 ||
                                 strcmp(OPTIONS[i].key, yaml_reader_text(&p->yaml)) != 0)) {
            i++;
        }
        if (i == N_OPTIONS) {
            return unknown_key(p, name);
        }
        if (seen[i]) {
            return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: %s.%s: stands here twice",
                             p->yaml.name, yaml_reader_line(&p->yaml), name,
                             yaml_reader_text(&p->yaml));
        }
        seen[i] = true;
        rc = parse_value(p, section, &OPTIONS[i]);
        if (rc != 0) {
            return rc;
        }
    }
}

static int check_rig(struct parse *p, const struct config_rigs *rig, size_t line)
{
    if (!proto_id_is_valid(rig->name)) {
        return fault_set(p->yaml.fault, FAULT_INPUT,
                         "%s:%zu: rigs.name: \"%s\" is not 1 to 64 of A-Z a-z 0-9 . _ -",
                         p->yaml.name, line, rig->name);
    }
    if (!proto_id_is_valid(rig->subject)) {
        return fault_set(p->yaml.fault, FAULT_INPUT,
                         "%s:%zu: rigs.subject: \"%s\" is not 1 to 64 of A-Z a-z 0-9 . _ -",
                         p->yaml.name, line, rig->subject);
    }
    if (rig->port[0] == '\0') {
        return fault_set(p->yaml.fault, FAULT_INPUT,
                         "%s:%zu: rigs.port: missing, as in /dev/ttyACM0", p->yaml.name, line);
    }
    for (size_t i = 0; i + 1 < p->config->n_rigs; i++) {
        if (strcmp(p->config->rigs[i].name, rig->name) == 0 ||
            strcmp(p->config->rigs[i].port, rig->port) == 0) {
            return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: rigs: %s on %s stands here twice",
                             p->yaml.name, line, rig->name, rig->port);
        }
    }
    return 0;
}

static int parse_rigs(struct parse *p)
{
    int rc = expect(p, YAML_SEQUENCE_START_EVENT, "rigs", "a list (\"- name: ...\")");
    while (rc == 0) {
        rc = next_event(p);
        if (rc != 0 || p->yaml.event.type == YAML_SEQUENCE_END_EVENT) {
            break;
        }
        rc = expect(p, YAML_MAPPING_START_EVENT, "rigs", "keys and values");
        const size_t line = yaml_reader_line(&p->yaml);
        if (rc == 0 && p->config->n_rigs == CONFIG_RIGS_MAX) {
            rc = fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: rigs: more than %d", p->yaml.name,
                           line, CONFIG_RIGS_MAX);
        }
        if (rc == 0) {
            struct config_rigs *rig = &p->config->rigs[p->config->n_rigs++];
            set_defaults(rig, "rigs");
            rc = parse_keys(p, rig, "rigs");
            rc = rc == 0 ? check_rig(p, rig, line) : rc;
        }
    }
    return rc;
}

static int unknown_section(struct parse *p)
{
    char known[400] = "";
    char ask[NEAREST_TEXT_MAX];
    struct nearest nearest;
    const char *name = yaml_reader_text(&p->yaml);
    nearest_init(&nearest, name);
    for (size_t i = 0; i < N_SECTIONS; i++) {
        const size_t used = strlen(known);
        (void)snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "",
                       SECTIONS[i].name);
        nearest_offer(&nearest, SECTIONS[i].name);
    }
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (strcmp(OPTIONS[i].key, name) == 0) {
            return fault_set(p->yaml.fault, FAULT_INPUT,
                             "%s:%zu: %.60s: unknown section; it is a key and belongs below %s:",
                             p->yaml.name, yaml_reader_line(&p->yaml), name, OPTIONS[i].section);
        }
    }
    return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: %.60s: unknown section; known are %s%s",
                     p->yaml.name, yaml_reader_line(&p->yaml), name, known,
                     nearest_ask(&nearest, "", ask));
}

static int parse_section(struct parse *p, bool seen[N_SECTIONS])
{
    int rc = expect(p, YAML_SCALAR_EVENT, "configuration", "a section such as data:");
    if (rc != 0) {
        return rc;
    }
    size_t i = 0;
    while (i < N_SECTIONS && strcmp(SECTIONS[i].name, yaml_reader_text(&p->yaml)) != 0) {
        i++;
    }
    if (i == N_SECTIONS) {
        return unknown_section(p);
    }
    if (seen[i]) {
        return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: %.60s: stands here twice",
                         p->yaml.name, yaml_reader_line(&p->yaml), yaml_reader_text(&p->yaml));
    }
    seen[i] = true;
    rc = next_event(p);
    if (rc != 0) {
        return rc;
    }
    if (is_rigs(&SECTIONS[i])) {
        return parse_rigs(p);
    }
    if (yaml_reader_is_empty(&p->yaml)) {
        return 0; /* "data:" with nothing below it */
    }
    rc = expect(p, YAML_MAPPING_START_EVENT, SECTIONS[i].name, "keys and values");
    return rc != 0 ? rc : parse_keys(p, (char *)p->config + SECTIONS[i].offset, SECTIONS[i].name);
}

static int parse_document(struct parse *p)
{
    bool seen[N_SECTIONS] = {false};
    bool is_empty = false;
    int rc = yaml_reader_begin(&p->yaml, &is_empty);
    if (rc != 0 || is_empty) {
        return rc; /* an empty file is all defaults */
    }
    if (yaml_reader_is_empty(&p->yaml)) {
        return yaml_reader_end(&p->yaml, "configuration");
    }
    rc = expect(p, YAML_MAPPING_START_EVENT, "configuration", "sections and keys");
    while (rc == 0) {
        rc = next_event(p);
        if (rc != 0 || p->yaml.event.type == YAML_MAPPING_END_EVENT) {
            break;
        }
        rc = parse_section(p, seen);
    }
    return rc != 0 ? rc : yaml_reader_end(&p->yaml, "configuration");
}

static int check_values(const struct config *config, const char *name, struct fault *fault)
{
    if (log_level_of(config->log.level) < 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: log.level: \"%s\" is not error, warn, info or debug", name,
                         config->log.level);
    }
    if (config->data.directory[0] == '\0') {
        return fault_set(fault, FAULT_INPUT, "%s: data.directory: is empty", name);
    }
    if (config->model.stimuli.n == 0) {
        return fault_set(fault, FAULT_INPUT, "%s: model.stimuli: is empty", name);
    }
    if (config->security.client_keys[0] != '\0' && config->security.server_key[0] == '\0') {
        return fault_set(fault, FAULT_INPUT, "%s: security.client_keys: needs security.server_key",
                         name);
    }
    return 0;
}

int config_parse(struct config *config, const char *name, const uint8_t *text, size_t size,
                 struct fault *fault)
{
    struct parse p = {.config = config};
    config_init(config);
    int rc = yaml_reader_open(&p.yaml, name, text, size, fault);
    if (rc != 0) {
        return rc;
    }
    rc = parse_document(&p);
    yaml_reader_close(&p.yaml);
    return rc != 0 ? rc : check_values(config, name, fault);
}

int config_load(struct config *config, const char *path, struct fault *fault)
{
    uint8_t *text = NULL;
    size_t size = 0;
    int rc = yaml_reader_load(path, CONFIG_BYTES_MAX, FILE_KIND_CONFIG, &text, &size, fault);
    if (rc == 0) {
        rc = config_parse(config, path, text, size, fault);
    }
    free(text);
    return rc;
}

static void print_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            fputc('\\', to);
        }
        fputc(*c, to);
    }
    fputc('"', to);
}

static void print_value(FILE *to, const void *section, const struct option *o)
{
    /* store() and print_value() see the same memory; only this one promises not to write. */
    const void *at = (const char *)section + o->offset;
    const struct list *list = at;
    switch (o->kind) {
    case KIND_WHOLE:
        fprintf(to, "%" PRId64, *(const int64_t *)at);
        break;
    case KIND_TRUTH:
        fprintf(to, "%s", *(const bool *)at ? "true" : "false");
        break;
    case KIND_WORDS:
        print_text(to, at);
        break;
    case KIND_REALS:
        for (size_t i = 0; i < list->n; i++) {
            fprintf(to, "%s%.17g", i == 0 ? "[" : ", ", list->reals[i]);
        }
        fputc(']', to);
        break;
    case KIND_LINES:
        fputc('[', to);
        for (size_t i = 0; i < list->n; i++) {
            fputs(i > 0 ? ", " : "", to);
            print_text(to, (const char *)at + sizeof(size_t) + i * (o->bytes + 1));
        }
        fputc(']', to);
        break;
    }
}

static void print_range(FILE *to, const struct option *o)
{
    if (o->kind == KIND_WHOLE || o->kind == KIND_REALS) {
        fprintf(to, "%.10g to %.10g%s%s", o->min, o->max, o->unit[0] != '\0' ? " " : "", o->unit);
    }
}

static void print_keys(FILE *to, const void *section, const char *name, const char *first)
{
    const char *indent = first;
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct option *o = &OPTIONS[i];
        if (strcmp(o->section, name) != 0) {
            continue;
        }
        fprintf(to, "%s%s: ", indent, o->key);
        print_value(to, section, o);
        fprintf(to, "  # %s", o->help);
        if (o->kind == KIND_WHOLE || o->kind == KIND_REALS) {
            fputs(" (", to);
            print_range(to, o);
            fputc(')', to);
        }
        fputc('\n', to);
        indent = strcmp(first, "  ") == 0 ? first : "    ";
    }
}

void config_print(const struct config *config, FILE *to)
{
    for (size_t i = 0; i < N_SECTIONS; i++) {
        const struct section *s = &SECTIONS[i];
        if (!is_rigs(s)) {
            fprintf(to, "%s:  # %s\n", s->name, s->help);
            print_keys(to, (const char *)config + s->offset, s->name, "  ");
            continue;
        }
        fprintf(to, "%s:%s  # %s\n", s->name, config->n_rigs == 0 ? " []" : "", s->help);
        for (size_t r = 0; r < config->n_rigs; r++) {
            print_keys(to, &config->rigs[r], s->name, "  - ");
        }
    }
}

void config_print_markdown(FILE *to)
{
    for (size_t i = 0; i < N_SECTIONS; i++) {
        fprintf(to, "### %s\n\n%s.\n\n| key | default | range | meaning |\n|---|---|---|---|\n",
                SECTIONS[i].name, SECTIONS[i].help);
        for (size_t k = 0; k < N_OPTIONS; k++) {
            const struct option *o = &OPTIONS[k];
            if (strcmp(o->section, SECTIONS[i].name) != 0) {
                continue;
            }
            const char *quote = o->fallback[0] != '\0' ? "`" : "";
            fprintf(to, "| `%s` | %s%s%s | ", o->key, quote, o->fallback, quote);
            print_range(to, o);
            fprintf(to, " | %s |\n", o->help);
        }
        fputc('\n', to);
    }
}
