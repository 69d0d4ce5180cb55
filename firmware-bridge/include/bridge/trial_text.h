/* bridge/trial_text.h - the columns of a trial in a printed text: keys of a JSON object, or
 * KEY:VALUE and KEY=VALUE with blanks, commas, semicolons or bars between.
 *
 * The text is not trusted. Threads: any. Memory: none kept. RT-safe: no.
 */
#pragma once

#include "bridge/text.h"
#include "bridge/trial_values.h"

/* Puts the columns of the map that are there into *v. NULL; or what is wrong, after the first ones
 * were put, with *byte of the text. */
const char *bridge_trial_text_read(struct bridge_trial_values *v,
                                   const struct bridge_trial_map *map, struct bridge_text text,
                                   size_t *byte);
