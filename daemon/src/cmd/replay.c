#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "progress.h"
#include "replay_compare.h"

static int work(void *request, struct fault *fault)
{
    const char *const *path = request;
    struct replay_compared n;
    progress_catch_interrupts();
    const int rc = replay_compare(*path, &n, fault);
    if (rc == FAULT_NONE) {
        printf("%" PRId64 " events and %" PRId64 " predictions recomputed, %" PRId64
               " numbers compared: identical bit for bit\n",
               n.events, n.predictions, n.values);
    }
    return rc;
}

int cmd_replay(int argc, char **argv)
{
    return command_file(
        "replay JOURNAL",
        "Processes every message of a journal again, from the first, and compares each "
        "prediction, weight and score with what was journaled then: bit for bit on the "
        "build and machine that wrote it. JOURNAL: the file, or its data directory.",
        argc, argv, work);
}
