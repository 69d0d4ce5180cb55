#include "audit_protocol.h"

#include <stdlib.h>
#include <string.h>

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

int64_t audit_protocols_find(const struct audit_protocols *protocols, const char *task)
{
    int64_t any = -1;
    for (uint32_t i = 0; i < protocols->n; i++) {
        if (protocols->v[i].task[0] == '\0') {
            any = i;
        } else if (strcmp(protocols->v[i].task, protocol_list_task(task)) == 0) {
            return i;
        }
    }
    return any;
}

int audit_protocols_add(struct audit_protocols *to, const char *task, const char *name,
                        const uint8_t *bytes, size_t size, double sessions_per_alarm,
                        struct fault *fault)
{
    struct protocol_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory", name);
    }
    struct audit_protocol *p = &to->v[to->n];
    int rc = protocol_file_parse(file, name, bytes, size, fault);
    if (rc == FAULT_NONE && audit_protocol_init(p, file, sessions_per_alarm) != MODEL_OK) {
        rc = fault_set(fault, FAULT_INPUT,
                       "%s: its stages have more than %d contrasts together, which cannot be "
                       "audited",
                       name, MODEL_AUDIT_CONTRASTS);
    }
    free(file);
    if (rc == FAULT_NONE) {
        (void)snprintf(p->task, sizeof p->task, "%s", protocol_list_task(task));
        checksum_name(p->hash, bytes, size);
        to->n++;
    }
    return rc;
}
