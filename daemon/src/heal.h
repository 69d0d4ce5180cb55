/* heal.h - takes up trials that come after their successors as if they had come in order.
 *
 * When a gap opens, the learner before it is kept with the trials that follow. A late trial is put
 * in its place and the learner is run again from there, so that it ends exactly where it would have
 * stood. After HEAL_TRIALS trials the gap is given up.
 * Threads: one owner. Memory: plain, checkpointed as it is.
 */
#ifndef MURID_HEAL_H
#define MURID_HEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "learner.h"

enum { HEAL_TRIALS = 64 };

/* A model_trial and its number, without the padding that a model_trial has. */
struct heal_trial {
    int64_t number;
    double contrast;
    double reward;
    double rt_s;
    int32_t choice;
    int32_t side;
};
_Static_assert(sizeof(struct heal_trial) == 40, "no padding");

struct heal {
    struct learner before; /* as it stood when the gap opened */
    struct heal_trial trials[HEAL_TRIALS];
    int64_t n;
    int64_t is_open; /* 0 or 1; a word, so that the struct has no padding */
};

/* A gap opens before the next trial; does nothing if one is open already. RT-safe: yes. */
void heal_open(struct heal *heal, const struct learner *learner);

/* Notes a trial that was taken up in order while a gap is open. RT-safe: yes. */
void heal_note(struct heal *heal, int64_t number, const model_trial *trial);

/* Takes a late trial up in its place. MODEL_OK; or MODEL_ERR_SPACE if the gap was given up, or
 * another negative status, and nothing changed. RT-safe: yes, at most HEAL_TRIALS + 1 updates. */
int heal_insert(struct heal *heal, struct learner *learner, const struct learner_models *models,
                int64_t number, const model_trial *trial, struct learner_outcome *outcome);

/* Nothing is missing any more, or the session is over. RT-safe: yes. */
void heal_close(struct heal *heal);

#endif
