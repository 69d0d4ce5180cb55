#include "proto/serial.h"

#include "proto/frame.h"

static uint8_t *put_u16(uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t)(v & 0xFF);
    at[1] = (uint8_t)(v >> 8);
    return at + 2;
}

static uint8_t *put_u32(uint8_t *at, uint32_t v)
{
    return put_u16(put_u16(at, (uint16_t)(v & 0xFFFF)), (uint16_t)(v >> 16));
}

static uint16_t get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | (uint16_t)((uint16_t)at[1] << 8));
}

static uint32_t get_u32(const uint8_t *at)
{
    return get_u16(at) | (uint32_t)get_u16(at + 2) << 16;
}

static int16_t get_i16(const uint8_t *at)
{
    const uint16_t v = get_u16(at);
    return v <= INT16_MAX ? (int16_t)v : (int16_t)((int32_t)v - 65536);
}

#define FRAME(code, NAME, name, from, kept, help)                                                  \
    _Static_assert((int)PROTO_SERIAL_##NAME##_BYTES <= (int)PROTO_FRAME_BODY_MAX, #name);          \
    void proto_serial_##name##_encode(const proto_serial_##name *in, uint8_t *body)                \
    {
#define U8(owner, key, min, max, nil, unit, help)  *body++ = in->key;
#define U16(owner, key, min, max, nil, unit, help) body = put_u16(body, in->key);
#define U32(owner, key, min, max, nil, unit, help) body = put_u32(body, in->key);
#define I16(owner, key, min, max, nil, unit, help) body = put_u16(body, (uint16_t)in->key);
#define CHARS(owner, key, bytes, help)                                                             \
    for (uint8_t i = 0; i < (bytes); i++) {                                                        \
        *body++ = (uint8_t)in->key[i];                                                             \
    }
#define END(name)                                                                                  \
    (void)body;                                                                                    \
    }
#include "proto/serial.def"

#define FRAME(code, NAME, name, from, kept, help)                                                  \
    void proto_serial_##name##_decode(const uint8_t *body, proto_serial_##name *out)               \
    {
#define U8(owner, key, min, max, nil, unit, help)                                                  \
    out->key = *body;                                                                              \
    body += 1;
#define U16(owner, key, min, max, nil, unit, help)                                                 \
    out->key = get_u16(body);                                                                      \
    body += 2;
#define U32(owner, key, min, max, nil, unit, help)                                                 \
    out->key = get_u32(body);                                                                      \
    body += 4;
#define I16(owner, key, min, max, nil, unit, help)                                                 \
    out->key = get_i16(body);                                                                      \
    body += 2;
#define CHARS(owner, key, bytes, help)                                                             \
    for (uint8_t i = 0; i < (bytes); i++) {                                                        \
        out->key[i] = (char)*body++;                                                               \
    }
#define END(name)                                                                                  \
    (void)body;                                                                                    \
    }
#include "proto/serial.def"

int proto_serial_size(uint8_t type)
{
    switch (type) {
#define FRAME(code, NAME, name, from, kept, help)                                                  \
    case code:                                                                                     \
        return PROTO_SERIAL_##NAME##_BYTES;
#include "proto/serial.def"
    default:
        return -1;
    }
}

bool proto_serial_is_kept(uint8_t type)
{
    switch (type) {
#define FRAME(code, NAME, name, from, kept, help)                                                  \
    case code:                                                                                     \
        return (kept) != 0;
#include "proto/serial.def"
    default:
        return false;
    }
}
