/* session.h: does the animal still play? */
#include <math.h>
#include <stdio.h>

#include "hear.h"

/* Answers each stimulus right, in about 0.4 s. */
static void play(const char *session, int first, int n)
{
    for (int i = first; i < first + n; i++) {
        const int side = i / 2 % 2;
        hear("{'kind':'trial','rig':'r1','subject':'m1','session':'%s','trial':%d,'stimulus':%d,"
             "'choice':%d,'reward':1,'rt_s':%.3f}",
             session, i, side == 1 ? 1 : -1, side, 0.3 + 0.02 * (i * 7 % 11));
        expect(SESSION_OUTCOME_TAKEN, "");
    }
}

/* Hears no-gos until the first alert, at most n. How many there were. */
static int stop_playing(const char *session, int first, int n)
{
    for (int i = 0; i < n; i++) {
        hear("{'kind':'trial','rig':'r1','subject':'m1','session':'%s','trial':%d,'stimulus':1,'"
             "choice':null}",
             session, first + i);
        assert_int_equal(result.status, SESSION_OUTCOME_TAKEN);
        if (result.n_alerts > 0) {
            return i + 1;
        }
    }
    return n + 1;
}

static void an_animal_that_stops_playing_is_said_once_until_it_plays_again(void **state)
{
    (void)state;
    play("s1", 0, 100);
    assert_true(result.reply.as.prediction.p_disengaged < 0.05);
    const int delay = stop_playing("s1", 100, 20);
    assert_in_range(delay, 3, 8);
    expect(SESSION_OUTCOME_TAKEN, "disengaged");
    assert_true(result.alerts[0].evidence >= 5000.0);
    assert_true(result.reply.as.prediction.p_disengaged > 0.9);
    assert_true(result.scored.p_disengaged == result.reply.as.prediction.p_disengaged);
    char text[256];
    (void)snprintf(text, sizeof text,
                   "m1 seems to have stopped playing in its last %d trials, up to trial %d: it "
                   "rarely answers (no-gos 100%%)",
                   delay, 99 + delay);
    assert_string_equal(result.alerts[0].text, text);
    assert_int_equal(stop_playing("s1", 100 + delay, 50), 51);
    play("s1", 150 + delay, 30);
    const int again = stop_playing("s1", 180 + delay, 20);
    assert_in_range(again, 3, 8);
    assert_int_equal(stop_playing("s1", 180 + delay + again, 5), 6);
    play("s2", 0, 10);
    assert_int_equal(m1()->state.is_disengaged, 0);
    assert_in_range(stop_playing("s2", 10, 20), 3, 8);
}

static void no_animal_is_called_disengaged_where_that_is_off(void **state)
{
    (void)state;
    config.engagement.enabled = false;
    play("s1", 0, 100);
    assert_true(isnan(result.reply.as.prediction.p_disengaged));
    assert_int_equal(stop_playing("s1", 100, 50), 51);
}

static void a_bout_seen_only_when_a_late_trial_came_is_said_then(void **state)
{
    (void)state;
    play("s1", 0, 100);
    const int delay = stop_playing("s1", 100, 20);
    play("s2", 0, 100);
    for (int i = 1; i < delay; i++) {
        hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s2','trial':%d,'stimulus':1,'"
             "choice':null}",
             100 + i);
        assert_int_equal(result.n_alerts, i == 1 ? 1 : 0); /* the gap */
    }
    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s2','trial':100,'stimulus':1,'"
         "choice':null}");
    expect(SESSION_OUTCOME_HEALED, "disengaged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAR_TEST(an_animal_that_stops_playing_is_said_once_until_it_plays_again),
        HEAR_TEST(no_animal_is_called_disengaged_where_that_is_off),
        HEAR_TEST(a_bout_seen_only_when_a_late_trial_came_is_said_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
