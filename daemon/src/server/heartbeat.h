/* heartbeat.h - the daemon's work once a second: clock, disk, connections, lines, alerts,
 * checkpoints, status, and training status.
 *
 * Threads: the loop's. Memory: struct server's. RT-safe: no; evaluating an animal's training status
 * takes about 1 ms.
 */
#pragma once

#include "server.h"

enum { HEARTBEAT_REFUSED_MOST = 100 }; /* refused messages journaled at once */

void heartbeat_tick(struct server *server);

/* Opens the serial lines that are not open, and says what became of them. */
void heartbeat_open_lines(struct server *server);

/* Waits up to a second for room in the journal; a disk that fails ends it. False if there is none.
 */
bool heartbeat_wait_for_room(struct server *server);

/* Fills the daemon's status as it is now. RT-safe: yes. */
void heartbeat_fill_status(struct server *server, proto_message *out);

/* Puts the states of all changed subjects in the journal. */
void heartbeat_checkpoint_all(struct server *server);
