/* trial_row.h - one trial as a table has it, and the columns of it: what each holds, and how its
 * texts are read.
 *
 * A value that may be unknown is -1 of a bit, NaN of a number, "" of a text. Threads: any.
 * Memory: none kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

enum { TRIAL_TABLE_TASK_MAX = 64, TRIAL_ROW_COLUMNS = 15 };

struct trial_row {
    char subject[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1];
    int64_t trial;
    double stimulus;                      /* signed contrast, fraction -1..1 */
    int8_t choice;                        /* 1 right, 0 left, -1 none */
    int8_t side;                          /* 1 right, 0 left, -1 unknown */
    int8_t repeat;                        /* 1 yes, 0 no, -1 unknown */
    double reward;                        /* 0..1, NaN unknown */
    double rt_s;                          /* NaN unknown */
    double p_left;                        /* NaN unknown */
    char stage[TRIAL_TABLE_TASK_MAX + 1]; /* of the protocol; "" unknown */
    char task[TRIAL_TABLE_TASK_MAX + 1];  /* of the session; "" unknown */
    int8_t ephys_rig;                     /* 1: on the electrophysiology rig, 0 not, -1 unknown */
    double delay_s;                       /* of the session's start; NaN unknown */
    char software[TRIAL_TABLE_TASK_MAX + 1]; /* that ran the session: "iblrig 8.23.1" */
};

struct trial_column {
    const char *name;
    enum {
        TRIAL_COLUMN_ID,
        TRIAL_COLUMN_SESSION,
        TRIAL_COLUMN_TEXT,
        TRIAL_COLUMN_COUNT,
        TRIAL_COLUMN_REAL,
        TRIAL_COLUMN_BIT
    } kind;
    enum { TRIAL_COLUMN_NEEDS_VALUE, TRIAL_COLUMN_NEEDED, TRIAL_COLUMN_OPTIONAL } need;
    size_t offset; /* within struct trial_row */
    double min;
    double max;
    const char *expected; /* "a number from 0 to 1, or empty" */
};

/* In the order in which they are written; the last five are of the session or the stage. */
extern const struct trial_column TRIAL_COLUMNS[TRIAL_ROW_COLUMNS];

/* Nothing known. */
void trial_row_init(struct trial_row *row);

/* Puts a column's text into the row; false if it is none that the column may hold. */
bool trial_row_put(struct trial_row *row, const struct trial_column *column, const char *text,
                   size_t size);
