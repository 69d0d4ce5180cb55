/* trial_table.h - a trial table: CSV with a header row, read one row at a time.
 *
 * Columns (any order, others ignored): subject, session, trial, stimulus, choice, reward, rt_s,
 * side, repeat, p_left, stage; and of the session, in every row or its first: task, ephys_rig,
 * delay_s, which are written where they are known. The first five columns are required, and the
 * first four need a value in every row; elsewhere an empty field (or NA, or NaN) is "unknown".
 * Files of rigs and folders of them are read alike, through their adapters (rig_data.h). The file
 * is not trusted: lines and fields are bounded, numbers are range-checked, an error names file,
 * line, column, what was expected and what the field or file looks like. Rows are also checked for
 * likely mistakes (table_check.h), which trial_table_next() reports at the end. Threads: one owner.
 * Memory: a fixed buffer inside struct trial_table, and that of the check.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "mapping.h"
#include "model/member.h"
#include "trial_row.h"

/* What becomes of what is likely wrong. */
enum trial_table_care {
    TRIAL_TABLE_WARN,   /* a line each on standard error, "murid: warning: ..." */
    TRIAL_TABLE_STRICT, /* the same lines are errors */
    TRIAL_TABLE_QUIET   /* nothing is said: another reads the same table */
};

/* How a table is read. */
struct trial_table_how {
    enum trial_table_care care;
    const struct bridge_mapping *map; /* of columns and codings; NULL: murid's own */
};

/* What the command line says of it. */
struct trial_table_options {
    bool is_strict;
    struct mapping map;
};

/* clang-format off */
/* The rows of an option list for struct trial_table_options. */
#define TRIAL_TABLE_OPTIONS(options) \
    {"map", OPTION_MAP, &(options).map, 0, 0, "MAPPING", \
     "what columns and values of DATA mean, repeatable: a NAME, KEY=COLUMN, SECTION.KEY=VALUE or FILE.yaml (docs/formats.md)", NULL}, \
    {"strict", OPTION_FLAG, &(options).is_strict, 0, 0, NULL, \
     "what a table is warned of is an error (docs/tables.md)", NULL}
/* clang-format on */

enum { TRIAL_TABLE_LINE_MAX = 4096, TRIAL_TABLE_COLUMNS_MAX = 64 };

struct trial_table;
struct rig_data;

/* A format that tables come in (trial_formats.def). */
struct trial_format {
    /* Is it of this format? line: the first, or of a file that is no text what stands before its
     * first NUL. */
    bool (*is)(const char *line, size_t size);
    /* Reads what stands before the rows; the first line is in table->text. FAULT_NONE or
     * FAULT_INPUT. */
    int (*open)(struct trial_table *table, struct fault *fault);
    /* The next row, of which nothing is known yet: 1 a row, 0 the end, -1 an error. */
    int (*next)(struct trial_table *table, struct trial_row *row, struct fault *fault);
};

#define FORMAT(name) extern const struct trial_format TRIAL_FORMAT_##name;
#include "trial_formats.def"

struct trial_table {
    FILE *file;            /* NULL: rigs */
    struct rig_data *rigs; /* NULL: a table */
    char path[512];        /* as errors name it */
    int64_t line; /* of the row last read, from 1; of rigs, in the table that import would write */
    const struct trial_format *format;
    char separator; /* csv: between fields */
    int n_columns;
    int8_t column[TRIAL_TABLE_COLUMNS_MAX]; /* what each column of the file holds; -1 ignored */
    char text[TRIAL_TABLE_LINE_MAX];
    enum trial_table_care care;
    struct table_check *check;
    bool is_reported;
    struct fault ignored; /* of a column that is passed over for its name; "" none */
};

static inline struct trial_table_how trial_table_how(const struct trial_table_options *options)
{
    return (struct trial_table_how){options->is_strict ? TRIAL_TABLE_STRICT : TRIAL_TABLE_WARN,
                                    mapping_of(&options->map)};
}

/* The same reading, of which nothing is said. */
static inline struct trial_table_how trial_table_quietly(struct trial_table_how how)
{
    return (struct trial_table_how){TRIAL_TABLE_QUIET, how.map};
}

/* Murid's own columns and codings. */
static inline struct trial_table_how trial_table_plain(enum trial_table_care care)
{
    return (struct trial_table_how){care, NULL};
}

/* Opens path ("-": standard input) and reads the header. FAULT_NONE or FAULT_INPUT. */
int trial_table_open(struct trial_table *table, const char *path, struct trial_table_how how,
                     struct fault *fault);

/* The same for a file already open, which the table owns from now on, also after a failure. name is
 * what errors call it. */
int trial_table_open_file(struct trial_table *table, FILE *file, const char *name,
                          enum trial_table_care care, struct fault *fault);

/* The same for what rigs wrote, which the table owns from now on. */
void trial_table_open_rigs(struct trial_table *table, struct rig_data *rigs, const char *name,
                           enum trial_table_care care);

/* Reads the next row: 1 a row, 0 the end, -1 an error in *fault. The end is where
 * trial_table_report() says what is likely wrong: with TRIAL_TABLE_STRICT that is an error too. */
int trial_table_next(struct trial_table *table, struct trial_row *row, struct fault *fault);

/* Reads a line without its end into table->text: 1 a line, 0 the end of the file, -1 an error;
 * *size is what of it stands there. For formats. */
int trial_table_line(struct trial_table *table, size_t *size, struct fault *fault);

/* What a twin observes of a row. */
model_trial trial_table_trial(const struct trial_row *row);

/* FAULT_NONE to go on; anything else, with *fault, ends the reading. */
typedef int trial_table_take(void *context, const struct trial_table *table,
                             const struct trial_row *row, struct fault *fault);

/* Reads all rows of path ("-": standard input), with progress under the word `what`; Ctrl-C ends
 * it. only: one animal's rows; NULL: all. FAULT_NONE, FAULT_WORK, or FAULT_INPUT, also where there
 * is no such row: the animals that are there are named. */
int trial_table_read(const char *path, const char *what, const char *only,
                     struct trial_table_how how, trial_table_take *take, void *context,
                     struct fault *fault);

/* A table was read to its end without a trial, of one animal or at all: FAULT_INPUT. */
int trial_table_none(const struct trial_table *table, const char *only, struct fault *fault);

/* Says once what is likely wrong in the rows so far, for whom reads no further. FAULT_NONE; or,
 * with TRIAL_TABLE_STRICT, FAULT_INPUT with the last of it in *fault, what is before it on standard
 * error. */
int trial_table_report(struct trial_table *table, struct fault *fault);

/* True if a row so far is certainly out of order, there twice, or against itself. RT-safe: yes. */
bool trial_table_is_doubted(const struct trial_table *table);

void trial_table_close(struct trial_table *table);

/* Which columns are written: the first ones of TRIAL_COLUMNS. */
enum trial_table_columns {
    TRIAL_TABLE_OF_TRIALS = TRIAL_ROW_COLUMNS - 4,
    TRIAL_TABLE_WITH_STAGES = TRIAL_ROW_COLUMNS - 3,
    TRIAL_TABLE_WITH_SESSIONS = TRIAL_ROW_COLUMNS
};

/* The header line that trial_table_write() rows belong under, and one row. */
void trial_table_write_header(FILE *to, enum trial_table_columns columns);
void trial_table_write(FILE *to, const struct trial_row *row, enum trial_table_columns columns);
