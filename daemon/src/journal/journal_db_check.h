/* journal_db_check.h - whether a daemon could have a data directory: what journal_db_open()
 * refuses, found without changing anything.
 *
 * Threads: any. Memory: none kept. Codes: FAULT_NONE, or FAULT_WORK / FAULT_INPUT with *fault.
 */
#pragma once

#include <stdint.h>

#include "fault.h"

/* It cannot be made or written, a daemon is running there, or its journal is of another schema. */
int journal_db_check(const char *directory, struct fault *fault);

/* The fault of a data directory whose lock another daemon holds, by the pid that stands in it. */
int journal_db_check_held(int lock_fd, const char *directory, struct fault *fault);

/* The fault of a journal's file with a schema that this murid does not write; 0: it is new. */
int journal_db_check_version(int64_t version, const char *path, struct fault *fault);
