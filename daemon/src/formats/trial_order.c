#include "trial_order.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fnv.h"
#include "list.h"

enum {
    FIRST_ROOM = 64,      /* trials */
    SPAN_FREE = 4096,     /* numbers that a session may span, and four times its rows */
    BEGINNING = 10,       /* numbers that count as a session's first ones */
    FELL_BY = 20,         /* at least, from beyond them */
    ROWS_A_DAY = 3,       /* at least, where numbers begin anew */
    OTHERS_IN_COPIES = 50 /* one of so many copies may have other contents */
};

struct trial_order_session {
    int64_t first;
    int64_t highest;
    int64_t latest;
    int64_t n;
    int64_t base; /* number of seen[0] */
    size_t room;
    uint16_t *seen; /* contents of each number, 0: it was not there */
};

/* Never 0. */
static uint16_t digest(const struct trial_row *row)
{
    const double reals[] = {row->stimulus, row->reward, row->rt_s, row->p_left};
    const int8_t bits[] = {row->choice, row->side, row->repeat};
    const uint64_t hash = fnv_bytes(fnv_bytes(FNV_START, reals, sizeof reals), bits, sizeof bits);
    const uint16_t folded = (uint16_t)(hash >> 48 ^ hash >> 32 ^ hash >> 16 ^ hash);
    return folded != 0 ? folded : 1;
}

/* Makes the numbers seen reach from at most `from` to at least `to`. False: too many. */
static bool reach(struct trial_order *o, struct trial_order_session *s, int64_t from, int64_t to)
{
    const int64_t span = to - from + 1;
    size_t room = s->room > 0 ? s->room : FIRST_ROOM;
    while ((int64_t)room < span) {
        room *= 2;
    }
    if (from < s->base) { /* more may come below */
        from = to >= (int64_t)room ? to - (int64_t)room + 1 : 0;
    }
    if (span > SPAN_FREE + 4 * s->n || o->n_trials - s->room + room > TRIAL_ORDER_TRIALS_MAX) {
        return false;
    }
    uint16_t *seen = calloc(room, sizeof *seen);
    if (seen == NULL) {
        return false;
    }
    if (s->room > 0) {
        const size_t shift = (size_t)(s->base - from);
        const size_t n = s->room < room - shift ? s->room : room - shift;
        memcpy(seen + shift, s->seen, n * sizeof *seen);
    }
    free(s->seen);
    o->n_trials += room - s->room;
    s->seen = seen;
    s->base = from;
    s->room = room;
    return true;
}

/* Where the contents of a number stand; NULL: there is no room for it. */
static uint16_t *place(struct trial_order *o, struct trial_order_session *s, int64_t trial)
{
    if (s->room == 0 || trial < s->base || trial >= s->base + (int64_t)s->room) {
        const int64_t from = s->room == 0 || trial < s->base ? trial : s->base;
        const int64_t to = s->room == 0 || trial > s->highest ? trial : s->highest;
        if (!reach(o, s, from, to)) {
            return NULL;
        }
    }
    return &s->seen[trial - s->base];
}

static void count(struct trial_order_count *count, int64_t line, const struct trial_row *row,
                  int64_t before)
{
    if (count->n++ == 0) {
        count->first =
            (struct trial_order_place){.line = line, .trial = row->trial, .before = before};
        strcpy(count->first.subject, row->subject);
        strcpy(count->first.session, row->session);
    }
}

static bool begins_anew(const struct trial_order_session *s, int64_t trial)
{
    return trial < s->latest && (trial <= s->first || (trial <= s->first + BEGINNING &&
                                                       s->latest >= s->first + FELL_BY));
}

static void judge(struct trial_order *o, const struct trial_order_session *s, bool follows,
                  const uint16_t *seen, int64_t line, const struct trial_row *row)
{
    const bool is_twice = seen != NULL ? *seen != 0 : row->trial == s->highest;
    if (row->trial < s->latest) {
        o->n_falls++;
        if (begins_anew(s, row->trial)) {
            count(&o->restarts, line, row, s->latest);
        }
    }
    if (is_twice) {
        const bool is_same = seen != NULL && *seen == digest(row);
        count(is_same ? &o->same : &o->other, line, row, s->latest);
    } else if (row->trial < s->highest) {
        count(&o->backward, line, row, s->highest);
    } else if (!follows) {
        count(&o->returned, line, row, s->highest);
    }
}

