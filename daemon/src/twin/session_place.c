/* Where an animal is. One that is in an open session on one rig, heard of recently, is not believed
 * on another until somebody says so: the twin learns from one rig only. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "session_step.h"

static const int64_t NS_PER_S = 1000000000;

static bool says_moved(const struct step *step)
{
    return step->heard->kind == PROTO_KIND_SESSION_START &&
           step->heard->as.session_start.moved == 1;
}

/* A trial is journaled as doubted; what begins a session contradicts the one that is open. */
static enum session_outcome status_elsewhere(const struct step *step)
{
    return step->heard->kind == PROTO_KIND_TRIAL ? SESSION_OUTCOME_DOUBTED
                                                 : SESSION_OUTCOME_CONFLICT;
}

bool step_is_elsewhere(const struct step *step)
{
    const struct subjects *subjects = step->subjects;
    const int64_t current = step->subject->state.session;
    if (step->event->is_recorded) {
        return step->event->recorded == status_elsewhere(step);
    }
    if (current < 0 || current == (int64_t)step->result->session ||
        step->subject->state.is_over != 0 || says_moved(step)) {
        return false;
    }
    const struct session *open = &subjects->session[current];
    return strcmp(open->rig, step->heard->env.rig) != 0 &&
           step_silence_ns(step, &open->state) <= subjects->config->session.hold_s * NS_PER_S;
}

void step_refuse_elsewhere(struct step *step)
{
    struct session_result *result = step->result;
    struct subject *subject = step->subject;
    const struct session *here = step->session;
    const struct session *open =
        subject->state.session >= 0 ? &step->subjects->session[subject->state.session] : here;
    char text[256];
    if (subject->state.doubted_session != (int64_t)result->session + 1) {
        subject->state.doubted_session = (int64_t)result->session + 1;
        step_alert(
            result, PROTO_ALERT_SUBJECT_TWICE,
            (double)step_silence_ns(step, &open->state) / (double)NS_PER_S,
            "%.40s is on two rigs: in session %.40s on %.40s, and in session %.40s on %.40s; "
            "the twin learns from the first until a session_start on the other says "
            "`moved`, or the first ends",
            subject->name, open->name, open->rig, here->name, here->rig);
    }
    (void)snprintf(text, sizeof text,
                   "%.40s is in session %.40s on %.40s: journaled, and not learned from; send "
                   "session_start with `moved`: true if it is here now, or end that session",
                   subject->name, open->name, open->rig);
    step_refuse(result, status_elsewhere(step), PROTO_ERROR_SUBJECT_TWICE, "subject", text);
    step->is_elsewhere = true;
}
