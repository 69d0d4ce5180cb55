/* config.h - the configuration: YAML text to checked values.
 *
 * config_options.def lists every key with its default and range. Errors name file, line and key.
 * Threads: read-only after loading. Memory: one struct, no pointers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "mapping.h"

enum { CONFIG_RIGS_MAX = 64, CONFIG_LINES_MAX = 32, CONFIG_BYTES_MAX = 1 << 20 };

#define SECTION(name, help)                         struct config_##name {
#define INT(section, key, ...)                      int64_t key;
#define REAL(section, key, ...)                     double key;
#define BOOL(section, key, ...)                     bool key;
#define STRING(section, key, fallback, bytes, help) char key[(bytes) + 1];
#define REALS(section, key, fallback, count, ...)                                                  \
    struct {                                                                                       \
        size_t n;                                                                                  \
        double v[count];                                                                           \
    } key;
#define STRINGS(section, key, count, bytes, help)                                                  \
    struct {                                                                                       \
        size_t n;                                                                                  \
        char v[count][(bytes) + 1];                                                                \
    } key;
#define END_SECTION(name)                                                                          \
    }                                                                                              \
    ;
#include "config_options.def"

struct config {
    struct config_data data;
    struct config_sockets sockets;
    struct config_security security;
    struct config_model model;
    struct config_session session;
    struct config_engagement engagement;
    struct config_protocol protocol;
    struct config_adaptation adaptation;
    struct config_forecast forecast;
    struct config_advice advice;
    struct config_limits limits;
    struct config_journal journal;
    struct config_log log;
    size_t n_rigs;
    struct config_rigs rigs[CONFIG_RIGS_MAX];
};

/* All defaults. */
void config_init(struct config *config);

/* Makes the mapping of a rig's `map`. where: as errors begin. FAULT_NONE, FAULT_INPUT or
 * FAULT_WORK.
 */
int config_rig_mapping(struct mapping *out, const struct config_rigs *rig, const char *where,
                       struct fault *fault);

/* Reads YAML text over the defaults; name stands in error messages. FAULT_NONE or FAULT_INPUT. */
int config_parse(struct config *config, const char *name, const uint8_t *text, size_t size,
                 struct fault *fault);

/* The same of what a journal kept of a run, whose keys may have the names of an earlier version;
 * NULL: nothing. FAULT_WORK without memory. */
int config_parse_recorded(struct config *config, const char *name, const char *text,
                          struct fault *fault);

/* Reads a file over the defaults. FAULT_NONE or FAULT_INPUT. */
int config_load(struct config *config, const char *path, struct fault *fault);

/* Prints the effective configuration as YAML, each key with its meaning and range. */
void config_print(const struct config *config, FILE *to);

/* Prints every key as the tables of docs/config.md. */
void config_print_markdown(FILE *to);
