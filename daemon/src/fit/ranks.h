/* ranks.h - the processes that share one piece of work: the ranks of MPI, or this process alone, as
 * rank 0.
 *
 * Built with MURID_MPI the ranks are those that mpirun or srun started (ranks_mpi.c), otherwise
 * there is one (ranks_local.c). All functions are collective: every rank calls the same ones in the
 * same order, so a rank that fails locally informs the others with ranks_agree() before it gives
 * up. If a rank dies, all end. Waiting sleeps, and takes no processor time from the work.
 * Threads: the main thread only. Memory: the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "fault.h"

struct ranks {
    int rank; /* 0..n-1 */
    int n;
    bool is_open;
};

/* Finds out who is there. FAULT_NONE; FAULT_INPUT where the launcher started more tasks than know
 * of each other, so that each would do all of the work. */
int ranks_open(struct ranks *ranks, struct fault *fault);

/* A zeroed one is fine. */
void ranks_close(struct ranks *ranks);

/* Fills all, (n, size), with the bytes that each rank has in mine[size]. */
void ranks_gather(const struct ranks *ranks, const void *mine, size_t size, void *all);

/* Copies bytes[size] of rank `from` to the others. */
void ranks_broadcast(const struct ranks *ranks, int from, void *bytes, size_t size);

/* The first code that is not FAULT_NONE, by rank, and its fault, on all ranks. */
int ranks_agree(const struct ranks *ranks, int code, struct fault *fault);

/* What makes this process a rank; ranks_local.c or ranks_mpi.c, for ranks_open() and
 * close. */
extern const char ranks_hint[];
void ranks_enter(struct ranks *ranks);
void ranks_leave(void);
