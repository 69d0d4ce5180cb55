/* proto/serial.h and bridge/decode.h: bodies of the serial line, and what they say as messages. The
 * golden trial comes from tests/reference/frame.py. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "bridge/decode.h"
#include "frame_payload.h"
#include "noise.h"
#include "proto/frame.h"
#include "proto/serial.h"

static const proto_serial_trial TRIAL = {.boot = 7,
                                         .trial = 41,
                                         .t_us = 4000000000,
                                         .contrast = -2500,
                                         .choice = 0,
                                         .reward = 1,
                                         .side = 255,
                                         .rt_ms = 350,
                                         .flags = PROTO_SERIAL_FLAG_REPEAT,
                                         .reward_nl = 3000};

static size_t build_trial(const proto_serial_trial *trial, uint8_t *payload)
{
    uint8_t body[PROTO_SERIAL_TRIAL_BYTES];
    proto_serial_trial_encode(trial, body);
    return frame_payload(PROTO_SERIAL_TRIAL, 42, body, sizeof body, payload);
}

static int decode_trial(const proto_serial_trial *trial, proto_message *out, proto_fault *fault)
{
    uint8_t payload[PROTO_FRAME_PAYLOAD_MAX];
    return bridge_decode(payload, build_trial(trial, payload), "rig-1", "m01", out, fault);
}

static void a_trial_is_the_golden_frame(void **state)
{
    (void)state;
    static const uint8_t WIRE[] = {0x00, 0x03, 0x03, 0x2a, 0x02, 0x07, 0x02, 0x29, 0x01, 0x01,
                                   0x01, 0x06, 0x28, 0x6b, 0xee, 0x3c, 0xf6, 0x0a, 0x01, 0xff,
                                   0x5e, 0x01, 0x01, 0xb8, 0x0b, 0xfc, 0x10, 0x00};
    uint8_t body[PROTO_SERIAL_TRIAL_BYTES], wire[PROTO_FRAME_WIRE_MAX];
    proto_serial_trial_encode(&TRIAL, body);
    const size_t n =
        proto_frame_encode(PROTO_SERIAL_TRIAL, 42, body, sizeof body, wire, sizeof wire);
    assert_int_equal(n, sizeof WIRE);
    assert_memory_equal(wire, WIRE, n);
}

static void every_body_comes_back_as_it_went_in(void **state)
{
    (void)state;
    struct noise random = {.state = suite_seed()};
    for (int round = 0; round < 1000; round++) {
        uint8_t body[PROTO_FRAME_BODY_MAX], again[PROTO_FRAME_BODY_MAX];
        for (size_t i = 0; i < sizeof body; i++) {
            body[i] = (uint8_t)noise_random(&random);
        }
#define FRAME(code, NAME, name, from, kept, help)                                                  \
    {                                                                                              \
        proto_serial_##name v;                                                                     \
        proto_serial_##name##_decode(body, &v);                                                    \
        proto_serial_##name##_encode(&v, again);                                                   \
        assert_memory_equal(body, again, PROTO_SERIAL_##NAME##_BYTES);                             \
        assert_int_equal(proto_serial_size(code), PROTO_SERIAL_##NAME##_BYTES);                    \
    }
#include "proto/serial.def"
    }
}

static void a_trial_becomes_a_message(void **state)
{
    (void)state;
    proto_message m;
    proto_fault fault;
    assert_int_equal(decode_trial(&TRIAL, &m, &fault), PROTO_OK);
    assert_int_equal(m.kind, PROTO_KIND_TRIAL);
    assert_string_equal(m.env.rig, "rig-1");
    assert_string_equal(m.env.subject, "m01");
    assert_string_equal(m.env.session, "boot-7");
    assert_int_equal(m.env.trial, 41);
    assert_true(m.env.seq == PROTO_NIL);
    assert_true(m.env.t_rig_us == 4000000000);
    assert_true(m.as.trial.stimulus == -0.25);
    assert_true(m.as.trial.choice == 0);
    assert_true(m.as.trial.reward == 1.0);
    assert_true(m.as.trial.side == PROTO_NIL);
    assert_true(m.as.trial.rt_s == 0.35);
    assert_true(m.as.trial.reward_ul == 3.0);
    assert_true(m.as.trial.repeat == 1);
}

static void what_is_unknown_becomes_absent(void **state)
{
    (void)state;
    proto_serial_trial t = TRIAL;
    proto_message m;
    proto_fault fault;
    t.choice = t.reward = t.side = PROTO_SERIAL_NIL_U8;
    t.rt_ms = t.reward_nl = PROTO_SERIAL_NIL_U16;
    t.flags = 0;
    assert_int_equal(decode_trial(&t, &m, &fault), PROTO_OK);
    assert_true(m.as.trial.choice == PROTO_NIL && m.as.trial.side == PROTO_NIL);
    assert_true(isnan(m.as.trial.reward) && isnan(m.as.trial.rt_s));
    assert_true(isnan(m.as.trial.reward_ul) && isnan(m.as.trial.p_left));
    assert_true(m.as.trial.repeat == 0 && m.as.trial.features.n == 0);
}

static void all_that_a_device_says_encodes_as_a_message_of_the_wire(void **state)
{
    (void)state;
    static const uint8_t TYPES[] = {PROTO_SERIAL_HELLO, PROTO_SERIAL_STIMULUS, PROTO_SERIAL_TRIAL,
                                    PROTO_SERIAL_SESSION_END};
    static const char *const NAMES[] = {"hello", "stimulus", "trial", "session_end"};
    uint8_t body[4][PROTO_FRAME_BODY_MAX];
    const proto_serial_hello hello = {.protocol = 1, .boot = 7, .queue = 16, .name = "murid-uno"};
    const proto_serial_stimulus stimulus = {.boot = 7, .trial = 3, .contrast = 10000};
    const proto_serial_session_end end = {.boot = 7, .n_trials = 1000};
    proto_serial_hello_encode(&hello, body[0]);
    proto_serial_stimulus_encode(&stimulus, body[1]);
    proto_serial_trial_encode(&TRIAL, body[2]);
    proto_serial_session_end_encode(&end, body[3]);
    for (size_t i = 0; i < 4; i++) {
        uint8_t payload[PROTO_FRAME_PAYLOAD_MAX];
        static uint8_t out[PROTO_BYTES_MAX];
        static proto_message m, again;
        proto_fault fault;
        const size_t n =
            frame_payload(TYPES[i], 1, body[i], (size_t)proto_serial_size(TYPES[i]), payload);
        assert_int_equal(bridge_decode(payload, n, "r", "s", &m, &fault), PROTO_OK);
        assert_string_equal(proto_kind_name(m.kind), NAMES[i]);
        assert_string_equal(m.env.session, "boot-7");
        const int size = proto_encode(&m, PROTO_FORMAT_MSGPACK, out, sizeof out);
        assert_true(size > 0);
        assert_int_equal(proto_decode(out, (size_t)size, &again, &fault), PROTO_OK);
        assert_int_equal(again.kind, m.kind);
    }
}

static void expect_refusal(const proto_serial_trial *t, const char *key, const char *text,
                           size_t offset)
{
    proto_message m;
    proto_fault fault;
    assert_int_equal(decode_trial(t, &m, &fault), PROTO_ERR_RANGE);
    assert_int_equal(m.kind, PROTO_KIND_NONE);
    assert_int_equal(fault.status, PROTO_ERR_RANGE);
    assert_string_equal(fault.key, key);
    assert_int_equal(fault.offset, offset);
    if (strstr(fault.text, text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", fault.text, text);
    }
}

static void hostile_values_are_refused_with_key_and_range(void **state)
{
    (void)state;
    proto_serial_trial t = TRIAL;
    t.choice = 7;
    expect_refusal(&t, "trial.choice", "7 is outside 0..1", 15);
    t = TRIAL;
    t.contrast = 15000;
    expect_refusal(&t, "trial.contrast", "15000 is outside -10000..10000", 13);
    t.contrast = INT16_MIN;
    expect_refusal(&t, "trial.contrast", "-32768 is outside", 13);
    t = TRIAL;
    t.trial = UINT32_MAX;
    expect_refusal(&t, "trial.trial", "4294967295 is outside 0..1000000000", 5);
    t = TRIAL;
    t.flags = 0x80;
    expect_refusal(&t, "trial.flags", "128 is outside 0..1", 20);
}

static void what_a_trial_is_not_bound_to_know_costs_itself_alone(void **state)
{
    (void)state;
    proto_message m;
    proto_fault fault;
    proto_serial_trial t = TRIAL;
    t.reward = 2;
    assert_int_equal(decode_trial(&t, &m, &fault), PROTO_OK);
    assert_true(isnan(m.as.trial.reward));
    assert_int_equal(fault.n_passed, 1);
    assert_string_equal(fault.key, "trial.reward");
    assert_non_null(strstr(fault.text, "2 is outside 0..1"));
    t.side = 254;
    assert_int_equal(decode_trial(&t, &m, &fault), PROTO_OK);
    assert_true(m.as.trial.side == PROTO_NIL && m.as.trial.choice == TRIAL.choice);
    assert_int_equal(fault.n_passed, 2);
    t.choice = 7;
    expect_refusal(&t, "trial.choice", "7 is outside 0..1", 15);
    assert_int_equal(decode_trial(&TRIAL, &m, &fault), PROTO_OK);
    assert_int_equal(fault.n_passed, 0);
}

static void bytes_that_are_no_frame_are_refused(void **state)
{
    (void)state;
    uint8_t payload[PROTO_FRAME_PAYLOAD_MAX] = {0};
    proto_message m;
    proto_fault fault;
    const size_t n = build_trial(&TRIAL, payload);
    assert_int_equal(bridge_decode(payload, 0, "r", "s", &m, &fault), PROTO_ERR_SYNTAX);
    assert_int_equal(bridge_decode(payload, n - 1, "r", "s", &m, &fault), PROTO_ERR_SYNTAX);
    payload[4] ^= 1;
    assert_int_equal(bridge_decode(payload, n, "r", "s", &m, &fault), PROTO_ERR_SYNTAX);
    payload[4] ^= 1;
    assert_int_equal(bridge_decode(payload, n, "a/b", "s", &m, &fault), PROTO_ERR_RANGE);
    assert_string_equal(fault.key, "rig");
    assert_int_equal(bridge_decode(payload, n, "r", "", &m, &fault), PROTO_ERR_RANGE);
    assert_string_equal(fault.key, "subject");

    size_t size = frame_payload(0x77, 1, payload, 3, payload);
    assert_int_equal(bridge_decode(payload, size, "r", "s", &m, &fault), PROTO_ERR_KIND);
    const uint8_t body[8] = {0};
    size = frame_payload(PROTO_SERIAL_TRIAL, 1, body, sizeof body, payload);
    assert_int_equal(bridge_decode(payload, size, "r", "s", &m, &fault), PROTO_ERR_SIZE);
    assert_non_null(strstr(fault.text, "8 bytes; 20 were expected"));
}

static void a_hello_of_another_version_or_with_a_strange_name_is_refused(void **state)
{
    (void)state;
    uint8_t payload[PROTO_FRAME_PAYLOAD_MAX], body[PROTO_SERIAL_HELLO_BYTES];
    proto_message m;
    proto_fault fault;
    proto_serial_hello hello = {.protocol = 9, .boot = 1, .queue = 16, .name = "x"};
    proto_serial_hello_encode(&hello, body);
    size_t n = frame_payload(PROTO_SERIAL_HELLO, 0, body, sizeof body, payload);
    assert_int_equal(bridge_decode(payload, n, "r", "s", &m, &fault), PROTO_ERR_VERSION);
    assert_string_equal(fault.key, "hello.protocol");
    hello.protocol = PROTO_SERIAL_VERSION;
    hello.name[1] = '\n';
    proto_serial_hello_encode(&hello, body);
    n = frame_payload(PROTO_SERIAL_HELLO, 0, body, sizeof body, payload);
    assert_int_equal(bridge_decode(payload, n, "r", "s", &m, &fault), PROTO_ERR_RANGE);
    assert_string_equal(fault.key, "hello.name");
    memset(hello.name, 'z', sizeof hello.name);
    proto_serial_hello_encode(&hello, body);
    n = frame_payload(PROTO_SERIAL_HELLO, 0, body, sizeof body, payload);
    assert_int_equal(bridge_decode(payload, n, "r", "s", &m, &fault), PROTO_OK);
    assert_string_equal(m.as.hello.software, "zzzzzzzzzzzzzzzz");
    assert_string_equal(m.as.hello.version, "serial 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_is_the_golden_frame),
        cmocka_unit_test(every_body_comes_back_as_it_went_in),
        cmocka_unit_test(a_trial_becomes_a_message),
        cmocka_unit_test(what_is_unknown_becomes_absent),
        cmocka_unit_test(all_that_a_device_says_encodes_as_a_message_of_the_wire),
        cmocka_unit_test(hostile_values_are_refused_with_key_and_range),
        cmocka_unit_test(what_a_trial_is_not_bound_to_know_costs_itself_alone),
        cmocka_unit_test(bytes_that_are_no_frame_are_refused),
        cmocka_unit_test(a_hello_of_another_version_or_with_a_strange_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
