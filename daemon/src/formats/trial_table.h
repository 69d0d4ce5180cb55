/* trial_table.h - a trial table: CSV with a header row, read one row at a time.
 *
 * Columns (any order, others ignored): subject, session, trial, stimulus, choice, reward, rt_s,
 * side, repeat, p_left, stage; and of the session, in every row or its first: task, ephys_rig,
 * delay_s, which are read and not written. The first five columns are required, and the first four
 * need a value in every row; elsewhere an empty field (or NA, or NaN) is "unknown". The file is not
 * trusted: lines and fields are bounded, numbers are range-checked, an error names file, line,
 * column, what was expected and what the field or file looks like. Rows are also checked for likely
 * mistakes (table_check.h), which trial_table_next() reports at the end. Threads: one owner.
 * Memory: a fixed buffer inside struct trial_table, and that of the check.
 */
#ifndef MURID_TRIAL_TABLE_H
#define MURID_TRIAL_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "proto/message.h"

/* What becomes of what is likely wrong. */
enum trial_table_care {
    TRIAL_TABLE_WARN,   /* a line each on standard error, "murid: warning: ..." */
    TRIAL_TABLE_STRICT, /* the same lines are errors */
    TRIAL_TABLE_QUIET   /* nothing is said: another reads the same table */
};

/* The row of an option list that chooses the first two; into: bool. */
#define TRIAL_TABLE_STRICT_OPTION(into)                                                            \
    {                                                                                              \
        "strict", OPTION_FLAG, into, 0, 0, NULL,                                                   \
            "what a table is warned of is an error (docs/tables.md)", NULL                         \
    }

enum { TRIAL_TABLE_LINE_MAX = 4096, TRIAL_TABLE_COLUMNS_MAX = 64, TRIAL_TABLE_TASK_MAX = 64 };

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
};

struct trial_table {
    FILE *file;
    char path[512]; /* as errors name it */
    int64_t line;   /* of the row last read, from 1 */
    int n_columns;
    int8_t column[TRIAL_TABLE_COLUMNS_MAX]; /* what each column of the file holds; -1 ignored */
    char text[TRIAL_TABLE_LINE_MAX];
    enum trial_table_care care;
    struct table_check *check;
    bool is_reported;
    struct fault ignored; /* of a column that is passed over for its name; "" none */
};

static inline enum trial_table_care trial_table_care(bool is_strict)
{
    return is_strict ? TRIAL_TABLE_STRICT : TRIAL_TABLE_WARN;
}

/* Opens path ("-": standard input) and reads the header. FAULT_NONE or FAULT_INPUT. */
int trial_table_open(struct trial_table *table, const char *path, enum trial_table_care care,
                     struct fault *fault);

/* The same for a file already open, which the table owns from now on, also after a failure. name is
 * what errors call it. */
int trial_table_open_file(struct trial_table *table, FILE *file, const char *name,
                          enum trial_table_care care, struct fault *fault);

/* Reads the next row: 1 a row, 0 the end, -1 an error in *fault. The end is where
 * trial_table_report() says what is likely wrong: with TRIAL_TABLE_STRICT that is an error too. */
int trial_table_next(struct trial_table *table, struct trial_row *row, struct fault *fault);

/* Says once what is likely wrong in the rows so far, for whom reads no further. FAULT_NONE; or,
 * with TRIAL_TABLE_STRICT, FAULT_INPUT with the last of it in *fault, what is before it on standard
 * error. */
int trial_table_report(struct trial_table *table, struct fault *fault);

/* True if a row so far is certainly out of order, there twice, or against itself. RT-safe: yes. */
bool trial_table_is_doubted(const struct trial_table *table);

enum { TRIAL_TABLE_NAMES_MAX = 320 };

/* The animals of the rows so far, "m1, m2 and 7 others". Returns out. */
const char *trial_table_subjects(const struct trial_table *table, char out[TRIAL_TABLE_NAMES_MAX]);

/* Closes; a zeroed table is fine. */
void trial_table_close(struct trial_table *table);

/* The header line that trial_table_write() rows belong under, and one row; the column stage is the
 * last, if it is wanted. */
void trial_table_write_header(FILE *to, bool with_stage);
void trial_table_write(FILE *to, const struct trial_row *row, bool with_stage);

#endif
