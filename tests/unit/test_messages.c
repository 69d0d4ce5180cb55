/* adapters/messages.c, and lines.c of a serial port: trials out of messages of msgpack, JSON, OSC
 * and text. */
#include "suite.h"

#include <string.h>

#include "check.h"
#include "streams.h"

#define CASE(name) cmocka_unit_test(name)

static const double NONE = (double)NAN;

static void push_text(const char *topic, const char *text)
{
    streams_push_two(topic, strlen(topic), text, strlen(text));
}

static void json_and_msgpack_are_read_by_paths_of_keys_under_their_topic(void **state)
{
    (void)state;
    /* {"data": {"s": -0.5, "choice": "L", "ok": true}, "n": 3} */
    static const uint8_t MSGPACK[] = "\x82\xa4"
                                     "data\x83\xa1s\xcb\xbf\xe0\0\0\0\0\0\0\xa6"
                                     "choice\xa1L\xa2ok\xc3\xa1n\x03";
    streams_open("messages", MAPS("message.topic=rig1/", "columns.stimulus=data.s",
                                  "columns.choice=data.choice", "columns.reward=data.ok",
                                  "columns.trial=n", "columns.subject=mouse"));
    push_text("rig2/trial", "{\"data\": {\"s\": 1, \"choice\": \"R\"}}");
    streams_nothing();
    push_text("rig1/trial",
              "{\"data\": {\"s\": 1, \"choice\": \"R\"}, \"n\": 2, \"mouse\": \"m 7\"}");
    const struct bridge_event start = streams_next(BRIDGE_SESSION_START);
    assert_string_equal(start.session->subject, "m_7");
    assert_string_equal(start.session->session, "s1");
    streams_trial(1.0, 1, NONE, NONE);
    streams_push_two("rig1/", 5, MSGPACK, sizeof MSGPACK - 1);
    assert_string_equal(streams_next(BRIDGE_SESSION_START).session->subject, "m1");
    const struct bridge_event e = streams_next(BRIDGE_TRIAL);
    assert_int_equal(e.trial, 3);
    assert_true(e.said.reward >= 1.0);
    assert_true(e.said.stimulus <= -0.5);
    push_text("rig1/heartbeat", "{\"up\": 3}"); /* nothing of a trial */
    streams_nothing();
    bridge_stream_close(&streams_one);
}

static void a_trial_in_several_messages_ends_with_the_key_that_says_so(void **state)
{
    (void)state;
    streams_open("messages", MAPS("message.end=value.TRIAL_END", "message.session_end=value.STOP",
                                  "columns.side=value.target", "columns.contrast=value.contrast",
                                  "columns.choice=value.response", "columns.trial=value.trial_num",
                                  "columns.repeat=value.correction", "rows.key=DATA"));
    push_text("t", "{\"key\": \"DATA\", \"value\": {\"trial_num\": 4, \"target\": \"L\","
                   " \"contrast\": 0.5, \"correction\": false}}");
    streams_nothing();
    push_text("t", "{\"key\": \"DATA\", \"value\": {\"response\": \"R\", \"TRIAL_END\": false}}");
    streams_nothing();
    push_text("t", "{\"key\": \"DATA\", \"value\": {\"TRIAL_END\": true}}");
    (void)streams_next(BRIDGE_SESSION_START);
    const struct bridge_event e = streams_next(BRIDGE_TRIAL);
    assert_int_equal(e.trial, 4);
    assert_int_equal(e.said.choice, 1);
    assert_int_equal(e.said.side, 0);
    assert_int_equal(e.said.repeat, 0);
    assert_true(e.said.stimulus <= -0.5);
    push_text("t", "{\"key\": \"STOP\", \"value\": {\"STOP\": 1}}");
    (void)streams_next(BRIDGE_SESSION_END);
    streams_nothing();
    bridge_stream_close(&streams_one);
}

static void osc_of_a_bonsai_workflow_is_read_by_its_addresses(void **state)
{
    (void)state;
    static const char STIMULUS[] = "/stimulus\0\0\0,fi\0\xbf\0\0\0\0\0\0\x07";
    static const char BUNDLE[] = "#bundle\0\0\0\0\0\0\0\0\x01"
                                 "\0\0\0\x14/choice\0,s\0\0left\0\0\0\0"
                                 "\0\0\0\x0c/rew\0\0\0\0,T\0\0"
                                 "\0\0\0\x0c/end\0\0\0\0,\0\0\0";
    streams_open("messages",
                 MAPS("columns.stimulus=/stimulus", "columns.trial=/stimulus.2",
                      "columns.choice=/choice", "columns.reward=/rew", "message.end=/end"));
    streams_push(STIMULUS, sizeof STIMULUS - 1, NONE);
    streams_nothing();
    streams_push(BUNDLE, sizeof BUNDLE - 1, NONE);
    (void)streams_next(BRIDGE_SESSION_START);
    const struct bridge_event e = streams_next(BRIDGE_TRIAL);
    assert_int_equal(e.trial, 7);
    assert_int_equal(e.said.choice, 0);
    assert_true(e.said.reward >= 1.0);
    assert_true(e.said.stimulus <= -0.5 && e.said.stimulus >= -0.5);
    streams_nothing();
    bridge_stream_close(&streams_one);
}

