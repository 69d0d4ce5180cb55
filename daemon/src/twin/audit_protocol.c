#include "audit_protocol.h"

#include "protocol_defects.h"

/* Another release with the same defects is no other. */
static bool is_listed(const struct audit_protocol *p, uint32_t defects)
{
    bool is = false;
    for (uint32_t i = 0; i < p->n_known; i++) {
        is = is || p->known[i].defects == defects;
    }
    return is;
}

static int add(struct audit_protocol *to, const struct protocol_file *file, uint32_t release,
               double sessions_per_alarm)
{
    const uint32_t defects = model_protocol_release_defects(&file->bare, release);
    if (defects == file->defects || is_listed(to, defects)) {
        return MODEL_OK;
    }
    struct audit_known *known = &to->known[to->n_known++];
    model_protocol protocol = file->bare;
    known->release = release;
    known->defects = defects;
    model_protocol_add_defects(&protocol, defects);
    return model_audit_params_init(&known->params, &protocol, sessions_per_alarm);
}

int audit_protocol_init(struct audit_protocol *to, const struct protocol_file *file,
                        double sessions_per_alarm)
{
    int rc = model_audit_params_init(&to->declared, &file->protocol, sessions_per_alarm);
    to->n_known = 0;
    for (uint32_t i = 0; rc == MODEL_OK && i < MODEL_PROTOCOL_RELEASES; i++) {
        rc = add(to, file, i, sessions_per_alarm);
    }
    return rc;
}
