#include "mapping_file.h"

#include <stdlib.h>
#include <string.h>

#include "input_file.h"
#include "yaml_reader.h"

enum { NAME_BYTES = 64, WHERE_BYTES = 600 };

struct reading {
    struct yaml_reader yaml;
    struct mapping *mapping;
    struct mapping said; /* by this file */
    struct fault *fault;
    char section[NAME_BYTES];
};

static int refuse(struct reading *r, const char *what)
{
    return fault_set(r->fault, FAULT_INPUT, "%s:%zu: %s", r->yaml.name, yaml_reader_line(&r->yaml),
                     what);
}

/* Copies the scalar that is the last event. */
static int take_name(struct reading *r, char to[NAME_BYTES], const char *what)
{
    int rc = yaml_reader_expect(&r->yaml, YAML_SCALAR_EVENT, "the mapping", what);
    if (rc == FAULT_NONE && yaml_reader_size(&r->yaml) >= NAME_BYTES) {
        rc = refuse(r, "the name is too long; at most 63 bytes were expected");
    }
    if (rc == FAULT_NONE) {
        memcpy(to, yaml_reader_text(&r->yaml), yaml_reader_size(&r->yaml) + 1);
    }
    return rc;
}

static int read_line(void *with)
{
    struct reading *r = with;
    char key[NAME_BYTES];
    char where[WHERE_BYTES];
    int rc = take_name(r, key, "a key");
    (void)snprintf(where, sizeof where, "%.500s:%zu", r->yaml.name, yaml_reader_line(&r->yaml));
    if (rc == FAULT_NONE && bridge_mapping_get(&r->said.map, r->section, key) != NULL) {
        rc = refuse(r, "the key is there twice");
    }
    rc = rc ? rc : yaml_reader_next(&r->yaml);
    rc = rc ? rc : yaml_reader_expect(&r->yaml, YAML_SCALAR_EVENT, "the mapping", "a value");
    if (rc == FAULT_NONE && strlen(yaml_reader_text(&r->yaml)) != yaml_reader_size(&r->yaml)) {
        rc = refuse(r, "the value has a NUL byte; text was expected");
    }
    const char *value = rc == FAULT_NONE ? yaml_reader_text(&r->yaml) : "";
    rc = rc ? rc : mapping_put(&r->said, where, r->section, key, value, r->fault);
    return rc ? rc : mapping_put(r->mapping, where, r->section, key, value, r->fault);
}

static int read_section(void *with)
{
    struct reading *r = with;
    int rc = take_name(r, r->section, "a section, such as columns");
    rc = rc ? rc : yaml_reader_next(&r->yaml);
    rc = rc ? rc
            : yaml_reader_expect(&r->yaml, YAML_MAPPING_START_EVENT, "the section",
                                 "keys and values");
    return rc ? rc : yaml_reader_each(&r->yaml, read_line, r);
}

static int read_all(struct reading *r)
{
    bool is_empty = false;
    int rc = yaml_reader_begin(&r->yaml, &is_empty);
    if (rc == FAULT_NONE && is_empty) {
        return fault_set(r->fault, FAULT_INPUT, "%s: is empty; a mapping was expected",
                         r->yaml.name);
    }
    rc =
        rc ? rc : yaml_reader_expect(&r->yaml, YAML_MAPPING_START_EVENT, "the mapping", "sections");
    rc = rc ? rc : yaml_reader_each(&r->yaml, read_section, r);
    return rc ? rc : yaml_reader_end(&r->yaml, "the mapping");
}

int mapping_file_parse(struct mapping *m, const char *name, const uint8_t *text, size_t size,
                       struct fault *fault)
{
    struct reading *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory", name);
    }
    r->mapping = m;
    r->fault = fault;
    int rc = yaml_reader_open(&r->yaml, name, text, size, fault);
    if (rc == FAULT_NONE) {
        rc = read_all(r);
        yaml_reader_close(&r->yaml);
    }
    free(r);
    return rc;
}

bool mapping_file_is(const char *text)
{
    const char *dot = strrchr(text, '.');
    return dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

int mapping_file_load(struct mapping *m, const char *path, struct fault *fault)
{
    FILE *f = NULL;
    uint8_t *text = NULL;
    size_t size = 0;
    int rc = input_file_open(&f, path, NULL, fault);
    rc = rc ? rc
            : input_file_read(f, path, MAPPING_FILE_BYTES_MAX, "; a mapping was expected", &text,
                              &size, fault);
    rc = rc ? rc : mapping_file_parse(m, path, text, size, fault);
    free(text);
    return rc;
}

int mapping_file_add(struct mapping *m, const char *where, const char *text, struct fault *fault)
{
    return mapping_file_is(text) && strchr(text, '=') == NULL ? mapping_file_load(m, text, fault)
                                                              : mapping_add(m, where, text, fault);
}
