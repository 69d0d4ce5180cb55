/* Apart from serial.c for its texts: no firmware needs them, and on an AVR they would stand in RAM.
 */
#include "proto/serial.h"

/* "hello", "trial", ...; NULL for a type that is not in the list. */
static const char *name_of(uint8_t type)
{
    switch (type) {
#define FRAME(code, NAME, name, from, kept, help)                                                  \
    case code:                                                                                     \
        return #name;
#include "proto/serial.def"
    default:
        return NULL;
    }
}

static bool check_number(proto_serial_range *bad, const proto_serial_range *field, uint8_t bytes)
{
    const int64_t value = field->value;
    if ((value < field->min || value > field->max) && value != field->nil) {
        const proto_serial_range before = *bad;
        *bad = *field;
        bad->frame = before.frame;
        bad->offset = before.offset;
        return false;
    }
    bad->offset = (uint8_t)(bad->offset + bytes);
    return true;
}

static bool check_text(proto_serial_range *bad, const char *key, const char *text, size_t n,
                       const char *help)
{
    bool has_ended = false;
    for (size_t i = 0; i < n; i++) {
        has_ended = has_ended || text[i] == '\0';
        const proto_serial_range field = {.key = key,
                                          .value = (unsigned char)text[i],
                                          .min = has_ended ? 0 : ' ',
                                          .max = has_ended ? 0 : '~',
                                          .nil = PROTO_SERIAL_NONE,
                                          .unit = "",
                                          .help = help};
        if (!check_number(bad, &field, 1)) {
            return false;
        }
    }
    return true;
}

bool proto_serial_check(uint8_t type, const uint8_t *body, size_t n, proto_serial_range *bad)
{
    *bad = (proto_serial_range){.frame = name_of(type), .nil = PROTO_SERIAL_NONE};
    const int size = proto_serial_size(type);
    if (size < 0 || n != (size_t)size) {
        return false;
    }
    switch (type) {
#define NONE PROTO_SERIAL_NONE
#define FRAME(code, NAME, name, from, kept, help)                                                  \
    case code: {                                                                                   \
        proto_serial_##name v;                                                                     \
        proto_serial_##name##_decode(body, &v);                                                    \
        return
#define NUMBER(bytes, k, lo, hi, none, u, h)                                                       \
    check_number(bad,                                                                              \
                 &(proto_serial_range){.key = #k,                                                  \
                                       .value = v.k,                                               \
                                       .min = (lo),                                                \
                                       .max = (hi),                                                \
                                       .nil = (none),                                              \
                                       .unit = (u),                                                \
                                       .help = (h)},                                               \
                 bytes) &&
#define U8(owner, key, min, max, nil, unit, help)  NUMBER(1, key, min, max, nil, unit, help)
#define U16(owner, key, min, max, nil, unit, help) NUMBER(2, key, min, max, nil, unit, help)
#define U32(owner, key, min, max, nil, unit, help) NUMBER(4, key, min, max, nil, unit, help)
#define I16(owner, key, min, max, nil, unit, help) NUMBER(2, key, min, max, nil, unit, help)
#define CHARS(owner, key, bytes, help)             check_text(bad, #key, v.key, bytes, help) &&
#define END(name)                                                                                  \
    true;                                                                                          \
    }
#include "proto/serial.def"
#undef NUMBER
#undef NONE
    default:
        return false;
    }
}
