#include "bridge/decode.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/frame.h"
#include "proto/serial.h"

#if defined(__GNUC__)
__attribute__((format(printf, 5, 6)))
#endif
static int
refuse(proto_message *out, proto_fault *fault, int status, size_t offset, const char *format, ...)
{
    out->kind = PROTO_KIND_NONE;
    fault->status = status;
    fault->offset = offset;
    va_list values;
    va_start(values, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, values);
    va_end(values);
    return status;
}

static void tell_range(proto_fault *fault, const proto_serial_range *bad)
{
    (void)snprintf(fault->key, sizeof fault->key, "%s.%s", bad->frame, bad->key);
    (void)snprintf(fault->text, sizeof fault->text,
                   "%" PRId64 " is outside %" PRId64 "..%" PRId64 "%s%s (%s)", bad->value, bad->min,
                   bad->max, bad->unit[0] != '\0' ? " " : "", bad->unit, bad->help);
}

/* What a trial is not bound to know costs itself alone: true if it is unknown now. */
static bool pass_over(uint8_t type, uint8_t *body, const proto_serial_range *bad,
                      proto_fault *fault)
{
    if (type != PROTO_SERIAL_TRIAL || bad->key == NULL || bad->nil != PROTO_SERIAL_NIL_U8 ||
        strcmp(bad->key, "choice") == 0) {
        return false;
    }
    if (fault->n_passed++ == 0) {
        tell_range(fault, bad);
    }
    body[bad->offset] = PROTO_SERIAL_NIL_U8;
    return true;
}

static int check_body(const proto_frame *frame, uint8_t body[PROTO_FRAME_BODY_MAX],
                      proto_message *out, proto_fault *fault)
{
    proto_serial_range bad;
    memcpy(body, frame->body, frame->body_size);
    while (!proto_serial_check(frame->type, body, frame->body_size, &bad)) {
        if (pass_over(frame->type, body, &bad, fault)) {
            continue;
        }
        *fault = (proto_fault){0};
        if (bad.key == NULL) {
            return refuse(out, fault, PROTO_ERR_SIZE, 3U + frame->body_size + 2U,
                          "a body of %u bytes; %d were expected", (unsigned)frame->body_size,
                          proto_serial_size(frame->type));
        }
        tell_range(fault, &bad);
        out->kind = PROTO_KIND_NONE;
        fault->status = PROTO_ERR_RANGE;
        fault->offset = 3U + bad.offset;
        return fault->status;
    }
    return PROTO_OK;
}

static int64_t nil_u8(uint8_t v)
{
    return v == PROTO_SERIAL_NIL_U8 ? PROTO_NIL : v;
}

static double nil_u16(uint16_t v, double per)
{
    return v == PROTO_SERIAL_NIL_U16 ? (double)NAN : (double)v / per;
}

static void name_session(proto_message *out, uint16_t boot, uint32_t t_us)
{
    (void)snprintf(out->env.session, sizeof out->env.session, "boot-%u", (unsigned)boot);
    out->env.t_rig_us = t_us;
}

static int take_hello(const uint8_t *body, proto_message *out, proto_fault *fault)
{
    proto_serial_hello h;
    proto_serial_hello_decode(body, &h);
    if (h.protocol != PROTO_SERIAL_VERSION) {
        (void)snprintf(fault->key, sizeof fault->key, "hello.protocol");
        return refuse(out, fault, PROTO_ERR_VERSION, 3,
                      "%u is not %d: the device's firmware is of another version",
                      (unsigned)h.protocol, PROTO_SERIAL_VERSION);
    }
    name_session(out, h.boot, h.t_us);
    memcpy(out->as.hello.software, h.name, sizeof h.name);
    out->as.hello.software[sizeof h.name] = '\0';
    (void)snprintf(out->as.hello.version, sizeof out->as.hello.version, "serial %u",
                   (unsigned)h.protocol);
    return PROTO_OK;
}

