#include "ranks.h"

#include <stdlib.h>
#include <string.h>

/* What mpirun, other launchers and srun tell each task about how many there are. */
static const char *const TASKS[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};

static const char *told_tasks(void)
{
    for (size_t i = 0; i < sizeof TASKS / sizeof TASKS[0]; i++) {
        if (getenv(TASKS[i]) != NULL) {
            return TASKS[i];
        }
    }
    return NULL;
}

int ranks_open(struct ranks *ranks, struct fault *fault)
{
    *ranks = (struct ranks){.rank = 0, .n = 1, .is_open = true};
    ranks_enter(ranks);
    const char *name = told_tasks();
    if (name != NULL && strtol(getenv(name), NULL, 10) > ranks->n) {
        fault_set(fault, FAULT_INPUT,
                  "started as one of %.20s tasks (%s), each of which would do all the work: %s",
                  getenv(name), name, ranks_hint);
        ranks_close(ranks);
        return FAULT_INPUT;
    }
    return FAULT_NONE;
}

void ranks_close(struct ranks *ranks)
{
    if (ranks->is_open) {
        ranks_leave();
    }
    memset(ranks, 0, sizeof *ranks);
}

int ranks_agree(const struct ranks *ranks, int code, struct fault *fault)
{
    for (int rank = 0; rank < ranks->n; rank++) {
        int theirs = code;
        ranks_broadcast(ranks, rank, &theirs, sizeof theirs);
        if (theirs != FAULT_NONE) {
            ranks_broadcast(ranks, rank, fault, sizeof *fault);
            return theirs;
        }
    }
    return FAULT_NONE;
}
