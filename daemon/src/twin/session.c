#include "session.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "bridge/link.h"
#include "forecast_message.h"
#include "proto/content.h"
#include "session_step.h"
#include "status_message.h"

bool session_is_journaled(const struct session_result *result)
{
    return result->status != SESSION_OUTCOME_PLAIN &&
           (result->status != SESSION_OUTCOME_DUPLICATE || result->is_counted);
}

/* Makes the session the subject's current one; the twin and the tracker learn that a session
 * starts.
 */
static void enter_session(struct step *step, const model_training_status_session_info *info)
{
    struct subject *subject = &step->subjects->subject[step->result->subject];
    struct session *session = &step->subjects->session[step->result->session];
    strcpy(subject->rig, session->rig);
    if (subject->state.session == (int64_t)step->result->session) {
        return;
    }
    subject->state.session = (int64_t)step->result->session;
    subject->state.doubted_session = 0;
    subject->state.n_stimuli = 0;
    backfill_close(&subject->state.backfill);
    const struct twin_models models = subjects_models(step->subjects, step->result->subject);
    twin_start_session(&subject->state.twin, &models);
    struct lookahead *lookahead = subjects_lookahead(step->subjects, step->result->subject);
    if (lookahead != NULL) {
        lookahead_start_session(lookahead, models.ahead);
    }
    subject->state.is_disengaged = 0;
    model_audit_alarm alarm;
    if (step_is_audited(step) &&
        audit_state_start_session(&subject->state.audit, step->subjects->models.audit, &alarm)) {
        step_alert_violation(step, &alarm);
    }
    session->state.is_started = 1;
    subject->state.for_trial = session->state.trials.highest + 1;
    subject->state.is_over = 0;
    model_training_status_start(&subject->state.tracker,
                                status_message_session_id(session->rig, session->name), info,
                                &subject->standing);
}

static void enter_unannounced(struct step *step)
{
    const model_training_status_session_info unknown = status_message_unknown();
    enter_session(step, &unknown);
}

/* ---- accounting ------------------------------------------------------------------------------ */

static struct session_state *state_of(const struct step *step)
{
    return &step->subjects->session[step->result->session].state;
}

/* Counts the seq of a message that is journaled. Another message under a seq that was used says
 * that the rig counts anew. */
static void take_seq(struct step *step)
{
    const uint32_t number = step->subjects->session[step->result->session].counts;
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
        if (!is_start || seqs->highest != seq || !sequence_is_empty(&state_of(step)->trials)) {
            step_alert(step->result, PROTO_ALERT_SEQ_BACK, (double)(seqs->highest - seq),
                       "rig %s: seq went back from %" PRId64 " to %" PRId64
                       " with a new message: the rig was restarted without its spool; counting "
                       "goes on there",
                       step->heard->env.rig, seqs->highest, seq);
        }
        subjects_restart_seq(counting, may_start ? seq : 1, id);
        break;
    }
    subjects_count_seq(step->subjects, number, seq, step->content, id);
}

static void check_rig_clock(struct step *step)
{
    struct session_state *s = state_of(step);
    const int64_t t_rig_us = step->heard->env.t_rig_us;
    if (t_rig_us == PROTO_NIL) {
        return;
    }
    if (s->last_t_rig_us != PROTO_NIL && t_rig_us < s->last_t_rig_us) {
        step_alert(step->result, PROTO_ALERT_CLOCK_JUMP,
                   (double)(s->last_t_rig_us - t_rig_us) / 1e6,
                   "rig %s: its clock went back by %.3f s", step->heard->env.rig,
                   (double)(s->last_t_rig_us - t_rig_us) / 1e6);
    }
    s->last_t_rig_us = t_rig_us;
}

static void touch(struct step *step)
{
    const struct session_event *event = step->event;
    struct session_result *result = step->result;
    struct session_state *s = state_of(step);
    s->last_heard_mono_ns = event->t_mono_ns;
    s->last_heard_boot = event->boot;
    s->last_heard_wall_ns = event->t_wall_ns;
    subjects_touch(step->subjects, result->subject, result->session, event->id, event->t_mono_ns);
}

