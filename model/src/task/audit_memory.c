#include "model/audit.h"

#include <string.h>

_Static_assert(sizeof(model_audit) == 8 * (11 + 2 * MODEL_AUDIT_CLASSES + 6 * MODEL_AUDIT_BETS +
                                           5 * MODEL_AUDIT_RULES + 9) +
                                          MODEL_AUDIT_PATHS * (sizeof(model_protocol_state) + 24),
               "the state is compared and written bytewise: it must have no padding");

size_t model_audit_used(const model_audit *audit)
{
    return offsetof(model_audit, path) + audit->n_paths * sizeof audit->path[0];
}

/* Whatever stands there is used as an index only within its range. */
static bool is_sound(const model_audit *audit)
{
    bool ok = audit->is_in_session == 0 || audit->n_paths > 0;
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        ok = ok && audit->by[i] >= 0 && audit->by[i] < MODEL_AUDIT_BETS;
    }
    for (uint64_t i = 0; i < audit->n_paths; i++) {
        const int64_t stage = audit->path[i].rig.stage;
        ok = ok && stage >= 0 && stage < MODEL_PROTOCOL_STAGES;
    }
    return ok;
}

size_t model_audit_unpack(model_audit *audit, const uint8_t bytes[], size_t size)
{
    const size_t at = offsetof(model_audit, path);
    if (size < at) {
        return 0;
    }
    memcpy(audit, bytes, at);
    if (audit->n_paths > MODEL_AUDIT_PATHS || size < model_audit_used(audit)) {
        return 0;
    }
    const size_t used = model_audit_used(audit);
    memcpy(audit, bytes, used);
    return is_sound(audit) ? used : 0;
}

void model_audit_init(model_audit *audit)
{
    memset(audit, 0, offsetof(model_audit, path));
    audit->wait = -1;
}
