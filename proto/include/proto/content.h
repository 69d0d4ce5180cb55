/* proto/content.h - a fingerprint of a message's content, equal for a message and its resends.
 *
 * Threads: any. Memory: none. RT-safe: yes.
 */
#pragma once

#include "proto/message.h"

/* Hash of a message's kind, its trial, the rig's own clock and every key of its kind; never 0. Not
 * of who sent it, in which session and under which seq, nor of `next_stimulus`, which is about
 * another trial. The sender's clocks count only in a session_start, which often has no other
 * content. FNV-1a's step on words of 64 bits: good against chance, not against somebody who wants
 * two messages to agree. */
uint64_t proto_content(const proto_message *msg);

/* The same step over bytes, from a hash before them; start with PROTO_CONTENT_START. */
uint64_t proto_content_bytes(uint64_t hash, const void *bytes, size_t size);

#define PROTO_CONTENT_START UINT64_C(14695981039346656037)
