/* bridge/column_trials.h: columns that stand in memory. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "bridge/column_trials.h"
#include "check.h"
#include "maps.h"

#define NAN_ ((double)NAN)

static struct bridge_column_trials trials;
static struct bridge_source source;
static void (*fill)(void); /* what the next load() gives; NULL: nothing new */

static void numbers(const char *name, size_t n, const double *values)
{
    struct bridge_column *column = bridge_columns_add(&trials.columns, name, n, 0);
    assert_non_null(column);
    memcpy(column->number, values, n * sizeof *values);
}

#define NUMBERS(name, ...)                                                                         \
    numbers(name, sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__})

static void texts(const char *name, size_t n, const char *const *values)
{
    struct bridge_column *column = bridge_columns_add(&trials.columns, name, n, 16);
    assert_non_null(column);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(column->text + 16 * i, 16, "%s", values[i]);
    }
}

#define TEXTS(name, ...)                                                                           \
    texts(name, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                            \
          (const char *[]){__VA_ARGS__})

static int load(struct bridge_source *s)
{
    if (fill == NULL) {
        return 0;
    }
    bridge_column_trials_clear(&trials, "test");
    fill();
    fill = NULL;
    bridge_column_trials_name(&trials, s);
    return 1;
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    return bridge_column_trials_next(&trials, s, load, event);
}

static int open_source(struct bridge_source *s)
{
    return bridge_column_trials_check(s);
}

static void close_source(struct bridge_source *s)
{
    (void)s;
    bridge_column_trials_close(&trials);
    trials = (struct bridge_column_trials){0};
}

static const struct bridge_adapter ADAPTER = {.name = "test",
                                              .takes_mapping = true,
                                              .open = open_source,
                                              .next = next,
                                              .close = close_source};
static const struct bridge_mapping *mapping; /* of start() */

static void start(void (*with)(void))
{
    bridge_source_close(&source);
    fill = with;
    assert_int_equal(bridge_source_open(&source, &ADAPTER, "/x/day_1.npz", mapping), 0);
}

static int leave(void **state)
{
    (void)state;
    bridge_source_close(&source);
    mapping = NULL;
    return 0;
}

static struct bridge_event give(enum bridge_event_kind kind)
{
    struct bridge_event event;
    char text[2048];
    if (bridge_source_next(&source, &event) != 1) {
        fail_msg("no event: %s", bridge_why_text(&source.why, text, sizeof text));
    }
    assert_int_equal(event.kind, kind);
    return event;
}

static void nothing(void)
{
    struct bridge_event event;
    assert_int_equal(bridge_source_next(&source, &event), 0);
}

static void wrong(const char *words)
{
    struct bridge_event event;
    char text[2048];
    assert_int_equal(bridge_source_next(&source, &event), -1);
    (void)bridge_why_text(&source.why, text, sizeof text);
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" stands not in: %s", words, text);
    }
}

/* ---- cases ----------------------------------------------------------------------------------- */

static void coherences(void)
{
    NUMBERS("coh", -50, 100, 0, 12.5);
    TEXTS("resp", "L", "R", "", "up");
    TEXTS("paid", "y", "n", "n", "y");
    NUMBERS("ms", 250, 300, NAN_, 10);
    TEXTS("again", "yes", "no", "", "no");
}

static void a_mapping_says_which_columns_and_which_values(void **state)
{
    (void)state;
    mapping = MAPS("columns.stimulus=coh", "coding.stimulus=percent", "columns.choice=resp",
                   "coding.choice=R/L", "columns.reward=paid", "coding.reward=y/n",
                   "columns.rt_s=ms", "coding.rt_s=ms", "columns.repeat=again");
    start(coherences);
    const struct bridge_event first = give(BRIDGE_SESSION_START);
    assert_string_equal(first.session->subject, "day_1");
    assert_null(first.session->mapping);
    struct bridge_event e = give(BRIDGE_TRIAL);
    CHECK_NEAR(e.said.stimulus, -0.5, 1e-12);
    assert_int_equal(e.said.choice, 0);
    CHECK_NEAR(e.said.reward, 1.0, 0.0);
    CHECK_NEAR(e.said.rt_s, 0.25, 1e-12);
    assert_int_equal(e.said.repeat, 1);
    assert_int_equal(e.said.side, PROTO_NIL);
    e = give(BRIDGE_TRIAL);
    assert_int_equal(e.said.choice, 1);
    assert_int_equal(e.trial, 1);
    CHECK_NEAR(e.said.reward, 0.0, 0.0);
    e = give(BRIDGE_TRIAL);
    assert_int_equal(e.said.choice, PROTO_NIL);
    assert_int_equal(e.said.repeat, PROTO_NIL);
    wrong(":4: choice: \"up\" in resp; right or left as it is coded was expected");
    nothing();
}

