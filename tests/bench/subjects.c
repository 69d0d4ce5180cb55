/* Many animals live at once, each with a rig of its own and own parameters that a bank of eight is
 * adapted to: how long an answer takes, what a trial costs inside, what an animal takes of memory.
 *
 * One client sends the trials at times that are fixed beforehand; a round trip is counted from when
 * its trial was due, so that a late answer makes those behind it late too. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bench.h"
#include "model/random.h"

enum { MEMBERS = 8, SESSION = 1000 };

struct cohort {
    int64_t n;      /* animals */
    int64_t trials; /* of all */
    uint32_t *order;
    model_random random;
    void *socket;
};

static size_t encode(struct cohort *h, uint32_t animal, int64_t number, uint8_t *out, size_t cap)
{
    proto_message msg;
    char session[32];
    (void)snprintf(session, sizeof session, "s%lld", (long long)(number / SESSION));
    bench_trial(&msg, session, number % SESSION);
    (void)snprintf(msg.env.subject, sizeof msg.env.subject, "m%u", (unsigned)animal);
    (void)snprintf(msg.env.rig, sizeof msg.env.rig, "box%u", (unsigned)animal);
    msg.as.trial.stimulus = (double)model_random_below(&h->random, 9) / 4.0 - 1.0;
    const double p = 0.5 + 0.4 * msg.as.trial.stimulus;
    msg.as.trial.choice = model_random_uniform(&h->random) < p ? 1 : 0;
    msg.as.trial.reward = (msg.as.trial.stimulus > 0.0) == (msg.as.trial.choice == 1) ? 1.0 : 0.0;
    const int n = proto_encode(&msg, PROTO_FORMAT_MSGPACK, out, cap);
    if (n <= 0) {
        bench_die("a trial could not be encoded");
    }
    return (size_t)n;
}

static void exchange(struct cohort *h, const uint8_t *request, size_t size)
{
    static uint8_t reply[PROTO_BYTES_MAX];
    if (zmq_send(h->socket, request, size, 0) < 0 ||
        zmq_recv(h->socket, reply, sizeof reply, 0) < 0) {
        bench_die("no answer: %s", zmq_strerror(errno));
    }
}

/* Round r: each animal's trial number `first` + r, in an order of its own. */
static void shuffle(struct cohort *h)
{
    for (uint32_t i = (uint32_t)h->n; i > 1; i--) {
        const uint32_t k = (uint32_t)model_random_below(&h->random, i);
        const uint32_t held = h->order[i - 1];
        h->order[i - 1] = h->order[k];
        h->order[k] = held;
    }
}

/* What every animal has behind it when the clock starts, so that windows are as large as they get.
 */
static void fill(struct cohort *h, int64_t rounds)
{
    for (int64_t r = 0; r < rounds; r++) {
        for (uint32_t i = 0; i < h->n; i++) {
            uint8_t request[1024];
            exchange(h, request, encode(h, i, r, request, sizeof request));
        }
    }
}

static void live(struct cohort *h, int64_t first, int64_t rounds, double rate, int64_t *latency_ns)
{
    const double gap_ns = 1e9 / (rate * (double)h->n);
    const int64_t start_ns = bench_now_ns() + 100000000;
    for (int64_t r = 0; r < rounds; r++) {
        shuffle(h);
        for (int64_t i = 0; i < h->n; i++) {
            uint8_t request[1024];
            const int64_t k = r * h->n + i;
            const double due = (double)k + model_random_uniform(&h->random);
            const int64_t due_ns = start_ns + (int64_t)(gap_ns * due);
            const size_t size = encode(h, h->order[i], first + r, request, sizeof request);
            bench_sleep_until(due_ns);
            exchange(h, request, size);
            latency_ns[k] = bench_now_ns() - due_ns;
        }
    }
}

