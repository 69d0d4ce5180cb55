#include "subject_state.h"

#include <string.h>

static const size_t HEAD = offsetof(struct subject_state, twin);

static size_t audits_size(const struct subject_state *state)
{
    size_t size = 0;
    for (int64_t i = 0; i < state->n_audits; i++) {
        size += audit_state_size(&state->audit[i]);
    }
    return size;
}

size_t subject_state_size(const struct subject_state *state)
{
    return HEAD + twin_used(&state->twin) + backfill_size(&state->backfill) +
           model_training_status_size(&state->tracker) + audits_size(state);
}

void subject_state_pack(const struct subject_state *state, uint8_t out[])
{
    const size_t used = twin_used(&state->twin);
    memcpy(out, state, HEAD + used);
    backfill_pack(&state->backfill, out + HEAD + used);
    size_t at = HEAD + used + backfill_size(&state->backfill);
    for (int64_t i = 0; i < state->n_audits; i++) {
        audit_state_pack(&state->audit[i], out + at);
        at += audit_state_size(&state->audit[i]);
    }
    model_training_status_pack(&state->tracker, out + at);
}

bool subject_state_unpack(struct subject_state *state, const uint8_t bytes[], size_t size)
{
    if (size < HEAD) {
        return false;
    }
    memcpy(state, bytes, HEAD);
    const size_t used = twin_unpack(&state->twin, bytes + HEAD, size - HEAD);
    if (used == 0) {
        return false;
    }
    size_t at = HEAD + used;
    const size_t healed = backfill_unpack(&state->backfill, bytes + at, size - at);
    at += healed;
    if (state->n_audits < 0 || state->n_audits > PROTOCOL_LIST_MAX || state->audit_at < -1 ||
        state->audit_at >= state->n_audits) {
        return false;
    }
    for (int64_t i = 0; healed > 0 && i < state->n_audits; i++) {
        const size_t audited = audit_state_unpack(&state->audit[i], bytes + at, size - at);
        at += audited;
        if (audited == 0) {
            return false;
        }
    }
    return healed > 0 &&
           model_training_status_unpack(&state->tracker, bytes + at, size - at) == size - at &&
           at < size;
}

void subject_state_audit_anew(struct subject_state *state, const struct twin_models *models,
                              const char *task, const char *software)
{
    const struct audit_protocols *protocols = models->protocols;
    state->n_audits = protocols != NULL ? protocols->n : 0;
    state->audit_at = protocols != NULL ? audit_protocols_find(protocols, task) : -1;
    for (int64_t i = 0; i < state->n_audits; i++) {
        audit_state_init(&state->audit[i], &protocols->v[i]);
    }
    if (state->audit_at >= 0) {
        audit_state_choose(&state->audit[state->audit_at], &protocols->v[state->audit_at],
                           software);
    }
}

void subject_state_reset(struct subject_state *state, const struct twin_models *models)
{
    memset(state, 0, HEAD);
    state->session = -1;
    twin_init(&state->twin, models);
    backfill_close(&state->backfill);
    model_training_status_init(&state->tracker);
    subject_state_audit_anew(state, models, "", "");
}
