#include "trial_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_kind.h"
#include "findings.h"
#include "progress.h"
#include "rig_data.h"
#include "table_check.h"
#include "table_hint.h"

static const struct trial_format *const FORMATS[] = {
#define FORMAT(name) &TRIAL_FORMAT_##name,
#include "trial_formats.def"
};

int trial_table_line(struct trial_table *t, size_t *size, struct fault *fault)
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

/* A file that is something else altogether; FAULT_NONE: it may be a table. */
static int refuse_kind(const char *name, enum file_kind kind, struct fault *fault)
{
    const char *remedy = table_hint_kind(kind);
    return remedy == NULL
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT, "%s: is %s; a trial table was expected: %s", name,
                           file_kind_name(kind), remedy);
}

/* Finds the format, by the first line, and has it read what stands before the rows. kind: of a file
 * that has a name. */
static int open_format(struct trial_table *t, enum file_kind kind, struct fault *fault)
{
    char head[TRIAL_TABLE_LINE_MAX] = "";
    size_t size = 0;
    size_t i = 0;
    const int got = trial_table_line(t, &size, fault);
    memcpy(head, t->text, size);
    while (!FORMATS[i]->is(head, size)) {
        i++;
    }
    t->format = FORMATS[i];
    int rc = t->format == &TRIAL_FORMAT_csv ? refuse_kind(t->path, kind, fault) : FAULT_NONE;
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (got == 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s:1: the file is empty; a header with the columns subject, session, "
                         "trial, stimulus, choice was expected",
                         t->path);
    }
    rc = got < 0 ? FAULT_INPUT : t->format->open(t, fault);
    if (rc != FAULT_NONE && size > 0) {
        if (got < 0) { /* no text: what it is may be told by what follows */
            size += fread(head + size, 1, sizeof head - size, t->file);
        }
        (void)refuse_kind(t->path, file_kind_of(head, size), fault);
    }
    return rc;
}

static int open_as(struct trial_table *table, FILE *file, const char *name, enum file_kind kind,
                   enum trial_table_care care, struct fault *fault)
{
    *table = (struct trial_table){.file = file, .care = care, .check = table_check_open()};
    (void)snprintf(table->path, sizeof table->path, "%s", name);
    const int rc = open_format(table, kind, fault);
    if (rc != FAULT_NONE) {
        trial_table_close(table);
    }
    return rc;
}

void trial_table_open_rigs(struct trial_table *table, struct rig_data *rigs, const char *name,
                           enum trial_table_care care)
{
    *table =
        (struct trial_table){.rigs = rigs, .line = 1, .care = care, .check = table_check_open()};
    (void)snprintf(table->path, sizeof table->path, "%s", name);
}

int trial_table_open_file(struct trial_table *table, FILE *file, const char *name,
                          enum trial_table_care care, struct fault *fault)
{
    return open_as(table, file, name, FILE_KIND_TEXT, care, fault);
}

/* Opens what rigs wrote; table->rigs stays NULL where that is none. */
static int open_rigs(struct trial_table *table, const char *path, enum file_kind kind,
                     struct trial_table_how how, struct fault *fault)
{
    const struct rig_data_request request = {.paths = &path, .n_paths = 1, .map = how.map};
    const bool is_own = kind == FILE_KIND_TABLE || kind == FILE_KIND_PIPE;
    if ((is_own && how.map == NULL) || kind == FILE_KIND_DATA_DIRECTORY) {
        return FAULT_NONE;
    }
    const int rc = rig_data_open(&table->rigs, &request, fault);
    if (table->rigs != NULL) {
        trial_table_open_rigs(table, table->rigs, strcmp(path, "-") == 0 ? "standard input" : path,
                              how.care);
    }
    return rc != FAULT_NONE || table->rigs != NULL || how.map == NULL
               ? rc
               : fault_set(fault, FAULT_INPUT,
                           "%s: --map: no lines of text that it could be of; a file with rows of "
                           "trials was expected",
                           path);
}

