/* adapters/iblrig.c: files that are made here, as iblrig 7 and 8 write them while they run. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "bridge/adapter.h"
#include "check.h"
#include "rig_files.h"

#define SESSION "lab/Subjects/mouse_1/2026-03-04/002/raw_task_data_01"
#define DATA    SESSION "/_iblrig_taskData.raw.jsonable"
#define TOLD    SESSION "/_iblrig_taskSettings.raw.json"
#define SETTINGS                                                                                   \
    "{\"IBLRIG_VERSION\": \"8.24.7\", \"NTRIALS\": 0, \"PYBPOD_PROTOCOL\":"                        \
    " \"_iblrig_tasks_trainingChoiceWorld\", \"SESSION_DELAY_START\": 12,"                         \
    " \"SESSION_END_TIME\": %s, \"SESSION_NUMBER\": 2, \"SESSION_START_TIME\": \"%s\","            \
    " \"SUBJECT_NAME\": \"mouse_1\"}"
#define STARTED "2026-03-04T09:30:00.5"

static char text[4096];

static const char *settings(const char *started, const char *ended)
{
    static char told[1024];
    (void)snprintf(told, sizeof told, SETTINGS, ended, started);
    return told;
}

/* A line of iblrig 8. */
static const char *line(int trial, double contrast, double position, int side, int correct)
{
    (void)snprintf(text, sizeof text,
                   "{\"contrast\": %g, \"stim_probability_left\": 0.5, \"position\": %g, "
                   "\"quiescent_period\": 0.5, \"reward_amount\": %g, \"stim_reverse\": false, "
                   "\"trial_num\": %d, \"response_side\": %d, \"response_time\": %g, "
                   "\"trial_correct\": %s, \"training_phase\": 3, \"debias_trial\": true, "
                   "\"signed_contrast\": NaN, \"behavior_data\": {\"States timestamps\": "
                   "{\"no_go\": [[NaN, NaN]]}, \"Events timestamps\": {\"Tup\": [0.1, Infinity, "
                   "-Infinity]}}}\n",
                   contrast, position, correct ? 1.5 : 0.0, trial, side,
                   side == 0 ? 60.1 : 0.25 + trial, correct ? "true" : "false");
    return text;
}

static int in_a_new_folder(void **state)
{
    (void)state;
    (void)rig_files_make();
    rig_files_folder(SESSION);
    return 0;
}

static void open_session(void)
{
    rig_files_open(&BRIDGE_ADAPTER_iblrig, SESSION);
}

