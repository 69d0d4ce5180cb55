/* adapters/lines.c, with bridge/line_reader.h and bridge/trial_fields.h: trials out of lines of
 * text by a mapping. The bytes are made up. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "bridge/adapter.h"
#include "check.h"
#include "maps.h"
#include "rig_files.h"

#define CASE(name) cmocka_unit_test(name)

static void open_with(const struct bridge_mapping *map, const char *name, const char *text)
{
    rig_files_put(name, "w", text);
    assert_int_equal(
        bridge_source_open(&rig_files_source, &BRIDGE_ADAPTER_lines, rig_files_path(name), map), 0);
}

static void close_all(void)
{
    bridge_source_close(&rig_files_source);
}

/* The next trial, with the start of its session if that comes first. */
static struct bridge_event next_trial(void)
{
    struct bridge_event event;
    char text[2048];
    int got = bridge_source_next(&rig_files_source, &event);
    if (got == 1 && event.kind == BRIDGE_SESSION_START) {
        got = bridge_source_next(&rig_files_source, &event);
    }
    if (got != 1) {
        fail_msg("no trial: %s", bridge_why_text(&rig_files_source.why, text, sizeof text));
    }
    assert_int_equal(event.kind, BRIDGE_TRIAL);
    return event;
}

static void expect(double stimulus, int64_t choice)
{
    const struct bridge_event e = next_trial();
    assert_true(e.said.stimulus >= stimulus && e.said.stimulus <= stimulus);
    assert_int_equal(e.said.choice, choice);
}

static bool is_taken(const struct bridge_mapping *map, const char *name, const char *text)
{
    const struct bridge_candidate c = {.path = name,
                                       .name = name,
                                       .head = (const uint8_t *)text,
                                       .head_size = strlen(text),
                                       .size = (int64_t)strlen(text),
                                       .map = map};
    return BRIDGE_ADAPTER_lines.probe(&c);
}

static void columns_and_codings_of_ibl_give_side_choice_reward_and_time(void **state)
{
    (void)state;
    open_with(MAPS("columns.contrast_left=contrastLeft", "columns.contrast_right=contrastRight",
                   "coding.choice=ibl", "columns.reward=feedbackType", "coding.reward=1/-1",
                   "columns.rt_s=response_times", "columns.rt_from=stimOn_times",
                   "columns.p_left=probabilityLeft"),
              "SWC.csv",
              "date,choice,contrastLeft,contrastRight,feedbackType,response_times,stimOn_times,"
              "probabilityLeft\n"
              "2020-08-21,1,0.25,nan,1,3.5,3.0,0.8\n"
              "2020-08-21,-1,NaN,0.0,1,5,4,0.8\n"
              "2020-08-22,0,0.0,,-1,nan,4,0.2\n");
    struct bridge_event e = rig_files_next(BRIDGE_SESSION_START);
    assert_string_equal(e.session->subject, "SWC");
    assert_string_equal(e.session->session, "2020-08-21");
    assert_string_equal(e.session->started, "2020-08-21");
    e = rig_files_next(BRIDGE_TRIAL);
    assert_true(e.said.stimulus >= -0.25 && e.said.stimulus <= -0.25);
    assert_int_equal(e.said.side, 0);
    assert_int_equal(e.said.choice, 0);
    assert_true(e.said.reward >= 1.0);
    assert_true(fabs(e.said.rt_s - 0.5) < 1e-12);
    assert_true(fabs(e.said.p_left - 0.8) < 1e-12);
    assert_int_equal(e.trial, 0);
    e = rig_files_next(BRIDGE_TRIAL);
    assert_true(e.said.stimulus >= 0.0 && e.said.stimulus <= 0.0);
    assert_int_equal(e.said.side, 1);
    assert_int_equal(e.said.choice, 1);
    assert_int_equal(e.trial, 1);
    assert_int_equal(e.line, 3);
    e = rig_files_next(BRIDGE_SESSION_START);
    assert_string_equal(e.session->session, "2020-08-22");
    e = rig_files_next(BRIDGE_TRIAL);
    assert_int_equal(e.said.side, 0);
    assert_int_equal(e.said.choice, PROTO_NIL);
    assert_true(e.said.reward <= 0.0);
    assert_true(isnan(e.said.rt_s));
    assert_int_equal(e.trial, 0);
    rig_files_nothing();
    close_all();
}

