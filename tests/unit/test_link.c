/* bridge/link.h against the firmware's own device.c, over a simulated line. */
#include "suite.h"

#include <math.h>

#include "example.h"
#include "wire.h"

static const int64_t SECOND = INT64_C(1000000000);

/* What the journal of a daemon would know. */
struct story {
    uint32_t n_trials;  /* heard, in order from 0 */
    uint32_t n_doubles; /* trials of this boot heard again */
    uint32_t n_lost;    /* in the journal's memory when the host was killed */
    uint32_t n_hellos, n_stimuli, n_ends;
    uint32_t end_trials;
    uint16_t boot;
    uint32_t trials_at[WIRE_TICKETS]; /* n_trials after each ticket */
    double refuse;                    /* chance that the journal has no room */
    int64_t worst_ns;                 /* between true and mapped time of trials */
};

static void check_trial(const bridge_event *event, const proto_serial_trial *got)
{
    proto_serial_trial want;
    example_trial(got->trial, &want);
    assert_int_equal(got->contrast, want.contrast);
    assert_int_equal(got->choice, want.choice);
    assert_int_equal(got->reward, want.reward);
    assert_int_equal(got->side, want.side);
    assert_int_equal(got->rt_ms, want.rt_ms);
    assert_int_equal(got->flags, want.flags);
    assert_int_equal(got->reward_nl, want.reward_nl);
    assert_int_equal(got->boot, event->boot);
    assert_true(event->is_kept);
    proto_message m;
    proto_fault fault;
    assert_int_equal(bridge_decode(event->payload, event->payload_size, "rig", "mouse", &m, &fault),
                     PROTO_OK);
    assert_true(m.as.trial.stimulus == (double)want.contrast / 10000.0);
}

static void listen(struct wire *w, const bridge_event *event, void *user)
{
    struct story *s = user;
    const uint8_t *body = event->payload + 3;
    if (event->is_kept && noise_uniform(&w->noise) < s->refuse) {
        return;
    }
    if (event->type == PROTO_SERIAL_TRIAL) {
        proto_serial_trial t;
        proto_serial_trial_decode(body, &t);
        check_trial(event, &t);
        if (t.trial < s->n_trials) {
            s->n_doubles++;
        } else {
            assert_int_equal(t.trial, s->n_trials);
            s->n_trials++;
        }
        /* The device's clock, made true again by what the simulation knows of it. */
        const int64_t off_us = (int64_t)(uint32_t)(wire_hal_now_us(w) - t.t_us);
        const int64_t truth_ns = w->now_ns - off_us * 1000;
        const int64_t miss_ns = llabs(event->t_event_ns - truth_ns);
        if (w->link.clock.has_sync && miss_ns > s->worst_ns) {
            s->worst_ns = miss_ns;
        }
        assert_true(event->t_event_ns <= event->t_heard_ns);
    } else if (event->type == PROTO_SERIAL_SESSION_END) {
        proto_serial_session_end e;
        proto_serial_session_end_decode(body, &e);
        s->n_ends++;
        s->end_trials = e.n_trials;
    } else if (event->type == PROTO_SERIAL_HELLO) {
        s->n_hellos++;
        if (event->boot != s->boot) {
            s->boot = event->boot;
            s->n_trials = 0;
        }
    } else {
        s->n_stimuli++;
    }
    bridge_link_accept(&w->link, event, ++w->n_journaled);
    s->trials_at[w->n_journaled % WIRE_TICKETS] = s->n_trials;
}

static void play(struct wire *w, struct story *s, uint32_t n, int64_t limit_s)
{
    example_task task = {.total = n};
    const int64_t limit_ns = w->now_ns + limit_s * SECOND;
    while (!(task.is_over && device_is_done(&w->device)) && w->now_ns < limit_ns) {
        example_task_poll(&task, &w->device);
        wire_step(w, listen, s);
    }
}

static void print_counters(const struct wire *w)
{
    const bridge_link_counters *c = &w->link.counters;
    printf(
        "%.1f s, %llu bytes hit; %llu frames, %llu bad, %llu resyncs, %llu repeated, %llu ahead, "
        "%llu early, %llu refused, %llu acks\n",
        (double)(w->now_ns - INT64_C(1000000000000)) / 1e9, (unsigned long long)w->noise.n_hit,
        (unsigned long long)c->frames, (unsigned long long)c->bad_frames,
        (unsigned long long)c->resyncs, (unsigned long long)c->repeated,
        (unsigned long long)c->ahead, (unsigned long long)c->early, (unsigned long long)c->refused,
        (unsigned long long)c->acks);
}

