/* order.h - whether the rows of a table stand in the order in which the trials happened.
 *
 * Within a session the number of a trial must grow from row to row, and the rows of a session must
 * stand together; rows of other subjects may stand between. Each row that breaks this is counted,
 * the first one is kept. Threads: one owner. Memory: the heap, up to 64 bytes a session;
 * order_close() gives it back. Sessions are told apart by a hash of 64 bits.
 */
#ifndef MURID_ORDER_H
#define MURID_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "subjects.h"
#include "table.h"

enum order_break {
    ORDER_NONE,
    ORDER_TWICE,    /* the same subject, session and trial again */
    ORDER_BACKWARD, /* the trial's number is below one that came before */
    ORDER_RETURN    /* other sessions of the subject stand between */
};

struct order {
    struct order_session {
        uint64_t name; /* hash of subject and session; 0: the slot is free */
        int64_t trial; /* the highest so far */
    } * slots;
    size_t n;
    size_t capacity;               /* a power of 2, or 0 */
    uint64_t latest[SUBJECTS_MAX]; /* by subject: session of its last row */
    int64_t n_broken;
    enum order_break broken; /* of the first */
    int64_t line;
    int64_t before; /* the highest trial of that session before it */
    struct table_row row;
};

/* Takes a row of the subject with that number up. A zeroed *order is an empty one. FAULT_NONE, also
 * if the row is out of order, or FAULT_WORK: no memory. */
int order_push(struct order *order, uint32_t subject, const struct table *table,
               const struct table_row *row, struct fault *fault);

enum { ORDER_TEXT_MAX = 1024 };

/* One line on what is out of order, with the place of the first; "" where nothing is. Returns out.
 */
const char *order_print(const struct order *order, const struct table *table, int64_t n_rows,
                        char out[ORDER_TEXT_MAX]);

/* A zeroed one is fine. */
void order_close(struct order *order);

#endif
