/* simulation_pair.h - virtual mice trained with one protocol, or the same mice with two: run,
 * reported, compared and written.
 *
 * Threads: the owner calls. Memory: the heap, freed before it returns.
 */
#pragma once

#include <stdbool.h>

#include "fault.h"
#include "output_file.h"
#include "simulation.h"

struct simulation_request {
    const char *path[2]; /* of the protocols; [1]: NULL, or what [0] is compared with */
    const struct output_guard *guard;
    const char *defects;         /* to switch on in the last of them; NULL: none */
    int64_t trials;              /* of each session; 0: as the protocol says */
    struct simulation_plan plan; /* its protocol is filled in */
    double criterion;            /* accuracy of a session that counts as learned */
    const char *table;           /* trials as CSV, "-": standard output; NULL: not wanted */
    const char *summary;         /* CSV; NULL: not wanted */
    const char *plot;            /* SVG; NULL: not wanted */
    bool is_json;                /* the report on standard output, otherwise text; not with "-" */
};

int simulation_pair_run(const struct simulation_request *request, struct fault *fault);