static void a_quiet_line_brings_each_trial_once_and_its_time(void **state)
{
    (void)state;
    static struct wire w;
    static struct story s;
    s = (struct story){0};
    wire_init(&w, suite_seed(), 0.0);
    w.ppm = 100.0;
    play(&w, &s, 1000, 60);
    print_counters(&w);
    printf("worst time %.1f us\n", (double)s.worst_ns / 1000.0);
    assert_int_equal(s.n_trials, 1000);
    assert_int_equal(s.n_doubles, 0);
    assert_int_equal(s.n_hellos, 1);
    assert_int_equal(s.n_ends, 1);
    assert_int_equal(s.end_trials, 1000);
    assert_int_equal(s.boot, 7);
    assert_string_equal(w.link.device_name, "murid-test");
    assert_int_equal(w.link.counters.repeated + w.link.counters.ahead, 0);
    assert_int_equal(w.link.counters.bad_frames, 0);
    assert_true(s.n_stimuli >= 900);
    assert_true(s.worst_ns < 2000000); /* the steps of the simulation are half a millisecond */
}

/* At the worst of these about one frame in 10^5 that is hit passes a 16-bit checksum by chance, and
 * then almost never with the expected type, size, boot and number. */
static void whatever_the_noise_each_trial_comes_once_in_order(void **state)
{
    (void)state;
    static const double P[] = {1e-4, 1e-3, 3e-3, 1e-2};
    for (size_t i = 0; i < 4; i++) {
        static struct wire w;
        static struct story s;
        s = (struct story){0};
        wire_init(&w, suite_seed() + i, P[i]);
        play(&w, &s, 1000, 3600);
        print_counters(&w);
        assert_int_equal(s.n_trials, 1000);
        assert_int_equal(s.n_doubles, 0);
        assert_int_equal(s.n_ends, 1);
        assert_true(i == 0 || w.link.counters.bad_frames > 0); /* 1e-4 may hit nothing */
    }
}

static void a_line_cut_again_and_again_loses_nothing(void **state)
{
    (void)state;
    static struct wire w;
    static struct story s;
    s = (struct story){0};
    wire_init(&w, suite_seed(), 1e-3);
    example_task task = {.total = 1000, .period_us = 5000};
    int64_t turn_at_ns = w.now_ns + SECOND;
    uint32_t n_cuts = 0;
    while (!(task.is_over && device_is_done(&w.device)) && n_cuts < 10000) {
        if (w.now_ns > turn_at_ns) {
            wire_cut(&w, !w.is_cut);
            n_cuts += w.is_cut ? 1 : 0;
            turn_at_ns = w.now_ns + (int64_t)(noise_random(&w.noise) % 1500) * 1000000;
        }
        example_task_poll(&task, &w.device);
        wire_step(&w, listen, &s);
    }
    print_counters(&w);
    assert_int_equal(s.n_trials, 1000);
    assert_int_equal(s.n_doubles, 0);
    assert_int_equal(s.n_ends, 1);
    assert_true(n_cuts > 3);
    assert_true(s.n_hellos > 3);
    assert_int_equal(w.link.counters.boots, 1);
}

static void
a_host_started_anew_hears_what_was_not_acknowledged_again_and_nothing_is_lost(void **state)
{
    (void)state;
    static struct wire w;
    static struct story s;
    s = (struct story){0};
    wire_init(&w, suite_seed(), 1e-3);
    w.commit_every_ns = 50000000;
    example_task task = {.total = 1000, .period_us = 2000};
    int64_t restart_at_ns = w.now_ns + SECOND;
    uint32_t n_restarts = 0;
    while (!(task.is_over && device_is_done(&w.device)) && n_restarts < 10000) {
        if (w.now_ns > restart_at_ns) {
            /* Killed: what was journaled but not committed is gone. */
            bridge_link_init(&w.link);
            w.n_journaled = w.n_durable;
            s.n_lost += s.n_trials - s.trials_at[w.n_durable % WIRE_TICKETS];
            s.n_trials = s.trials_at[w.n_durable % WIRE_TICKETS];
            n_restarts++;
            restart_at_ns = w.now_ns + (int64_t)(noise_random(&w.noise) % 2000) * 1000000;
        }
        example_task_poll(&task, &w.device);
        wire_step(&w, listen, &s);
    }
    print_counters(&w);
    printf("%u restarts, %u lost from memory, %u heard twice\n", n_restarts, s.n_lost, s.n_doubles);
    assert_int_equal(s.n_trials, 1000);
    assert_true(s.n_ends >= 1);
    assert_true(n_restarts > 1);
    assert_true(s.n_doubles <= n_restarts * DEVICE_QUEUE);
}

