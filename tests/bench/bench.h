/* bench.h - what the measurements share: a daemon of one's own, paced clients, percentiles, a model
 * with a net.
 *
 * Every failure of the surroundings prints a line and exits with 2: a measurement that could not be
 * made is not a result. Threads: one. Memory: the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model_file.h"
#include "proto/message.h"

/* `murid run` in a directory of its own under TMPDIR, on free ports of the loopback. */
struct bench_daemon {
    pid_t pid; /* 0: not running */
    char directory[256];
    char journal[512];
    char ask[64];
    char trials[64];
};

/* Options that every program here takes: --murid FILE, and those it adds. */
struct bench_option {
    const char *name; /* without the dashes */
    const char **text;
    double *number;
    bool *flag;
    const char *help;
};

/* Fills in what argv says, or prints what could be said and exits. */
void bench_options(int argc, char **argv, const char *about, const struct bench_option list[],
                   size_t n);

/* Prints "murid: bench: ..." and exits with 2. */
_Noreturn void bench_die(const char *format, ...);

/* Microseconds that a program of tests/reference prints, run with these arguments on one thread;
 * below 0 where there is no torch, which it says by ending with 77. */
double bench_torch_us(const char *program, const char *format, ...) FAULT_PRINTF(2, 3);

/* The program under test. */
const char *bench_murid(void);

int64_t bench_now_ns(void);
void bench_sleep_until(int64_t deadline_ns);

/* Makes the directory, free ports and a configuration of otherwise default settings. */
void bench_daemon_init(struct bench_daemon *d);

/* Configures a model file; or one made here: the rule rnn, 32 units, weights of a fixed seed; if
 * members is above 1, a bank of that model so many times. */
void bench_daemon_use_model(const struct bench_daemon *d, const char *path);
void bench_daemon_use_net(const struct bench_daemon *d, size_t members);

/* Adds lines of YAML to its configuration. */
void bench_daemon_configure(const struct bench_daemon *d, const char *yaml);

/* Starts it and waits until it answers a hello. The time that took, ns. */
int64_t bench_daemon_start(struct bench_daemon *d);

/* SIGTERM, and waits until it has ended well. The time that took, ns. */
int64_t bench_daemon_stop(struct bench_daemon *d);

/* Removes the directory and all in it. */
void bench_daemon_remove(struct bench_daemon *d);

/* Resident memory of the daemon, bytes. */
int64_t bench_daemon_rss(const struct bench_daemon *d);

/* Called now and then while trials go through: how many did. */
typedef void bench_progress(void *context, int64_t trials);

/* Plays so many trials of n_subjects made-up animals in turn, in sessions of 1,000, as fast as the
 * daemon answers; goes on behind those played before. progress may be NULL. */
void bench_fill(const struct bench_daemon *d, int64_t first, int64_t trials, int n_subjects,
                bench_progress *progress, void *context);

/* Bytes of the journal and its WAL. */
int64_t bench_journal_bytes(const struct bench_daemon *d);

/* One whole number from the journal. */
int64_t bench_journal_query(const struct bench_daemon *d, const char *sql);

/* That model in memory; model_file_free() it. */
void bench_model_build(struct model_file *out);

/* Trial number `number` of a made-up animal: subject m1 on rig bench, its session named. */
void bench_trial(proto_message *msg, const char *session, int64_t number);

/* Its msgpack bytes. Returns their number. */
size_t bench_trial_encode(uint8_t *out, size_t cap, const char *session, int64_t number);

/* Sorts. */
void bench_sort(int64_t values[], size_t n);

/* The value that a share q (0..1) of a sorted array lies at or below. */
int64_t bench_quantile(const int64_t sorted[], size_t n, double q);

/* Prints a line "NAME: FIGURE (required: REQUIRED)" and returns 0 if ok, 1 if not. */
int bench_verdict(const char *name, double figure, const char *unit, bool at_most, double required);

/* What the machine is and how busy it is, one line: results are nothing without it. */
void bench_machine(void);
