/* Trial tables: any bytes as a file. A row that is accepted must read back the same once written.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trial_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written_row(const struct trial_row *row)
{
    char text[2 * TRIAL_TABLE_LINE_MAX];
    FILE *f = fmemopen(text, sizeof text, "w");
    if (f == NULL) {
        return;
    }
    trial_table_write_header(f, TRIAL_TABLE_WITH_STAGES);
    trial_table_write(f, row, TRIAL_TABLE_WITH_STAGES);
    const long n = ftell(f);
    fclose(f);
    struct trial_table t;
    struct trial_row back;
    struct fault fault;
    f = n > 0 ? fmemopen(text, (size_t)n, "r") : NULL;
    if (f == NULL ||
        trial_table_open_file(&t, f, "again", TRIAL_TABLE_QUIET, &fault) != FAULT_NONE ||
        trial_table_next(&t, &back, &fault) != 1 || strcmp(back.subject, row->subject) != 0 ||
        strcmp(back.session, row->session) != 0 || strcmp(back.stage, row->stage) != 0 ||
        back.trial != row->trial || back.choice != row->choice || back.side != row->side ||
        back.repeat != row->repeat || back.stimulus < row->stimulus ||
        back.stimulus > row->stimulus) {
        abort();
    }
    trial_table_close(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    char *copy = malloc(size);
    FILE *f = NULL;
    if (copy != NULL) {
        memcpy(copy, data, size);
        f = fmemopen(copy, size, "r");
    }
    struct trial_table t;
    struct trial_row row;
    struct fault fault;
    if (f != NULL &&
        trial_table_open_file(&t, f, "fuzz", TRIAL_TABLE_STRICT, &fault) == FAULT_NONE) {
        while (trial_table_next(&t, &row, &fault) == 1) {
            check_written_row(&row);
        }
        trial_table_close(&t);
    }
    free(copy);
    return 0;
}
