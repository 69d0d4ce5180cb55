/* device.h - the device's end of the serial link: portable C, no heap, no libc.
 *
 * The task pushes its trials; device_poll(), called in every turn of the main loop, does the rest:
 * sends hello until the host answers, resends each trial until the host confirms that it is safely
 * on disk, answers the host's clock requests. A trial is never dropped: when the queue is full,
 * device_push_trial() returns false and the task waits. docs/firmware.md has the rules of the link.
 *
 * Threads: one; not from interrupts. Memory: the caller's device, about 26 bytes per queue entry.
 */
#pragma once

#include "hal.h"
#include "proto/frame.h"
#include "proto/serial.h"

#ifndef DEVICE_QUEUE
#define DEVICE_QUEUE 16 /* frames kept until acknowledged, 1..255 */
#endif
#ifndef DEVICE_RESEND_MS
#define DEVICE_RESEND_MS                                                                           \
    200 /* silence after which all is sent again; doubles up to 8 times that                       \
         */
#endif
#ifndef DEVICE_HELLO_MS
#define DEVICE_HELLO_MS 250
#endif

enum { DEVICE_KEPT_BYTES_MAX = PROTO_SERIAL_TRIAL_BYTES };

typedef struct {
    uint8_t type;
    uint8_t body[DEVICE_KEPT_BYTES_MAX];
} device_kept;

typedef struct {
    const device_hal *hal;
    proto_frame_decoder decoder;
    char name[PROTO_SERIAL_NAME_BYTES];
    uint16_t boot;
    uint16_t acked; /* seq of the last frame acknowledged; the first frame's is 1 */
    device_kept queue[DEVICE_QUEUE];
    uint8_t first;  /* index of the oldest */
    uint8_t n;      /* kept */
    uint8_t n_sent; /* of these, sent since the last start over */
    uint8_t backoff;
    bool is_greeted;   /* the host has answered our hello */
    bool is_hello_due; /* now, not only when the time has come */
    bool is_sync_due;
    bool has_prediction;
    bool has_choice;
    uint32_t sync_token;
    uint32_t hello_at_us;
    uint32_t resend_at_us; /* counts from the oldest's sending, or the last acknowledgement */
    uint32_t n_trials;     /* pushed in this boot: the number of the next one */
    proto_serial_prediction prediction; /* the latest; valid if has_prediction */
    proto_serial_choice choice;         /* of the trial under way; valid if has_choice */
    uint32_t n_chosen; /* number of the trial whose choice was taken last, plus 1 */
} device;

/* Starts: takes a new boot number. hal must outlive the device; name is cut to 16 bytes. */
void device_init(device *d, const device_hal *hal, const char *name);

/* Reads what has come and sends what is due; never waits. */
void device_poll(device *d);

/* Reports a stimulus at its onset, before its choice. It is lost if the line is bad or
 * busy: false means that it was not even sent. contrast: 1/10000, right positive. */
bool device_push_stimulus(device *d, int16_t contrast);

/* Hands over one finished trial; boot, number and time are filled in here. False: the queue is
 * full, nothing was taken, try again after device_poll(). */
bool device_push_trial(device *d, const proto_serial_trial *trial);

/* What a virtual mouse (`murid mouse`) does about the stimulus of the trial under way: true once a
 * trial, when it has come. *choice->choice is 1 right, 0 left, PROTO_SERIAL_NIL_U8 none. It may be
 * lost on a bad line: push the stimulus again to get the same answer. */
bool device_take_choice(device *d, proto_serial_choice *choice);

/* Says that the task is over. False as above. */
bool device_push_end(device *d);

/* True when the host has everything on disk. */
bool device_is_done(const device *d);
