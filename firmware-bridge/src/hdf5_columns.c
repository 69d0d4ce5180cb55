#include "bridge/hdf5_columns.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_SECONDS = 10, CHILD_MEGABYTES = 2048 };

/* ---- the child ------------------------------------------------------------------------------- */

/* The signal of a limit comes at `most`, the end a little behind it. */
static void limit(int what, rlim_t most)
{
    struct rlimit now;
    if (getrlimit(what, &now) == 0 && (now.rlim_max == RLIM_INFINITY || most + 1 < now.rlim_max)) {
        now = (struct rlimit){most, most + 1};
        (void)setrlimit(what, &now);
    }
}

/* Memory beyond what the process has, of which a sanitizer may have reserved a lot. */
static void limit_memory(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f != NULL && fscanf(f, "%lu", &pages) == 1) {
        limit(RLIMIT_AS,
              (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)CHILD_MEGABYTES << 20));
    }
    if (f != NULL) {
        (void)fclose(f);
    }
}

static void be_the_child(int fd, const struct bridge_hdf5_request *request)
{
    static const int CRASHES[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGPIPE};
    for (size_t i = 0; i < sizeof CRASHES / sizeof CRASHES[0]; i++) {
        (void)signal(CRASHES[i], SIG_DFL);
    }
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i <= 2 && nowhere >= 0 && fd > 2; i++) {
        (void)dup2(nowhere, i);
    }
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, CHILD_SECONDS);
    limit_memory();
    (void)setenv("HDF5_USE_FILE_LOCKING", "BEST_EFFORT", 1);
    _exit(bridge_hdf5_read(fd, request) ? 0 : 1);
}

/* ---- what it sends --------------------------------------------------------------------------- */

/* All of size bytes; false: there are no more. */
static bool take(int fd, void *to, size_t size)
{
    char *at = to;
    while (size > 0) {
        const ssize_t n = read(fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool take_column(int fd, struct bridge_columns *out, const struct bridge_hdf5_record *record)
{
    struct bridge_column *column =
        record->n > BRIDGE_ROWS_MAX || (record->is_scalar != 0 && record->n != 1)
            ? NULL
            : bridge_columns_add(out, record->name, (size_t)record->n, record->width);
    if (column == NULL) {
        return false;
    }
    column->is_scalar = record->is_scalar != 0;
    void *to = column->number != NULL ? (void *)column->number : (void *)column->text;
    return take(fd, to, column->n * (record->width > 0 ? record->width : sizeof(double)));
}

static void say(struct bridge_source *s, const struct bridge_hdf5_record *record)
{
    char found[192];
    (void)snprintf(found, sizeof found, "%s%s%s%.90s", record->name[0] != '\0' ? "column " : "",
                   record->name, record->name[0] != '\0' ? ": " : "", record->found);
    (void)bridge_why_set(s, NULL, 0, -1, found, record->expected,
                         record->kind == BRIDGE_HDF5_WRONG
                             ? "the column is left out"
                             : "copy it again, or check it with h5dump");
}

/* Until the child says that it is done: 0; -1 with s->why, of which found is "" if it broke off. */
static int take_all(struct bridge_source *s, int fd, struct bridge_columns *out,
                    void (*said)(struct bridge_source *s))
{
    struct bridge_hdf5_record record;
    int rc = 0;
    s->why.found[0] = '\0';
    while (take(fd, &record, sizeof record)) {
        record.name[sizeof record.name - 1] = '\0';
        record.found[sizeof record.found - 1] = '\0';
        record.expected[sizeof record.expected - 1] = '\0';
        if (record.kind == BRIDGE_HDF5_END) {
            return rc;
        }
        if (record.kind == BRIDGE_HDF5_COLUMN) {
            if (!take_column(fd, out, &record)) {
                break;
            }
        } else if (record.kind == BRIDGE_HDF5_WRONG) {
            say(s, &record);
            said(s);
            s->why.found[0] = '\0';
        } else {
            say(s, &record);
            rc = -1;
        }
    }
    s->why.found[0] = '\0';
    return -1;
}

/* ---- both ------------------------------------------------------------------------------------ */

static int broke_off(struct bridge_source *s, int status)
{
    char found[160] = "libhdf5 broke off";
    if (WIFSIGNALED(status)) {
        (void)snprintf(found, sizeof found, "libhdf5 broke off, by signal %d%s", WTERMSIG(status),
                       WTERMSIG(status) == SIGXCPU ? ": it took more than ten seconds" : "");
    }
    return bridge_why_set(s, NULL, 0, -1, found, "an HDF5 file that is sound",
                          "copy it again, or check it with h5dump; what was read before is kept");
}

int bridge_hdf5_columns_read(struct bridge_source *s, const struct bridge_hdf5_request *request,
                             struct bridge_columns *out, void (*said)(struct bridge_source *s))
{
    int ends[2];
    if (pipe(ends) != 0) {
        return bridge_why_set(s, NULL, 0, -1, strerror(errno), "a pipe to libhdf5", "");
    }
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    const pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        be_the_child(ends[1], request);
    }
    (void)close(ends[1]);
    if (child < 0) {
        const int error = errno;
        (void)close(ends[0]);
        return bridge_why_set(s, NULL, 0, -1, strerror(error), "a process for libhdf5", "");
    }
    const int rc = take_all(s, ends[0], out, said);
    int status = 0;
    (void)close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return rc != 0 && s->why.found[0] == '\0' ? broke_off(s, status) : rc;
}
