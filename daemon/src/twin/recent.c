#include "recent.h"

#include <math.h>
#include <string.h>

void recent_start_session(struct recent *r)
{
    if (r->n_running > 0) {
        const int64_t most = UINT32_MAX;
        const int64_t n = r->n_running < most ? r->n_running : most;
        r->session_trials[r->n_sessions++ % RECENT_SESSIONS] = (uint32_t)n;
    }
    r->n_running = 0;
}

void recent_push(struct recent *r, const model_trial *trial, double p_left)
{
    if (trial->choice < 0) {
        return;
    }
    r->stimuli[r->n_stimuli++ % RECENT_STIMULI] =
        (model_forecast_stimulus){.contrast = (float)trial->contrast,
                                  .rt_s = (float)trial->rt_s,
                                  .p_left = (float)p_left,
                                  .side = trial->side};
    r->n_running++;
}

static size_t kept(int64_t n, int64_t most)
{
    return (size_t)(n < most ? n : most);
}

/* What is left of the session that runs if it is as long as the others were on the mean. */
static uint32_t session_left(const struct recent *r, size_t n, const uint32_t lengths[])
{
    double mean = 0.0;
    for (size_t i = 0; i < n; i++) {
        mean += (double)lengths[i] / (double)n;
    }
    return r->n_running > 0 ? (uint32_t)fmax(mean - (double)r->n_running, 0.0) : 0;
}

bool recent_task(const struct recent *r, model_forecast_task *task)
{
    static const uint32_t LENGTH[1] = {RECENT_SESSION_TRIALS};
    const size_t n = kept(r->n_sessions, RECENT_SESSIONS);
    task->stimuli = r->stimuli;
    task->n_stimuli = kept(r->n_stimuli, RECENT_STIMULI);
    task->is_pool = true;
    task->session_trials = n > 0 ? r->session_trials : LENGTH;
    task->n_sessions = n > 0 ? n : 1;
    task->session_left = session_left(r, task->n_sessions, task->session_trials);
    return task->n_stimuli > 0;
}

/* Counting for each value how many are below needs no memory to sort in. */
double recent_rt_s(const struct recent *r)
{
    const size_t n = kept(r->n_stimuli, RECENT_STIMULI);
    for (size_t i = 0; i < n; i++) {
        const float rt_s = r->stimuli[i].rt_s;
        size_t below = 0;
        size_t same = 0;
        size_t all = 0;
        for (size_t k = 0; k < n; k++) {
            below += r->stimuli[k].rt_s < rt_s;
            same += r->stimuli[k].rt_s <= rt_s && r->stimuli[k].rt_s >= rt_s;
            all += isnan(r->stimuli[k].rt_s) ? 0 : 1;
        }
        if (!isnan(rt_s) && 2 * below <= all && 2 * (below + same) >= all) {
            return (double)rt_s;
        }
    }
    return (double)NAN;
}
