#include "status_message.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fnv.h"

_Static_assert(sizeof((proto_training *)0)->criteria.v >=
                   MODEL_IBL_CRITERION_COUNT * sizeof(proto_criterion),
               "every criterion has room in a message");

int64_t status_message_session_id(const char *rig, const char *session)
{
    const uint64_t hash = fnv_bytes(FNV_START, rig, strlen(rig) + 1);
    return (int64_t)(fnv_bytes(hash, session, strlen(session) + 1) >> 1);
}

model_training_status_session_info status_message_unknown(void)
{
    return (model_training_status_session_info){.protocol = MODEL_IBL_CRITERIA_PROTOCOL_UNKNOWN,
                                                .delay_s = (double)NAN};
}

static model_training_status_session_info info(const char *task, bool is_ephys_rig, double delay_s)
{
    return (model_training_status_session_info){.protocol = model_ibl_criteria_protocol_of(task),
                                                .is_ephys_rig = is_ephys_rig,
                                                .delay_s = delay_s};
}

model_training_status_session_info status_message_info(const proto_session_start *start)
{
    return info(start->task, start->ephys_rig == 1, start->delay_s);
}

model_training_status_session_info status_message_row_info(const struct trial_row *row)
{
    return info(row->task, row->ephys_rig == 1, row->delay_s);
}

void status_message_criterion(proto_criterion *out, const model_ibl_criteria_check *check)
{
    proto_criterion_init(out);
    strcpy(out->name, model_ibl_criterion_of(check->criterion)->name);
    strcpy(out->unit, model_ibl_criterion_of(check->criterion)->unit);
    out->value = check->value;
    out->limit = check->limit;
    out->above = check->is_above ? 1 : 0;
    out->met = check->is_met ? 1 : 0;
}

/* The parameters of a curve: their number, 0 if there is none. */
static uint32_t fill_curve(double out[], const model_psychometric *curve)
{
    const double values[] = {curve->bias, curve->threshold, curve->lapse_low, curve->lapse_high};
    memcpy(out, values, sizeof values);
    return isnan(curve->bias) ? 0 : sizeof values / sizeof values[0];
}

static void fill(const model_training_status_standing *standing, bool is_running,
                 proto_message *out)
{
    const model_ibl_criteria_standing *now = &standing->now;
    proto_message_init(out, PROTO_KIND_TRAINING);
    proto_training *t = &out->as.training;
    strcpy(t->status, model_ibl_criteria_status_name(now->status));
    strcpy(t->reached, model_ibl_criteria_status_name(standing->reached));
    strcpy(t->next, model_ibl_criteria_status_name(now->next));
    t->sessions = (int64_t)now->n_behind;
    t->untrainable = standing->is_untrainable ? 1 : 0;
    t->unbiasable = standing->is_unbiasable ? 1 : 0;
    t->running = is_running ? 1 : 0;
    t->criteria.n = (uint32_t)now->n_checks;
    for (size_t i = 0; i < now->n_checks; i++) {
        status_message_criterion(&t->criteria.v[i], &now->check[i]);
    }
    t->curve.n = fill_curve(t->curve.v, &now->curve[MODEL_IBL_CRITERIA_ELSE]);
    t->curve_20.n = fill_curve(t->curve_20.v, &now->curve[MODEL_IBL_CRITERIA_20]);
    t->curve_80.n = fill_curve(t->curve_80.v, &now->curve[MODEL_IBL_CRITERIA_80]);
}

void status_message_need(const proto_criterion *criterion, int width, char *out, size_t cap)
{
    char value[32];
    (void)snprintf(value, sizeof value, isfinite(criterion->value) ? "%.4g" : "-",
                   criterion->value);
    (void)snprintf(out, cap, "%*s of %s %g%s", width, value, criterion->above == 1 ? ">" : "<",
                   criterion->limit, criterion->unit);
}

bool status_message_fill(const struct subjects *subjects, uint32_t subject, proto_message *out)
{
    const struct subject *s = &subjects->subject[subject];
    if (s->standing.n_pushed < 0 || s->state.session < 0) {
        return false;
    }
    fill(&s->standing, !s->is_judged_at_end, out);
    subjects_address(subjects, subject, &out->env);
    return true;
}