/* Each with the same three trials: 0.5 right, -0.25 left, 0 none. */
static void separators_json_and_patterns_give_the_same_trials(void **state)
{
    (void)state;
    static const struct {
        const char *map[6];
        const char *text;
    } FORMS[] = {
        {{"columns.stimulus=s", "columns.choice=c", "coding.choice=R/L/-"},
         "s,c\n0.5,R\n-0.25,l\n0,-\n"},
        {{"columns.stimulus=s", "columns.choice=c", "coding.choice=R/L/-"},
         "\xef\xbb\xbf\"s\";\"c\"\r\n\"0,5\";R\r\n-0,25;L\r\n0;\r\n"},
        {{"columns.stimulus=s", "columns.choice=c", "coding.choice=1/-1/0", "coding.stimulus=100"},
         "x\ts\tc\n7\t50\t1\n7\t-25\t-1\n7\t0\t0\n"},
        {{"columns.stimulus=s", "columns.choice=c", "coding.choice=psytrack",
          "lines.separator=space"},
         "s c\n0.5   2\n-0.25 1\n0 nan\n"},
        {{"columns.stimulus=s", "columns.choice=c", "lines.comment=#", "lines.columns=s,c"},
         "# ready\n0.5|right\n#\n-0.25|left\n\n0|None\n"},
        {{"columns.stimulus=2", "columns.choice=3", "lines.pattern=T([0-9]+) S:([^ ]+) C:(.)",
          "columns.trial=1", "coding.choice=R/L/N"},
         "boot\nT0 S:0.5 C:R\nlick\nT1 S:-0.25 C:L\nT2 S:0 C:N\n"},
        {{"columns.stimulus=data.s.0", "columns.choice=data.c", "coding.choice=truth"},
         "{\"data\": {\"s\": [0.5, 1], \"c\": true}}\n{\"data\": {\"s\": [-0.25], \"c\": false}}\n"
         "{\"data\": {\"s\": [0], \"c\": null}, \"more\": NaN}\n"},
        {{"columns.contrast=s", "columns.side=side", "columns.correct=ok", "rows.type=trial,probe"},
         "type,s,side,ok\ntrial,0.5,R,1\ninfo,,,\nprobe,0.25,L,True\ntrial,0,R,\n"},
    };
    for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++) {
        open_with(maps_of(FORMS[i].map), "m1.txt", FORMS[i].text);
        expect(0.5, 1);
        expect(-0.25, 0);
        expect(0.0, PROTO_NIL);
        rig_files_nothing();
        close_all();
    }
}

static void interleaved_sessions_start_once_and_count_their_own_trials(void **state)
{
    (void)state;
    open_with(MAPS("fixed.task=t", "columns.subject=mouse"), "x.csv",
              "mouse,session,stimulus,choice\nm1,a,0.5,1\nm2,a,0.5,1\nm1,a,0.25,0\nm2,a,0,1\n");
    assert_string_equal(rig_files_next(BRIDGE_SESSION_START).session->subject, "m1");
    assert_int_equal(rig_files_next(BRIDGE_TRIAL).trial, 0);
    assert_string_equal(rig_files_next(BRIDGE_SESSION_START).session->task, "t");
    assert_int_equal(rig_files_next(BRIDGE_TRIAL).trial, 0);
    const struct bridge_event e = rig_files_next(BRIDGE_TRIAL);
    assert_string_equal(e.session->subject, "m1");
    assert_int_equal(e.trial, 1);
    assert_int_equal(rig_files_next(BRIDGE_TRIAL).trial, 1);
    rig_files_nothing();
    close_all();
}

static void a_file_that_grows_is_read_on_and_one_made_again_begins_again(void **state)
{
    (void)state;
    struct bridge_event event;
    open_with(MAPS("columns.stimulus=s", "columns.choice=c"), "m.csv", "s,c\n0.5,1\n0.2");
    expect(0.5, 1);
    assert_int_equal(bridge_source_next(&rig_files_source, &event), 0);
    assert_non_null(strstr(rig_files_source.why.found, "has no end yet"));
    rig_files_put("m.csv", "a", "5,0\n");
    expect(0.25, 0);
    rig_files_nothing();
    rig_files_put("m.csv", "w", "c;s\n1;1\n");
    assert_true(rig_files_next(BRIDGE_SESSION_START).session->is_again);
    expect(1.0, 1);
    rig_files_nothing();
    close_all();
}

static void texts_that_no_message_may_hold_are_made_sound(void **state)
{
    (void)state;
    open_with(MAPS("columns.stage=t", "columns.task=u"), "m.csv",
              "stimulus,choice,t,u\n1,1,a\x01\xff\xc3\xa4,x\x1b[0m\n");
    assert_string_equal(rig_files_next(BRIDGE_SESSION_START).session->task, "x?[0m");
    assert_string_equal(rig_files_next(BRIDGE_TRIAL).said.stage, "a??\xc3\xa4");
    close_all();
}

