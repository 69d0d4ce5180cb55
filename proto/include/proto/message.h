/* proto/message.h - the messages of the wire as C structs, and their two encodings.
 *
 * A message is one msgpack map with string keys, or the same map as JSON text. docs/protocol.md
 * section 2 lists keys, types, units and ranges; messages.def is where they are defined.
 *
 * Absent values: PROTO_NIL in an INT, NaN in a REAL, "" in an ID or TEXT, n = 0 in arrays and maps.
 * Threads: any number, on different objects. Memory: the caller's; no function here allocates.
 * RT-safe: all of it, but for the formatting that encode and decode own up to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

enum {
    PROTO_BYTES_MAX = 16384, /* longest message accepted or made, bytes */
    PROTO_ID_MAX = 64,       /* longest rig, subject or session name, bytes */
    PROTO_RUN_DIGITS = 10,   /* of the number of a run, at most */
    PROTO_NAME_MAX = 31,     /* longest name in a map of names to numbers, bytes */
    PROTO_DEPTH_MAX = 8      /* deepest nesting accepted, also in keys that are ignored */
};

#define PROTO_NIL INT64_MIN

typedef struct {
    char name[PROTO_NAME_MAX + 1];
    double value;
} proto_named;

/* One struct a GROUP and a MESSAGE: proto_envelope, proto_trial, proto_prediction, ... */
#define GROUP(name, help)                             typedef struct {
#define MESSAGE(code, NAME, name, needs, help)        typedef struct {
#define INT(owner, key, flags, min, max, unit, help)  int64_t key;
#define REAL(owner, key, flags, min, max, unit, help) double key;
#define ID(owner, key, flags, help)                   char key[PROTO_ID_MAX + 1];
#define TEXT(owner, key, flags, bytes, help)          char key[(bytes) + 1];
#define REALS(owner, key, flags, count, min, max, unit, help)                                      \
    struct {                                                                                       \
        uint32_t n;                                                                                \
        double v[count];                                                                           \
    } key;
#define NAMED(owner, key, flags, count, min, max, unit, help)                                      \
    struct {                                                                                       \
        uint32_t n;                                                                                \
        proto_named v[count];                                                                      \
    } key;
#define NEST(owner, key, flags, group, help)                                                       \
    struct {                                                                                       \
        bool present;                                                                              \
        proto_##group v;                                                                           \
    } key;
#define LIST(owner, key, flags, group, count, help)                                                \
    struct {                                                                                       \
        uint32_t n;                                                                                \
        proto_##group v[count];                                                                    \
    } key;
#define END(name)                                                                                  \
    }                                                                                              \
    proto_##name;
#include "proto/messages.def"

/* PROTO_KIND_HELLO, PROTO_KIND_TRIAL, ... with the codes of messages.def; 0 is no message. */
typedef enum {
    PROTO_KIND_NONE = 0,
#define MESSAGE(code, NAME, name, needs, help) PROTO_KIND_##NAME = (code),
#include "proto/messages.def"
} proto_kind;

typedef struct {
    proto_kind kind;
    proto_envelope env;
    union {
#define MESSAGE(code, NAME, name, needs, help) proto_##name name;
#include "proto/messages.def"
    } as;
} proto_message;

typedef enum { PROTO_FORMAT_MSGPACK, PROTO_FORMAT_JSON } proto_format;

/* Why a message was refused, or what of it was dropped. */
typedef struct {
    int status;        /* a proto_result; < 0: refused */
    size_t offset;     /* refused: byte at which decoding stopped */
    uint32_t n_passed; /* values and keys that were dropped; key and text are of the first */
    char key[96];      /* path of the key at fault, as in "trial.choice"; "" if none */
    char text[192];    /* what is wrong and what was expected; no key in it */
} proto_fault;

/* Alert codes, and their names on the wire. */
typedef enum {
#define ALERT(NAME, code, help) PROTO_ALERT_##NAME,
#include "proto/alerts.def"
#undef ALERT
    PROTO_ALERT_COUNT
} proto_alert_code;

/* "gap", "conflict", ...; NULL for a value outside the enum. */
const char *proto_alert_name(proto_alert_code code);

/* Codes of error messages, and their names on the wire. */
typedef enum {
#define ERROR(NAME, code, help) PROTO_ERROR_##NAME,
#include "proto/errors.def"
#undef ERROR
    PROTO_ERROR_COUNT
} proto_error_code;

/* "bad_message", "conflict", ...; NULL for a value outside the enum. */
const char *proto_error_name(proto_error_code code);

/* "trial", "prediction", ...; NULL for a value outside the enum. */
const char *proto_kind_name(proto_kind kind);

/* The kind of that name, or PROTO_KIND_NONE. */
proto_kind proto_kind_of(const char *name);

/* Makes *msg an empty message of that kind: all values absent, v = 1. */
void proto_message_init(proto_message *msg, proto_kind kind);

/* proto_score_init(), proto_animal_init(), ...: make a nested map empty, all values absent. To be
 * called before one in a NEST or LIST is filled in; proto_message_init() leaves those zeroed. */
#define GROUP(name, help) void proto_##name##_init(proto_##name *name);
#include "proto/messages.def"

/* JSON if it begins as JSON text does, after a byte order mark and white space if there are any, or
 * looks like text in UTF-16; msgpack otherwise. Whatever may begin a msgpack map is msgpack. */
proto_format proto_format_of(const uint8_t *bytes, size_t size);

/* Reads one whole message of either format; bytes are not trusted. Returns PROTO_OK, with
 * fault->n_passed values and keys dropped, or a negative status with *fault filled in and
 * msg->kind = PROTO_KIND_NONE. msg->env.rig, subject, session,
 * trial and seq hold what could be read even then, so that a refusal can be addressed. Of msg->as
 * only the kind's own struct is written. RT-safe: yes; a refusal formats its text with the C
 * library. */
int proto_decode(const uint8_t *bytes, size_t size, proto_message *msg, proto_fault *fault);

/* The same of what a journal holds: a trial without the key choice was accepted as a no-go once. */
int proto_decode_recorded(const uint8_t *bytes, size_t size, proto_message *msg,
                          proto_fault *fault);

/* Writes msg to out[cap]. Returns the number of bytes, or PROTO_ERR_SPACE, or PROTO_ERR_RANGE /
 * PROTO_ERR_MISSING for a message that proto_decode() would refuse. RT-safe: yes for msgpack; JSON
 * formats doubles with the C library. */
int proto_encode(const proto_message *msg, proto_format format, uint8_t *out, size_t cap);

/* True if s is a well-formed name of a rig, subject or session. */
bool proto_id_is_valid(const char *s);

/* True if s names a session as a journal and a trial table do: the name that the rig gave, and from
 * the second run of its task on its number, as in day1+2. */
bool proto_session_is_valid(const char *s);
