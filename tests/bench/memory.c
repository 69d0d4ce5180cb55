/* Resident memory of the daemon while one rig sends it a million trials: how much, and whether it
 * grows. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "subjects.h"

enum { SAMPLES_MAX = 4096 };

struct samples {
    const struct bench_daemon *daemon;
    size_t n;
    int64_t trials[SAMPLES_MAX];
    int64_t bytes[SAMPLES_MAX];
};

static void sample(void *context, int64_t trials)
{
    struct samples *s = context;
    if (s->n < SAMPLES_MAX) {
        s->trials[s->n] = trials;
        s->bytes[s->n++] = bench_daemon_rss(s->daemon);
    }
}

int main(int argc, char **argv)
{
    static struct samples s;
    double trials = 1000000.0;
    const double mib = 1024.0 * 1024.0;
    const struct bench_option list[] = {
        {"trials", NULL, &trials, NULL, "how many (default 1000000)"},
    };
    bench_options(argc, argv, "Resident memory of the daemon over many trials of one rig.", list,
                  1);
    bench_machine();
    struct bench_daemon d;
    bench_daemon_init(&d);
    (void)bench_daemon_start(&d);
    s.daemon = &d;
    sample(&s, 0);
    const int64_t start_ns = bench_now_ns();
    bench_fill(&d, 0, (int64_t)trials, 1, sample, &s);
    printf("%.0f trials in %.1f s\n", trials, (double)(bench_now_ns() - start_ns) / 1e9);
    (void)bench_daemon_stop(&d);
    const int64_t taken =
        bench_journal_query(&d, "SELECT count(*) FROM event WHERE status = 'taken'");
    if (taken != (int64_t)trials) {
        bench_die("%lld trials are in the journal", (long long)taken);
    }
    int64_t most = 0;
    int64_t most_early = 0; /* in the first tenth, when everything has been used once */
    printf("%10s %10s\n", "trials", "MiB");
    for (size_t i = 0; i < s.n; i++) {
        most = s.bytes[i] > most ? s.bytes[i] : most;
        most_early = i <= s.n / 10 && s.bytes[i] > most_early ? s.bytes[i] : most_early;
        if (i % (s.n / 10 + 1) == 0 || i + 1 == s.n) {
            printf("%10lld %10.2f\n", (long long)s.trials[i], (double)s.bytes[i] / mib);
        }
    }
    /* A session stays known, so that a trial sent again months later is recognized. */
    const int64_t sessions = bench_journal_query(&d, "SELECT count(*) FROM session");
    const int64_t sessions_bytes = sessions * 9 / 10 * (int64_t)sizeof(struct session);
    printf("%lld sessions of %zu bytes, %.2f MiB of them after the first tenth\n",
           (long long)sessions, sizeof(struct session), (double)sessions_bytes / mib);
    bench_daemon_remove(&d);
    return bench_verdict("resident memory, most", (double)most / mib, "MiB", true, 32.0) |
           bench_verdict("growth after the first tenth beside that",
                         (double)(most - most_early - sessions_bytes) / mib, "MiB", true, 0.5);
}