static void text_of_a_workflow_is_cut_into_named_fields(void **state)
{
    (void)state;
    streams_open("messages", MAPS("lines.columns=stimulus,choice,rt_s", "coding.rt_s=ms"));
    push_text("Trial", "0.25,R,350");
    (void)streams_next(BRIDGE_SESSION_START);
    streams_trial(0.25, 1, NONE, 0.35);
    push_text("Trial", "-1,L,");
    streams_trial(-1.0, 0, NONE, NONE);
    bridge_stream_close(&streams_one);
}

static void what_is_wrong_with_a_message_is_named_and_the_next_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } WRONG[] = {
        {"", 0, "tcp://x:2: an empty payload"},
        {"{\"s\": 0.5", 9, "tcp://x:2: byte 6: it is not complete"},
        {"{\"s\": 0.5}}", 11, "it is not well formed"},
        {"[1]", 3, "a map of keys and values, as JSON or msgpack was expected"},
        {"\x82\xa1s\x01", 4, "it is not complete"},
        {"\x81\xa1s\xc4\x01x", 6, "s is bytes"},
        {"\x81\xa1s\xc1", 4, "it is not"},
        {"{\"s\": {\"a\": {\"a\": {\"a\": {\"a\": {\"a\": {\"a\": {\"a\": {\"a\": 1}}}}}}}}}", 58,
         "it is nested too deeply"},
        {"{\"s\": 3, \"c\": 1}", 16, "stimulus: \"3\" in s; a contrast from -1 to 1"},
        {"{\"s\": 1, \"c\": -1}", 17, "choice: \"-1\" in c; right or left as it is coded"},
        {"{\"s\": \"x\", \"c\": 1}", 18, "stimulus: \"x\" in s; a number was expected"},
        {"{\"c\": 1}", 8, "stimulus: \"\" in s"},
        {"/s", 2, "an address that does not end"},
        {"/s\0\0", 4, "no type tags"},
        {"/s\0\0,i\0\0\0", 9, "an argument ends early"},
        {"/s\0\0,q\0\0", 8, "an unknown type of argument"},
        {"/s\0\0,s\0\0abcd", 12, "an argument ends early"},
        {"#bundle\0\0\0\0\0\0\0\0\x01\0\0\0\x63", 20, "a bundle ends early"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        streams_open("messages", MAPS("columns.stimulus=s", "columns.choice=c"));
        push_text("t", "{\"s\": 1, \"c\": 1}");
        (void)streams_next(BRIDGE_SESSION_START);
        streams_trial(1.0, 1, NONE, NONE);
        streams_nothing();
        streams_push(WRONG[i].bytes, WRONG[i].size, NONE);
        streams_wrong(WRONG[i].words);
        streams_nothing();
        push_text("t", "{\"s\": -1, \"c\": 0}");
        streams_trial(-1.0, 0, NONE, NONE);
        bridge_stream_close(&streams_one);
    }
    streams_refuse("messages", MAPS("message.topics=a"), "topic, end or session_end");
    streams_refuse("messages", MAPS("marks.right=1"), "the mapping has marks.right");
}

static void lines_of_a_serial_port_come_in_pieces(void **state)
{
    (void)state;
    static const char TEXT[] = "ready\r\nT stim=0.5 resp=R\r\nlick\r\nT stim=-0.5 resp=L\r\n";
    for (size_t piece = 1; piece < sizeof TEXT; piece++) {
        int n = 0;
        streams_open("lines", MAPS("lines.pattern=^T stim=([^ ]+) resp=([LR])",
                                   "lines.columns=stimulus,choice"));
        for (size_t at = 0; at < sizeof TEXT - 1; at += piece) {
            struct bridge_event event;
            const size_t left = sizeof TEXT - 1 - at;
            streams_push(TEXT + at, left < piece ? left : piece, NONE);
            for (int got = 1; got != 0;) {
                got = bridge_stream_next(&streams_one, &event);
                assert_true(got >= 0);
                n += got == 1 && event.kind == BRIDGE_TRIAL ? 1 : 0;
            }
        }
        assert_int_equal(n, 2);
        bridge_stream_close(&streams_one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(json_and_msgpack_are_read_by_paths_of_keys_under_their_topic),
        CASE(a_trial_in_several_messages_ends_with_the_key_that_says_so),
        CASE(osc_of_a_bonsai_workflow_is_read_by_its_addresses),
        CASE(text_of_a_workflow_is_cut_into_named_fields),
        CASE(what_is_wrong_with_a_message_is_named_and_the_next_is_read),
        CASE(lines_of_a_serial_port_come_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
