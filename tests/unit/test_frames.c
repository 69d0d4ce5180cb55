/* adapters/harp.c, adapters/bpod_app.c and adapters/open_ephys.c, with bridge/trial_marks.h: trials
 * out of registers, bytes and TTL lines. Vectors: the public descriptions of these protocols. */
#include "suite.h"

#include <string.h>

#include "check.h"
#include "streams.h"

#define CASE(name) cmocka_unit_test(name)

static const double NONE = (double)NAN;

/* ---- Harp ------------------------------------------------------------------------------------ */

/* An event of a U8 register at seconds + ticks of 32 us. */
static size_t harp_event(uint8_t out[13], uint8_t address, uint8_t value, uint32_t s,
                         uint16_t ticks)
{
    const uint8_t frame[] = {3,
                             11,
                             address,
                             0xff,
                             0x11,
                             (uint8_t)s,
                             (uint8_t)(s >> 8),
                             (uint8_t)(s >> 16),
                             (uint8_t)(s >> 24),
                             (uint8_t)ticks,
                             (uint8_t)(ticks >> 8),
                             value};
    uint8_t sum = 0;
    for (size_t i = 0; i < sizeof frame; i++) {
        sum = (uint8_t)(sum + frame[i]);
        out[i] = frame[i];
    }
    out[12] = sum;
    return 13;
}

static void a_harp_event_is_a_mark_with_its_time(void **state)
{
    (void)state;
    static const uint8_t VECTOR[] = {0x03, 0x0b, 0x20, 0xff, 0x11, 0x64, 0x00,
                                     0x00, 0x00, 0x09, 0x3d, 0x04, 0xec};
    static const uint8_t READ[] = {0x01, 0x04, 0x00, 0xff, 0x02, 0x06};
    uint8_t made[13];
    assert_int_equal(harp_event(made, 32, 4, 100, 15625), sizeof VECTOR);
    assert_memory_equal(made, VECTOR, sizeof VECTOR);
    streams_open("harp", MAPS("stimulus.0.5=32=4", "marks.right=33&1", "marks.left=33&2",
                              "marks.reward=34", "marks.end=35"));
    streams_push(READ, sizeof READ, NONE);
    streams_nothing();
    streams_push(VECTOR, sizeof VECTOR, NONE); /* 100.5 s */
    assert_string_equal(streams_next(BRIDGE_SESSION_START).session->subject, "m1");
    streams_nothing();
    static const uint8_t SAID[][3] = {{33, 4, 15}, {33, 5, 20}, {33, 7, 25}, {34, 0, 30}};
    for (size_t i = 0; i < 4; i++) {
        streams_push(made, harp_event(made, SAID[i][0], SAID[i][1], 101, SAID[i][2]), NONE);
        streams_nothing();
    }
    streams_push(made, harp_event(made, 35, 0, 102, 0), NONE);
    streams_trial(0.5, 1, 1.0, 0.5 + 20 * 32e-6); /* the bit came, then another */
    streams_nothing();
    bridge_stream_close(&streams_one);
}

static void harp_frames_are_found_between_noise_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const uint8_t NOISE[] = {0x00, 0x03, 0x0b, 0xff, 0x03, 0x04};
    uint8_t bytes[256];
    for (size_t piece = 1; piece <= 13; piece++) {
        size_t n = 0;
        size_t n_out = 0;
        struct bridge_event event;
        int n_trials = 0;
        streams_open("harp",
                     MAPS("stimulus.-1=32", "marks.right=33=1", "marks.left=33=2", "marks.end=35"));
        n += harp_event(bytes + n, 32, 0, 7, 0);
        memcpy(bytes + n, NOISE, sizeof NOISE);
        n += sizeof NOISE;
        n += harp_event(bytes + n, 33, 2, 8, 0);
        bytes[n] = 0xaa;
        n++;
        n += harp_event(bytes + n, 35, 0, 9, 0);
        for (size_t at = 0; at < n; at += piece) {
            streams_push(bytes + at, n - at < piece ? n - at : piece, NONE);
            for (int got = 1; got != 0;) {
                got = bridge_stream_next(&streams_one, &event);
                n_out += got < 0 ? 1 : 0;
                if (got == 1 && event.kind == BRIDGE_TRIAL) {
                    n_trials++;
                    assert_int_equal(event.said.choice, 0);
                    assert_true(fabs(event.said.rt_s - 1.0) < 1e-9);
                }
            }
        }
        assert_int_equal(n_trials, 1);
        assert_true(n_out >= 1);
        bridge_stream_close(&streams_one);
    }
}

