/* watch_views.h - the animals that the live view has received messages of, which of them it shows,
 * and whether the daemon is still alive.
 *
 * Without a name it follows the animal now playing: it stays with it, and switches to another
 * active one once this one's session is over, there was no message of it for a while, or it was
 * only known from an earlier last trial. Threads: one owner. Memory: one view per animal on the
 * heap; watch_views_close() frees them. Times are monotonic ns, the caller's.
 */
#pragma once

#include "watch_view.h"

enum {
    WATCH_VIEWS_MAX = 256,        /* animals; beyond, the one longest silent makes room */
    WATCH_VIEWS_QUIET_S = 60,     /* an animal without a trial for so long does not play */
    WATCH_VIEWS_SILENT_S = 5,     /* a daemon without a heartbeat for so long is silent */
    WATCH_VIEWS_SILENCE_MAX = 320 /* bytes of what is said of that */
};

struct watch_views_animal {
    struct watch_view *view; /* owned */
    int64_t trial_ns;        /* when its last trial was received; 0: never */
};

struct watch_views {
    struct watch_view none; /* shown before any animal is known; knows what is said of no animal */
    struct watch_views_animal animal[WATCH_VIEWS_MAX];
    int n;
    int shown;       /* -1: none */
    bool follows;    /* whoever plays */
    int64_t beat_ns; /* when the last heartbeat was received, or the wait for one began */
    bool has_beaten; /* one was received */
};

/* Shows that animal, or with NULL follows whoever plays. 0, or -1 without memory. */
int watch_views_open(struct watch_views *v, const char *subject, int64_t now_ns);
void watch_views_close(struct watch_views *v);

/* Takes up one published message. Returns true if it was a trial of the animal shown. */
bool watch_views_take(struct watch_views *v, const proto_message *msg, int64_t now_ns);

/* The animal shown. */
const struct watch_view *watch_views_shown(const struct watch_views *v);

/* Takes a key: n shows the next animal, p the
 * previous one, f follows the animal now playing. Returns
 * false if it is the one that ends: q. */
bool watch_views_press(struct watch_views *v, char key);

/* How long the daemon has been silent, and what to do about it: out[WATCH_VIEWS_SILENCE_MAX]; ""
 * while it speaks. Returns out. */
char *watch_views_silence(const struct watch_views *v, const char *endpoint, int64_t now_ns,
                          char out[]);

/* The page of the animal shown. In the last line: which of how many it is, with the keys if there
 * are any; or the daemon's silence. */
void watch_views_draw(const struct watch_views *v, const char *endpoint, bool has_keys,
                      int64_t now_ns, struct cell_canvas *canvas);
