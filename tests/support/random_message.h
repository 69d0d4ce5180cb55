/* random_message.h - messages with random contents, made from the tables of messages.def.
 *
 * The seed comes from the clock, or from the environment variable SEED, and is printed.
 */
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema.h"

static uint64_t random_state;

static inline void random_seed(void)
{
    const char *given = getenv("SEED");
    random_state = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("SEED=%llu\n", (unsigned long long)random_state);
    random_state = random_state * 2 + 1;
}

/* xorshift64*. */
static inline uint64_t random_bits(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dULL;
}

static inline uint32_t random_below(uint32_t n)
{
    return (uint32_t)((random_bits() >> 32) % n);
}

static inline int64_t random_int(const proto_field *f)
{
    const uint64_t span = (uint64_t)f->int_max - (uint64_t)f->int_min;
    switch (random_below(4)) {
    case 0:
        return f->int_min;
    case 1:
        return f->int_max;
    default:
        return f->int_min +
               (int64_t)(span == UINT64_MAX ? random_bits() : random_bits() % (span + 1));
    }
}

static inline double random_real(const proto_field *f)
{
    double x = 0.0;
    if (random_below(4) == 0) {
        x = isfinite(f->min) ? f->min : -0.0;
    } else if (isfinite(f->min) && isfinite(f->max)) {
        x = f->min + (f->max - f->min) * (double)(random_bits() >> 11) / 9007199254740992.0;
    } else {
        const uint64_t bits = random_bits();
        memcpy(&x, &bits, sizeof x);
        x = isfinite(f->min) ? fabs(x) : x;
    }
    return proto_field_takes_real(f, x) ? x : 1.0;
}

static inline void random_text(char *out, uint32_t cap, bool is_id)
{
    static const char *const PIECES[] = {"a",
                                         "Z",
                                         "0",
                                         "_",
                                         "-",
                                         ".",
                                         "\"",
                                         "\\",
                                         "/",
                                         " ",
                                         "{",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x90\xad"};
    const uint32_t n_pieces = is_id ? 6 : sizeof PIECES / sizeof PIECES[0];
    const uint32_t size = 1 + random_below(cap);
    uint32_t at = 0;
    while (at < size) {
        const char *piece = PIECES[random_below(n_pieces)];
        const uint32_t n = (uint32_t)strlen(piece);
        if (at + n > cap) {
            break;
        }
        memcpy(out + at, piece, n);
        at += n;
    }
    out[at] = '\0';
}

static inline void random_fields(const proto_schema *s, uint8_t *base, bool all, uint32_t length);

static inline void random_field(const proto_field *f, uint8_t *base, bool all, uint32_t length)
{
    void *to = base + f->offset;
    void *values = base + f->values;
    const uint32_t n = f->capacity > 0 ? 1 + length % f->capacity : 0;
    switch ((proto_field_type)f->type) {
    case PROTO_FIELD_INT:
        *(int64_t *)to = random_int(f);
        break;
    case PROTO_FIELD_REAL:
        *(double *)to = random_real(f);
        break;
    case PROTO_FIELD_ID:
    case PROTO_FIELD_TEXT:
        random_text(to, f->capacity, f->type == PROTO_FIELD_ID);
        break;
    case PROTO_FIELD_REALS:
        *(uint32_t *)to = n;
        for (uint32_t i = 0; i < n; i++) {
            ((double *)values)[i] = random_real(f);
        }
        break;
    case PROTO_FIELD_NAMED:
        *(uint32_t *)to = n;
        for (uint32_t i = 0; i < n; i++) {
            proto_named *item = (proto_named *)values + i;
            random_text(item->name, PROTO_NAME_MAX - 1, false);
            item->name[strlen(item->name)] = (char)('A' + (int)i);
            item->value = random_real(f);
        }
        break;
    case PROTO_FIELD_NEST:
        *(bool *)to = true;
        memcpy(values, f->sub->absent, f->sub->size);
        random_fields(f->sub, values, all, length);
        break;
    case PROTO_FIELD_LIST:
        *(uint32_t *)to = n;
        for (uint32_t i = 0; i < n; i++) {
            uint8_t *item = (uint8_t *)values + (size_t)i * f->sub->size;
            memcpy(item, f->sub->absent, f->sub->size);
            random_fields(f->sub, item, all, length);
        }
        break;
    }
}

static inline void random_fields(const proto_schema *s, uint8_t *base, bool all, uint32_t length)
{
    for (uint32_t i = 0; i < s->n_fields; i++) {
        if (all || (s->fields[i].flags & REQUIRED) != 0) {
            random_field(&s->fields[i], base, all, length);
        }
    }
}

/* A valid message of that kind with every field set, or only the required ones. Arrays of the same
 * capacity get the same length, as predictions want it. */
static inline void random_message(proto_message *msg, proto_kind kind, bool all)
{
    const proto_schema *s = proto_schema_of(kind);
    const proto_schema *envelope = &proto_schemas[SCHEMA_envelope];
    const uint32_t length = random_below(1000);
    memset(msg, 0, sizeof *msg);
    proto_message_init(msg, kind);
    for (uint32_t i = 0; i < envelope->n_fields; i++) {
        if (all || (s->needs >> i & 1) != 0) {
            random_field(&envelope->fields[i], (uint8_t *)&msg->env, all, length);
        }
    }
    random_fields(s, (uint8_t *)&msg->as, all, length);
    if (kind == PROTO_KIND_TRIAL && !all) {
        msg->as.trial.stimulus = -1.0;
    }
}
