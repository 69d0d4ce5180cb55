/* Round trip of one trial on `ask`, against the least that ZeroMQ can do: a ROUTER that sends bytes
 * back. With --with, also against a second daemon that has more to do: what that costs the rig. All
 * servers are processes of their own, all clients REQ sockets of this one; trials go to them in
 * turn, another one first from time to time, so that all see the same machine. */
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

enum { WARM_UP = 500, TURN = 500, BYTES_MAX = 16384 };

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

struct server {
    const char *name;
    void *socket;
    int64_t *ns; /* of each trial that counts */
    int reply_size;
};

enum { QUANTILES_N = 5, MEDIAN = 1, WORST_HUNDREDTH = 3, SERVERS_MAX = 3 };
static const double QUANTILES[QUANTILES_N] = {0.1, 0.5, 0.9, 0.99, 0.999};

static double quantile_us(const struct server *s, size_t n, int i)
{
    return (double)bench_quantile(s->ns, n, QUANTILES[i]) / 1000.0;
}

static double ratio(const struct server *of, const struct server *to, size_t n, int i)
{
    return quantile_us(of, n, i) / quantile_us(to, n, i);
}

/* The echo is the last of the servers. */
static int report(struct server server[], size_t servers_n, size_t n)
{
    const struct server *echo = &server[servers_n - 1];
    printf("%-8s", "us");
    for (size_t s = 0; s < servers_n; s++) {
        bench_sort(server[s].ns, n);
        printf(" %10s", server[s].name);
    }
    printf("   ratios to the echo\n");
    for (int i = 0; i < QUANTILES_N; i++) {
        printf("%-6g %%", 100.0 * QUANTILES[i]);
        for (size_t s = 0; s < servers_n; s++) {
            printf(" %10.1f", quantile_us(&server[s], n, i));
        }
        for (size_t s = 0; s + 1 < servers_n; s++) {
            printf(" %8.3f", ratio(&server[s], echo, n, i));
        }
        printf("\n");
    }
    int failed = 0;
    for (size_t s = 0; s + 1 < servers_n; s++) {
        printf("%s\n", server[s].name);
        failed |=
            bench_verdict("  ratio of medians", ratio(&server[s], echo, n, MEDIAN), "", true, 1.15);
        failed |= bench_verdict("  ratio of 99th percentiles",
                                ratio(&server[s], echo, n, WORST_HUNDREDTH), "", true, 1.3);
    }
    if (servers_n == SERVERS_MAX) {
        printf("with over without: median %.3f, 99%% %.3f\n",
               ratio(&server[1], &server[0], n, MEDIAN),
               ratio(&server[1], &server[0], n, WORST_HUNDREDTH));
    }
    return failed;
}

/* What a daemon of the run is to have. */
struct wish {
    const char *model;
    double members; /* of the rnn made here; 0: none */
};

static void start_daemon(struct bench_daemon *d, const struct wish *wish, const char *yaml)
{
    bench_daemon_init(d);
    if (wish->members >= 1.0) {
        bench_daemon_use_net(d, (size_t)wish->members);
    } else if (wish->model != NULL) {
        bench_daemon_use_model(d, wish->model);
    }
    if (yaml != NULL) {
        bench_daemon_configure(d, yaml);
        bench_daemon_configure(d, "\n");
    }
    (void)bench_daemon_start(d);
}

/* What the second daemon did besides answering. */
static void report_work(const struct bench_daemon *d)
{
    static const char *const TABLES[] = {"adaptation", "forecast", "suggestion"};
    printf("meanwhile it made:");
    for (size_t i = 0; i < sizeof TABLES / sizeof TABLES[0]; i++) {
        char sql[64];
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", TABLES[i]);
        printf(" %s %lld", TABLES[i], (long long)bench_journal_query(d, sql));
    }
    printf("\n");
}

static pid_t start_echo(struct shared *shared, char *endpoint, size_t size)
{
    const pid_t pid = fork();
    if (pid == 0) {
        echo(shared);
    }
    while (atomic_load(&shared->port) == 0) {
        bench_sleep_until(bench_now_ns() + 1000000);
    }
    (void)snprintf(endpoint, size, "tcp://127.0.0.1:%d", atomic_load(&shared->port));
    return pid;
}

/* Trial i, of one of n_subjects animals, to each server, another one first after every TURN: each
 * hears one a period, and all have had each place. The echo, the last of them, sends as many bytes
 * as the first did for the trial before. */
