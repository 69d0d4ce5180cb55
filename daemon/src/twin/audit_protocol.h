/* audit_protocol.h - a protocol that trials are held against: as declared, and as releases of
 * iblrig with known defects would have it instead.
 *
 * Threads: read-only after it was made. Memory: one struct, without pointers.
 */
#pragma once

#include "model/audit.h"
#include "protocol_file.h"

/* What a stream may be of, if not of the declared protocol. */
struct audit_known {
    uint32_t release; /* of model/protocol_defect.h */
    uint32_t defects; /* bit mask of those that concern the protocol */
    model_audit_params params;
};

struct audit_protocol {
    model_audit_params declared;
    uint32_t n_known;
    struct audit_known known[MODEL_PROTOCOL_RELEASES];
};

/* MODEL_OK, or as model_audit_params_init(). */
int audit_protocol_init(struct audit_protocol *to, const struct protocol_file *file,
                        double sessions_per_alarm);