static void start_with(const char *lines)
{
    rig_files_put(TOLD, "w", settings(STARTED, "null"));
    rig_files_put(DATA, "w", lines);
    open_session();
    (void)rig_files_next(BRIDGE_SESSION_START);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void a_session_starts_before_its_first_trial_once_its_settings_are_whole(void **state)
{
    (void)state;
    open_session();
    rig_files_nothing();
    char half[128];
    (void)snprintf(half, sizeof half, "%.100s", settings(STARTED, "null"));
    rig_files_put(TOLD, "w", half);
    rig_files_nothing();
    assert_non_null(strstr(rig_files_source.why.path, "taskSettings"));
    rig_files_put(TOLD, "w", settings(STARTED, "null"));
    const struct bridge_event start = rig_files_next(BRIDGE_SESSION_START);
    assert_string_equal(start.session->subject, "mouse_1");
    assert_string_equal(start.session->session, "2026-03-04_002_01");
    assert_string_equal(start.session->program, "iblrig");
    assert_string_equal(start.session->version, "8.24.7");
    assert_string_equal(start.session->task, "_iblrig_tasks_trainingChoiceWorld");
    assert_string_equal(start.session->started, STARTED);
    CHECK_NEAR(start.session->delay_s, 12.0, 0.0);
    assert_false(start.session->is_again);
    rig_files_nothing();
    rig_files_put(DATA, "w", line(0, 1, 35, -1, 1));
    assert_int_equal(rig_files_next(BRIDGE_TRIAL).trial, 0);
    rig_files_nothing();
}

static void a_session_ends_when_its_settings_say_so_and_not_before(void **state)
{
    (void)state;
    start_with(line(0, 1, 35, -1, 1));
    (void)rig_files_next(BRIDGE_TRIAL);
    rig_files_nothing();
    rig_files_put(DATA, "a", line(1, 1, 35, -1, 1));
    rig_files_put(TOLD, "w", settings(STARTED, "\"2026-03-04T10:30:00\""));
    (void)rig_files_next(BRIDGE_TRIAL);
    assert_string_equal(rig_files_next(BRIDGE_SESSION_END).session->ended, "2026-03-04T10:30:00");
    rig_files_nothing();
}

static void data_without_settings_is_named_by_its_path(void **state)
{
    (void)state;
    rig_files_put(DATA, "w", line(0, 1, 35, -1, 1));
    open_session();
    const struct bridge_event start = rig_files_next(BRIDGE_SESSION_START);
    assert_string_equal(start.session->subject, "mouse_1");
    assert_string_equal(start.session->session, "2026-03-04_002_01");
    assert_string_equal(start.session->started, "2026-03-04");
    (void)rig_files_next(BRIDGE_TRIAL);
}

static void settings_that_stay_broken_are_named_once_and_the_trials_are_read(void **state)
{
    (void)state;
    rig_files_put(TOLD, "w", "{\"SUBJECT_NAME\": [");
    rig_files_put(DATA, "w", line(0, 1, 35, -1, 1));
    open_session();
    rig_files_wrong("_iblrig_taskSettings.raw.json: byte 17: \"SUBJECT_NAME\" is a list");
    (void)rig_files_next(BRIDGE_SESSION_START);
    (void)rig_files_next(BRIDGE_TRIAL);
    rig_files_nothing();
}

static void a_loose_file_is_named_by_its_settings_its_lines_or_itself(void **state)
{
    (void)state;
    rig_files_put("run 7.jsonable", "w", line(0, 1, 35, -1, 1));
    rig_files_open(&BRIDGE_ADAPTER_iblrig, "run 7.jsonable");
    assert_string_equal(rig_files_next(BRIDGE_SESSION_START).session->subject, "run_7");
    bridge_source_close(&rig_files_source);
    rig_files_put("run 7.settings.json", "w", settings(STARTED, "null"));
    rig_files_open(&BRIDGE_ADAPTER_iblrig, "run 7.jsonable");
    const struct bridge_event by_settings = rig_files_next(BRIDGE_SESSION_START);
    assert_string_equal(by_settings.session->subject, "mouse_1");
    assert_string_equal(by_settings.session->session, "2026-03-04_002");
    bridge_source_close(&rig_files_source);
    rig_files_put("run 7.jsonable", "w",
                  "{\"data_file_path\": \"C:\\\\rig\\\\Subjects\\\\m9\\\\2019-01-02\\\\003\\\\"
                  "raw_behavior_data\\\\x.jsonable\", \"trial_num\": 1, \"position\": -35, "
                  "\"contrast\": 0, \"trial_correct\": true}\n");
    rig_files_open(&BRIDGE_ADAPTER_iblrig, "run 7.jsonable");
    const struct bridge_event by_line = rig_files_next(BRIDGE_SESSION_START);
    assert_string_equal(by_line.session->subject, "m9");
    assert_string_equal(by_line.session->session, "2019-01-02_003");
}

/* ---- trials ---------------------------------------------------------------------------------- */

static void a_trial_has_its_side_from_the_position_and_its_choice_from_the_wheel(void **state)
{
    (void)state;
    static const struct {
        double contrast, position;
        int turned, correct;
        double stimulus;
        int64_t side, choice;
        double reward;
    } CASES[] = {{0.5, 35, -1, 1, 0.5, 1, 1, 1},
                 {0.5, 35, 1, 0, 0.5, 1, 0, 0},
                 {0.25, -35, 1, 1, -0.25, 0, 0, 1},
                 {0.25, -35, -1, 0, -0.25, 0, 1, 0},
                 {0, -35, 1, 1, 0, 0, 0, 1},
                 {0, 35, -1, 1, 0, 1, 1, 1},
                 {1, 35, 0, 0, 1, 1, PROTO_NIL, (double)NAN}};
    start_with("");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        rig_files_put(
            DATA, "a",
            line((int)i, CASES[i].contrast, CASES[i].position, CASES[i].turned, CASES[i].correct));
        const struct bridge_event e = rig_files_next(BRIDGE_TRIAL);
        assert_int_equal(e.trial, i);
        assert_int_equal(e.line, i + 1);
        CHECK_NEAR(e.said.stimulus, CASES[i].stimulus, 0.0);
        assert_int_equal(e.said.side, CASES[i].side);
        assert_int_equal(e.said.choice, CASES[i].choice);
        assert_int_equal(e.said.repeat, 1);
        assert_string_equal(e.said.stage, "3");
        CHECK_NEAR(e.said.p_left, 0.5, 0.0);
        CHECK_NEAR(e.said.rt_s, CASES[i].turned == 0 ? 60.1 : 0.25 + (double)i, 1e-9);
        if (isnan(CASES[i].reward)) {
            assert_true(isnan(e.said.reward));
        } else {
            CHECK_NEAR(e.said.reward, CASES[i].reward, 0.0);
        }
    }
}

