/* job_store.h - a directory that keeps the results of many jobs, so that they can be resumed.
 *
 * For job N it holds N.result once the job is done, and before that the job's own state as N.state.
 * The file `key` describes the jobs; a directory of other jobs is refused, and a result counts only
 * if its checksum over key, number and bytes is right. `lock` is held by the process that works
 * there. Files are written whole or not at all, and synced.
 * Threads: one owner opens; job_store_save() from any, for different jobs. Memory: the struct's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

enum {
    JOB_STORE_PATH_MAX = 4096,
    JOB_STORE_KEY_MAX = 8192,
    JOB_STORE_RESULT_MAX = 1 << 25
}; /* bytes */

struct job_store {
    char path[JOB_STORE_PATH_MAX];
    char key[JOB_STORE_KEY_MAX];
    int lock_fd;
    bool is_new;
    bool is_open;
};

/* Makes the directory, or with resume enters the one that is there. FAULT_NONE; FAULT_INPUT (it is
 * there, or with resume it is not; its key is another) or FAULT_WORK (another murid works there; it
 * cannot be written, or has no room for a result). */
int job_store_open(struct job_store *d, const char *path, const char *key, bool resume,
                   struct fault *fault);

/* The same for one of several processes after another has opened it: it must be seen, with the same
 * key, and be writable. member: a number of its own. */
int job_store_join(struct job_store *d, const char *path, const char *key, int member,
                   struct fault *fault);

/* Lets go of it; removes it if it is new and no job has left anything. A zeroed one is fine. */
void job_store_close(struct job_store *d);

/* Where job `number` keeps its state. FAULT_NONE, or FAULT_INPUT: the path is too long. */
int job_store_state_path(const struct job_store *d, size_t number, char out[JOB_STORE_PATH_MAX],
                         struct fault *fault);

/* Keeps a result, and removes the job's state. FAULT_NONE or FAULT_WORK. */
int job_store_save(const struct job_store *d, size_t number, const uint8_t *bytes, size_t size,
                   struct fault *fault);

/* Gives a result back: *bytes is the caller's to free(); NULL where there is none. FAULT_NONE, or
 * FAULT_INPUT with *bytes NULL: it is damaged, or of other jobs. */
int job_store_load(const struct job_store *d, size_t number, uint8_t **bytes, size_t *size,
                   struct fault *fault);

/* Removes the directory with all that jobs keep there; other files are left, and the directory with
 * them. */
void job_store_remove(const char *path);
