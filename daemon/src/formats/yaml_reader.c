#include "yaml_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input_file.h"

int yaml_reader_open(struct yaml_reader *r, const char *name, const uint8_t *text, size_t size,
                     struct fault *fault)
{
    memset(r, 0, sizeof *r);
    r->name = name;
    r->fault = fault;
    if (!yaml_parser_initialize(&r->yaml)) {
        return fault_set(fault, FAULT_WORK, "%s: out of memory", name);
    }
    r->text = text;
    r->size = size;
    yaml_parser_set_input_string(&r->yaml, text, size);
    return FAULT_NONE;
}

void yaml_reader_close(struct yaml_reader *r)
{
    yaml_event_delete(&r->event);
    yaml_parser_delete(&r->yaml);
}

size_t yaml_reader_line(const struct yaml_reader *r)
{
    return r->event.start_mark.line + 1;
}

/* libyaml says of a tab that it "cannot start any token". */
static bool is_at_tab(const struct yaml_reader *r)
{
    size_t line = 0;
    const uint8_t *at = r->text;
    const uint8_t *const end = r->text + r->size;
    while (at < end && line < r->yaml.problem_mark.line) {
        line += *at++ == '\n';
    }
    for (size_t i = 0; at < end && i <= r->yaml.problem_mark.column && *at != '\n'; i++) {
        if (*at++ == '\t') {
            return true;
        }
    }
    return false;
}

int yaml_reader_next(struct yaml_reader *r)
{
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->yaml, &r->event)) {
        memset(&r->event, 0, sizeof r->event);
        if (is_at_tab(r)) {
            return fault_set(r->fault, FAULT_INPUT,
                             "%s:%zu: a tab; YAML is indented with spaces only", r->name,
                             r->yaml.problem_mark.line + 1);
        }
        return fault_set(r->fault, FAULT_INPUT, "%s:%zu: %s", r->name,
                         r->yaml.problem_mark.line + 1,
                         r->yaml.problem != NULL ? r->yaml.problem : "not YAML");
    }
    if (r->event.type == YAML_ALIAS_EVENT) {
        return fault_set(r->fault, FAULT_INPUT, "%s:%zu: aliases (*name) are not supported",
                         r->name, yaml_reader_line(r));
    }
    return FAULT_NONE;
}

int yaml_reader_expect(struct yaml_reader *r, yaml_event_type_t type, const char *where,
                       const char *what)
{
    if (r->event.type == type) {
        return FAULT_NONE;
    }
    return fault_set(r->fault, FAULT_INPUT, "%s:%zu: %s: expected %s", r->name, yaml_reader_line(r),
                     where, what);
}

bool yaml_reader_is_empty(const struct yaml_reader *r)
{
    return r->event.type == YAML_SCALAR_EVENT && r->event.data.scalar.length == 0;
}

const char *yaml_reader_text(const struct yaml_reader *r)
{
    return (const char *)r->event.data.scalar.value;
}

size_t yaml_reader_size(const struct yaml_reader *r)
{
    return r->event.data.scalar.length;
}

int yaml_reader_begin(struct yaml_reader *r, bool *is_empty)
{
    *is_empty = false;
    do {
        const int rc = yaml_reader_next(r);
        if (rc != FAULT_NONE || r->event.type == YAML_STREAM_END_EVENT) {
            *is_empty = true;
            return rc;
        }
    } while (r->event.type != YAML_DOCUMENT_START_EVENT);
    return yaml_reader_next(r);
}

int yaml_reader_end(struct yaml_reader *r, const char *where)
{
    int rc = yaml_reader_next(r);
    rc = rc ? rc : yaml_reader_expect(r, YAML_DOCUMENT_END_EVENT, where, "its end");
    rc = rc ? rc : yaml_reader_next(r);
    return rc ? rc : yaml_reader_expect(r, YAML_STREAM_END_EVENT, where, "one document only");
}

/* A file with errors in it may look like other YAML, or like text. */
static bool is_like(enum file_kind kind, enum file_kind expected)
{
    return kind == expected || kind == FILE_KIND_YAML || kind == FILE_KIND_TEXT ||
           kind == FILE_KIND_JSON || kind == FILE_KIND_EMPTY;
}

int yaml_reader_load(const char *path, size_t max, enum file_kind expected, uint8_t **text,
                     size_t *size, struct fault *fault)
{
    FILE *f;
    char too_large[96];
    *text = NULL;
    *size = 0;
    const int rc = input_file_open(&f, path, NULL, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const enum file_kind kind = file_kind_at(path);
    if (!is_like(kind, expected)) {
        fclose(f);
        return fault_set(fault, FAULT_INPUT, "%s: is %s; %s was expected", path,
                         file_kind_name(kind), file_kind_name(expected));
    }
    (void)snprintf(too_large, sizeof too_large, "; %s was expected, which is smaller",
                   file_kind_name(expected));
    return input_file_read(f, path, max, too_large, text, size, fault);
}

int yaml_reader_each(struct yaml_reader *r, int (*item)(void *with), void *with)
{
    for (;;) {
        int rc = yaml_reader_next(r);
        if (rc != FAULT_NONE || r->event.type == YAML_SEQUENCE_END_EVENT ||
            r->event.type == YAML_MAPPING_END_EVENT) {
            return rc;
        }
        rc = item(with);
        if (rc != FAULT_NONE) {
            return rc;
        }
    }
}
