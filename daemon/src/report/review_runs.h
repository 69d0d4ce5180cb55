/* review_runs.h - the runs of a journal, and which policy each one's predictions are of.
 *
 * Threads: one owner. Memory: review_runs_read(), free().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "journal_reader.h"
#include "model/policy.h"

struct review_run {
    int64_t id;
    model_policy policy; /* n 0: not known */
};

/* Reads n runs; *out is NULL or to be given to free(). FAULT_NONE or FAULT_WORK. */
int review_runs_read(struct review_run **out, size_t n, const struct journal_reader *journal,
                     struct fault *fault);

/* The run with that number, or NULL. runs are sorted. */
const struct review_run *review_run_find(const struct review_run *runs, size_t n, int64_t id);
