/* yaml_reader.h - untrusted YAML, event by event: bounded, without aliases, errors with file and
 * line.
 *
 * Threads: one owner. Memory: libyaml's, freed by yaml_reader_close().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include "fault.h"
#include "file_kind.h"

struct yaml_reader {
    yaml_parser_t yaml;
    yaml_event_t event; /* the last one */
    const uint8_t *text;
    size_t size;
    const char *name; /* as errors call the file */
    struct fault *fault;
};

/* text must outlive the reader. FAULT_NONE; or FAULT_WORK with nothing to close. */
int yaml_reader_open(struct yaml_reader *r, const char *name, const uint8_t *text, size_t size,
                     struct fault *fault);
void yaml_reader_close(struct yaml_reader *r);

/* Reads the next event. FAULT_NONE, or FAULT_INPUT: not YAML, or an alias. */
int yaml_reader_next(struct yaml_reader *r);

/* Line of the last event, from 1. */
size_t yaml_reader_line(const struct yaml_reader *r);

/* FAULT_NONE if the last event is of that type; otherwise FAULT_INPUT: `where` expects `what`. */
int yaml_reader_expect(struct yaml_reader *r, yaml_event_type_t type, const char *where,
                       const char *what);

/* True if the last event is a scalar without text, as behind a key with nothing below it. */
bool yaml_reader_is_empty(const struct yaml_reader *r);

/* Text of the last event, a scalar, UTF-8 with a NUL behind it. */
const char *yaml_reader_text(const struct yaml_reader *r);
size_t yaml_reader_size(const struct yaml_reader *r);

/* Reads up to the first value of the document: its event is then the last one. *is_empty: there is
 * none. FAULT_NONE or FAULT_INPUT. */
int yaml_reader_begin(struct yaml_reader *r, bool *is_empty);

/* Expects that nothing follows. `where` names the document. */
int yaml_reader_end(struct yaml_reader *r, const char *where);

/* Reads a file of at most max bytes that is meant to be a configuration or a protocol, and does not
 * look like something else; *text is the caller's to free(). FAULT_NONE or FAULT_INPUT. */
int yaml_reader_load(const char *path, size_t max, enum file_kind expected, uint8_t **text,
                     size_t *size, struct fault *fault);

/* Each entry of the list or map whose start is the last event: item(with) reads from its first
 * event to its last. Up to and with the end, or the first fault. */
int yaml_reader_each(struct yaml_reader *r, int (*item)(void *with), void *with);
