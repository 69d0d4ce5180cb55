/* The firmware's code over hal_host.h on one side of a pty, the link on the other, in real time:
 * with noise, and with the plug pulled. */
#include "suite.h"

#include "hal_host.h"
#include "host.h"
#include "noise.h"

/* A hal_host whose line is bad both ways. */
struct bad_hal {
    device_hal hal;
    hal_host inner;
    struct noise noise;
    uint8_t again[8];
    size_t n_again;
};

static int16_t bad_read(void *user)
{
    struct bad_hal *b = user;
    if (b->n_again > 0) {
        return b->again[--b->n_again];
    }
    const int16_t byte = b->inner.hal.read(&b->inner);
    uint8_t out[2];
    const size_t n = byte < 0 ? 0 : noise_pass(&b->noise, (uint8_t)byte, out);
    if (n == 2) {
        b->again[b->n_again++] = out[1];
    }
    return n > 0 ? out[0] : (int16_t)-1;
}

static bool bad_write(void *user, const uint8_t *bytes, uint8_t n)
{
    struct bad_hal *b = user;
    uint8_t out[2 * PROTO_FRAME_WIRE_MAX];
    size_t m = 0;
    for (uint8_t i = 0; i < n; i++) {
        m += noise_pass(&b->noise, bytes[i], out + m);
    }
    return m == 0 || b->inner.hal.write(&b->inner, out, (uint8_t)m);
}

static uint32_t bad_now_us(void *user)
{
    struct bad_hal *b = user;
    return b->inner.hal.now_us(&b->inner);
}

static uint16_t bad_next_boot(void *user)
{
    struct bad_hal *b = user;
    return b->inner.hal.next_boot(&b->inner);
}

static void play(uint32_t n_trials, double p, uint32_t n_cuts, struct host *h)
{
    static struct bad_hal b;
    static device d;
    static struct pty pty;
    static char path[64];
    assert_int_equal(pty_open(&pty), 0);
    (void)snprintf(path, sizeof path, "%s", pty.path);
    host_init(h, path);
    b = (struct bad_hal){.noise = {.state = suite_seed(), .p = p}};
    b.hal = (device_hal){.user = &b,
                         .read = bad_read,
                         .write = bad_write,
                         .now_us = bad_now_us,
                         .next_boot = bad_next_boot};
    hal_host_init(&b.inner, pty.master, NULL, 3);
    device_init(&d, &b.hal, "murid-pty");
    example_task task = {.total = n_trials, .period_us = n_cuts > 0 ? 1000 : 0};
    const int64_t start_ns = host_now_ns();
    int64_t cut_at_ns = start_ns + 200000000;
    while (!(task.is_over && device_is_done(&d)) && host_now_ns() < start_ns + 60000000000) {
        example_task_poll(&task, &d);
        device_poll(&d);
        host_step(h);
        if (n_cuts > 0 && host_now_ns() > cut_at_ns) {
            path[0] = '\0'; /* the number is free from here: it may become another program's pty */
            pty_close(&pty);
            hal_host_replug(&b.inner, -1);
            for (int i = 0; i < 50; i++) {
                device_poll(&d);
                host_step(h);
            }
            assert_int_equal(h->fd, -1);
            assert_int_equal(pty_open(&pty), 0);
            (void)snprintf(path, sizeof path, "%s", pty.path);
            hal_host_replug(&b.inner, pty.master);
            cut_at_ns = host_now_ns() + 200000000;
            n_cuts--;
        }
    }
    printf("%.2f s, %llu bytes hit, %llu bad frames, %llu repeated, %llu ahead, opened %u times\n",
           (double)(host_now_ns() - start_ns) / 1e9, (unsigned long long)b.noise.n_hit,
           (unsigned long long)h->link.counters.bad_frames,
           (unsigned long long)h->link.counters.repeated,
           (unsigned long long)h->link.counters.ahead, h->n_reopened);
    host_hang_up(h);
    pty_close(&pty);
    assert_int_equal(h->n_trials, n_trials);
    assert_int_equal(h->n_doubles, 0);
    assert_int_equal(h->n_wrong, 0);
    assert_int_equal(h->n_ends, 1);
    assert_int_equal(h->link.boot, 3);
    assert_int_equal(h->link.counters.boots, 1);
}

static void a_pty_carries_1000_trials_each_once(void **state)
{
    (void)state;
    static struct host h;
    play(1000, 0.0, 0, &h);
    assert_int_equal(h.link.counters.bad_frames, 0);
    int64_t error_ns;
    (void)bridge_clock_host_ns(&h.link.clock, 0, &error_ns);
    assert_true(h.link.clock.has_sync);
    assert_true(error_ns < INT64_MAX);
}

static void a_noisy_pty_carries_1000_trials_each_once(void **state)
{
    (void)state;
    static struct host h;
    play(1000, 5e-4, 0, &h);
    assert_true(h.link.counters.bad_frames > 0);
}

static void a_plug_pulled_three_times_loses_and_doubles_nothing(void **state)
{
    (void)state;
    static struct host h;
    play(1000, 1e-4, 3, &h);
    assert_int_equal(h.n_reopened, 4);
    assert_true(h.n_hellos >= 4);
}

static void an_idle_port_is_not_taken_for_a_hang_up_and_a_closed_one_is(void **state)
{
    (void)state;
    static struct host h;
    struct pty pty;
    assert_int_equal(pty_open(&pty), 0);
    host_init(&h, pty.path);
    for (int i = 0; i < 20; i++) {
        host_step(&h);
    }
    assert_true(h.fd >= 0);
    pty_close(&pty);
    host_step(&h);
    assert_int_equal(h.fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pty_carries_1000_trials_each_once),
        cmocka_unit_test(a_noisy_pty_carries_1000_trials_each_once),
        cmocka_unit_test(a_plug_pulled_three_times_loses_and_doubles_nothing),
        cmocka_unit_test(an_idle_port_is_not_taken_for_a_hang_up_and_a_closed_one_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
