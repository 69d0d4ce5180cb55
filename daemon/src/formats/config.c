#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/stream.h"
#include "endpoint.h"
#include "log.h"
#include "mapping.h"
#include "proto/message.h"
#include "yaml_keys.h"

enum { CONFIG_WHERE_MAX = 480 };

#define ROW(section, key)                                                                          \
    .name = #key, .path = #section ".", .offset = offsetof(struct config_##section, key)
#define INT(section, key, usual, low, high, a_unit, a_help)                                        \
    {ROW(section, key), .kind = KEY_INT,    .size = sizeof(int64_t), .min = low,                   \
     .max = high,       .fallback = #usual, .unit = a_unit,          .help = a_help},
#define REAL(section, key, usual, low, high, a_unit, a_help)                                       \
    {ROW(section, key), .kind = KEY_REAL,   .size = sizeof(double), .min = low,                    \
     .max = high,       .fallback = #usual, .unit = a_unit,         .help = a_help},
#define BOOL(section, key, usual, a_help)                                                          \
    {ROW(section, key), .kind = KEY_BOOL, .fallback = #usual, .unit = "", .help = a_help},
#define STRING(section, key, usual, bytes, a_help)                                                 \
    {ROW(section, key), .kind = KEY_STRING, .size = (bytes) + 1,                                   \
     .fallback = usual, .unit = "",         .help = a_help},
#define REALS(section, key, usual, most, low, high, a_unit, a_help)                                \
    {ROW(section, key), .kind = KEY_REALS, .count = most,  .min = low,                             \
     .max = high,       .fallback = usual, .unit = a_unit, .help = a_help},
#define STRINGS(section, key, most, bytes, a_help)                                                 \
    {ROW(section, key), .kind = KEY_STRINGS, .count = most, .size = (bytes) + 1,                   \
     .fallback = "",    .unit = "",          .help = a_help},
#define SECTION(name, help) static const struct key KEYS_##name[] = {
#define END_SECTION(name)                                                                          \
    }                                                                                              \
    ;
#include "config_options.def"

enum {
#define SECTION(name, help) SECTION_##name,
#include "config_options.def"
    N_SECTIONS
};

static const struct key_table TABLES[N_SECTIONS] = {
#define SECTION(name, help)                                                                        \
    {#name, help, KEYS_##name, sizeof KEYS_##name / sizeof KEYS_##name[0], NULL},
#include "config_options.def"
};

/* The sections, as keys of the whole. */
static const struct key SECTIONS[N_SECTIONS] = {
#define SECTION(name_, help_)                                                                      \
    {.name = #name_,                                                                               \
     .path = "",                                                                                   \
     .kind = KEY_CUSTOM,                                                                           \
     .offset = offsetof(struct config, name_),                                                     \
     .count = SECTION_##name_,                                                                     \
     .fallback = "",                                                                               \
     .unit = "keys and values",                                                                    \
     .help = help_},
#include "config_options.def"
};

static const struct key_table WHOLE = {"configuration", "", SECTIONS, N_SECTIONS,
                                       "a section such as data:"};

void config_init(struct config *config)
{
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < N_SECTIONS; i++) {
        if (i != SECTION_rigs) {
            key_table_set_defaults(&TABLES[i], (char *)config + SECTIONS[i].offset);
        }
    }
}

/* A recursive-descent reading of YAML's events; the first error ends it. */
struct parse {
    struct yaml_reader yaml;
    struct yaml_keys keys;
    struct config *config;
};

static int refuse(void *with, const struct key *key, const char *found)
{
    struct parse *p = with;
    char expected[128];
    key_expected(key, expected, sizeof expected);
    return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: %s%s: expected %s, found \"%.60s\"",
                     p->yaml.name, yaml_reader_line(&p->yaml), key->path, key->name, expected,
                     found);
}

static int unknown(void *with, const struct key_table *table)
{
    struct parse *p = with;
    char known[400];
    char ask[NEAREST_TEXT_MAX];
    const bool is_section = table == &WHOLE;
    const char *key = yaml_reader_text(&p->yaml);
    const char *belongs = NULL;
    for (size_t i = 0; i < N_SECTIONS && !(is_section && belongs != NULL); i++) {
        belongs = key_table_find(&TABLES[i], key) != NULL ? TABLES[i].name : belongs;
    }
    const char *names = key_table_names(table, key, known, sizeof known, ask);
    return belongs != NULL
               ? fault_set(p->yaml.fault, FAULT_INPUT,
                           "%s:%zu: %s%s%.60s: unknown %s belongs below %s:", p->yaml.name,
                           yaml_reader_line(&p->yaml), is_section ? "" : table->name,
                           is_section ? "" : ".", key,
                           is_section ? "section; it is a key and" : "key; it", belongs)
               : fault_set(p->yaml.fault, FAULT_INPUT,
                           "%s:%zu: %s%s%.60s: unknown %s; known are %s%s", p->yaml.name,
                           yaml_reader_line(&p->yaml), is_section ? "" : table->name,
                           is_section ? "" : ".", key, is_section ? "section" : "key", names, ask);
}

int config_rig_mapping(struct mapping *out, const struct config_rigs *rig, const char *where,
                       struct fault *fault)
{
    int rc = FAULT_NONE;
    *out = (struct mapping){.used = 0};
    for (size_t i = 0; rc == FAULT_NONE && i < rig->map.n; i++) {
        rc = mapping_add(out, where, rig->map.v[i], fault);
    }
    return rc;
}

static int refuse_rig(struct parse *p, size_t line, const char *key, const char *text)
{
    return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: rigs%s%s: %s", p->yaml.name, line,
                     key[0] != '\0' ? "." : "", key, text);
}

