/* What is watched while trials are taken up: the declared protocol, whether the animal still plays,
 * and whether its twin is where its rules were fitted. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "audit_message.h"
#include "session_step.h"

void step_alert_violation(struct step *step, const model_audit_alarm *alarm)
{
    char text[AUDIT_MESSAGE_MAX];
    audit_message_print(alarm, step->subjects->models.audit, text, sizeof text);
    step_alert(step->result, PROTO_ALERT_PROTOCOL_VIOLATION, alarm->e_value, "%s: %s",
               step->subjects->subject[step->result->subject].name, text);
}

bool step_is_audited(const struct step *step)
{
    return step->subjects->models.audit != NULL &&
           step->subjects->subject[step->result->subject].state.is_audited != 0;
}

/* Trials that come late are not audited: those that followed them were, as after a gap. */
void step_watch_protocol(struct step *step)
{
    struct subject *subject = &step->subjects->subject[step->result->subject];
    const model_audit_params *params = step->subjects->models.audit;
    model_audit_alarm alarm;
    if (!step_is_audited(step)) {
        return;
    }
    const model_audit_trial trial = audit_state_heard(&params->protocol, &step->heard->as.trial);
    if (audit_state_push(&subject->state.audit, params, step->heard->env.trial, &trial, &alarm)) {
        step_alert_violation(step, &alarm);
    }
}

/* True if none was on. A bout ends after 50 trials inside of what the model was fitted on. */
bool step_begins_bout(struct subject *subject)
{
    enum { BOUT = 50 };
    const bool is_new = subject->state.outside == 0;
    subject->state.outside = BOUT;
    return is_new;
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

/* Raises the alert once for each bout. */
void step_watch_engagement(struct step *step)
{
    struct subject *subject = &step->subjects->subject[step->result->subject];
    const model_engagement *engagement = &subject->state.twin.engagement;
    const bool was_out = subject->state.is_disengaged != 0;
    const bool is_out = model_engagement_is_out(engagement);
    subject->state.is_disengaged = is_out;
    if (was_out || !is_out || !step->subjects->config->engagement.enabled) {
        return;
    }
    model_engagement_evidence e;
    char signs[96];
    model_engagement_explain(engagement, &e);
    print_signs(e.nats, signs, sizeof signs);
    step_alert(step->result, PROTO_ALERT_DISENGAGED, e.e_value,
               "%s seems to have stopped playing in its last %" PRId64
               " trials, up to trial %" PRId64 ": %s (%s)",
               subject->name, e.trials, subject->state.for_trial - 1,
               e.state == MODEL_ENGAGEMENT_AWAY ? "it hardly answers"
                                                : "it answers, but not as it does when it plays",
               signs);
}

static bool has_failed(const model_member *twin)
{
    return (twin->outside & MODEL_GUARD_FAILED) != 0;
}

/* What of member i is outside of what its rule was fitted on. */
static void print_outside(const model_member *twin, const model_params *params, char *out,
                          size_t cap)
{
    const char *rule = model_rule_name(params->rule.kind);
    if (has_failed(twin)) {
        (void)snprintf(out, cap, "the rule %s gave no number", rule);
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
    (void)snprintf(out, cap, "%s the rule %s was fitted on",
                   (twin->outside & MODEL_GUARD_STEP) != 0 ? "a step larger than"
                                                           : "a trial or weight outside of what",
                   rule);
}

/* Members whose rule is outside; *first is the lowest of those that failed, or of all. */
static uint32_t count_outside(const model_bank *bank, uint32_t *first)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < bank->n; i++) {
        if (bank->member[i].outside != 0) {
            const bool is_worse =
                has_failed(&bank->member[i]) && !has_failed(&bank->member[*first]);
            *first = n++ == 0 || is_worse ? i : *first;
        }
    }
    return n;
}

/* Raises the alert once for each bout. Members that hardly count do not begin one, but a rule that
 * fails does. */
void step_watch_range(struct step *step)
{
    static const double WEIGHT_LEAST = 0.01;
    struct subject *subject = &step->subjects->subject[step->result->subject];
    const model_bank *bank = &subject->state.twin.bank;
    uint32_t first = 0;
    const uint32_t n = count_outside(bank, &first);
    const bool counts =
        model_bank_outside(bank) >= WEIGHT_LEAST || has_failed(&bank->member[first]);
    if (n == 0 || !counts) {
        subject->state.outside -= subject->state.outside > 0 ? 1 : 0;
        return;
    }
    if (!step_begins_bout(subject)) {
        return;
    }
    char what[160];
    print_outside(&bank->member[first], &step->subjects->models.bank->member[first], what,
                  sizeof what);
    step_alert(step->result, PROTO_ALERT_MODEL_OUT_OF_RANGE, (double)n,
               "%s, trial %" PRId64 ": %s; %" PRIu32 " of %" PRIu64
               " members are held in, and count less until they are back",
               subject->name, subject->state.for_trial - 1, what, n, bank->n);
}
