/* trial_order.h - whether each trial of a table is present once, and in the order in which it
 * happened.
 *
 * Within a session the trial number must increase from row to row, and the rows of a session must
 * be contiguous; rows of other subjects may stand between. There are three kinds of violation: rows
 * out of order, duplicate rows, or a name shared by several sessions, whose numbers restart under
 * it. The first place of each is kept, with their count. Threads: one owner.
 * Memory: the heap, 72 bytes per session and 2 per trial, up to TRIAL_ORDER_SESSIONS_MAX and
 * TRIAL_ORDER_TRIALS_MAX; beyond that a trial is only compared with the highest number of its
 * session. trial_order_close() frees it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "findings.h"
#include "trial_row.h"

enum { TRIAL_ORDER_SESSIONS_MAX = 1 << 20, TRIAL_ORDER_TRIALS_MAX = 1 << 25 };

struct trial_order_place {
    int64_t line;
    int64_t trial;
    int64_t before; /* number of the session's row before it, or its highest */
    char subject[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1];
};

/* Rows of one kind. */
struct trial_order_count {
    int64_t n;
    struct trial_order_place first;
};

struct trial_order {
    struct trial_order_session *sessions; /* by number */
    size_t n;
    size_t capacity;
    size_t n_trials;                   /* room for so many is taken by all sessions */
    struct trial_order_count same;     /* again, with the same contents */
    struct trial_order_count other;    /* again, with others */
    struct trial_order_count backward; /* below one that came before */
    struct trial_order_count returned; /* after rows of other sessions of the subject */
    struct trial_order_count restarts; /* back at the numbers that the session began with */
    int64_t n_falls;                   /* below the session's row before */
};

/* Takes up a row of the session with that number, which is a new one, one after the highest, or an
 * old one. follows: the subject's row before was of this session too. */
void trial_order_push(struct trial_order *order, uint32_t session, bool follows, int64_t line,
                      const struct trial_row *row);

/* What is to be said of the rows so far. path: as errors call the table. */
void trial_order_say(const struct trial_order *order, const char *path, int64_t n_rows,
                     struct findings *findings);

void trial_order_close(struct trial_order *order);
