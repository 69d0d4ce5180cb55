#include "mapping_file.h"

#include <stdlib.h>
#include <string.h>

#include "input_file.h"
#include "yaml_reader.h"

struct reading {
    struct yaml_reader yaml;
    struct mapping_file *file;
    struct fault *fault;
    char section[MAPPING_FILE_TEXT_MAX];
};

static int refuse(struct reading *r, const char *what)
{
    return fault_set(r->fault, FAULT_INPUT, "%s:%zu: %s", r->yaml.name, yaml_reader_line(&r->yaml),
                     what);
}

/* Copies the scalar that is the last event. */
static int take_text(struct reading *r, char to[MAPPING_FILE_TEXT_MAX], const char *what)
{
    int rc = yaml_reader_expect(&r->yaml, YAML_SCALAR_EVENT, "the mapping", what);
    if (rc == FAULT_NONE && yaml_reader_size(&r->yaml) >= MAPPING_FILE_TEXT_MAX) {
        rc = refuse(r, "the text is too long; at most 63 bytes were expected");
    }
    if (rc == FAULT_NONE) {
        memcpy(to, yaml_reader_text(&r->yaml), yaml_reader_size(&r->yaml) + 1);
    }
    return rc;
}

static int read_line(void *with)
{
    struct reading *r = with;
    struct mapping_file *file = r->file;
    const size_t n = file->map.n;
    if (n == MAPPING_FILE_LINES_MAX) {
        return refuse(r, "more than 256 keys");
    }
    char(*text)[MAPPING_FILE_TEXT_MAX] = file->text[n];
    memcpy(text[0], r->section, sizeof text[0]);
    int rc = take_text(r, text[1], "a key");
    if (rc == FAULT_NONE && bridge_mapping_get(&file->map, text[0], text[1]) != NULL) {
        rc = refuse(r, "the key is there twice");
    }
    rc = rc ? rc : yaml_reader_next(&r->yaml);
    rc = rc ? rc : take_text(r, text[2], "a value");
    if (rc == FAULT_NONE) {
        file->line[n] = (struct bridge_mapping_line){text[0], text[1], text[2]};
        file->map.n = n + 1;
    }
    return rc;
}

static int read_section(void *with)
{
    struct reading *r = with;
    int rc = take_text(r, r->section, "a section, such as columns");
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

int mapping_file_parse(struct mapping_file **out, const char *name, const uint8_t *text,
                       size_t size, struct fault *fault)
{
    struct reading r = {.fault = fault, .file = calloc(1, sizeof *r.file)};
    *out = NULL;
    if (r.file == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory", name);
    }
    r.file->map.line = r.file->line;
    int rc = yaml_reader_open(&r.yaml, name, text, size, fault);
    if (rc == FAULT_NONE) {
        rc = read_all(&r);
        yaml_reader_close(&r.yaml);
    }
    if (rc != FAULT_NONE) {
        mapping_file_free(r.file);
        return rc;
    }
    *out = r.file;
    return FAULT_NONE;
}

int mapping_file_load(struct mapping_file **out, const char *path, struct fault *fault)
{
    FILE *f = NULL;
    uint8_t *text = NULL;
    size_t size = 0;
    *out = NULL;
    int rc = input_file_open(&f, path, NULL, fault);
    rc = rc ? rc
            : input_file_read(f, path, MAPPING_FILE_BYTES_MAX, "; a mapping was expected", &text,
                              &size, fault);
    rc = rc ? rc : mapping_file_parse(out, path, text, size, fault);
    free(text);
    return rc;
}

void mapping_file_free(struct mapping_file *file)
{
    free(file);
}
