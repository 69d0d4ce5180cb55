#include "protocol_key.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/protocol.h"

_Static_assert(sizeof(model_protocol_task) == sizeof(unsigned) &&
                   sizeof(model_protocol_zero) == sizeof(unsigned) &&
                   sizeof(model_protocol_debias_kind) == sizeof(unsigned) &&
                   sizeof(model_protocol_test_kind) == sizeof(unsigned),
               "words are stored as unsigned");

#define PART(name, type, help) typedef type type_of_##name;
#define END_PART(name)
#define TRUTH(part, key, member, fallback, help)
#define WHOLE(part, key, member, fallback, low, high, unit, help)
#define REAL(part, key, member, fallback, low, high, unit, help)
#define RANGE(part, key, from, to, fallback, low, high, unit, help)
#define EITHER(part, key, member, no, yes, fallback, help)
#define WORD(part, key, member, list, fallback, help)
#define NAME(part, key, member, help)
#define OTHER(part, key, shape, help)
#include "protocol_keys.def"

enum {
#define PART(name, type, help) BEGIN_##name,
#define END_PART(name)
#define TRUTH(part, key, member, fallback, help)                    AT_##part##_##key,
#define WHOLE(part, key, member, fallback, low, high, unit, help)   AT_##part##_##key,
#define REAL(part, key, member, fallback, low, high, unit, help)    AT_##part##_##key,
#define RANGE(part, key, from, to, fallback, low, high, unit, help) AT_##part##_##key,
#define EITHER(part, key, member, no, yes, fallback, help)          AT_##part##_##key,
#define WORD(part, key, member, list, fallback, help)               AT_##part##_##key,
#define NAME(part, key, member, help)                               AT_##part##_##key,
#define OTHER(part, key, shape, help)                               AT_##part##_##key,
#include "protocol_keys.def"
};

static const char *const PART_HELP[] = {
#define PART(name, type, help) help,
#define END_PART(name)
#define TRUTH(part, key, member, fallback, help)
#define WHOLE(part, key, member, fallback, low, high, unit, help)
#define REAL(part, key, member, fallback, low, high, unit, help)
#define RANGE(part, key, from, to, fallback, low, high, unit, help)
#define EITHER(part, key, member, no, yes, fallback, help)
#define WORD(part, key, member, list, fallback, help)
#define NAME(part, key, member, help)
#define OTHER(part, key, shape, help)
#include "protocol_keys.def"
};
_Static_assert(sizeof PART_HELP / sizeof PART_HELP[0] == PROTOCOL_PARTS, "a name for each");

#define OF(part, key)        #key, PROTOCOL_PART_##part, AT_##part##_##key - BEGIN_##part - 1
#define IN(part, member)     offsetof(type_of_##part, member)
#define A_WORD(A, name, ...) #name "|"

