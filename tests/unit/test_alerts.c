/* alerts.h */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts.h"
#include "model/random.h"
#include "suite.h"

enum { TOLD_MAX = 20000 };
static const int64_t S = 1000000000;

static struct alerts a;
static struct alerts_item told[TOLD_MAX];
static int n_told;
static bool is_full; /* the journal keeps nothing */

static bool tell(void *context, const struct alerts_item *item, int64_t now_ns)
{
    (void)context;
    (void)now_ns;
    if (is_full) {
        return false;
    }
    assert_true(n_told < TOLD_MAX);
    told[n_told++] = *item;
    return true;
}

static int reset(void **state)
{
    (void)state;
    memset(&a, 0, sizeof a);
    alerts_init(&a, tell, NULL);
    n_told = 0;
    is_full = false;
    return 0;
}

static void raise_text(proto_alert_code code, const char *rig, const char *subject,
                       const char *text, int64_t now_ns)
{
    struct alerts_item item = {.event = 7, .alert = {.code = code, .evidence = 3.0}};
    strcpy(item.rig, rig);
    strcpy(item.subject, subject);
    (void)snprintf(item.alert.text, sizeof item.alert.text, "%s", text);
    alerts_raise(&a, &item, now_ns);
}

/* How many alerts these stand for. */
static int64_t count_told(void)
{
    int64_t n = 0;
    for (int i = 0; i < n_told; i++) {
        const char *more = strstr(told[i].alert.text, " more ");
        n += more != NULL ? strtoll(told[i].alert.text, NULL, 10) : 1;
    }
    return n;
}

static void rigs_and_animals_and_codes_do_not_swallow_each_others_alerts(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        char rig[8];
        (void)snprintf(rig, sizeof rig, "rig%d", i);
        raise_text(PROTO_ALERT_GAP, rig, "m1", "lost", S);
        raise_text(PROTO_ALERT_GAP, rig, "m2", "lost", S);
        raise_text(PROTO_ALERT_CONFLICT, rig, "m1", "other", S);
    }
    assert_int_equal(n_told, 12);
    for (int i = 0; i < n_told; i++) {
        assert_null(strstr(told[i].alert.text, "more"));
    }
}

static void what_a_bout_withheld_is_told_when_a_second_passed_without_one(void **state)
{
    (void)state;
    raise_text(PROTO_ALERT_GAP, "r1", "m1", "the first", 10 * S);
    for (int i = 1; i <= 14; i++) {
        raise_text(PROTO_ALERT_GAP, "r1", "m1", i < 14 ? "one" : "trial 7", 10 * S + i * (S / 2));
    }
    alerts_tick(&a, 17 * S + S / 2);
    assert_int_equal(n_told, 1);
    alerts_tick(&a, 18 * S + S / 2);
    assert_int_equal(n_told, 2);
    assert_string_equal(told[1].alert.text, "14 more like it, the last: trial 7");
    assert_string_equal(told[1].rig, "r1");
    assert_string_equal(told[1].subject, "m1");
    assert_int_equal(told[1].alert.code, PROTO_ALERT_GAP);
    assert_true(told[1].alert.evidence > 13.5 && told[1].alert.evidence < 14.5);
    alerts_tick(&a, 30 * S);
    assert_int_equal(n_told, 2);
    assert_int_equal(a.n_bouts, 0);
    raise_text(PROTO_ALERT_GAP, "r1", "m1", "a new one", 31 * S);
    assert_string_equal(told[2].alert.text, "a new one");
}

static void a_bout_that_lasts_is_told_of_every_minute(void **state)
{
    (void)state;
    for (int i = 0; i < 1500; i++) {
        raise_text(PROTO_ALERT_BAD_FRAME, "r1", "", "noise", i * (S / 5));
        if (i % 5 == 4) {
            alerts_tick(&a, i * (S / 5));
        }
    }
    assert_true(n_told >= 5 && n_told <= 6);
    alerts_end(&a, 300 * S);
    assert_int_equal(count_told(), 1500);
}

static void nothing_that_was_withheld_is_lost_at_the_end(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        raise_text(PROTO_ALERT_CONFLICT, i % 2 ? "r1" : "r2", "m1", "again", S + i);
    }
    assert_int_equal(n_told, 2);
    alerts_end(&a, S + 100);
    assert_int_equal(n_told, 4);
    assert_int_equal(count_told(), 100);
}

