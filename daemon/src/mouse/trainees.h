/* trainees.h - virtual mice trained by a protocol: which stages they come to, and when.
 *
 * The same seed gives the same figures. Threads: one owner. Memory: the heap; trainees_close().
 */
#ifndef MURID_TRAINEES_H
#define MURID_TRAINEES_H

#include <stdint.h>

#include "fault.h"
#include "model/protocol.h"
#include "model/virtual_mouse.h"

enum { TRAINEES_MAX = 10000 };

/* One mouse's first trial in a stage; -1 if it never came there. */
struct trainee_arrival {
    int64_t session; /* from 1 */
    int64_t trial;   /* of its life, from 1 */
};

struct trainees {
    int64_t n;
    int64_t sessions;                /* of each, at most */
    int64_t n_trials;                /* of all */
    struct trainee_arrival *arrival; /* [n][MODEL_PROTOCOL_STAGES] */
};

/* A mouse stops where training ends: in a stage without moves. FAULT_NONE or FAULT_WORK; *t is then
 * closed. */
int trainees_run(struct trainees *t, const model_protocol *protocol, const model_params *params,
                 int64_t mice, int64_t sessions, uint64_t seed, struct fault *fault);
void trainees_close(struct trainees *t);

/* How many came to a stage; of these the medians, NaN without any. */
int64_t trainees_arrived(const struct trainees *t, uint32_t stage, double *session, double *trial);

#endif