static const struct protocol_key KEYS[] = {
#define PART(name, type, help)
#define END_PART(name)
#define TRUTH(part, key, member, fallback, help)                                                   \
    {OF(part, key), PROTOCOL_KEY_TRUTH, IN(part, member), 0, 0, 1, "", #fallback, "", help},
#define WHOLE(part, key, member, fallback, low, high, unit, help)                                  \
    {OF(part, key), PROTOCOL_KEY_WHOLE, IN(part, member), 0, low, high, "", #fallback, unit, help},
#define REAL(part, key, member, fallback, low, high, unit, help)                                   \
    {OF(part, key), PROTOCOL_KEY_REAL, IN(part, member), 0, low, high, "", #fallback, unit, help},
#define RANGE(part, key, from, to, fallback, low, high, unit, help)                                \
    {OF(part, key),                                                                                \
     PROTOCOL_KEY_RANGE,                                                                           \
     IN(part, from),                                                                               \
     IN(part, to),                                                                                 \
     low,                                                                                          \
     high,                                                                                         \
     "",                                                                                           \
     #fallback,                                                                                    \
     unit,                                                                                         \
     help},
#define EITHER(part, key, member, no, yes, fallback, help)                                         \
    {                                                                                              \
        OF(part, key),                                                                             \
        PROTOCOL_KEY_EITHER,                                                                       \
        IN(part, member),                                                                          \
        0,                                                                                         \
        0,                                                                                         \
        0,                                                                                         \
        #no "|" #yes "|",                                                                          \
        #fallback,                                                                                 \
        "",                                                                                        \
        help},
#define WORD(part, key, member, list, fallback, help)                                              \
    {OF(part, key), PROTOCOL_KEY_WORD, IN(part, member), 0, 0, 0, list(A_WORD), #fallback, "",     \
     help},
#define NAME(part, key, member, help)                                                              \
    {OF(part, key), PROTOCOL_KEY_NAME, IN(part, member), 0, 0, 0, "", "", "", help},
#define OTHER(part, key, shape, help)                                                              \
    {OF(part, key), PROTOCOL_KEY_OTHER, 0, 0, 0, 0, shape, "", "", help},
#include "protocol_keys.def"
};
enum { N_KEYS = sizeof KEYS / sizeof KEYS[0] };

const struct protocol_key *protocol_key_at(enum protocol_part part, uint32_t i)
{
    for (size_t k = 0; k < N_KEYS; k++) {
        if (KEYS[k].part == part && KEYS[k].number == i) {
            return &KEYS[k];
        }
    }
    return NULL;
}

const struct protocol_key *protocol_key_find(enum protocol_part part, const char *name)
{
    for (size_t k = 0; k < N_KEYS; k++) {
        if (KEYS[k].part == part && strcmp(KEYS[k].name, name) == 0) {
            return &KEYS[k];
        }
    }
    return NULL;
}

const char *protocol_key_part_help(enum protocol_part part)
{
    return PART_HELP[part];
}

const char *protocol_key_names(enum protocol_part part, char *out, size_t cap)
{
    const struct protocol_key *key = NULL;
    out[0] = '\0';
    for (uint32_t i = 0; (key = protocol_key_at(part, i)) != NULL; i++) {
        const size_t used = strlen(out);
        (void)snprintf(out + used, cap - used, "%s%s", i > 0 ? ", " : "", key->name);
    }
    return out;
}

/* Word number i of "this|that|"; its length, 0 where there are no more. */
static size_t word_at(const char *words, unsigned i, const char **word)
{
    for (; i > 0 && *words != '\0'; i--) {
        words += strcspn(words, "|") + 1;
    }
    *word = words;
    return strcspn(words, "|");
}

void protocol_key_expected(const struct protocol_key *key, char *out, size_t cap)
{
    const char *space = key->unit[0] != '\0' ? " " : "";
    const char *word = NULL;
    size_t used = 0;
    switch (key->kind) {
    case PROTOCOL_KEY_TRUTH:
        (void)snprintf(out, cap, "true or false");
        break;
    case PROTOCOL_KEY_WHOLE:
        (void)snprintf(out, cap, "a whole number from %.0f to %.0f%s%s", key->min, key->max, space,
                       key->unit);
        break;
    case PROTOCOL_KEY_REAL:
        (void)snprintf(out, cap, "a number from %g to %.0f%s%s", key->min, key->max, space,
                       key->unit);
        break;
    case PROTOCOL_KEY_RANGE:
        (void)snprintf(out, cap, "a whole number from %.0f to %.0f%s%s, or two that rise", key->min,
                       key->max, space, key->unit);
        break;
    case PROTOCOL_KEY_EITHER:
    case PROTOCOL_KEY_WORD:
        (void)snprintf(out, cap, "one of ");
        used = strlen(out);
        for (unsigned i = 0; word_at(key->words, i, &word) > 0 && used < cap; i++) {
            used += (size_t)snprintf(out + used, cap - used, "%s%.*s", i > 0 ? ", " : "",
                                     (int)word_at(key->words, i, &word), word);
        }
        break;
    case PROTOCOL_KEY_NAME:
        (void)snprintf(out, cap, "a name: 1 to %d of A-Z a-z 0-9 . _ -", MODEL_PROTOCOL_NAME - 1);
        break;
    case PROTOCOL_KEY_OTHER:
        (void)snprintf(out, cap, "%s: %s", key->words, key->help);
        break;
    }
}

bool protocol_key_number(const char *text, double *out)
{
    char *end = NULL;
    /* strtod alone would take hexadecimal, infinity and leading white space too. */
    if (text[strspn(text, "0123456789+-.eE/")] != '\0' || text[0] == '\0') {
        return false;
    }
    *out = strtod(text, &end);
    if (end == text) {
        return false;
    }
    if (*end == '/') {
        const char *divisor = end + 1;
        *out /= strtod(divisor, &end);
        if (end == divisor) {
            return false;
        }
    }
    return *end == '\0' && isfinite(*out);
}

/* False where it is none of the words. */
static bool find_word(const char *words, const char *text, unsigned *out)
{
    const char *word = NULL;
    size_t size = 0;
    for (unsigned i = 0; (size = word_at(words, i, &word)) > 0; i++) {
        if (size == strlen(text) && memcmp(word, text, size) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool protocol_key_store(const struct protocol_key *key, void *base, const char *text)
{
    char *at = (char *)base + key->offset;
    double real = 0.0;
    unsigned word = 0;
    switch (key->kind) {
    case PROTOCOL_KEY_TRUTH:
    case PROTOCOL_KEY_EITHER:
        if (!find_word(key->kind == PROTOCOL_KEY_TRUTH ? "false|true|" : key->words, text, &word)) {
            return false;
        }
        *(bool *)at = word == 1;
        return true;
    case PROTOCOL_KEY_WORD:
        if (!find_word(key->words, text, &word)) {
            return false;
        }
        memcpy(at, &word, sizeof word);
        return true;
    case PROTOCOL_KEY_WHOLE:
    case PROTOCOL_KEY_REAL:
        if (!protocol_key_number(text, &real) || !(real >= key->min && real <= key->max)) {
            return false;
        }
        if (key->kind == PROTOCOL_KEY_REAL) {
            memcpy(at, &real, sizeof real);
            return true;
        }
        word = (unsigned)real;
        memcpy(at, &word, sizeof word);
        return !((double)word < real);
    case PROTOCOL_KEY_RANGE:
    case PROTOCOL_KEY_NAME:
    case PROTOCOL_KEY_OTHER:
        break;
    }
    return false;
}

/* Defaults may lie outside the range: what a file must then state. */
static void set_default(const struct protocol_key *key, void *base)
{
    char *at = (char *)base + key->offset;
    const double real = strtod(key->fallback, NULL);
    const uint32_t whole = real > 0.0 ? (uint32_t)real : 0;
    if (key->kind == PROTOCOL_KEY_REAL) {
        memcpy(at, &real, sizeof real);
    } else if (key->kind == PROTOCOL_KEY_WHOLE || key->kind == PROTOCOL_KEY_RANGE) {
        memcpy(at, &whole, sizeof whole);
        memcpy((char *)base + (key->kind == PROTOCOL_KEY_RANGE ? key->offset_to : key->offset),
               &whole, sizeof whole);
    } else {
        (void)protocol_key_store(key, base, key->fallback);
    }
}

void protocol_key_set_defaults(void *base, enum protocol_part part)
{
    const struct protocol_key *key = NULL;
    for (uint32_t i = 0; (key = protocol_key_at(part, i)) != NULL; i++) {
        set_default(key, base);
    }
}

void protocol_key_word(const struct protocol_key *key, const void *base, char *out, size_t cap)
{
    const char *at = (const char *)base + key->offset;
    const char *word = NULL;
    unsigned i = 0;
    if (key->kind == PROTOCOL_KEY_WORD) {
        memcpy(&i, at, sizeof i);
    } else {
        i = *(const bool *)at ? 1 : 0;
    }
    const size_t size =
        word_at(key->kind == PROTOCOL_KEY_TRUTH ? "false|true|" : key->words, i, &word);
    (void)snprintf(out, cap, "%.*s", (int)size, word);
}
