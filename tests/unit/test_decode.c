/* proto_decode(): what it takes from senders who mean well, and what it refuses, with which words.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/message.h"

#define ENVELOPE    "\"kind\":\"trial\",\"rig\":\"r\",\"subject\":\"s\",\"trial\":3"
#define TRIAL(more) "{" ENVELOPE "," more "}"
#define NO_GO       "\"stimulus\":0,\"choice\":null"

static proto_message msg;
static proto_fault fault;

static int decode(const char *json)
{
    return proto_decode((const uint8_t *)json, strlen(json), &msg, &fault);
}

static void accept(const char *json)
{
    if (decode(json) != PROTO_OK) {
        print_error("%s\n  %s: %s\n", json, fault.key, fault.text);
    }
    assert_int_equal(fault.status, PROTO_OK);
}

/* The fault can be sent on: only printable ASCII. */
static void check_printable(const char *s)
{
    for (; *s != '\0'; s++) {
        assert_true(*s >= ' ' && *s <= '~');
    }
}

static void refuse(const char *json, int status, const char *key, const char *text)
{
    const int rc = decode(json);
    if (rc != status || strcmp(fault.key, key) != 0 || strstr(fault.text, text) == NULL) {
        print_error("%s\n  %s: \"%s\": %s\n", json, proto_strerror(rc), fault.key, fault.text);
    }
    assert_int_equal(rc, status);
    assert_int_equal(fault.status, status);
    assert_string_equal(fault.key, key);
    assert_non_null(strstr(fault.text, text));
    assert_int_equal(msg.kind, PROTO_KIND_NONE);
    check_printable(fault.text);
    check_printable(fault.key);
}

static void refuse_bytes(const void *bytes, size_t size, int status)
{
    void *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    assert_int_equal(proto_decode(exact, size, &msg, &fault), status);
    assert_int_equal(msg.kind, PROTO_KIND_NONE);
    assert_true(fault.text[0] != '\0');
    check_printable(fault.text);
    free(exact);
}

static void numbers_may_come_in_any_type_that_holds_them(void **state)
{
    (void)state;
    accept(TRIAL("\"stimulus\":1,\"choice\":1.0,\"reward\":true,\"side\":false,\"repeat\":true"));
    assert_true(msg.as.trial.stimulus == 1.0 && msg.as.trial.reward == 1.0);
    assert_true(msg.as.trial.choice == 1 && msg.as.trial.side == 0 && msg.as.trial.repeat == 1);
    refuse(TRIAL("\"stimulus\":0.5,\"rt_s\":true"), PROTO_ERR_TYPE, "trial.rt_s", "a number");
    refuse(TRIAL("\"stimulus\":true"), PROTO_ERR_TYPE, "trial.stimulus", "not a boolean");
    refuse(TRIAL("\"stimulus\":0,\"choice\":0.5"), PROTO_ERR_TYPE, "trial.choice",
           "a whole number was expected");
    accept("{\"kind\":\"session_start\",\"rig\":1,\"subject\":7.0,\"session\":12,\"stimuli\":0.5}");
    assert_string_equal(msg.env.rig, "1");
    assert_string_equal(msg.env.subject, "7");
    assert_string_equal(msg.env.session, "12");
    assert_int_equal(msg.as.session_start.stimuli.n, 1);
}

static void nil_means_absent_and_so_does_nan_where_it_is_allowed(void **state)
{
    (void)state;
    accept(TRIAL("\"stimulus\":0.25,\"choice\":null,\"reward\":NaN,\"rt_s\":NaN,\"side\":null,"
                 "\"session\":null,\"features\":{\"tilt\":null}"));
    assert_true(msg.as.trial.choice == PROTO_NIL && msg.as.trial.side == PROTO_NIL);
    assert_true(isnan(msg.as.trial.reward) && isnan(msg.as.trial.rt_s));
    assert_int_equal(msg.as.trial.features.n, 0);
    assert_int_equal(msg.env.v, 1);
    refuse(TRIAL("\"stimulus\":NaN"), PROTO_ERR_RANGE, "trial.stimulus", "NaN is outside -1..1");
    accept(
        TRIAL("\"stimulus\":0,\"choice\":0,\"reward\":NaN,\"repeat\":NaN,\"next_stimulus\":NaN"));
    assert_int_equal(fault.n_passed, 0);
    accept(TRIAL("\"stimulus\":0,\"choice\":NaN,\"side\":NaN"));
    assert_true(msg.as.trial.choice == PROTO_NIL && msg.as.trial.side == PROTO_NIL);
    assert_int_equal(fault.n_passed, 2);
    assert_string_equal(fault.key, "trial.choice");
    refuse(TRIAL("\"stimulus\":0,\"choice\":Infinity"), PROTO_ERR_RANGE, "trial.choice",
           "Infinity is");
    refuse(TRIAL("\"features\":{\"a\":NaN}"), PROTO_ERR_RANGE, "trial.features.a",
           "not a finite number");
    refuse(TRIAL("\"features\":{\"a\":-Infinity}"), PROTO_ERR_RANGE, "trial.features.a", "finite");
}

