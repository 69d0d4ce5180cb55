#include "session_step.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void step_alert(struct session_result *result, proto_alert_code code, double evidence,
                const char *format, ...)
{
    if (result->n_alerts == SESSION_ALERTS_MAX) {
        return;
    }
    struct session_alert *a = &result->alerts[result->n_alerts++];
    a->code = code;
    a->evidence = evidence;
    va_list values;
    va_start(values, format);
    (void)vsnprintf(a->text, sizeof a->text, format, values);
    va_end(values);
}

void step_refuse(struct session_result *result, enum session_outcome status, proto_error_code code,
                 const char *key, const char *text)
{
    proto_message *reply = &result->reply;
    proto_message_init(reply, PROTO_KIND_ERROR);
    reply->env = result->heard.env;
    proto_error *error = &reply->as.error;
    strncpy(error->code, proto_error_name(code), sizeof error->code - 1);
    strncpy(error->key, key, sizeof error->key - 1);
    strncpy(error->text, text, sizeof error->text - 1);
    result->status = status;
    result->has_prediction = false;
}

void step_refuse_with_alert(struct session_result *result, enum session_outcome status,
                            proto_error_code code)
{
    const struct session_alert *a = &result->alerts[result->n_alerts - 1];
    step_refuse(result, status, code, "", a->text);
}

void step_put_off(struct session_result *result, const char *text)
{
    step_alert(result, PROTO_ALERT_JOURNAL_BEHIND, 1.0, "%.64s: %s", result->heard.env.subject,
               text);
    step_refuse_with_alert(result, SESSION_OUTCOME_PLAIN, PROTO_ERROR_JOURNAL_BEHIND);
    result->is_put_off = true;
    result->subject = result->session = SUBJECTS_NONE;
}

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
