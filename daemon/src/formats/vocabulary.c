#include "vocabulary.h"

#include <assert.h>

#include "model/filter_kind.h"
#include "model/policy.h"
#include "model/protocol_change.h"
#include "model/protocol_defect.h"
#include "model/rule.h"

#define VOCABULARY_WORD2(NAME, name)              #name,
#define VOCABULARY_WORD3(NAME, name, formula)     #name,
#define VOCABULARY_WORD4(NAME, name, first, help) #name,

_Static_assert((int)MODEL_RULES < (int)OPTION_WORDS_MAX, "room for one more");
_Static_assert((int)MODEL_PROTOCOL_DEFECTS < (int)OPTION_WORDS_MAX, "room for one more");
_Static_assert((int)MODEL_PROTOCOL_CHANGES < (int)OPTION_WORDS_MAX, "room for one more");

struct option_word vocabulary_rules(void)
{
    return (struct option_word){.n = MODEL_RULES, .word = {MODEL_RULE_LIST(VOCABULARY_WORD2)}};
}

struct option_word vocabulary_classic_rules(void)
{
    struct option_word words = {0};
    for (int i = 0; i < MODEL_RULES; i++) {
        if (!model_rule_of((model_rule_kind)i)->has_net) {
            words.word[words.n++] = model_rule_name((model_rule_kind)i);
        }
    }
    return words;
}

struct option_word vocabulary_filters(void)
{
    return (struct option_word){.n = MODEL_FILTERS, .word = {MODEL_FILTER_LIST(VOCABULARY_WORD3)}};
}

struct option_word vocabulary_features(void)
{
    struct option_word words = {.n = MODEL_FEATURES,
                                .word = {MODEL_FEATURE_LIST(VOCABULARY_WORD3)}};
    for (size_t i = 0; model_policy_alias(i) != NULL; i++) {
        words = vocabulary_with(words, model_policy_alias(i), NULL);
    }
    return words;
}

struct option_word vocabulary_defects(void)
{
    return (struct option_word){.n = MODEL_PROTOCOL_DEFECTS,
                                .word = {MODEL_PROTOCOL_DEFECT_LIST(VOCABULARY_WORD4)}};
}

struct option_word vocabulary_changes(void)
{
    return (struct option_word){.n = MODEL_PROTOCOL_CHANGES,
                                .word = {MODEL_PROTOCOL_CHANGE_LIST(VOCABULARY_WORD4)}};
}

struct option_word vocabulary_either(const char *first, const char *second)
{
    return (struct option_word){.n = 2, .word = {first, second}};
}

struct option_word vocabulary_with(struct option_word words, const char *word, const char *usual)
{
    assert(words.n + 1 < OPTION_WORDS_MAX);
    words.word[words.n++] = word;
    words.chosen = usual;
    return words;
}
