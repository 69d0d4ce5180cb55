/* learner.h - virtual animals whose rules murid's twin does not have: how each is drawn, how it
 * learns, what is true of it.
 *
 * Policy stimulus_right, stimulus_left, bias; the nets' is that of the model they come from. All
 * that is drawn is a function of a seed and the animal's number. Threads: any, on different
 * objects. Memory: the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/bank.h"
#include "model/protocol.h"
#include "model/virtual_mouse.h"

/* X(NAME, text). */
#define LEARNERS(X)                                                                                \
    X(REINFORCE, "reinforce")                                                                      \
    X(BASE, "reinforce_base")                                                                      \
    X(TRACE, "eligibility")                                                                        \
    X(NET, "rnn of mice")                                                                          \
    X(IDLE, "does not learn")

#define LEARNER_ENUM(NAME, text) LEARNER_##NAME,
typedef enum { LEARNERS(LEARNER_ENUM) LEARNER_KINDS } learner_kind;
#undef LEARNER_ENUM

typedef struct {
    model_params params;
    double pace; /* of the net's steps */
} learner;

const char *learner_name(learner_kind kind);

/* nets: a bank that NET draws from its members of the rule rnn. */
void learner_draw(learner *l, learner_kind kind, const model_bank_params *nets, uint64_t seed,
                  uint64_t number);

/* The mouse learns from a trial that it was rewarded in or not, and its weights drift. */
void learner_learn(const learner *l, model_virtual_mouse *mouse, const model_trial *trial);

/* The same step in the mean, without the drift: what a trial would teach. */
void learner_step(const learner *l, model_virtual_mouse *mouse, const model_trial *trial);

/* p(right) of the true policy without history. */
double learner_truth(const learner *l, const model_virtual_mouse *mouse, double contrast);

/* Proportion right of a stage's stimuli with contrast, on the side that is done worse. */
double learner_worse_side(const learner *l, const model_virtual_mouse *mouse,
                          const model_protocol_stage *stage);
