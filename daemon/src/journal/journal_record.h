/* journal_record.h - the records that the loop passes to the journal's thread through the ring:
 * plain structs, each with the same head. Made by journal.c, written by journal_db.c. Threads: one
 * at a time, the ring passes them on. Memory: the ring's. */
#pragma once

#include "session_event.h"
#include "subjects.h"

enum journal_record_type {
    JOURNAL_RECORD_EVENT,
    JOURNAL_RECORD_PREDICTION,
    JOURNAL_RECORD_ALERT,
    JOURNAL_RECORD_CHECKPOINT,
    JOURNAL_RECORD_ADAPTATION,
    JOURNAL_RECORD_FORECAST,
    JOURNAL_RECORD_SUGGESTION
};

/* X(NAME, name): what became of an animal's own parameters. */
#define JOURNAL_RECORD_CHANGE_LIST(X)                                                              \
    X(TAKEN, taken)                                                                                \
    X(REFUSED, refused)                                                                            \
    X(UNDONE, undone)

#define JOURNAL_RECORD_CHANGE_ENUM(NAME, name) JOURNAL_RECORD_CHANGE_##NAME,
enum journal_record_change {
    JOURNAL_RECORD_CHANGE_LIST(JOURNAL_RECORD_CHANGE_ENUM) JOURNAL_RECORD_CHANGES
};
#undef JOURNAL_RECORD_CHANGE_ENUM

/* NULL for the number of them. */
const char *journal_record_change_name(enum journal_record_change change);
enum journal_record_change journal_record_change_of(const char *name); /* or their number */

struct journal_record {
    int32_t type;
    int64_t t_mono_ns; /* of the message it goes back to */
};

/* A message that was heard, and what came of it. */
struct journal_record_event {
    struct journal_record head;
    int32_t source, status, kind;
    int64_t id, t_wall_ns, t_event_ns;
    int64_t subject, session; /* -1 unknown */
    int64_t trial, seq, choice, side;
    double stimulus, reward, rt_s;
    struct twin_outcome scored;
    bool is_new_subject, is_new_session, named_here, is_stated;
    int64_t session_run, session_counts;
    char rig[PROTO_ID_MAX + 1];
    char subject_name[PROTO_ID_MAX + 1];
    char session_name[PROTO_ID_MAX + 1];
    char given_name[PROTO_ID_MAX + 1];
    size_t raw_size;
    uint8_t raw[];
};

/* The prediction that an event led to; head.t_mono_ns is when it was made. */
struct journal_record_prediction {
    struct journal_record head;
    uint32_t n_stimuli, n_weights;
    int64_t event, t_wall_ns, run, subject, session, for_trial;
    proto_score score, session_score;
    double stage_us[SESSION_STAGES];
    double values[]; /* stimuli, p_right, lo, hi (n_stimuli each), w, w_sd (n_weights each) */
};

struct journal_record_alert {
    struct journal_record head;
    int32_t code;
    int64_t event, t_wall_ns;
    double evidence;
    char rig[PROTO_ID_MAX + 1];
    char subject[PROTO_ID_MAX + 1];
    char text[256];
};

/* The state of a subject and of its sessions that changed. */
struct journal_record_checkpoint {
    struct journal_record head;
    uint32_t subject, n_sessions;
    int64_t event, run;
    uint32_t session[SUBJECTS_DIRTY_MAX];
    struct session_state session_state[SUBJECTS_DIRTY_MAX];
    size_t state_size;
    uint8_t state[]; /* packed */
};

/* Own parameters that were found, or undone. They are in force after `event`, before the next. */
struct journal_record_adaptation {
    struct journal_record head;
    int32_t what;
    int64_t id, subject, run, t_wall_ns;
    int64_t based_on; /* the event after which they were looked for */
    int64_t event;
    int64_t n; /* choices that judged them */
    double nats_before, nats_after;
    char name[PROTO_ID_MAX + 1]; /* of the subject */
    size_t n_values;             /* 0: refused or undone */
    float values[];
};

/* A forecast of a subject, or advice on it, as the JSON text of the message. */
struct journal_record_outlook {
    struct journal_record head;
    int64_t event; /* the last one known */
    int64_t t_wall_ns, subject;
    size_t n_json;
    uint8_t json[];
};

/* Says in the log what a person should see of a record that is on disk. */
void journal_record_print(const struct journal_record *record);

/* A checkpoint of a subject: its bytes, at most JOURNAL_UNIT_MAX, and what is in it. RT-safe: yes.
 */
size_t journal_record_checkpoint_size(const struct subjects *subjects, uint32_t subject);
void journal_record_fill_checkpoint(struct journal_record_checkpoint *r,
                                    const struct subjects *subjects, uint32_t subject,
                                    int64_t t_mono_ns);
