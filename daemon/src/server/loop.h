/* loop.h - the daemon at work: one thread that receives messages, passes them to their sessions,
 * journals, replies and publishes; once a second it does everything else.
 *
 * From receive to publish nothing allocates, locks, blocks or prints (libzmq's own work apart);
 * tests/rt checks this. Threads: the caller's, the journal's, the worker's, that of doors.h.
 * Memory: struct loop, about 650 KiB, and what subjects, journal and libzmq allocate while opening.
 */
#pragma once

#include "server.h"

/* Runs until SIGTERM, SIGINT or a stop command, on a server that startup_open() has opened. */
void loop_run(struct server *server);