/* ---- Bpod ------------------------------------------------------------------------------------ */

static void bytes_of_a_bpod_are_marks_at_their_receipt(void **state)
{
    (void)state;
    static const uint8_t ALL[] = {1, 11, 2, 22, 23, 9, 1, 12, 3, 24, 9, 1, 11, 4, 9};
    streams_open("bpod-app",
                 MAPS("marks.trial=1", "stimulus.1=11", "stimulus.-0.5=12", "marks.right=2",
                      "marks.left=3", "marks.no_go=4", "marks.reward=22,23", "marks.end=9",
                      "fixed.stage=easy", "fixed.subject=b7"));
    streams_push(ALL, 2, 10.0);
    assert_string_equal(streams_next(BRIDGE_SESSION_START).session->subject, "b7");
    streams_nothing();
    streams_push(ALL + 2, 1, 10.75);
    streams_nothing();
    streams_push(ALL + 3, 3, 11.0);
    streams_trial(1.0, 1, 1.0, 0.75);
    streams_push(ALL + 6, sizeof ALL - 6, 12.0);
    streams_trial(-0.5, 0, 0.0, 0.0);
    const struct bridge_event e = streams_next(BRIDGE_TRIAL);
    assert_int_equal(e.said.choice, PROTO_NIL);
    assert_int_equal(e.trial, 2);
    assert_string_equal(e.said.stage, "easy");
    streams_nothing();
    bridge_stream_close(&streams_one);
}

static void without_marks_of_begin_and_end_the_next_stimulus_ends_a_trial(void **state)
{
    (void)state;
    streams_open("bpod-app", MAPS("stimulus.1=11", "stimulus.-1=12", "marks.right=2",
                                  "marks.left=3", "marks.session_end=99"));
    streams_push("\x02\x0b\x02\x03\x0c\x03\x63\x0b\x02\x63", 10, 1.0);
    assert_string_equal(streams_next(BRIDGE_SESSION_START).session->session, "s1");
    streams_trial(1.0, 1, NONE, 0.0);
    streams_trial(-1.0, 0, NONE, 0.0);
    (void)streams_next(BRIDGE_SESSION_END);
    assert_string_equal(streams_next(BRIDGE_SESSION_START).session->session, "s1.2");
    assert_int_equal(streams_next(BRIDGE_TRIAL).trial, 0);
    (void)streams_next(BRIDGE_SESSION_END);
    streams_nothing();
    bridge_stream_close(&streams_one);
}

static void a_trial_without_a_stimulus_is_named_and_left_out(void **state)
{
    (void)state;
    streams_open("bpod-app", MAPS("marks.trial=1", "stimulus.1=11", "marks.right=2", "marks.left=3",
                                  "marks.end=9"));
    streams_push("\x01\x02\x09\x01\x0b\x02\x09", 7, 1.0);
    (void)streams_next(BRIDGE_SESSION_START);
    streams_wrong("tcp://x:3: a trial without a stimulus");
    streams_trial(1.0, 1, NONE, 0.0);
    bridge_stream_close(&streams_one);
}