static void values_outside_their_range_are_refused_by_name(void **state)
{
    (void)state;
    refuse(TRIAL("\"stimulus\":0,\"choice\":7"), PROTO_ERR_RANGE, "trial.choice",
           "7 is outside 0..1 (1 right, 0 left, nil no-go)");
    refuse(TRIAL("\"stimulus\":1.5"), PROTO_ERR_RANGE, "trial.stimulus", "1.5 is outside -1..1");
    refuse(TRIAL("\"stimulus\":-25"), PROTO_ERR_RANGE, "trial.stimulus", "it looks like percent");
    refuse(TRIAL("\"stimulus\":0,\"seq\":-1"), PROTO_ERR_RANGE, "trial.seq", "-1 is outside 0..");
    refuse(TRIAL("\"stimulus\":0,\"seq\":1e300"), PROTO_ERR_RANGE, "trial.seq", "1e+300 is");
    refuse("{\"kind\":\"trial\",\"rig\":\"r\",\"subject\":\"s\",\"trial\":-1,\"stimulus\":0}",
           PROTO_ERR_RANGE, "trial.trial", "-1 is outside");
}

/* The message is taken; the fault says what was not. */
static void pass_over(const char *json, uint32_t n, const char *key, const char *text)
{
    accept(json);
    assert_int_equal(fault.n_passed, n);
    assert_string_equal(fault.key, key);
    if (strstr(fault.text, text) == NULL) {
        fail_msg("%s: \"%s\"", json, fault.text);
    }
    check_printable(fault.text);
}

