#include "schema.h"

#include <math.h>
#include <string.h>

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

#define SCHEMA(n, h)                                                                               \
    .name = #n, .help = (h), .fields = n##_fields, .n_fields = FIELD_##n##_COUNT,                  \
    .size = sizeof(proto_##n), .absent = &n##_absent
const proto_schema proto_schemas[SCHEMA_COUNT] = {
#define GROUP(n, h)                   [SCHEMA_##n] = {SCHEMA(n, h)},
#define MESSAGE(code, NAME, n, ne, h) [SCHEMA_##n] = {SCHEMA(n, h), .needs = (ne), .kind = (code)},
#include "proto/messages.def"
};

static const proto_schema *const KINDS[] = {
#define MESSAGE(code, NAME, name, needs, help) [code] = &proto_schemas[SCHEMA_##name],
#include "proto/messages.def"
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

const char *proto_kind_name(proto_kind kind)
{
    const proto_schema *s = proto_schema_of(kind);
    return s != NULL ? s->name : NULL;
}

proto_kind proto_kind_of(const char *name)
{
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        if (proto_schemas[i].kind != 0 && strcmp(proto_schemas[i].name, name) == 0) {
            return (proto_kind)proto_schemas[i].kind;
        }
    }
    return PROTO_KIND_NONE;
}

void proto_message_init(proto_message *msg, proto_kind kind)
{
    const proto_schema *s = proto_schema_of(kind);
    msg->kind = s != NULL ? kind : PROTO_KIND_NONE;
    proto_envelope_init(&msg->env);
    msg->env.v = 1;
    if (s != NULL) {
        memcpy(&msg->as, s->absent, s->size);
    }
}

#define GROUP(name, help)                                                                          \
    void proto_##name##_init(proto_##name *name)                                                   \
    {                                                                                              \
        memcpy(name, proto_schemas[SCHEMA_##name].absent, sizeof *name);                           \
    }
#include "proto/messages.def"

static int trial_check(const proto_trial *t, const char **key, const char **text)
{
    if (isnan(t->stimulus) && t->features.n == 0) {
        *key = "stimulus";
        *text = "a trial needs `stimulus` or `features`";
        return PROTO_ERR_MISSING;
    }
    return PROTO_OK;
}

static int prediction_check(const proto_prediction *p, const char **key, const char **text)
{
    const uint32_t n = p->stimuli.n;
    *text = "as many values as in `stimuli` were expected";
    if (p->p_right.n != n) {
        *key = "p_right";
        return PROTO_ERR_RANGE;
    }
    if (p->lo.n != n || p->hi.n != n) {
        *key = p->lo.n != n ? "lo" : "hi";
        return PROTO_ERR_RANGE;
    }
    if (p->w_sd.n != 0 && p->w_sd.n != p->w.n) {
        *key = "w_sd";
        *text = "as many values as in `w` were expected";
        return PROTO_ERR_RANGE;
    }
    return PROTO_OK;
}

int proto_message_check(const proto_message *msg, const char **key, const char **text)
{
    if (msg->kind == PROTO_KIND_TRIAL) {
        return trial_check(&msg->as.trial, key, text);
    }
    if (msg->kind == PROTO_KIND_PREDICTION) {
        return prediction_check(&msg->as.prediction, key, text);
    }
    return PROTO_OK;
}
