#include "bridge/link.h"

#include <math.h>
#include <string.h>

#include "proto/content.h"

static const int64_t CALL_EVERY_NS = INT64_C(500000000);
static const int64_t SYNC_EVERY_NS = INT64_C(1000000000);
static const int64_t SYNC_FIRST_NS = INT64_C(100000000); /* between the first few: sets the clock */
enum { SYNC_FIRST = 8 };

void bridge_link_init(bridge_link *link)
{
    memset(link, 0, sizeof *link);
    proto_frame_decoder_init(&link->decoder);
    bridge_clock_init(&link->clock);
    bridge_link_reset(link);
}

void bridge_link_reset(bridge_link *link)
{
    proto_frame_decoder_reset(&link->decoder);
    link->is_greeted = false;
    link->is_pending = false;
    link->is_doubtful = false;
    link->ack_is_due = false;
    link->has_prediction = false;
    link->has_choice = false;
    link->call_at_ns = 0;
    link->sync_sent_ns = INT64_MIN;
}

static uint16_t in_flight(const bridge_link *link)
{
    return (uint16_t)(link->next_seq - 1 - link->acked_seq);
}

static void start_boot(bridge_link *link, uint16_t boot, uint16_t acked)
{
    link->was_greeted = true;
    link->is_doubtful = false;
    link->boot = boot;
    link->acked_seq = acked;
    link->next_seq = (uint16_t)(acked + 1);
    link->counters.boots++;
    bridge_clock_reset(&link->clock);
}

/* Fills in what all events share. */
static bool give(bridge_link *link, const proto_frame *frame, uint32_t t_us, int64_t t_mono_ns,
                 bridge_event *event)
{
    int64_t error_ns = INT64_MAX;
    int64_t t_event_ns = bridge_clock_host_ns(&link->clock, t_us, &error_ns);
    if (error_ns == INT64_MAX || t_event_ns > t_mono_ns) {
        t_event_ns = t_mono_ns;
    }
    *event = (bridge_event){
        .payload = frame->payload,
        .payload_size = frame->payload_size,
        .type = frame->type,
        .is_kept = proto_serial_is_kept(frame->type),
        .boot = link->boot,
        .seq = frame->seq,
        .t_heard_ns = t_mono_ns,
        .t_event_ns = t_event_ns,
        .t_error_ns = error_ns,
    };
    return true;
}

static bool take_hello(bridge_link *link, const proto_frame *frame, int64_t t_mono_ns,
                       bridge_event *event)
{
    proto_serial_hello hello;
    proto_serial_hello_decode(frame->body, &hello);
    const bool is_first = !link->is_greeted || hello.boot != link->boot;
    link->device_protocol = hello.protocol;
    if (hello.protocol != PROTO_SERIAL_VERSION) {
        link->is_greeted = false;
        return give(link, frame, hello.t_us, t_mono_ns, event);
    }
    /* A device forgets only what was acknowledged and keeps at most a window: a last
     * acknowledgement outside that is another start under the same number. */
    const uint16_t behind = (uint16_t)(link->acked_seq - frame->seq);
    if (!link->was_greeted || hello.boot != link->boot || behind > hello.queue) {
        start_boot(link, hello.boot, frame->seq);
    } else {
        link->is_doubtful = behind > 0;
    }
    link->hello_seq = frame->seq;
    memcpy(link->device_name, hello.name, sizeof hello.name);
    link->device_name[sizeof hello.name] = '\0';
    link->ack_is_due = true;
    bridge_clock_heard(&link->clock, hello.t_us, t_mono_ns);
    if (!is_first) {
        return false;
    }
    link->is_greeted = true;
    link->sync_at_ns = t_mono_ns;
    link->syncs_left = SYNC_FIRST;
    return give(link, frame, hello.t_us, t_mono_ns, event);
}

static void take_synced(bridge_link *link, const proto_frame *frame, int64_t t_mono_ns)
{
    proto_serial_synced synced;
    proto_serial_synced_decode(frame->body, &synced);
    if (link->is_greeted && link->sync_sent_ns != INT64_MIN && synced.token == link->sync_token &&
        t_mono_ns >= link->sync_sent_ns) {
        bridge_clock_synced(&link->clock, link->sync_sent_ns, synced.t_us, t_mono_ns);
        link->sync_sent_ns = INT64_MIN;
    }
}

static bool is_of_this_boot(bridge_link *link, uint16_t boot)
{
    if (link->is_greeted && boot == link->boot) {
        return true;
    }
    link->counters.early++;
    link->is_greeted = false;
    return false;
}