static void sides(void)
{
    NUMBERS("contrast", 0.5, 0.25, 0.0, 0.5);
    TEXTS("where", "right", "left", "left", "");
    NUMBERS("choice", 2, 1, 2, 1);
}

static void a_contrast_without_a_sign_has_that_of_its_side(void **state)
{
    (void)state;
    static const double STIMULI[] = {0.5, -0.25, 0.0};
    static const int SIDES[] = {1, 0, 0};
    mapping = MAPS("columns.side=where", "coding.choice=2/1");
    start(sides);
    (void)give(BRIDGE_SESSION_START);
    for (int i = 0; i < 3; i++) {
        const struct bridge_event e = give(BRIDGE_TRIAL);
        CHECK_NEAR(e.said.stimulus, STIMULI[i], 0.0);
        assert_int_equal(e.said.side, SIDES[i]);
        assert_int_equal(e.said.choice, i % 2 == 0 ? 1 : 0);
    }
    wrong("the side of the stimulus was expected");
}

static void psytrack(void)
{
    NUMBERS("s_a", 0, 0.5, 1);
    NUMBERS("y", 2, 1, 2);
    NUMBERS("dayLength", 2, 1);
}

static void a_mapping_without_a_choice_stands_on_the_shipped_one(void **state)
{
    (void)state;
    mapping = MAPS("columns.stimulus=s_a");
    start(psytrack);
    struct bridge_event e = give(BRIDGE_SESSION_START);
    assert_string_equal(e.session->mapping, "psytrack");
    assert_string_equal(e.session->session, "day_1_001");
    assert_int_equal(give(BRIDGE_TRIAL).said.choice, 1);
    e = give(BRIDGE_TRIAL);
    assert_int_equal(e.said.choice, 0);
    assert_int_equal(e.trial, 1);
    assert_string_equal(give(BRIDGE_SESSION_START).session->session, "day_1_002");
    assert_int_equal(give(BRIDGE_TRIAL).trial, 0);
    nothing();
}

static void foraging(void)
{
    NUMBERS("animal_response", 1, 0, 2);
    NUMBERS("rewarded_historyL", 0, 1, 0);
    NUMBERS("rewarded_historyR", 1, 0, 0);
}

static void a_reward_on_either_side_is_one(void **state)
{
    (void)state;
    static const double REWARDS[] = {1.0, 1.0, 0.0};
    static const int64_t CHOICES[] = {1, 0, PROTO_NIL};
    start(foraging);
    assert_string_equal(give(BRIDGE_SESSION_START).session->mapping, "foraging");
    for (int i = 0; i < 3; i++) {
        const struct bridge_event e = give(BRIDGE_TRIAL);
        CHECK_NEAR(e.said.stimulus, 0.0, 0.0);
        CHECK_NEAR(e.said.reward, REWARDS[i], 0.0);
        assert_int_equal(e.said.choice, CHOICES[i]);
    }
}

static void two_times(void)
{
    NUMBERS("choice", 1, -1);
    NUMBERS("contrastLeft", 1, NAN_);
    NUMBERS("contrastRight", NAN_, 1);
    NUMBERS("response_times", 5, 8);
    NUMBERS("goCue_times", 2, 6);
}

static void go_cues(void)
{
    two_times();
    NUMBERS("stimOn_times", 3, NAN_);
}

static void a_second_column_is_taken_where_the_first_is_not_there(void **state)
{
    (void)state;
    start(two_times);
    assert_string_equal(give(BRIDGE_SESSION_START).session->mapping, "ibl");
    CHECK_NEAR(give(BRIDGE_TRIAL).said.rt_s, 3.0, 0.0);
    start(go_cues);
    (void)give(BRIDGE_SESSION_START);
    CHECK_NEAR(give(BRIDGE_TRIAL).said.rt_s, 2.0, 0.0);
    assert_true(isnan(give(BRIDGE_TRIAL).said.rt_s));
    mapping = MAPS("ibl", "columns.rt_from=goCue_times");
    start(go_cues);
    (void)give(BRIDGE_SESSION_START);
    CHECK_NEAR(give(BRIDGE_TRIAL).said.rt_s, 3.0, 0.0);
}

