#include "progress.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

static const int64_t TERMINAL_EVERY_NS = 100000000;
static const int64_t PLAIN_EVERY_NS = 10000000000;

static volatile sig_atomic_t interrupted;

void progress_start_at(struct progress *p, const char *what, int64_t total, FILE *to, bool terminal,
                       int64_t now_ns)
{
    *p = (struct progress){.to = to,
                           .what = what,
                           .total = total,
                           .start_ns = now_ns,
                           .shown_ns = now_ns,
                           .terminal = terminal};
}

void progress_start(struct progress *p, const char *what, int64_t total)
{
    progress_start_at(p, what, total, stderr, isatty(STDERR_FILENO) == 1, clock_mono_ns());
}

static void format_duration(char *out, size_t cap, double seconds)
{
    const long whole = (long)(seconds + 0.5);
    if (whole < 100) {
        (void)snprintf(out, cap, "%ld s", whole);
    } else if (whole < 6000) {
        (void)snprintf(out, cap, "%ld min %02ld s", whole / 60, whole % 60);
    } else {
        (void)snprintf(out, cap, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
    }
}

char *progress_text(char *out, size_t cap, const char *what, int64_t done, int64_t total,
                    double elapsed_s)
{
    char duration[48];
    if (total <= 0) {
        format_duration(duration, sizeof duration, elapsed_s);
        (void)snprintf(out, cap, "%s: %lld done in %s", what, (long long)done, duration);
        return out;
    }
    double share = (double)done / (double)total;
    share = share < 0.0 ? 0.0 : share > 1.0 ? 1.0 : share;
    if (share <= 0.0) {
        (void)snprintf(out, cap, "%s: 0%%", what);
        return out;
    }
    format_duration(duration, sizeof duration, elapsed_s * (1.0 - share) / share);
    (void)snprintf(out, cap, "%s: %d%%, %s left", what, (int)(100.0 * share), duration);
    return out;
}

void progress_update_at(struct progress *p, int64_t done, int64_t now_ns)
{
    if (now_ns - p->shown_ns < (p->terminal ? TERMINAL_EVERY_NS : PLAIN_EVERY_NS)) {
        return;
    }
    char text[256];
    p->shown_ns = now_ns;
    progress_text(text, sizeof text, p->what, done, p->total,
                  (double)(now_ns - p->start_ns) * 1e-9);
    fprintf(p->to, p->terminal ? "\r\x1b[K%s" : "%s\n", text);
    fflush(p->to);
    p->on_screen = p->terminal;
}

void progress_update(struct progress *p, int64_t done)
{
    progress_update_at(p, done, clock_mono_ns());
}

void progress_finish(struct progress *p)
{
    if (p->on_screen) {
        fputs("\r\x1b[K", p->to);
        fflush(p->to);
        p->on_screen = false;
    }
}

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

void progress_catch_interrupts(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) { /* nohup */
        sigaction(SIGHUP, &action, NULL);
    }
}

bool progress_interrupted(void)
{
    return interrupted != 0;
}
