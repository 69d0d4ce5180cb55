/* session_step.h - one message on its way through session.c: the input and the result of every
 * step. Threads, memory: as session.h. */
#ifndef MURID_SESSION_STEP_H
#define MURID_SESSION_STEP_H

#include "fault.h"
#include "session.h"

struct step {
    struct subjects *subjects;
    const struct session_event *event;
    struct session_result *result;
    const proto_message *heard;
    uint64_t content;  /* of heard: see proto/content.h */
    bool is_unsure;    /* the journal was asked and could not be read */
    bool is_elsewhere; /* refused, for the animal is on another rig */
};

/* What is known of a number that a message carries. */
enum step_known {
    STEP_NEW,  /* nothing came under it */
    STEP_SAME, /* this message did */
    STEP_OTHER /* another one did */
};

/* Of the seq and of the trial that a message carries, in a session. A message without one is new,
 * and so is one of which nothing can be known (is_unsure). RT-safe: yes, unless the journal must be
 * asked. */
enum step_known step_know_seq(struct step *step, uint32_t session);
enum step_known step_know_trial(struct step *step, uint32_t session);

/* Adds an alert to the result, if there is room. RT-safe: yes. */
void step_alert(struct session_result *result, proto_alert_code code, double evidence,
                const char *format, ...) FAULT_PRINTF(4, 5);

/* Answers with an error. RT-safe: yes. */
void step_refuse(struct session_result *result, enum session_outcome status, proto_error_code code,
                 const char *key, const char *text);

/* The same; its text is the latest alert's. RT-safe: yes. */
void step_refuse_with_alert(struct session_result *result, enum session_outcome status,
                            proto_error_code code);

/* Nothing was done and nothing is journaled: the rig keeps the message, and an alert says so to
 * rigs that hear no answer. RT-safe: yes. */
void step_put_off(struct session_result *result, const char *text);

/* How long ago the session was last heard, ns. RT-safe: yes. */
int64_t step_silence_ns(const struct step *step, const struct session_state *s);

/* True if the message would have the animal on this rig while it is in an open session on another,
 * heard of within session.hold_s, and does not say that it has moved. What a journal holds is as it
 * was judged when it was heard. RT-safe: yes. */
bool step_is_elsewhere(const struct step *step);

/* Refuses it for that; the first of a session raises an alert. RT-safe: yes. */
void step_refuse_elsewhere(struct step *step);

/* Finds subject and session, and in it the run of the task, that a message belongs to; adds what is
 * new: result->subject, session, is_new_subject, is_new_session. False: it was refused or put off.
 * RT-safe: as step_know_seq(). */
bool step_find(struct step *step);

/* ---- what is watched: session_watch.c -------------------------------------------------------- */

/* True if the subject's trials are held against the declared protocol. RT-safe: yes. */
bool step_is_audited(const struct step *step);

/* Tells of a broken rule of the protocol. RT-safe: yes. */
void step_alert_violation(struct step *step, const model_audit_alarm *alarm);

/* Hold the trial that was taken up against the protocol, and the twin after it against what the
 * alerts disengaged and model_out_of_range are about: each is raised once a bout. RT-safe: yes. */
void step_watch_protocol(struct step *step);
void step_watch_engagement(struct step *step);
void step_watch_range(struct step *step);

/* Begins a bout of model_out_of_range, or goes on with it; true if none was on. RT-safe: yes. */
bool step_begins_bout(struct subject *subject);

#endif
