#include <inttypes.h>
#include <stdlib.h>

#include "clock.h"
#include "command.h"
#include "log.h"
#include "loop.h"
#include "startup.h"

static void report_ready(const struct server *server)
{
    const struct config_sockets *s = &server->config.sockets;
    log_info("murid %s is ready after %.0f ms: %" PRIu32 " subjects, %" PRIu32 " sessions, %" PRId64
             " events in %s",
             MURID_VERSION, (double)(clock_mono_ns() - server->start_ns) / 1e6,
             server->subjects.n_subjects, server->subjects.n_sessions,
             server->journal.next_event - 1, server->journal.store.path);
    char at[3][ZMQ_BUS_ENDPOINT_MAX];
    log_info("model %s%s%s; rigs ask at %s, publish to %s; predictions at %s",
             server->subjects.model_hash, server->config.model.file[0] != '\0' ? " from " : "",
             server->config.model.file, zmq_bus_endpoint(server->bus.ask, s->ask, at[0]),
             zmq_bus_endpoint(server->bus.trials, s->trials, at[1]),
             zmq_bus_endpoint(server->bus.pub, s->pub, at[2]));
}

static int run(struct server *server, struct fault *fault)
{
    int rc = startup_open(server, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    report_ready(server);
    loop_run(server);
    const int64_t trials = server->counters.trials;
    const double worst_ms = journal_health(&server->journal, clock_mono_ns()).worst_lag_ms;
    rc = startup_close(server, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    log_info("stopped; %" PRId64
             " trials received, all on disk; from receipt to disk at most %.1f ms",
             trials, worst_ms);
    return FAULT_NONE;
}

static int work(void *request, struct fault *fault)
{
    const char *const *path = request;
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return fault_set(fault, FAULT_WORK, "out of memory");
    }
    config_init(&server->config);
    int rc = *path != NULL ? config_load(&server->config, *path, fault) : FAULT_NONE;
    if (rc == FAULT_NONE) {
        log_set_level((enum log_level)log_level_of(server->config.log.level));
        rc = run(server, fault);
    }
    free(server);
    return rc;
}

int cmd_run(int argc, char **argv)
{
    const char *path = NULL;
    const struct option list[] = {
        {"c", OPTION_IN, &path, 0, 0, "FILE", "configuration (default: all keys' defaults)", NULL},
    };
    struct options options = {
        .usage = "run [-c FILE]",
        .about = "Receives trials, keeps a twin of each animal, predicts, journals: the daemon. "
                 "Stops cleanly on SIGTERM or Ctrl-C and continues where it was when started "
                 "again. `murid check -c FILE` shows what a configuration means.",
        .list = list,
        .n = 1,
    };
    return command_run(&options, argc, argv, work, &path);
}
