/* protocol_file.h - training protocols as files: YAML text to a checked model_protocol.
 *
 * protocol_keys.def lists every key with its default and range. Files are not trusted: every fault
 * is reported in one line that names the file, the line, the key and what was expected. Threads:
 * read-only after loading. Memory: one struct, without pointers.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "model/protocol.h"
#include "model/protocol_defect.h"

enum { PROTOCOL_FILE_BYTES_MAX = 1 << 20, PROTOCOL_FILE_KEYS_MAX = 12 };

struct protocol_file {
    model_protocol protocol; /* with its defects */
    model_protocol bare;     /* without */
    uint32_t defects;        /* bit mask of those switched on */
    bool is_recorded;        /* and those of the release of iblrig that each session states */
    uint32_t n_defects;      /* that the file names, those of a release of iblrig apart */
    model_protocol_defect defect[MODEL_PROTOCOL_DEFECTS];
    /* Lines that keys stand in, 0 unknown; of stages and of moves also the line they begin in. */
    uint32_t key_line[PROTOCOL_FILE_KEYS_MAX];
    uint32_t stage_line[MODEL_PROTOCOL_STAGES];
    uint32_t stage_key_line[MODEL_PROTOCOL_STAGES][PROTOCOL_FILE_KEYS_MAX];
    uint32_t move_line[MODEL_PROTOCOL_STAGES][MODEL_PROTOCOL_MOVES];
    uint32_t test_line[MODEL_PROTOCOL_STAGES][MODEL_PROTOCOL_MOVES][MODEL_PROTOCOL_TESTS];
};

/* Reads and checks YAML text; name stands in error messages. FAULT_NONE, FAULT_INPUT or FAULT_WORK.
 */
int protocol_file_parse(struct protocol_file *file, const char *name, const uint8_t *text,
                        size_t size, struct fault *fault);

/* The same of a file. */
int protocol_file_load(struct protocol_file *file, const char *path, struct fault *fault);

/* Switches a known defect on. name, line: as errors call the file, and the line that asks for it,
 * 0: none. FAULT_NONE; or FAULT_INPUT: there is nothing that it concerns. */
int protocol_file_add_defect(struct protocol_file *file, const char *name, uint32_t line,
                             model_protocol_defect defect, struct fault *fault);

/* FAULT_NONE; or FAULT_WORK: no mouse can finish it, and why. name: as errors call the file. */
int protocol_file_finish(const struct protocol_file *file, const char *name, struct fault *fault);

/* Prints the protocol in force as YAML, every key of it. */
void protocol_file_print(const model_protocol *protocol, FILE *to);

/* Prints every key and every defect as the tables of docs/protocols.md. */
void protocol_file_print_markdown(FILE *to);
