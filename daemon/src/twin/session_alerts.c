/* What people are told of a message, and what its rig is answered if it is refused. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit_message.h"
#include "session_step.h"

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

void step_refuse_bytes(struct step *step, const proto_fault *fault)
{
    const struct session_event *event = step->event;
    step_alert(step->result, PROTO_ALERT_BAD_MESSAGE, 1.0, "%s, %zu bytes: %s%s%s",
               event->rig != NULL ? event->rig : session_source_name(event->source), event->size,
               fault->key, fault->key[0] != '\0' ? ": " : "", fault->text);
    step_refuse(step->result, SESSION_OUTCOME_REFUSED, error_of(fault), fault->key, fault->text);
}

/* ---- alerts ---- */

void step_tell_seq_back(struct step *step, int64_t highest)
{
    const proto_envelope *env = &step->heard->env;
    step_alert(step->result, PROTO_ALERT_SEQ_BACK, (double)(highest - env->seq),
               "rig %s: seq went back from %" PRId64 " to %" PRId64
               " with a new message: the rig was restarted without its spool; counting "
               "continues there",
               env->rig, highest, env->seq);
}

void step_tell_clock_back(struct step *step, int64_t us)
{
    step_alert(step->result, PROTO_ALERT_CLOCK_JUMP, (double)us / 1e6,
               "rig %s: its clock went back by %.3f s", step->heard->env.rig, (double)us / 1e6);
}

void step_tell_restarted(struct step *step, const struct session *before)
{
    const int64_t highest = before->state.trials.highest;
    step_alert(step->result, PROTO_ALERT_RESTARTED, (double)highest + 1,
               "rig %s restarted session %s of %s after trial %" PRId64
               ": the new trials are session %s",
               before->rig, before->given, step->heard->env.subject, highest, step->session->name);
}

void step_tell_gap(struct step *step, int64_t first, int64_t last)
{
    step_alert(step->result, PROTO_ALERT_GAP, (double)(last - first + 1),
               "%s: trials %" PRId64 " to %" PRId64 " of session %s are missing",
               step->heard->env.subject, first, last, step->session->name);
}

void step_tell_late(struct step *step)
{
    step_alert(step->result, PROTO_ALERT_OUT_OF_ORDER, 1.0,
               "%s: trial %" PRId64
               " of session %s arrived too late to be accepted; it is in the journal",
               step->subject->name, step->heard->env.trial, step->session->name);
}

void step_tell_jump(struct step *step)
{
    const int64_t number = step->heard->env.trial;
    const int64_t ahead = number - step->session->state.trials.highest;
    step_alert(step->result, PROTO_ALERT_JUMP, (double)ahead,
               "%s: trial %" PRId64 " of session %s is %" PRId64
               " ahead of the previous one: it is in the journal, and accepted only if the next "
               "continues from it",
               step->heard->env.subject, number, step->session->name, ahead);
}

void step_tell_conflict(struct step *step)
{
    step_alert(step->result, PROTO_ALERT_CONFLICT, 1.0,
               "%s: trial %" PRId64 " of session %s was reused with other content: give each "
               "session a name of its own",
               step->heard->env.subject, step->heard->env.trial, step->session->name);
}

void step_tell_not_finite(struct step *step)
{
    step_alert(step->result, PROTO_ALERT_MODEL_OUT_OF_RANGE, 1.0,
               "%s: trial %" PRId64 " would have made the twin's weights not finite; skipped",
               step->subject->name, step->heard->env.trial);
}

void step_tell_passed_over(struct step *step, const proto_fault *fault)
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
               "%.40s, session %.40s%s: %s is dropped%s: %s", step->heard->env.subject,
               step->session->name, trial, fault->key, others, fault->text);
}

void step_tell_violation(struct step *step, const struct audit_protocol *protocol,
                         const char *software, const model_audit_alarm *alarm)
{
    char text[AUDIT_MESSAGE_MAX];
    audit_message_print(alarm, protocol, software, text, sizeof text);
    step_alert(step->result, PROTO_ALERT_PROTOCOL_VIOLATION, alarm->e_value, "%s: %s",
               step->subject->name, text);
}

void step_tell_stage_set(struct step *step, const struct audit_protocol *protocol,
                         const model_audit_set *set)
{
    char text[AUDIT_MESSAGE_MAX];
    audit_message_set(set, protocol, text, sizeof text);
    step_alert(step->result, PROTO_ALERT_STAGE_SET, 1.0, "%.64s: session %.64s %s",
               step->subject->name, step->session->name, text);
}

