/* lookahead.h - what forecasts need of one animal besides its twin: whether and how fast it learns
 * by each rule (model/rate_grid.h), its recent stimuli, and whether it has met the criterion
 * already.
 *
 * Rules are followed by one member each: lookahead_bank(). struct lookahead is plain memory without
 * pointers, of which the first lookahead_used() bytes are used.
 * Threads: one owner. Memory: the caller's; nothing allocates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/forecast.h"
#include "model/member.h"
#include "model/rate_grid.h"
#include "proto/message.h"

enum { LOOKAHEAD_NAME_BYTES = (PROTO_ID_MAX / 8 + 1) * 8 }; /* with NUL; no padding */

enum {
    LOOKAHEAD_STIMULI = 512,
    LOOKAHEAD_SESSIONS = 6,
    LOOKAHEAD_SESSION_TRIALS = 400 /* of a session where none is over yet, at least */
};

/* What an animal was shown of late: its last stimuli and the lengths of its last sessions, from
 * which a forecast draws where no protocol says what comes. Only trials that ended in a choice
 * count. Plain memory without pointers; zeroed it is that of a new animal. */
struct lookahead_recent {
    int64_t n_stimuli;  /* so far; the last LOOKAHEAD_STIMULI are kept */
    int64_t n_sessions; /* that are over; likewise */
    int64_t n_running;  /* trials of the session that runs */
    model_forecast_stimulus stimuli[LOOKAHEAD_STIMULI];
    uint32_t session_trials[LOOKAHEAD_SESSIONS];
};

/* Since when the criterion of forecasts is met; with another criterion it begins anew. */
struct lookahead_mark {
    double accuracy; /* of the criterion that the tally is of */
    double contrast_min;
    int64_t window;
    int64_t is_met;
    int64_t trial; /* with which trial of which session it was met for the first time */
    char
        session[LOOKAHEAD_NAME_BYTES]; /* its name: a number would differ from journal to journal */
    model_forecast_tally tally;
};

struct lookahead {
    struct lookahead_recent recent;
    struct lookahead_mark mark;
    model_rate_grid pace; /* last: what it does not use is never touched */
};

/* A session starts; one without a choice leaves no trace. RT-safe: yes. */
void lookahead_recent_start_session(struct lookahead_recent *r);

/* RT-safe: yes. */
void lookahead_recent_push(struct lookahead_recent *r, const model_trial *trial, double p_left);

/* Sets the stimuli and sessions of a task, which points into *r. False if nothing was shown yet.
 * RT-safe: yes. */
bool lookahead_recent_task(const struct lookahead_recent *r, model_forecast_task *task);

/* Median reaction time of what is kept, seconds; NaN if none is known. RT-safe: yes. */
double lookahead_recent_rt_s(const struct lookahead_recent *r);

/* The first member of each rule of a bank, with like priors; its nets stay the bank's. */
void lookahead_bank(model_bank_params *out, const model_bank_params *bank);

/* Bytes that animals followed by such a bank use. RT-safe: yes. */
size_t lookahead_used(const model_bank_params *bank);

/* A new animal. RT-safe: yes. */
void lookahead_reset(struct lookahead *p, const model_bank_params *bank);

/* Another model follows it from now on; what it has met it has met. RT-safe: yes. */
void lookahead_change_model(struct lookahead *p, const model_bank_params *bank);

/* RT-safe: yes. */
void lookahead_start_session(struct lookahead *p, const model_bank_params *bank);

/* Takes one trial up; p_left: of its block, NaN unknown. RT-safe: yes, see
 * model_rate_grid_observe(). */
void lookahead_observe(struct lookahead *p, const model_bank_params *bank, const model_trial *trial,
                       double p_left);

/* Holds the same trial, of that number in that session, against the criterion. RT-safe: yes. */
void lookahead_judge(struct lookahead *p, const model_forecast_criterion *criterion,
                     const char *session, int64_t number, const model_trial *trial);

/* True if that criterion is met already: p->mark says since when. RT-safe: yes. */
bool lookahead_has_met(const struct lookahead *p, const model_forecast_criterion *criterion);

/* Reads one back. False and *p in any condition if the bytes are not those of such a bank. */
bool lookahead_unpack(struct lookahead *p, const model_bank_params *bank, const uint8_t bytes[],
                      size_t size);
