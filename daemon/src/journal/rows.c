#include "rows.h"

#include <string.h>

#include "journal_reader.h"
#include "progress.h"

enum { ROWS_A_LOOK = 1024 };

int rows_none(const struct trial_table *table, const char *only, struct fault *fault)
{
    char names[TRIAL_TABLE_NAMES_MAX];
    return only == NULL
               ? fault_set(fault, FAULT_INPUT, "%s: no trials; rows under the header were expected",
                           table->path)
               : fault_set(fault, FAULT_INPUT, "%s: no trials of %.64s; the animals there: %s",
                           table->path, only, trial_table_subjects(table, names));
}

static int read_rows(struct trial_table *table, const char *what, const char *only, rows_take *take,
                     void *context, struct fault *fault)
{
    struct progress progress;
    struct trial_row row;
    int rc = FAULT_NONE;
    int got = 0;
    int64_t n_taken = 0;
    progress_start(&progress, what, 0);
    for (int64_t n = 1; rc == FAULT_NONE && (got = trial_table_next(table, &row, fault)) == 1;
         n++) {
        if (only == NULL || strcmp(only, row.subject) == 0) {
            rc = take(context, table, &row, fault);
            n_taken++;
        }
        if (rc == FAULT_NONE && n % ROWS_A_LOOK == 0) {
            progress_update(&progress, n);
            rc = progress_interrupted() ? fault_set(fault, FAULT_WORK, "%s:%lld: interrupted",
                                                    table->path, (long long)table->line)
                                        : rc;
        }
    }
    progress_finish(&progress);
    if (rc == FAULT_NONE && got < 0) {
        return FAULT_INPUT;
    }
    if (rc == FAULT_NONE && n_taken == 0) {
        return rows_none(table, only, fault);
    }
    return rc;
}

int rows_read(const char *path, const char *what, const char *only, enum trial_table_care care,
              rows_take *take, void *context, struct fault *fault)
{
    struct trial_table table;
    int rc = trial_table_open(&table, path, care, fault);
    if (rc == FAULT_NONE) {
        rc = read_rows(&table, what, only, take, context, fault);
    }
    trial_table_close(&table);
    return rc;
}

int rows_tell_journal(const char *path, enum trial_table_care care, bool *is_journal,
                      struct fault *fault)
{
    *is_journal = journal_reader_is_journal(path);
    return *is_journal && care == TRIAL_TABLE_STRICT
               ? fault_set(fault, FAULT_INPUT,
                           "--strict: has no effect on a journal, %s; a table was expected", path)
               : FAULT_NONE;
}
