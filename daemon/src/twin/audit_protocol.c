#include "audit_protocol.h"

#include <stdlib.h>
#include <string.h>

#include "protocol_defects.h"

/* Another release with the same defects is no other. */
static uint32_t find_known(const struct audit_protocol *p, uint32_t defects)
{
    uint32_t i = 0;
    while (i < p->n_known && p->known[i].defects != defects) {
        i++;
    }
    return i;
}

static int add(struct audit_protocol *to, const struct protocol_file *file, uint32_t release,
               double sessions_per_alarm)
{
    const uint32_t of_release = model_protocol_release_defects(&file->bare, release);
    const uint32_t defects = of_release | (file->is_recorded ? file->defects : 0);
    const bool is_declared = defects == file->defects;
    const uint32_t at = find_known(to, defects);
    to->release[release] =
        (struct audit_release){.defects = of_release, .known = is_declared ? -1 : (int64_t)at};
    if (is_declared || at < to->n_known) {
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
    to->is_recorded = file->is_recorded;
    to->n_known = 0;
    for (uint32_t i = 0; rc == MODEL_OK && i < MODEL_PROTOCOL_RELEASES; i++) {
        rc = add(to, file, i, sessions_per_alarm);
    }
    return rc;
}

const char *audit_protocol_version(const char *software)
{
    static const char PROGRAM[] = "iblrig ";
    const size_t size = sizeof PROGRAM - 1;
    return strncmp(software, PROGRAM, size) == 0 && software[size] != '\0' ? software + size : NULL;
}

int64_t audit_protocol_choose(const struct audit_protocol *protocol, const char *software)
{
    const char *version = audit_protocol_version(software);
    uint32_t release = 0;
    return protocol->is_recorded && version != NULL &&
                   model_protocol_release_find(&release, version) == MODEL_OK
               ? protocol->release[release].known
               : -1;
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
