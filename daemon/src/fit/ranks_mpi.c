#include <assert.h>
#include <limits.h>
#include <mpi.h>

#include "clock.h"
#include "ranks.h"

enum { TRIES = 200 };

static const int64_t NAP_NS = 1000000;

const char ranks_hint[] = "MPI sees fewer; the launcher must be of the same MPI, as in srun "
                          "--mpi=pmix, or mpirun of the one that murid was built with";

void ranks_enter(struct ranks *ranks)
{
    int level;
    (void)MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    (void)MPI_Comm_rank(MPI_COMM_WORLD, &ranks->rank);
    (void)MPI_Comm_size(MPI_COMM_WORLD, &ranks->n);
}

void ranks_leave(void)
{
    (void)MPI_Finalize();
}

/* MPI_Wait would spin, on a processor that a job could use. */
static void wait_for(MPI_Request *request)
{
    int is_done = 0;
    for (int i = 0; !is_done; i++) {
        (void)MPI_Test(request, &is_done, MPI_STATUS_IGNORE);
        if (!is_done && i >= TRIES) {
            clock_sleep_ns(NAP_NS);
        }
    }
}

void ranks_gather(const struct ranks *ranks, const void *mine, size_t size, void *all)
{
    MPI_Request request;
    assert(size <= INT_MAX && ranks->is_open);
    (void)ranks;
    (void)MPI_Iallgather(mine, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE, MPI_COMM_WORLD,
                         &request);
    wait_for(&request);
}

void ranks_broadcast(const struct ranks *ranks, int from, void *bytes, size_t size)
{
    MPI_Request request;
    assert(size <= INT_MAX && ranks->is_open);
    (void)ranks;
    (void)MPI_Ibcast(bytes, (int)size, MPI_BYTE, from, MPI_COMM_WORLD, &request);
    wait_for(&request);
}
