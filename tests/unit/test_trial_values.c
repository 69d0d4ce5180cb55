/* bridge/trial_map.h, trial_values.h, trial_text.h, text.h */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "bridge/trial_text.h"
#include "check.h"

static struct bridge_source source;
static struct bridge_trial_map map;
static struct bridge_trial_values values;
static struct bridge_event event;

/* A mapping of "SECTION KEY VALUE" lines. */
static void map_of(const char *text)
{
    static char copy[1024];
    static struct bridge_mapping_line lines[32];
    size_t n = 0;
    (void)snprintf(copy, sizeof copy, "%s", text);
    for (char *line = strtok(copy, " "); line != NULL; line = strtok(NULL, " ")) {
        lines[n].section = line;
        lines[n].key = strtok(NULL, " ");
        lines[n++].value = strtok(NULL, "\n");
    }
    const struct bridge_mapping from = {lines, n};
    assert_int_equal(bridge_trial_map_read(&map, &source, &from, NULL, true, true), 0);
}

/* The trial that the text makes of columns, after the states and events that were put. */
static int make(const char *text)
{
    proto_message empty;
    size_t byte = 0;
    proto_message_init(&empty, PROTO_KIND_TRIAL);
    event = (struct bridge_event){.said = empty.as.trial};
    const struct bridge_text columns = {text, strlen(text)};
    assert_null(bridge_trial_text_read(&values, &map, columns, &byte));
    const int rc = bridge_trial_values_make(&values, &map, &source, 9.0, &event);
    bridge_trial_values_init(&values);
    return rc;
}

static int empty_values(void **state)
{
    (void)state;
    bridge_trial_values_init(&values);
    return 0;
}

static void a_choice_is_none_if_its_coding_says_so_or_it_is_not_there(void **state)
{
    (void)state;
    map_of("columns choice C\ncoding choice 1,3/2/0\nfixed stimulus 0");
    static const struct {
        const char *text;
        int64_t choice;
    } CASES[] = {{"C:1", 1}, {"C:3", 1}, {"C:2.0", 0}, {"C:0", PROTO_NIL}, {"C:nan", PROTO_NIL}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(make(CASES[i].text), 1);
        assert_int_equal(event.said.choice, CASES[i].choice);
    }
    assert_int_equal(make("C:4"), -1);
    assert_string_equal(source.why.found, "the choice, C, is \"4\"");
    assert_string_equal(source.why.expected, "1,3 or 2");
}

static void a_choice_comes_from_correct_and_side(void **state)
{
    (void)state;
    map_of("columns correct ok\ncolumns side s\nfixed stimulus 0");
    for (int side = 0; side < 2; side++) {
        for (int ok = 0; ok < 2; ok++) {
            char text[64];
            (void)snprintf(text, sizeof text, "{\"s\": \"%s\", \"ok\": %s}",
                           side ? "right" : "left", ok ? "true" : "false");
            assert_int_equal(make(text), 1);
            assert_int_equal(event.said.choice, ok ? side : 1 - side);
        }
    }
    assert_int_equal(make("{\"s\": \"right\", \"ok\": null}"), 1);
    assert_int_equal(event.said.choice, PROTO_NIL);
}

static void a_contrast_has_the_sign_of_the_side(void **state)
{
    (void)state;
    map_of("columns choice c\ncolumns side s\ncolumns contrast p\ncoding contrast percent");
    assert_int_equal(make("c=left s=left p=25"), 1);
    CHECK_NEAR(event.said.stimulus, -0.25, 0.0);
    assert_int_equal(make("c=left s=right p=25"), 1);
    CHECK_NEAR(event.said.stimulus, 0.25, 0.0);
    assert_int_equal(make("c=left p=0"), 1);
    assert_false(signbit(event.said.stimulus));
    assert_int_equal(make("c=left p=25"), -1);
    assert_int_equal(make("c=left s=left p=-25"), -1);
    assert_string_equal(source.why.expected, "a contrast without a sign");
}

