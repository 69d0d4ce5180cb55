/* kind.h - which message a map is, wherever in it `kind` stands.
 *
 * Threads: any, on different objects. Memory: the caller's.
 */
#pragma once

#include "fault.h"

/* *from stands in the map just opened, and stays there. PROTO_OK and *schema, or a negative status
 * and *fault. */
int proto_kind_scan(const proto_reader *from, proto_fault *fault, const proto_schema **schema);

/* The fault of what stands where a key was expected. */
int proto_kind_key_fault(const proto_reader *r, proto_fault *fault, const proto_token *key);
