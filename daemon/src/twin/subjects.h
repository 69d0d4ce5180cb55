/* subjects.h - every animal and every session known to the daemon, found by name.
 *
 * Subjects and sessions are numbered from 0 in the order of their first message; the journal uses
 * these numbers. Their states are plain memory, checkpointed byte by byte. Nothing is ever removed,
 * so that a trial resent months later is still known; limits bound the memory, and memory that was
 * never used is never touched.
 * Threads: one owner (the loop). Memory: allocated once by subjects_open().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adaptation.h"
#include "config.h"
#include "contents.h"
#include "lookahead.h"
#include "proto/message.h"
#include "subject_state.h"

#define SUBJECTS_NONE UINT32_MAX

enum {
    SUBJECTS_DIRTY_MAX = 4, /* sessions of one subject that wait for a checkpoint */
    SUBJECTS_TOUCHED = 2,   /* by one message at most: its run, and the one that counts its seq */
    SUBJECTS_RIGS_MAX = 4096
};

/* Of a job in the background. */
struct subjects_turn {
    int64_t n_since; /* trials since it was wanted last */
    int64_t last_ns; /* when that was; 0: never */
};

struct subject {
    char name[PROTO_ID_MAX + 1];
    char rig[PROTO_ID_MAX + 1]; /* where last heard */
    int64_t last_event;         /* number of the last journal event that changed the state */
    int64_t checkpoint_event;   /* the same as of its last checkpoint */
    int64_t dirty_since_ns;     /* monotonic time of the first change since, 0 if none */
    int64_t run;                /* the run whose model its state is of */
    uint32_t dirty_sessions[SUBJECTS_DIRTY_MAX]; /* sessions changed since the checkpoint */
    uint32_t n_dirty_sessions;
    bool has_session;         /* that is counted for a rig */
    proto_envelope trial_env; /* last trial taken up, for late subscribers; rig "" if none */
    proto_trial trial;
    proto_envelope alert_env; /* last alert about it */
    proto_alert alert;
    model_training_status_standing standing; /* as it was last judged; n_pushed -1: never */
    int64_t judged_ns;                       /* monotonic time of that */
    bool is_judged_at_end;                   /* the session was over then */
    int64_t n_since;                  /* trials since its own parameters were last looked for */
    struct subjects_turn forecasts;   /* when one was wanted last */
    struct subjects_turn suggestions; /* the same of advice */
    struct subject_state state;       /* last, for what is not used of it */
};

/* One run of the task: a session as a rig names it has one, and another each time that its trials
 * begin anew. */
struct session {
    char rig[PROTO_ID_MAX + 1];
    char name[PROTO_ID_MAX + 1]; /* the given one; from its second run on with its number: day1+2 */
    char given[PROTO_ID_MAX + 1]; /* by the rig, or here */
    int64_t run;                  /* of the session of that name, from 1 */
    int64_t last_run;             /* of run 1: the highest number of a run */
    int64_t last_run_before;      /* the same before this one was added */
    uint32_t subject;
    uint32_t latest;   /* of run 1: the run that was begun last, of those that no rig stated */
    uint32_t previous; /* the one of those begun before this one, SUBJECTS_NONE */
    uint32_t counts;   /* the session that counts its seqs: itself, or an earlier run */
    bool named_here;   /* the rig gave no name */
    bool is_stated;    /* the rig said which run it is */
    bool is_dormant;   /* in the journal, not yet reached by a resume: no lookup finds it */
    bool is_whole;     /* all that was said in it is in memory: see contents.h */
    struct session_state state;
    /* Two marks of the journal tell which seq is safely on disk without a list of all. */
    int64_t mark_event[2]; /* older, newer */
    int64_t mark_seq[2];
    int64_t durable_seq; /* PROTO_NIL if none */
};

/* What a rig has taken of the limits. */
struct subjects_rig {
    char name[PROTO_ID_MAX + 1];
    uint32_t subjects; /* that it named first */
    uint32_t sessions;
};

