/* bridge/trial_states.h, text_pairs.h, text.h, and what bridge/trial_fields.h makes of them */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "bridge/text_pairs.h"
#include "bridge/trial_states.h"
#include "check.h"
#include "maps.h"

static struct bridge_source source;
static struct bridge_trial_fields fields;
static struct bridge_trial_states states;
static struct bridge_state_visits visits;
static struct bridge_values values;
static struct bridge_event event;
static struct bridge_value_fault fault;

static void open_map(const struct bridge_mapping *map)
{
    char text[2048];
    source.map = map;
    if (bridge_trial_states_check(&source) != 0 ||
        bridge_trial_fields_open(&fields, &source, map) != 0 ||
        bridge_trial_states_open(&states, &source, map, &fields) != 0) {
        fail_msg("%s", bridge_why_text(&source.why, text, sizeof text));
    }
}

static int clear(void **state)
{
    (void)state;
    memset(&values, 0, sizeof values);
    bridge_state_visits_init(&visits);
    return 0;
}

static void enter(const char *name, double from_s, double to_s)
{
    bridge_state_visits_enter(&visits, &states, bridge_text_of(name), from_s, to_s);
}

static void happen(const char *name)
{
    bridge_state_visits_event(&visits, &states, bridge_text_of(name));
}

/* The trial of what was seen and of the pairs in the text, over at 9 s. */
static int make(const char *text)
{
    struct bridge_session session = {.subject = ""};
    proto_message empty;
    uint64_t slots = 0;
    proto_message_init(&empty, PROTO_KIND_TRIAL);
    event = (struct bridge_event){.said = empty.as.trial};
    assert_null(bridge_text_pairs_read(bridge_text_of(text), &fields, &values, &slots));
    const int rc = bridge_state_visits_put(&visits, &states, 9.0, &fields, &values)
                       ? bridge_trial_fields_read(&fields, &values, &session, &event, &fault)
                       : 0;
    (void)clear(NULL);
    return rc;
}

static void a_choice_comes_from_states_of_a_side(void **state)
{
    (void)state;
    open_map(MAPS("states.right=go_r, port_r", "states.left=go_l", "fixed.stimulus=0"));
    enter("Port_R", 1.0, 2.0);
    assert_int_equal(make(""), 1);
    assert_int_equal(event.said.choice, 1);
    enter("go_l", 1.0, 2.0);
    assert_int_equal(make(""), 1);
    assert_int_equal(event.said.choice, 0);
    enter("go_l", 1.0, 2.0);
    enter("go_r", 2.0, 3.0);
    assert_int_equal(make(""), 1);
    assert_int_equal(event.said.choice, PROTO_NIL);
    enter("port", 1.0, 2.0);
    assert_int_equal(make(""), 1);
    assert_int_equal(event.said.choice, PROTO_NIL);
}

static void a_choice_comes_from_correct_and_side(void **state)
{
    (void)state;
    open_map(MAPS("states.correct=yes", "states.wrong=no", "columns.side=s", "coding.side=2/1",
                  "fixed.stimulus=0", "coding.correct=hit/miss"));
    for (int side = 0; side < 2; side++) {
        for (int is_correct = 0; is_correct < 2; is_correct++) {
            enter(is_correct ? "yes" : "no", 0.0, 1.0);
            assert_int_equal(make(side ? "s:2" : "s:1"), 1);
            assert_int_equal(event.said.choice, is_correct ? side : 1 - side);
        }
    }
    assert_int_equal(make("s:1"), 1);
    assert_int_equal(event.said.choice, PROTO_NIL);
}

static void what_a_column_states_goes_before_states(void **state)
{
    (void)state;
    open_map(MAPS("columns.choice=c", "coding.choice=R/L", "states.right=r", "states.left=l",
                  "states.reward=water", "fixed.reward=0", "fixed.stimulus=0"));
    enter("r", 0.0, 1.0);
    enter("water", 1.0, 2.0);
    assert_int_equal(make("c:L"), 1);
    assert_int_equal(event.said.choice, 0);
    CHECK_NEAR(event.said.reward, 0.0, 0.0);
}