static int report(struct bench_daemon *d, const struct cohort *h, int64_t *latency_ns,
                  int64_t after, double mib_each)
{
    static const double QUANTILES[] = {0.5, 0.9, 0.99, 0.999, 1.0};
    double ms[5];
    bench_sort(latency_ns, (size_t)h->trials);
    for (int i = 0; i < 5; i++) {
        ms[i] = (double)bench_quantile(latency_ns, (size_t)h->trials, QUANTILES[i]) / 1e6;
        printf("answer, %5g %%: %.3f ms\n", 100.0 * QUANTILES[i], ms[i]);
    }
    char sql[256];
    (void)snprintf(sql, sizeof sql,
                   "SELECT CAST(1000 * (decode_us + assimilate_us + predict_us) AS INTEGER)"
                   " FROM prediction WHERE event > %lld ORDER BY 1 LIMIT 1 OFFSET %lld",
                   (long long)after, (long long)h->trials / 2);
    const double stages_us = (double)bench_journal_query(d, sql) / 1000.0;
    const int64_t tried = bench_journal_query(d, "SELECT count(*) FROM adaptation");
    const int64_t taken =
        bench_journal_query(d, "SELECT count(*) FROM adaptation WHERE what = 'taken'");
    printf("own parameters: looked for %lld times, taken up %lld times\n", (long long)tried,
           (long long)taken);
    return bench_verdict("answer, 99.9th percentile", ms[3], "ms", true, 5.0) |
           bench_verdict("decode + assimilate + predict, median", stages_us, "us", true, 30.0) |
           bench_verdict("memory an animal", mib_each, "MiB", true, 2.0);
}

int main(int argc, char **argv)
{
    double subjects = 200.0;
    double seconds = 60.0;
    double rate = 1.0;
    double every = 250.0;
    double before = 1000.0;
    const char *model = NULL;
    bool off = false;
    bool nets = false;
    const struct bench_option list[] = {
        {"subjects", NULL, &subjects, NULL, "how many at once (default 200)"},
        {"seconds", NULL, &seconds, NULL, "how long (default 60)"},
        {"rate", NULL, &rate, NULL, "trials a second of each (default 1)"},
        {"every", NULL, &every, NULL, "trials from one look for own parameters to the next (250)"},
        {"before", NULL, &before, NULL, "trials of each before the clock starts (default 1000)"},
        {"model", &model, NULL, NULL, "model file (default: a bank of eight rnn of 32 units)"},
        {"nets", NULL, NULL, &nets, "the nets too are each animal's own"},
        {"off", NULL, NULL, &off, "no own parameters: for comparison"},
    };
    bench_options(argc, argv, "Many animals live at once, own parameters being looked for.", list,
                  sizeof list / sizeof list[0]);
    bench_machine();
    struct bench_daemon d;
    char yaml[128];
    bench_daemon_init(&d);
    if (model != NULL) {
        bench_daemon_use_model(&d, model);
    } else {
        bench_daemon_use_net(&d, MEMBERS);
    }
    (void)snprintf(yaml, sizeof yaml, "adaptation: {rules: %s, nets: %s, every_trials: %.0f}\n",
                   off ? "false" : "true", nets ? "true" : "false", every);
    bench_daemon_configure(&d, yaml);
    (void)bench_daemon_start(&d);
    const int64_t rounds = (int64_t)(seconds * rate);
    struct cohort h = {.n = (int64_t)subjects, .trials = rounds * (int64_t)subjects};
    int64_t *latency_ns = calloc((size_t)h.trials + 1, sizeof *latency_ns);
    h.order = calloc((size_t)h.n + 1, sizeof *h.order);
    if (latency_ns == NULL || h.order == NULL || h.n < 1 || rounds < 1) {
        bench_die("at least one animal and one trial are needed");
    }
    model_random_seed(&h.random, 1, 0);
    for (uint32_t i = 0; i < h.n; i++) {
        h.order[i] = i;
    }
    void *context = zmq_ctx_new();
    h.socket = zmq_socket(context, ZMQ_REQ);
    const int wait_ms = 20000;
    (void)zmq_setsockopt(h.socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    if (zmq_connect(h.socket, d.ask) != 0) {
        bench_die("%s: %s", d.ask, zmq_strerror(errno));
    }
    const int64_t rss_before = bench_daemon_rss(&d);
    fill(&h, (int64_t)before);
    live(&h, (int64_t)before, rounds, rate, latency_ns);
    const double mib_each =
        (double)(bench_daemon_rss(&d) - rss_before) / (double)h.n / (1024.0 * 1024.0);
    (void)zmq_close(h.socket);
    (void)zmq_ctx_term(context);
    (void)bench_daemon_stop(&d);
    printf("%lld animals, %lld trials at %g/s of each, %s\n", (long long)h.n, (long long)h.trials,
           rate, model != NULL ? model : "a bank of eight rnn of 32 units");
    const int rc = report(&d, &h, latency_ns, (int64_t)before * h.n, mib_each);
    bench_daemon_remove(&d);
    free(latency_ns);
    free(h.order);
    return rc;
}