static void an_optional_number_that_cannot_be_costs_itself_and_not_the_trial(void **state)
{
    (void)state;
    static const char *const BAD[][3] = {
        {"rt_s", "-1", "-1 is outside 0..86400 s"},
        {"rt_s", "Infinity", "Infinity is outside"},
        {"reward", "3", "3 is outside 0..1"},
        {"reward", "-Infinity", "-Infinity is outside"},
        {"side", "7", "7 is outside 0..1"},
        {"side", "0.5", "0.5 is outside 0..1"},
        {"side", "1e300", "1e+300 is outside 0..1"},
        {"p_left", "80", "80 is outside 0..1"},
        {"reward_ul", "-0.5", "-0.5 is outside"},
        {"repeat", "2", "2 is outside 0..1"},
        {"next_stimulus", "25", "it looks like percent"},
        {"t_rig_us", "-5", "-5 is outside"},
        {"t_wall_ns", "9223372036854775808", "is not a number from 0 up"},
        {"t_mono_ns", "-Infinity", "-Infinity is not a number from 0 up"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        char json[256];
        char key[64];
        (void)snprintf(json, sizeof json, TRIAL("\"stimulus\":0.5,\"choice\":1,\"%s\":%s"),
                       BAD[i][0], BAD[i][1]);
        (void)snprintf(key, sizeof key, "trial.%s", BAD[i][0]);
        pass_over(json, 1, key, BAD[i][2]);
        assert_true(msg.as.trial.stimulus == 0.5 && msg.as.trial.choice == 1);
        assert_true(isnan(msg.as.trial.rt_s) && isnan(msg.as.trial.reward));
        assert_true(isnan(msg.as.trial.p_left) && isnan(msg.as.trial.reward_ul));
        assert_true(isnan(msg.as.trial.next_stimulus));
        assert_true(msg.as.trial.side == PROTO_NIL && msg.as.trial.repeat == PROTO_NIL);
        assert_true(msg.env.t_rig_us == PROTO_NIL && msg.env.t_wall_ns == PROTO_NIL &&
                    msg.env.t_mono_ns == PROTO_NIL);
    }
    pass_over(TRIAL(NO_GO ",\"rt_s\":-1,\"side\":2,\"reward\":1"), 2, "trial.rt_s", "-1 is");
    refuse(TRIAL(NO_GO ",\"rt_s\":\"fast\""), PROTO_ERR_TYPE, "trial.rt_s", "not text");
    refuse("{\"kind\":\"prediction\",\"rig\":\"r\",\"subject\":\"s\",\"for_trial\":-1}",
           PROTO_ERR_RANGE, "prediction.for_trial", "-1 is outside");
}

static void a_trial_says_its_choice_and_a_no_go_too(void **state)
{
    (void)state;
    refuse(TRIAL("\"stimulus\":0.5,\"reward\":1"), PROTO_ERR_MISSING, "trial.choice",
           "(1 right, 0 left, nil no-go): write null for nil");
    refuse(TRIAL("\"stimulus\":0.5,\"choise\":1"), PROTO_ERR_MISSING, "trial.choice",
           "`choise` is no key: was this one meant?");
    accept(TRIAL(NO_GO));
    assert_true(msg.as.trial.choice == PROTO_NIL);
    static const char OLD[] = TRIAL("\"stimulus\":0.5,\"reward\":1");
    assert_int_equal(proto_decode_recorded((const uint8_t *)OLD, strlen(OLD), &msg, &fault),
                     PROTO_OK);
    assert_true(msg.as.trial.choice == PROTO_NIL && msg.as.trial.reward == 1.0);
    static const uint8_t NIL[] = "\x86\xa4kind\xa5trial\xa3rig\xa1r\xa7subject\xa1s\xa5trial\x03"
                                 "\xa8stimulus\x00\xa6"
                                 "choice\xc0";
    assert_int_equal(proto_decode(NIL, sizeof NIL - 1, &msg, &fault), PROTO_OK);
    assert_true(msg.as.trial.choice == PROTO_NIL);
}

static void a_key_that_is_nearly_one_is_remarked_and_others_are_free(void **state)
{
    (void)state;
    pass_over(TRIAL(NO_GO ",\"rewrad\":1"), 1, "trial.rewrad", "did you mean `reward`?");
    pass_over(TRIAL(NO_GO ",\"Reward\":1"), 1, "trial.Reward", "did you mean `reward`?");
    pass_over(TRIAL(NO_GO ",\"rt\":1"), 1, "trial.rt", "did you mean `rt_s`?");
    pass_over(TRIAL(NO_GO ",\"rt_ms\":400"), 1, "trial.rt_ms", "did you mean `rt_s`?");
    pass_over(TRIAL(NO_GO ",\"sesion\":\"a\""), 1, "trial.sesion", "did you mean `session`?");
    pass_over("{\"kind\":\"session_start\",\"rig\":\"r\",\"subject\":\"s\",\"session\":\"1\","
              "\"stimulus\":[0.5]}",
              1, "session_start.stimulus", "did you mean `stimuli`?");
    accept(TRIAL(NO_GO ",\"rt_ms\":400,\"rt_s\":0.4"));
    assert_int_equal(fault.n_passed, 0);
    accept(
        TRIAL(NO_GO ",\"note\":1,\"block\":2,\"wheel\":[1,2],\"lick_times\":[],\"x\":0,\"id\":5"));
    assert_int_equal(fault.n_passed, 0);
}

static void wrong_types_are_refused_by_name(void **state)
{
    (void)state;
    refuse(TRIAL("\"stimulus\":\"0.5\""), PROTO_ERR_TYPE, "trial.stimulus",
           "a number was expected, not text");
    refuse(TRIAL("\"stimulus\":[0.5]"), PROTO_ERR_TYPE, "trial.stimulus", "not an array");
    refuse(TRIAL("\"features\":[1]"), PROTO_ERR_TYPE, "trial.features", "a map of names");
    refuse(TRIAL("\"features\":{\"a\":{}}"), PROTO_ERR_TYPE, "trial.features.a", "not a map");
    refuse(TRIAL("\"stimulus\":0,\"session\":{}"), PROTO_ERR_TYPE, "trial.session", "not a map");
    refuse(TRIAL("\"stimulus\":0,\"session\":-1"), PROTO_ERR_TYPE, "trial.session", "from 0 up");
    refuse("[1,2]", PROTO_ERR_TYPE, "", "a JSON object {...} was expected, not an array");
    refuse("7", PROTO_ERR_TYPE, "", "a JSON object {...} was expected, not a whole number");
    refuse("\x93\x01\x02\x03", PROTO_ERR_TYPE, "", "a map was expected, not an array");
    refuse("{\"kind\":7}", PROTO_ERR_TYPE, "kind", "text was expected");
    refuse("{\"kind\":\"subjects\",\"total\":1,\"offset\":0,\"animals\":[{\"subject\":\"a\","
           "\"score\":{\"n\":1}},{\"subject\":\"b\",\"score\":{\"n\":\"x\"}}]}",
           PROTO_ERR_TYPE, "subjects.animals[1].score.n", "a whole number was expected");
}

static void names_are_short_and_plain(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "a/b",       "",
        " ",         "a b",
        "a\\u0000b", "\xc3\xa9",
        "..//",      "a\\nb",
        "a*",        "12345678901234567890123456789012345678901234567890123456789012345",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        char json[256];
        (void)snprintf(json, sizeof json,
                       "{\"kind\":\"hello\",\"subject\":\"kept\",\"rig\":\"%s\"}", BAD[i]);
        refuse(json, PROTO_ERR_RANGE, "hello.rig", "is not a name: 1 to 64 of");
        assert_string_equal(msg.env.rig, "");
        assert_string_equal(msg.env.subject, "kept");
    }
    static char long_json[10200];
    const int head = snprintf(long_json, sizeof long_json, "{\"kind\":\"hello\",\"rig\":\"");
    memset(long_json + head, 'a', 10000);
    (void)strcpy(long_json + head + 10000, "\"}");
    refuse(long_json, PROTO_ERR_RANGE, "hello.rig", "aaaa...\" is not a name");
    accept("{\"kind\":\"hello\",\"rig\":"
           "\"1234567890123456789012345678901234567890123456789012345678901234\"}");
}

