#include "trial_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_kind.h"
#include "findings.h"
#include "progress.h"
#include "table_check.h"
#include "table_hint.h"
#include "text_escape.h"

enum kind { KIND_ID, KIND_SESSION, KIND_TEXT, KIND_COUNT, KIND_REAL, KIND_BIT };
enum need { NEED_VALUE, NEED_COLUMN, NEED_NOTHING };

static const struct column {
    const char *name;
    enum kind kind;
    enum need need;
    size_t offset; /* within struct trial_row */
    double min;
    double max;
    const char *expected;
} COLUMNS[] = {
#define AT(field) offsetof(struct trial_row, field)
    {"subject", KIND_ID, NEED_VALUE, AT(subject), 0, 0, "a name: 1 to 64 of A-Z a-z 0-9 . _ -"},
    {"session", KIND_SESSION, NEED_VALUE, AT(session), 0, 0,
     "a name: 1 to 64 of A-Z a-z 0-9 . _ -, or NAME+N for its run N"},
    {"trial", KIND_COUNT, NEED_VALUE, AT(trial), 0, 1e9, "a whole number from 0 to 1000000000"},
    {"stimulus", KIND_REAL, NEED_VALUE, AT(stimulus), -1, 1, "a number from -1 to 1"},
    {"choice", KIND_BIT, NEED_COLUMN, AT(choice), 0, 1, "0, 1 or empty"},
    {"reward", KIND_REAL, NEED_NOTHING, AT(reward), 0, 1, "a number from 0 to 1, or empty"},
    {"rt_s", KIND_REAL, NEED_NOTHING, AT(rt_s), 0, 86400, "a number from 0 to 86400, or empty"},
    {"side", KIND_BIT, NEED_NOTHING, AT(side), 0, 1, "0, 1 or empty"},
    {"repeat", KIND_BIT, NEED_NOTHING, AT(repeat), 0, 1, "0, 1 or empty"},
    {"p_left", KIND_REAL, NEED_NOTHING, AT(p_left), 0, 1, "a number from 0 to 1, or empty"},
    {"stage", KIND_TEXT, NEED_NOTHING, AT(stage), 0, 0, "any text"},
    {"task", KIND_TEXT, NEED_NOTHING, AT(task), 0, 0, "any text"},
    {"ephys_rig", KIND_BIT, NEED_NOTHING, AT(ephys_rig), 0, 1, "0, 1 or empty"},
    {"delay_s", KIND_REAL, NEED_NOTHING, AT(delay_s), 0, 86400,
     "a number from 0 to 86400, or empty"},
#undef AT
};

enum {
    N_COLUMNS = sizeof COLUMNS / sizeof COLUMNS[0],
    N_WRITTEN = N_COLUMNS - 4, /* those of the session are not, stage only if wanted */
    NUMBER_MAX = 64,
    NAMES_MAX = 320,
    QUOTED_MAX = 40
};

/* One field of the line, unquoted in place. */
struct field {
    const char *text;
    size_t size;
};

/* Reads one line without its end: 1 a line, 0 the end of the file, -1 an error; *size is what of it
 * stands in t->text. */
static int read_line(struct trial_table *t, size_t *size, struct fault *fault)
{
    size_t n = 0;
    int c = getc(t->file);
    if (c == EOF && !ferror(t->file)) {
        return 0;
    }
    t->line++;
    for (; c != EOF && c != '\n'; c = getc(t->file)) {
        *size = n;
        if (c == '\0') {
            t->text[n] = '\0';
            *size = n + 1;
            fault_set(fault, FAULT_INPUT, "%s:%lld: a NUL byte; text was expected", t->path,
                      (long long)t->line);
            return -1;
        }
        if (n == TRIAL_TABLE_LINE_MAX - 1) {
            fault_set(fault, FAULT_INPUT,
                      "%s:%lld: the line is too long; at most %d bytes expected", t->path,
                      (long long)t->line, TRIAL_TABLE_LINE_MAX - 1);
            return -1;
        }
        t->text[n++] = (char)c;
    }
    if (ferror(t->file)) {
        fault_set(fault, FAULT_INPUT, "%s:%lld: cannot be read: %s", t->path, (long long)t->line,
                  strerror(errno));
        return -1;
    }
    if (n > 0 && t->text[n - 1] == '\r') {
        n--;
    }
    t->text[n] = '\0';
    *size = n;
    return 1;
}

