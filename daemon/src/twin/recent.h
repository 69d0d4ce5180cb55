/* recent.h - what an animal was shown of late: its last stimuli and the lengths of its last
 * sessions, from which a forecast draws where no protocol says what comes.
 *
 * Only trials that ended in a choice count. struct recent is plain memory without pointers; zeroed
 * it is that of an animal that was never seen. Threads: one owner. Memory: the caller's; nothing
 * allocates.
 */
#ifndef MURID_RECENT_H
#define MURID_RECENT_H

#include <stdint.h>

#include "model/forecast.h"
#include "model/member.h"

enum {
    RECENT_STIMULI = 512,
    RECENT_SESSIONS = 6,
    RECENT_SESSION_TRIALS = 400 /* of a session where none is over yet, at least */
};

struct recent {
    int64_t n_stimuli;  /* so far; the last RECENT_STIMULI are kept */
    int64_t n_sessions; /* that are over; likewise */
    int64_t n_running;  /* trials of the session that runs */
    model_forecast_stimulus stimuli[RECENT_STIMULI];
    uint32_t session_trials[RECENT_SESSIONS];
};

/* A session starts; one without a choice leaves no trace. RT-safe: yes. */
void recent_start_session(struct recent *r);

/* RT-safe: yes. */
void recent_push(struct recent *r, const model_trial *trial, double p_left);

/* Sets the stimuli and sessions of a task, which points into *r. False if nothing was shown yet.
 * RT-safe: yes. */
bool recent_task(const struct recent *r, model_forecast_task *task);

/* Median reaction time of what is kept, seconds; NaN if none is known. RT-safe: yes. */
double recent_rt_s(const struct recent *r);

#endif
