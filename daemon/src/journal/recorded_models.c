#include "recorded_models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "active_models.h"
#include "config.h"
#include "journal_reader.h"

/* The last run of a journal. */
struct last_run {
    struct journal_reader journal;
    sqlite3_stmt *row; /* its model's hash, its configuration, the model's file */
    struct config config;
    char name[600];
};

static void close_run(struct last_run *run)
{
    sqlite3_finalize(run->row);
    journal_reader_close(&run->journal);
    free(run);
}

static int read_run(struct last_run *run, const char *record, struct fault *fault)
{
    int rc = journal_reader_open(&run->journal, record, fault);
    rc = rc ? rc
            : journal_reader_prepare(&run->journal,
                                     "SELECT run.model, config, file FROM run"
                                     " LEFT JOIN model ON model.hash = run.model"
                                     " ORDER BY run.id DESC LIMIT 1",
                                     &run->row, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    (void)snprintf(run->name, sizeof run->name, "%s, last run", run->journal.path);
    if (sqlite3_step(run->row) != SQLITE_ROW) {
        return fault_set(fault, FAULT_INPUT, "%s: no daemon has used it", run->journal.path);
    }
    return config_parse_recorded(&run->config, run->name, journal_reader_text(run->row, 1), fault);
}

static int open_run(struct last_run **out, const char *record, struct fault *fault)
{
    struct last_run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory", record);
    }
    const int rc = read_run(run, record, fault);
    if (rc != FAULT_NONE) {
        close_run(run);
        return rc;
    }
    *out = run;
    return FAULT_NONE;
}

static int take_model(struct last_run *run, struct model_file *out, struct fault *fault)
{
    const uint8_t *bytes = sqlite3_column_blob(run->row, 2);
    const char *hash = journal_reader_text(run->row, 0);
    if (bytes == NULL && strcmp(hash, "built-in") != 0) {
        return fault_set(fault, FAULT_INPUT, "%s: its model %.64s is not in the journal", run->name,
                         hash);
    }
    struct active_models *models = calloc(1, sizeof *models);
    if (models == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory", run->name);
    }
    const int rc = active_models_load_bytes(models, &run->config, run->name, bytes,
                                            (size_t)sqlite3_column_bytes(run->row, 2), fault);
    if (rc == FAULT_NONE) {
        *out = models->twin;
        memset(&models->twin, 0, sizeof models->twin);
        active_models_free(models);
    }
    free(models);
    return rc;
}

int recorded_models_model(const char *record, const char *path, struct model_file *out,
                          struct fault *fault)
{
    struct last_run *run = NULL;
    memset(out, 0, sizeof *out);
    if (path != NULL) {
        return model_file_load(path, out, fault);
    }
    if (!journal_reader_is_journal(record)) {
        struct model_spec built_in;
        model_spec_init(&built_in);
        return model_file_build(&built_in, out, fault);
    }
    int rc = open_run(&run, record, fault);
    if (rc == FAULT_NONE) {
        rc = take_model(run, out, fault);
        close_run(run);
    }
    return rc;
}

static int take_protocol(void *context, const char *name, const uint8_t *bytes, size_t size,
                         struct fault *fault)
{
    return protocol_file_parse(context, name, bytes, size, fault);
}

/* One of several protocols on its way from the journal. */
struct adding {
    struct audit_protocols *to;
    const struct protocol_entry *entry;
    double per_alarm;
};

static int add_protocol(void *context, const char *name, const uint8_t *bytes, size_t size,
                        struct fault *fault)
{
    const struct adding *a = context;
    return audit_protocols_add(a->to, a->entry->task, name, bytes, size, a->per_alarm, fault);
}

int recorded_models_protocol(const char *record, const char *path, struct protocol_file *out,
                             struct fault *fault)
{
    struct last_run *run = NULL;
    if (path != NULL) {
        return protocol_file_load(out, path, fault);
    }
    if (!journal_reader_is_journal(record)) {
        return fault_set(fault, FAULT_INPUT, "--protocol: the file of the protocol was expected");
    }
    int rc = open_run(&run, record, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const size_t n = protocol_list_n(&run->config.protocol);
    struct protocol_entry entry;
    if (n == 1) {
        rc = protocol_list_at(&run->config.protocol, 0, &entry, fault);
        rc = rc ? rc
                : journal_reader_load_blob(&run->journal, run->name, entry.hash, take_protocol, out,
                                           fault);
    } else {
        rc = fault_set(fault, FAULT_INPUT,
                       "--protocol: the file of the protocol was expected; the daemon that wrote "
                       "%s had %s",
                       run->journal.path, n == 0 ? "none" : "one for each task");
    }
    close_run(run);
    return rc;
}

int recorded_models_protocols(const char *record, struct audit_protocols *out, struct fault *fault)
{
    struct last_run *run = NULL;
    int rc = open_run(&run, record, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const size_t n = protocol_list_n(&run->config.protocol);
    if (n == 0) {
        rc = fault_set(fault, FAULT_INPUT,
                       "%s: its daemon was told of no protocol; PROTOCOL.yaml "
                       "was expected before it",
                       run->journal.path);
    }
    for (size_t i = 0; rc == FAULT_NONE && i < n; i++) {
        struct protocol_entry entry;
        struct adding adding = {out, &entry, (double)run->config.protocol.sessions_per_alarm};
        rc = protocol_list_at(&run->config.protocol, i, &entry, fault);
        rc = rc ? rc
                : journal_reader_load_blob(&run->journal, run->name, entry.hash, add_protocol,
                                           &adding, fault);
    }
    close_run(run);
    return rc;
}