/* Takes one field off the line at *at. 1: another follows, 0: it was the last, -1: an error. */
static int next_field(struct trial_table *t, size_t *at, struct field *field, struct fault *fault)
{
    char *const s = t->text;
    size_t i = *at;
    if (s[i] != '"') {
        const size_t n = strcspn(s + i, ",");
        *field = (struct field){s + i, n};
        *at = i + n + 1;
        return s[i + n] == ',' ? 1 : 0;
    }
    size_t n = 0;
    char *const out = s + i;
    for (i++; s[i] != '\0'; i++) {
        if (s[i] == '"' && s[++i] != '"') {
            *field = (struct field){out, n};
            *at = i + 1;
            if (s[i] == ',' || s[i] == '\0') {
                return s[i] == ',' ? 1 : 0;
            }
            fault_set(fault, FAULT_INPUT,
                      "%s:%lld: text after a closing quote; a comma was expected", t->path,
                      (long long)t->line);
            return -1;
        }
        out[n++] = s[i];
    }
    fault_set(fault, FAULT_INPUT, "%s:%lld: a quote is not closed on its line", t->path,
              (long long)t->line);
    return -1;
}

static int column_of(const struct field *name)
{
    for (int i = 0; i < N_COLUMNS; i++) {
        if (strlen(COLUMNS[i].name) == name->size &&
            memcmp(COLUMNS[i].name, name->text, name->size) == 0) {
            return i;
        }
    }
    return -1;
}

/* A file that is something else altogether; FAULT_NONE: it may be a table. */
static int refuse_kind(const char *name, enum file_kind kind, struct fault *fault)
{
    const char *remedy = table_hint_kind(kind);
    return remedy == NULL
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT, "%s: is %s; a trial table was expected: %s", name,
                           file_kind_name(kind), remedy);
}

/* Takes the names of the columns off the line. */
static int read_names(struct trial_table *t, bool seen[N_COLUMNS], struct fault *fault)
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
            return fault_set(fault, FAULT_INPUT, "%s:1: column %s is there twice", t->path,
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
static int check_names(struct trial_table *t, const bool seen[N_COLUMNS], const char *header,
                       struct fault *fault)
{
    char hint[TABLE_HINT_MAX];
    for (int i = 0; i < N_COLUMNS; i++) {
        if (!seen[i] && COLUMNS[i].need != NEED_NOTHING) {
            return fault_set(fault, FAULT_INPUT,
                             "%s:1: no column %s; %ssubject, session, trial, stimulus and choice "
                             "were expected",
                             t->path, COLUMNS[i].name,
                             table_hint_header(hint, COLUMNS[i].name, header));
        }
        if (!seen[i] && table_hint_ignored(hint, COLUMNS[i].name, header)) {
            fault_set(&t->ignored, FAULT_INPUT,
                      "%s:1: column \"%s\" is ignored; %s is read: rename it", t->path, hint,
                      COLUMNS[i].name);
        }
    }
    return FAULT_NONE;
}

static int read_header(struct trial_table *t, struct fault *fault)
{
    char header[TRIAL_TABLE_LINE_MAX] = "";
    bool seen[N_COLUMNS] = {false};
    size_t size = 0;
    const int got = read_line(t, &size, fault);
    if (got == 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s:1: the file is empty; a header with the columns subject, session, "
                         "trial, stimulus, choice was expected",
                         t->path);
    }
    memcpy(header, t->text, size);
    int rc = got < 0 ? FAULT_INPUT : read_names(t, seen, fault);
    rc = rc ? rc : check_names(t, seen, header, fault);
    if (rc != FAULT_NONE && size > 0) {
        if (got < 0) { /* no text: what it is may be told by what follows */
            size += fread(header + size, 1, sizeof header - size, t->file);
        }
        (void)refuse_kind(t->path, file_kind_of(header, size), fault);
    }
    return rc;
}

int trial_table_open_file(struct trial_table *table, FILE *file, const char *name,
                          enum trial_table_care care, struct fault *fault)
{
    *table = (struct trial_table){.file = file, .care = care, .check = table_check_open()};
    (void)snprintf(table->path, sizeof table->path, "%s", name);
    const int rc = read_header(table, fault);
    if (rc != FAULT_NONE) {
        trial_table_close(table);
    }
    return rc;
}

