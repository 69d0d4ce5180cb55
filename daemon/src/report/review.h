/* review.h - summarises a journal's animals, sessions and daemon: tallies, scores, alerts,
 * latencies, forecasts, advice and, on request, the data for their plots.
 *
 * One pass over the events, in its own read transaction, so that a daemon may write meanwhile.
 * Memory grows with animals and sessions, not with trials. Gain is the random walk's nats minus the
 * twin's: above 0 the twin predicts better.
 * Threads: one owner. Memory: owned by struct review; review_close().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "proto/message.h"
#include "review_curves.h"
#include "review_forecasts.h"
#include "review_tally.h"

enum {
    REVIEW_TEXT_MAX = 255,
    REVIEW_TEXTS = 5 /* latest alerts that are kept with their text */
};

struct review_session {
    char name[PROTO_ID_MAX + 1];
    char rig[PROTO_ID_MAX + 1];
    uint32_t subject;
    int64_t started_wall_ns;
    int64_t first_trial; /* trials of the animal before it */
    int64_t lowest;      /* trial numbers received */
    int64_t highest;
    struct review_tally tally;
};

struct review_alert {
    int64_t t_wall_ns;
    proto_alert_code code;
    char text[REVIEW_TEXT_MAX + 1]; /* no control characters, valid UTF-8 */
};

/* The latest alerts, in a ring: number i of all stands at i % REVIEW_TEXTS. */
struct review_alerts {
    int64_t n;
    struct review_alert latest[REVIEW_TEXTS];
};

struct review_subject {
    char name[PROTO_ID_MAX + 1];
    uint32_t n_sessions; /* with trials */
    struct review_tally tally;
    struct review_interval gain;
    struct review_alerts alerts;
    struct review_curves *curves;     /* NULL unless asked for */
    struct review_forecasts *outlook; /* NULL: nothing was said of its future */
};

struct review {
    char path[512];
    const char *only; /* the one animal asked for, or NULL */
    int64_t n_runs;
    int64_t n_events;
    int64_t n_refused; /* messages refused, conflicts apart */
    int64_t n_conflicts;
    int64_t first_wall_ns;
    int64_t last_wall_ns;
    struct review_subject *subjects;
    struct review_session *sessions;
    uint32_t n_subjects;
    uint32_t n_sessions;
    struct review_tally total;
    struct review_interval gain;
    struct review_alerts alerts;
};

struct review_request {
    const char *path;    /* a journal or its data directory */
    const char *subject; /* NULL: every animal. Others then have no trials */
    bool with_curves;
};

/* Reads a journal. FAULT_NONE; FAULT_INPUT: not a journal, a damaged one, no such animal;
 * FAULT_WORK: it cannot be read, no memory, interrupted. *review is then closed. */
int review_open(struct review *review, const struct review_request *request, struct fault *fault);
void review_close(struct review *review);

/* True if the animal or session was asked for and has something to show. */
bool review_has_subject(const struct review *review, uint32_t subject);
bool review_has_session(const struct review *review, uint32_t session);

/* Sessions with trials. */
uint32_t review_count_sessions(const struct review *review);

/* Number of the first alert in the ring. */
int64_t review_alerts_first(const struct review_alerts *alerts);

/* Local time by a strftime() format; "?" if the calendar ends before it. Returns out. */
const char *review_time(char *out, size_t cap, const char *format, int64_t t_wall_ns);