static void the_first_event_in_the_state_that_asks_is_the_choice(void **state)
{
    (void)state;
    open_map(
        MAPS("events.right=in_r", "events.left=in_l", "states.rt_from=ask", "fixed.stimulus=0"));
    happen("in_l");
    enter("ask", 1.0, (double)NAN);
    happen("in_r");
    happen("in_l");
    enter("ask", 1.0, 1.5);
    assert_int_equal(make(""), 1);
    assert_int_equal(event.said.choice, 1);
    CHECK_NEAR(event.said.rt_s, 0.5, 0.0);
}

static void a_reaction_time_goes_from_state_to_state(void **state)
{
    (void)state;
    open_map(MAPS("columns.choice=c", "coding.choice=R/L/N", "fixed.stimulus=0",
                  "states.rt_from=go,go2", "states.rt_to=lick", "coding.rt_s=ms"));
    enter("go", 1.0, 2.0);
    enter("go2", 3.0, 4.0);
    enter("lick", 3.5, 4.0);
    assert_int_equal(make("c:L"), 1);
    CHECK_NEAR(event.said.rt_s, 0.5, 1e-15);
    enter("lick", 0.5, 1.0);
    enter("go", 1.0, 2.0);
    assert_int_equal(make("c:L"), 1);
    assert_true(isnan(event.said.rt_s));
    open_map(
        MAPS("columns.choice=c", "coding.choice=R/L/N", "fixed.stimulus=0", "states.rt_from=go"));
    enter("go", 1.0, (double)NAN);
    assert_int_equal(make("c:L"), 1);
    CHECK_NEAR(event.said.rt_s, 8.0, 0.0);
    enter("go", 1.0, 2.0);
    assert_int_equal(make("c:N"), 1);
    assert_true(isnan(event.said.rt_s));
}

static void a_reward_and_what_is_no_trial_come_from_states(void **state)
{
    (void)state;
    open_map(
        MAPS("columns.choice=c", "fixed.stimulus=0", "states.reward=water", "states.skip=early"));
    enter("water", 1.0, 2.0);
    assert_int_equal(make("c:1"), 1);
    CHECK_NEAR(event.said.reward, 1.0, 0.0);
    assert_int_equal(make("c:1"), 1);
    CHECK_NEAR(event.said.reward, 0.0, 0.0);
    enter("early", 1.0, 2.0);
    assert_int_equal(make("c:1"), 0);
}

static void a_key_of_a_pair_is_a_word_of_its_own(void **state)
{
    (void)state;
    open_map(MAPS("columns.choice=C", "columns.contrast=p", "coding.contrast=percent",
                  "columns.side=side", "columns.trial=T#"));
    assert_int_equal(make("ABC:left xC=left C: right|side:left;p=25, T#:7"), 1);
    assert_int_equal(event.said.choice, 1);
    assert_int_equal(event.trial, 7);
    CHECK_NEAR(event.said.stimulus, -0.25, 0.0);
    assert_int_equal(make("C=1 side=1 p=-25"), -1);
    assert_string_equal(fault.expected, "a contrast without a sign");
    assert_int_equal(make("C=1 p=25"), -1);
    assert_string_equal(fault.expected, "the side of the stimulus");
}

static void every_shipped_mapping_of_a_task_says_what_a_trial_is(void **state)
{
    (void)state;
    static const char *const ROWS[] = {"type", "subtype", "holds", NULL};
    static const struct bridge_adapter ADAPTER = {.rows = ROWS};
    int n = 0;
    source.adapter = &ADAPTER;
    for (const struct bridge_shipped *m = BRIDGE_SHIPPED; m->name != NULL; m++) {
        const struct bridge_mapping map = {.base = m};
        if (m->format != NULL) {
            open_map(&map);
            assert_ptr_equal(bridge_shipped_of_task(m->format, m->tasks[0]), m);
            n++;
        }
    }
    source.adapter = NULL;
    assert_int_equal(n, 3);
    assert_null(bridge_shipped_of_task("bpod", "reversal_learning"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(name, clear)
    const struct CMUnitTest tests[] = {
        CASE(a_choice_comes_from_states_of_a_side),
        CASE(a_choice_comes_from_correct_and_side),
        CASE(what_a_column_states_goes_before_states),
        CASE(the_first_event_in_the_state_that_asks_is_the_choice),
        CASE(a_reaction_time_goes_from_state_to_state),
        CASE(a_reward_and_what_is_no_trial_come_from_states),
        CASE(a_key_of_a_pair_is_a_word_of_its_own),
        CASE(every_shipped_mapping_of_a_task_says_what_a_trial_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
