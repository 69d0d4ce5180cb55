/* Start to ready - fork to the answer to a hello - with a journal of 1 GB of earlier sessions: made
 * by the daemon itself, then opened after a clean stop with its pages cached, after a clean stop
 * without, and after a kill in mid-session. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { SUBJECTS = 20, STEP = 50000, TAIL = 700 };

/* Has the kernel forget the file's pages; dirty ones are written first. */
static void forget_pages(const char *path)
{
    const int fd = open(path, O_RDONLY);
    if (fd < 0 || fsync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0) {
        bench_die("%s: %s", path, strerror(errno));
    }
    (void)close(fd);
}

static double start_ms(struct bench_daemon *d, const char *how)
{
    const double ms = (double)bench_daemon_start(d) / 1e6;
    printf("ready after %.0f ms: %s\n", ms, how);
    return ms;
}

int main(int argc, char **argv)
{
    double size_mb = 1000.0;
    const struct bench_option list[] = {
        {"mb", NULL, &size_mb, NULL, "size of the journal, megabytes (default 1000)"},
    };
    bench_options(argc, argv, "Start to ready with a large journal.", list, 1);
    bench_machine();
    struct bench_daemon d;
    bench_daemon_init(&d);
    (void)start_ms(&d, "no journal");
    int64_t trials = 0;
    const int64_t start_ns = bench_now_ns();
    while ((double)bench_journal_bytes(&d) < size_mb * 1e6) {
        bench_fill(&d, trials, STEP, SUBJECTS, NULL, NULL);
        trials += STEP;
    }
    const double fill_s = (double)(bench_now_ns() - start_ns) / 1e9;
    (void)bench_daemon_stop(&d);
    printf("journal: %lld trials of %d subjects, %.0f MB, made at %.0f trials/s\n",
           (long long)trials, SUBJECTS, (double)bench_journal_bytes(&d) / 1e6,
           (double)trials / fill_s);
    double worst = start_ms(&d, "pages cached");
    (void)bench_daemon_stop(&d);
    forget_pages(d.journal);
    const double cold = start_ms(&d, "pages not cached");
    bench_fill(&d, trials, TAIL, SUBJECTS, NULL, NULL);
    if (kill(d.pid, SIGKILL) != 0 || waitpid(d.pid, NULL, 0) != d.pid) {
        bench_die("kill: %s", strerror(errno));
    }
    const double killed = start_ms(&d, "after a kill in mid-session");
    (void)bench_daemon_stop(&d);
    bench_daemon_remove(&d);
    worst = cold > worst ? cold : worst;
    worst = killed > worst ? killed : worst;
    return bench_verdict("start to ready", worst / 1000.0, "s", true, 1.0);
}