void trial_order_push(struct trial_order *o, uint32_t session, bool follows, int64_t line,
                      const struct trial_row *row)
{
    if (session == o->n) {
        void *list = list_grow(o->sessions, o->n, &o->capacity, sizeof *o->sessions);
        if (list == NULL) {
            return;
        }
        o->sessions = list;
        o->sessions[o->n++] = (struct trial_order_session){
            .first = row->trial, .highest = row->trial, .latest = row->trial};
    }
    if (session >= o->n) {
        return; /* there was no memory for one before it */
    }
    struct trial_order_session *s = &o->sessions[session];
    uint16_t *seen = place(o, s, row->trial);
    if (s->n++ > 0) {
        judge(o, s, follows, seen, line, row);
    }
    if (seen != NULL && *seen == 0) {
        *seen = digest(row);
    }
    s->latest = row->trial;
    s->highest = row->trial > s->highest ? row->trial : s->highest;
}

/* ---- what is said ---------------------------------------------------------------------------- */

/* Days that all have one name: almost every fall is to where the numbers begin, they go on from
 * there, and what stands under one number is not the same twice. */
static bool are_days_of_one_name(const struct trial_order *o)
{
    const int64_t twice = o->same.n + o->other.n;
    return o->restarts.n > 0 && o->n_falls <= 2 * o->restarts.n &&
           twice + o->backward.n >= ROWS_A_DAY * o->restarts.n &&
           (o->other.n * OTHERS_IN_COPIES > twice || twice == 0);
}

static const struct trial_order_place *earlier(const struct trial_order_count *a,
                                               const struct trial_order_count *b)
{
    return a->n == 0 || (b->n > 0 && b->first.line < a->first.line) ? &b->first : &a->first;
}

static void say_days(const struct trial_order *o, const char *path, int64_t n_rows,
                     struct findings *f)
{
    const struct trial_order_place *at = &o->restarts.first;
    fault_set(
        findings_next(f), FAULT_INPUT,
        "%s:%" PRId64 ": subject %s, session %s: trial %" PRId64 " comes after trial %" PRId64
        ": the numbers restart under one name (the first of %" PRId64 " such places in %" PRId64
        " rows): several sessions look like one; give each a name of its own, such as its "
        "date",
        path, at->line, at->subject, at->session, at->trial, at->before, o->restarts.n, n_rows);
}

static void say_twice(const struct trial_order *o, const char *path, int64_t n_rows,
                      struct findings *f)
{
    char contents[64] = "all with the same contents";
    const struct trial_order_place *at = earlier(&o->same, &o->other);
    if (o->other.n > 0) {
        (void)snprintf(contents, sizeof contents, "%" PRId64 " with other contents", o->other.n);
    }
    fault_set(findings_next(f), FAULT_INPUT,
              "%s:%" PRId64 ": subject %s, session %s: trial %" PRId64
              " appears twice; each trial once was expected (the first of %" PRId64
              " such rows of %" PRId64
              ", %s): rows are counted twice; keep each once, of rows with other contents the "
              "right one",
              path, at->line, at->subject, at->session, at->trial, o->same.n + o->other.n, n_rows,
              contents);
}

static void say_disorder(const struct trial_order *o, const char *path, int64_t n_rows,
                         struct findings *f)
{
    char what[64] = "comes after another session's";
    const struct trial_order_place *at = earlier(&o->backward, &o->returned);
    if (at == &o->backward.first) {
        (void)snprintf(what, sizeof what, "comes after trial %" PRId64, at->before);
    }
    fault_set(
        findings_next(f), FAULT_INPUT,
        "%s:%" PRId64 ": subject %s, session %s: trial %" PRId64
        " %s; the order in which the trials happened was expected (the first of %" PRId64
        " such rows of %" PRId64
        "): nothing can be learned from shuffled trials; sort the rows by subject, date of the "
        "session, trial",
        path, at->line, at->subject, at->session, at->trial, what, o->backward.n + o->returned.n,
        n_rows);
}

void trial_order_say(const struct trial_order *o, const char *path, int64_t n_rows,
                     struct findings *f)
{
    if (are_days_of_one_name(o)) {
        say_days(o, path, n_rows, f);
        return;
    }
    if (o->backward.n + o->returned.n > 0) {
        say_disorder(o, path, n_rows, f);
    }
    if (o->same.n + o->other.n > 0) {
        say_twice(o, path, n_rows, f);
    }
}

void trial_order_close(struct trial_order *o)
{
    for (size_t i = 0; i < o->n; i++) {
        free(o->sessions[i].seen);
    }
    free(o->sessions);
    memset(o, 0, sizeof *o);
}