struct subjects {
    const struct config *config;
    struct twin_models models;
    char model_hash[17]; /* "built-in" or hexadecimal */
    int64_t run;         /* number of the run, in the journal, that set the models */
    int64_t (*now_ns)(void);
    const struct adaptation_plan *plan; /* NULL: nothing is adapted */
    unsigned char *adaptations;         /* a block a subject, NULL without a plan */
    size_t adaptation_stride;
    struct lookahead *lookaheads; /* one a subject; untouched where nothing looks ahead */
    struct subject *subject;      /* n_subjects */
    struct session *session;      /* n_sessions */
    uint32_t n_subjects, max_subjects;
    uint32_t n_sessions, max_sessions;
    uint32_t n_dormant;
    struct subjects_rig *rigs;
    uint32_t n_rigs;
    bool is_replay; /* what was let in once is let in again: no rig's share is looked at */
    struct contents contents;
    struct subjects_slots {
        uint32_t *at;
        uint32_t mask;
    } subject_slots, session_slots, rig_slots; /* hash tables of numbers, open addressing */
};

/* Allocates for config->limits. models' parameters and config must outlive the subjects. now_ns
 * gives the monotonic time for the accounting of stages. 0, or -1 without memory. */
int subjects_open(struct subjects *subjects, const struct config *config, struct twin_models models,
                  const char *model_hash, int64_t (*now_ns)(void));
void subjects_close(struct subjects *subjects);

/* Has animals adapted by a plan, which must outlive the subjects or the next change of run; NULL:
 * none. Blocks get room for stride bytes or what the plan wants. All own parameters are forgotten.
 * 0, or -1 without memory. Not for the real-time path. */
int subjects_adapt(struct subjects *subjects, const struct adaptation_plan *plan, size_t stride);

/* What looking ahead needs of a subject; NULL if nothing looks ahead. RT-safe: yes. */
struct lookahead *subjects_lookahead(const struct subjects *subjects, uint32_t subject);

/* The block of a subject; NULL if nothing is adapted. RT-safe: yes. */
struct adaptation *subjects_adaptation(const struct subjects *subjects, uint32_t subject);

/* Where it stands whether or not anything is adapted now: for a checkpoint of a later run. */
struct adaptation *subjects_block(const struct subjects *subjects, uint32_t subject);

/* The models that follow a subject: the subjects's, its own bank if it has one. RT-safe: yes. */
struct twin_models subjects_models(const struct subjects *subjects, uint32_t subject);

/* The number of a subject, or SUBJECTS_NONE. RT-safe: yes. */
uint32_t subjects_find_subject(const struct subjects *subjects, const char *name);

/* Adds a subject that is not there. Its number, or SUBJECTS_NONE at the limit. RT-safe: yes. */
uint32_t subjects_add_subject(struct subjects *subjects, const char *name);

/* The number of a session by its name, the run included, or SUBJECTS_NONE. RT-safe: yes. */
uint32_t subjects_find_session(const struct subjects *subjects, const char *rig, uint32_t subject,
                               const char *name);

/* The name of a run of a session; false if the given name leaves no room for it. RT-safe: yes. */
bool subjects_run_name(char name[PROTO_ID_MAX + 1], const char *given, int64_t run);

/* A session that is to be added. */
struct subjects_entry {
    const char *rig;
    uint32_t subject;
    const char *given;
    int64_t run; /* from 1 */
    bool is_stated;
    bool named_here;
    uint32_t counts; /* the run that counts its seqs; SUBJECTS_NONE: itself */
};

/* Adds a session that is not there, or wakes a dormant one. Its number, or SUBJECTS_NONE at the
 * limit. RT-safe: yes, once no session is dormant. */
uint32_t subjects_add_session(struct subjects *subjects, const struct subjects_entry *entry);

/* What a rig has taken of the limits; NULL: it was never heard. RT-safe: yes. */
const struct subjects_rig *subjects_find_rig(const struct subjects *subjects, const char *name);

