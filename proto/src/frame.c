#include "proto/frame.h"

/* CRC-16/CCITT-FALSE. */
static uint16_t crc_of(const uint8_t *bytes, size_t n)
{
    uint16_t crc = 0xFFFF;
    for (size_t i = 0; i < n; i++) {
        /* Eight steps of the shift register at once; no table, for want of RAM on small devices. */
        crc = (uint16_t)((uint16_t)(crc >> 8) | (uint16_t)(crc << 8));
        crc = (uint16_t)(crc ^ bytes[i]);
        crc = (uint16_t)(crc ^ ((crc & 0xFF) >> 4));
        crc = (uint16_t)(crc ^ (uint16_t)(crc << 12));
        crc = (uint16_t)(crc ^ (uint16_t)((crc & 0xFF) << 5));
    }
    return crc;
}

void proto_frame_decoder_reset(proto_frame_decoder *d)
{
    d->size = 0;
    d->code = 0;
    d->left = 0;
    d->is_lost = false;
}

void proto_frame_decoder_init(proto_frame_decoder *d)
{
    proto_frame_decoder_reset(d);
    d->was_bad = false;
    d->counters = (proto_frame_counters){0};
}

bool proto_frame_parse(const uint8_t *payload, size_t n, proto_frame *frame)
{
    if (n < PROTO_FRAME_OVERHEAD || n > PROTO_FRAME_PAYLOAD_MAX) {
        return false;
    }
    const uint16_t crc = (uint16_t)(payload[n - 2] | (uint16_t)((uint16_t)payload[n - 1] << 8));
    if (crc != crc_of(payload, n - 2)) {
        return false;
    }
    frame->type = payload[0];
    frame->seq = (uint16_t)(payload[1] | (uint16_t)((uint16_t)payload[2] << 8));
    frame->body_size = (uint8_t)(n - PROTO_FRAME_OVERHEAD);
    frame->payload_size = (uint8_t)n;
    frame->body = payload + 3;
    frame->payload = payload;
    return true;
}

static void append(proto_frame_decoder *d, uint8_t byte)
{
    if (d->size == PROTO_FRAME_PAYLOAD_MAX) {
        d->is_lost = true;
        return;
    }
    d->payload[d->size++] = byte;
}

static bool finish(proto_frame_decoder *d, proto_frame *frame)
{
    if (d->code == 0 && !d->is_lost) {
        return false; /* nothing between two delimiters */
    }
    bool is_good = false;
    if (d->is_lost || d->left != 0 || d->size < PROTO_FRAME_OVERHEAD) {
        d->counters.length_errors++;
    } else if (!proto_frame_parse(d->payload, d->size, frame)) {
        d->counters.crc_errors++;
    } else {
        is_good = true;
        d->counters.frames++;
        d->counters.resyncs += d->was_bad ? 1U : 0U;
    }
    d->was_bad = !is_good;
    proto_frame_decoder_reset(d);
    return is_good;
}

bool proto_frame_push(proto_frame_decoder *d, uint8_t byte, proto_frame *frame)
{
    if (byte == 0) {
        return finish(d, frame);
    }
    if (d->is_lost) {
        return false;
    }
    if (d->left != 0) {
        append(d, byte);
        d->left--;
        return false;
    }
    /* The zero a block stands for is written only when another block follows. */
    if (d->code != 0 && d->code != 0xFF) {
        append(d, 0);
    }
    d->code = byte;
    d->left = (uint8_t)(byte - 1);
    return false;
}

/* type | seq | body | crc. Returns its size. */
static size_t build(uint8_t type, uint16_t seq, const uint8_t *body, size_t body_size,
                    uint8_t *payload)
{
    payload[0] = type;
    payload[1] = (uint8_t)(seq & 0xFF);
    payload[2] = (uint8_t)(seq >> 8);
    size_t n = 3;
    for (size_t i = 0; i < body_size; i++) {
        payload[n++] = body[i];
    }
    const uint16_t crc = crc_of(payload, n);
    payload[n++] = (uint8_t)(crc & 0xFF);
    payload[n++] = (uint8_t)(crc >> 8);
    return n;
}

size_t proto_frame_encode(uint8_t type, uint16_t seq, const uint8_t *body, size_t body_size,
                          uint8_t *wire, size_t cap)
{
    /* Built in place, two bytes in: COBS writes never overtake what it still has to read, because a
     * payload this short needs one code byte before it and no other inside. */
    enum { AT = 2 };
    _Static_assert(PROTO_FRAME_PAYLOAD_MAX < 254, "one COBS block must do");
    if (cap < body_size + PROTO_FRAME_OVERHEAD + 3 || body_size > PROTO_FRAME_BODY_MAX) {
        return 0;
    }
    const size_t n = build(type, seq, body, body_size, wire + AT);
    wire[0] = 0;
    size_t code_at = AT - 1;
    for (size_t i = AT; i < AT + n; i++) {
        if (wire[i] == 0) {
            wire[code_at] = (uint8_t)(i - code_at);
            code_at = i;
        }
    }
    wire[code_at] = (uint8_t)(AT + n - code_at);
    wire[AT + n] = 0;
    return n + 3;
}
