/* Round trip of one trial on `ask`, against the least that ZeroMQ can do: a ROUTER that sends bytes
 * back. Both servers are processes of their own, both clients REQ sockets of this one; trials go to
 * them in turn, so that both see the same machine. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "bench.h"

enum { WARM_UP = 500, BYTES_MAX = 16384 };

/* Shared with the echo: how many bytes to send back. */
struct shared {
    atomic_int reply_size;
    atomic_int port;
};

static _Noreturn void echo(struct shared *shared)
{
    static uint8_t bytes[BYTES_MAX];
    uint8_t route[256];
    char endpoint[64];
    size_t size = sizeof endpoint;
    void *context = zmq_ctx_new();
    void *router = zmq_socket(context, ZMQ_ROUTER);
    if (zmq_bind(router, "tcp://127.0.0.1:*") != 0 ||
        zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0) {
        bench_die("echo: %s", zmq_strerror(errno));
    }
    atomic_store(&shared->port, atoi(strrchr(endpoint, ':') + 1));
    for (;;) {
        const int n = zmq_recv(router, route, sizeof route, 0);
        (void)zmq_recv(router, bytes, sizeof bytes, 0);
        (void)zmq_recv(router, bytes, sizeof bytes, 0);
        if (n < 0) {
            _exit(1);
        }
        (void)zmq_send(router, route, (size_t)n, ZMQ_SNDMORE);
        (void)zmq_send(router, "", 0, ZMQ_SNDMORE);
        (void)zmq_send(router, bytes, (size_t)atomic_load(&shared->reply_size), 0);
    }
}

static void *connect_to(void *context, const char *endpoint)
{
    void *socket = zmq_socket(context, ZMQ_REQ);
    const int wait_ms = 5000;
    const int no_linger = 0;
    (void)zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    (void)zmq_setsockopt(socket, ZMQ_LINGER, &no_linger, sizeof no_linger);
    if (zmq_connect(socket, endpoint) != 0) {
        bench_die("%s: %s", endpoint, zmq_strerror(errno));
    }
    return socket;
}

/* One round trip at the deadline: its time in ns, and the size of the answer. */
static int64_t round_trip(void *socket, int64_t deadline_ns, const uint8_t *request, size_t size,
                          int *reply_size)
{
    static uint8_t reply[BYTES_MAX];
    bench_sleep_until(deadline_ns);
    const int64_t start_ns = bench_now_ns();
    const int sent = zmq_send(socket, request, size, 0);
    *reply_size = zmq_recv(socket, reply, sizeof reply, 0);
    const int64_t end_ns = bench_now_ns();
    if (sent < 0 || *reply_size < 0) {
        bench_die("no answer: %s", zmq_strerror(errno));
    }
    return end_ns - start_ns;
}

static int report(int64_t *murid_ns, int64_t *echo_ns, size_t n)
{
    enum { QUANTILES_N = 5, MEDIAN = 1, WORST_HUNDREDTH = 3 };
    static const double QUANTILES[QUANTILES_N] = {0.1, 0.5, 0.9, 0.99, 0.999};
    double ratio[QUANTILES_N];
    bench_sort(murid_ns, n);
    bench_sort(echo_ns, n);
    printf("%-8s %10s %10s %8s\n", "", "murid/us", "echo/us", "ratio");
    for (int i = 0; i < QUANTILES_N; i++) {
        const double m = (double)bench_quantile(murid_ns, n, QUANTILES[i]) / 1000.0;
        const double e = (double)bench_quantile(echo_ns, n, QUANTILES[i]) / 1000.0;
        ratio[i] = m / e;
        printf("%-6g %% %10.1f %10.1f %8.3f\n", 100.0 * QUANTILES[i], m, e, ratio[i]);
    }
    return bench_verdict("ratio of medians", ratio[MEDIAN], "", true, 1.15) |
           bench_verdict("ratio of 99th percentiles", ratio[WORST_HUNDREDTH], "", true, 1.3);
}

int main(int argc, char **argv)
{
    double trials = 20000.0;
    double rate = 1000.0;
    const char *model = NULL;
    bool rnn = false;
    const struct bench_option list[] = {
        {"trials", NULL, &trials, NULL, "how many, to each (default 20000)"},
        {"rate", NULL, &rate, NULL, "a second, to each (default 1000)"},
        {"model", &model, NULL, NULL, "model file for the daemon (default: built-in random walk)"},
        {"rnn", NULL, NULL, &rnn, "a model with an rnn of 32 units made here"},
    };
    bench_options(argc, argv, "Round trip of a trial on ask against a bare ROUTER echo.", list,
                  sizeof list / sizeof list[0]);
    bench_machine();

    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        bench_die("mmap: %s", strerror(errno));
    }
    const pid_t echo_pid = fork();
    if (echo_pid == 0) {
        echo(shared);
    }
    struct bench_daemon d;
    bench_daemon_init(&d);
    if (rnn) {
        bench_daemon_use_net(&d, 1);
    } else if (model != NULL) {
        bench_daemon_use_model(&d, model);
    }
    (void)bench_daemon_start(&d);
    while (atomic_load(&shared->port) == 0) {
        bench_sleep_until(bench_now_ns() + 1000000);
    }
    char endpoint[64];
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", atomic_load(&shared->port));
    void *context = zmq_ctx_new();
    void *to_murid = connect_to(context, d.ask);
    void *to_echo = connect_to(context, endpoint);

    const size_t n = (size_t)trials;
    const int64_t half_ns = (int64_t)(0.5e9 / rate);
    int64_t *murid_ns = calloc(n, sizeof *murid_ns);
    int64_t *echo_ns = calloc(n, sizeof *echo_ns);
    if (murid_ns == NULL || echo_ns == NULL) {
        bench_die("out of memory");
    }
    int64_t deadline_ns = bench_now_ns() + 10000000;
    size_t request_size = 0;
    int murid_size = 0;
    int echo_size = 0;
    for (size_t i = 0; i < WARM_UP + n; i++) {
        uint8_t request[1024];
        request_size = bench_trial_encode(request, sizeof request, "latency", (int64_t)i);
        const int64_t m = round_trip(to_murid, deadline_ns, request, request_size, &murid_size);
        atomic_store(&shared->reply_size, murid_size);
        const int64_t e =
            round_trip(to_echo, deadline_ns + half_ns, request, request_size, &echo_size);
        deadline_ns += 2 * half_ns;
        if (echo_size != murid_size) {
            bench_die("the echo sent %d bytes, murid %d", echo_size, murid_size);
        }
        if (i >= WARM_UP) {
            murid_ns[i - WARM_UP] = m;
            echo_ns[i - WARM_UP] = e;
        }
    }
    printf("%zu trials at %g/s to each, request %zu bytes, reply %d bytes, model %s\n", n, rate,
           request_size, murid_size,
           rnn             ? "rnn"
           : model != NULL ? model
                           : "built-in");
    const int rc = report(murid_ns, echo_ns, n);
    free(murid_ns);
    free(echo_ns);
    (void)zmq_close(to_murid);
    (void)zmq_close(to_echo);
    (void)zmq_ctx_term(context);
    (void)bench_daemon_stop(&d);
    bench_daemon_remove(&d);
    (void)kill(echo_pid, SIGTERM);
    (void)waitpid(echo_pid, NULL, 0);
    return rc;
}