static void what_is_of_this_format_is_told_by_columns_or_a_mapping(void **state)
{
    (void)state;
    static const char OWN[] = "subject,session,trial,stimulus,choice\nm,s,1,0.5,1\n";
    static const char TABS[] = "subject\tsession\ttrial\tstimulus\tchoice\nm\ts\t1\t0.5\t1\n";
    const struct bridge_mapping *none = NULL;
    assert_false(is_taken(none, "t.csv", OWN));
    assert_true(is_taken(none, "t.tsv", TABS));
    assert_true(is_taken(none, "t", "{\"stimulus\": 0.5, \"choice\": 1}\n"));
    assert_false(is_taken(none, "t", "{\"stim\": 0.5, \"choice\": 1}\n"));
    assert_false(is_taken(none, "t.csv", "a,b\n1,2\n"));
    assert_false(is_taken(none, "t.csv", ""));
    assert_true(is_taken(MAPS("columns.stimulus=a"), "t.csv", "b,c\n1,2\n")); /* open says why */
    assert_true(is_taken(MAPS("coding.choice=1/0"), "t", OWN));
    assert_false(is_taken(MAPS("states.reward=r"), "t.csv", OWN));
    assert_false(is_taken(MAPS("columns.stimulus=a"), "t.bin", "b,c\n1,2\n"));
}

/* What is wrong with a file, and what is said of it; the trial of its line 2 stays. */
static void what_is_wrong_is_named_and_what_was_before_stays(void **state)
{
    (void)state;
    static const char LONG[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                               "xxxxxxxxxxxxxxxxxxxxxxxx"
                               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    static const struct {
        const char *line;
        const char *words;
    } WRONG[] = {
        {"0.5", "m.csv:3: 1 fields where 3 columns are named; as many was expected"},
        {"0.5,1,x,y", "m.csv:3: 4 fields where 3 columns are named"},
        {"\"0.5,1,x", "m.csv:3: a quote is not closed on its line"},
        {"\"0.5\"y,1,x", "m.csv:3: text after a closing quote"},
        {"a,1,x", "m.csv:3: stimulus: \"a\" in s; a number was expected"},
        {"0x10,1,x", "stimulus: \"0x10\" in s; a number was expected"},
        {"1e999,1,x", "stimulus: \"1e999\" in s; a number was expected"},
        {"inf,1,x", "stimulus: \"inf\" in s; a number was expected"},
        {"12.5,1,x", "m.csv:3: stimulus: \"12.5\" in s; a contrast from -1 to 1 was expected: say "
                     "how it is coded: --map coding.stimulus=percent"},
        {"-1.01,1,x", "a contrast from -1 to 1 was expected"},
        {",1,x", "stimulus: \"\" in s; a contrast from -1 to 1 was expected"},
        {"nan,1,x", "stimulus: \"nan\" in s; a contrast from -1 to 1 was expected"},
        {"0.5,-1,x", "m.csv:3: choice: \"-1\" in c; right or left as it is coded was expected: say "
                     "how: --map coding.choice=RIGHT/LEFT/NONE"},
        {"0.5,2,x", "choice: \"2\" in c; right or left as it is coded was expected"},
        {"0.5,up,x", "choice: \"up\" in c"},
        {"0.5,1.5,x", "choice: \"1.5\" in c"},
        {"0.5,0.0001,x", "choice: \"0.0001\" in c"},
        {"0.5,tru,x", "choice: \"tru\" in c"},
    };
    char text[512];
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        (void)snprintf(text, sizeof text, "s,c,x\n0.5,1,a\n%s\n-0.25,0,b\n", WRONG[i].line);
        open_with(MAPS("columns.stimulus=s", "columns.choice=c"), "m.csv", text);
        expect(0.5, 1);
        rig_files_wrong(WRONG[i].words);
        expect(-0.25, 0);
        rig_files_nothing();
        close_all();
    }
    (void)snprintf(text, sizeof text, "s,c,x\n0.5,1,a\n%s,1,b\n", LONG);
    open_with(MAPS("columns.stimulus=s", "columns.choice=c"), "m.csv", text);
    expect(0.5, 1);
    rig_files_wrong("m.csv:3: byte 0: field 1 is too long; at most 127 bytes was expected");
    close_all();
}

