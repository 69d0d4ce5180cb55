/* bridge/trial_marks.h - trials out of marks: codes that a rig emits at single moments, such as TTL
 * lines, registers or bytes.
 *
 * Of a mapping it reads the sections marks (what is meant: CODE,...; bridge/trial_marks.def),
 * stimulus (signed contrast: CODE,...) and fixed (subject, session, task, stage). A CODE is
 * "ADDRESS", "ADDRESS=VALUE" or "ADDRESS&BITS": bits that were not all set before. A trial begins
 * at its mark trial, else at a stimulus after the last choice or end.
 *
 * Threads: one owner. Memory: one struct, which points into the mapping. RT-safe: all but open.
 */
#pragma once

#include "bridge/stream.h"

enum { BRIDGE_MARKS_MAX = 128, BRIDGE_MARK_EVENTS_MAX = 8 };

enum bridge_mark {
#define MARK(NAME, name, help) BRIDGE_MARK_##NAME,
#include "bridge/trial_marks.def"
    BRIDGE_MARKS
};

struct bridge_trial_marks {
    struct bridge_mark_code {
        int role; /* BRIDGE_MARKS: shows a stimulus */
        double stimulus;
        int64_t address;
        enum { BRIDGE_CODE_ANY, BRIDGE_CODE_VALUE, BRIDGE_CODE_BITS } kind;
        int64_t value;
        bool was_set; /* BITS: all of them, last time */
    } code[BRIDGE_MARKS_MAX];
    size_t n_codes;
    bool is_mapped[BRIDGE_MARKS + 1];
    struct bridge_session session; /* how the next one starts */
    char name[PROTO_ID_MAX + 1];   /* of the first */
    int64_t n_sessions;
    bool is_in_session;
    bool is_in_trial;
    bool is_no_go;    /* of the trial: later choices do not count */
    int64_t n_trials; /* of the session */
    struct bridge_event trial;
    double shown_s;
    struct bridge_event queue[BRIDGE_MARK_EVENTS_MAX];
    size_t n_queued;
    size_t at;
    int64_t n_without; /* trials without a stimulus, not told yet */
    int64_t line;
};

/* plain: which value "ADDRESS" alone means; PROTO_NIL any. 0, or -1 with s->why. */
int bridge_trial_marks_open(struct bridge_trial_marks *m, struct bridge_source *s,
                            const struct bridge_stream_start *start, const char *program,
                            int64_t plain);

/* Takes a mark: address and value at t_s, seconds, of message `line`. bridge_trial_marks_next()
 * must have returned 0 before. */
void bridge_trial_marks_take(struct bridge_trial_marks *m, int64_t address, int64_t value,
                             double t_s, int64_t line);

/* 1 an event; 0 more marks are needed; -1 a trial is left out: s->why. */
int bridge_trial_marks_next(struct bridge_trial_marks *m, struct bridge_source *s,
                            struct bridge_event *event);
