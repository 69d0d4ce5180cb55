/* output_file.h - opens the files that a command writes, so that no existing work is lost.
 *
 * Every output of every command is opened here. None may be one of the files that the command reads
 * (by device and inode, so by whatever path or link), nor a journal's, nor one that is there
 * already in a folder of rigs' files that is read. A file that holds a journal, a trial table, a
 * model, a configuration, a protocol or another program's recording is overwritten only with
 * --force. Output appears whole or not at all: under another name, synced, then renamed; a link is
 * followed, its file replaced. Pipes and devices are written directly. Threads: one owner. Memory:
 * paths are the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"

enum { OUTPUT_PATH_MAX = 4096, OUTPUT_INPUTS_MAX = 80 };

/* What an output may not be. */
struct output_guard {
    const char *input[OUTPUT_INPUTS_MAX]; /* files and directories that are read */
    size_t n_inputs;
    bool force; /* over files of any content, but for the inputs */
};

/* Whether a path may be written, told before the work: FAULT_NONE; FAULT_INPUT: it is an input, a
 * directory, of a content that is kept, or its directory is not there or cannot be written. "-" is
 * standard output. guard NULL: a file of the program's own, which nobody else names. */
int output_file_check(const struct output_guard *guard, const char *path, struct fault *fault);

struct output_file {
    FILE *to; /* write here */
    const char *path;
    char target[OUTPUT_PATH_MAX];
    char temporary[OUTPUT_PATH_MAX]; /* "": written as it is */
};

/* Checks and opens. FAULT_NONE, FAULT_INPUT or FAULT_WORK with nothing to close. */
int output_file_open(struct output_file *file, const struct output_guard *guard, const char *path,
                     struct fault *fault);

/* Puts it in its place if rc is FAULT_NONE, else leaves nothing; returns rc, or FAULT_WORK where it
 * cannot be written. A zeroed file is fine. */
int output_file_close(struct output_file *file, int rc, struct fault *fault);

/* Writes what put() says of *what; path NULL: it is not asked for. FAULT_NONE: the file is there.
 */
int output_file_write(const struct output_guard *guard, const char *path,
                      void (*put)(FILE *to, const void *what), const void *what,
                      struct fault *fault);

/* The same of bytes. */
int output_file_write_bytes(const struct output_guard *guard, const char *path,
                            const uint8_t *bytes, size_t size, struct fault *fault);

/* Syncs the directory that the path is in: only then is what has been made or renamed on disk. */
bool output_file_sync_directory(const char *path);

/* A record that others read while it grows, line by line: checked like all, but written in place.
 * keeps: what is in it stays, if there is something. FAULT_NONE with *to, the caller's to close. */
int output_file_open_record(const struct output_guard *guard, const char *path, bool keeps,
                            FILE **to, struct fault *fault);