static void mappings_of_marks_that_are_wrong_are_refused(void **state)
{
    (void)state;
    static const char *const FORMATS[] = {"harp", "bpod-app", "open-ephys"};
    for (size_t i = 0; i < 3; i++) {
        streams_refuse(FORMATS[i], NULL, "the mapping names no stimulus or no choice");
        streams_refuse(FORMATS[i], MAPS("stimulus.1=1", "marks.right=2"), "or no choice");
        streams_refuse(FORMATS[i], MAPS("stimulus.1.5=1"), "a signed contrast from -1 to 1");
        streams_refuse(FORMATS[i], MAPS("stimulus.x=1"), "a signed contrast from -1 to 1");
        streams_refuse(FORMATS[i], MAPS("marks.rihgt=1"), "a mark, as trial, right");
        streams_refuse(FORMATS[i], MAPS("marks.right=x"), "marks.right: \"x\"; CODE, CODE=VALUE");
        streams_refuse(FORMATS[i], MAPS("marks.right=1,"), "CODE, CODE=VALUE or CODE&BITS");
        streams_refuse(FORMATS[i], MAPS("marks.right=1&0"), "CODE, CODE=VALUE or CODE&BITS");
        streams_refuse(FORMATS[i], MAPS("marks.right=1=2=3"), "CODE, CODE=VALUE or CODE&BITS");
        streams_refuse(FORMATS[i], MAPS("columns.choice=c"), "sections marks, stimulus, fixed");
        streams_refuse(FORMATS[i], MAPS("fixed.choice=1"), "subject, session, task, stage was");
    }
    streams_refuse("open-ephys", MAPS("open_ephys.rate=fast"), "samples a second");
    streams_refuse("open-ephys", MAPS("open_ephys.rates=1"), "stream, rate was expected");
}

/* ---- Open Ephys ------------------------------------------------------------------------------ */

static const uint8_t TTL[2] = {0, 0};
static const uint8_t SPIKE[2] = {1, 0};

static void push_json(const char *text)
{
    streams_push_two(TTL, 2, text, strlen(text));
}

/* As JUCE prints it. */
static void push_line(int line, bool is_high, long sample)
{
    static char text[512];
    (void)snprintf(text, sizeof text,
                   "{\n  \"event_type\": \"ttl\",\n  \"stream\": \"ProbeA\",\n  \"source_node\": "
                   "100,\n  \"sample_rate\": 30000.0,\n  \"channel_name\": \"TTL\",\n  "
                   "\"sample_number\": %ld,\n  \"line\": %d,\n  \"state\": %s\n}",
                   sample, line, is_high ? "true" : "false");
    push_json(text);
    streams_nothing();
}

static void lines_of_the_event_broadcaster_make_trials(void **state)
{
    (void)state;
    streams_open("open-ephys",
                 MAPS("marks.trial=0", "stimulus.0.25=1", "marks.right=2", "marks.left=3",
                      "marks.reward=4", "marks.end=0=0", "open_ephys.stream=ProbeA"));
    push_json("{\"event_type\": \"ttl\", \"stream\": \"ProbeA\", \"sample_rate\": 30000.0,"
              " \"sample_number\": 1, \"line\": 0, \"state\": true}");
    (void)streams_next(BRIDGE_SESSION_START);
    streams_nothing();
    push_line(1, true, 30000);
    push_line(1, false, 30100);
    streams_push_two(SPIKE, 2, "\x01", 1);
    streams_nothing();
    push_json("{\"event_type\": \"ttl\", \"stream\": \"other\", \"line\": 3, \"state\": true}");
    streams_nothing();
    push_line(2, true, 45000);
    push_line(4, true, 46000);
    push_json("{\"event_type\": \"ttl\", \"stream\": \"ProbeA\", \"line\": 0, \"state\": false}");
    streams_trial(0.25, 1, 1.0, 0.5);
    streams_nothing();
    bridge_stream_close(&streams_one);
}

static void push_bytes(uint8_t line, uint8_t is_high, int64_t sample)
{
    static uint8_t bytes[34] = {1, 3, 100, 0, 7, 0, 0, 0};
    for (int i = 0; i < 8; i++) {
        bytes[8 + i] = (uint8_t)((uint64_t)sample >> (8 * i));
    }
    bytes[24] = line;
    bytes[25] = is_high;
    streams_push_two(TTL, 2, bytes, sizeof bytes);
}