static void days(void)
{
    NUMBERS("stimulus", 0, 0, 0, 0, 0);
    NUMBERS("choice", 1, 0, 1, 0, 1);
    TEXTS("subject", "a", "a", "a", "b", "b");
    NUMBERS("session", 1, 1, 2, 2, 2);
    NUMBERS("date", 20240101, 20240101, 20240102, 20240102, 20240102);
}

static void a_session_begins_where_a_name_changes(void **state)
{
    (void)state;
    start(days);
    struct bridge_event e = give(BRIDGE_SESSION_START);
    assert_string_equal(e.session->subject, "a");
    assert_string_equal(e.session->session, "1");
    assert_string_equal(e.session->started, "20240101");
    assert_null(e.session->mapping);
    assert_int_equal(give(BRIDGE_TRIAL).trial, 0);
    assert_int_equal(give(BRIDGE_TRIAL).trial, 1);
    assert_string_equal(give(BRIDGE_SESSION_START).session->session, "2");
    assert_int_equal(give(BRIDGE_TRIAL).trial, 0);
    assert_string_equal(give(BRIDGE_SESSION_START).session->subject, "b");
    assert_int_equal(give(BRIDGE_TRIAL).trial, 0);
    e = give(BRIDGE_TRIAL);
    assert_int_equal(e.trial, 1);
    assert_int_equal(e.line, 5);
    nothing();
}

static void two_rows(void)
{
    NUMBERS("stimulus", 0, 0.5);
    NUMBERS("choice", 1, 0);
}

static void four_rows(void)
{
    NUMBERS("stimulus", 0, 0.5, 1, -1);
    NUMBERS("choice", 1, 0, 1, 1);
}

static void columns_that_grew_are_read_on_and_shorter_ones_begin_again(void **state)
{
    (void)state;
    start(two_rows);
    (void)give(BRIDGE_SESSION_START);
    (void)give(BRIDGE_TRIAL);
    (void)give(BRIDGE_TRIAL);
    nothing();
    fill = four_rows;
    CHECK_NEAR(give(BRIDGE_TRIAL).said.stimulus, 1.0, 0.0);
    assert_int_equal(give(BRIDGE_TRIAL).trial, 3);
    nothing();
    fill = two_rows;
    assert_true(give(BRIDGE_SESSION_START).session->is_again);
    assert_int_equal(give(BRIDGE_TRIAL).trial, 0);
    (void)give(BRIDGE_TRIAL);
    nothing();
}

static void unequal(void)
{
    NUMBERS("choice", 1, 0);
    NUMBERS("stimulus", 0, 0.5, 1);
}

static void columns_of_unequal_length_are_refused_until_they_are_equal(void **state)
{
    (void)state;
    start(unequal);
    wrong("column stimulus has 3 rows; 2, as column choice has was expected");
    nothing();
    fill = two_rows;
    (void)give(BRIDGE_SESSION_START);
    (void)give(BRIDGE_TRIAL);
}

static void what_a_mapping_may_not_say_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *words;
    } CASES[] = {
        {"columns.stimulus=nowhere", "no column \"nowhere\"; one of stimulus, choice"},
        {"columns.choise=choice", "columns.choise"},
        {"coding.choice=up", "coding.choice"},
    };
    assert_int_equal(bridge_source_open(&source, &ADAPTER, "/x", MAPS("states.reward=x")), -1);
    assert_non_null(strstr(source.why.found, "states.reward"));
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        mapping = MAPS(CASES[i].text);
        start(two_rows);
        wrong(CASES[i].words);
        nothing();
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, leave)
    const struct CMUnitTest tests[] = {
        CASE(a_mapping_says_which_columns_and_which_values),
        CASE(a_contrast_without_a_sign_has_that_of_its_side),
        CASE(a_mapping_without_a_choice_stands_on_the_shipped_one),
        CASE(a_reward_on_either_side_is_one),
        CASE(a_second_column_is_taken_where_the_first_is_not_there),
        CASE(a_session_begins_where_a_name_changes),
        CASE(columns_that_grew_are_read_on_and_shorter_ones_begin_again),
        CASE(columns_of_unequal_length_are_refused_until_they_are_equal),
        CASE(what_a_mapping_may_not_say_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