static void texts_and_arrays_are_bounded(void **state)
{
    (void)state;
    refuse("{\"kind\":\"alert\",\"code\":\"123456789012345678901234567890123\",\"text\":\"t\"}",
           PROTO_ERR_RANGE, "alert.code", "at most 32 bytes");
    refuse("{\"kind\":\"alert\",\"code\":\"a\\u0007\",\"text\":\"t\"}", PROTO_ERR_RANGE,
           "alert.code", "control characters");
    refuse("{\"kind\":\"session_start\",\"rig\":\"r\",\"subject\":\"s\",\"session\":\"1\","
           "\"stimuli\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}",
           PROTO_ERR_RANGE, "session_start.stimuli", "at most 32 values");
    refuse("{\"kind\":\"session_start\",\"rig\":\"r\",\"subject\":\"s\",\"session\":\"1\","
           "\"stimuli\":[0,2]}",
           PROTO_ERR_RANGE, "session_start.stimuli[1]", "2 is outside -1..1");
    refuse("{\"kind\":\"session_start\",\"rig\":\"r\",\"subject\":\"s\",\"session\":\"1\","
           "\"stimuli\":[0,null]}",
           PROTO_ERR_TYPE, "session_start.stimuli[1]", "not nil");
    refuse(TRIAL("\"features\":{\"a\":1,\"a\":2}"), PROTO_ERR_SYNTAX, "trial.features", "twice");
    refuse(TRIAL("\"features\":{\"\":1}"), PROTO_ERR_RANGE, "trial.features", "a name");
    refuse(TRIAL("\"features\":{\"12345678901234567890123456789012\":1}"), PROTO_ERR_RANGE,
           "trial.features", "at most 31 bytes");
}