int trial_table_open(struct trial_table *table, const char *path, struct trial_table_how how,
                     struct fault *fault)
{
    *table = (struct trial_table){0};
    const bool is_input = strcmp(path, "-") == 0;
    if (is_input && how.map == NULL) {
        return trial_table_open_file(table, stdin, "standard input", how.care, fault);
    }
    const enum file_kind kind = is_input ? FILE_KIND_PIPE : file_kind_at(path);
    const int rc = open_rigs(table, path, kind, how, fault);
    if (rc != FAULT_NONE || table->rigs != NULL) {
        return rc;
    }
    FILE *file = fopen(path, "rb");
    return file != NULL
               ? open_as(table, file, path, kind, how.care, fault)
               : fault_set(fault, FAULT_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
}

void trial_table_close(struct trial_table *table)
{
    if (table->file != NULL && table->file != stdin) {
        fclose(table->file);
    }
    rig_data_close(table->rigs);
    table_check_close(table->check);
    table->check = NULL;
    table->file = NULL;
    table->rigs = NULL;
}

static int next_of_rigs(struct trial_table *table, struct trial_row *row, struct fault *fault)
{
    const int got = rig_data_next(table->rigs, row, fault);
    table->line += got == 1 ? 1 : 0;
    return got;
}

int trial_table_next(struct trial_table *table, struct trial_row *row, struct fault *fault)
{
    trial_row_init(row);
    const int got = table->rigs != NULL ? next_of_rigs(table, row, fault)
                                        : table->format->next(table, row, fault);
    if (got == 1) {
        table_check_push(table->check, table->line, row);
    }
    return got == 0 && trial_table_report(table, fault) != FAULT_NONE ? -1 : got;
}

/* Says them, but for the last one if it is to be the error: then it is in *fault. */
static int say(const struct trial_table *table, const struct findings *findings, bool ends,
               struct fault *fault)
{
    const bool is_strict = table->care == TRIAL_TABLE_STRICT;
    for (uint32_t i = 0; i < findings->n; i++) {
        if (is_strict && ends && i + 1 == findings->n) {
            *fault = findings->list[i];
            return FAULT_INPUT;
        }
        fprintf(stderr, "%smurid: %s%s\n", isatty(STDERR_FILENO) ? "\r\x1b[K" : "",
                is_strict ? "" : "warning: ", findings->list[i].text);
    }
    return FAULT_NONE;
}

/* What was recognised, and what of it was left out. */
static int say_rigs(const struct trial_table *table, bool ends, struct fault *fault)
{
    char prefix[sizeof table->path + 16];
    (void)snprintf(prefix, sizeof prefix, "murid: %s: ", table->path);
    rig_data_say(table->rigs, stderr, prefix);
    return say(table, rig_data_left_out(table->rigs), ends, fault);
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
    const int rc = table->rigs != NULL ? say_rigs(table, findings.n == 0, fault) : FAULT_NONE;
    return rc ? rc : say(table, &findings, true, fault);
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
    char names[320];
    return only == NULL ? fault_set(fault, FAULT_INPUT, "%s: no trials; %s expected", table->path,
                                    table->rigs != NULL ? "files of a rig with trials were"
                                                        : "rows under the header were")
                        : fault_set(fault, FAULT_INPUT, "%s: no trials of %.64s; its animals: %s",
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
    const bool is_file =
        table->file != NULL && fstat(fileno(table->file), &info) == 0 && S_ISREG(info.st_mode);
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
                     struct trial_table_how how, trial_table_take *take, void *context,
                     struct fault *fault)
{
    struct trial_table table;
    int64_t n_taken = 0;
    int rc = trial_table_open(&table, path, how, fault);
    rc = rc ? rc : read_rows(&table, what, only, take, context, &n_taken, fault);
    if (rc == FAULT_NONE && n_taken == 0) {
        rc = trial_table_none(&table, only, fault);
    }
    trial_table_close(&table);
    return rc;
}
