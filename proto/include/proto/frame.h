/* proto/frame.h - frames of the serial line: COBS, sequence number, checksum.
 *
 * On the wire:  0x00 | COBS(payload) | 0x00      payload: type u8 | seq u16 | body | crc u16
 * Little endian. crc is CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF) over everything before
 * it. COBS leaves no 0x00 inside a frame, so that a reader resynchronises at the next one; empty
 * frames (0x00 0x00) are ignored.
 *
 * Bytes are not trusted: bad input is counted, never an error that stops a caller.
 * Freestanding: needs no C library; also built for 8-bit microcontrollers.
 * Threads: one owner a decoder. Memory: the caller's. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROTO_FRAME_BODY_MAX = 32, /* bytes */
    PROTO_FRAME_OVERHEAD = 5,  /* type, seq, crc */
    PROTO_FRAME_PAYLOAD_MAX = PROTO_FRAME_BODY_MAX + PROTO_FRAME_OVERHEAD,
    PROTO_FRAME_WIRE_MAX = PROTO_FRAME_PAYLOAD_MAX + 3 /* COBS code, two delimiters */
};

/* One good frame. body and payload point into the decoder and hold until its next push. */
typedef struct {
    uint8_t type;
    uint16_t seq;
    uint8_t body_size;
    uint8_t payload_size;
    const uint8_t *body;
    const uint8_t *payload; /* type | seq | body | crc, as received */
} proto_frame;

typedef struct {
    uint32_t frames;        /* good ones */
    uint32_t crc_errors;    /* whole, but with a wrong checksum */
    uint32_t length_errors; /* too short, too long, or cut off inside */
    uint32_t resyncs;       /* good frames right after a bad one */
} proto_frame_counters;

typedef struct {
    uint8_t payload[PROTO_FRAME_PAYLOAD_MAX];
    uint8_t size; /* bytes in payload */
    uint8_t code; /* the COBS code of the running block; 0 before the first */
    uint8_t left; /* bytes left in that block */
    bool is_lost; /* skips to the next 0x00 */
    bool was_bad; /* the frame before this one was */
    proto_frame_counters counters;
} proto_frame_decoder;

/* Empties a decoder and zeroes its counters. */
void proto_frame_decoder_init(proto_frame_decoder *d);

/* Discards a partial frame, keeps the counters: the line was cut. What follows is skipped up to the
 * next 0x00 only if it does not decode. */
void proto_frame_decoder_reset(proto_frame_decoder *d);

/* Takes one byte. True: it completed a good frame, described in *frame. */
bool proto_frame_push(proto_frame_decoder *d, uint8_t byte, proto_frame *frame);

/* Checks a bare payload (type | seq | body | crc) as it was journaled. True: *frame describes it
 * and points into it. */
bool proto_frame_parse(const uint8_t *payload, size_t n, proto_frame *frame);

/* Writes a whole frame with both delimiters to wire[cap]; PROTO_FRAME_WIRE_MAX bytes always do.
 * Returns its size, 0 if the body is too long or cap too small. */
size_t proto_frame_encode(uint8_t type, uint16_t seq, const uint8_t *body, size_t body_size,
                          uint8_t *wire, size_t cap);