static void required_keys_must_be_there(void **state)
{
    (void)state;
    refuse("{\"kind\":\"trial\",\"subject\":\"s\",\"trial\":1,\"stimulus\":0}", PROTO_ERR_MISSING,
           "trial.rig", "the key is required");
    refuse("{\"kind\":\"trial\",\"rig\":\"r\",\"trial\":1,\"stimulus\":0}", PROTO_ERR_MISSING,
           "trial.subject", "the key is required");
    refuse("{\"kind\":\"trial\",\"rig\":\"r\",\"subject\":\"s\",\"stimulus\":0}", PROTO_ERR_MISSING,
           "trial.trial", "the key is required");
    refuse("{" ENVELOPE "}", PROTO_ERR_MISSING, "trial.stimulus", "`stimulus` or `features`");
    refuse("{\"kind\":\"session_start\",\"rig\":\"r\",\"subject\":\"s\"}", PROTO_ERR_MISSING,
           "session_start.session", "the key is required");
    refuse("{\"kind\":\"alert\",\"code\":\"gap\",\"text\":\"\"}", PROTO_ERR_MISSING, "alert.text",
           "the key is required");
    refuse("{\"kind\":\"stimulus\",\"rig\":\"r\",\"subject\":\"s\",\"stimulus\":null}",
           PROTO_ERR_MISSING, "stimulus.stimulus", "the key is required");
    refuse("{\"rig\":\"r\"}", PROTO_ERR_MISSING, "kind", "the key is required");
    accept(TRIAL("\"features\":{\"tilt\":-45},\"choice\":1"));
    accept("{\"kind\":\"subjects\",\"total\":0,\"offset\":0,\"animals\":[]}");
}

static void the_arrays_of_a_prediction_go_together(void **state)
{
    (void)state;
#define PREDICTION(rest)                                                                           \
    "{\"kind\":\"prediction\",\"rig\":\"r\",\"subject\":\"s\",\"for_trial\":1,"                    \
    "\"stimuli\":[0,1]," rest "}"
    accept(PREDICTION("\"p_right\":[0,1],\"lo\":[0,1],\"hi\":[0,1]"));
    refuse(PREDICTION("\"p_right\":[0],\"lo\":[0,1],\"hi\":[0,1]"), PROTO_ERR_RANGE,
           "prediction.p_right", "as many values as in `stimuli`");
    refuse(PREDICTION("\"p_right\":[0,1],\"lo\":[],\"hi\":[0,1]"), PROTO_ERR_RANGE, "prediction.lo",
           "as many");
    refuse(PREDICTION("\"p_right\":[0,1],\"lo\":[0,1],\"hi\":[0,1,1]"), PROTO_ERR_RANGE,
           "prediction.hi", "as many");
    refuse(PREDICTION("\"p_right\":[0,1],\"lo\":[0,1],\"hi\":[0,1],\"w\":[1,2],\"w_sd\":[1]"),
           PROTO_ERR_RANGE, "prediction.w_sd", "as many values as in `w`");
}

static void the_kind_may_stand_anywhere_but_once(void **state)
{
    (void)state;
    accept("{\"rig\":\"r\",\"x\":{\"kind\":\"alert\"},\"kin\\u0064\":\"hello\"}");
    assert_int_equal(msg.kind, PROTO_KIND_HELLO);
    refuse("{\"kind\":\"hello\",\"rig\":\"r\",\"kind\":\"hello\"}", PROTO_ERR_SYNTAX, "",
           "`kind` is there twice");
    refuse("{\"kind\":\"hallo\",\"rig\":\"r\"}", PROTO_ERR_KIND, "kind",
           "\"hallo\" is not a kind of message");
    refuse("{\"kind\":\"score\",\"n\":1}", PROTO_ERR_KIND, "kind", "is not a kind");
    refuse("{\"kind\":\"tri\xc3\xa9l\"}", PROTO_ERR_KIND, "kind", "\"tri??l\"");
}

static void a_key_that_comes_twice_is_refused(void **state)
{
    (void)state;
    refuse(TRIAL("\"stimulus\":0,\"choice\":1,\"choice\":0"), PROTO_ERR_SYNTAX, "trial.choice",
           "the key is there twice");
    refuse(TRIAL("\"stimulus\":0,\"choice\":null,\"choi\\u0063e\":0"), PROTO_ERR_SYNTAX,
           "trial.choice", "twice");
    accept(TRIAL(NO_GO ",\"note\":1,\"note\":2"));
}

