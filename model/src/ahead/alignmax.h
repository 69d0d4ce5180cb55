/* alignmax.h - which stimulus would teach an animal most in its next trial: AlignMax (Bak et
 * al. 2016), averaged over what is known of it.
 *
 * Formula: docs/advice.md, section AlignMax.
 * Threads: any, on different objects. Memory: the caller's; nothing allocates. RT-safe: all of it.
 */
#pragma once

#include <stddef.h>

#include "model/rate_grid.h"

/* What a stimulus weight is to become where nothing else is wanted: at contrast 1, 0.7% errors. */
#define MODEL_ALIGNMAX_GOAL 5.0

/* The weights that an animal is to have: every one of a stimulus `strength`, all others 0: w[n]. */
void model_alignmax_goal(const model_policy *policy, double strength, double w[]);

/* gain[i] of showing contrasts[i], signed, next: E[dw] . (goal - w), the mean over choices,
 * rewards, each strand's posterior, and strands by weight[pace->n]. p_reward: [side][choice] as in
 * a protocol's stage; without contrast either side is as likely. A rule that gives no number counts
 * as one that does not move. Reads only. O(n strands steps of a rule). */
void model_alignmax(const model_rate_grid *pace, const model_bank_params *params,
                    const double weight[], const double goal[], double p_reward[2][2], size_t n,
                    const double contrasts[], double gain[]);
