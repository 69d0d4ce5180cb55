/* audit_bet.h - bets against the rules. Threads: one owner of a model_audit.
 * Nothing allocates; all is RT-safe. */
#pragma once

#include "model/audit.h"

/* How many trials may go against a rule without its being broken: of those who bet against it, none
 * wins more than the inverse with one trial. */
static const double AUDIT_SLACK = 1.0 / 300.0;
static const double AUDIT_SLACK_STAGE = 1e-5;
static const double AUDIT_SLACK_CARRIED = 0.02;

/* One trial on its way through the rules. */
struct audit_step {
    model_audit *audit;
    const model_audit_params *params;
    const model_audit_trial *trial;
    int side;              /* 1, 0, -1 unknown */
    bool side_is_inferred; /* from choice and reward */
    uint32_t class_at;     /* of the contrast */
    double slack;          /* of bets by it */
};

/* What is declared of a chance that may differ from path to path. */
struct audit_chance {
    double lo, hi;
};

model_audit_rule audit_bet_rule(int bet);
double audit_bet_weight(int bet);
void audit_rule_wealth(const model_audit *audit, double wealth[MODEL_AUDIT_RULES]);

/* So much is put on every bet, as if betting began now. */
void audit_bet_begin(model_audit *audit, const model_audit_params *params, double mass);

/* A trial had probability `ratio` times what was declared, in the eyes of one who bets. hit: the
 * trial is what the bet is on. */
void audit_bet_settle(const struct audit_step *step, int bet, double ratio, bool hit);

/* The same for something that happened or not: declared to happen with a chance in that interval;
 * q for who bets. */
void audit_bet_event(const struct audit_step *step, int bet, double q, struct audit_chance declared,
                     bool happened);

/* The chance as it has been lately, the declared one counting for so many trials. Then the bet. */
void audit_bet_lately(const struct audit_step *step, int bet, struct audit_chance declared,
                      double strength, bool happened);

/* Bets on contrasts are against a mixture of paths of which the true one has this share. */
void audit_bet_discount(model_audit *audit, double share);