static void unknown_keys_are_passed_over_whatever_they_hold(void **state)
{
    (void)state;
    accept(TRIAL(
        "\"extra\":[{\"choice\":7},[[],{}],\"\\u00e9\",NaN],\"stimulus\":0.5,\"choice\":1,\"\":1"));
    assert_true(msg.as.trial.stimulus == 0.5 && msg.as.trial.choice == 1);
    refuse(TRIAL("\"stimulus\":0,\"extra\":[[[[[[[[[]]]]]]]]]"), PROTO_ERR_DEPTH, "", "deep");
}

static void another_schema_version_is_named_before_any_other_fault(void **state)
{
    (void)state;
    refuse("{\"kind\":\"new\",\"rig\":\"r\",\"v\":2}", PROTO_ERR_VERSION, "v", "2 is outside 1..1");
    refuse(TRIAL("\"v\":2,\"stimulus\":\"none\""), PROTO_ERR_VERSION, "v", "2 is outside 1..1");
    refuse(TRIAL("\"choice\":[],\"v\":0"), PROTO_ERR_VERSION, "v", "0 is outside 1..1");
    refuse(TRIAL("\"stimulus\":0,\"v\":\"1\""), PROTO_ERR_TYPE, "trial.v", "a whole number");
}

static void a_refusal_keeps_the_address_of_the_sender(void **state)
{
    (void)state;
    refuse("{\"choice\":7,\"kind\":\"trial\",\"rig\":\"box-1\",\"session\":\"a/b\",\"trial\":4,"
           "\"subject\":\"m1\",\"seq\":9}",
           PROTO_ERR_RANGE, "trial.choice", "7 is outside");
    assert_string_equal(msg.env.rig, "box-1");
    assert_string_equal(msg.env.subject, "m1");
    assert_string_equal(msg.env.session, "");
    assert_true(msg.env.trial == 4 && msg.env.seq == 9);
    refuse("{\"rig\":\"box-1\",\"seq\":\"x\",\"features\":{\"rig\":\"no\"},\"kind\":\"trial",
           PROTO_ERR_TRUNCATED, "", "ends too early");
    assert_string_equal(msg.env.rig, "box-1");
    assert_true(msg.env.seq == PROTO_NIL);
}

static void bytes_after_the_message_are_refused(void **state)
{
    (void)state;
    accept(" {\"kind\":\"hello\",\"rig\":\"r\"} \r\n\t");
    refuse("{\"kind\":\"hello\",\"rig\":\"r\"} x", PROTO_ERR_TRAILING, "", "bytes after the end");
    refuse("{\"kind\":\"hello\",\"rig\":\"r\"}{}", PROTO_ERR_TRAILING, "", "bytes after the end");
    refuse_bytes("\x82\xa4kind\xa5hello\xa3rig\xa1r\xc0", 19, PROTO_ERR_TRAILING);
}

static void hostile_msgpack_is_refused_without_harm(void **state)
{
    (void)state;
    refuse_bytes("", 0, PROTO_ERR_TRUNCATED);
    refuse_bytes("\xdd\x04\x00\x00\x00", 5, PROTO_ERR_TRUNCATED);
    refuse_bytes("\xdf\xff\xff\xff\xff\xa4kind", 10, PROTO_ERR_TRUNCATED);
    refuse_bytes("\x81\xa4kind\xdb\xff\xff\xff\xff", 11, PROTO_ERR_TRUNCATED);
    refuse_bytes("\x81\xa4kind\xc4\x05hello", 13, PROTO_ERR_TYPE);
    refuse_bytes("\x81\x91\x80\xa1r", 5, PROTO_ERR_TYPE);
    refuse_bytes("\x82\xc4\x01k\xa1r\xa4kind\xa5hello", 17, PROTO_ERR_TYPE);
    refuse_bytes("\x82\xa4kind\xa5hello\xa3rig\xa2\xc3\x28", 19, PROTO_ERR_RANGE);
    static uint8_t deep[PROTO_BYTES_MAX];
    memset(deep, 0x81, sizeof deep);
    refuse_bytes(deep, sizeof deep, PROTO_ERR_TYPE);
    memset(deep, 0x91, sizeof deep);
    memcpy(deep, "\x82\xa1x", 3);
    refuse_bytes(deep, sizeof deep, PROTO_ERR_DEPTH);
}