static void a_journal_without_room_makes_the_task_wait_and_loses_nothing(void **state)
{
    (void)state;
    static struct wire w;
    static struct story s;
    s = (struct story){.refuse = 0.2};
    wire_init(&w, suite_seed(), 0.0);
    play(&w, &s, 300, 3600);
    print_counters(&w);
    assert_int_equal(s.n_trials, 300);
    assert_int_equal(s.n_doubles, 0);
    assert_true(w.link.counters.refused > 10);
}

static void nothing_is_acknowledged_before_it_is_durable(void **state)
{
    (void)state;
    static struct wire w;
    static struct story s;
    s = (struct story){0};
    wire_init(&w, suite_seed(), 0.0);
    w.commit_every_ns = 1000 * SECOND; /* the disk hangs */
    w.commit_at_ns = w.now_ns + 1000 * SECOND;
    play(&w, &s, 100, 10);
    assert_int_equal(s.n_trials, DEVICE_QUEUE);
    assert_int_equal(w.device.n, DEVICE_QUEUE);
    assert_true(w.link.counters.repeated > 0);
    proto_serial_trial t;
    example_trial(0, &t);
    assert_false(device_push_trial(&w.device, &t));
    w.commit_every_ns = 0;
    w.commit_at_ns = 0;
    const uint32_t next = w.device.n_trials;
    for (int i = 0; i < 10000 && !device_is_done(&w.device); i++) {
        wire_step(&w, listen, &s);
    }
    assert_true(device_is_done(&w.device));
    assert_int_equal(s.n_trials, next);
}

static void a_device_started_anew_is_another_session(void **state)
{
    (void)state;
    static struct wire w;
    static struct story s;
    s = (struct story){0};
    wire_init(&w, suite_seed(), 0.0);
    play(&w, &s, 50, 60);
    assert_int_equal(s.boot, 7);
    device_init(&w.device, &w.hal, "murid-test");
    play(&w, &s, 60, 60);
    assert_int_equal(s.boot, 8);
    assert_int_equal(s.n_trials, 60);
    assert_int_equal(s.n_hellos, 2);
    assert_int_equal(w.link.counters.boots, 2);
}

/* Its memory of boots was lost, or another board stands under the same name. */
static void a_boot_number_that_comes_again_costs_no_trial(void **state)
{
    (void)state;
    for (uint32_t first = 1; first < 60; first += 7) {
        for (uint32_t queued = 0; queued <= DEVICE_QUEUE; queued += 5) {
            static struct wire w;
            static struct story s;
            s = (struct story){0};
            wire_init(&w, suite_seed(), 0.0);
            play(&w, &s, first, 60);
            assert_int_equal(s.boot, 7);
            device_init(&w.device, &w.hal, "murid-test");
            w.device.boot = 7;
            s.n_trials = 0;                         /* what the daemon makes of it is another run */
            for (uint32_t i = 0; i < queued; i++) { /* before the line is up */
                proto_serial_trial t;
                example_trial(i, &t);
                (void)device_push_trial(&w.device, &t);
                w.now_ns += 1000000; /* the device's clock goes on */
            }
            const uint32_t next = w.device.n_trials;
            for (int i = 0; i < 20000 && !device_is_done(&w.device); i++) {
                wire_step(&w, listen, &s);
            }
            assert_true(device_is_done(&w.device));
            assert_int_equal(s.n_trials, next);
        }
    }
}

static void the_numbers_of_frames_may_wrap(void **state)
{
    (void)state;
    static struct wire w;
    static struct story s;
    s = (struct story){0};
    wire_init(&w, suite_seed(), 1e-3);
    w.device.acked = 65500;
    play(&w, &s, 200, 600);
    assert_int_equal(s.n_trials, 200);
    assert_int_equal(s.n_doubles, 0);
    assert_int_equal(w.device.acked, (uint16_t)(65500 + 201));
}

