/* rule_memory.h - the memory of the rule basis: of which quantity of earlier trials, rewards or
 * choices, how long it lasts, and how much of a step earlier choices are.
 *
 * With a decay l, the trial k trials ago counts for l^k: the memory lasts a mean of 1 / (1 - l)
 * trials (docs/model.md, section rule_probe). Intervals are by the members of a rule_ensemble that
 * was probed. Threads: any; the ensemble is read. Memory: the caller's.
 */
#pragma once

#include "rule_ensemble.h"

enum rule_memory { RULE_MEMORY_REWARDS, RULE_MEMORY_CHOICES, RULE_MEMORIES };

/* An interval of lengths whose ends are further apart, as a factor, tells nothing. */
#define RULE_MEMORY_FACTOR_MAX 10.0

/* Trials. No draw has a memory of just one trial, the shortest there is: an interval that begins
 * below this begins at 1. */
#define RULE_MEMORY_ONE_MAX 1.1

const char *rule_memory_name(enum rule_memory memory);

/* Whether the ensemble is of rule basis: no other rule says how long its memory is. */
bool rule_memory_is_there(const struct rule_ensemble *e);

/* How many trials it lasts, by the members that have it: the median and the 90% interval, NaN
 * without one; all NaN where most have none. */
struct rule_ensemble_value rule_memory_trials(const struct rule_ensemble *e,
                                              enum rule_memory memory);

/* c / (|c| + |d|) of a weight, of all for weight = policy's n: c what a reward teaches of choices
 * before its own, d what of its own; -1 to 1, below 0: away from them. NaN: nothing moves. */
struct rule_ensemble_value rule_memory_part(const struct rule_ensemble *e, uint32_t weight);

/* Whether the animals show that there is one: where there is none, a length says nothing. By the
 * interval of the history index of all weights, or of rule_memory_part(): it leaves 0 out. Without
 * intervals: yes. */
bool rule_memory_is_shown(const struct rule_ensemble *e, enum rule_memory memory);

/* False if it is not shown, or the interval of rule_memory_trials() is too wide to say anything. */
bool rule_memory_is_known(const struct rule_ensemble *e, enum rule_memory memory,
                          const struct rule_ensemble_value *trials);