static void version_7_nests_its_contrast_and_has_states_instead_of_a_side(void **state)
{
    (void)state;
    start_with("{\"position\": -35, \"contrast\": {\"type\": \"RepeatContrast\", \"value\": 0.5},"
               " \"trial_num\": 1, \"trial_correct\": false, \"stim_probability_left\": 0.9,"
               " \"behavior_data\": {\"States timestamps\": {\"no_go\": [[NaN, NaN]],"
               " \"stim_on\": [[1.5, 1.6]], \"closed_loop\": [[1.6, 2.5]]}}}\n"
               "{\"position\": 35, \"contrast\": {\"type\": \"AdaptiveContrast\", \"value\": 1},"
               " \"trial_num\": 2, \"trial_correct\": false,"
               " \"behavior_data\": {\"States timestamps\": {\"no_go\": [[60, 62]]}}}\n");
    struct bridge_event e = rig_files_next(BRIDGE_TRIAL);
    CHECK_NEAR(e.said.stimulus, -0.5, 0.0);
    assert_int_equal(e.said.choice, 1);
    assert_int_equal(e.said.repeat, 1);
    CHECK_NEAR(e.said.rt_s, 1.0, 1e-12);
    e = rig_files_next(BRIDGE_TRIAL);
    assert_int_equal(e.said.choice, PROTO_NIL);
    assert_int_equal(e.said.repeat, 0);
    assert_true(isnan(e.said.reward));
}

/* ---- files that grow, shrink and come again -------------------------------------------------- */

static void half_a_line_is_not_read_and_lines_may_end_as_on_windows(void **state)
{
    (void)state;
    start_with("");
    char whole[2048];
    (void)snprintf(whole, sizeof whole, "%.2047s", line(0, 1, 35, -1, 1));
    const size_t size = strlen(whole);
    memcpy(whole + size - 1, "\r\n", 3);
    for (size_t i = 0; i < size; i += 7) {
        rig_files_write(DATA, "a", whole + i, size - i < 7 ? size - i : 7);
        rig_files_nothing();
        assert_true(i == 0 || rig_files_source.why.found[0] != '\0');
    }
    rig_files_put(DATA, "a", "\r\n");
    (void)rig_files_next(BRIDGE_TRIAL);
    rig_files_nothing();
    assert_string_equal(rig_files_source.why.found, "");
}

static void a_hole_that_is_filled_later_changes_nothing(void **state)
{
    (void)state;
    start_with(line(0, 1, 35, -1, 1));
    (void)rig_files_next(BRIDGE_TRIAL);
    char both[4096];
    (void)snprintf(both, sizeof both, "%s", line(0, 1, 35, -1, 1));
    const size_t size = strlen(both);
    rig_files_write(DATA, "a", (char[300]){0}, 300);
    rig_files_nothing();
    (void)snprintf(both + size, sizeof both - size, "%s", line(1, 1, 35, -1, 1));
    rig_files_put(DATA, "w", both);
    assert_int_equal(rig_files_next(BRIDGE_TRIAL).trial, 1);
    rig_files_nothing();
}

static void a_file_that_shrank_or_was_made_again_begins_again(void **state)
{
    (void)state;
    start_with(line(0, 1, 35, -1, 1));
    rig_files_put(DATA, "a", line(1, 0.5, 35, -1, 1));
    (void)rig_files_next(BRIDGE_TRIAL);
    (void)rig_files_next(BRIDGE_TRIAL);
    rig_files_put(DATA, "w", line(0, 0.25, 35, 1, 0));
    assert_true(rig_files_next(BRIDGE_SESSION_START).session->is_again);
    CHECK_NEAR(rig_files_next(BRIDGE_TRIAL).said.stimulus, 0.25, 0.0);
    assert_int_equal(unlink(rig_files_path(DATA)), 0);
    rig_files_nothing();
    rig_files_put(DATA, "w", line(0, 0.125, 35, 1, 0)); /* and is longer than what was read */
    rig_files_put(DATA, "a", line(1, 0.5, 35, -1, 1));
    assert_true(rig_files_next(BRIDGE_SESSION_START).session->is_again);
    CHECK_NEAR(rig_files_next(BRIDGE_TRIAL).said.stimulus, 0.125, 0.0);
    assert_int_equal(rig_files_next(BRIDGE_TRIAL).trial, 1);
    rig_files_nothing();
}