static void predictions_reach_the_device(void **state)
{
    (void)state;
    static struct wire w;
    static struct story s;
    s = (struct story){0};
    wire_init(&w, suite_seed(), 0.0);
    play(&w, &s, 3, 10);
    assert_false(w.device.has_prediction);
    bridge_link_predict(&w.link, 3, 1.5, 0.5);
    bridge_link_predict(&w.link, 3, 0.5, (double)NAN);
    bridge_link_predict(&w.link, -1, 0.5, 0.5);
    assert_false(w.link.has_prediction);
    bridge_link_predict(&w.link, 3, -0.125, 1.0);
    for (int i = 0; i < 20; i++) {
        wire_step(&w, listen, &s);
    }
    assert_true(w.device.has_prediction);
    assert_int_equal(w.device.prediction.trial, 3);
    assert_int_equal(w.device.prediction.contrast, -1250);
    assert_int_equal(w.device.prediction.p_right, 65535);
}

/* A mouse of few words: right on trials with an even number, nothing on each seventh. */
static void answer(struct wire *w, const bridge_event *event, void *user)
{
    listen(w, event, user);
    if (event->type == PROTO_SERIAL_STIMULUS) {
        proto_serial_stimulus shown;
        proto_serial_stimulus_decode(event->payload + 3, &shown);
        const int choice = shown.trial % 7 == 0 ? -1 : shown.trial % 2 == 0;
        bridge_link_choose(&w->link, event->boot, shown.trial, choice, 0.001 * shown.trial);
    }
}

static void a_choice_comes_once_a_trial_to_a_device_that_asks_until_it_is_there(void **state)
{
    (void)state;
    enum { N = 300 };
    static struct wire w;
    static struct story s;
    s = (struct story){0};
    wire_init(&w, suite_seed(), 3e-3);
    uint32_t n_pushed = 0;
    int64_t again_at_ns = 0;
    for (int step = 0; w.device.n_trials < N && step < 2000000; step++) {
        proto_serial_choice choice;
        if (w.now_ns >= again_at_ns) {
            proto_serial_trial t;
            example_trial(w.device.n_trials, &t);
            n_pushed += device_push_stimulus(&w.device, t.contrast) ? 1U : 0U;
            again_at_ns = w.now_ns + 20000000;
        }
        if (device_take_choice(&w.device, &choice)) {
            const uint32_t n = w.device.n_trials;
            assert_int_equal(choice.trial, n);
            assert_int_equal(choice.choice, n % 7 == 0 ? PROTO_SERIAL_NIL_U8 : n % 2 == 0);
            assert_int_equal(choice.rt_ms, n % 7 == 0 ? PROTO_SERIAL_NIL_U16 : n);
            assert_false(device_take_choice(&w.device, &choice));
            proto_serial_trial t;
            example_trial(n, &t);
            while (!device_push_trial(&w.device, &t)) {
                wire_step(&w, answer, &s);
            }
            again_at_ns = 0;
        }
        wire_step(&w, answer, &s);
    }
    print_counters(&w);
    assert_int_equal(w.device.n_trials, N);
    assert_true(n_pushed > N); /* the noise hit some */
}

static void a_choice_for_another_trial_or_boot_or_of_no_sense_is_not_taken(void **state)
{
    (void)state;
    static struct wire w;
    static struct story s;
    s = (struct story){0};
    wire_init(&w, suite_seed(), 0.0);
    play(&w, &s, 3, 10); /* the trial under way is 3 */
    bridge_link_choose(&w.link, 6, 3, 1, 0.5);
    bridge_link_choose(&w.link, 7, -1, 1, 0.5);
    bridge_link_choose(&w.link, 7, 3, 2, 0.5);
    assert_false(w.link.has_choice);
    static const proto_serial_choice BAD[] = {
        {7, 2, 1, 500}, {7, 4, 1, 500}, {8, 3, 1, 500}, {7, 3, 2, 500}, {7, 3, 254, 500}};
    proto_serial_choice choice;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        w.link.choice = BAD[i];
        w.link.has_choice = true;
        for (int k = 0; k < 20; k++) {
            wire_step(&w, listen, &s);
        }
        assert_false(device_take_choice(&w.device, &choice));
    }
    bridge_link_choose(&w.link, 7, 3, 0, 1000.0);
    assert_int_equal(bridge_link_deadline_ns(&w.link), 0);
    for (int k = 0; k < 20; k++) {
        wire_step(&w, listen, &s);
    }
    assert_true(device_take_choice(&w.device, &choice));
    assert_int_equal(choice.choice, 0);
    assert_int_equal(choice.rt_ms, 65534);
    bridge_link_choose(&w.link, 7, 3, 0, 1000.0);
    for (int k = 0; k < 20; k++) {
        wire_step(&w, listen, &s);
    }
    assert_false(device_take_choice(&w.device, &choice));
}

