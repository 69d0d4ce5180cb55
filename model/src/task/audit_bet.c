#include "audit_bet.h"

#include <math.h>

static const double WEALTH_MOST = 1e15;
/* Trials that a chance is followed over. */
#define LATELY_N 200.0
#define RECENT_N 25.0
static const int64_t FORGIVE_SESSIONS = 10; /* a rule is told of once in so many, at most */

#define AUDIT_RULE(NAME, rule, share) MODEL_AUDIT_##rule,
static const uint8_t RULE_OF[] = {MODEL_AUDIT_BET_LIST(AUDIT_RULE)};
#undef AUDIT_RULE
#define AUDIT_SHARE(NAME, rule, share) share,
static const double SHARE_OF[] = {MODEL_AUDIT_BET_LIST(AUDIT_SHARE)};
#undef AUDIT_SHARE

static int kind_of(int bet)
{
    return bet < MODEL_AUDIT_BET_STAGE_0 ? bet : MODEL_AUDIT_BET_STAGE_0;
}

model_audit_rule audit_bet_rule(int bet)
{
    return (model_audit_rule)RULE_OF[kind_of(bet)];
}

double audit_bet_weight(int bet)
{
    const double share = SHARE_OF[kind_of(bet)];
    return bet < MODEL_AUDIT_BET_STAGE_0 ? share : share / MODEL_PROTOCOL_STAGES;
}

void audit_rule_wealth(const model_audit *audit, double wealth[MODEL_AUDIT_RULES])
{
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        wealth[i] = 0.0;
    }
    for (int i = 0; i < MODEL_AUDIT_BET_STAGE_0; i++) {
        wealth[RULE_OF[i]] += SHARE_OF[i] * audit->bet[i].wealth;
    }
    for (int i = MODEL_AUDIT_BET_STAGE_0; i < MODEL_AUDIT_BETS; i++) {
        wealth[MODEL_AUDIT_STAGE] += audit_bet_weight(i) * audit->bet[i].wealth;
    }
}

void audit_bet_begin(model_audit *audit, const model_audit_params *params, double mass)
{
    const int n = MODEL_AUDIT_BET_STAGE_0 + (int)params->protocol.n_stages;
    for (int i = 0; i < n; i++) {
        audit->bet[i].wealth += mass;
    }
}

/* The rule is kept again: it may be called anew. */
static void forgive(model_audit *audit, model_audit_rule rule)
{
    audit->called[rule] = audit->is_new[rule] = audit->is_told[rule] = 0;
    audit->back[rule] = 0.0;
    bool any = false;
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        any = any || audit->called[i] != 0;
    }
    audit->is_foreign = audit->is_foreign != 0 && any ? 1 : 0;
    for (int i = 0; i < MODEL_AUDIT_BETS; i++) {
        if (audit_bet_rule(i) == rule) {
            audit->bet[i] = (model_audit_bet){0};
        }
    }
}

void audit_bet_settle(const struct audit_step *step, int bet, double ratio, bool hit)
{
    model_audit *audit = step->audit;
    const model_audit_rule rule = audit_bet_rule(bet);
    model_audit_bet *b = &audit->bet[bet];
    const double factor =
        ratio < 1e300 ? ratio / (1.0 - step->slack + step->slack * ratio) : 1.0 / step->slack;
    if (audit->called[rule] != 0) {
        if (audit->by[rule] == bet) {
            audit->back[rule] = fmax(audit->back[rule] - log(fmax(factor, 1e-300)), 0.0);
        }
        if (audit->back[rule] >= 2.0 * log(step->params->sessions_per_alarm) &&
            audit->sessions >= audit->called[rule] + FORGIVE_SESSIONS) {
            forgive(audit, rule);
        }
        return;
    }
    b->wealth *= factor;
    b->wealth = b->wealth < WEALTH_MOST ? b->wealth : WEALTH_MOST;
    if (b->run <= 1.0) {
        b->run = 1.0;
        b->n = b->hits = 0;
    }
    b->run *= factor;
    b->run = b->run < WEALTH_MOST ? b->run : WEALTH_MOST;
    b->n++;
    b->hits += hit;
    const bool is_recent = bet == MODEL_AUDIT_BET_SIDE_RECENT;
    if (b->seen >= (is_recent ? RECENT_N : LATELY_N)) {
        const double keep = is_recent ? 1.0 - 1.0 / RECENT_N : 1.0 - 1.0 / LATELY_N;
        b->seen *= keep;
        b->struck *= keep;
    }
    b->seen += 1.0;
    b->struck += hit ? 1.0 : 0.0;
}

static double ratio_of(double q, double p)
{
    return p > 0.0 ? q / p : (q > 0.0 ? (double)INFINITY : 1.0);
}

void audit_bet_event(const struct audit_step *step, int bet, double q, struct audit_chance declared,
                     bool happened)
{
    /* Of all chances that are declared the one nearest to q: against the others more is lost. */
    const double p = fmin(fmax(q, declared.lo), declared.hi);
    const double ratio = happened ? ratio_of(q, p) : ratio_of(1.0 - q, 1.0 - p);
    audit_bet_settle(step, bet, ratio, happened);
}

void audit_bet_lately(const struct audit_step *step, int bet, struct audit_chance declared,
                      double strength, bool happened)
{
    const model_audit_bet *b = &step->audit->bet[bet];
    const double p = 0.5 * (declared.lo + declared.hi);
    const double q = (b->struck + 0.5 + strength * p) / (b->seen + 1.0 + strength);
    audit_bet_event(step, bet, q, declared, happened);
}

void audit_bet_discount(model_audit *audit, double share)
{
    audit->bet[MODEL_AUDIT_BET_CONTRAST_OTHER].wealth *= share;
    audit->bet[MODEL_AUDIT_BET_CONTRAST_DRAWN].wealth *= share;
    for (int i = MODEL_AUDIT_BET_STAGE_0; i < MODEL_AUDIT_BETS; i++) {
        audit->bet[i].wealth *= share;
    }
}