/* Does the format of a stream take the mapping? */
static int check_taken(const struct config_rigs *rig, const struct bridge_mapping *map,
                       const char *where, struct fault *fault)
{
    struct bridge_stream_start start = {.session = "s"};
    struct bridge_stream stream;
    char text[2 * BRIDGE_PATH_MAX];
    memcpy(start.subject, rig->subject, sizeof start.subject);
    const int rc =
        bridge_stream_open(&stream, bridge_stream_find(rig->format), rig->name, map, &start);
    if (rc != 0) {
        return fault_set(fault, FAULT_INPUT, "%s: %.300s", where,
                         bridge_why_text(&stream.source.why, text, sizeof text));
    }
    bridge_stream_close(&stream);
    return FAULT_NONE;
}

static int check_map(struct parse *p, const struct config_rigs *rig, size_t line)
{
    char where[CONFIG_WHERE_MAX];
    struct mapping *map = calloc(1, sizeof *map);
    (void)snprintf(where, sizeof where, "%.400s:%zu: rigs.map", p->yaml.name, line);
    if (map == NULL) {
        return fault_set(p->yaml.fault, FAULT_WORK, "%s: no memory", where);
    }
    const bool is_stream = rig->follow[0] == '\0' && rig->format[0] != '\0';
    int rc = config_rig_mapping(map, rig, where, p->yaml.fault);
    if (rc == FAULT_NONE && is_stream) {
        rc = check_taken(rig, mapping_of(map), where, p->yaml.fault);
    }
    free(map);
    return rc;
}

/* Is the format one of the names, of which there are n? */
static int check_format(struct parse *p, const struct config_rigs *rig, size_t line,
                        const char *const names[], size_t n)
{
    char known[256] = "";
    char ask[NEAREST_TEXT_MAX];
    struct nearest nearest;
    nearest_init(&nearest, rig->format);
    for (size_t i = 0; i < n; i++) {
        const size_t used = strlen(known);
        if (strcmp(names[i], rig->format) == 0) {
            return FAULT_NONE;
        }
        (void)snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "", names[i]);
        nearest_offer(&nearest, names[i]);
    }
    return fault_set(p->yaml.fault, FAULT_INPUT,
                     "%s:%zu: rigs.format: \"%.31s\" is unknown; known are %s%s", p->yaml.name,
                     line, rig->format, known, nearest_ask(&nearest, "", ask));
}

