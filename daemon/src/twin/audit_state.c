#include "audit_state.h"

#include <stdio.h>
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

void audit_state_init(struct audit_state *a, const struct audit_protocol *protocol)
{
    audit_state_choose(a, protocol, "");
    a->last_trial = -1;
    a->n_known = protocol->n_known;
    a->is_out = 0;
    model_audit_init(&a->audit);
    for (uint32_t i = 0; i < protocol->n_known; i++) {
        model_audit_init(&a->known[i]);
    }
}

void audit_state_choose(struct audit_state *a, const struct audit_protocol *protocol,
                        const char *software)
{
    memset(a->software, 0, sizeof a->software);
    (void)snprintf(a->software, sizeof a->software, "%s", software);
    a->chosen = audit_protocol_choose(protocol, a->software);
}

const model_audit_params *audit_state_params(const struct audit_state *a,
                                             const struct audit_protocol *protocol)
{
    return a->chosen >= 0 && a->chosen < (int64_t)protocol->n_known
               ? &protocol->known[a->chosen].params
               : &protocol->declared;
}

/* A damaged checkpoint may name more than there are. */
static int64_t count_known(const struct audit_state *a, const struct audit_protocol *protocol)
{
    return a->n_known < (int64_t)protocol->n_known ? a->n_known : (int64_t)protocol->n_known;
}

static bool is_out(const struct audit_state *a, int64_t i)
{
    return (a->is_out >> i & 1) != 0;
}

/* Bit mask of the known protocols that the stream may be of. */
static uint32_t find_known(const struct audit_state *a, const struct audit_protocol *protocol)
{
    uint32_t fits = 0;
    for (int64_t i = 0; i < count_known(a, protocol); i++) {
        fits |= !is_out(a, i) && model_audit_fits(&a->known[i]) ? UINT32_C(1) << i : 0;
    }
    return fits;
}

static bool take(struct audit_state *a, const struct audit_protocol *protocol,
                 model_audit_alarm *alarm)
{
    if (!model_audit_take(&a->audit, audit_state_params(a, protocol), alarm)) {
        return false;
    }
    alarm->fits = alarm->is_foreign ? find_known(a, protocol) : 0;
    return true;
}

bool audit_state_start_session(struct audit_state *a, const struct audit_protocol *protocol,
                               const char *software, model_audit_alarm *alarm)
{
    const bool is_told = audit_state_end_session(a, protocol, alarm);
    a->last_trial = -1;
    audit_state_choose(a, protocol, software);
    model_audit_start_session(&a->audit, audit_state_params(a, protocol));
    for (int64_t i = 0; i < count_known(a, protocol); i++) {
        if (!is_out(a, i)) {
            model_audit_start_session(&a->known[i], &protocol->known[i].params);
        }
    }
    return is_told;
}

bool audit_state_end_session(struct audit_state *a, const struct audit_protocol *protocol,
                             model_audit_alarm *alarm)
{
    if (a->audit.is_in_session != 0) {
        model_audit_end_session(&a->audit);
    }
    return take(a, protocol, alarm);
}

/* A known protocol is out with the first rule that is broken. */
static void try_known(struct audit_state *a, const struct audit_protocol *protocol,
                      const model_audit_trial *trial)
{
    for (int64_t i = 0; i < count_known(a, protocol); i++) {
        if (is_out(a, i)) {
            continue;
        }
        (void)model_audit_observe(&a->known[i], &protocol->known[i].params, trial);
        for (int rule = 0; rule < MODEL_AUDIT_RULES; rule++) {
            a->is_out |= a->known[i].called[rule] != 0 ? INT64_C(1) << i : 0;
        }
    }
}

bool audit_state_push(struct audit_state *a, const struct audit_protocol *protocol, int64_t number,
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
    if (model_audit_observe(&a->audit, audit_state_params(a, protocol), &heard) != MODEL_OK) {
        return false;
    }
    try_known(a, protocol, &heard);
    return take(a, protocol, alarm);
}

static const size_t HEAD = offsetof(struct audit_state, audit);

size_t audit_state_size(const struct audit_state *a)
{
    size_t size = HEAD + model_audit_used(&a->audit);
    for (int64_t i = 0; i < a->n_known; i++) {
        size += is_out(a, i) ? 0 : model_audit_used(&a->known[i]);
    }
    return size;
}

void audit_state_pack(const struct audit_state *a, uint8_t out[])
{
    size_t at = HEAD + model_audit_used(&a->audit);
    memcpy(out, a, at);
    for (int64_t i = 0; i < a->n_known; i++) {
        const size_t used = is_out(a, i) ? 0 : model_audit_used(&a->known[i]);
        memcpy(out + at, &a->known[i], used);
        at += used;
    }
}

size_t audit_state_unpack(struct audit_state *a, const uint8_t bytes[], size_t size)
{
    size_t used = size > HEAD ? model_audit_unpack(&a->audit, bytes + HEAD, size - HEAD) : 0;
    if (used == 0) {
        return 0;
    }
    memcpy(a, bytes, HEAD);
    a->software[sizeof a->software - 1] = '\0';
    size_t at = HEAD + used;
    if (a->n_known < 0 || a->n_known > MODEL_PROTOCOL_RELEASES ||
        (a->last_trial >= 0 && a->audit.n_paths == 0)) {
        return 0;
    }
    for (int64_t i = 0; i < a->n_known; i++) {
        if (!is_out(a, i)) {
            used = model_audit_unpack(&a->known[i], bytes + at, size - at);
            at += used;
            if (used == 0) {
                return 0;
            }
        }
    }
    return at;
}
