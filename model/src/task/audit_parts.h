/* audit_parts.h - what the files of model/audit.h share: bets, and the paths that the stage may
 * have taken. Threads: one owner of a model_audit. Nothing allocates; all is RT-safe. */
#ifndef AUDIT_PARTS_H
#define AUDIT_PARTS_H

#include "model/audit.h"

/* One trial on its way through the rules. */
struct audit_step {
    model_audit *audit;
    const model_audit_params *params;
    const model_audit_trial *trial;
    int side;              /* 1, 0, -1 unknown */
    bool side_is_inferred; /* from choice and reward */
    uint32_t class_at;     /* of the contrast */
};

/* What is declared of a chance that may differ from path to path. */
struct audit_chance {
    double lo, hi;
};

/* How many trials may go against a rule without its being broken: of those who bet against it, none
 * wins more than the inverse with one trial. */
static const double AUDIT_SLACK = 1.0 / 300.0;
static const double AUDIT_SLACK_STAGE = 1e-5;
static const double AUDIT_SLACK_CARRIED = 0.02;

model_audit_rule audit_bet_rule(int bet);
double audit_bet_weight(int bet);
void audit_rule_wealth(const model_audit *audit, double wealth[MODEL_AUDIT_RULES]);

/* So much is put on every bet, as if betting began now. */
void audit_bet_begin(model_audit *audit, const model_audit_params *params, double mass);

/* A trial had probability `ratio` times what was declared, in the eyes of one who bets. hit: the
 * trial is what the bet is on. */
void audit_bet_settle(model_audit *audit, const model_audit_params *params, int bet, double ratio,
                      bool hit, double slack);

/* The same for something that happened or not: declared to happen with a chance in that interval;
 * q for who bets. */
void audit_bet_event(model_audit *audit, const model_audit_params *params, int bet, double q,
                     struct audit_chance declared, bool happened, double slack);

/* The chance as it has been lately, the declared one counting for so many trials. Then the bet. */
void audit_bet_lately(model_audit *audit, const model_audit_params *params, int bet,
                      struct audit_chance declared, double strength, bool happened, double slack);

/* Bets on contrasts are against a mixture of paths of which the true one has this share. */
void audit_bet_discount(model_audit *audit, double share);

/* Where a session may begin. */
void audit_path_start(model_audit *audit, const model_audit_params *params);

/* The stage is heard no longer. */
void audit_path_forget(struct audit_step *step);

/* Trials were not heard. */
void audit_path_break(model_audit *audit);

/* Each path goes on to the stage of the trial to come. */
void audit_path_move(struct audit_step *step);

/* Leaves one path, in the stage that was heard; what else was heard of it settles bets. */
void audit_path_pin(struct audit_step *step);

/* Number of a contrast's class. */
uint32_t audit_class(const model_audit_params *params, double contrast);

/* Paths that count where chances of several are looked at together. */
static const double AUDIT_PATH_COUNTS = 0.01;

/* Probability that the trial is a debias trial; and of each class of contrasts. */
double audit_path_debias(const struct audit_step *step);
void audit_path_probabilities(const struct audit_step *step, double p[MODEL_AUDIT_CLASSES]);

/* Paths gain and lose by the contrast; those that are out of the question go. */
void audit_path_weigh(struct audit_step *step);

/* The trial's end. */
void audit_path_push(const struct audit_step *step);

/* Calls the rules against which there is enough evidence. */
void audit_call(model_audit *audit, const model_audit_params *params);

const model_audit_path *audit_path_likeliest(const model_audit *audit);

#endif
