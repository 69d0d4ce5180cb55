/* What is watched while trials are taken up: the declared protocol, whether the animal still plays,
 * and whether its twin is where its rules were fitted. */
#include "session_step.h"

struct audit_state *step_audit(const struct step *step, const struct audit_protocol **protocol)
{
    const struct audit_protocols *all = step->subjects->models.protocols;
    struct subject_state *state = &step->subject->state;
    if (all == NULL || state->audit_at < 0 || state->audit_at >= state->n_audits ||
        state->audit_at >= (int64_t)all->n) {
        return NULL;
    }
    *protocol = &all->v[state->audit_at];
    return &state->audit[state->audit_at];
}

void step_end_audit(struct step *step)
{
    const struct audit_protocol *protocol;
    struct audit_state *audit = step_audit(step, &protocol);
    model_audit_alarm alarm;
    if (audit != NULL && audit_state_end_session(audit, protocol, &alarm)) {
        step_tell_violation(step, protocol, audit->software, &alarm);
    }
}

void step_start_audit(struct step *step)
{
    const struct audit_protocols *all = step->subjects->models.protocols;
    const struct audit_protocol *protocol = NULL;
    const struct session_state *session = &step->session->state;
    model_audit_alarm alarm;
    step_end_audit(step);
    step->subject->state.audit_at = all != NULL ? audit_protocols_find(all, session->task) : -1;
    struct audit_state *audit = step_audit(step, &protocol);
    if (audit != NULL) { /* ended, it has told all */
        (void)audit_state_start_session(audit, protocol, session->software, &alarm);
    }
    step_tell_known_defects(step, protocol);
}

/* Trials that come late are not audited: those that followed them were, as after a gap. */
void step_watch_protocol(struct step *step)
{
    const struct audit_protocol *protocol;
    struct audit_state *audit = step_audit(step, &protocol);
    model_audit_alarm alarm;
    model_audit_set set;
    if (audit == NULL) {
        return;
    }
    const model_audit_trial trial =
        audit_state_heard(&protocol->declared.protocol, &step->heard->as.trial);
    if (audit_state_push(audit, protocol, step->heard->env.trial, &trial, &alarm)) {
        step_tell_violation(step, protocol, audit->software, &alarm);
    }
    if (model_audit_take_set(&audit->audit, &set)) {
        step_tell_stage_set(step, protocol, &set);
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

/* Raises the alert once for each bout. */
void step_watch_engagement(struct step *step)
{
    const bool was_out = step->subject->state.is_disengaged != 0;
    const bool is_out = model_engagement_is_out(&step->subject->state.twin.engagement);
    step->subject->state.is_disengaged = is_out;
    if (!was_out && is_out && step->subjects->config->engagement.enabled) {
        step_tell_disengaged(step);
    }
}

static bool has_failed(const model_member *twin)
{
    return (twin->outside & MODEL_GUARD_FAILED) != 0;
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
    const model_bank *bank = &step->subject->state.twin.bank;
    uint32_t first = 0;
    const uint32_t n = count_outside(bank, &first);
    const bool counts =
        model_bank_outside(bank) >= WEIGHT_LEAST || has_failed(&bank->member[first]);
    if (n == 0 || !counts) {
        step->subject->state.outside -= step->subject->state.outside > 0 ? 1 : 0;
        return;
    }
    if (step_begins_bout(step->subject)) {
        step_tell_outside(step, first, n);
    }
}
