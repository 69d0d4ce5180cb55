/* fit_many.h - the work of several fits: of a bank, from several seeds, of a cross-validation.
 *
 * Each thread of each rank makes a fit of its own; the first rank scores and writes. It can be
 * interrupted, and gone on with. Threads: one owner of each object. Memory: fit_many_close(), also
 * of a zeroed one.
 */
#pragma once

#include "fit_request.h"

struct fit_many {
    const struct fit_request *request;
    const struct fit_recipe *recipe;
    const struct training_set *training;
    const struct ranks *ranks;
    const char *state; /* NULL: nothing is kept */
    size_t n_threads;
    /* What came of it, on the first rank: */
    struct comparison comparison; /* of a cross-validation */
    char hash[MODEL_FILE_HASH_MAX + 1];
    uint32_t n_members; /* of the bank that was written; 0: none was asked for */
};

/* Collective. The table and figure of a cross-validation and the bank are written. */
int fit_many(struct fit_many *f, struct fault *fault);

void fit_many_close(struct fit_many *f);
