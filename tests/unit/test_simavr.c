/* The real image of the ATmega328P under simavr, its UART on a pty, and the link: 1,000 trials,
 * with noise and with lines cut. */
#include "skips.h"

#include <signal.h>
#include <sys/wait.h>

#include "host.h"

static char link_path[256]; /* of this process alone */

static pid_t start(char *const argv[])
{
    const pid_t pid = fork();
    if (pid == 0) {
        (void)execv(argv[0], argv);
        _exit(127);
    }
    return pid;
}

static void stop(pid_t pid)
{
    int status = 0;
    (void)kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void need_simavr(void)
{
    if (access(SIMAVR_PTY, X_OK) != 0 || access(AVR_IMAGE, R_OK) != 0) {
        skips_case("simavr or avr-gcc absent");
    }
}

/* True if the device's clock was known to a round trip at some time: a simulator that does not get
 * the processor falls behind, and its clock is begun anew. */
static bool play(char *noise, char *cut_every, struct host *h)
{
    bool had_sync = false;
    char seed[32];
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)suite_seed());
    (void)snprintf(link_path, sizeof link_path, "%s/tests/simavr_line_%ld", MURID_BINARY_DIR,
                   (long)getpid());
    (void)unlink(link_path);
    char *argv[] = {SIMAVR_PTY, AVR_IMAGE, "--link",    link_path,     "--noise",
                    noise,      "--seed",  seed,        "--cut-every", cut_every,
                    "--cut-ms", "100",     "--seconds", "110",         NULL};
    (void)fflush(stdout);
    const pid_t pid = start(argv);
    assert_true(pid > 0);
    host_init(h, link_path);
    const int64_t start_ns = host_now_ns();
    while (h->n_ends == 0 && host_now_ns() < start_ns + 100000000000) {
        host_step(h);
        had_sync = had_sync || h->link.clock.has_sync;
    }
    printf(
        "%.2f s, %llu bad frames, %llu repeated, %llu ahead, %llu acks, opened %u times, clock "
        "%.0f ppm\n",
        (double)(host_now_ns() - start_ns) / 1e9, (unsigned long long)h->link.counters.bad_frames,
        (unsigned long long)h->link.counters.repeated, (unsigned long long)h->link.counters.ahead,
        (unsigned long long)h->link.counters.acks, h->n_reopened, 1000.0 * h->link.clock.rate);
    host_hang_up(h);
    stop(pid);
    assert_int_equal(h->n_trials, 1000);
    assert_int_equal(h->n_doubles, 0);
    assert_int_equal(h->n_wrong, 0);
    assert_int_equal(h->n_ends, 1);
    assert_string_equal(h->link.device_name, "murid-uno");
    return had_sync;
}

static void the_real_image_plays_1000_trials_each_once(void **state)
{
    (void)state;
    static struct host h;
    need_simavr();
    (void)play("0", "0", &h);
    assert_int_equal(h.link.counters.bad_frames, 0);
    assert_int_equal(h.n_reopened, 1);
}

static void the_real_image_plays_1000_trials_over_a_noisy_line_cut_now_and_then(void **state)
{
    (void)state;
    static struct host h;
    need_simavr();
    assert_true(play("0.0005", "12000", &h)); /* it takes longer than the second between syncs */
    assert_true(h.link.counters.bad_frames > 0);
    assert_true(h.n_reopened > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_real_image_plays_1000_trials_each_once),
        cmocka_unit_test(the_real_image_plays_1000_trials_over_a_noisy_line_cut_now_and_then),
    };
    return skips_end(cmocka_run_group_tests(tests, NULL, NULL), sizeof tests / sizeof tests[0]);
}