static void a_flood_of_names_is_told_at_a_bounded_rate_and_counted_to_the_last(void **state)
{
    (void)state;
    model_random rng;
    model_random_seed(&rng, 1, 0);
    int64_t raised = 0;
    const int seconds = 20;
    for (int s = 0; s < seconds; s++) {
        for (int i = 0; i < 20000; i++) {
            char rig[24];
            char subject[24];
            const double u = model_random_uniform(&rng);
            (void)snprintf(rig, sizeof rig, "rig%d", (int)(u * u * u * 1000.0));
            (void)snprintf(subject, sizeof subject, "m%d",
                           (int)(model_random_uniform(&rng) * 20.0));
            const proto_alert_code code =
                model_random_uniform(&rng) < 0.5 ? PROTO_ALERT_GAP : PROTO_ALERT_BAD_MESSAGE;
            raise_text(code, rig, subject, "flood", s * S + i * (S / 20000));
            raised++;
        }
        alerts_tick(&a, (s + 1) * S);
        assert_true(n_told <= (s + 2) * (ALERTS_PER_S + 2));
    }
    const int before_end = n_told;
    alerts_end(&a, seconds * S);
    assert_true(n_told - before_end <= ALERTS_PER_S + 2);
    assert_true(count_told() == raised);
    assert_int_equal(a.n_bouts, 0);
}

static void a_full_table_forgets_the_oldest_bout_and_tells_what_it_withheld(void **state)
{
    (void)state;
    char rig[24];
    for (int i = 0; i < ALERTS_BOUTS; i++) { /* 100 told a second, each going on */
        (void)snprintf(rig, sizeof rig, "rig%d", i);
        for (int j = 0; j <= i; j++) {
            (void)snprintf(rig, sizeof rig, "rig%d", j);
            raise_text(PROTO_ALERT_GAP, rig, "", "lost", i * (S / 100) + j);
        }
    }
    assert_int_equal(a.n_bouts, ALERTS_BOUTS);
    const int n = n_told;
    raise_text(PROTO_ALERT_GAP, "another", "", "lost", ALERTS_BOUTS * (S / 100) + 10 * (S / 100));
    assert_int_equal(n_told, n + 2);
    assert_string_equal(told[n].rig, "another");
    assert_string_equal(told[n + 1].rig, "rig0");
    assert_string_equal(told[n + 1].alert.text, "255 more like it, the last: lost");
    assert_int_equal(a.n_bouts, ALERTS_BOUTS);
}

static void what_is_said_once_a_bout_by_itself_is_always_told(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        raise_text(PROTO_ALERT_DISENGAGED, "r1", "m1", "left", S + i);
        raise_text(PROTO_ALERT_PROTOCOL_VIOLATION, "r1", "m1", "sides", S + i);
        raise_text(PROTO_ALERT_MODEL_OUT_OF_RANGE, "r1", "m1", "weights", S + i);
    }
    assert_int_equal(n_told, 900);
}

static void what_the_journal_has_no_room_for_is_counted_until_it_has(void **state)
{
    (void)state;
    is_full = true;
    for (int i = 0; i < 50; i++) {
        raise_text(PROTO_ALERT_GAP, "r1", "m1", "lost", S + i);
        raise_text(PROTO_ALERT_DISENGAGED, "r1", "m1", "left", S + i);
    }
    alerts_tick(&a, 4 * S);
    assert_int_equal(n_told, 0);
    is_full = false;
    alerts_tick(&a, 5 * S);
    assert_int_equal(n_told, 2);
    assert_int_equal(count_told(), 100);
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[256] = "";
    for (int i = 0; i < 127; i++) {
        strcat(text, "\xc3\xa9");
    }
    for (int i = 0; i < 10; i++) {
        raise_text(PROTO_ALERT_GAP, "r1", "m1", text, S + i);
    }
    alerts_end(&a, 2 * S);
    proto_message msg;
    uint8_t bytes[1024];
    proto_message_init(&msg, PROTO_KIND_ALERT);
    strcpy(msg.as.alert.code, "gap");
    strcpy(msg.as.alert.text, told[1].alert.text);
    assert_true(proto_encode(&msg, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rigs_and_animals_and_codes_do_not_swallow_each_others_alerts, reset),
        cmocka_unit_test_setup(what_a_bout_withheld_is_told_when_a_second_passed_without_one,
                               reset),
        cmocka_unit_test_setup(a_bout_that_lasts_is_told_of_every_minute, reset),
        cmocka_unit_test_setup(nothing_that_was_withheld_is_lost_at_the_end, reset),
        cmocka_unit_test_setup(a_flood_of_names_is_told_at_a_bounded_rate_and_counted_to_the_last,
                               reset),
        cmocka_unit_test_setup(a_full_table_forgets_the_oldest_bout_and_tells_what_it_withheld,
                               reset),
        cmocka_unit_test_setup(what_is_said_once_a_bout_by_itself_is_always_told, reset),
        cmocka_unit_test_setup(what_the_journal_has_no_room_for_is_counted_until_it_has, reset),
        cmocka_unit_test_setup(a_long_text_is_cut_between_characters, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
