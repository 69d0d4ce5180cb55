/* The frame decoder and bridge_decode() on any bytes, and a device that hears them; then the same
 * bytes as a payload with a right checksum, so that the fields behind it are reached. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/link.h"
#include "device.h"
#include "frame_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const uint8_t *payload, size_t n)
{
    /* An exact-size block: a sanitizer sees a read past its end. */
    uint8_t *exact = malloc(n > 0 ? n : 1);
    static proto_message message;
    proto_fault fault;
    if (exact == NULL) {
        return;
    }
    memcpy(exact, payload, n);
    const int rc = bridge_decode(exact, n, "rig", "subject", &message, &fault);
    if (rc == PROTO_OK) {
        static uint8_t out[PROTO_BYTES_MAX];
        /* What is taken up from a device, the wire must be able to say. */
        if (proto_encode(&message, PROTO_FORMAT_MSGPACK, out, sizeof out) <= 0) {
            abort();
        }
    } else if (message.kind != PROTO_KIND_NONE || fault.text[0] == '\0' || fault.status != rc) {
        abort();
    }
    free(exact);
}

/* ---- the device's side ----------------------------------------------------------------------- */

struct line {
    const uint8_t *at;
    const uint8_t *end;
};

static int16_t read_byte(void *user)
{
    struct line *line = user;
    return line->at < line->end ? *line->at++ : (int16_t)-1;
}

static bool write_all(void *user, const uint8_t *bytes, uint8_t n)
{
    (void)user;
    (void)bytes;
    return n <= PROTO_FRAME_WIRE_MAX;
}

static uint32_t now_us(void *user)
{
    (void)user;
    return 0;
}

static uint16_t next_boot(void *user)
{
    (void)user;
    return 7;
}

static void hear_as_device(const uint8_t *data, size_t size)
{
    struct line line = {data, data + size};
    const device_hal hal = {&line, read_byte, write_all, now_us, next_boot};
    static device d;
    proto_serial_choice choice;
    device_init(&d, &hal, "fuzz");
    while (line.at < line.end) {
        device_poll(&d);
        if (device_take_choice(&d, &choice)) {
            if ((choice.choice > 1 && choice.choice != PROTO_SERIAL_NIL_U8) ||
                choice.trial != d.n_trials || device_take_choice(&d, &choice)) {
                abort();
            }
            (void)device_push_trial(&d, &(proto_serial_trial){.choice = choice.choice});
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bridge_link link;
    bridge_link_init(&link);
    const uint8_t *at = data;
    size_t n = size;
    int64_t now_ns = 1000000000;
    uint64_t ticket = 0;
    bridge_event event;
    while (bridge_link_next(&link, &at, &n, now_ns, &event)) {
        uint8_t out[BRIDGE_LINK_OUTPUT_MAX];
        if (event.payload_size > PROTO_FRAME_PAYLOAD_MAX || event.t_event_ns > event.t_heard_ns) {
            abort();
        }
        decode(event.payload, event.payload_size);
        if ((event.seq & 7) != 0) {
            bridge_link_accept(&link, &event, ++ticket);
        }
        bridge_link_durable(&link, ticket);
        now_ns += 250000000;
        (void)bridge_link_output(&link, now_ns, out, sizeof out);
    }
    if (n != 0 || link.counters.bytes != size) {
        abort();
    }
    decode(data, size);
    hear_as_device(data, size);

    if (size >= 3 && size - 3 <= PROTO_FRAME_BODY_MAX) {
        uint8_t payload[PROTO_FRAME_PAYLOAD_MAX];
        const uint16_t seq = (uint16_t)(data[1] | data[2] << 8);
        decode(payload, frame_payload(data[0], seq, data + 3, size - 3, payload));
    }
    return 0;
}
