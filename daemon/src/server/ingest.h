/* ingest.h - one message's way through the daemon: received, answered, journaled, published; and
 * the alerts that it raises.
 *
 * Threads: the loop's. Memory: struct server's. RT-safe: all of it.
 */
#pragma once

#include "fault.h"
#include "server.h"

/* Hears one message as if it had come in now, up to the journal: what every source goes through.
 * False if nothing was done: the journal had no room, or could not be read where it has to be. */
bool ingest_hear(struct server *server, enum session_source source, const char *rig,
                 const char *subject, const uint8_t *bytes, size_t size, int64_t t_mono_ns,
                 int64_t t_event_ns);

/* Answers the request in server->asked, then journals it and tells the others. t_mono_ns: when it
 * was received. */
void ingest_ask(struct server *server, int64_t t_mono_ns);

/* Tells subscribers of what ingest_hear() took up, for which nobody waits. */
void ingest_publish(struct server *server, int64_t t_mono_ns);

/* A key may be for one rig alone: true if a request of `size` bytes speaks in another's name. It
 * goes no further, and server->result.reply says so to whoever asked. */
bool ingest_is_foreign(struct server *server, const struct zmq_bus_request *request, size_t size);

/* Keeps a subject's state if it changed long enough ago, or in enough events. */
void ingest_checkpoint_if_due(struct server *server, uint32_t subject, int64_t now_ns);

/* An alerts_tell of the server, which is its context: puts the alert in the journal and tells
 * subscribers. False if the journal had no room for it. */
bool ingest_tell_alert(void *server, const struct alerts_item *item, int64_t now_ns);

/* Raises an alert about no animal; rig "": about none. */
void ingest_raise(struct server *server, proto_alert_code code, const char *rig, double evidence,
                  const char *format, ...) FAULT_PRINTF(5, 6);
