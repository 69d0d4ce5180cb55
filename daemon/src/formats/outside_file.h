/* outside_file.h - which files that clients or the configuration name the running daemon may open.
 *
 * SQLite guards the journal with POSIX locks, and a process loses those of a file when it closes
 * any descriptor of it. So a file is examined by its name before it is opened.
 * Threads: any. Memory: none.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "fault.h"

/* A file that the configuration names. FAULT_NONE; FAULT_INPUT: it cannot be read, is no regular
 * file, or is one of the journal's under whatever name. what: "model", as errors call it. Links are
 * followed. Opens nothing. */
int outside_file_check(const char *path, const char *directory, const char *what,
                       struct fault *fault);

/* The same of a file that a command names: nor may it lie in the data directory, or below. */
int outside_file_check_command(const char *path, const char *directory, const char *what,
                               struct fault *fault);

/* True if the file is one of the journal's in that directory, under whatever name. */
bool outside_file_is_of_journal(const struct stat *file, const char *directory);
