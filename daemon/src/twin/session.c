#include "session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "forecast_message.h"
#include "proto/content.h"
#include "session_step.h"
#include "status_message.h"

static void session_on_start(struct step *step)
{
    const proto_session_start *heard = &step->heard->as.session_start;
    struct session_result *result = step->result;
    if (!step_find(step)) {
        return;
    }
    struct session_state *session = &step->session->state;
    if (step_came_before(step) || session->start_content == (int64_t)step->content) {
        step_answer_again(step);
        step_predict(step);
        return;
    }
    const bool is_first = session->is_started == 0;
    session->start_content = (int64_t)step->content;
    strncpy(session->task, heard->task, sizeof session->task - 1);
    strncpy(session->software, heard->software, sizeof session->software - 1);
    step_take_seq(step);
    if (step_is_elsewhere(step)) {
        step_refuse_elsewhere(step);
        step_touch(step);
        return;
    }
    if (is_first || heard->moved == 1) {
        const model_training_status_session_info info = status_message_info(heard);
        step_enter(step, &info);
        if (heard->stimuli.n > 0) {
            step->subject->state.n_stimuli = heard->stimuli.n;
            memcpy(step->subject->state.stimuli, heard->stimuli.v,
                   heard->stimuli.n * sizeof heard->stimuli.v[0]);
        }
    }
    step_touch(step);
    result->status = SESSION_OUTCOME_NOTED;
    step_predict(step);
}

static void end_session(struct step *step)
{
    step->subject->state.is_over = 1;
    step_end_audit(step);
}

static void session_on_end(struct step *step)
{
    struct session_result *result = step->result;
    if (!step_find(step)) {
        return;
    }
    struct session_state *session = &step->session->state;
    const bool is_current = step->subject->state.session == (int64_t)result->session;
    const bool is_over = !is_current || step->subject->state.is_over != 0;
    result->reply = *step->heard;
    if (step_came_before(step) || (is_over && session->end_content == (int64_t)step->content)) {
        step_answer_again(step);
        return;
    }
    session->end_content = (int64_t)step->content;
    step_take_seq(step);
    step_touch(step);
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
    if (step_came_before(step)) {
        step_answer_again(step);
    } else {
        step_take_seq(step);
        step_touch(step);
        if (step_is_elsewhere(step)) {
            step_refuse_elsewhere(step);
            return;
        }
        if (step->session->state.is_started == 0) {
            const model_training_status_session_info unannounced = status_message_unknown();
            step_enter(step, &unannounced);
        }
        result->status = SESSION_OUTCOME_NOTED;
    }
    step_predict(step);
    proto_prediction *p = &result->reply.as.prediction;
    step_predict_first(step, step->heard->as.stimulus.stimulus);
    p->stimuli.n = p->p_right.n = p->lo.n = p->hi.n = 1;
}

/* The run that a greeting asks about; SUBJECTS_NONE if it was never heard. */
static uint32_t find_greeted(const struct step *step, uint32_t subject)
{
    const proto_envelope *env = &step->heard->env;
    char name[PROTO_ID_MAX + 1];
    if (!subjects_run_name(name, env->session, env->run == PROTO_NIL ? 1 : env->run)) {
        return SUBJECTS_NONE;
    }
    const uint32_t number = subjects_find_session(step->subjects, env->rig, subject, name);
    return number != SUBJECTS_NONE && env->run == PROTO_NIL ? step->subjects->session[number].latest
                                                            : number;
}

static void session_on_hello(struct step *step)
{
    proto_message *reply = &step->result->reply;
    const proto_envelope *env = &step->heard->env;
    step->result->status = SESSION_OUTCOME_PLAIN;
    proto_message_init(reply, PROTO_KIND_HELLO);
    strcpy(reply->env.rig, env->rig);
    strcpy(reply->env.subject, env->subject);
    strcpy(reply->env.session, env->session);
    strcpy(reply->as.hello.software, "murid");
    strncpy(reply->as.hello.version, MURID_VERSION, sizeof reply->as.hello.version - 1);
    if (env->subject[0] == '\0' || env->session[0] == '\0') {
        return;
    }
    const uint32_t subject = subjects_find_subject(step->subjects, env->subject);
    if (subject == SUBJECTS_NONE) {
        return;
    }
    step_set_subject(step, subject);
    const uint32_t session = find_greeted(step, subject);
    if (session == SUBJECTS_NONE) {
        return;
    }
    step_set_session(step, session);
    if (env->seq != PROTO_NIL) {
        subjects_skip_seqs(step->subjects, step->session->counts, env->seq, step->event->id);
    }
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
        subjects_name_session(step->session, env);
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
        step_refuse_bytes(&step, &fault);
        return;
    }
    step.content = proto_content(&result->heard);
    const size_t kind = (size_t)result->heard.kind;
    if (kind >= sizeof ON_KIND / sizeof ON_KIND[0] || ON_KIND[kind] == NULL) {
        fault = (proto_fault){.status = PROTO_ERR_KIND};
        (void)snprintf(fault.text, sizeof fault.text,
                       "the daemon does not accept %s here: rigs send hello, session_start, "
                       "stimulus, trial and session_end",
                       proto_kind_name(result->heard.kind));
        step_refuse_bytes(&step, &fault);
        return;
    }
    ON_KIND[kind](&step);
    step_tell_passed_over(&step, &fault);
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
