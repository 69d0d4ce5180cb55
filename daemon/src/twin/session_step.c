#include "session_step.h"

#include <math.h>
#include <string.h>

#include "prediction_message.h"
#include "status_message.h"

/* ---- what is known of it ---- */

static enum step_known know(struct step *step, uint32_t session, enum contents_space space,
                            int64_t number)
{
    uint64_t content = 0;
    if (number == PROTO_NIL) {
        return STEP_NEW;
    }
    switch (
        subjects_find_content(step->subjects, session, space, number, step->event->id, &content)) {
    case CONTENTS_ABSENT:
        return STEP_NEW;
    case CONTENTS_FOUND:
        return content == step->content ? STEP_SAME : STEP_OTHER;
    case CONTENTS_FAILED:
        break;
    }
    step->is_unsure = true;
    return STEP_NEW;
}

enum step_known step_know_seq(struct step *step, uint32_t session)
{
    return know(step, step->subjects->session[session].counts, CONTENTS_SEQ, step->heard->env.seq);
}

enum step_known step_know_trial(struct step *step, uint32_t session)
{
    return step->heard->kind == PROTO_KIND_TRIAL
               ? know(step, session, CONTENTS_TRIAL, step->heard->env.trial)
               : STEP_NEW;
}

bool step_came_before(struct step *step)
{
    return step->heard->env.seq != PROTO_NIL &&
           step_know_seq(step, step->result->session) == STEP_SAME;
}

/* ---- its session ---- */

void step_set_subject(struct step *step, uint32_t number)
{
    step->result->subject = number;
    step->subject = &step->subjects->subject[number];
}

void step_set_session(struct step *step, uint32_t number)
{
    step->result->session = number;
    step->session = &step->subjects->session[number];
}

void step_enter(struct step *step, const model_training_status_session_info *info)
{
    strcpy(step->subject->rig, step->session->rig);
    if (step->subject->state.session == (int64_t)step->result->session) {
        return;
    }
    step->subject->state.session = (int64_t)step->result->session;
    step->subject->state.doubted_session = 0;
    step->subject->state.n_stimuli = 0;
    backfill_close(&step->subject->state.backfill);
    const struct twin_models models = subjects_models(step->subjects, step->result->subject);
    twin_start_session(&step->subject->state.twin, &models);
    struct lookahead *lookahead = subjects_lookahead(step->subjects, step->result->subject);
    if (lookahead != NULL) {
        lookahead_start_session(lookahead, models.ahead);
    }
    step->subject->state.is_disengaged = 0;
    step_start_audit(step);
    step->session->state.is_started = 1;
    step->subject->state.for_trial = step->session->state.trials.highest + 1;
    step->subject->state.is_over = 0;
    model_training_status_start(&step->subject->state.tracker,
                                status_message_session_id(step->session->rig, step->session->name),
                                info, &step->subject->standing);
}

/* ---- accounting ---- */

/* Another message under a seq that was used says that the rig counts anew. */
void step_take_seq(struct step *step)
{
    const uint32_t number = step->session->counts;
    struct session *counting = &step->subjects->session[number];
    struct sequence *seqs = &counting->state.seqs;
    const int64_t seq = step->heard->env.seq;
    const int64_t id = step->event->id;
    if (seq == PROTO_NIL) {
        return;
    }
    const bool is_start = step->heard->kind == PROTO_KIND_SESSION_START;
    const bool may_start = is_start || seq == 0;
    switch (step_know_seq(step, step->result->session)) {
    case STEP_NEW:
        if (sequence_is_empty(seqs) && may_start) {
            sequence_init(seqs, seq);
        }
        break;
    case STEP_SAME:
        return;
    case STEP_OTHER:
        /* A start in other words, before anything else was said, is no step back. */
        if (!is_start || seqs->highest != seq || !sequence_is_empty(&step->session->state.trials)) {
            step_tell_seq_back(step, seqs->highest);
        }
        subjects_restart_seq(counting, may_start ? seq : 1, id);
        break;
    }
    subjects_count_seq(step->subjects, number, seq, step->content, id);
}

void step_touch(struct step *step)
{
    const struct session_event *event = step->event;
    struct session_result *result = step->result;
    struct session_state *s = &step->session->state;
    s->last_heard_mono_ns = event->t_mono_ns;
    s->last_heard_boot = event->boot;
    s->last_heard_wall_ns = event->t_wall_ns;
    subjects_touch(step->subjects, result->subject, result->session, event->id, event->t_mono_ns);
}

/* Under a seq of its own it is counted, so that the rig learns that it is on disk. */
void step_answer_again(struct step *step)
{
    struct session_result *result = step->result;
    result->status = SESSION_OUTCOME_DUPLICATE;
    result->is_counted =
        step->heard->env.seq != PROTO_NIL && step_know_seq(step, result->session) == STEP_NEW;
    if (result->is_counted) {
        step_take_seq(step);
        step_touch(step);
    } else {
        subjects_mark(subjects_counting(step->subjects, result->session), step->event->id - 1);
    }
}

/* ---- the prediction ---- */

/* Without the stimulus there, the last gives way if the list is full. */
void step_predict_first(struct step *step, double stimulus)
{
    proto_prediction *p = &step->result->reply.as.prediction;
    uint32_t at = 0;
    while (at < p->stimuli.n && p->stimuli.v[at] != stimulus) {
        at++;
    }
    if (at == p->stimuli.n) {
        at = at < SUBJECT_STATE_STIMULI_MAX ? at : SUBJECT_STATE_STIMULI_MAX - 1;
        p->stimuli.n = p->p_right.n = p->lo.n = p->hi.n = at + 1;
    }
    for (; at > 0; at--) {
        p->stimuli.v[at] = p->stimuli.v[at - 1];
        p->p_right.v[at] = p->p_right.v[at - 1];
        p->lo.v[at] = p->lo.v[at - 1];
        p->hi.v[at] = p->hi.v[at - 1];
    }
    p->stimuli.v[0] = stimulus;
    const struct twin_models models = subjects_models(step->subjects, step->result->subject);
    twin_predict(&step->subject->state.twin, &models, 1, p->stimuli.v, p->p_right.v, p->lo.v,
                 p->hi.v);
}

/* The prediction answers for the session that was asked about, which may not be the one that the
 * animal is in. */
void step_predict(struct step *step)
{
    const proto_message *heard = step->heard;
    proto_message *reply = &step->result->reply;
    prediction_message_fill(step->subjects, step->result->subject, reply);
    if (step->subject->state.session != (int64_t)step->result->session) {
        reply->as.prediction.for_trial = step->session->state.trials.highest + 1;
        reply->as.prediction.session_score.present = false;
        proto_score_init(&reply->as.prediction.session_score.v);
        reply->as.prediction.session_score.v.n = 0;
    }
    step->result->has_prediction = true;
    if (heard->kind == PROTO_KIND_TRIAL && !isnan(heard->as.trial.next_stimulus)) {
        step_predict_first(step, heard->as.trial.next_stimulus);
    }
}
