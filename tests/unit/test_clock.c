/* bridge/clock.h against a simulated device: its clock runs off by a known rate, wraps, jumps; the
 * line delays every byte by a random amount. */
#include "suite.h"

#include <math.h>

#include "bridge/clock.h"
#include "noise.h"

static const int64_t SECOND = INT64_C(1000000000);

struct world {
    struct noise random;
    double ppm;        /* how much slower than the host's the device's clock runs */
    int64_t start_ns;  /* host time at device time 0 */
    uint64_t start_us; /* what the device showed then */
    double delay_us;   /* least delay of the line */
    double jitter_us;  /* mean of what comes on top */
};

static uint32_t device_us(const struct world *w, int64_t host_ns)
{
    const double elapsed = (double)(host_ns - w->start_ns) / 1000.0 / (1.0 + w->ppm * 1e-6);
    return (uint32_t)(w->start_us + (uint64_t)llround(elapsed));
}

static int64_t delay_ns(struct world *w)
{
    const double u = noise_uniform(&w->random);
    return llround(1000.0 * (w->delay_us - w->jitter_us * log(1.0 - u)));
}

static int64_t sync(struct world *w, bridge_clock *c, int64_t sent_ns)
{
    const int64_t at_ns = sent_ns + delay_ns(w);
    const int64_t heard_ns = at_ns + delay_ns(w);
    bridge_clock_synced(c, sent_ns, device_us(w, at_ns), heard_ns);
    return heard_ns;
}

/* Maps moments of the last seconds and compares with the truth. Returns the largest error. */
static int64_t check(const struct world *w, const bridge_clock *c, int64_t now_ns)
{
    int64_t worst = 0;
    for (int i = 0; i < 20; i++) {
        const int64_t truth_ns = now_ns - i * SECOND / 4;
        int64_t error_ns;
        const int64_t mapped_ns = bridge_clock_host_ns(c, device_us(w, truth_ns), &error_ns);
        const int64_t miss = llabs(mapped_ns - truth_ns);
        if (miss > error_ns + 2000) { /* the device counts whole microseconds */
            fail_msg("off by %lld ns, said at most %lld", (long long)miss, (long long)error_ns);
        }
        worst = miss > worst ? miss : worst;
    }
    return worst;
}

static void knows_nothing_at_first(void **state)
{
    (void)state;
    bridge_clock c;
    int64_t error_ns;
    bridge_clock_init(&c);
    assert_int_equal(bridge_clock_host_ns(&c, 5, &error_ns), 0);
    assert_true(error_ns == INT64_MAX);
    assert_true(c.rate == 0.0);
}

static void follow_device(double ppm, double jitter_us, double ppm_tolerance, int64_t tolerance_ns)
{
    struct world w = {.random = {.state = suite_seed()},
                      .ppm = ppm,
                      .start_ns = 77 * SECOND,
                      .start_us = UINT64_C(4294967296) - 40000000, /* wraps after 40 s */
                      .delay_us = 100,
                      .jitter_us = jitter_us};
    bridge_clock c;
    bridge_clock_init(&c);
    int64_t worst = 0;
    for (int64_t t = w.start_ns; t < w.start_ns + 300 * SECOND; t += SECOND) {
        int64_t heard_ns = sync(&w, &c, t);
        for (int i = 0; i < 5; i++) {
            const int64_t sent_ns = heard_ns + i * SECOND / 8;
            bridge_clock_heard(&c, device_us(&w, sent_ns), sent_ns + delay_ns(&w));
        }
        if (t > w.start_ns + 60 * SECOND) {
            const int64_t miss = check(&w, &c, t);
            worst = miss > worst ? miss : worst;
        }
    }
    printf("%.0f ppm, jitter %.0f us: worst error %.1f us, rate %.2f ppm\n", ppm, jitter_us,
           (double)worst / 1000.0, 1000.0 * c.rate);
    assert_true(worst < tolerance_ns);
    assert_true(fabs(1000.0 * c.rate - ppm) < ppm_tolerance);
    assert_int_equal(c.jumps, 0);
}

static void follows_a_crystal_that_is_100_ppm_off_over_a_wrap(void **state)
{
    (void)state;
    follow_device(100.0, 200.0, 40.0, 500000);
    follow_device(-100.0, 200.0, 40.0, 500000);
}

static void follows_a_resonator_that_is_half_a_percent_off(void **state)
{
    (void)state;
    follow_device(5000.0, 200.0, 40.0, 500000);
    follow_device(-5000.0, 2000.0, 400.0, 5000000);
}

static void a_quiet_line_gives_microseconds(void **state)
{
    (void)state;
    follow_device(37.0, 1.0, 1.0, 10000);
}

