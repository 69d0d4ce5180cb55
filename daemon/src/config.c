#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "log.h"
#include "proto/message.h"

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

/* True without control characters, line ends of Unicode's and byte order marks: what is printed can
 * then be read back, and shown on a terminal. The YAML library saw to it that this is UTF-8. */
static bool is_printable(const char *text, size_t size)
{
    static const char *const NONE[] = {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
                                       "\xef\xbf\xbe", "\xef\xbf\xbf"};
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)text[i + 1] < 0xa0)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++) {
        if (strstr(text, NONE[i]) != NULL) {
            return false;
        }
    }
    return true;
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
        if (size > o->bytes || !is_printable(text, size)) {
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
        if (list->n >= o->count || size > o->bytes || !is_printable(text, size)) {
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

/* A recursive-descent reading of libyaml's events; the first error ends it. */
struct parse {
    yaml_parser_t yaml;
    yaml_event_t event;
    const char *name;
    struct config *config;
    struct fault *fault;
};

static size_t event_line(const struct parse *p)
{
    return p->event.start_mark.line + 1;
}

static int next_event(struct parse *p)
{
    yaml_event_delete(&p->event);
    if (!yaml_parser_parse(&p->yaml, &p->event)) {
        memset(&p->event, 0, sizeof p->event);
        return fault_set(p->fault, FAULT_INPUT, "%s:%zu: %s", p->name,
                         p->yaml.problem_mark.line + 1,
                         p->yaml.problem != NULL ? p->yaml.problem : "not YAML");
    }
    if (p->event.type == YAML_ALIAS_EVENT) {
        return fault_set(p->fault, FAULT_INPUT, "%s:%zu: aliases (*name) are not supported",
                         p->name, event_line(p));
    }
    return 0;
}

static int expect(struct parse *p, yaml_event_type_t type, const char *where, const char *what)
{
    if (p->event.type == type) {
        return 0;
    }
    return fault_set(p->fault, FAULT_INPUT, "%s:%zu: %s: expected %s", p->name, event_line(p),
                     where, what);
}

static const char *scalar(const struct parse *p)
{
    return (const char *)p->event.data.scalar.value;
}

static int unknown_key(struct parse *p, const char *section)
{
    char known[400] = "";
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (strcmp(OPTIONS[i].section, section) == 0) {
            const size_t used = strlen(known);
            (void)snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "",
                           OPTIONS[i].key);
        }
    }
    return fault_set(p->fault, FAULT_INPUT, "%s:%zu: %s.%.60s: unknown key; known are %s", p->name,
                     event_line(p), section, scalar(p), known);
}

static int parse_value(struct parse *p, void *section, const struct option *o)
{
    int rc = next_event(p);
    if (rc != 0) {
        return rc;
    }
    const bool is_list = o->kind == KIND_REALS || o->kind == KIND_LINES;
    if (!is_list) {
        if (p->event.type != YAML_SCALAR_EVENT) {
            return refuse(p->fault, p->name, event_line(p), o, "a list or map");
        }
        if (!store(section, o, scalar(p), p->event.data.scalar.length)) {
            return refuse(p->fault, p->name, event_line(p), o, scalar(p));
        }
        return 0;
    }
    if (p->event.type != YAML_SEQUENCE_START_EVENT) {
        return refuse(p->fault, p->name, event_line(p), o,
                      p->event.type == YAML_SCALAR_EVENT ? scalar(p) : "a map");
    }
    ((struct list *)(void *)((char *)section + o->offset))->n = 0;
    for (;;) {
        rc = next_event(p);
        if (rc != 0 || p->event.type == YAML_SEQUENCE_END_EVENT) {
            return rc;
        }
        if (p->event.type != YAML_SCALAR_EVENT ||
            !store(section, o, scalar(p), p->event.data.scalar.length)) {
            return refuse(p->fault, p->name, event_line(p), o,
                          p->event.type == YAML_SCALAR_EVENT ? scalar(p) : "a list or map");
        }
    }
}

