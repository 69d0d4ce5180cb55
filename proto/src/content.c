#include "proto/content.h"

#include <math.h>
#include <string.h>

#include "schema.h"

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(1099511628211);
    return hash ^ (hash >> 32);
}

uint64_t proto_content_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (; size > 0;) {
        uint64_t word = 0;
        const size_t n = size < sizeof word ? size : sizeof word;
        memcpy(&word, at, n);
        hash = mix(hash, word);
        at += n;
        size -= n;
    }
    return hash;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    const size_t n = strlen(text);
    return mix(proto_content_bytes(hash, text, n), n);
}

/* 0 has one sign here, and what is unknown one form. */
static uint64_t mix_real(uint64_t hash, double x)
{
    uint64_t word;
    x = isnan(x) ? (double)NAN : x + 0.0;
    memcpy(&word, &x, sizeof word);
    return mix(hash, word);
}

static uint64_t mix_field(uint64_t hash, const proto_field *f, const uint8_t *base)
{
    const uint8_t *at = base + f->offset;
    const uint8_t *values = base + f->values;
    uint32_t n = 0;
    int64_t whole;
    double x;
    switch ((proto_field_type)f->type) {
    case PROTO_FIELD_INT:
        memcpy(&whole, at, sizeof whole);
        return mix(hash, (uint64_t)whole);
    case PROTO_FIELD_REAL:
        memcpy(&x, at, sizeof x);
        return mix_real(hash, x);
    case PROTO_FIELD_ID:
    case PROTO_FIELD_TEXT:
        return mix_text(hash, (const char *)at);
    case PROTO_FIELD_REALS:
        memcpy(&n, at, sizeof n);
        hash = mix(hash, n);
        for (uint32_t i = 0; i < n; i++) {
            memcpy(&x, values + i * sizeof x, sizeof x);
            hash = mix_real(hash, x);
        }
        return hash;
    case PROTO_FIELD_NAMED:
        memcpy(&n, at, sizeof n);
        hash = mix(hash, n);
        for (uint32_t i = 0; i < n; i++) {
            proto_named named;
            memcpy(&named, values + i * sizeof named, sizeof named);
            hash = mix_real(mix_text(hash, named.name), named.value);
        }
        return hash;
    case PROTO_FIELD_NEST:
    case PROTO_FIELD_LIST:
        return hash; /* no message of a rig has one */
    }
    return hash;
}

uint64_t proto_content(const proto_message *msg)
{
    const proto_schema *schema = proto_schema_of(msg->kind);
    const bool is_start = msg->kind == PROTO_KIND_SESSION_START;
    uint64_t hash = mix(PROTO_CONTENT_START, (uint64_t)msg->kind);
    hash = mix(hash, (uint64_t)msg->env.trial);
    hash = mix(hash, (uint64_t)msg->env.t_rig_us);
    hash = mix(hash, (uint64_t)(is_start ? msg->env.t_wall_ns : 0));
    for (uint32_t i = 0; schema != NULL && i < schema->n_fields; i++) {
        if (msg->kind != PROTO_KIND_TRIAL || i != FIELD_trial_next_stimulus) {
            hash = mix_field(hash, &schema->fields[i], (const uint8_t *)&msg->as);
        }
    }
    return hash != 0 ? hash : 1;
}
