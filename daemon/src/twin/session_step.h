/* session_step.h - one message on its way through session.c: the input and the result of every
 * step. Threads, memory: as session.h. */
#pragma once

#include "fault.h"
#include "session_event.h"
#include "subjects.h"

struct step {
    struct subjects *subjects;
    const struct session_event *event;
    struct session_result *result;
    const proto_message *heard;
    struct subject *subject; /* which it is about, and in which session: set by step_find() */
    struct session *session;
    uint64_t content;  /* of heard: see proto/content.h */
    bool is_unsure;    /* the journal was asked and could not be read */
    bool is_elsewhere; /* refused, for the animal is on another rig */
};

/* ---- session_step.c: what is common to all kinds of message ---------------------------------- */

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

/* True if it came before under its seq. RT-safe: as step_know_seq(). */
bool step_came_before(struct step *step);

/* Notes which subject, and which session of it, the message is about. RT-safe: yes. */
void step_set_subject(struct step *step, uint32_t number);
void step_set_session(struct step *step, uint32_t number);

/* Makes the session the subject's current one; the twin and the tracker learn that a session
 * starts. info: of its session_start. RT-safe: see session_on_message(). */
void step_enter(struct step *step, const model_training_status_session_info *info);

/* Counts the seq of a message that is journaled. RT-safe: yes. */
void step_take_seq(struct step *step);

/* Notes that the session was heard. RT-safe: yes. */
void step_touch(struct step *step);

/* The message had come before: nothing changes, and it is answered as it is now. RT-safe: yes. */
void step_answer_again(struct step *step);

/* Makes the reply a prediction of what comes next. RT-safe: yes. */
void step_predict(struct step *step);

/* Makes the prediction for one stimulus the first of the reply's list. RT-safe: yes. */
void step_predict_first(struct step *step, double stimulus);

/* ---- session_find.c -------------------------------------------------------------------------- */

/* Finds subject and session, and in it the run of the task, that a message belongs to; adds what is
 * new: result->subject, session, is_new_subject, is_new_session. False: it was refused or put off.
 * RT-safe: as step_know_seq(). */
bool step_find(struct step *step);

/* How long ago the session was last heard, ns. RT-safe: yes. */
int64_t step_silence_ns(const struct step *step, const struct session_state *s);

/* ---- session_place.c ------------------------------------------------------------------------- */

/* True if the message would have the animal on this rig while it is in an open session on another,
 * heard of within session.hold_s, and does not say that it has moved. What a journal holds is as it
 * was judged when it was heard. RT-safe: yes. */
bool step_is_elsewhere(const struct step *step);

/* Refuses it for that; the first of a session raises an alert. RT-safe: yes. */
void step_refuse_elsewhere(struct step *step);

/* ---- session_trial.c ------------------------------------------------------------------------- */

/* A finished trial, from the sequence check to the prediction of the next one. RT-safe: yes. */
void session_on_trial(struct step *step);

/* ---- session_watch.c ------------------------------------------------------------------------- */

/* The audit of the session that the subject is in, and its protocol; NULL: it has none. RT-safe:
 * yes. */
struct audit_state *step_audit(const struct step *step, const struct audit_protocol **protocol);

/* The session that the subject was in is over for its audit, which may have something to tell; the
 * one that it is in now is held against the protocol of its task. RT-safe: yes. */
void step_end_audit(struct step *step);
void step_start_audit(struct step *step);

/* Hold the trial that was taken up against the protocol, and the twin after it against what the
 * alerts disengaged and model_out_of_range are about: each is raised once a bout. RT-safe: yes. */
void step_watch_protocol(struct step *step);
void step_watch_engagement(struct step *step);
void step_watch_range(struct step *step);

/* Begins a bout of model_out_of_range, or goes on with it; true if none was on. RT-safe: yes. */
bool step_begins_bout(struct subject *subject);

/* ---- session_alerts.c: what people are told -------------------------------------------------- */

/* Adds an alert to the result, if there is room. RT-safe: yes. */
void step_alert(struct session_result *result, proto_alert_code code, double evidence,
                const char *format, ...) FAULT_PRINTF(4, 5);

/* Answers with an error; with the text of the latest alert. RT-safe: yes. */
void step_refuse(struct session_result *result, enum session_outcome status, proto_error_code code,
                 const char *key, const char *text);
void step_refuse_with_alert(struct session_result *result, enum session_outcome status,
                            proto_error_code code);

/* Nothing was done and nothing is journaled: the rig keeps the message, and an alert says so to
 * rigs that hear no answer. RT-safe: yes. */
void step_put_off(struct session_result *result, const char *text);

/* The message cannot be read. RT-safe: yes. */
void step_refuse_bytes(struct step *step, const proto_fault *fault);

/* Alerts, of the message at hand unless an argument says otherwise. RT-safe: yes. */
void step_tell_seq_back(struct step *step, int64_t highest);
void step_tell_clock_back(struct step *step, int64_t us);
void step_tell_restarted(struct step *step, const struct session *before);
void step_tell_gap(struct step *step, int64_t first, int64_t last); /* trials not heard */
void step_tell_late(struct step *step);
void step_tell_jump(struct step *step);
void step_tell_conflict(struct step *step);
void step_tell_not_finite(struct step *step); /* weights that this trial would have made so */
void step_tell_passed_over(struct step *step, const proto_fault *fault);
void step_tell_violation(struct step *step, const struct audit_protocol *protocol,
                         const char *software, const model_audit_alarm *alarm);
/* Once for each animal and version. protocol: NULL for none. */
void step_tell_known_defects(struct step *step, const struct audit_protocol *protocol);
void step_tell_stage_set(struct step *step, const struct audit_protocol *protocol,
                         const model_audit_set *set);
void step_tell_disengaged(struct step *step);
void step_tell_outside(struct step *step, uint32_t member, uint32_t n); /* the worst of n */
