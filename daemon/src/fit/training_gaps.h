/* training_gaps.h - what a table lacks for a statement on the rule that its animals follow: too few
 * choices or animals, no errors; choices, rewards or stimuli that do not vary or are not known.
 *
 * Threads: any; the table is read. Memory: the caller's.
 */
#pragma once

#include "training_set.h"

enum { TRAINING_GAPS_CHOICES = 200, TRAINING_GAPS_TEXT_MAX = 160 };

enum training_gap {
    TRAINING_GAP_CHOICES,
    TRAINING_GAP_ANIMALS,
    TRAINING_GAP_ONE_SIDE,
    TRAINING_GAP_UNKNOWN_REWARDS,
    TRAINING_GAP_ALL_REWARDED,
    TRAINING_GAP_NONE_REWARDED,
    TRAINING_GAP_ERRORS,
    TRAINING_GAP_STIMULI,
    TRAINING_GAPS
};

struct training_gaps {
    size_t n; /* that are there */
    bool is_there[TRAINING_GAPS];
    size_t n_choices;
    size_t n_unknown; /* of these, without a known reward */
};

/* Trials without a choice do not count. */
void training_gaps_find(struct training_gaps *gaps, const struct training_set *training);

/* One sentence on a gap that is there, without its point. Returns out. */
const char *training_gaps_print(const struct training_gaps *gaps, enum training_gap gap,
                                char out[TRAINING_GAPS_TEXT_MAX]);
