/* summary_line.h: the sentences, and what is left out of them. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "summary_line.h"

static proto_message training, forecast, suggestion;
static char text[SUMMARY_LINE_MAX];

static void add_criterion(const char *name, double value, double limit, bool above, bool met)
{
    proto_training *t = &training.as.training;
    proto_criterion *c = &t->criteria.v[t->criteria.n++];
    proto_criterion_init(c);
    strcpy(c->name, name);
    c->value = value;
    c->limit = limit;
    c->above = above;
    c->met = met;
}

static int some_messages(void **state)
{
    (void)state;
    proto_message_init(&training, PROTO_KIND_TRAINING);
    strcpy(training.as.training.status, "in_training");
    strcpy(training.as.training.next, "trained_1a");
    proto_message_init(&forecast, PROTO_KIND_FORECAST);
    proto_forecast *f = &forecast.as.forecast;
    strcpy(f->criterion, "0.8 correct of 100 trials, contrast >= 0.5");
    f->current.present = true;
    f->current.v = (proto_outlook){.unit = "trials",
                                   .median = 640,
                                   .lo50 = 410,
                                   .hi50 = 900,
                                   .lo90 = 280,
                                   .hi90 = (double)NAN};
    strcpy(f->next_status, "trained_1a");
    f->p_within.n = 3;
    f->p_within.v[0] = (proto_named){"1", 0.1};
    f->p_within.v[1] = (proto_named){"3", 0.42};
    f->p_within.v[2] = (proto_named){"5", 0.6};
    proto_message_init(&suggestion, PROTO_KIND_SUGGESTION);
    proto_suggestion *s = &suggestion.as.suggestion;
    s->horizon = 200;
    s->actions.n = 1;
    proto_action_init(&s->actions.v[0]);
    strcpy(s->actions.v[0].action, "stage_up");
    s->actions.v[0].gain = 0.012;
    s->actions.v[0].gain_lo = -0.004;
    s->actions.v[0].gain_hi = 0.03;
    s->actions.v[0].p_better = 0.81;
    strcpy(s->why, "stage_up to full: proportion correct 0.812 rather than 0.800, rewarded 0.71 "
                   "(0.72)");
    return 0;
}

static const char *status(const proto_message *t, const proto_message *f, size_t cap)
{
    summary_line_status(t != NULL ? &t->as.training : NULL, f != NULL ? &f->as.forecast : NULL,
                        text, cap);
    return text;
}

static void a_status_says_what_is_furthest_from_its_limit(void **state)
{
    (void)state;
    add_criterion("zero", (double)NAN, 0.0, true, false);
    add_criterion("trials", 180.0, 200.0, true, false);
    add_criterion("threshold", 38.0, 19.0, false, false);
    add_criterion("easy", 0.1, 0.8, true, true);
    assert_string_equal(status(&training, NULL, sizeof text),
                        "in_training; lacks threshold 38 of < 19");
    assert_string_equal(status(&training, &forecast, sizeof text),
                        "in_training; lacks threshold 38 of < 19; trained_1a within 3 sessions "
                        "0.42");
    assert_string_equal(status(&training, &forecast, 69),
                        "in_training; lacks threshold 38 of < 19; next in 3 sessions 0.42");
    assert_string_equal(status(NULL, &forecast, sizeof text), "trained_1a within 3 sessions 0.42");
    assert_string_equal(status(NULL, NULL, sizeof text), "");
}

static void a_criterion_that_is_not_known_counts_last(void **state)
{
    (void)state;
    add_criterion("bias", (double)NAN, 16.0, false, false);
    assert_string_equal(status(&training, NULL, sizeof text), "in_training; lacks bias - of < 16");
    add_criterion("trials", 200.0, 200.0, true, false);
    assert_string_equal(status(&training, NULL, sizeof text),
                        "in_training; lacks trials 200 of > 200");
}

static void the_highest_status_lacks_nothing(void **state)
{
    (void)state;
    strcpy(training.as.training.status, "ready4recording");
    strcpy(training.as.training.next, "ready4recording");
    add_criterion("easy", 0.1, 0.8, true, false);
    assert_string_equal(status(&training, &forecast, sizeof text), "ready4recording");
}

static void a_forecast_says_when_and_how_surely(void **state)
{
    (void)state;
    proto_forecast *f = &forecast.as.forecast;
    summary_line_forecast(f, text, sizeof text);
    assert_string_equal(text, "0.8 correct in 640 trials (50% 410 to 900, 90% 280 to later)");
    summary_line_forecast(f, text, 50);
    assert_string_equal(text, "0.8 correct in 640 trials (50% 410 to 900)");
    summary_line_forecast(f, text, 30);
    assert_string_equal(text, "0.8 correct in 640 trials");
    f->current.v.median = f->current.v.hi50 = (double)NAN;
    f->current.v.p_reached = 0.31;
    summary_line_forecast(f, text, sizeof text);
    assert_string_equal(text, "0.8 correct with chance 0.31 (50% 410 to later, 90% 280 to later)");
    f->current.present = false;
    summary_line_forecast(f, text, sizeof text);
    assert_string_equal(text, "");
}

static void a_criterion_that_is_met_already_is_said_to_be(void **state)
{
    (void)state;
    forecast.as.forecast.met_trial = 374;
    summary_line_forecast(&forecast.as.forecast, text, sizeof text);
    assert_string_equal(text, "0.8 correct met at trial 374");
    strcpy(forecast.as.forecast.met_session, "s2");
    summary_line_forecast(&forecast.as.forecast, text, sizeof text);
    assert_string_equal(text, "0.8 correct met at trial 374 of session s2");
    summary_line_forecast(&forecast.as.forecast, text, 36);
    assert_string_equal(text, "0.8 correct met at trial 374");
}

static void a_status_that_fewer_than_three_sessions_stand_behind_says_so(void **state)
{
    (void)state;
    strcpy(training.as.training.status, "trained_1b");
    training.as.training.sessions = 1;
    assert_string_equal(status(&training, NULL, sizeof text), "trained_1b (by 1 of 3 sessions)");
    training.as.training.sessions = 3;
    assert_string_equal(status(&training, NULL, sizeof text), "trained_1b");
    strcpy(training.as.training.status, "in_training");
    training.as.training.sessions = 1;
    assert_string_equal(status(&training, NULL, sizeof text), "in_training");
}

static void advice_is_a_gain_and_never_a_command(void **state)
{
    (void)state;
    proto_suggestion *s = &suggestion.as.suggestion;
    summary_line_advice(s, text, sizeof text);
    assert_string_equal(text, "stage_up to full: +0.012 (-0.004 to 0.030) in 200 trials, better "
                              "with 0.81");
    s->horizon = PROTO_NIL; /* of an older daemon */
    s->actions.v[0].gain_lo = (double)NAN;
    s->actions.v[0].p_better = (double)NAN;
    summary_line_advice(s, text, sizeof text);
    assert_string_equal(text, "stage_up to full: +0.012");
    s->abstain = 1;
    strcpy(s->why, "no change is better than carrying on beyond chance");
    summary_line_advice(s, text, sizeof text);
    assert_string_equal(text, "none: no change is better than carrying on beyond chance");
}