static void a_number_that_is_used_again_starts_before_its_first_trial(void **state)
{
    (void)state;
    start_with(line(0, 1, 35, -1, 1));
    (void)rig_files_next(BRIDGE_TRIAL);
    assert_int_equal(unlink(rig_files_path(DATA)), 0);
    rig_files_put(TOLD, "w", settings("2026-03-04T11:00:00", "null"));
    assert_true(rig_files_next(BRIDGE_SESSION_START).session->is_again);
    rig_files_put(DATA, "w", line(0, 1, 35, -1, 1));
    assert_int_equal(rig_files_next(BRIDGE_TRIAL).trial, 0);
    rig_files_nothing();
}

static void lines_of_all_lengths_are_read_whole(void **state)
{
    (void)state;
    enum { SIZE = 3 << 20 };
    char *big = malloc(SIZE);
    assert_non_null(big);
    const char *plain = line(0, 1, 35, -1, 1);
    const size_t size = strlen(plain) - 2; /* without the brace and the newline */
    memset(big, ' ', SIZE);
    memcpy(big, plain, size);
    memcpy(big + SIZE - 2, "}\n", 2);
    start_with("");
    rig_files_write(DATA, "a", big, SIZE);
    rig_files_put(DATA, "a", line(1, 1, 35, -1, 1));
    free(big);
    assert_int_equal(rig_files_next(BRIDGE_TRIAL).trial, 0);
    assert_int_equal(rig_files_next(BRIDGE_TRIAL).trial, 1);
    rig_files_nothing();
}

static void a_line_beyond_the_bound_is_left_out_alone(void **state)
{
    (void)state;
    enum { SIZE = (1 << 24) + (1 << 20) };
    char *big = malloc(SIZE);
    assert_non_null(big);
    memset(big, 'x', SIZE);
    start_with(line(0, 1, 35, -1, 1));
    rig_files_write(DATA, "a", big, SIZE);
    free(big);
    rig_files_put(DATA, "a", "\n");
    rig_files_put(DATA, "a", line(1, 1, 35, -1, 1));
    (void)rig_files_next(BRIDGE_TRIAL);
    rig_files_wrong(":2: the line is too long; at most 16 MiB was expected");
    const struct bridge_event e = rig_files_next(BRIDGE_TRIAL);
    assert_int_equal(e.trial, 1);
    assert_int_equal(e.line, 3);
}

/* ---- what is wrong --------------------------------------------------------------------------- */

#define REST "\"position\": 35, \"trial_num\": 1, \"response_side\": -1"
static const struct {
    const char *line;
    const char *said;
} WRONG[] = {
    {"x", "byte 0: the JSON is not well formed; a JSON object was expected"},
    {"[1, 2]", "byte 1: the JSON is not well formed"},
    {"{\"contrast\": 1", "the JSON is not complete"},
    {"{\"contrast\" 1}", "the JSON is not well formed"},
    {"{\"contrast\": 1,}", "the JSON is not well formed"},
    {"{\"contrast\": nAn}", "the JSON is not well formed"},
    {"{\"a\": \"b", "the JSON is not complete"},
    {"{} {}", "the JSON is not well formed"},
    {"{\"x\": [[[[[[[[[[1]]]]]]]]]]}", "nested too deeply"},
    {"{}", "no \"trial_num\"; the number of the trial, from 0 was expected"},
    {"{\"trial_num\": 1}", "no \"contrast\"; a contrast from 0 to 1 was expected"},
    {"{\"trial_num\": 1, \"contrast\": NaN, \"position\": 35}", "no \"contrast\""},
    {"{\"trial_num\": 1, \"contrast\": 1}", "no \"position\"; degrees"},
    {"{\"trial_num\": 1, \"contrast\": 1, \"position\": 35}",
     "neither \"response_side\" nor \"trial_correct\"; a task with a choice"},
    {"{\"contrast\": \"much\", " REST "}",
     "byte 13: \"contrast\" is a text; a contrast from 0 to 1 was expected"},
    {"{\"contrast\": [1], " REST "}", "\"contrast\" is a list"},
    {"{\"contrast\": {\"value\": {}}, " REST "}", "\"contrast/value\" is an object"},
    {"{\"contrast\": 35.0, " REST "}", "the stimulus is not valid; a signed contrast from -1 to 1"},
    {"{\"contrast\": -0.5, " REST "}", "the stimulus is not valid"},
    {"{\"contrast\": Infinity, " REST "}", "the stimulus is not valid"},
    {"{\"contrast\": 1, \"position\": 35, \"trial_num\": -1, \"response_side\": 1}",
     "the trial's number is not valid; a whole number from 0"},
    {"{\"contrast\": 1, \"position\": 35, \"trial_num\": 1e300, \"response_side\": 1}",
     "the trial's number is not valid"},
    {"{\"contrast\": 1, \"trial_correct\": \"yes\", " REST "}",
     "\"trial_correct\" is a text; true or false"},
    {"{\"contrast\": 1, \"behavior_data\": {\"States timestamps\": {\"no_go\": 1}}, " REST "}",
     "no_go\" is a number; pairs of seconds"},
};

