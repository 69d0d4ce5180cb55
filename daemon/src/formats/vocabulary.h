/* vocabulary.h - the values that options accept, each list from the table that defines it.
 *
 * Threads: any. Memory: names are valid forever.
 */
#pragma once

#include "options.h"

struct option_word vocabulary_rules(void);
struct option_word vocabulary_classic_rules(void); /* those without a net */
struct option_word vocabulary_filters(void);
struct option_word vocabulary_features(void); /* of a policy, and names of usual lists */
struct option_word vocabulary_defects(void);  /* of protocols */
struct option_word vocabulary_changes(void);  /* of training */

/* Two words. */
struct option_word vocabulary_either(const char *first, const char *second);

/* Adds a word; usual: the default, NULL for none. Returns the list, for chains. */
struct option_word vocabulary_with(struct option_word words, const char *word, const char *usual);
