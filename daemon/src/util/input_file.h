/* input_file.h - opens files that are read whole: configurations, keys, protocols, models.
 *
 * What is not a regular file is refused: a FIFO would block forever, a device never end.
 * Threads: any. Memory: the C library's.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "fault.h"

/* Opens a file for reading; *out is the caller's to fclose(). setting: the key or option that named
 * it, NULL if the path says enough. FAULT_NONE, or FAULT_INPUT with *out NULL. */
int input_file_open(FILE **out, const char *path, const char *setting, struct fault *fault);

/* Reads all of it, at most `most` bytes, and closes it. *out is the caller's to free(). too_large:
 * what the error adds about that. FAULT_NONE, FAULT_INPUT or FAULT_WORK. */
int input_file_read(FILE *file, const char *path, size_t most, const char *too_large, uint8_t **out,
                    size_t *out_size, struct fault *fault);
