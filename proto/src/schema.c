#include "schema.h"

#include <math.h>

/* What each struct holds when nothing is known. */
#define GROUP(name, help)                                     static const proto_##name name##_absent = {
#define MESSAGE(code, NAME, name, needs, help)                static const proto_##name name##_absent = {
#define INT(owner, key, flags, min, max, unit, help)          .key = PROTO_NIL,
#define REAL(owner, key, flags, min, max, unit, help)         .key = (double)NAN,
#define ID(owner, key, flags, help)                           .key = {0},
#define TEXT(owner, key, flags, bytes, help)                  .key = {0},
#define REALS(owner, key, flags, count, min, max, unit, help) .key = {0},
#define NAMED(owner, key, flags, count, min, max, unit, help) .key = {0},
#define NEST(owner, key, flags, group, help)                  .key = {0},
#define LIST(owner, key, flags, group, count, help)           .key = {0},
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#include "proto/messages.def"
#include "proto/undef.h"

#define COMMON(owner, k, t, f, h)                                                                  \
    .key = #k, .key_size = sizeof #k - 1, .type = (t), .flags = (f), .help = (h),                  \
    .offset = offsetof(proto_##owner, k)
#define SEVERAL(owner, k, n) .values = offsetof(proto_##owner, k.v), .capacity = (n)

#define GROUP(name, h)                  static const proto_field name##_fields[] = {
#define MESSAGE(code, NAME, name, n, h) static const proto_field name##_fields[] = {
#define INT(owner, k, f, lo, hi, u, h)                                                             \
    {COMMON(owner, k, PROTO_FIELD_INT, f, h), .unit = (u), .int_min = (lo), .int_max = (hi)},
#define REAL(owner, k, f, lo, hi, u, h)                                                            \
    {COMMON(owner, k, PROTO_FIELD_REAL, f, h), .unit = (u), .min = (double)(lo),                   \
     .max = (double)(hi)},
#define ID(owner, k, f, h)          {COMMON(owner, k, PROTO_FIELD_ID, f, h), .capacity = PROTO_ID_MAX},
#define TEXT(owner, k, f, bytes, h) {COMMON(owner, k, PROTO_FIELD_TEXT, f, h), .capacity = (bytes)},
#define REALS(owner, k, f, n, lo, hi, u, h)                                                        \
    {COMMON(owner, k, PROTO_FIELD_REALS, f, h), SEVERAL(owner, k, n), .unit = (u),                 \
     .min = (double)(lo), .max = (double)(hi)},
#define NAMED(owner, k, f, n, lo, hi, u, h)                                                        \
    {COMMON(owner, k, PROTO_FIELD_NAMED, f, h), SEVERAL(owner, k, n), .unit = (u),                 \
     .min = (double)(lo), .max = (double)(hi)},
#define NEST(owner, k, f, g, h)                                                                    \
    {COMMON(owner, k, PROTO_FIELD_NEST, f, h), SEVERAL(owner, k, 1),                               \
     .sub = &proto_schemas[SCHEMA_##g]},
#define LIST(owner, k, f, g, n, h)                                                                 \
    {COMMON(owner, k, PROTO_FIELD_LIST, f, h), SEVERAL(owner, k, n),                               \
     .sub = &proto_schemas[SCHEMA_##g]},
#define END(name)                                                                                  \
    }                                                                                              \
    ;                                                                                              \
    _Static_assert(FIELD_##name##_COUNT <= 64, "the decoder keeps a bit for each key");
#include "proto/messages.def"
#include "proto/undef.h"

#define SCHEMA(n, h)                                                                               \
    .name = #n, .help = (h), .fields = n##_fields, .n_fields = FIELD_##n##_COUNT,                  \
    .size = sizeof(proto_##n), .absent = &n##_absent
const proto_schema proto_schemas[SCHEMA_COUNT] = {
#define GROUP(n, h)                   [SCHEMA_##n] = {SCHEMA(n, h)},
#define MESSAGE(code, NAME, n, ne, h) [SCHEMA_##n] = {SCHEMA(n, h), .needs = (ne), .kind = (code)},
#define INT(owner, key, flags, min, max, unit, help)
#define REAL(owner, key, flags, min, max, unit, help)
#define ID(owner, key, flags, help)
#define TEXT(owner, key, flags, bytes, help)
#define REALS(owner, key, flags, count, min, max, unit, help)
#define NAMED(owner, key, flags, count, min, max, unit, help)
#define NEST(owner, key, flags, group, help)
#define LIST(owner, key, flags, group, count, help)
#define END(name)
#include "proto/messages.def"
#include "proto/undef.h"
};

static const proto_schema *const KINDS[] = {
#define MESSAGE(code, NAME, name, needs, help) [code] = &proto_schemas[SCHEMA_##name],
#include "proto/expand_messages.h"
};

const proto_schema *proto_schema_of(proto_kind kind)
{
    const size_t i = (size_t)kind;
    return i < sizeof KINDS / sizeof KINDS[0] ? KINDS[i] : NULL;
}

bool proto_field_takes_int(const proto_field *f, int64_t x)
{
    return x >= f->int_min && x <= f->int_max;
}

bool proto_field_takes_real(const proto_field *f, double x)
{
    return isfinite(x) && x >= f->min && x <= f->max;
}
