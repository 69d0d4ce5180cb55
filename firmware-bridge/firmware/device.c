#include "device.h"

enum { READ_AT_ONCE = 64, BACKOFF_MAX = 3 };

static const uint32_t HELLO_US = (uint32_t)DEVICE_HELLO_MS * 1000U;
static const uint32_t RESEND_US = (uint32_t)DEVICE_RESEND_MS * 1000U;

static uint32_t now_us(const device *d)
{
    return d->hal->now_us(d->hal->user);
}

void device_init(device *d, const device_hal *hal, const char *name)
{
    *d = (device){.hal = hal, .is_hello_due = true};
    proto_frame_decoder_init(&d->decoder);
    for (uint8_t i = 0; i < PROTO_SERIAL_NAME_BYTES && name[i] != '\0'; i++) {
        d->name[i] = name[i];
    }
    d->boot = hal->next_boot(hal->user);
}

static bool send(device *d, uint8_t type, uint16_t seq, const uint8_t *body, uint8_t size)
{
    uint8_t wire[PROTO_FRAME_WIRE_MAX];
    const size_t n = proto_frame_encode(type, seq, body, size, wire, sizeof wire);
    return d->hal->write(d->hal->user, wire, (uint8_t)n);
}

static void take_ack(device *d, const proto_serial_ack *ack)
{
    if (ack->boot != d->boot) {
        d->is_hello_due = true; /* the host takes us for an earlier start */
        return;
    }
    const uint16_t n = (uint16_t)(ack->seq - d->acked);
    if (n > d->n) {
        return; /* late, or of nothing we ever sent */
    }
    d->is_greeted = true;
    if (n == 0) {
        return;
    }
    d->acked = ack->seq;
    d->n = (uint8_t)(d->n - n);
    d->n_sent = d->n_sent > n ? (uint8_t)(d->n_sent - n) : 0;
    d->first = (uint8_t)((d->first + n) % DEVICE_QUEUE);
    d->backoff = 0;
    d->resend_at_us = now_us(d) + RESEND_US;
}

static bool is_of_trial_under_way(const device *d, const proto_serial_choice *choice)
{
    const bool is_choice = choice->choice <= 1 || choice->choice == PROTO_SERIAL_NIL_U8;
    return is_choice && choice->boot == d->boot && choice->trial == d->n_trials &&
           d->n_chosen != d->n_trials + 1;
}

static void take_choice(device *d, const proto_frame *frame)
{
    proto_serial_choice choice;
    proto_serial_choice_decode(frame->body, &choice);
    if (is_of_trial_under_way(d, &choice)) {
        d->choice = choice;
        d->has_choice = true;
    }
}

static void take(device *d, const proto_frame *frame)
{
    if (frame->body_size != proto_serial_size(frame->type)) {
        return;
    }
    switch (frame->type) {
    case PROTO_SERIAL_CALL:
        d->is_hello_due = true;
        d->backoff = 0;
        d->n_sent = 0;
        return;
    case PROTO_SERIAL_ACK: {
        proto_serial_ack ack;
        proto_serial_ack_decode(frame->body, &ack);
        take_ack(d, &ack);
        return;
    }
    case PROTO_SERIAL_SYNC: {
        proto_serial_sync sync;
        proto_serial_sync_decode(frame->body, &sync);
        d->sync_token = sync.token;
        d->is_sync_due = true;
        return;
    }
    case PROTO_SERIAL_PREDICTION:
        proto_serial_prediction_decode(frame->body, &d->prediction);
        d->has_prediction = true;
        return;
    case PROTO_SERIAL_CHOICE:
        take_choice(d, frame);
        return;
    default:
        return;
    }
}

static bool send_hello(device *d)
{
    uint8_t body[PROTO_SERIAL_HELLO_BYTES];
    proto_serial_hello hello = {.protocol = PROTO_SERIAL_VERSION,
                                .boot = d->boot,
                                .t_us = now_us(d),
                                .queue = DEVICE_QUEUE};
    for (uint8_t i = 0; i < PROTO_SERIAL_NAME_BYTES; i++) {
        hello.name[i] = d->name[i];
    }
    proto_serial_hello_encode(&hello, body);
    return send(d, PROTO_SERIAL_HELLO, d->acked, body, sizeof body);
}

