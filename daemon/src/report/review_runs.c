#include "review_runs.h"

#include <stdlib.h>
#include <string.h>

#include "active_models.h"
#include "config.h"

/* Which weights a run's predictions hold. A run whose configuration or model this murid cannot read
 * leaves its weights out of the plots, nothing more. */
static void learn_policy(struct review_run *run, sqlite3_stmt *s)
{
    struct config *config = calloc(1, sizeof *config);
    struct active_models models;
    struct fault ignored;
    const uint8_t *file = sqlite3_column_blob(s, 3);
    if (config != NULL &&
        config_parse_recorded(config, "run", journal_reader_text(s, 2), &ignored) == FAULT_NONE &&
        active_models_load_bytes(&models, config, "run", file, (size_t)sqlite3_column_bytes(s, 3),
                                 &ignored) == FAULT_NONE) {
        /* Without a file it was made from the configuration's words, or the file is lost. */
        if (file != NULL || strcmp(models.twin.hash, journal_reader_text(s, 1)) == 0) {
            run->policy = models.twin.bank.member[0].policy;
        }
        active_models_free(&models);
    }
    free(config);
}

int review_runs_read(struct review_run **out, size_t n, const struct journal_reader *journal,
                     struct fault *fault)
{
    sqlite3_stmt *s;
    struct review_run *runs = *out = calloc(n + 1, sizeof *runs);
    if (runs == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for its sessions", journal->path);
    }
    const int rc = journal_reader_prepare(journal,
                                          "SELECT run.id, run.model, config, file FROM run LEFT "
                                          "JOIN model ON model.hash = run.model ORDER BY run.id",
                                          &s, fault);
    for (size_t i = 0; rc == FAULT_NONE && i < n && sqlite3_step(s) == SQLITE_ROW; i++) {
        runs[i].id = sqlite3_column_int64(s, 0);
        learn_policy(&runs[i], s);
    }
    sqlite3_finalize(s);
    return rc;
}

static int by_id(const void *id, const void *run)
{
    const int64_t a = *(const int64_t *)id;
    const int64_t b = ((const struct review_run *)run)->id;
    return (a > b) - (a < b);
}

const struct review_run *review_run_find(const struct review_run *runs, size_t n, int64_t id)
{
    return bsearch(&id, runs, n, sizeof *runs, by_id);
}
