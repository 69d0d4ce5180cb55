#include "trial_csv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/text_fields.h"
#include "table_hint.h"
#include "text_escape.h"

enum { NUMBER_MAX = 64, QUOTED_MAX = 40 };

/* One field of the line, unquoted in place. */
struct field {
    const char *text;
    size_t size;
};

/* Takes one field off the line at *at. 1: another follows, 0: it was the last, -1: an error. */
static int next_field(struct trial_table *t, size_t *at, struct field *field, struct fault *fault)
{
    const int rc = bridge_text_field_next(t->text, t->separator, at, &field->text, &field->size);
    if (rc < 0) {
        fault_set(fault, FAULT_INPUT, "%s:%lld: %s", t->path, (long long)t->line,
                  rc == BRIDGE_TEXT_AFTER_QUOTE ? "text after a closing quote; a comma was expected"
                                                : "a quote is not closed on its line");
        return -1;
    }
    return rc;
}

static int column_of(const struct field *name)
{
    for (int i = 0; i < TRIAL_ROW_COLUMNS; i++) {
        if (strlen(TRIAL_COLUMNS[i].name) == name->size &&
            memcmp(TRIAL_COLUMNS[i].name, name->text, name->size) == 0) {
            return i;
        }
    }
    return -1;
}

/* Takes the names of the columns off the line. */
static int read_names(struct trial_table *t, bool seen[TRIAL_ROW_COLUMNS], struct fault *fault)
{
    size_t at = strncmp(t->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (int more = 1; more == 1;) {
        struct field field;
        char quoted[QUOTED_MAX + 4];
        more = next_field(t, &at, &field, fault);
        if (more < 0) {
            return FAULT_INPUT;
        }
        if (t->n_columns == TRIAL_TABLE_COLUMNS_MAX) {
            return fault_set(fault, FAULT_INPUT, "%s:1: more than %d columns", t->path,
                             TRIAL_TABLE_COLUMNS_MAX);
        }
        const int column = column_of(&field);
        if (column >= 0 && seen[column]) {
            return fault_set(fault, FAULT_INPUT, "%s:1: column %s appears twice", t->path,
                             text_escape_quote(quoted, sizeof quoted, field.text, field.size));
        }
        if (column >= 0) {
            seen[column] = true;
        }
        t->column[t->n_columns++] = (int8_t)column;
    }
    return FAULT_NONE;
}

/* Every column that must be there; header: the line as it came. */
static int check_names(struct trial_table *t, const bool seen[TRIAL_ROW_COLUMNS],
                       const char *header, struct fault *fault)
{
    char hint[TABLE_HINT_MAX];
    for (int i = 0; i < TRIAL_ROW_COLUMNS; i++) {
        if (!seen[i] && TRIAL_COLUMNS[i].need != TRIAL_COLUMN_OPTIONAL) {
            return fault_set(fault, FAULT_INPUT,
                             "%s:1: no column %s; %ssubject, session, trial, stimulus and choice "
                             "were expected",
                             t->path, TRIAL_COLUMNS[i].name,
                             table_hint_header(hint, TRIAL_COLUMNS[i].name, header));
        }
        if (!seen[i] && table_hint_ignored(hint, TRIAL_COLUMNS[i].name, header)) {
            fault_set(&t->ignored, FAULT_INPUT,
                      "%s:1: column \"%s\" is ignored; %s is read: rename it", t->path, hint,
                      TRIAL_COLUMNS[i].name);
        }
    }
    return FAULT_NONE;
}

int trial_csv_open(struct trial_table *t, char separator, struct fault *fault)
{
    char header[TRIAL_TABLE_LINE_MAX];
    bool seen[TRIAL_ROW_COLUMNS] = {false};
    (void)snprintf(header, sizeof header, "%s", t->text);
    t->separator = separator;
    const int rc = read_names(t, seen, fault);
    return rc ? rc : check_names(t, seen, header, fault);
}

static void refuse_field(const struct trial_table *t, const struct trial_column *column,
                         const struct field *field, struct fault *fault)
{
    char quoted[QUOTED_MAX + 4];
    fault_set(fault, FAULT_INPUT, "%s:%lld: column %s: \"%s\" is not %s%s", t->path,
              (long long)t->line, column->name,
              text_escape_quote(quoted, sizeof quoted, field->text, field->size), column->expected,
              table_hint_value(column->name, field->text, field->size));
}

/* Reads the line's fields into the row: 1, or -1 with *fault. */
static int read_row(struct trial_table *table, struct trial_row *row, struct fault *fault)
{
    size_t at = 0;
    int n = 0;
    for (int more = 1; more == 1; n++) {
        struct field field;
        more = next_field(table, &at, &field, fault);
        if (more < 0) {
            return -1;
        }
        if (n >= table->n_columns || table->column[n] < 0) {
            continue;
        }
        const struct trial_column *column = &TRIAL_COLUMNS[table->column[n]];
        if (!trial_row_put(row, column, field.text, field.size)) {
            refuse_field(table, column, &field, fault);
            return -1;
        }
    }
    if (n != table->n_columns) {
        fault_set(fault, FAULT_INPUT, "%s:%lld: %d fields; the header has %d", table->path,
                  (long long)table->line, n, table->n_columns);
        return -1;
    }
    return 1;
}

int trial_csv_next(struct trial_table *t, struct trial_row *row, struct fault *fault)
{
    size_t size = 0;
    int got = 0;
    do {
        got = trial_table_line(t, &size, fault);
    } while (got > 0 && size == 0);
    return got > 0 ? read_row(t, row, fault) : got;
}

/* What is no other format's: errors say what it looks like. */
static bool is_any(const char *line, size_t size)
{
    (void)line;
    (void)size;
    return true;
}

static int open_csv(struct trial_table *t, struct fault *fault)
{
    return trial_csv_open(t, ',', fault);
}

const struct trial_format TRIAL_FORMAT_csv = {is_any, open_csv, trial_csv_next};

void trial_table_write_header(FILE *to, enum trial_table_columns columns)
{
    for (int i = 0; i < (int)columns; i++) {
        fprintf(to, "%s%s", i > 0 ? "," : "", TRIAL_COLUMNS[i].name);
    }
    fputc('\n', to);
}

/* In quotes where it has to be. */
static void write_text(FILE *to, const char *text)
{
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        fputs(text, to);
        return;
    }
    fputc('"', to);
    for (; *text != '\0'; text++) {
        fputs(*text == '"' ? "\"\"" : (char[2]){*text, '\0'}, to);
    }
    fputc('"', to);
}