static uint64_t hash_of(const uint8_t *payload, size_t size)
{
    return proto_content_bytes(PROTO_CONTENT_START, payload, size);
}

/* What was heard and durable is acknowledged again: that acknowledgement was lost. Another content
 * is another start under the same number: the device is called, and begins from what it says. */
static void take_repeated(bridge_link *link, const proto_frame *frame)
{
    const uint64_t heard = link->heard[frame->seq % BRIDGE_LINK_WINDOW];
    if (heard == hash_of(frame->payload, frame->payload_size)) {
        link->counters.repeated++;
        link->is_doubtful = false;
        link->ack_is_due = true;
        return;
    }
    link->counters.impostors++;
    link->is_greeted = link->was_greeted = false;
    link->ack_is_due = false;
}

static bool take_kept(bridge_link *link, const proto_frame *frame, uint16_t boot, uint32_t t_us,
                      int64_t t_mono_ns, bridge_event *event)
{
    if (!is_of_this_boot(link, boot)) {
        return false;
    }
    bridge_clock_heard(&link->clock, t_us, t_mono_ns);
    const uint16_t behind = (uint16_t)(link->next_seq - frame->seq);
    if (behind > 0 && behind < BRIDGE_LINK_WINDOW) {
        take_repeated(link, frame);
        return false;
    }
    if (behind != 0 || link->is_doubtful) {
        link->counters.ahead++; /* comes again, after what is missing before it */
        return false;
    }
    if (in_flight(link) >= BRIDGE_LINK_WINDOW - 1) {
        link->counters.refused++;
        return false;
    }
    link->is_pending = true;
    return give(link, frame, t_us, t_mono_ns, event);
}

static bool take(bridge_link *link, const proto_frame *frame, int64_t t_mono_ns,
                 bridge_event *event)
{
    if (proto_serial_size(frame->type) != frame->body_size) {
        link->counters.foreign++;
        return false;
    }
    switch (frame->type) {
    case PROTO_SERIAL_HELLO:
        return take_hello(link, frame, t_mono_ns, event);
    case PROTO_SERIAL_SYNCED:
        take_synced(link, frame, t_mono_ns);
        return false;
    case PROTO_SERIAL_STIMULUS: {
        proto_serial_stimulus s;
        proto_serial_stimulus_decode(frame->body, &s);
        if (!is_of_this_boot(link, s.boot)) {
            return false;
        }
        bridge_clock_heard(&link->clock, s.t_us, t_mono_ns);
        return give(link, frame, s.t_us, t_mono_ns, event);
    }
    case PROTO_SERIAL_TRIAL: {
        proto_serial_trial t;
        proto_serial_trial_decode(frame->body, &t);
        return take_kept(link, frame, t.boot, t.t_us, t_mono_ns, event);
    }
    case PROTO_SERIAL_SESSION_END: {
        proto_serial_session_end e;
        proto_serial_session_end_decode(frame->body, &e);
        return take_kept(link, frame, e.boot, e.t_us, t_mono_ns, event);
    }
    default:
        link->counters.foreign++; /* ours, as a loop in the cable would return it */
        return false;
    }
}

bool bridge_link_next(bridge_link *link, const uint8_t **bytes, size_t *n, int64_t t_mono_ns,
                      bridge_event *event)
{
    if (link->is_pending) {
        link->is_pending = false;
        link->counters.refused++;
    }
    bool has_event = false;
    while (*n > 0 && !has_event) {
        proto_frame frame;
        const bool is_whole = proto_frame_push(&link->decoder, **bytes, &frame);
        link->counters.bytes++;
        (*bytes)++;
        (*n)--;
        has_event = is_whole && take(link, &frame, t_mono_ns, event);
    }
    const proto_frame_counters *seen = &link->decoder.counters;
    link->counters.frames = seen->frames;
    link->counters.crc_errors = seen->crc_errors;
    link->counters.length_errors = seen->length_errors;
    link->counters.bad_frames = link->counters.crc_errors + link->counters.length_errors;
    link->counters.resyncs = seen->resyncs;
    return has_event;
}

void bridge_link_accept(bridge_link *link, const bridge_event *event, uint64_t ticket)
{
    if (!link->is_pending || !event->is_kept || event->seq != link->next_seq) {
        return;
    }
    link->is_pending = false;
    link->ticket[link->next_seq % BRIDGE_LINK_WINDOW] = ticket;
    link->heard[link->next_seq % BRIDGE_LINK_WINDOW] = hash_of(event->payload, event->payload_size);
    link->next_seq++;
}