static void files_whose_first_line_does_not_serve_are_refused_once(void **state)
{
    (void)state;
    static const struct {
        const char *map;
        const char *text;
        const char *words;
    } WRONG[] = {
        {"columns.choice=c", "s,d\n0.5,1\n", "m.csv:1: no column \"c\""},
        {"columns.choice=c", "s,c\n0.5,1\n", "m.csv:1: no stimulus"},
        {"columns.stimulus=s", "s,c\n0.5,1\n", "m.csv:1: no choice"},
        {"columns.stimulus=s", "\"s,choice\n0.5,1\n", "m.csv:1: a quote is not closed"},
        {"columns.stimulus=s", "\xff\xfes\n", "m.csv:1: byte 0: text in UTF-16; UTF-8"},
        {"lines.columns=a,b", "0.5,1\n", "m.csv:1: no stimulus"},
        {"lines.pattern=(a)(b)", "ab\n", "m.csv:1: no stimulus"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        open_with(MAPS(WRONG[i].map), "m.csv", WRONG[i].text);
        rig_files_wrong(WRONG[i].words);
        rig_files_nothing();
        close_all();
    }
}

static void json_that_is_wrong_is_left_out_by_its_byte(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *words;
    } WRONG[] = {{"{\"s\": 0.5,", "m.jsonl:2: byte 10: it is not complete"},
                 {"[1]", "m.jsonl:2: "},
                 {"{\"s\": {\"a\": 1}, \"c\": 1}", "stimulus: \"\" in s"},
                 {"{\"s\": \"a\\u0000b\", \"c\": 1}", "m.jsonl:2: byte 6: s is too long a text"},
                 {"{\"s\": 0.5, \"c\": 1} x", "m.jsonl:2: byte 19: it is not well formed"}};
    char text[256];
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        (void)snprintf(text, sizeof text, "{\"s\": 1, \"c\": 1}\n%s\n{\"s\": 0, \"c\": 0}\n",
                       WRONG[i].line);
        open_with(MAPS("columns.stimulus=s", "columns.choice=c"), "m.jsonl", text);
        expect(1.0, 1);
        rig_files_wrong(WRONG[i].words);
        expect(0.0, 0);
        close_all();
    }
}

static void a_mapping_that_is_wrong_is_refused_at_the_start(void **state)
{
    (void)state;
    static const struct {
        const char *map;
        const char *words;
    } WRONG[] = {
        {"states.reward=r", "the mapping has states.reward; sections columns, fixed, coding"},
        {"columns.stimulos=s", "the mapping has columns.stimulos"},
        {"coding.choice=right", "coding.choice: \"right\"; RIGHT/LEFT or RIGHT/LEFT/NONE"},
        {"coding.choice=1/2/3/4", "coding.choice: \"1/2/3/4\""},
        {"coding.stimulus=percents", "coding.stimulus: \"percents\"; a number to divide by"},
        {"coding.stimulus=0", "coding.stimulus: \"0\""},
        {"coding.subject=x", "coding.subject: \"x\"; no coding was expected"},
        {"lines.form=xml", "lines.form: \"xml\"; fields, json or pattern was expected"},
        {"lines.form=pattern", "lines.pattern beside it"},
        {"lines.separator=ab", "lines.separator: \"ab\""},
        {"lines.pattern=(a", "a POSIX extended regular expression"},
        {"lines.pattern=(a)\\1", "without \\1"},
        {"lines.pattern=((a{99}){99}){99}", "repeats above 255 in all"},
        {"lines.colour=x", "lines.colour: \"x\"; form, separator, columns, pattern or comment"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        char text[2048];
        assert_int_equal(bridge_source_open(&rig_files_source, &BRIDGE_ADAPTER_lines, "/x.csv",
                                            MAPS(WRONG[i].map)),
                         -1);
        (void)bridge_why_text(&rig_files_source.why, text, sizeof text);
        if (strstr(text, WRONG[i].words) == NULL) {
            fail_msg("\"%s\" stands not in: %s", WRONG[i].words, text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(columns_and_codings_of_ibl_give_side_choice_reward_and_time),
        CASE(separators_json_and_patterns_give_the_same_trials),
        CASE(interleaved_sessions_start_once_and_count_their_own_trials),
        CASE(a_file_that_grows_is_read_on_and_one_made_again_begins_again),
        CASE(texts_that_no_message_may_hold_are_made_sound),
        CASE(what_is_of_this_format_is_told_by_columns_or_a_mapping),
        CASE(what_is_wrong_is_named_and_what_was_before_stays),
        CASE(files_whose_first_line_does_not_serve_are_refused_once),
        CASE(json_that_is_wrong_is_left_out_by_its_byte),
        CASE(a_mapping_that_is_wrong_is_refused_at_the_start),
    };
    (void)rig_files_make();
    const int rc = cmocka_run_group_tests(tests, NULL, NULL);
    rig_files_remove();
    return rc;
}
