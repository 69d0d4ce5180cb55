/* startup.h - how the daemon starts, changes its model and ends.
 *
 * Threads: the caller's, which then is the loop's. Memory: struct server's, and what its parts
 * allocate while they open. RT-safe: no.
 */
#pragma once

#include "fault.h"
#include "server.h"

/* Starts everything in order: model, journal, resume, sockets, lines. FAULT_NONE; otherwise *fault
 * says what is wrong and everything is closed. server->config is filled in before. */
int startup_open(struct server *server, struct fault *fault);

/* Checkpoints, writes the journal to its end, closes. FAULT_WORK if the disk did not take it all.
 */
int startup_close(struct server *server, struct fault *fault);

/* What startup_open() would refuse of the data directory and the journal in it, and of the files
 * that a configuration names; nothing is changed. */
int startup_check_journal(const struct config *config, struct fault *fault);
int startup_check_files(const struct config *config, struct fault *fault);

/* Another model from now on: journaled, and swapped in between trials. FAULT_NONE, or *fault and
 * everything is as before. */
int startup_load_model(struct server *server, const char *path, struct fault *fault);