/* The clock is read when the answer goes out: time spent waiting for room must not look like the
 * way back. */
static bool send_synced(device *d)
{
    uint8_t body[PROTO_SERIAL_SYNCED_BYTES];
    const proto_serial_synced synced = {.token = d->sync_token, .t_us = now_us(d)};
    proto_serial_synced_encode(&synced, body);
    return send(d, PROTO_SERIAL_SYNCED, d->acked, body, sizeof body);
}

static void send_kept(device *d)
{
    if (d->n_sent == d->n && d->n > 0 && hal_is_past(now_us(d), d->resend_at_us)) {
        d->backoff = d->backoff < BACKOFF_MAX ? (uint8_t)(d->backoff + 1) : BACKOFF_MAX;
        d->n_sent = 0;
    }
    while (d->n_sent < d->n) {
        const device_kept *kept = &d->queue[(uint16_t)(d->first + d->n_sent) % DEVICE_QUEUE];
        const uint8_t size = (uint8_t)proto_serial_size(kept->type);
        if (!send(d, kept->type, (uint16_t)(d->acked + 1 + d->n_sent), kept->body, size)) {
            return;
        }
        if (d->n_sent++ == 0) {
            d->resend_at_us = now_us(d) + (RESEND_US << d->backoff);
        }
    }
}

void device_poll(device *d)
{
    for (uint8_t i = 0; i < READ_AT_ONCE; i++) {
        proto_frame frame;
        const int16_t byte = d->hal->read(d->hal->user);
        if (byte < 0) {
            break;
        }
        if (proto_frame_push(&d->decoder, (uint8_t)byte, &frame)) {
            take(d, &frame);
        }
    }
    if (d->is_sync_due && send_synced(d)) {
        d->is_sync_due = false;
    }
    if ((d->is_hello_due || (!d->is_greeted && hal_is_past(now_us(d), d->hello_at_us))) &&
        send_hello(d)) {
        d->is_hello_due = false;
        d->hello_at_us = now_us(d) + HELLO_US;
    }
    if (d->is_greeted && !d->is_hello_due) {
        send_kept(d);
    }
}

static bool keep(device *d, uint8_t type, uint8_t **body)
{
    if (d->n == DEVICE_QUEUE) {
        return false;
    }
    device_kept *kept = &d->queue[(uint16_t)(d->first + d->n) % DEVICE_QUEUE];
    kept->type = type;
    *body = kept->body;
    d->n++;
    return true;
}

bool device_push_stimulus(device *d, int16_t contrast)
{
    uint8_t body[PROTO_SERIAL_STIMULUS_BYTES];
    const proto_serial_stimulus stimulus = {
        .boot = d->boot, .trial = d->n_trials, .t_us = now_us(d), .contrast = contrast};
    proto_serial_stimulus_encode(&stimulus, body);
    return d->is_greeted && send(d, PROTO_SERIAL_STIMULUS, d->acked, body, sizeof body);
}

bool device_push_trial(device *d, const proto_serial_trial *trial)
{
    uint8_t *body;
    if (!keep(d, PROTO_SERIAL_TRIAL, &body)) {
        return false;
    }
    proto_serial_trial t = *trial;
    t.boot = d->boot;
    t.trial = d->n_trials++;
    t.t_us = now_us(d);
    proto_serial_trial_encode(&t, body);
    return true;
}

bool device_take_choice(device *d, proto_serial_choice *choice)
{
    const bool is_news = d->has_choice && is_of_trial_under_way(d, &d->choice);
    d->has_choice = false;
    if (is_news) {
        *choice = d->choice;
        d->n_chosen = d->n_trials + 1;
    }
    return is_news;
}

bool device_push_end(device *d)
{
    uint8_t *body;
    if (!keep(d, PROTO_SERIAL_SESSION_END, &body)) {
        return false;
    }
    const proto_serial_session_end end = {
        .boot = d->boot, .t_us = now_us(d), .n_trials = d->n_trials};
    proto_serial_session_end_encode(&end, body);
    return true;
}

bool device_is_done(const device *d)
{
    return d->n == 0;
}
