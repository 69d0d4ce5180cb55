/* protocol_list.h - the protocols that a configuration declares: one for each of several tasks, and
 * one for the tasks that have none of their own.
 *
 * Threads: any. Memory: the caller's; nothing allocates.
 */
#pragma once

#include "config.h"

enum { PROTOCOL_LIST_MAX = 5, PROTOCOL_LIST_TASK = 65, PROTOCOL_LIST_FILE = 401 };

struct protocol_entry {
    char task[PROTOCOL_LIST_TASK]; /* "": of every task without one of its own */
    char file[PROTOCOL_LIST_FILE];
    const char *hash; /* that the file must have; "": any */
};

/* How many there are. RT-safe: yes. */
size_t protocol_list_n(const struct config_protocol *config);

/* Number i of them. FAULT_NONE; FAULT_INPUT: it is no task and file. */
int protocol_list_at(const struct config_protocol *config, size_t i, struct protocol_entry *out,
                     struct fault *fault);

/* Notes the hash that file i was read under; or that all files are read again. */
void protocol_list_note(struct config_protocol *config, size_t i, const char *hash);
void protocol_list_forget(struct config_protocol *config);

/* The same files, by their hashes, for the same tasks, with as many false alarms. */
bool protocol_list_equals(const struct config_protocol *a, const struct config_protocol *b);

/* A task's name without what iblrig puts before it. RT-safe: yes. */
const char *protocol_list_task(const char *task);
