#include "protocol_key.h"

#include <stdint.h>

#include "model/protocol.h"

_Static_assert(sizeof(model_protocol_task) == sizeof(unsigned) &&
                   sizeof(model_protocol_zero) == sizeof(unsigned) &&
                   sizeof(model_protocol_debias_kind) == sizeof(unsigned) &&
                   sizeof(model_protocol_test_kind) == sizeof(unsigned),
               "words are stored as unsigned");

#define PART(name, path, type, help)                                                               \
    typedef type type_of_##name;                                                                   \
    static const char PATH_##name[] = path;
#include "protocol_keys.def"

#define ROW(part, key)        .name = #key, .path = PATH_##part
#define IN(part, member)      .offset = offsetof(type_of_##part, member)
#define SIZE_OF(part, member) .size = sizeof(((type_of_##part *)NULL)->member)
#define NUMBER(low, high)     .digits = KEY_FRACTION_DIGITS, .min = low, .max = high
#define A_WORD(A, name, ...)  #name,
#define WORDS(...)                                                                                 \
    .words = (const char *const[])                                                                 \
    {                                                                                              \
        __VA_ARGS__ NULL                                                                           \
    }

#define PART(name, path, type, help) static const struct key KEYS_##name[] = {
#define END_PART(name)                                                                             \
    }                                                                                              \
    ;
#define BOOL(part, key, member, usual, a_help)                                                     \
    {ROW(part, key),     .kind = KEY_BOOL, IN(part, member),                                       \
     .fallback = #usual, .unit = "",       .help = a_help},
#define INT(part, key, member, usual, low, high, a_unit, a_help)                                   \
    {ROW(part, key),    .kind = KEY_INT,    IN(part, member), SIZE_OF(part, member),               \
     NUMBER(low, high), .fallback = #usual, .unit = a_unit,   .help = a_help},
#define REAL(part, key, member, usual, low, high, a_unit, a_help)                                  \
    {ROW(part, key),     .kind = KEY_REAL, IN(part, member), NUMBER(low, high),                    \
     .fallback = #usual, .unit = a_unit,   .help = a_help},
#define RANGE(part, key, from, to, usual, low, high, a_unit, a_help)                               \
    {ROW(part, key),      .kind = KEY_RANGE,                                                       \
     IN(part, from),      .offset_to = offsetof(type_of_##part, to),                               \
     SIZE_OF(part, from), NUMBER(low, high),                                                       \
     .fallback = #usual,  .unit = a_unit,                                                          \
     .help = a_help},
#define BOOL_ENUM(part, key, member, no, yes, usual, a_help)                                       \
    {ROW(part, key),     .kind = KEY_BOOL_ENUM, IN(part, member),                                  \
     WORDS(#no, #yes, ), .fallback = #usual,    .unit = "",                                        \
     .help = a_help},
#define ENUM(part, key, member, list, usual, a_help)                                               \
    {ROW(part, key),     .kind = KEY_ENUM, IN(part, member), WORDS(list(A_WORD)),                  \
     .fallback = #usual, .unit = "",       .help = a_help},
#define NAME(part, key, member, a_help)                                                            \
    {ROW(part, key), .kind = KEY_NAME, IN(part, member), SIZE_OF(part, member),                    \
     .fallback = "", .unit = "",       .help = a_help},
#define CUSTOM(part, key, shape, a_help)                                                           \
    {ROW(part, key), .kind = KEY_CUSTOM, .count = PROTOCOL_CUSTOM_##part##_##key,                  \
     .fallback = "", .unit = shape,      .help = a_help},
#include "protocol_keys.def"

const struct key_table PROTOCOL_KEYS[PROTOCOL_PARTS] = {
#define PART(name, path, type, help)                                                               \
    {"protocol", help, KEYS_##name, sizeof KEYS_##name / sizeof KEYS_##name[0], NULL},
#include "protocol_keys.def"
};
