/* bridge/text_pairs.h - named values in a printed text: KEY:VALUE or KEY=VALUE, with blanks,
 * commas, semicolons or bars between.
 *
 * The text is not trusted. Threads: any. Memory: none kept. RT-safe: yes.
 */
#pragma once

#include "bridge/trial_fields.h"

/* Puts all values that the fields ask for; *slots gets a bit for each that was there. NULL, or the
 * value that is too long. */
const char *bridge_text_pairs_read(struct bridge_text text,
                                   const struct bridge_trial_fields *fields,
                                   struct bridge_values *values, uint64_t *slots);
