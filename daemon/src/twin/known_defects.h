/* known_defects.h - what people are told of the software that a session states, "iblrig 8.23.1":
 * that this version has known defects, or is not known. It is no alarm.
 *
 * Threads: any. Memory: the caller's; nothing allocates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit_protocol.h"

enum { KNOWN_DEFECTS_MAX = 640, KNOWN_DEFECTS_TOLD = 8 };

/* What was told of an animal: the latest few. Plain memory; zeroes: nothing. */
struct known_defects_told {
    uint64_t n;
    uint64_t software[KNOWN_DEFECTS_TOLD]; /* hashes */
};

/* True with a sentence of at most cap - 1 bytes, if there is something to tell of the software of a
 * session of that task and it was not told, which it is from now on. protocol: the session's; NULL:
 * it has none, and defects are told of iblrig's own training task. RT-safe: yes. */
bool known_defects_tell(struct known_defects_told *told, const char *software, const char *task,
                        const struct audit_protocol *protocol, char out[], size_t cap);