static void each_wrong_line_is_named_and_those_around_it_are_read(void **state)
{
    (void)state;
    enum { N = sizeof WRONG / sizeof WRONG[0] };
    assert_int_equal(N, 24);
    start_with("");
    for (int i = 0; i < N; i++) {
        char said[512];
        rig_files_put(DATA, "a", line(i, 1, 35, -1, 1));
        rig_files_put(DATA, "a", WRONG[i].line);
        rig_files_put(DATA, "a", "\n");
        assert_int_equal(rig_files_next(BRIDGE_TRIAL).trial, i);
        (void)snprintf(said, sizeof said, "_iblrig_taskData.raw.jsonable:%d: ", 2 * i + 2);
        rig_files_wrong(said);
        char whole[2048];
        (void)bridge_why_text(&rig_files_source.why, whole, sizeof whole);
        if (strstr(whole, WRONG[i].said) == NULL) {
            fail_msg("\"%s\" stands not in: %s", WRONG[i].said, whole);
        }
    }
    rig_files_nothing();
}

static void a_number_with_a_fraction_is_no_number_of_a_trial(void **state)
{
    (void)state;
    start_with("{\"contrast\": 1, \"position\": 35, \"trial_num\": 1.5, \"response_side\": 1}\n");
    rig_files_wrong(":1: the trial's number is not valid");
}

static void a_mapping_is_refused(void **state)
{
    (void)state;
    static const struct bridge_mapping_line lines[] = {{"columns", "choice", "x"}};
    static const struct bridge_mapping map = {.line = lines, .n = 1};
    assert_int_equal(bridge_source_open(&rig_files_source, &BRIDGE_ADAPTER_iblrig,
                                        rig_files_path(SESSION), &map),
                     -1);
    assert_non_null(strstr(rig_files_source.why.fix, "leave the mapping out"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, in_a_new_folder, rig_files_leave)
    const struct CMUnitTest tests[] = {
        CASE(a_session_starts_before_its_first_trial_once_its_settings_are_whole),
        CASE(a_session_ends_when_its_settings_say_so_and_not_before),
        CASE(data_without_settings_is_named_by_its_path),
        CASE(settings_that_stay_broken_are_named_once_and_the_trials_are_read),
        CASE(a_loose_file_is_named_by_its_settings_its_lines_or_itself),
        CASE(a_trial_has_its_side_from_the_position_and_its_choice_from_the_wheel),
        CASE(version_7_nests_its_contrast_and_has_states_instead_of_a_side),
        CASE(half_a_line_is_not_read_and_lines_may_end_as_on_windows),
        CASE(a_hole_that_is_filled_later_changes_nothing),
        CASE(a_file_that_shrank_or_was_made_again_begins_again),
        CASE(a_number_that_is_used_again_starts_before_its_first_trial),
        CASE(lines_of_all_lengths_are_read_whole),
        CASE(a_line_beyond_the_bound_is_left_out_alone),
        CASE(each_wrong_line_is_named_and_those_around_it_are_read),
        CASE(a_number_with_a_fraction_is_no_number_of_a_trial),
        CASE(a_mapping_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