static void receipts_alone_map_to_within_the_least_delay(void **state)
{
    (void)state;
    struct world w = {.random = {.state = suite_seed()},
                      .ppm = 50.0,
                      .start_ns = SECOND,
                      .delay_us = 500,
                      .jitter_us = 1000};
    bridge_clock c;
    bridge_clock_init(&c);
    for (int64_t t = w.start_ns; t < w.start_ns + 30 * SECOND; t += SECOND / 10) {
        bridge_clock_heard(&c, device_us(&w, t), t + delay_ns(&w));
    }
    assert_true(check(&w, &c, w.start_ns + 30 * SECOND) < 5000000);
}

static void a_late_stamp_is_mapped_to_when_it_was_made(void **state)
{
    (void)state;
    struct world w = {.start_ns = SECOND, .start_us = 4290000000, .delay_us = 100};
    bridge_clock c;
    bridge_clock_init(&c);
    for (int64_t t = w.start_ns; t < w.start_ns + 3000 * SECOND; t += SECOND) {
        (void)sync(&w, &c, t);
    }
    /* A trial that waited 49 minutes in the device's queue, behind a wrap. */
    const int64_t truth_ns = w.start_ns + 60 * SECOND;
    bridge_clock_heard(&c, device_us(&w, truth_ns), w.start_ns + 3000 * SECOND);
    int64_t error_ns;
    const int64_t mapped_ns = bridge_clock_host_ns(&c, device_us(&w, truth_ns), &error_ns);
    assert_true(llabs(mapped_ns - truth_ns) <= error_ns);
    assert_true(llabs(mapped_ns - truth_ns) < 5 * SECOND / 100);
    assert_int_equal(c.jumps, 0);
}

static void a_jump_of_the_device_is_noticed_and_followed(void **state)
{
    (void)state;
    static const int64_t JUMPS_US[] = {5000000, -5000000, 50000, -50000};
    struct world w = {.random = {.state = suite_seed()},
                      .ppm = 100.0,
                      .start_ns = SECOND,
                      .start_us = 1000000000,
                      .delay_us = 100,
                      .jitter_us = 100};
    bridge_clock c;
    bridge_clock_init(&c);
    int64_t t = w.start_ns;
    for (uint32_t i = 0; i < 4; i++) {
        for (int s = 0; s < 20; s++, t += SECOND) {
            (void)sync(&w, &c, t);
        }
        assert_int_equal(c.jumps, i);
        w.start_us = (uint64_t)((int64_t)w.start_us + JUMPS_US[i]);
        const int64_t heard_ns = sync(&w, &c, t);
        assert_int_equal(c.jumps, i + 1);
        int64_t error_ns;
        const int64_t mapped_ns = bridge_clock_host_ns(&c, device_us(&w, heard_ns), &error_ns);
        assert_true(llabs(mapped_ns - heard_ns) <= error_ns + 2000);
        t += SECOND;
    }
}

static void a_stamp_from_the_future_is_a_jump_but_late_ones_are_not(void **state)
{
    (void)state;
    struct world w = {.start_ns = SECOND, .delay_us = 100};
    bridge_clock c;
    bridge_clock_init(&c);
    int64_t t = w.start_ns;
    for (int s = 0; s < 20; s++, t += SECOND) {
        (void)sync(&w, &c, t);
    }
    for (int s = 1; s < 15; s++) {
        bridge_clock_heard(&c, device_us(&w, t - s * SECOND), t);
    }
    assert_int_equal(c.jumps, 0);
    bridge_clock_heard(&c, device_us(&w, t + SECOND), t);
    assert_int_equal(c.jumps, 1);
}

static void any_sequence_of_stamps_is_survived(void **state)
{
    (void)state;
    struct noise random = {.state = suite_seed()};
    bridge_clock c;
    bridge_clock_init(&c);
    int64_t t = SECOND;
    for (int i = 0; i < 300000; i++) {
        t += (int64_t)(noise_random(&random) % (uint64_t)(4 * SECOND));
        const uint32_t us = (uint32_t)noise_random(&random);
        if (i % 1000 < 500) {
            bridge_clock_heard(&c, us, t);
        } else {
            bridge_clock_synced(&c, t - (int64_t)(noise_random(&random) % 1000000), us, t);
        }
        int64_t error_ns;
        (void)bridge_clock_host_ns(&c, (uint32_t)noise_random(&random), &error_ns);
        assert_true(isfinite(c.rate));
        assert_true(error_ns >= 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_nothing_at_first),
        cmocka_unit_test(follows_a_crystal_that_is_100_ppm_off_over_a_wrap),
        cmocka_unit_test(follows_a_resonator_that_is_half_a_percent_off),
        cmocka_unit_test(a_quiet_line_gives_microseconds),
        cmocka_unit_test(receipts_alone_map_to_within_the_least_delay),
        cmocka_unit_test(a_late_stamp_is_mapped_to_when_it_was_made),
        cmocka_unit_test(a_jump_of_the_device_is_noticed_and_followed),
        cmocka_unit_test(a_stamp_from_the_future_is_a_jump_but_late_ones_are_not),
        cmocka_unit_test(any_sequence_of_stamps_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