/* The shortest of the usual forms that reads back as the same number. */
static void write_number(FILE *to, double value)
{
    char text[NUMBER_MAX];
    (void)snprintf(text, sizeof text, "%.15g", value);
    const double back = strtod(text, NULL);
    if (back < value || back > value) {
        (void)snprintf(text, sizeof text, "%.17g", value);
    }
    fputs(text, to);
}

void trial_table_write(FILE *to, const struct trial_row *row, enum trial_table_columns columns)
{
    for (int i = 0; i < (int)columns; i++) {
        const char *const from = (const char *)row + TRIAL_COLUMNS[i].offset;
        if (i > 0) {
            fputc(',', to);
        }
        switch (TRIAL_COLUMNS[i].kind) {
        case TRIAL_COLUMN_ID:
        case TRIAL_COLUMN_SESSION:
            fputs(from, to);
            break;
        case TRIAL_COLUMN_TEXT:
            write_text(to, from);
            break;
        case TRIAL_COLUMN_COUNT: {
            int64_t whole = 0;
            memcpy(&whole, from, sizeof whole);
            fprintf(to, "%lld", (long long)whole);
            break;
        }
        case TRIAL_COLUMN_REAL: {
            double value = 0.0;
            memcpy(&value, from, sizeof value);
            if (!isnan(value)) {
                write_number(to, value);
            }
            break;
        }
        case TRIAL_COLUMN_BIT: {
            const int8_t bit = *(const int8_t *)from;
            if (bit >= 0) {
                fprintf(to, "%d", bit);
            }
            break;
        }
        }
    }
    fputc('\n', to);
}