enum { FORMATS_MAX = 64 };

static int check_follow(struct parse *p, const struct config_rigs *rig, size_t line)
{
    const char *names[FORMATS_MAX];
    size_t n = 0;
    for (; BRIDGE_ADAPTERS[n] != NULL && n < FORMATS_MAX; n++) {
        names[n] = BRIDGE_ADAPTERS[n]->name;
    }
    if (rig->subject[0] != '\0') {
        return refuse_rig(p, line, "subject",
                          "files that are followed name their animals; leave it out");
    }
    return rig->format[0] != '\0' ? check_format(p, rig, line, names, n) : FAULT_NONE;
}

static int check_stream(struct parse *p, const struct config_rigs *rig, size_t line)
{
    const char *names[FORMATS_MAX];
    size_t n = 0;
    for (; BRIDGE_STREAMS[n] != NULL && n < FORMATS_MAX; n++) {
        names[n] = BRIDGE_STREAMS[n]->reader.name;
    }
    int rc = check_format(p, rig, line, names, n);
    if (rc == FAULT_NONE && rig->subscribe[0] != '\0') {
        char where[CONFIG_WHERE_MAX];
        (void)snprintf(where, sizeof where, "%.400s:%zu: rigs.subscribe", p->yaml.name, line);
        rc = endpoint_check(where, rig->subscribe, p->yaml.fault);
    }
    return rc;
}

static int check_line(struct parse *p, const struct config_rigs *rig, size_t line)
{
    size_t n = 0;
    for (size_t i = 0; i < p->config->n_rigs; i++) {
        n += p->config->rigs[i].port[0] != '\0';
    }
    if (n > CONFIG_LINES_MAX) {
        return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: rigs: more than %d on serial lines",
                         p->yaml.name, line, CONFIG_LINES_MAX);
    }
    if (rig->format[0] != '\0') {
        return check_stream(p, rig, line);
    }
    return rig->map.n > 0 ? refuse_rig(p, line, "map", "needs `format`; leave it out, or state one")
                          : FAULT_NONE;
}

/* Where a rig is: one of three, *n of which are stated. */
static const char *place_of(const struct config_rigs *rig, int *n)
{
    const char *const places[] = {rig->port, rig->follow, rig->subscribe};
    const char *at = "";
    *n = 0;
    for (int i = 0; i < 3; i++) {
        at = places[i][0] != '\0' ? places[i] : at;
        *n += places[i][0] != '\0';
    }
    return at;
}

static int check_names(struct parse *p, const struct config_rigs *rig, size_t line, const char *at)
{
    const bool has_name = proto_id_is_valid(rig->name);
    const bool may_lack = rig->subject[0] == '\0' && rig->port[0] == '\0' && at[0] != '\0';
    if (!has_name || (!may_lack && !proto_id_is_valid(rig->subject))) {
        return fault_set(p->yaml.fault, FAULT_INPUT,
                         "%s:%zu: rigs.%s: \"%s\" is not 1 to 64 of A-Z a-z 0-9 . _ -",
                         p->yaml.name, line, has_name ? "subject" : "name",
                         has_name ? rig->subject : rig->name);
    }
    for (size_t i = 0; i + 1 < p->config->n_rigs; i++) {
        int n = 0;
        const struct config_rigs *other = &p->config->rigs[i];
        if (strcmp(other->name, rig->name) == 0 || strcmp(place_of(other, &n), at) == 0) {
            return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: rigs: %s on %s appears twice",
                             p->yaml.name, line, rig->name, at);
        }
    }
    return FAULT_NONE;
}

