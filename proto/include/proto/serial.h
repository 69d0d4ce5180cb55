/* proto/serial.h - the contents of serial frames: one struct and one fixed layout per type, made
 * from serial.def. docs/protocol.md has the byte table.
 *
 * For each frame of the list, as for TRIAL:
 *  - proto_serial_trial, the struct
 *  - PROTO_SERIAL_TRIAL and PROTO_SERIAL_TRIAL_BYTES, its code and the size of its body
 *  - void proto_serial_trial_encode(const proto_serial_trial *in, uint8_t *body), writes _BYTES
 *  - void proto_serial_trial_decode(const uint8_t *body, proto_serial_trial *out), reads _BYTES
 *
 * decode accepts any values; proto_serial_check() says whether they are in their ranges.
 *
 * Freestanding: needs no C library; proto_serial_check() is for the host.
 * Threads: any. Memory: the caller's. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROTO_SERIAL_VERSION = 1, PROTO_SERIAL_NAME_BYTES = 16 };

/* "Unknown" in the fields of a trial that can be unknown. */
enum { PROTO_SERIAL_NIL_U8 = 255 };
#define PROTO_SERIAL_NIL_U16 UINT16_C(65535)

/* In proto_serial_range: the field is never unknown. */
#define PROTO_SERIAL_NONE INT64_MIN

enum { PROTO_SERIAL_FLAG_REPEAT = 1 };

#define FRAME(code, NAME, name, from, kept, help)  typedef struct {
#define U8(owner, key, min, max, nil, unit, help)  uint8_t key;
#define U16(owner, key, min, max, nil, unit, help) uint16_t key;
#define U32(owner, key, min, max, nil, unit, help) uint32_t key;
#define I16(owner, key, min, max, nil, unit, help) int16_t key;
#define CHARS(owner, key, bytes, help)             char key[bytes];
#define END(name)                                                                                  \
    }                                                                                              \
    proto_serial_##name;
#include "proto/serial.def"

typedef enum {
#define FRAME(code, NAME, name, from, kept, help) PROTO_SERIAL_##NAME = (code),
#include "proto/serial.def"
} proto_serial_type;

enum {
#define FRAME(code, NAME, name, from, kept, help)  PROTO_SERIAL_##NAME##_BYTES = 0
#define U8(owner, key, min, max, nil, unit, help)  +1
#define U16(owner, key, min, max, nil, unit, help) +2
#define U32(owner, key, min, max, nil, unit, help) +4
#define I16(owner, key, min, max, nil, unit, help) +2
#define CHARS(owner, key, bytes, help)             +(bytes)
#define END(name)                                  ,
#include "proto/serial.def"
};

#define FRAME(code, NAME, name, from, kept, help)                                                  \
    void proto_serial_##name##_encode(const proto_serial_##name *in, uint8_t *body);               \
    void proto_serial_##name##_decode(const uint8_t *body, proto_serial_##name *out);
#include "proto/serial.def"

/* Size of the body of a type; -1 for a type that is not in the list. */
int proto_serial_size(uint8_t type);

/* True for frames that are numbered and sent until they are acknowledged. */
bool proto_serial_is_kept(uint8_t type);

/* The first field that is outside its range. */
typedef struct {
    const char *frame; /* "trial" */
    const char *key;   /* "choice" */
    uint8_t offset;    /* of the field in the body */
    int64_t value;     /* of a text: the byte at fault */
    int64_t min, max;
    int64_t nil; /* the value that means unknown; PROTO_SERIAL_NONE: there is none */
    const char *unit;
    const char *help;
} proto_serial_range;

/* True if every field of a body of that type and size is in its range; otherwise *bad names the
 * first that is not. An unknown type or a wrong size is not in range: bad->key is then NULL. */
bool proto_serial_check(uint8_t type, const uint8_t *body, size_t n, proto_serial_range *bad);
