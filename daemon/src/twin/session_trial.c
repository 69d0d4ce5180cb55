#include <math.h>
#include <string.h>

#include "session_step.h"
#include "status_message.h"

static void check_rig_clock(struct step *step)
{
    struct session_state *s = &step->session->state;
    const int64_t t_rig_us = step->heard->env.t_rig_us;
    if (t_rig_us == PROTO_NIL) {
        return;
    }
    if (s->last_t_rig_us != PROTO_NIL && t_rig_us < s->last_t_rig_us) {
        step_tell_clock_back(step, s->last_t_rig_us - t_rig_us);
    }
    s->last_t_rig_us = t_rig_us;
}

static bool take_late_trial(struct step *step, const model_trial *trial)
{
    struct session_result *result = step->result;
    const int64_t number = step->heard->env.trial;
    const bool is_current = step->subject->state.session == (int64_t)result->session;
    const struct twin_models models = subjects_models(step->subjects, result->subject);
    const size_t later = backfill_later(&step->subject->state.backfill, number);
    if (is_current && backfill_insert(&step->subject->state.backfill, &step->subject->state.twin,
                                      &models, number, trial, &result->scored) == MODEL_OK) {
        subjects_keep_late(step->subjects, result->subject, trial, later);
        result->status = SESSION_OUTCOME_HEALED;
        return true;
    }
    step_tell_late(step);
    step_refuse_with_alert(result, SESSION_OUTCOME_LATE, PROTO_ERROR_OUT_OF_ORDER);
    return false;
}

/* A trial far ahead is in the journal, and is believed when the next continues from it. */
static void doubt(struct step *step)
{
    step->session->state.doubted = step->heard->env.trial;
    step->session->state.n_doubted++;
    step_tell_jump(step);
    step->result->status = SESSION_OUTCOME_DOUBTED;
}

/* The trial before this one was doubted, and it came all the same. */
static void believe(struct session_state *session)
{
    sequence_take(&session->trials, session->doubted);
    session->doubted = PROTO_NIL;
}

static bool take_next_trial(struct step *step, enum sequence_verdict verdict,
                            const model_trial *trial)
{
    struct session_result *result = step->result;
    struct subject *subject = step->subject;
    const model_training_status_session_info unannounced = status_message_unknown();
    step_enter(step, &unannounced);
    if (verdict == SEQUENCE_GAP) {
        const int64_t first = step->session->state.trials.highest + 1;
        const int64_t last =
            step->heard->env.trial - (step->session->state.doubted != PROTO_NIL ? 2 : 1);
        backfill_open(&step->subject->state.backfill, &step->subject->state.twin);
        if (last > 0) { /* only trial 0 missing: the rig counts from 1 */
            step_tell_gap(step, first, last);
        }
    }
    if (subjects_observe(step->subjects, result->subject, trial, &result->scored) != MODEL_OK &&
        step_begins_bout(subject)) {
        step_tell_not_finite(step);
    }
    backfill_note(&step->subject->state.backfill, step->heard->env.trial, trial);
    step_watch_protocol(step);
    result->status = SESSION_OUTCOME_TAKEN;
    return true;
}

static void refuse_conflict(struct step *step)
{
    step_tell_conflict(step);
    step_refuse_with_alert(step->result, SESSION_OUTCOME_CONFLICT, PROTO_ERROR_CONFLICT);
    if (step_know_seq(step, step->result->session) == STEP_NEW) {
        step_take_seq(step);
    }
    step_touch(step);
}

/* Has the number come before the highest, next, or too far ahead? A trial that follows a doubted
 * one has that believed. */
static enum sequence_verdict check_number(struct session_state *session, int64_t number)
{
    enum sequence_verdict verdict = sequence_check(&session->trials, number);
    if (verdict == SEQUENCE_JUMP_AHEAD && number - 1 == session->doubted) {
        verdict = SEQUENCE_GAP;
    } else if (verdict != SEQUENCE_LATE) {
        session->doubted = PROTO_NIL;
    }
    return verdict;
}

static void count_taken(struct step *step)
{
    const proto_trial *heard = &step->heard->as.trial;
    struct session_state *session = &step->session->state;
    if (session->trials.missing == 0) {
        backfill_close(&step->subject->state.backfill);
    }
    const model_trial trial = session_trial(heard);
    model_training_status_push(&step->subject->state.tracker, &trial, heard->p_left);
    step->subject->state.is_over = 0;
    step->subject->state.for_trial = session->trials.highest + 1;
    step_watch_engagement(step);
    step_watch_range(step);
    step->subject->trial_env = step->heard->env;
    subjects_name_session(step->session, &step->subject->trial_env);
    step->subject->trial = *heard;
}

/* A trial under a number that has not come before. */
static void take_trial(struct step *step)
{
    struct session_result *result = step->result;
    const int64_t number = step->heard->env.trial;
    struct session_state *session = &step->session->state;
    const model_trial trial = session_trial(&step->heard->as.trial);
    const enum sequence_verdict verdict = check_number(session, number);
    bool is_taken = false;
    if (verdict == SEQUENCE_JUMP_AHEAD) {
        doubt(step);
    } else if (verdict != SEQUENCE_LATE && step_is_elsewhere(step)) {
        step_refuse_elsewhere(step);
        session->doubted = PROTO_NIL;
        sequence_take(&session->trials, number);
    } else {
        is_taken = verdict == SEQUENCE_LATE ? take_late_trial(step, &trial)
                                            : take_next_trial(step, verdict, &trial);
        if (verdict != SEQUENCE_LATE && session->doubted != PROTO_NIL) {
            believe(session);
        }
        sequence_take(&session->trials, number);
    }
    subjects_put_content(step->subjects, result->session, CONTENTS_TRIAL, number, step->content,
                         step->event->id);
    step_take_seq(step);
    check_rig_clock(step);
    step_touch(step);
    if (is_taken) {
        count_taken(step);
    }
}

/* A finished trial, from the sequence check to the prediction of the next one. */
void session_on_trial(struct step *step)
{
    struct session_result *result = step->result;
    if (isnan(step->heard->as.trial.stimulus)) {
        step_refuse(result, SESSION_OUTCOME_REFUSED, PROTO_ERROR_BAD_MESSAGE, "trial.stimulus",
                    "missing: the policies of this version read the signed contrast, not "
                    "`features`");
        return;
    }
    if (!step_find(step)) {
        return;
    }
    switch (step_came_before(step) ? STEP_SAME : step_know_trial(step, result->session)) {
    case STEP_OTHER:
        refuse_conflict(step);
        return;
    case STEP_SAME:
        step_answer_again(step);
        break;
    case STEP_NEW:
        take_trial(step);
        break;
    }
    result->stage_ns[1] = step->subjects->now_ns();
    if (result->status != SESSION_OUTCOME_LATE && !step->is_elsewhere) {
        step_predict(step);
    }
}