static int check_rig(struct parse *p, const struct config_rigs *rig, size_t line)
{
    int n = 0;
    const char *at = place_of(rig, &n);
    int rc = check_names(p, rig, line, at);
    if (rc == FAULT_NONE && n == 0) {
        rc = refuse_rig(p, line, "port",
                        "missing; expected a device such as /dev/ttyACM0, with `follow` the folder "
                        "of the rig's sessions, or with `subscribe` the endpoint of its program");
    }
    if (rc == FAULT_NONE && n > 1) {
        rc = refuse_rig(p, line, rig->follow[0] != '\0' ? "follow" : "subscribe",
                        "a rig has one of `port`, `follow` and `subscribe`, not several");
    }
    rc = rc                          ? rc
         : rig->follow[0] != '\0'    ? check_follow(p, rig, line)
         : rig->subscribe[0] != '\0' ? check_stream(p, rig, line)
                                     : check_line(p, rig, line);
    return rc ? rc : check_map(p, rig, line);
}

static int read_rig(void *with)
{
    struct parse *p = with;
    const size_t line = yaml_reader_line(&p->yaml);
    int rc = yaml_reader_expect(&p->yaml, YAML_MAPPING_START_EVENT, "rigs", "keys and values");
    if (rc == FAULT_NONE && p->config->n_rigs == CONFIG_RIGS_MAX) {
        rc = fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: rigs: more than %d", p->yaml.name, line,
                       CONFIG_RIGS_MAX);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    struct config_rigs *rig = &p->config->rigs[p->config->n_rigs++];
    key_table_set_defaults(&TABLES[SECTION_rigs], rig);
    rc = yaml_keys_read(&p->keys, &TABLES[SECTION_rigs], rig);
    return rc ? rc : check_rig(p, rig, line);
}

static int read_value(void *with, const struct key *key, void *base)
{
    struct parse *p = with;
    if (key->kind != KEY_CUSTOM) {
        return yaml_keys_value(&p->keys, key, base);
    }
    const bool is_rigs = key->count == SECTION_rigs;
    if (!is_rigs && yaml_reader_is_empty(&p->yaml)) {
        return FAULT_NONE; /* "data:" with nothing below it */
    }
    const int rc =
        is_rigs ? yaml_reader_expect(&p->yaml, YAML_SEQUENCE_START_EVENT, key->name,
                                     "a list (\"- name: ...\")")
                : yaml_reader_expect(&p->yaml, YAML_MAPPING_START_EVENT, key->name, key->unit);
    return rc != FAULT_NONE ? rc
           : is_rigs        ? yaml_reader_each(&p->yaml, read_rig, p)
                     : yaml_keys_read(&p->keys, &TABLES[key->count], (char *)base + key->offset);
}

static int parse_document(struct parse *p)
{
    bool is_empty = false;
    int rc = yaml_reader_begin(&p->yaml, &is_empty);
    if (rc != FAULT_NONE || is_empty) {
        return rc; /* an empty file is all defaults */
    }
    if (!yaml_reader_is_empty(&p->yaml)) {
        rc =
            yaml_reader_expect(&p->yaml, YAML_MAPPING_START_EVENT, WHOLE.name, "sections and keys");
        rc = rc ? rc : yaml_keys_read(&p->keys, &WHOLE, p->config);
    }
    return rc ? rc : yaml_reader_end(&p->yaml, WHOLE.name);
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
    struct parse p = {.config = config,
                      .keys = {.yaml = &p.yaml,
                               .with = &p,
                               .value = read_value,
                               .unknown = unknown,
                               .refuse = refuse,
                               .has_path = true}};
    config_init(config);
    int rc = yaml_reader_open(&p.yaml, name, text, size, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    rc = parse_document(&p);
    yaml_reader_close(&p.yaml);
    return rc ? rc : check_values(config, name, fault);
}

/* A line of a configuration that was printed by an earlier version, as this one has it. */
static void put_recorded_line(FILE *to, const char *line, size_t n)
{
    static const struct {
        const char *was, *is;
    } PERCENT[] = {{"percent_correct: ", "accuracy"},
                   {"percent_contrast: ", "contrast_min"},
                   {"percent_rewarded: ", "reward_floor"},
                   {"percent_change: ", "largest_change"}};
    const size_t indent = strspn(line, " ");
    for (size_t i = 0; i < sizeof PERCENT / sizeof PERCENT[0]; i++) {
        const size_t size = strlen(PERCENT[i].was);
        if (indent + size < n && memcmp(line + indent, PERCENT[i].was, size) == 0) {
            fprintf(to, "%*s%s: %.2f\n", (int)indent, "", PERCENT[i].is,
                    strtod(line + indent + size, NULL) / 100.0);
            return;
        }
    }
    (void)fwrite(line, 1, n, to);
}

int config_parse_recorded(struct config *config, const char *name, const char *text,
                          struct fault *fault)
{
    char *now = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&now, &size);
    for (const char *at = text; to != NULL && at != NULL && *at != '\0';) {
        const size_t n = strcspn(at, "\n");
        put_recorded_line(to, at, at[n] == '\n' ? n + 1 : n);
        at += at[n] == '\n' ? n + 1 : n;
    }
    const int rc = to != NULL && fclose(to) == 0
                       ? config_parse(config, name, (const uint8_t *)now, size, fault)
                       : fault_set(fault, FAULT_WORK, "%s: no memory", name);
    free(now);
    return rc;
}

