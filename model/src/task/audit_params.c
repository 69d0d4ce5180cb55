#include "audit_params.h"

#include <math.h>
#include <string.h>

uint32_t audit_class(const model_audit_params *params, double contrast)
{
    uint32_t i = 0;
    while (i < params->n_contrasts && !(fabs(params->contrast[i] - fabs(contrast)) < AUDIT_SAME)) {
        i++;
    }
    return i < params->n_contrasts ? i : MODEL_AUDIT_CONTRASTS;
}

static int add_stage(model_audit_params *params, uint32_t number)
{
    const model_protocol_stage *stage = &params->protocol.stage[number];
    for (uint32_t i = 0; i < stage->n_contrasts; i++) {
        uint32_t at = audit_class(params, stage->contrast[i]);
        if (at == MODEL_AUDIT_CONTRASTS) {
            if (params->n_contrasts == MODEL_AUDIT_CONTRASTS) {
                return MODEL_ERR_SPACE;
            }
            at = params->n_contrasts++;
            params->contrast[at] = stage->contrast[i];
        }
        params->probability[number][at] += stage->probability[i];
    }
    return MODEL_OK;
}

int model_audit_params_init(model_audit_params *params, const model_protocol *protocol,
                            double sessions_per_alarm)
{
    if (!(sessions_per_alarm >= 1.0) || !isfinite(sessions_per_alarm)) {
        return MODEL_ERR_ARG;
    }
    memset(params, 0, sizeof *params);
    params->protocol = *protocol;
    params->sessions_per_alarm = sessions_per_alarm;
    int rc = MODEL_OK;
    for (uint32_t i = 0; rc == MODEL_OK && i < protocol->n_stages; i++) {
        rc = add_stage(params, i);
    }
    return rc;
}
