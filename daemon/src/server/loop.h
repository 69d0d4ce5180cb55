/* loop.h - waits, and gives every socket and serial line its turn.
 *
 * Threads: the caller's. Memory: struct server's. RT-safe: from receive to publish.
 */
#ifndef MURID_LOOP_H
#define MURID_LOOP_H

#include "server.h"

/* Runs until SIGTERM, SIGINT or a stop command, on a server that startup_open() has opened. */
void loop_run(struct server *server);

#endif
