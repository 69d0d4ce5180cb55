/* schema.h - messages.def as tables: what decoder, encoder, documentation and tests walk.
 *
 * Threads: any. Memory: constants.
 */
#pragma once

#include "proto/message.h"

enum { OPTIONAL = 0, REQUIRED = 1, NAN_IS_NIL = 2, OUTSIDE_IS_NIL = 4, SAID = 8 };

/* Position of each key in its table: FIELD_trial_choice; FIELD_trial_COUNT is their number. */
#define GROUP(name, help)                      enum {
#define MESSAGE(code, NAME, name, needs, help) enum {
#define KEY(owner, key)                        FIELD_##owner##_##key,
#define END(name)                                                                                  \
    FIELD_##name##_COUNT                                                                           \
    }                                                                                              \
    ;
#include "proto/messages.def"

/* Envelope keys a message must have, as bits of their positions. */
enum {
    NEEDS_RIG = 1 << FIELD_envelope_rig,
    NEEDS_SUBJECT = 1 << FIELD_envelope_subject,
    NEEDS_SESSION = 1 << FIELD_envelope_session,
    NEEDS_TRIAL = 1 << FIELD_envelope_trial
};

typedef enum {
    PROTO_FIELD_INT,
    PROTO_FIELD_REAL,
    PROTO_FIELD_ID,
    PROTO_FIELD_TEXT,
    PROTO_FIELD_REALS,
    PROTO_FIELD_NAMED,
    PROTO_FIELD_NEST,
    PROTO_FIELD_LIST
} proto_field_type;

typedef struct proto_schema proto_schema;

typedef struct {
    const char *key;
    const char *unit;
    const char *help;
    const proto_schema *sub; /* NEST, LIST */
    int64_t int_min, int_max;
    double min, max;
    uint32_t offset;   /* of the member in its struct; its count, or `present`, comes first */
    uint32_t values;   /* offset of the first element of REALS, NAMED, NEST, LIST */
    uint32_t capacity; /* ID, TEXT: bytes; REALS, NAMED, LIST: elements */
    uint8_t key_size;
    uint8_t type; /* proto_field_type */
    uint8_t flags;
} proto_field;

struct proto_schema {
    const char *name;
    const char *help;
    const proto_field *fields;
    uint32_t n_fields;
    uint32_t size;      /* of the struct */
    const void *absent; /* the struct with every value absent */
    uint32_t needs;     /* messages: NEEDS_ bits */
    int kind;           /* messages: proto_kind; groups: 0 */
};

/* Every group and message in the order of messages.def: SCHEMA_score, SCHEMA_trial, ... */
enum {
#define GROUP(name, help)                      SCHEMA_##name,
#define MESSAGE(code, NAME, name, needs, help) SCHEMA_##name,
#include "proto/messages.def"
    SCHEMA_COUNT
};

extern const proto_schema proto_schemas[SCHEMA_COUNT];

/* The table of a kind; NULL for a value outside the enum. */
const proto_schema *proto_schema_of(proto_kind kind);

/* True if x is a number this field may hold: finite and in its range. */
bool proto_field_takes_int(const proto_field *f, int64_t x);
bool proto_field_takes_real(const proto_field *f, double x);

/* The rules between keys, once each has passed its own. On failure *key is the key at fault and
 * *text says what was expected. */
int proto_message_check(const proto_message *msg, const char **key, const char **text);
