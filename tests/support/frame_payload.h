/* frame_payload.h - the payload of a frame, as the decoder takes it off the line. */
#pragma once

#include <string.h>

#include "proto/frame.h"

/* Fills payload[PROTO_FRAME_PAYLOAD_MAX]. Returns its size, 0 if the body is too long. */
static inline size_t frame_payload(uint8_t type, uint16_t seq, const uint8_t *body,
                                   size_t body_size, uint8_t *payload)
{
    uint8_t wire[PROTO_FRAME_WIRE_MAX];
    proto_frame_decoder decoder;
    proto_frame frame = {.payload_size = 0};
    proto_frame_decoder_init(&decoder);
    const size_t n = proto_frame_encode(type, seq, body, body_size, wire, sizeof wire);
    for (size_t i = 0; i < n; i++) {
        if (proto_frame_push(&decoder, wire[i], &frame)) {
            memcpy(payload, frame.payload, frame.payload_size);
        }
    }
    return frame.payload_size;
}