int trial_table_open(struct trial_table *table, const char *path, enum trial_table_care care,
                     struct fault *fault)
{
    *table = (struct trial_table){0};
    if (strcmp(path, "-") == 0) {
        return trial_table_open_file(table, stdin, "standard input", care, fault);
    }
    const int rc = refuse_kind(path, file_kind_at(path), fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return fault_set(fault, FAULT_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
    }
    return trial_table_open_file(table, file, path, care, fault);
}

void trial_table_close(struct trial_table *table)
{
    if (table->file != NULL && table->file != stdin) {
        fclose(table->file);
    }
    table_check_close(table->check);
    table->check = NULL;
    table->file = NULL;
}

static bool is_unknown(const struct field *field)
{
    static const char *const WORDS[] = {"", "NA", "NaN", "nan"};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (strlen(WORDS[i]) == field->size && memcmp(WORDS[i], field->text, field->size) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_number(const struct field *field, double *out)
{
    char text[NUMBER_MAX];
    if (field->size == 0 || field->size >= sizeof text) {
        return false;
    }
    memcpy(text, field->text, field->size);
    text[field->size] = '\0';
    /* strtod alone would take hexadecimal, infinity and leading white space too. */
    if (strspn(text, "0123456789+-.eE") != field->size) {
        return false;
    }
    char *end = NULL;
    *out = strtod(text, &end);
    return *end == '\0';
}

/* Puts the field's value into the row; false if it is none the column may hold. */
static bool store(const struct column *column, const struct field *field, struct trial_row *row)
{
    char *const to = (char *)row + column->offset;
    if (column->need != NEED_VALUE && is_unknown(field)) {
        return true;
    }
    if (column->kind == KIND_ID || column->kind == KIND_SESSION) {
        if (field->size > PROTO_ID_MAX) {
            return false;
        }
        memcpy(to, field->text, field->size);
        to[field->size] = '\0';
        return column->kind == KIND_ID ? proto_id_is_valid(to) : proto_session_is_valid(to);
    }
    if (column->kind == KIND_TEXT) {
        char text[TRIAL_TABLE_TASK_MAX + 1];
        const size_t n = field->size < TRIAL_TABLE_TASK_MAX ? field->size : TRIAL_TABLE_TASK_MAX;
        memcpy(text, field->text, n);
        text[n] = '\0';
        text_escape_clean(to, sizeof text, text);
        return true;
    }
    double value = 0.0;
    if (!read_number(field, &value) || !(value >= column->min && value <= column->max)) {
        return false;
    }
    if (column->kind == KIND_REAL) {
        memcpy(to, &value, sizeof value);
        return true;
    }
    const int64_t whole = (int64_t)value;
    if ((double)whole < value || (double)whole > value) {
        return false;
    }
    if (column->kind == KIND_BIT) {
        *to = (char)whole;
    } else {
        memcpy(to, &whole, sizeof whole);
    }
    return true;
}

static void refuse_field(const struct trial_table *t, const struct column *column,
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
        const struct column *column = &COLUMNS[table->column[n]];
        if (!store(column, &field, row)) {
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

int trial_table_next(struct trial_table *table, struct trial_row *row, struct fault *fault)
{
    size_t size = 0;
    do {
        const int got = read_line(table, &size, fault);
        if (got <= 0) {
            return got < 0 || trial_table_report(table, fault) != FAULT_NONE ? -1 : 0;
        }
    } while (size == 0);

    const double unknown = (double)NAN;
    *row = (struct trial_row){.choice = -1, .side = -1, .repeat = -1, .ephys_rig = -1};
    row->reward = unknown;
    row->rt_s = unknown;
    row->p_left = unknown;
    row->delay_s = unknown;
    const int got = read_row(table, row, fault);
    if (got == 1) {
        table_check_push(table->check, table->line, row);
    }
    return got;
}

int trial_table_report(struct trial_table *table, struct fault *fault)
{
    struct findings findings = {.n = 0};
    if (table->care == TRIAL_TABLE_QUIET || table->is_reported) {
        return FAULT_NONE;
    }
    table->is_reported = true;
    if (table->ignored.text[0] != '\0') {
        *findings_next(&findings) = table->ignored;
    }
    table_check_say(table->check, table->path, &findings);
    const bool is_strict = table->care == TRIAL_TABLE_STRICT;
    for (uint32_t i = 0; i < findings.n; i++) {
        if (is_strict && i + 1 == findings.n) {
            *fault = findings.list[i];
            return FAULT_INPUT;
        }
        fprintf(stderr, "%smurid: %s%s\n", isatty(STDERR_FILENO) ? "\r\x1b[K" : "",
                is_strict ? "" : "warning: ", findings.list[i].text);
    }
    return FAULT_NONE;
}

bool trial_table_is_doubted(const struct trial_table *table)
{
    return table_check_is_doubted(table->check);
}

model_trial trial_table_trial(const struct trial_row *row)
{
    return (model_trial){.contrast = row->stimulus,
                         .reward = row->reward,
                         .rt_s = row->rt_s,
                         .choice = row->choice,
                         .side = row->side};
}

int trial_table_none(const struct trial_table *table, const char *only, struct fault *fault)
{
    char names[NAMES_MAX];
    return only == NULL
               ? fault_set(fault, FAULT_INPUT, "%s: no trials; rows under the header were expected",
                           table->path)
               : fault_set(fault, FAULT_INPUT, "%s: no trials of %.64s; the animals there: %s",
                           table->path, only,
                           table_check_subjects(table->check, names, sizeof names));
}

/* ---- whole tables ---------------------------------------------------------------------------- */

static int read_rows(struct trial_table *table, const char *what, const char *only,
                     trial_table_take *take, void *context, int64_t *n_taken, struct fault *fault)
{
    enum { ROWS_A_LOOK = 256 };
    struct stat info;
    struct progress progress;
    struct trial_row row;
    int rc = FAULT_NONE;
    int got = 0;
    const bool is_file = fstat(fileno(table->file), &info) == 0 && S_ISREG(info.st_mode);
    progress_start(&progress, what, is_file ? (int64_t)info.st_size : 0);
    for (int64_t n = 1; rc == FAULT_NONE && (got = trial_table_next(table, &row, fault)) == 1;
         n++) {
        if (only == NULL || strcmp(only, row.subject) == 0) {
            rc = take(context, table, &row, fault);
            ++*n_taken;
        }
        if (rc == FAULT_NONE && n % ROWS_A_LOOK == 0) {
            progress_update(&progress, is_file ? (int64_t)ftello(table->file) : n);
            rc = progress_interrupted() ? fault_set(fault, FAULT_WORK, "%s:%lld: interrupted",
                                                    table->path, (long long)table->line)
                                        : rc;
        }
    }
    progress_finish(&progress);
    return rc == FAULT_NONE && got < 0 ? FAULT_INPUT : rc;
}

int trial_table_read(const char *path, const char *what, const char *only,
                     enum trial_table_care care, trial_table_take *take, void *context,
                     struct fault *fault)
{
    struct trial_table table;
    int64_t n_taken = 0;
    int rc = trial_table_open(&table, path, care, fault);
    rc = rc ? rc : read_rows(&table, what, only, take, context, &n_taken, fault);
    if (rc == FAULT_NONE && n_taken == 0) {
        rc = trial_table_none(&table, only, fault);
    }
    trial_table_close(&table);
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

void trial_table_write_header(FILE *to, bool with_stage)
{
    for (int i = 0; i < N_WRITTEN + (with_stage ? 1 : 0); i++) {
        fprintf(to, "%s%s", i > 0 ? "," : "", COLUMNS[i].name);
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

void trial_table_write(FILE *to, const struct trial_row *row, bool with_stage)
{
    for (int i = 0; i < N_WRITTEN + (with_stage ? 1 : 0); i++) {
        const char *const from = (const char *)row + COLUMNS[i].offset;
        if (i > 0) {
            fputc(',', to);
        }
        switch (COLUMNS[i].kind) {
        case KIND_ID:
        case KIND_SESSION:
            fputs(from, to);
            break;
        case KIND_TEXT:
            write_text(to, from);
            break;
        case KIND_COUNT: {
            int64_t whole = 0;
            memcpy(&whole, from, sizeof whole);
            fprintf(to, "%lld", (long long)whole);
            break;
        }
        case KIND_REAL: {
            double value = 0.0;
            memcpy(&value, from, sizeof value);
            if (!isnan(value)) {
                write_number(to, value);
            }
            break;
        }
        case KIND_BIT: {
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