void step_tell_known_defects(struct step *step, const struct audit_protocol *protocol)
{
    char text[AUDIT_MESSAGE_MAX];
    const struct session_state *session = &step->session->state;
    const size_t name = strlen(step->subject->name) + strlen(": ");
    if (known_defects_tell(&step->subject->state.told, session->software, session->task, protocol,
                           text, sizeof text - name)) {
        step_alert(step->result, PROTO_ALERT_KNOWN_DEFECTS, 1.0, "%s: %s", step->subject->name,
                   text);
    }
}

/* What the evidence comes from, largest first: "slow reactions 80%, no-gos 20%". */
static void print_signs(const double nats[], char *out, size_t cap)
{
    static const char *const NAMES[] = {"choices", "slow reactions", "no-gos"};
    _Static_assert(sizeof NAMES / sizeof NAMES[0] == MODEL_ENGAGEMENT_SIGNS, "a name for each");
    double left[MODEL_ENGAGEMENT_SIGNS];
    double sum = 0.0;
    size_t n = 0;
    out[0] = '\0';
    for (int i = 0; i < MODEL_ENGAGEMENT_SIGNS; i++) {
        left[i] = fmax(nats[i], 0.0);
        sum += left[i];
    }
    for (int k = 0; k < MODEL_ENGAGEMENT_SIGNS && n < cap; k++) {
        int most = 0;
        for (int i = 1; i < MODEL_ENGAGEMENT_SIGNS; i++) {
            most = left[i] > left[most] ? i : most;
        }
        if (left[most] < 0.05 * sum) {
            return;
        }
        n += (size_t)snprintf(out + n, cap - n, "%s%s %.0f%%", n > 0 ? ", " : "", NAMES[most],
                              100.0 * left[most] / sum);
        left[most] = -1.0;
    }
}

void step_tell_disengaged(struct step *step)
{
    model_engagement_evidence e;
    char signs[96];
    model_engagement_explain(&step->subject->state.twin.engagement, &e);
    print_signs(e.nats, signs, sizeof signs);
    step_alert(step->result, PROTO_ALERT_DISENGAGED, e.e_value,
               "%s seems to have stopped playing in its last %" PRId64
               " trials, up to trial %" PRId64 ": %s (%s)",
               step->subject->name, e.trials, step->subject->state.for_trial - 1,
               e.state == MODEL_ENGAGEMENT_AWAY ? "it rarely answers"
                                                : "it answers, but not as it does when engaged",
               signs);
}

/* What of a member is outside of what its rule was fitted on. */
static void print_outside(const model_member *twin, const model_params *params, char *out,
                          size_t cap)
{
    const char *rule = model_rule_name(params->rule.kind);
    if ((twin->outside & MODEL_GUARD_FAILED) != 0) {
        (void)snprintf(out, cap, "the rule %s gave no finite number", rule);
        return;
    }
    for (uint32_t i = 0; i < params->policy.n; i++) {
        if (params->range.is_known && !model_range_holds(&params->range, i, twin->w[i])) {
            (void)snprintf(out, cap, "weight %s is %.3g, %.3g to %.3g where the rule %s was fitted",
                           model_feature_name(params->policy.feature[i]), twin->w[i],
                           params->range.w_lo[i], params->range.w_hi[i], rule);
            return;
        }
    }
    if (twin->input > 0 && twin->input <= MODEL_RULE_INPUTS_MAX) {
        (void)snprintf(out, cap, "input \"%s\" is outside the range that the rule %s was fitted on",
                       model_rule_input_name(twin->input - 1U), rule);
        return;
    }
    (void)snprintf(out, cap, "%s the rule %s was fitted on",
                   (twin->outside & MODEL_GUARD_STEP) != 0
                       ? "a step larger than"
                       : "a trial or weight outside the range that",
                   rule);
}

void step_tell_outside(struct step *step, uint32_t member, uint32_t n)
{
    const model_bank *bank = &step->subject->state.twin.bank;
    char what[160];
    print_outside(&bank->member[member], &step->subjects->models.bank->member[member], what,
                  sizeof what);
    step_alert(step->result, PROTO_ALERT_MODEL_OUT_OF_RANGE, (double)n,
               "%s, trial %" PRId64 ": %s; %" PRIu32 " of %" PRIu64
               " members are limited, and count less until they are back",
               step->subject->name, step->subject->state.for_trial - 1, what, n, bank->n);
}