/* The keys of one map, up to and with its end. */
static int parse_keys(struct parse *p, void *section, const char *name)
{
    bool seen[N_OPTIONS] = {false};
    for (;;) {
        int rc = next_event(p);
        if (rc != 0 || p->event.type == YAML_MAPPING_END_EVENT) {
            return rc;
        }
        rc = expect(p, YAML_SCALAR_EVENT, name, "a key");
        if (rc != 0) {
            return rc;
        }
        size_t i = 0;
        while (i < N_OPTIONS &&
               (strcmp(OPTIONS[i].section, name) != 0 || strcmp(OPTIONS[i].key, scalar(p)) != 0)) {
            i++;
        }
        if (i == N_OPTIONS) {
            return unknown_key(p, name);
        }
        if (seen[i]) {
            return fault_set(p->fault, FAULT_INPUT, "%s:%zu: %s.%s: stands here twice", p->name,
                             event_line(p), name, scalar(p));
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
        return fault_set(p->fault, FAULT_INPUT,
                         "%s:%zu: rigs.name: \"%s\" is not 1 to 64 of A-Z a-z 0-9 . _ -", p->name,
                         line, rig->name);
    }
    if (!proto_id_is_valid(rig->subject)) {
        return fault_set(p->fault, FAULT_INPUT,
                         "%s:%zu: rigs.subject: \"%s\" is not 1 to 64 of A-Z a-z 0-9 . _ -",
                         p->name, line, rig->subject);
    }
    if (rig->port[0] == '\0') {
        return fault_set(p->fault, FAULT_INPUT, "%s:%zu: rigs.port: missing, as in /dev/ttyACM0",
                         p->name, line);
    }
    for (size_t i = 0; i + 1 < p->config->n_rigs; i++) {
        if (strcmp(p->config->rigs[i].name, rig->name) == 0 ||
            strcmp(p->config->rigs[i].port, rig->port) == 0) {
            return fault_set(p->fault, FAULT_INPUT, "%s:%zu: rigs: %s on %s stands here twice",
                             p->name, line, rig->name, rig->port);
        }
    }
    return 0;
}

static int parse_rigs(struct parse *p)
{
    int rc = expect(p, YAML_SEQUENCE_START_EVENT, "rigs", "a list (\"- name: ...\")");
    while (rc == 0) {
        rc = next_event(p);
        if (rc != 0 || p->event.type == YAML_SEQUENCE_END_EVENT) {
            break;
        }
        rc = expect(p, YAML_MAPPING_START_EVENT, "rigs", "keys and values");
        const size_t line = event_line(p);
        if (rc == 0 && p->config->n_rigs == CONFIG_RIGS_MAX) {
            rc = fault_set(p->fault, FAULT_INPUT, "%s:%zu: rigs: more than %d", p->name, line,
                           CONFIG_RIGS_MAX);
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

static int parse_section(struct parse *p, bool seen[N_SECTIONS])
{
    int rc = expect(p, YAML_SCALAR_EVENT, "configuration", "a section such as data:");
    if (rc != 0) {
        return rc;
    }
    size_t i = 0;
    while (i < N_SECTIONS && strcmp(SECTIONS[i].name, scalar(p)) != 0) {
        i++;
    }
    if (i == N_SECTIONS || seen[i]) {
        return fault_set(p->fault, FAULT_INPUT, "%s:%zu: %.60s: %s", p->name, event_line(p),
                         scalar(p), i == N_SECTIONS ? "unknown section" : "stands here twice");
    }
    seen[i] = true;
    rc = next_event(p);
    if (rc != 0) {
        return rc;
    }
    if (is_rigs(&SECTIONS[i])) {
        return parse_rigs(p);
    }
    if (p->event.type == YAML_SCALAR_EVENT && p->event.data.scalar.length == 0) {
        return 0; /* "data:" with nothing below it */
    }
    rc = expect(p, YAML_MAPPING_START_EVENT, SECTIONS[i].name, "keys and values");
    return rc != 0 ? rc : parse_keys(p, (char *)p->config + SECTIONS[i].offset, SECTIONS[i].name);
}

static int parse_end(struct parse *p)
{
    int rc = next_event(p);
    rc = rc == 0 ? expect(p, YAML_DOCUMENT_END_EVENT, "configuration", "its end") : rc;
    rc = rc == 0 ? next_event(p) : rc;
    return rc == 0 ? expect(p, YAML_STREAM_END_EVENT, "configuration", "one document only") : rc;
}

static int parse_document(struct parse *p)
{
    bool seen[N_SECTIONS] = {false};
    do {
        const int rc = next_event(p);
        if (rc != 0 || p->event.type == YAML_STREAM_END_EVENT) {
            return rc; /* an empty file is all defaults */
        }
    } while (p->event.type != YAML_DOCUMENT_START_EVENT);
    int rc = next_event(p);
    if (rc == 0 && p->event.type == YAML_SCALAR_EVENT && p->event.data.scalar.length == 0) {
        return parse_end(p);
    }
    rc = rc == 0 ? expect(p, YAML_MAPPING_START_EVENT, "configuration", "sections and keys") : rc;
    while (rc == 0) {
        rc = next_event(p);
        if (rc != 0 || p->event.type == YAML_MAPPING_END_EVENT) {
            break;
        }
        rc = parse_section(p, seen);
    }
    return rc != 0 ? rc : parse_end(p);
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
    struct parse p = {.name = name, .config = config, .fault = fault};
    config_init(config);
    if (!yaml_parser_initialize(&p.yaml)) {
        return fault_set(fault, FAULT_WORK, "%s: out of memory", name);
    }
    yaml_parser_set_input_string(&p.yaml, text, size);
    int rc = parse_document(&p);
    yaml_event_delete(&p.event);
    yaml_parser_delete(&p.yaml);
    return rc != 0 ? rc : check_values(config, name, fault);
}

int config_load(struct config *config, const char *path, struct fault *fault)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return fault_set(fault, FAULT_INPUT, "%s: %s", path, strerror(errno));
    }
    int rc = 0;
    uint8_t *text = malloc(CONFIG_BYTES_MAX + 1);
    const size_t size = text != NULL ? fread(text, 1, CONFIG_BYTES_MAX + 1, f) : 0;
    if (text == NULL || ferror(f) != 0) {
        rc = fault_set(fault, FAULT_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    } else if (size > CONFIG_BYTES_MAX) {
        rc = fault_set(fault, FAULT_INPUT, "%s: larger than %d bytes, no configuration is", path,
                       CONFIG_BYTES_MAX);
    } else {
        rc = config_parse(config, path, text, size, fault);
    }
    free(text);
    fclose(f);
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