/* Addresses a message about a subject: rig, name and its session, if it has one. RT-safe: yes. */
void subjects_address(const struct subjects *subjects, uint32_t subject, proto_envelope *env);

/* Fills in session and run as the rig of the session knows them. RT-safe: yes. */
void subjects_name_session(const struct session *session, proto_envelope *env);

/* The session whose seqs and marks count for a session. RT-safe: yes. */
struct session *subjects_counting(struct subjects *subjects, uint32_t session);

/* What was said under a number of a session, of its trials or of its seqs (session: the one that
 * counts). `before`: the event that asks. RT-safe: yes, unless the journal must be asked. */
enum contents_answer subjects_find_content(struct subjects *subjects, uint32_t session,
                                           enum contents_space space, int64_t number,
                                           int64_t before, uint64_t *content);
void subjects_put_content(struct subjects *subjects, uint32_t session, enum contents_space space,
                          int64_t number, uint64_t content, int64_t event);

/* Counts a seq that the session has not heard before, and everything behind it that it has.
 * RT-safe: yes. */
void subjects_count_seq(struct subjects *subjects, uint32_t session, int64_t seq, uint64_t content,
                        int64_t event);

/* The rig keeps no seq up to `through` any more, and none of them came: they are of another
 * journal. RT-safe: yes. */
void subjects_skip_seqs(struct subjects *subjects, uint32_t session, int64_t through,
                        int64_t event);

/* Hides a session that was just added from lookups, until subjects_add_session() wakes it. */
void subjects_make_dormant(struct subjects *subjects, uint32_t session);

/* Has a subject take up a trial: twin_observe() with its own models; the window that its own
 * parameters are found from takes it in too. RT-safe: yes. */
int subjects_observe(struct subjects *subjects, uint32_t subject, const model_trial *trial,
                     struct twin_outcome *outcome);

/* The same window takes in a late trial that `later` others came after. RT-safe: yes. */
void subjects_keep_late(struct subjects *subjects, uint32_t subject, const model_trial *trial,
                        size_t later);

/* Notes that an event changed a subject and one of its sessions, and the one that counts its seqs,
 * for the next checkpoint and for durable seqs. RT-safe: yes. */
void subjects_touch(struct subjects *subjects, uint32_t subject, uint32_t session, int64_t event,
                    int64_t t_mono_ns);

/* True if the subject needs a checkpoint before it hears another message. RT-safe: yes. */
bool subjects_is_full_of_changes(const struct subject *subject);

/* A checkpoint of the subject was handed to the journal. RT-safe: yes. */
void subjects_clean(struct subject *subject);

/* True if its session is over and it was not judged since, or if it has trials that its standing
 * does not know and was not judged for period_ns. RT-safe: yes. */
bool subjects_is_to_judge(const struct subject *subject, int64_t now_ns, int64_t period_ns);

/* Judges where it stands. RT-safe: no, about 1 ms. */
void subjects_judge(struct subject *subject, int64_t now_ns);

/* Notes that an event numbered id was heard for the session: its seqs up to `through` will be safe
 * when the journal has reached it. RT-safe: yes. */
void subjects_mark(struct session *session, int64_t event);

/* The rig counts its seqs anew from first, with that event: what was durable of the old count says
 * nothing about the new one. RT-safe: yes. */
void subjects_restart_seq(struct session *session, int64_t first, int64_t event);

/* Highest seq of the session that is safely on disk when the journal has reached durable_event;
 * PROTO_NIL if none. Never too high, late by at most one commit. RT-safe: yes. */
int64_t subjects_durable_seq(struct session *session, int64_t durable_event);

/* Another configuration and model from the run of that number on, for every animal that is not of
 * it already; see twin_change_model(). With another model or plan all own parameters are
 * forgotten. 0, or -1 without memory. Not for the real-time path. */
int subjects_change_run(struct subjects *subjects, int64_t run, const struct config *config,
                        struct twin_models models, const char *hash,
                        const struct adaptation_plan *plan);