void bridge_link_durable(bridge_link *link, uint64_t ticket)
{
    while (in_flight(link) > 0 &&
           link->ticket[(uint16_t)(link->acked_seq + 1) % BRIDGE_LINK_WINDOW] <= ticket) {
        link->acked_seq++;
        link->ack_is_due = true;
    }
}

void bridge_link_predict(bridge_link *link, int64_t trial, double contrast, double p_right)
{
    if (trial < 0 || trial > UINT32_MAX || !isfinite(contrast) || fabs(contrast) > 1.0 ||
        !(p_right >= 0.0 && p_right <= 1.0)) {
        return;
    }
    link->has_prediction = true;
    link->prediction = (proto_serial_prediction){
        .trial = (uint32_t)trial,
        .contrast = (int16_t)lround(contrast * 10000.0),
        .p_right = (uint16_t)lround(p_right * 65535.0),
    };
}

void bridge_link_choose(bridge_link *link, uint16_t boot, int64_t trial, int choice, double rt_s)
{
    const bool has_rt = choice >= 0 && rt_s >= 0.0 && isfinite(rt_s);
    if (!link->is_greeted || boot != link->boot || trial < 0 || trial > UINT32_MAX || choice > 1) {
        return;
    }
    link->has_choice = true;
    link->choice = (proto_serial_choice){
        .boot = boot,
        .trial = (uint32_t)trial,
        .choice = choice < 0 ? PROTO_SERIAL_NIL_U8 : (uint8_t)choice,
        .rt_ms = has_rt ? (uint16_t)fmin(rt_s * 1000.0, PROTO_SERIAL_NIL_U16 - 1.0)
                        : PROTO_SERIAL_NIL_U16,
    };
}

size_t bridge_link_output(bridge_link *link, int64_t t_mono_ns, uint8_t *out, size_t cap)
{
    uint8_t body[PROTO_FRAME_BODY_MAX];
    size_t n = 0;
    if (cap < BRIDGE_LINK_OUTPUT_MAX) {
        return 0;
    }
    if (!link->is_greeted) {
        if (t_mono_ns < link->call_at_ns) {
            return 0;
        }
        link->call_at_ns = t_mono_ns + CALL_EVERY_NS;
        const proto_serial_call call = {.protocol = PROTO_SERIAL_VERSION};
        proto_serial_call_encode(&call, body);
        return proto_frame_encode(PROTO_SERIAL_CALL, 0, body, PROTO_SERIAL_CALL_BYTES, out, cap);
    }
    if (link->ack_is_due) {
        const proto_serial_ack ack = {.boot = link->boot,
                                      .seq = link->is_doubtful ? link->hello_seq : link->acked_seq};
        proto_serial_ack_encode(&ack, body);
        n +=
            proto_frame_encode(PROTO_SERIAL_ACK, 0, body, PROTO_SERIAL_ACK_BYTES, out + n, cap - n);
        link->ack_is_due = false;
        link->counters.acks++;
    }
    if (link->has_prediction) {
        proto_serial_prediction_encode(&link->prediction, body);
        n += proto_frame_encode(PROTO_SERIAL_PREDICTION, 0, body, PROTO_SERIAL_PREDICTION_BYTES,
                                out + n, cap - n);
        link->has_prediction = false;
    }
    if (link->has_choice) {
        proto_serial_choice_encode(&link->choice, body);
        n += proto_frame_encode(PROTO_SERIAL_CHOICE, 0, body, PROTO_SERIAL_CHOICE_BYTES, out + n,
                                cap - n);
        link->has_choice = false;
    }
    if (t_mono_ns >= link->sync_at_ns) {
        if (link->syncs_left > 0) {
            link->syncs_left--;
        }
        link->sync_at_ns = t_mono_ns + (link->syncs_left > 0 ? SYNC_FIRST_NS : SYNC_EVERY_NS);
        link->sync_sent_ns = t_mono_ns;
        const proto_serial_sync sync = {.token = ++link->sync_token};
        proto_serial_sync_encode(&sync, body);
        n += proto_frame_encode(PROTO_SERIAL_SYNC, 0, body, PROTO_SERIAL_SYNC_BYTES, out + n,
                                cap - n);
    }
    return n;
}

int64_t bridge_link_deadline_ns(const bridge_link *link)
{
    if (!link->is_greeted) {
        return link->call_at_ns;
    }
    return link->ack_is_due || link->has_prediction || link->has_choice ? 0 : link->sync_at_ns;
}