static void a_reaction_time_goes_from_state_to_state(void **state)
{
    (void)state;
    map_of("columns choice c\nfixed stimulus 0\nstates rt_from go,go2\nstates rt_to lick");
    bridge_trial_values_state(&values, &map, "go", 1.0, 2.0);
    bridge_trial_values_state(&values, &map, "go2", 3.0, 4.0);
    bridge_trial_values_state(&values, &map, "lick", 3.5, 4.0);
    assert_int_equal(make("c:left"), 1);
    CHECK_NEAR(event.said.rt_s, 0.5, 0.0);
    bridge_trial_values_state(&values, &map, "lick", 0.5, 1.0);
    bridge_trial_values_state(&values, &map, "go", 1.0, 2.0);
    assert_int_equal(make("c:left"), 1);
    assert_true(isnan(event.said.rt_s));
    map_of("columns choice c\nfixed stimulus 0\nstates rt_from go");
    bridge_trial_values_state(&values, &map, "go", 1.0, (double)NAN);
    assert_int_equal(make("c:left"), 1);
    CHECK_NEAR(event.said.rt_s, 8.0, 0.0);
}

static void other_columns_are_read_by_their_coding(void **state)
{
    (void)state;
    map_of("columns choice c\ncolumns stimulus x\ncolumns reward r\ncoding reward hit/miss\n"
           "columns rt_s t\ncoding rt_s ms\ncolumns repeat d\ncolumns p_left p\ncolumns stage g\n"
           "columns trial n");
    assert_int_equal(make("c:R x:-0.5 r:hit t:250 d:True p:0.2 g:four n:7"), 1);
    CHECK_NEAR(event.said.stimulus, -0.5, 0.0);
    CHECK_NEAR(event.said.reward, 1.0, 0.0);
    CHECK_NEAR(event.said.rt_s, 0.25, 0.0);
    CHECK_NEAR(event.said.p_left, 0.2, 0.0);
    assert_int_equal(event.said.repeat, 1);
    assert_int_equal(event.trial, 7);
    assert_string_equal(event.said.stage, "four");
}

static void shipped_mappings_can_be_read(void **state)
{
    (void)state;
    static const char *const TASKS[][2] = {{"pycontrol", "reversal_learning"},
                                           {"pycontrol 1", "reversal_learning"},
                                           {"bpod", "Light2AFC"},
                                           {"bpod", "Light2AFC_TrialManager"}};
    static const char *const KEYS[] = {"type", "subtype", "holds", NULL};
    for (size_t i = 0; i < sizeof TASKS / sizeof TASKS[0]; i++) {
        const struct bridge_mapping *from = bridge_mapping_shipped(TASKS[i][0], TASKS[i][1]);
        assert_non_null(from);
        assert_int_equal(bridge_trial_map_read(&map, &source, from, KEYS, true, true), 0);
    }
    assert_null(bridge_mapping_shipped("bpod", "reversal_learning"));
}

static void a_key_is_a_word_of_its_own(void **state)
{
    (void)state;
    map_of("columns choice C\nfixed stimulus 0");
    assert_int_equal(make("ABC:left xC=left C: right|D:left"), 1);
    assert_int_equal(event.said.choice, 1);
    assert_int_equal(make("{\"a\": {\"C\": \"left\"}, \"C\": \"right\"}"), 1);
    assert_int_equal(event.said.choice, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_choice_is_none_if_its_coding_says_so_or_it_is_not_there),
        cmocka_unit_test(a_choice_comes_from_correct_and_side),
        cmocka_unit_test(a_contrast_has_the_sign_of_the_side),
        cmocka_unit_test(a_reaction_time_goes_from_state_to_state),
        cmocka_unit_test(other_columns_are_read_by_their_coding),
        cmocka_unit_test(shipped_mappings_can_be_read),
        cmocka_unit_test(a_key_is_a_word_of_its_own),
    };
    return cmocka_run_group_tests(tests, empty_values, NULL);
}