static void an_old_or_strange_acknowledgement_changes_nothing(void **state)
{
    (void)state;
    static struct wire w;
    static struct story s;
    s = (struct story){0};
    wire_init(&w, suite_seed(), 0.0);
    play(&w, &s, 10, 10);
    wire_cut(&w, false);
    w.is_cut = true; /* nothing of the host's comes through */
    proto_serial_trial t;
    example_trial(0, &t);
    assert_true(device_push_trial(&w.device, &t));
    assert_true(device_push_trial(&w.device, &t));
    const proto_serial_ack ACKS[] = {
        {.boot = 7, .seq = 10},    /* old */
        {.boot = 7, .seq = 14},    /* of what was never sent */
        {.boot = 7, .seq = 60000}, /* nonsense */
        {.boot = 6, .seq = 12},    /* of an earlier start */
    };
    w.is_cut = false;
    for (size_t i = 0; i < 4; i++) {
        uint8_t body[PROTO_SERIAL_ACK_BYTES], wire[PROTO_FRAME_WIRE_MAX];
        proto_serial_ack_encode(&ACKS[i], body);
        wire_put(&w, &w.down, wire,
                 proto_frame_encode(PROTO_SERIAL_ACK, 0, body, sizeof body, wire, sizeof wire));
        w.now_ns += SECOND / 100;
        device_poll(&w.device);
        assert_int_equal(w.device.n, 2);
        assert_int_equal(w.device.acked, 11);
    }
}

static void foreign_frames_are_counted_and_ignored(void **state)
{
    (void)state;
    bridge_link link;
    bridge_event event;
    bridge_link_init(&link);
    const uint8_t body[20] = {0};
    static const struct {
        uint8_t type;
        size_t n;
    } FRAMES[] = {
        {0x42, 4}, {PROTO_SERIAL_TRIAL, 19}, {PROTO_SERIAL_HELLO, 3}, {PROTO_SERIAL_ACK, 4}};
    for (size_t i = 0; i < 4; i++) {
        uint8_t wire[PROTO_FRAME_WIRE_MAX];
        const uint8_t *at = wire;
        size_t n = proto_frame_encode(FRAMES[i].type, 1, body, FRAMES[i].n, wire, sizeof wire);
        assert_false(bridge_link_next(&link, &at, &n, SECOND, &event));
        assert_int_equal(n, 0);
    }
    assert_int_equal(link.counters.foreign, 4);
    /* A trial before any hello: the device is asked who it is. */
    uint8_t wire[PROTO_FRAME_WIRE_MAX], out[BRIDGE_LINK_OUTPUT_MAX];
    const uint8_t *at = wire;
    size_t n = proto_frame_encode(PROTO_SERIAL_TRIAL, 1, body, sizeof body, wire, sizeof wire);
    assert_false(bridge_link_next(&link, &at, &n, SECOND, &event));
    assert_int_equal(link.counters.early, 1);
    assert_true(bridge_link_deadline_ns(&link) <= SECOND);
    assert_true(bridge_link_output(&link, SECOND, out, sizeof out) > 0);
    assert_int_equal(bridge_link_output(&link, SECOND, out, sizeof out), 0);
    assert_true(bridge_link_deadline_ns(&link) > SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_line_brings_each_trial_once_and_its_time),
        cmocka_unit_test(whatever_the_noise_each_trial_comes_once_in_order),
        cmocka_unit_test(a_line_cut_again_and_again_loses_nothing),
        cmocka_unit_test(
            a_host_started_anew_hears_what_was_not_acknowledged_again_and_nothing_is_lost),
        cmocka_unit_test(a_journal_without_room_makes_the_task_wait_and_loses_nothing),
        cmocka_unit_test(nothing_is_acknowledged_before_it_is_durable),
        cmocka_unit_test(a_device_started_anew_is_another_session),
        cmocka_unit_test(a_boot_number_that_comes_again_costs_no_trial),
        cmocka_unit_test(the_numbers_of_frames_may_wrap),
        cmocka_unit_test(predictions_reach_the_device),
        cmocka_unit_test(a_choice_comes_once_a_trial_to_a_device_that_asks_until_it_is_there),
        cmocka_unit_test(a_choice_for_another_trial_or_boot_or_of_no_sense_is_not_taken),
        cmocka_unit_test(an_old_or_strange_acknowledgement_changes_nothing),
        cmocka_unit_test(foreign_frames_are_counted_and_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