/* Makes the prediction for one stimulus the first of the list; without it there, the last gives
 * way if the list is full. */
static void predict_first(struct step *step, double stimulus)
{
    proto_prediction *p = &step->result->reply.as.prediction;
    uint32_t at = 0;
    while (at < p->stimuli.n && p->stimuli.v[at] != stimulus) {
        at++;
    }
    if (at == p->stimuli.n) {
        at = at < SUBJECTS_STIMULI_MAX ? at : SUBJECTS_STIMULI_MAX - 1;
        p->stimuli.n = p->p_right.n = p->lo.n = p->hi.n = at + 1;
    }
    for (; at > 0; at--) {
        p->stimuli.v[at] = p->stimuli.v[at - 1];
        p->p_right.v[at] = p->p_right.v[at - 1];
        p->lo.v[at] = p->lo.v[at - 1];
        p->hi.v[at] = p->hi.v[at - 1];
    }
    p->stimuli.v[0] = stimulus;
    const uint32_t subject = step->result->subject;
    const struct twin_models models = subjects_models(step->subjects, subject);
    twin_predict(&step->subjects->subject[subject].state.twin, &models, 1, p->stimuli.v,
                 p->p_right.v, p->lo.v, p->hi.v);
}

/* The prediction answers for the session that was asked about, which may not be the one that the
 * animal is in. */
static void predict(struct step *step)
{
    const proto_message *heard = step->heard;
    proto_message *reply = &step->result->reply;
    const struct subject *subject = &step->subjects->subject[step->result->subject];
    subjects_predict(step->subjects, step->result->subject, reply);
    if (subject->state.session != (int64_t)step->result->session) {
        reply->as.prediction.for_trial = state_of(step)->trials.highest + 1;
        reply->as.prediction.session_score.present = false;
        proto_score_init(&reply->as.prediction.session_score.v);
        reply->as.prediction.session_score.v.n = 0;
    }
    step->result->has_prediction = true;
    if (heard->kind == PROTO_KIND_TRIAL && !isnan(heard->as.trial.next_stimulus)) {
        predict_first(step, heard->as.trial.next_stimulus);
    }
}

/* ---- the kinds of message -------------------------------------------------------------------- */

model_trial session_trial(const proto_trial *t)
{
    return (model_trial){.contrast = t->stimulus,
                         .reward = t->reward,
                         .rt_s = t->rt_s,
                         .choice = (int8_t)(t->choice == PROTO_NIL ? -1 : t->choice),
                         .side = (int8_t)(t->side == PROTO_NIL ? -1 : t->side)};
}

static bool take_late_trial(struct step *step, const model_trial *trial)
{
    struct session_result *result = step->result;
    struct subject *subject = &step->subjects->subject[result->subject];
    const int64_t number = step->heard->env.trial;
    const bool is_current = subject->state.session == (int64_t)result->session;
    const struct twin_models models = subjects_models(step->subjects, result->subject);
    const size_t later = backfill_later(&subject->state.backfill, number);
    if (is_current && backfill_insert(&subject->state.backfill, &subject->state.twin, &models,
                                      number, trial, &result->scored) == MODEL_OK) {
        subjects_keep_late(step->subjects, result->subject, trial, later);
        result->status = SESSION_OUTCOME_HEALED;
        return true;
    }
    step_alert(result, PROTO_ALERT_OUT_OF_ORDER, 1.0,
               "%s: trial %" PRId64
               " of session %s came too late to be taken up; it is in the journal",
               subject->name, number, step->subjects->session[result->session].name);
    step_refuse_with_alert(result, SESSION_OUTCOME_LATE, PROTO_ERROR_OUT_OF_ORDER);
    return false;
}

static void report_gap(struct step *step, int64_t first, int64_t last)
{
    step_alert(step->result, PROTO_ALERT_GAP, (double)(last - first + 1),
               "%s: trials %" PRId64 " to %" PRId64 " of session %s were not heard",
               step->heard->env.subject, first, last,
               step->subjects->session[step->result->session].name);
}

