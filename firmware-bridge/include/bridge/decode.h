/* bridge/decode.h - turns a device's frame into a message of the wire.
 *
 * Threads: any. Memory: the caller's; nothing allocates. RT-safe: yes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

/* A journaled payload (type | seq | body | crc) as a message: hello, stimulus, trial or
 * session_end; session "boot-N", t_rig_us the device's 32 bits, no seq (theirs wraps). Bytes are
 * not trusted. Returns PROTO_OK, or a negative status with *fault filled in and out->kind =
 * PROTO_KIND_NONE. */
int bridge_decode(const uint8_t *payload, size_t n, const char *rig, const char *subject,
                  proto_message *out, proto_fault *fault);
