/* Trial tables: any bytes as a file. A row that is accepted must read back the same once written.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written_row(const struct table_row *row)
{
    char text[2 * TABLE_LINE_MAX];
    FILE *f = fmemopen(text, sizeof text, "w");
    if (f == NULL) {
        return;
    }
    table_write_header(f, true);
    table_write(f, row, true);
    const long n = ftell(f);
    fclose(f);
    struct table t;
    struct table_row back;
    struct fault fault;
    f = n > 0 ? fmemopen(text, (size_t)n, "r") : NULL;
    if (f == NULL || table_open_file(&t, f, "again", TABLE_QUIET, &fault) != FAULT_NONE ||
        table_next(&t, &back, &fault) != 1 || strcmp(back.subject, row->subject) != 0 ||
        strcmp(back.session, row->session) != 0 || strcmp(back.stage, row->stage) != 0 ||
        back.trial != row->trial || back.choice != row->choice || back.side != row->side ||
        back.repeat != row->repeat || back.stimulus < row->stimulus ||
        back.stimulus > row->stimulus) {
        abort();
    }
    table_close(&t);
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
    struct table t;
    struct table_row row;
    struct fault fault;
    if (f != NULL && table_open_file(&t, f, "fuzz", TABLE_STRICT, &fault) == FAULT_NONE) {
        while (table_next(&t, &row, &fault) == 1) {
            check_written_row(&row);
        }
        table_close(&t);
    }
    free(copy);
    return 0;
}
