/* audit_message.h - an audit's violations as messages for people.
 *
 * Threads: any. Memory: the caller's; nothing allocates.
 */
#pragma once

#include <stddef.h>

#include "audit_protocol.h"

enum { AUDIT_MESSAGE_MAX = 256 };

/* Says in a sentence or two which rule is broken, by what, and where to look; at most cap - 1
 * bytes. software: that the session states, "" none; named with `iblrig: recorded`. RT-safe: yes.
 */
void audit_message_print(const model_audit_alarm *alarm, const struct audit_protocol *protocol,
                         const char *software, char out[], size_t cap);

/* "began in stage 5, after the last one 2 was due: ...". RT-safe: yes. */
void audit_message_set(const model_audit_set *set, const struct audit_protocol *protocol,
                       char out[], size_t cap);

/* Its first part alone: what was seen. RT-safe: yes. */
void audit_message_seen(const model_audit_alarm *alarm, const model_audit_params *params,
                        char out[], size_t cap);
