/* summary_line.h - the messages about an animal's future, each summarised in one line.
 *
 * A line consists of clauses, the most important first; those that do not fit in out[cap] are
 * omitted whole, the first one is cut. Lines without content are "". Text of a message is passed on
 * unchanged. Threads: any. Memory: the caller's; nothing allocates.
 */
#pragma once

#include <stddef.h>

#include "proto/message.h"

enum { SUMMARY_LINE_MAX = 320 }; /* room for every clause there is */

/* "in_training; lacks easy 0.71 of > 0.8; trained_1a within 3 sessions 0.42": where it stands, the
 * criterion that is furthest from its limit, the chance of the next status. NULL for what was not
 * heard. */
void summary_line_status(const proto_training *training, const proto_forecast *forecast, char *out,
                         size_t cap);

/* "0.8 correct in 640 trials (50% 410 to 900, 90% 280 to later)", counted from the trial that it is
 * based on. */
void summary_line_forecast(const proto_forecast *forecast, char *out, size_t cap);

/* "contrast 0.25, part 0.5: +0.012 (-0.004 to 0.030) in 200 trials, better with 0.81", or "none: "
 * and the reason. */
void summary_line_advice(const proto_suggestion *suggestion, char *out, size_t cap);