static void what_has_no_room_is_left_out_whole(void **state)
{
    (void)state;
    char *guarded = malloc(400);
    assert_non_null(guarded);
    add_criterion("trials", 180.0, 200.0, true, false);
    for (size_t cap = 1; cap < 120; cap++) {
        memset(guarded, '#', 400);
        summary_line_status(&training.as.training, &forecast.as.forecast, guarded, cap);
        assert_true(strlen(guarded) < cap && guarded[cap] == '#');
        summary_line_forecast(&forecast.as.forecast, guarded, cap);
        assert_true(strlen(guarded) < cap && guarded[cap] == '#');
        summary_line_advice(&suggestion.as.suggestion, guarded, cap);
        assert_true(strlen(guarded) < cap && guarded[cap] == '#');
    }
    free(guarded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_status_says_what_is_furthest_from_its_limit, some_messages),
        cmocka_unit_test_setup(a_criterion_that_is_not_known_counts_last, some_messages),
        cmocka_unit_test_setup(the_highest_status_lacks_nothing, some_messages),
        cmocka_unit_test_setup(a_forecast_says_when_and_how_surely, some_messages),
        cmocka_unit_test_setup(a_criterion_that_is_met_already_is_said_to_be, some_messages),
        cmocka_unit_test_setup(a_status_that_fewer_than_three_sessions_stand_behind_says_so,
                               some_messages),
        cmocka_unit_test_setup(advice_is_a_gain_and_never_a_command, some_messages),
        cmocka_unit_test_setup(what_has_no_room_is_left_out_whole, some_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