static void the_events_own_bytes_need_the_rate_of_samples(void **state)
{
    (void)state;
    streams_open("open-ephys", MAPS("stimulus.-1=1", "marks.right=2", "marks.left=3", "marks.end=4",
                                    "open_ephys.rate=1000", "open_ephys.stream=7"));
    push_bytes(1, 1, 5000);
    (void)streams_next(BRIDGE_SESSION_START);
    push_bytes(3, 1, 5250);
    streams_nothing();
    push_bytes(4, 1, 6000);
    streams_trial(-1.0, 0, NONE, 0.25);
    bridge_stream_close(&streams_one);
}

static void events_of_the_zmq_interface_are_read_from_their_third_part(void **state)
{
    (void)state;
    static const char HEADER[] =
        "{\"message_num\": 1, \"type\": \"event\", \"content\": {\"stream\": \"a\","
        " \"source_node\": 1, \"type\": 3, \"sample_num\": 10}, \"data_size\": 10,"
        " \"timestamp\": %d}";
    static const struct {
        uint8_t line;
        int time_ms;
    } SAID[] = {{1, 1000}, {2, 1400}, {4, 2000}};
    streams_open("open-ephys",
                 MAPS("stimulus.-1=1", "marks.right=2", "marks.left=3", "marks.end=4"));
    for (size_t i = 0; i < 3; i++) {
        char header[256];
        const uint8_t line[10] = {SAID[i].line, 1};
        (void)snprintf(header, sizeof header, HEADER, SAID[i].time_ms);
        const struct bridge_part part[] = {
            {(const uint8_t *)"EVENT", 6}, {(const uint8_t *)header, strlen(header)}, {line, 10}};
        bridge_stream_push(&streams_one, part, 3, NONE);
        if (i == 0) {
            (void)streams_next(BRIDGE_SESSION_START);
        }
        if (i == 2) {
            streams_trial(-1.0, 1, NONE, 0.4);
        }
        streams_nothing();
    }
    bridge_stream_close(&streams_one);
}

static void messages_of_open_ephys_that_are_wrong_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *first;
        size_t first_size;
        const char *second;
        const char *words;
    } WRONG[] = {
        {"\x02\x00", 2, "{}", "tcp://x:1: byte 0: an unknown type of event"},
        {"\x00", 1, "{}", "a message of another kind"},
        {"\0\0", 2, "{}", "no line or no state"},
        {"\0\0", 2, "{\"line\": 1}", "no line or no state"},
        {"\0\0", 2, "{\"line\": -1, \"state\": true}", "no line or no state"},
        {"\0\0", 2, "{\"line\": 1e9, \"state\": true}", "no line or no state"},
        {"\0\0", 2, "{\"line\": \"a\", \"state\": true}",
         "\"line\" is a text; the number of a line"},
        {"\0\0", 2, "{\"line\": 1, \"state\": 2}", "\"state\" is a number; true or false"},
        {"\0\0", 2, "{\"line\": 1,", "the JSON is not complete"},
        {"\0\0", 2, "abc", "the event ends early"},
        {"EVENT", 6, "{}", "the event has no bytes of a line"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        streams_open("open-ephys",
                     MAPS("stimulus.-1=1", "marks.right=2", "marks.left=3", "marks.end=4"));
        streams_push_two(WRONG[i].first, WRONG[i].first_size, WRONG[i].second,
                         strlen(WRONG[i].second));
        streams_wrong(WRONG[i].words);
        streams_nothing();
        push_bytes(1, 1, 0);
        (void)streams_next(BRIDGE_SESSION_START);
        bridge_stream_close(&streams_one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_harp_event_is_a_mark_with_its_time),
        CASE(harp_frames_are_found_between_noise_in_pieces_of_any_size),
        CASE(bytes_of_a_bpod_are_marks_at_their_receipt),
        CASE(without_marks_of_begin_and_end_the_next_stimulus_ends_a_trial),
        CASE(a_trial_without_a_stimulus_is_named_and_left_out),
        CASE(mappings_of_marks_that_are_wrong_are_refused),
        CASE(lines_of_the_event_broadcaster_make_trials),
        CASE(the_events_own_bytes_need_the_rate_of_samples),
        CASE(events_of_the_zmq_interface_are_read_from_their_third_part),
        CASE(messages_of_open_ephys_that_are_wrong_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
