/* stage_simulation.h - virtual mice trained with a protocol: which stages they reach, and when.
 *
 * The same seed gives the same figures. Threads: one owner. Memory: the heap;
 * stage_simulation_close().
 */
#pragma once

#include <stdint.h>

#include "fault.h"
#include "model/protocol.h"
#include "model/virtual_mouse.h"

enum { STAGE_SIMULATION_MAX = 10000 };

/* One mouse's first trial in a stage; -1 if it never came there. */
struct trainee_arrival {
    int64_t session; /* from 1 */
    int64_t trial;   /* of its life, from 1 */
};

struct stage_simulation {
    int64_t n;
    int64_t sessions;                /* of each, at most */
    int64_t n_trials;                /* of all */
    struct trainee_arrival *arrival; /* [n][MODEL_PROTOCOL_STAGES] */
};

/* A mouse stops where training ends: in a stage without moves. FAULT_NONE or FAULT_WORK; *t is then
 * closed. */
int stage_simulation_run(struct stage_simulation *t, const model_protocol *protocol,
                         const model_params *params, int64_t mice, int64_t sessions, uint64_t seed,
                         struct fault *fault);
void stage_simulation_close(struct stage_simulation *t);

/* How many came to a stage; of these the medians, NaN without any. */
int64_t stage_simulation_arrived(const struct stage_simulation *t, uint32_t stage, double *session,
                                 double *trial);