static void a_message_over_the_limit_is_refused_unread(void **state)
{
    (void)state;
    static uint8_t big[PROTO_BYTES_MAX + 1];
    memset(big, ' ', sizeof big);
    memcpy(big, "{\"kind\":\"hello\",\"rig\":\"r\"}", 26);
    assert_int_equal(proto_decode(big, PROTO_BYTES_MAX, &msg, &fault), PROTO_OK);
    refuse_bytes(big, sizeof big, PROTO_ERR_SIZE);
}

static proto_format format_of(const char *bytes, size_t size)
{
    return proto_format_of((const uint8_t *)bytes, size);
}

static void json_is_known_by_how_it_begins_and_no_msgpack_map_passes_for_it(void **state)
{
    (void)state;
    static const char *const JSON[] = {"{",    " {",   "\n[", "\"",  "-1",           "0",
                                       "null", "true", "NaN", "\t ", "\xef\xbb\xbf{"};
    for (size_t i = 0; i < sizeof JSON / sizeof JSON[0]; i++) {
        assert_int_equal(format_of(JSON[i], strlen(JSON[i])), PROTO_FORMAT_JSON);
    }
    for (int first = 0; first < 256; first++) {
        const bool is_map = (first >= 0x80 && first <= 0x8f) || first == 0xde || first == 0xdf;
        for (int second = 0; second < 256 && is_map; second++) {
            const char bytes[] = {(char)first, (char)second, '{', '"', 0, 0, 0, 0};
            assert_int_equal(format_of(bytes, sizeof bytes), PROTO_FORMAT_MSGPACK);
        }
    }
    assert_int_equal(format_of("", 0), PROTO_FORMAT_MSGPACK);
}

static void a_byte_order_mark_is_passed_over_and_utf_16_is_called_so(void **state)
{
    (void)state;
    static const char UTF16[][8] = {"\xff\xfe{\0\"\0", "\xfe\xff\0{\0\"", "{\0\"\0k\0", "\0[\0{"};
    accept("\xef\xbb\xbf{\"kind\":\"hello\",\"rig\":\"r\"}");
    accept("\xef\xbb\xbf \r\n{\"kind\":\"hello\",\"rig\":\"r\"}\n");
    refuse("\xef\xbb\xbf[]", PROTO_ERR_TYPE, "", "a JSON object {...} was expected, not an array");
    for (size_t i = 0; i < sizeof UTF16 / sizeof UTF16[0]; i++) {
        refuse_bytes(UTF16[i], 6, PROTO_ERR_SYNTAX);
        assert_non_null(strstr(fault.text, "UTF-16"));
        assert_int_equal(format_of(UTF16[i], 6), PROTO_FORMAT_JSON);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_may_come_in_any_type_that_holds_them),
        cmocka_unit_test(nil_means_absent_and_so_does_nan_where_it_is_allowed),
        cmocka_unit_test(an_optional_number_that_cannot_be_costs_itself_and_not_the_trial),
        cmocka_unit_test(a_trial_says_its_choice_and_a_no_go_too),
        cmocka_unit_test(a_key_that_is_nearly_one_is_remarked_and_others_are_free),
        cmocka_unit_test(values_outside_their_range_are_refused_by_name),
        cmocka_unit_test(wrong_types_are_refused_by_name),
        cmocka_unit_test(names_are_short_and_plain),
        cmocka_unit_test(texts_and_arrays_are_bounded),
        cmocka_unit_test(required_keys_must_be_there),
        cmocka_unit_test(the_arrays_of_a_prediction_go_together),
        cmocka_unit_test(the_kind_may_stand_anywhere_but_once),
        cmocka_unit_test(a_key_that_comes_twice_is_refused),
        cmocka_unit_test(unknown_keys_are_passed_over_whatever_they_hold),
        cmocka_unit_test(another_schema_version_is_named_before_any_other_fault),
        cmocka_unit_test(a_refusal_keeps_the_address_of_the_sender),
        cmocka_unit_test(bytes_after_the_message_are_refused),
        cmocka_unit_test(hostile_msgpack_is_refused_without_harm),
        cmocka_unit_test(a_message_over_the_limit_is_refused_unread),
        cmocka_unit_test(json_is_known_by_how_it_begins_and_no_msgpack_map_passes_for_it),
        cmocka_unit_test(a_byte_order_mark_is_passed_over_and_utf_16_is_called_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