static void exchange(struct server server[], size_t servers_n, struct shared *shared, int64_t i,
                     int64_t n_subjects, int64_t deadline_ns, int64_t apart_ns)
{
    proto_message msg;
    uint8_t request[1024];
    bench_trial(&msg, "latency", i / n_subjects);
    (void)snprintf(msg.env.subject, sizeof msg.env.subject, "m%d", (int)(i % n_subjects));
    (void)snprintf(msg.env.rig, sizeof msg.env.rig, "box%d", (int)(i % n_subjects));
    const int size = proto_encode(&msg, PROTO_FORMAT_MSGPACK, request, sizeof request);
    if (size <= 0) {
        bench_die("a trial could not be encoded");
    }
    atomic_store(&shared->reply_size, server[0].reply_size);
    for (size_t k = 0; k < servers_n; k++) {
        struct server *s = &server[(k + (size_t)(i / TURN)) % servers_n];
        const int64_t ns = round_trip(s->socket, deadline_ns + (int64_t)k * apart_ns, request,
                                      (size_t)size, &s->reply_size);
        if (i >= WARM_UP) {
            s->ns[i - WARM_UP] = ns;
        }
    }
}

int main(int argc, char **argv)
{
    double trials = 20000.0;
    double rate = 1000.0;
    double subjects = 1.0;
    struct wish wish = {0};
    const char *config = NULL;
    const char *with = NULL;
    const struct bench_option list[] = {
        {"trials", NULL, &trials, NULL, "how many, to each (default 20000)"},
        {"rate", NULL, &rate, NULL, "a second, to each (default 1000)"},
        {"subjects", NULL, &subjects, NULL, "animals, whose trials come in turn (default 1)"},
        {"model", &wish.model, NULL, NULL, "model file (default: built-in random walk)"},
        {"members", NULL, &wish.members, NULL, "a bank of so many rnn of 32 units made here"},
        {"config", &config, NULL, NULL, "more lines of YAML for the daemon"},
        {"with", &with, NULL, NULL, "a second daemon, which has these lines instead"},
    };
    bench_options(argc, argv, "Round trip of a trial on ask against a bare ROUTER echo.", list,
                  sizeof list / sizeof list[0]);
    bench_machine();

    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        bench_die("mmap: %s", strerror(errno));
    }
    char endpoint[64];
    const pid_t echo_pid = start_echo(shared, endpoint, sizeof endpoint);
    void *context = zmq_ctx_new();
    struct bench_daemon d[2];
    struct server server[SERVERS_MAX] = {{.name = with != NULL ? "without" : "murid"},
                                         {.name = "with"}};
    const size_t daemons_n = with != NULL ? 2 : 1;
    const size_t servers_n = daemons_n + 1;
    const size_t n = (size_t)trials;
    server[daemons_n].name = "echo";
    for (size_t s = 0; s < servers_n; s++) {
        if (s < daemons_n) {
            start_daemon(&d[s], &wish, s == 1 ? with : config);
        }
        server[s].socket = connect_to(context, s < daemons_n ? d[s].ask : endpoint);
        server[s].ns = calloc(n, sizeof *server[s].ns);
        if (server[s].ns == NULL) {
            bench_die("out of memory");
        }
    }
    const int64_t period_ns = (int64_t)(1e9 / rate);
    const int64_t start_ns = bench_now_ns() + 10000000;
    for (int64_t i = 0; i < WARM_UP + (int64_t)n; i++) {
        exchange(server, servers_n, shared, i, (int64_t)subjects, start_ns + i * period_ns,
                 period_ns / (int64_t)servers_n);
    }
    printf("%zu trials of %g animals at %g/s to each, reply %d bytes, ", n, subjects, rate,
           server[0].reply_size);
    if (wish.members >= 1.0) {
        printf("a bank of %.0f rnn\n", wish.members);
    } else {
        printf("model %s\n", wish.model != NULL ? wish.model : "built-in");
    }
    const int rc = report(server, servers_n, n);
    for (size_t s = 0; s < servers_n; s++) {
        free(server[s].ns);
        (void)zmq_close(server[s].socket);
    }
    (void)zmq_ctx_term(context);
    for (size_t s = 0; s < daemons_n; s++) {
        (void)bench_daemon_stop(&d[s]);
    }
    report_work(&d[daemons_n - 1]);
    for (size_t s = 0; s < daemons_n; s++) {
        bench_daemon_remove(&d[s]);
    }
    (void)kill(echo_pid, SIGTERM);
    (void)waitpid(echo_pid, NULL, 0);
    return rc;
}
