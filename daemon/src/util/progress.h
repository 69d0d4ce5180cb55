/* progress.h - shows the progress of long work, and whether the user wants it to stop.
 *
 * On a terminal one line is rewritten at most ten times a second, with an estimate of the remaining
 * time; elsewhere a plain line is written about every ten seconds. Everything goes to standard
 * error, so that standard output holds only the result. Threads: one owner per instance; the
 * interrupt flag may be read by all. Memory: the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *to;
    const char *what; /* the caller's; must outlive this */
    int64_t total;    /* steps there are, 0 unknown */
    int64_t start_ns;
    int64_t shown_ns; /* when a line was last written */
    bool terminal;
    bool on_screen; /* a line stands there that the next one replaces */
};

/* Starts: nothing is shown before the first line is due, so quick work stays silent. */
void progress_start(struct progress *p, const char *what, int64_t total);

/* The same with the clock and the stream given, monotonic ns. */
void progress_start_at(struct progress *p, const char *what, int64_t total, FILE *to, bool terminal,
                       int64_t now_ns);

/* Tells that `done` of the steps are behind us. Cheap enough for every few hundred steps. */
void progress_update(struct progress *p, int64_t done);
void progress_update_at(struct progress *p, int64_t done, int64_t now_ns);

/* Takes the line off the screen. */
void progress_finish(struct progress *p);

/* "eval: 42%, 12 s left", or "eval: 12000 done in 3 s" if the total is unknown. Returns out. */
char *progress_text(char *out, size_t cap, const char *what, int64_t done, int64_t total,
                    double elapsed_s);

/* From now on Ctrl-C, SIGTERM and a terminal that is closed only set the flag; a second one ends
 * the program at once. */
void progress_catch_interrupts(void);

/* True after the first of them. */
bool progress_interrupted(void);