/* A trial far ahead is in the journal, and is believed when the next goes on from it. */
static void doubt(struct step *step)
{
    struct session_state *session = state_of(step);
    const int64_t number = step->heard->env.trial;
    session->doubted = number;
    session->n_doubted++;
    step_alert(step->result, PROTO_ALERT_JUMP, (double)(number - session->trials.highest),
               "%s: trial %" PRId64 " of session %s is %" PRId64
               " ahead of the one before: it is in the journal, and not taken up unless the next "
               "goes on from it",
               step->heard->env.subject, number,
               step->subjects->session[step->result->session].name,
               number - session->trials.highest);
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
    struct session *session = &step->subjects->session[result->session];
    struct subject *subject;
    enter_unannounced(step);
    subject = &step->subjects->subject[result->subject];
    if (verdict == SEQUENCE_GAP) {
        const int64_t first = session->state.trials.highest + 1;
        const int64_t last = step->heard->env.trial - (session->state.doubted != PROTO_NIL ? 2 : 1);
        backfill_open(&subject->state.backfill, &subject->state.twin);
        if (last > 0) { /* only trial 0 missing: the rig counts from 1 */
            report_gap(step, first, last);
        }
    }
    if (subjects_observe(step->subjects, result->subject, trial, &result->scored) != MODEL_OK &&
        step_begins_bout(subject)) {
        step_alert(result, PROTO_ALERT_MODEL_OUT_OF_RANGE, 1.0,
                   "%s: trial %" PRId64 " would have made the twin's weights not finite; skipped",
                   subject->name, step->heard->env.trial);
    }
    backfill_note(&subject->state.backfill, step->heard->env.trial, trial);
    step_watch_protocol(step);
    result->status = SESSION_OUTCOME_TAKEN;
    return true;
}

static bool is_again(struct step *step)
{
    return step->heard->env.seq != PROTO_NIL &&
           step_know_seq(step, step->result->session) == STEP_SAME;
}

/* The message had come before: nothing changes, and it is answered as it is now. Under a seq of its
 * own it is counted, so that the rig learns that it is on disk. */
static void answer_again(struct step *step)
{
    struct session_result *result = step->result;
    result->status = SESSION_OUTCOME_DUPLICATE;
    result->is_counted =
        step->heard->env.seq != PROTO_NIL && step_know_seq(step, result->session) == STEP_NEW;
    if (result->is_counted) {
        take_seq(step);
        touch(step);
    } else {
        subjects_mark(subjects_counting(step->subjects, result->session), step->event->id - 1);
    }
}

static void refuse_conflict(struct step *step)
{
    const int64_t number = step->heard->env.trial;
    step_alert(step->result, PROTO_ALERT_CONFLICT, 1.0,
               "%s: trial %" PRId64 " of session %s came again with another content: give each "
               "session a name of its own",
               step->heard->env.subject, number,
               step->subjects->session[step->result->session].name);
    step_refuse_with_alert(step->result, SESSION_OUTCOME_CONFLICT, PROTO_ERROR_CONFLICT);
    if (step_know_seq(step, step->result->session) == STEP_NEW) {
        take_seq(step);
    }
    touch(step);
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
    struct subject *subject = &step->subjects->subject[step->result->subject];
    struct session_state *session = state_of(step);
    if (session->trials.missing == 0) {
        backfill_close(&subject->state.backfill);
    }
    const model_training_status_trial counted = status_message_trial(heard);
    model_training_status_push(&subject->state.tracker, &counted);
    subject->state.is_over = 0;
    subject->state.for_trial = session->trials.highest + 1;
    step_watch_engagement(step);
    step_watch_range(step);
    subject->trial_env = step->heard->env;
    subjects_name_session(&step->subjects->session[step->result->session], &subject->trial_env);
    subject->trial = *heard;
}

/* A trial under a number that has not come before. */
static void take_trial(struct step *step)
{
    struct session_result *result = step->result;
    const int64_t number = step->heard->env.trial;
    struct session_state *session = state_of(step);
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
    take_seq(step);
    check_rig_clock(step);
    touch(step);
    if (is_taken) {
        count_taken(step);
    }
}

