/* protocol_defects.h - known defects that are declared of a protocol: in its file, or by a command.
 *
 * Threads: one owner. Memory: the caller's; nothing allocates.
 */
#pragma once

#include "protocol_file.h"

/* Switches on those of a list, "zero_left" or "zero_left,debias_off". name: as errors call the
 * file. FAULT_NONE; or FAULT_INPUT: no such defect, or nothing that it concerns. */
int protocol_defects_add(struct protocol_file *file, const char *name, const char *defects,
                         struct fault *fault);

/* Their names, with commas; "none". At most cap - 1 bytes. RT-safe: yes. */
void protocol_defects_print(uint32_t defects, char out[], size_t cap);

/* "8.0 to 8.11.2", or where else it was seen; at most cap - 1 bytes. */
void protocol_defects_versions(model_protocol_defect defect, char out[], size_t cap);
