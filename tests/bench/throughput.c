/* A recorded table as fast as it goes through `murid play` and the daemon, by asking and by
 * publishing; and whether the journal then has every trial once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

/* Runs `murid play`; its output goes where ours does. */
static void play(const char *data, const char *endpoint)
{
    int status = 0;
    (void)fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        (void)execl(bench_murid(), "murid", "play", data, "--to", endpoint, "--asap", (char *)NULL);
        bench_die("%s: %s", bench_murid(), strerror(errno));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        bench_die("murid play did not end well (status %d)", status);
    }
}

static int64_t count_rows(const char *path)
{
    char line[4096];
    int64_t rows = -1; /* the header */
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        rows++;
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return rows;
}

/* Trials a second from the start of play until the journal has them all. */
static double measure(const char *data, bool by_asking, int64_t rows)
{
    enum { MOST_S = 120 };
    static const char TAKEN[] = "SELECT count(*) FROM trial";
    struct bench_daemon d;
    bench_daemon_init(&d);
    (void)bench_daemon_start(&d);
    const int64_t start_ns = bench_now_ns();
    play(data, by_asking ? d.ask : d.trials);
    int64_t last = 0;
    int64_t end_ns = bench_now_ns();
    while (last < rows && end_ns - start_ns < (int64_t)MOST_S * 1000000000) {
        last = bench_journal_query(&d, "SELECT coalesce(max(id), 0) FROM event");
        end_ns = bench_now_ns();
    }
    (void)bench_daemon_stop(&d);
    const int64_t taken = bench_journal_query(&d, TAKEN);
    const int64_t different = bench_journal_query(
        &d, "SELECT count(*) FROM (SELECT DISTINCT subject, session, trial FROM trial)");
    printf("%s: %lld rows, %lld trials in the journal, %lld lost, %lld doubled\n",
           by_asking ? "ask" : "trials", (long long)rows, (long long)taken,
           (long long)(rows - different), (long long)(taken - different));
    if (taken != rows || different != rows) {
        bench_die("the journal does not say what the file says");
    }
    bench_daemon_remove(&d);
    return (double)rows / ((double)(end_ns - start_ns) / 1e9);
}

int main(int argc, char **argv)
{
    const char *data = MURID_SOURCE_DIR "/../shared/data/mice_train.csv";
    const struct bench_option list[] = {
        {"data", &data, NULL, NULL, "trial table (default ../shared/data/mice_train.csv)"},
    };
    bench_options(argc, argv, "A trial table through play and the daemon at full speed.", list, 1);
    bench_machine();
    const int64_t rows = count_rows(data);
    if (rows <= 0) {
        printf("skipped: %s absent\n", data);
        return 0;
    }
    const double ask = measure(data, true, rows);
    const double trials = measure(data, false, rows);
    return bench_verdict("ask, file to journal", ask, "trials/s", false, 20000.0) |
           bench_verdict("trials, file to journal", trials, "trials/s", false, 20000.0);
}
