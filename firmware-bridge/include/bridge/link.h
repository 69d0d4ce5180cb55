/* bridge/link.h - the host's end of one serial line: bytes in, events out, bytes to send back.
 *
 * It holds no descriptor: the owner of the port reads, pushes, and writes the output of
 * bridge_link_output().
 *
 *     const uint8_t *at = bytes;
 *     while (bridge_link_next(&link, &at, &n, t_mono_ns, &event)) {
 *         journal event.payload, then
 *         bridge_link_accept(&link, &event, ticket);   ticket: your number of the journal entry
 *         bridge_decode(event.payload, ...)
 *     }
 *     when the disk has all entries up to a number:  bridge_link_durable(&link, number);
 *     before each wait and after each change:        write(fd, out, bridge_link_output(&link, ...))
 *     wait no longer than until                      bridge_link_deadline_ns(&link)
 *     port lost, or opened again:                    bridge_link_reset(&link)
 *
 * Order: frames that must not be lost (trial, session_end) are delivered exactly once per boot and
 * in order, as long as each is accepted; one that is not accepted is delivered again when the
 * device resends it. A device that restarts under a boot number that was used is detected by the
 * content of its frames, and no frame is acknowledged that was not received. Frames that were
 * delivered but not yet acknowledged when this end restarted are delivered once more: the caller
 * detects them by boot and trial number. Only what was declared durable is acknowledged.
 *
 * Threads: one owner. Memory: plain state without pointers. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/clock.h"
#include "bridge/decode.h"
#include "proto/frame.h"
#include "proto/serial.h"

enum {
    BRIDGE_LINK_WINDOW = 256,    /* frames that may wait for their acknowledgement */
    BRIDGE_LINK_OUTPUT_MAX = 256 /* bytes that always hold one bridge_link_output() */
};

typedef struct {
    uint64_t bytes;      /* received */
    uint64_t frames;     /* good ones */
    uint64_t bad_frames; /* crc_errors + length_errors: noise on the line */
    uint64_t crc_errors;
    uint64_t length_errors;
    uint64_t resyncs;
    uint64_t foreign;   /* good frames of an unknown type or size: not our firmware */
    uint64_t repeated;  /* numbered frames received before: resent */
    uint64_t ahead;     /* numbered frames whose predecessor is missing: will be resent */
    uint64_t early;     /* numbered frames before the hello of their boot */
    uint64_t refused;   /* events delivered but not accepted */
    uint64_t boots;     /* device starts seen */
    uint64_t impostors; /* frames that repeat a number with another content: the boot's number was
                           used before */
    uint64_t acks;      /* sent */
} bridge_link_counters;

/* One frame that concerns those above: hello (the first of each boot, and after each reset of the
 * link), stimulus, trial, session_end. */
typedef struct {
    const uint8_t *payload; /* raw, as to be journaled; holds until the next call on the link */
    size_t payload_size;
    uint8_t type; /* PROTO_SERIAL_HELLO, ... */
    bool is_kept; /* numbered: the device keeps it until it is acknowledged */
    uint16_t boot;
    uint16_t seq;
    int64_t t_heard_ns; /* monotonic */
    int64_t t_event_ns; /* when it happened, by the device's clock; never after t_heard_ns */
    int64_t t_error_ns; /* how far off t_event_ns may be; INT64_MAX: not known */
} bridge_event;

typedef struct {
    proto_frame_decoder decoder;
    bridge_link_counters counters;
    bridge_clock clock;
    bool is_greeted;  /* a hello was received since init or reset */
    bool was_greeted; /* ever: boot below is one that was seen */
    uint16_t boot;
    uint8_t device_protocol;
    char device_name[PROTO_SERIAL_NAME_BYTES + 1];
    uint16_t next_seq;  /* the next numbered frame */
    uint16_t acked_seq; /* highest that is durable */
    bool ack_is_due, has_prediction, has_choice;
    bool is_pending;    /* an event was given out and is not accepted yet */
    bool is_doubtful;   /* the device's hello reports fewer acknowledgements: it may have restarted
                           under a used boot number. Until it repeats what was received, nothing more
                           is acknowledged */
    uint16_t hello_seq; /* the last one acknowledged, by the device */
    int64_t call_at_ns; /* when to call next */
    int64_t sync_at_ns; /* when to sync next */
    uint8_t syncs_left; /* of the quick ones at the start */
    uint32_t sync_token;
    int64_t sync_sent_ns; /* INT64_MIN: none under way */
    proto_serial_prediction prediction;
    proto_serial_choice choice;
    uint64_t ticket[BRIDGE_LINK_WINDOW]; /* of seq modulo the window */
    uint64_t heard[BRIDGE_LINK_WINDOW];  /* hash of each frame's payload, likewise */
} bridge_link;

/* A link to a device without a received frame. */
void bridge_link_init(bridge_link *link);

/* The port was lost or opened again: a half frame is forgotten, the device will be called. Counters
 * and what is known of its clock and numbering stay. */
void bridge_link_reset(bridge_link *link);

/* Takes bytes until one completes an event: true, *event filled in, *bytes and *n past it. False:
 * all bytes are taken. t_mono_ns: when they were read. */
bool bridge_link_next(bridge_link *link, const uint8_t **bytes, size_t *n, int64_t t_mono_ns,
                      bridge_event *event);

/* The event just given out is in the journal's hands under that number (rising). Does nothing for
 * events that are not numbered. */
void bridge_link_accept(bridge_link *link, const bridge_event *event, uint64_t ticket);

/* Every journal entry up to that number is on disk: an acknowledgement becomes due. */
void bridge_link_durable(bridge_link *link, uint64_t ticket);

/* Tells the device, at the next output, what the animal will do. contrast and p_right: fractions;
 * ignored if not finite. */
void bridge_link_predict(bridge_link *link, int64_t trial, double contrast, double p_right);

/* Tells the device, at the next output, what a virtual mouse does on a trial of that boot: choice 1
 * right, 0 left, -1 none; rt_s is not read without one. Ignored if the device has restarted. */
void bridge_link_choose(bridge_link *link, uint16_t boot, int64_t trial, int choice, double rt_s);

/* Writes what is to be sent now to out[cap] and returns its size; 0: nothing. Bytes that cannot be
 * sent may be thrown away: it is then as if the line had lost them. */
size_t bridge_link_output(bridge_link *link, int64_t t_mono_ns, uint8_t *out, size_t cap);

/* When bridge_link_output() will have output even if nothing is received, monotonic; 0: now.
 */
int64_t bridge_link_deadline_ns(const bridge_link *link);