static void take_stimulus(const uint8_t *body, proto_message *out)
{
    proto_serial_stimulus s;
    proto_serial_stimulus_decode(body, &s);
    name_session(out, s.boot, s.t_us);
    out->env.trial = s.trial;
    out->as.stimulus.stimulus = (double)s.contrast / 10000.0;
}

static void take_trial(const uint8_t *body, proto_message *out)
{
    proto_serial_trial t;
    proto_serial_trial_decode(body, &t);
    name_session(out, t.boot, t.t_us);
    out->env.trial = t.trial;
    proto_trial *trial = &out->as.trial;
    trial->stimulus = (double)t.contrast / 10000.0;
    trial->choice = nil_u8(t.choice);
    trial->reward = t.reward == PROTO_SERIAL_NIL_U8 ? (double)NAN : (double)t.reward;
    trial->side = nil_u8(t.side);
    trial->rt_s = nil_u16(t.rt_ms, 1000.0);
    trial->reward_ul = nil_u16(t.reward_nl, 1000.0);
    trial->repeat = (t.flags & PROTO_SERIAL_FLAG_REPEAT) != 0 ? 1 : 0;
}

static void take_session_end(const uint8_t *body, proto_message *out)
{
    proto_serial_session_end e;
    proto_serial_session_end_decode(body, &e);
    name_session(out, e.boot, e.t_us);
    out->as.session_end.n_trials = e.n_trials;
}

static proto_kind kind_of(uint8_t type)
{
    switch (type) {
    case PROTO_SERIAL_HELLO:
        return PROTO_KIND_HELLO;
    case PROTO_SERIAL_STIMULUS:
        return PROTO_KIND_STIMULUS;
    case PROTO_SERIAL_TRIAL:
        return PROTO_KIND_TRIAL;
    case PROTO_SERIAL_SESSION_END:
        return PROTO_KIND_SESSION_END;
    default:
        return PROTO_KIND_NONE;
    }
}

int bridge_decode(const uint8_t *payload, size_t n, const char *rig, const char *subject,
                  proto_message *out, proto_fault *fault)
{
    proto_frame frame;
    uint8_t body[PROTO_FRAME_BODY_MAX];
    *fault = (proto_fault){0};
    if (!proto_frame_parse(payload, n, &frame)) {
        return refuse(out, fault, PROTO_ERR_SYNTAX, 0,
                      "%zu bytes that are no frame: type, seq, body and checksum were expected", n);
    }
    const proto_kind kind = kind_of(frame.type);
    if (kind == PROTO_KIND_NONE) {
        return refuse(out, fault, PROTO_ERR_KIND, 0,
                      "frame of type 0x%02X; hello, stimulus, trial or session_end was expected",
                      (unsigned)frame.type);
    }
    if (check_body(&frame, body, out, fault) != PROTO_OK) {
        return fault->status;
    }
    if (!proto_id_is_valid(rig) || !proto_id_is_valid(subject)) {
        (void)snprintf(fault->key, sizeof fault->key, "%s",
                       proto_id_is_valid(rig) ? "subject" : "rig");
        return refuse(out, fault, PROTO_ERR_RANGE, 0, "1 to %d of A-Z a-z 0-9 . _ - were expected",
                      PROTO_ID_MAX);
    }
    proto_message_init(out, kind);
    (void)snprintf(out->env.rig, sizeof out->env.rig, "%s", rig);
    (void)snprintf(out->env.subject, sizeof out->env.subject, "%s", subject);
    switch (frame.type) {
    case PROTO_SERIAL_HELLO:
        return take_hello(body, out, fault);
    case PROTO_SERIAL_STIMULUS:
        take_stimulus(body, out);
        return PROTO_OK;
    case PROTO_SERIAL_TRIAL:
        take_trial(body, out);
        return PROTO_OK;
    default:
        take_session_end(body, out);
        return PROTO_OK;
    }
}
