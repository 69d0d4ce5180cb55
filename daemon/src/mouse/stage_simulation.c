#include "stage_simulation.h"

#include <stdlib.h>

#include "progress.h"
#include "simulation_report.h"

/* The rig's draws come from streams far above those of the animals (model/virtual_mouse.h). */
static const uint64_t RIG_STREAMS = UINT64_C(1) << 63;
enum { SESSIONS_A_LOOK = 16 };

static struct trainee_arrival *arrival_of(const struct stage_simulation *t, int64_t mouse,
                                          uint32_t stage)
{
    return &t->arrival[mouse * MODEL_PROTOCOL_STAGES + stage];
}

/* One session. A rule that goes wild is the model's fault: MODEL_ERR_NUMERIC. */
static int run_session(struct stage_simulation *t, const model_protocol *protocol,
                       const model_params *params, int64_t number, int64_t session,
                       model_protocol_state *rig, model_virtual_mouse *mouse)
{
    model_protocol_trial shown;
    model_protocol_start_session(rig, protocol);
    model_virtual_mouse_start_session(mouse, params);
    while (model_protocol_next(rig, protocol, &shown)) {
        struct trainee_arrival *arrival = arrival_of(t, number, shown.stage);
        if (arrival->session < 0) {
            *arrival = (struct trainee_arrival){.session = session, .trial = rig->n_trials + 1};
        }
        model_trial trial = {.contrast = shown.contrast,
                             .rt_s = model_virtual_mouse_draw_rt_s(mouse, params, shown.contrast),
                             .choice =
                                 (int8_t)model_virtual_mouse_choose(mouse, params, shown.contrast),
                             .side = shown.side};
        trial.reward = model_protocol_push(rig, protocol, &shown, trial.choice, trial.rt_s);
        const int rc = model_virtual_mouse_learn(mouse, params, &trial);
        if (rc != MODEL_OK) {
            return rc;
        }
    }
    return MODEL_OK;
}

static int run_mouse(struct stage_simulation *t, const model_protocol *protocol,
                     const model_params *params, int64_t number, uint64_t seed,
                     struct progress *progress, struct fault *fault)
{
    model_protocol_state rig;
    model_virtual_mouse mouse;
    model_protocol_init(&rig, protocol, seed, RIG_STREAMS + (uint64_t)number);
    model_virtual_mouse_init(&mouse, params, seed, (uint64_t)number);
    for (int64_t s = 1; s <= t->sessions && (s == 1 || protocol->stage[rig.stage].n_moves > 0);
         s++) {
        const int rc = run_session(t, protocol, params, number, s, &rig, &mouse);
        if (rc != MODEL_OK) {
            return fault_set(fault, FAULT_WORK,
                             "mouse %lld, session %lld: the rule's weights are not finite: %s; a "
                             "lower rate or less noise may help",
                             (long long)number + 1, (long long)s, model_strerror(rc));
        }
        if (s % SESSIONS_A_LOOK == 0) {
            progress_update(progress, number * t->sessions + s);
            if (progress_interrupted()) {
                return fault_set(fault, FAULT_WORK, "interrupted after %lld mice",
                                 (long long)number);
            }
        }
    }
    t->n_trials += rig.n_trials;
    return FAULT_NONE;
}

int stage_simulation_run(struct stage_simulation *t, const model_protocol *protocol,
                         const model_params *params, int64_t mice, int64_t sessions, uint64_t seed,
                         struct fault *fault)
{
    struct progress progress;
    const size_t n = (size_t)mice * MODEL_PROTOCOL_STAGES;
    *t = (struct stage_simulation){.n = mice, .sessions = sessions};
    t->arrival = malloc(n * sizeof *t->arrival);
    if (t->arrival == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for %lld mice", (long long)mice);
    }
    for (size_t i = 0; i < n; i++) {
        t->arrival[i] = (struct trainee_arrival){.session = -1, .trial = -1};
    }
    int rc = FAULT_NONE;
    progress_start(&progress, "audit", mice * sessions);
    for (int64_t i = 0; i < mice && rc == FAULT_NONE; i++) {
        rc = run_mouse(t, protocol, params, i, seed, &progress, fault);
    }
    progress_finish(&progress);
    if (rc != FAULT_NONE) {
        stage_simulation_close(t);
    }
    return rc;
}

void stage_simulation_close(struct stage_simulation *t)
{
    free(t->arrival);
    *t = (struct stage_simulation){0};
}

int64_t stage_simulation_arrived(const struct stage_simulation *t, uint32_t stage, double *session,
                                 double *trial)
{
    static double sessions[STAGE_SIMULATION_MAX];
    static double trials[STAGE_SIMULATION_MAX];
    int64_t n = 0;
    for (int64_t i = 0; i < t->n; i++) {
        const struct trainee_arrival *arrival = arrival_of(t, i, stage);
        if (arrival->session >= 0) {
            sessions[n] = (double)arrival->session;
            trials[n++] = (double)arrival->trial;
        }
    }
    *session = simulation_band_of(sessions, n).q[SIMULATION_MEDIAN];
    *trial = simulation_band_of(trials, n).q[SIMULATION_MEDIAN];
    return n;
}