/* A finished trial, from the sequence check to the prediction of the next one. */
static void session_on_trial(struct step *step)
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
    switch (is_again(step) ? STEP_SAME : step_know_trial(step, result->session)) {
    case STEP_OTHER:
        refuse_conflict(step);
        return;
    case STEP_SAME:
        answer_again(step);
        break;
    case STEP_NEW:
        take_trial(step);
        break;
    }
    result->stage_ns[1] = step->subjects->now_ns();
    if (result->status != SESSION_OUTCOME_LATE && !step->is_elsewhere) {
        predict(step);
    }
}

static void session_on_start(struct step *step)
{
    const proto_session_start *heard = &step->heard->as.session_start;
    struct session_result *result = step->result;
    if (!step_find(step)) {
        return;
    }
    struct subject *subject = &step->subjects->subject[result->subject];
    struct session_state *session = state_of(step);
    if (is_again(step) || session->start_content == (int64_t)step->content) {
        answer_again(step);
        predict(step);
        return;
    }
    const bool is_first = session->is_started == 0;
    session->start_content = (int64_t)step->content;
    take_seq(step);
    if (step_is_elsewhere(step)) {
        step_refuse_elsewhere(step);
        touch(step);
        return;
    }
    if (is_first || heard->moved == 1) {
        const model_training_status_session_info info = status_message_info(heard);
        enter_session(step, &info);
        if (heard->stimuli.n > 0) {
            subject->state.n_stimuli = heard->stimuli.n;
            memcpy(subject->state.stimuli, heard->stimuli.v,
                   heard->stimuli.n * sizeof heard->stimuli.v[0]);
        }
    }
    touch(step);
    result->status = SESSION_OUTCOME_NOTED;
    predict(step);
}

static void end_session(struct step *step)
{
    struct subject *subject = &step->subjects->subject[step->result->subject];
    model_audit_alarm alarm;
    subject->state.is_over = 1;
    if (step_is_audited(step) &&
        audit_state_end_session(&subject->state.audit, step->subjects->models.audit, &alarm)) {
        step_alert_violation(step, &alarm);
    }
}

static void session_on_end(struct step *step)
{
    struct session_result *result = step->result;
    if (!step_find(step)) {
        return;
    }
    const struct subject *subject = &step->subjects->subject[result->subject];
    struct session_state *session = state_of(step);
    const bool is_current = subject->state.session == (int64_t)result->session;
    const bool is_over = !is_current || subject->state.is_over != 0;
    result->reply = *step->heard;
    if (is_again(step) || (is_over && session->end_content == (int64_t)step->content)) {
        answer_again(step);
        return;
    }
    session->end_content = (int64_t)step->content;
    take_seq(step);
    touch(step);
    if (is_current) {
        end_session(step);
    }
    result->status = SESSION_OUTCOME_NOTED;
}

/* The stimulus is shown, the choice is not made: the prediction for just this one. It begins a
 * session, and goes on with the present one; to one that was left only a trial comes back. */
static void session_on_stimulus(struct step *step)
{
    struct session_result *result = step->result;
    if (!step_find(step)) {
        return;
    }
    if (is_again(step)) {
        answer_again(step);
    } else {
        take_seq(step);
        touch(step);
        if (step_is_elsewhere(step)) {
            step_refuse_elsewhere(step);
            return;
        }
        if (state_of(step)->is_started == 0) {
            enter_unannounced(step);
        }
        result->status = SESSION_OUTCOME_NOTED;
    }
    predict(step);
    proto_prediction *p = &result->reply.as.prediction;
    predict_first(step, step->heard->as.stimulus.stimulus);
    p->stimuli.n = p->p_right.n = p->lo.n = p->hi.n = 1;
}

