#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "file_kind.h"
#include "progress.h"
#include "rig_data.h"
#include "trial_table.h"

enum { PATHS_MAX = 64 };

struct import {
    const char *paths[PATHS_MAX];
    struct options *options;
    const char *out; /* NULL: it is only said what is there */
    struct option_word format;
    struct trial_table_options table;
};

/* Writes the rows, or counts them if `to` is NULL. */
static int write_rows(struct trial_table *table, FILE *to, struct fault *fault)
{
    enum { ROWS_A_LOOK = 256 };
    struct trial_row row;
    struct progress progress;
    int64_t n = 0;
    int got = 0;
    int rc = FAULT_NONE;
    progress_start(&progress, "import", 0);
    if (to != NULL) {
        trial_table_write_header(to, TRIAL_TABLE_WITH_SESSIONS);
    }
    while (rc == FAULT_NONE && (got = trial_table_next(table, &row, fault)) == 1) {
        if (to != NULL) {
            trial_table_write(to, &row, TRIAL_TABLE_WITH_SESSIONS);
        }
        if (++n % ROWS_A_LOOK == 0) {
            progress_update(&progress, n);
            rc = progress_interrupted() ? fault_set(fault, FAULT_WORK, "interrupted") : FAULT_NONE;
        }
    }
    progress_finish(&progress);
    if (rc == FAULT_NONE && got < 0) {
        return FAULT_INPUT;
    }
    return rc == FAULT_NONE && n == 0 ? trial_table_none(table, NULL, fault) : rc;
}

static int write_table(const struct import *r, struct trial_table *table, struct fault *fault)
{
    struct output_file file = {0};
    int rc =
        r->out != NULL ? output_file_open(&file, &r->options->guard, r->out, fault) : FAULT_NONE;
    if (rc == FAULT_NONE) {
        rc = write_rows(table, file.to, fault);
        rc = r->out != NULL ? output_file_close(&file, rc, fault) : rc;
    }
    return rc;
}

static int none_found(const struct import *r, size_t n, struct fault *fault)
{
    char formats[256] = "";
    size_t used = 0;
    for (size_t i = 0; BRIDGE_ADAPTERS[i] != NULL && used < sizeof formats; i++) {
        const int more = snprintf(formats + used, sizeof formats - used, "%s%s", i > 0 ? ", " : "",
                                  BRIDGE_ADAPTERS[i]->name);
        used += more > 0 ? (size_t)more : 0;
    }
    const char *path = r->paths[0];
    if (n == 1 && access(path, R_OK) != 0) {
        return fault_set(fault, FAULT_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
    }
    const enum file_kind kind = n == 1 ? file_kind_at(path) : FILE_KIND_DIRECTORY;
    const char *remedy =
        kind == FILE_KIND_TABLE  ? ": this is a trial table, which every command takes as it is"
        : kind == FILE_KIND_TEXT ? ": say with --map what its columns mean (docs/formats.md)"
                                 : "";
    return fault_set(fault, FAULT_INPUT, "%s%s: no file of a rig was recognised%s; the formats: %s",
                     path, n > 1 ? " and others" : "", remedy,
                     r->format.chosen != NULL ? r->format.chosen : formats);
}

static int work(void *request, struct fault *fault)
{
    struct import *r = request;
    const size_t n = r->options->n_arguments;
    struct rig_data *rigs = NULL;
    struct trial_table table;
    char name[512];
    const struct trial_table_how how = trial_table_how(&r->table);
    const struct rig_data_request what = {
        .paths = r->paths,
        .n_paths = n,
        .only = r->format.chosen != NULL ? bridge_adapter_find(r->format.chosen) : NULL,
        .map = how.map};
    progress_catch_interrupts();
    int rc = rig_data_open(&rigs, &what, fault);
    if (rc != FAULT_NONE || rigs == NULL) {
        return rc ? rc : none_found(r, n, fault);
    }
    (void)snprintf(name, sizeof name, "%s%s", r->paths[0], n > 1 ? " and others" : "");
    trial_table_open_rigs(&table, rigs, name, how.care);
    rc = write_table(r, &table, fault);
    trial_table_close(&table);
    return rc;
}

int cmd_import(int argc, char **argv)
{
    struct import r = {0};
    for (size_t i = 0; BRIDGE_ADAPTERS[i] != NULL && i + 1 < OPTION_WORDS_MAX; i++) {
        r.format.word[r.format.n++] = BRIDGE_ADAPTERS[i]->name;
    }
    const struct option list[] = {
        {"o", OPTION_OUT, &r.out, 0, 1, "TABLE.csv",
         "write the trials of all of them as one table; without it they are only counted", NULL},
        {"format", OPTION_WORD, &r.format, 0, 0, "FORMAT", "no other than this; one of", NULL},
        TRIAL_TABLE_OPTIONS(r.table),
    };
    struct options options = {
        .usage = "import PATH... [-o TABLE.csv] [options]",
        .about = "Reads what rigs wrote, as it is: files, or folders of any depth. Says what was "
                 "recognised, how many sessions and trials of which animal, and what was left out "
                 "and why. Every command that takes DATA reads such a PATH directly too.",
        COMMAND_OPTIONS(list),
        .arguments = r.paths,
        .arguments_min = 1,
        .arguments_max = PATHS_MAX};
    r.options = &options;
    return command_run(&options, argc, argv, work, &r);
}