int config_load(struct config *config, const char *path, struct fault *fault)
{
    uint8_t *text = NULL;
    size_t size = 0;
    int rc = yaml_reader_load(path, CONFIG_BYTES_MAX, FILE_KIND_CONFIG, &text, &size, fault);
    rc = rc ? rc : config_parse(config, path, text, size, fault);
    free(text);
    return rc;
}

static bool has_range(const struct key *key)
{
    return key->kind == KEY_INT || key->kind == KEY_REAL || key->kind == KEY_REALS;
}

static void print_range(FILE *to, const struct key *key)
{
    fprintf(to, "%.10g to %.10g%s%s", key->min, key->max, key->unit[0] != '\0' ? " " : "",
            key->unit);
}

/* first: before the first key. */
static void print_keys(FILE *to, const void *base, const struct key_table *table, const char *first)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct key *key = &table->key[i];
        fprintf(to, "%*s%s: ", (int)strlen(first), i == 0 ? first : "", key->name);
        key_print(key, base, to);
        fprintf(to, "  # %s", key->help);
        if (has_range(key)) {
            fputs(" (", to);
            print_range(to, key);
            fputc(')', to);
        }
        fputc('\n', to);
    }
}

void config_print(const struct config *config, FILE *to)
{
    for (size_t i = 0; i < N_SECTIONS; i++) {
        const struct key_table *table = &TABLES[i];
        if (i != SECTION_rigs) {
            fprintf(to, "%s:  # %s\n", table->name, table->help);
            print_keys(to, (const char *)config + SECTIONS[i].offset, table, "  ");
            continue;
        }
        fprintf(to, "%s:%s  # %s\n", table->name, config->n_rigs == 0 ? " []" : "", table->help);
        for (size_t r = 0; r < config->n_rigs; r++) {
            print_keys(to, &config->rigs[r], table, "  - ");
        }
    }
}

void config_print_markdown(FILE *to)
{
    for (size_t i = 0; i < N_SECTIONS; i++) {
        const struct key_table *table = &TABLES[i];
        fprintf(to, "### %s\n\n%s.\n\n| key | default | range | meaning |\n|---|---|---|---|\n",
                table->name, table->help);
        for (size_t k = 0; k < table->n; k++) {
            const struct key *key = &table->key[k];
            const char *quote = key->fallback[0] != '\0' ? "`" : "";
            fprintf(to, "| `%s` | %s%s%s | ", key->name, quote, key->fallback, quote);
            if (has_range(key)) {
                print_range(to, key);
            }
            fprintf(to, " | %s |\n", key->help);
        }
        fputc('\n', to);
    }
}