/* The run that a greeting asks about; SUBJECTS_NONE if it was never heard. */
static uint32_t find_greeted(const struct step *step)
{
    const proto_envelope *env = &step->heard->env;
    char name[PROTO_ID_MAX + 1];
    if (!subjects_run_name(name, env->session, env->run == PROTO_NIL ? 1 : env->run)) {
        return SUBJECTS_NONE;
    }
    const uint32_t number =
        subjects_find_session(step->subjects, env->rig, step->result->subject, name);
    return number != SUBJECTS_NONE && env->run == PROTO_NIL ? step->subjects->session[number].latest
                                                            : number;
}

static void session_on_hello(struct step *step)
{
    struct session_result *result = step->result;
    proto_message *reply = &result->reply;
    const proto_envelope *env = &step->heard->env;
    result->status = SESSION_OUTCOME_PLAIN;
    proto_message_init(reply, PROTO_KIND_HELLO);
    strcpy(reply->env.rig, env->rig);
    strcpy(reply->env.subject, env->subject);
    strcpy(reply->env.session, env->session);
    strcpy(reply->as.hello.software, "murid");
    strncpy(reply->as.hello.version, MURID_VERSION, sizeof reply->as.hello.version - 1);
    if (env->subject[0] != '\0' && env->session[0] != '\0') {
        result->subject = subjects_find_subject(step->subjects, env->subject);
        if (result->subject != SUBJECTS_NONE) {
            result->session = find_greeted(step);
        }
        if (result->session != SUBJECTS_NONE && env->seq != PROTO_NIL) {
            subjects_skip_seqs(step->subjects, step->subjects->session[result->session].counts,
                               env->seq, step->event->id);
        }
    }
}

static proto_error_code error_of(const proto_fault *fault)
{
    switch (fault->status) {
    case PROTO_ERR_KIND:
        return PROTO_ERROR_UNKNOWN_KIND;
    case PROTO_ERR_VERSION:
        return PROTO_ERROR_VERSION;
    default:
        return PROTO_ERROR_BAD_MESSAGE;
    }
}

static void refuse_bytes(struct session_result *result, const struct session_event *event,
                         const proto_fault *fault)
{
    step_alert(result, PROTO_ALERT_BAD_MESSAGE, 1.0, "%s, %zu bytes: %s%s%s",
               event->rig != NULL ? event->rig : session_source_name(event->source), event->size,
               fault->key, fault->key[0] != '\0' ? ": " : "", fault->text);
    step_refuse(result, SESSION_OUTCOME_REFUSED, error_of(fault), fault->key, fault->text);
}

static void result_init(struct session_result *result)
{
    result->status = SESSION_OUTCOME_REFUSED;
    result->subject = result->session = SUBJECTS_NONE;
    result->is_new_subject = result->is_new_session = false;
    result->scored = TWIN_OUTCOME_NONE;
    result->is_put_off = result->is_counted = false;
    result->has_prediction = false;
    result->n_alerts = 0;
    memset(result->stage_ns, 0, sizeof result->stage_ns);
}

/* Stamps become durations: decode, assimilate, predict. */
static void account(struct session_result *result, int64_t start, int64_t decoded, int64_t end)
{
    const int64_t assimilated = result->stage_ns[1] != 0 ? result->stage_ns[1] : decoded;
    result->stage_ns[0] = decoded - start;
    result->stage_ns[1] = assimilated - decoded;
    result->stage_ns[2] = end - assimilated;
    if (result->has_prediction) {
        proto_prediction *p = &result->reply.as.prediction;
        p->stage_us.n = SESSION_STAGES;
        for (int i = 0; i < SESSION_STAGES; i++) {
            p->stage_us.v[i] = (double)result->stage_ns[i] / 1000.0;
        }
    }
}

int session_decode(const struct session_event *event, proto_message *heard, proto_fault *fault)
{
    return event->source == SESSION_SOURCE_SERIAL
               ? bridge_decode(event->bytes, event->size, event->rig, event->subject, heard, fault)
           : event->is_recorded ? proto_decode_recorded(event->bytes, event->size, heard, fault)
                                : proto_decode(event->bytes, event->size, heard, fault);
}

