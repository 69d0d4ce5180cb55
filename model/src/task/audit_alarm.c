#include "audit_alarm.h"

#include <math.h>

#include "audit_bet.h"
#include "audit_stage.h"

static const int64_t WAIT = 15;        /* trials in which other rules may join */
static const int64_t WAIT_FIRST = 60;  /* trials of the first session, at least */
static const double SUSPICIOUS = 30.0; /* an e-value with which they do */
static const double FOREIGN = 0.25;    /* share of contrasts of no stage */

static const struct {
    const char *name;
    const char *look;
    double weight;
    int family;
} RULES[] = {
#define AUDIT_ROW(NAME, name, weight, family, look) {#name, look, weight, family},
    MODEL_AUDIT_RULE_LIST(AUDIT_ROW)
#undef AUDIT_ROW
};

const char *model_audit_rule_name(model_audit_rule rule)
{
    return (unsigned)rule < MODEL_AUDIT_RULES ? RULES[rule].name : NULL;
}

const char *model_audit_rule_look(model_audit_rule rule)
{
    return (unsigned)rule < MODEL_AUDIT_RULES ? RULES[rule].look : NULL;
}

double model_audit_e_value(const model_audit *audit, model_audit_rule rule)
{
    double wealth[MODEL_AUDIT_RULES];
    audit_rule_wealth(audit, wealth);
    return RULES[rule].weight * wealth[rule];
}

static int best_bet(const model_audit *audit, int rule)
{
    int best = -1;
    for (int i = 0; i < MODEL_AUDIT_BETS; i++) {
        if (audit_bet_rule(i) == (model_audit_rule)rule &&
            (best < 0 || audit_bet_weight(i) * audit->bet[i].wealth >
                             audit_bet_weight(best) * audit->bet[best].wealth)) {
            best = i;
        }
    }
    return best;
}

void audit_call(model_audit *audit, const model_audit_params *params)
{
    double wealth[MODEL_AUDIT_RULES];
    audit_rule_wealth(audit, wealth);
    if (audit->wait > 0) {
        audit->wait--;
    }
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        if (audit->called[i] == 0 && RULES[i].weight * wealth[i] >= params->sessions_per_alarm) {
            const int64_t early = audit->sessions == 1 ? WAIT_FIRST - audit->trial : 0;
            audit->called[i] = audit->sessions;
            audit->is_new[i] = 1;
            audit->by[i] = best_bet(audit, i);
            audit->back[i] = 0.0;
            if (audit->wait < 0) {
                audit->wait = early > WAIT ? early : WAIT;
            }
        }
    }
}

void model_audit_end_session(model_audit *audit)
{
    audit->is_in_session = 0;
    audit->wait = audit->wait > 0 ? 0 : audit->wait;
}

/* More than one family of rules is broken, or likely to be. */
static bool is_broken_widely(const model_audit *audit)
{
    uint32_t families = 0;
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        if (audit->called[i] != 0 ||
            model_audit_e_value(audit, (model_audit_rule)i) >= SUSPICIOUS) {
            families |= UINT32_C(1) << RULES[i].family;
        }
    }
    return (families & (families - 1)) != 0;
}

bool model_audit_fits(const model_audit *audit)
{
    bool fits = true;
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        fits = fits && audit->called[i] == 0 &&
               model_audit_e_value(audit, (model_audit_rule)i) < SUSPICIOUS;
    }
    return fits;
}

static bool is_of_no_stage(const model_audit *audit, const model_audit_params *params)
{
    const model_audit_bet *b = &audit->bet[MODEL_AUDIT_BET_CONTRAST_OTHER];
    for (uint32_t i = 0; i < params->n_contrasts; i++) {
        if (fabs(params->contrast[i] - audit->other_contrast) < 1e-4) {
            return false;
        }
    }
    return audit->called[MODEL_AUDIT_CONTRAST] != 0 &&
           audit->by[MODEL_AUDIT_CONTRAST] == MODEL_AUDIT_BET_CONTRAST_OTHER &&
           (double)b->hits >= FOREIGN * (double)b->n;
}

/* Nothing new to say of a family that was told of already. */
static bool is_told_family(const model_audit *audit, int rule)
{
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        if (audit->is_told[i] != 0 && RULES[i].family == RULES[rule].family) {
            return true;
        }
    }
    return false;
}

/* The new rule with the most evidence, or -1. Which are new is forgotten. */
static int choose(model_audit *audit)
{
    int best = -1;
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        const double e = model_audit_e_value(audit, (model_audit_rule)i);
        if (audit->is_new[i] != 0 && !is_told_family(audit, i) &&
            (best < 0 || e > model_audit_e_value(audit, (model_audit_rule)best))) {
            best = i;
        }
    }
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        audit->is_told[i] = audit->is_told[i] != 0 || audit->is_new[i] != 0 ? 1 : 0;
        audit->is_new[i] = 0;
    }
    return best;
}

static void explain_contrast(const model_audit *audit, const model_audit_params *params,
                             model_audit_alarm *alarm)
{
    double most = -1.0;
    alarm->contrast = audit->other_contrast;
    for (uint32_t i = 0; alarm->bet == MODEL_AUDIT_BET_CONTRAST_DRAWN && i < params->n_contrasts;
         i++) {
        const double due = audit->expected[i];
        const double odd = (audit->drawn[i] - due) * (audit->drawn[i] - due) / (due + 1.0);
        if (odd > most) {
            most = odd;
            alarm->contrast = params->contrast[i];
            alarm->seen = audit->drawn[i];
            alarm->due = due;
        }
    }
}

static void explain(const model_audit *audit, const model_audit_params *params,
                    model_audit_alarm *alarm)
{
    const model_audit_bet *b = &audit->bet[alarm->bet];
    alarm->e_value = model_audit_e_value(audit, alarm->rule);
    alarm->n = b->n;
    alarm->hits = b->hits;
    alarm->stage = model_audit_stage(audit, NULL);
    if (alarm->rule == MODEL_AUDIT_CONTRAST) {
        explain_contrast(audit, params, alarm);
    }
    if (alarm->bet >= MODEL_AUDIT_BET_STAGE_0) {
        alarm->other = (uint32_t)(alarm->bet - MODEL_AUDIT_BET_STAGE_0);
    } else if (alarm->rule == MODEL_AUDIT_STAGE) {
        alarm->stage = (uint32_t)audit->stage_before;
        alarm->other = (uint32_t)audit->stage_due;
        alarm->heard = (uint32_t)audit->stage_heard;
    }
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        alarm->rules |= audit->called[i] != 0 ? UINT32_C(1) << i : 0;
    }
}

bool model_audit_take(model_audit *audit, const model_audit_params *params,
                      model_audit_alarm *alarm)
{
    if (audit->wait != 0) {
        return false;
    }
    audit->wait = -1;
    const int rule = choose(audit);
    if (rule < 0 || audit->is_foreign != 0) {
        return false;
    }
    *alarm = (model_audit_alarm){.rule = (model_audit_rule)rule,
                                 .bet = (model_audit_bet_kind)audit->by[rule]};
    explain(audit, params, alarm);
    alarm->is_foreign = is_broken_widely(audit) || is_of_no_stage(audit, params);
    audit->is_foreign = alarm->is_foreign;
    return true;
}
