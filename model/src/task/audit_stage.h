/* audit_stage.h - a trial against the stages that the animal may be in. Threads: one owner of a
 * model_audit. Nothing allocates; all is RT-safe. */
#pragma once

#include "audit_bet.h"

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

/* Paths that count where chances of several are looked at together. */
static const double AUDIT_PATH_COUNTS = 0.01;

/* Probability that the trial is a debias trial; and of each class of contrasts. */
double audit_path_debias(const struct audit_step *step);
void audit_path_probabilities(const struct audit_step *step, double p[MODEL_AUDIT_CLASSES]);

/* Paths gain and lose by the contrast; those that are out of the question go. */
void audit_path_weigh(struct audit_step *step);

/* The trial's end. */
void audit_path_push(const struct audit_step *step);

const model_audit_path *audit_path_likeliest(const model_audit *audit);