/* Says of a message that was taken what of it was not. */
static void alert_passed(struct step *step, const proto_fault *fault)
{
    struct session_result *result = step->result;
    char trial[48] = "";
    char others[48] = "";
    if (fault->n_passed == 0 || result->session == SUBJECTS_NONE ||
        result->status == SESSION_OUTCOME_DUPLICATE) {
        return;
    }
    if (step->heard->env.trial != PROTO_NIL) {
        (void)snprintf(trial, sizeof trial, ", trial %" PRId64, step->heard->env.trial);
    }
    if (fault->n_passed > 1) {
        (void)snprintf(others, sizeof others, ", and %u others", (unsigned)fault->n_passed - 1);
    }
    step_alert(result, PROTO_ALERT_VALUE_DROPPED, (double)fault->n_passed,
               "%.40s, session %.40s%s: %s is passed over%s: %s", step->heard->env.subject,
               step->subjects->session[result->session].name, trial, fault->key, others,
               fault->text);
}

/* A reply is about what was asked, whatever has happened since. */
static void name_reply(const struct step *step)
{
    const struct session_result *result = step->result;
    proto_envelope *env = &step->result->reply.env;
    strcpy(env->rig, step->heard->env.rig);
    strcpy(env->subject, step->heard->env.subject);
    strcpy(env->session, step->heard->env.session);
    env->run = step->heard->env.run;
    env->trial = step->heard->env.trial;
    env->seq = step->heard->env.seq;
    if (result->session != SUBJECTS_NONE) {
        subjects_name_session(&step->subjects->session[result->session], env);
    }
}

/* What is heard; other kinds are refused. */
static void (*const ON_KIND[])(struct step *step) = {
    [PROTO_KIND_TRIAL] = session_on_trial,     [PROTO_KIND_SESSION_START] = session_on_start,
    [PROTO_KIND_SESSION_END] = session_on_end, [PROTO_KIND_STIMULUS] = session_on_stimulus,
    [PROTO_KIND_HELLO] = session_on_hello,
};

void session_on_message(struct subjects *subjects, const struct session_event *event,
                        struct session_result *result)
{
    struct step step = {
        .subjects = subjects, .event = event, .result = result, .heard = &result->heard};
    proto_fault fault;
    const int64_t start = subjects->now_ns();
    result_init(result);
    const int rc = session_decode(event, &result->heard, &fault);
    const int64_t decoded = subjects->now_ns();
    if (rc != PROTO_OK) {
        refuse_bytes(result, event, &fault);
        return;
    }
    step.content = proto_content(&result->heard);
    const size_t kind = (size_t)result->heard.kind;
    if (kind >= sizeof ON_KIND / sizeof ON_KIND[0] || ON_KIND[kind] == NULL) {
        fault = (proto_fault){.status = PROTO_ERR_KIND};
        (void)snprintf(fault.text, sizeof fault.text,
                       "a %s is not for the daemon to hear here: rigs send hello, session_start, "
                       "stimulus, trial and session_end",
                       proto_kind_name(result->heard.kind));
        refuse_bytes(result, event, &fault);
        return;
    }
    ON_KIND[kind](&step);
    alert_passed(&step, &fault);
    name_reply(&step);
    account(result, start, decoded, subjects->now_ns());
}

void session_look_ahead(struct subjects *subjects, const struct session_result *result)
{
    const bool is_taken =
        result->status == SESSION_OUTCOME_TAKEN || result->status == SESSION_OUTCOME_HEALED;
    if (!is_taken || result->heard.kind != PROTO_KIND_TRIAL) {
        return;
    }
    struct lookahead *lookahead = subjects_lookahead(subjects, result->subject);
    if (lookahead != NULL) {
        const proto_trial *heard = &result->heard.as.trial;
        const model_trial trial = session_trial(heard);
        const model_forecast_criterion criterion =
            forecast_message_criterion(&subjects->config->forecast);
        lookahead_observe(lookahead, subjects->models.ahead, &trial, heard->p_left);
        lookahead_judge(lookahead, &criterion, subjects->session[result->session].name,
                        result->heard.env.trial, &trial);
    }
}
