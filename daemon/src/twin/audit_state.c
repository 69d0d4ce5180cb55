#include "audit_state.h"

#include <string.h>

static int32_t stage_of(const model_protocol *protocol, const char *name)
{
    const uint32_t stage = name[0] != '\0' ? model_protocol_find(protocol, name) : UINT32_MAX;
    return stage < protocol->n_stages ? (int32_t)stage : -1;
}

static int8_t known(int64_t value)
{
    return (int8_t)(value == PROTO_NIL ? -1 : value);
}

model_audit_trial audit_state_heard(const model_protocol *protocol, const proto_trial *trial)
{
    return (model_audit_trial){.contrast = trial->stimulus,
                               .reward = trial->reward,
                               .p_left = trial->p_left,
                               .choice = known(trial->choice),
                               .side = known(trial->side),
                               .repeat = known(trial->repeat),
                               .stage = stage_of(protocol, trial->stage)};
}

model_audit_trial audit_state_read(const model_protocol *protocol, const struct trial_row *row)
{
    return (model_audit_trial){.contrast = row->stimulus,
                               .reward = row->reward,
                               .p_left = row->p_left,
                               .choice = row->choice,
                               .side = row->side,
                               .repeat = row->repeat,
                               .stage = stage_of(protocol, row->stage)};
}

void audit_state_init(struct audit_state *a)
{
    a->last_trial = -1;
    model_audit_init(&a->audit);
}

bool audit_state_start_session(struct audit_state *a, const model_audit_params *params,
                               model_audit_alarm *alarm)
{
    const bool is_told = audit_state_end_session(a, params, alarm);
    a->last_trial = -1;
    model_audit_start_session(&a->audit, params);
    return is_told;
}

bool audit_state_end_session(struct audit_state *a, const model_audit_params *params,
                             model_audit_alarm *alarm)
{
    if (a->audit.is_in_session != 0) {
        model_audit_end_session(&a->audit);
    }
    return model_audit_take(&a->audit, params, alarm);
}

bool audit_state_push(struct audit_state *a, const model_audit_params *params, int64_t number,
                      const model_audit_trial *trial, model_audit_alarm *alarm)
{
    if (number <= a->last_trial) {
        return false;
    }
    if (a->audit.is_in_session == 0 && a->last_trial >= 0) { /* it was ended, and goes on */
        a->audit.is_in_session = 1;
    }
    model_audit_trial heard = *trial;
    heard.is_gap = a->last_trial < 0 ? number > 1 : number != a->last_trial + 1;
    a->last_trial = number;
    return model_audit_observe(&a->audit, params, &heard) == MODEL_OK &&
           model_audit_take(&a->audit, params, alarm);
}

static const size_t HEAD = offsetof(struct audit_state, audit);

size_t audit_state_used(const struct audit_state *a)
{
    return HEAD + model_audit_used(&a->audit);
}

size_t audit_state_unpack(struct audit_state *a, const uint8_t bytes[], size_t size)
{
    const size_t used = size > HEAD ? model_audit_unpack(&a->audit, bytes + HEAD, size - HEAD) : 0;
    if (used == 0) {
        return 0;
    }
    memcpy(a, bytes, HEAD);
    return a->last_trial < 0 || a->audit.n_paths > 0 ? HEAD + used : 0;
}
