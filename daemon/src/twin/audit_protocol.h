/* audit_protocol.h - a protocol that trials are held against: as declared, and as releases of
 * iblrig with known defects would have it instead.
 *
 * Threads: read-only after it was made. Memory: one struct, without pointers.
 */
#pragma once

#include "checksum.h"
#include "model/audit.h"
#include "protocol_file.h"
#include "protocol_list.h"

/* What a stream may be of, if not of the declared protocol. */
struct audit_known {
    uint32_t release; /* of model/protocol_defect.h */
    uint32_t defects; /* bit mask of those that concern the protocol */
    model_audit_params params;
};

/* What releases of iblrig make of the declared protocol. */
struct audit_release {
    uint32_t defects; /* bit mask of those that concern it */
    int64_t known;    /* number of it among the known; -1: it is as declared */
};

struct audit_protocol {
    char task[PROTOCOL_LIST_TASK]; /* "": of every task without one of its own */
    char hash[CHECKSUM_NAME];      /* of its file */
    model_audit_params declared;
    bool is_recorded; /* sessions are held against it as of the release that they state */
    struct audit_release release[MODEL_PROTOCOL_RELEASES];
    uint32_t n_known;
    struct audit_known known[MODEL_PROTOCOL_RELEASES];
};

/* All that are declared. */
struct audit_protocols {
    uint32_t n;
    struct audit_protocol v[PROTOCOL_LIST_MAX];
};

/* Number of the one that a session of that task is held against; -1: none. RT-safe: yes. */
int64_t audit_protocols_find(const struct audit_protocols *protocols, const char *task);

/* The version in "iblrig 8.23.1", what software a session states; NULL: it states none of iblrig.
 * RT-safe: yes. */
const char *audit_protocol_version(const char *software);

/* Number of the known one that a session which states this software is held against; -1: the
 * declared one, as where it states no known version. RT-safe: yes. */
int64_t audit_protocol_choose(const struct audit_protocol *protocol, const char *software);

/* Reads the text of a file and adds what it declares for the task. Errors begin with name.
 * FAULT_NONE, FAULT_INPUT or FAULT_WORK. */
int audit_protocols_add(struct audit_protocols *to, const char *task, const char *name,
                        const uint8_t *bytes, size_t size, double sessions_per_alarm,
                        struct fault *fault);

/* Makes one; the task and the hash are as they were. MODEL_OK, or as
 * model_audit_params_init(). */
int audit_protocol_init(struct audit_protocol *to, const struct protocol_file *file,
                        double sessions_per_alarm);
