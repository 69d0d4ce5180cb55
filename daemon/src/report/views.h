/* views.h - the animals that the live view has heard, which of them it shows, and whether the
 * daemon still speaks.
 *
 * Without a name it follows whoever plays: it stays with an animal while that one plays, and goes
 * to another that does once this one's session is over, nothing was heard of it for a while, or it
 * was only known from its last trial of earlier. Threads: one owner. Memory: a view an animal on
 * the heap; views_close() gives them back. Times are monotonic ns, the caller's.
 */
#ifndef MURID_VIEWS_H
#define MURID_VIEWS_H

#include "view.h"

enum {
    VIEWS_MAX = 256,        /* animals; beyond, the one longest silent makes room */
    VIEWS_QUIET_S = 60,     /* an animal without a trial for so long does not play */
    VIEWS_SILENT_S = 5,     /* a daemon without a heartbeat for so long is silent */
    VIEWS_SILENCE_MAX = 320 /* bytes of what is said of that */
};

struct views_animal {
    struct view *view; /* owned */
    int64_t trial_ns;  /* when its last trial was heard; 0: never */
};

struct views {
    struct view none; /* shown before any animal was heard; knows what is said of no animal */
    struct views_animal animal[VIEWS_MAX];
    int n;
    int shown;       /* -1: none */
    bool follows;    /* whoever plays */
    int64_t beat_ns; /* when the last heartbeat was heard, or the wait for one began */
    bool has_beaten; /* one was heard */
};

/* Shows that animal, or with NULL follows whoever plays. 0, or -1 without memory. */
int views_open(struct views *v, const char *subject, int64_t now_ns);
void views_close(struct views *v);

/* Takes up one published message. Returns true if it was a trial of the animal shown. */
bool views_take(struct views *v, const proto_message *msg, int64_t now_ns);

/* The animal shown. */
const struct view *views_shown(const struct views *v);

/* Takes a key: n shows the next animal, p the one before, f follows whoever plays again. Returns
 * false if it is the one that ends: q. */
bool views_press(struct views *v, char key);

/* How long the daemon has been silent, and what to do about it: out[VIEWS_SILENCE_MAX]; "" while it
 * speaks. Returns out. */
char *views_silence(const struct views *v, const char *endpoint, int64_t now_ns, char out[]);

/* The page of the animal shown. In the last line: which of how many it is, with the keys if there
 * are any; or the daemon's silence. */
void views_draw(const struct views *v, const char *endpoint, bool has_keys, int64_t now_ns,
                struct canvas *canvas);

#endif
