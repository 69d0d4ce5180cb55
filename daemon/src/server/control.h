/* control.h - the commands of the control socket.
 *
 * Threads: the loop's. Memory: the loop's.
 */
#pragma once

#include "server.h"

/* Carries out one command (the bytes are not trusted) and encodes the answer in the request's
 * format. Returns its size. Not for the real-time path: rigs wait while a model is loaded. */
size_t control_answer(struct server *server, const uint8_t *bytes, size_t size, uint8_t *out,
                      size_t cap);
