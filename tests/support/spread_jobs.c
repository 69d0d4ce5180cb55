/* Jobs that only count, spread by job_scheduler.h: what tests/integration/test_spread.py runs with
 * one rank and with two. Prints a digest of all results on every rank. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "job_scheduler.h"
#include "options.h"
#include "output_file.h"
#include "progress.h"
#include "safetensors.h"

struct counting {
    int64_t steps;
    int64_t failing; /* job; -1 none */
    int64_t nap_us;
};

struct state {
    uint64_t step;
    uint64_t x;
};

/* splitmix64 (Steele, Lea & Flood 2014). */
static uint64_t scramble(uint64_t x)
{
    uint64_t z = x + 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static int begin(const struct job_scheduler_task *task, struct state *state, struct fault *fault)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    *state = (struct state){.x = task->number};
    if (access(task->state_path, F_OK) != 0) {
        return FAULT_NONE;
    }
    const int rc = safetensors_read(task->state_path, &bytes, &size, fault);
    if (rc == FAULT_NONE && size == sizeof *state) {
        memcpy(state, bytes, sizeof *state);
        fprintf(stderr, "job %zu goes on from step %" PRIu64 "\n", task->number, state->step);
    }
    free(bytes);
    return rc;
}

static int finish(const struct job_scheduler_task *task, uint64_t x,
                  struct job_scheduler_result *out, struct fault *fault)
{
    out->size = 100 + 37 * task->number;
    out->bytes = malloc(out->size);
    if (out->bytes == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    for (size_t i = 0; i < out->size; i++) {
        x = scramble(x);
        out->bytes[i] = (uint8_t)x;
    }
    return FAULT_NONE;
}

static int count(void *context, struct job_scheduler_task *task, struct job_scheduler_result *out,
                 struct fault *fault)
{
    const struct counting *c = context;
    const uint64_t steps = (uint64_t)c->steps * (1 + task->number % 3);
    struct state state;
    int rc = begin(task, &state, fault);
    for (; rc == FAULT_NONE && state.step < steps; state.step++) {
        if (!job_scheduler_report(task, (double)state.step / (double)steps)) {
            rc = output_file_write_bytes(NULL, task->state_path, (const uint8_t *)&state,
                                         sizeof state, fault);
            return rc == FAULT_NONE ? JOB_SCHEDULER_STOPPED : rc;
        }
        if ((int64_t)task->number == c->failing && state.step == steps / 2) {
            return fault_set(fault, FAULT_WORK, "job %zu failed, as it was asked to", task->number);
        }
        state.x = scramble(state.x);
        clock_sleep_ns(1000 * c->nap_us);
    }
    return rc == FAULT_NONE ? finish(task, state.x, out, fault) : rc;
}

static void print_digest(const struct ranks *ranks, const struct job_scheduler_result results[],
                         size_t n)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof digest + 1];
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < n; i++) {
        (void)crypto_hash_sha256_update(&state, results[i].bytes, results[i].size);
    }
    (void)crypto_hash_sha256_final(&state, digest);
    (void)sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    printf("rank %d of %d: %s\n", ranks->rank, ranks->n, hex);
}

int main(int argc, char **argv)
{
    const char *directory = NULL;
    const char *key = "counting";
    struct counting counting = {.steps = 20, .failing = -1, .nap_us = 1000};
    struct ranks ranks = {0};
    struct fault fault;
    int64_t threads = 1;
    int64_t jobs = 12;
    bool resume = false;
    const struct option list[] = {
        {"threads", OPTION_INT, &threads, 1, JOB_SCHEDULER_THREADS_MAX, "N", "of each rank", NULL},
        {"jobs", OPTION_INT, &jobs, 1, JOB_SCHEDULER_JOBS_MAX, "N", "", NULL},
        {"steps", OPTION_INT, &counting.steps, 1, 1e9, "N", "of a job, or 2 or 3 times", NULL},
        {"nap-us", OPTION_INT, &counting.nap_us, 0, 1e6, "N", "after a step", NULL},
        {"fail", OPTION_INT, &counting.failing, 0, 1e9, "N", "this job, half way", NULL},
        {"key", OPTION_TEXT, &key, 0, 0, "TEXT", "what the jobs are", NULL},
        {"resume", OPTION_FLAG, &resume, 0, 0, NULL, "", NULL},
    };
    struct options options = {.usage = "spread_jobs DIRECTORY",
                              .about = "",
                              .list = list,
                              .n = sizeof list / sizeof list[0],
                              .arguments = &directory,
                              .arguments_min = 1,
                              .arguments_max = 1};
    int code = 0;
    if (!options_read(&options, argc, argv, &code)) {
        return code;
    }
    progress_catch_interrupts();
    int rc = ranks_open(&ranks, &fault);
    if (rc != FAULT_NONE) {
        return fault_report(&fault, rc);
    }
    printf("rank %d has pid %ld\n", ranks.rank, (long)getpid());
    (void)fflush(stdout);
    const struct job_scheduler_options o = {.what = "count",
                                            .directory = directory,
                                            .key = key,
                                            .resume = resume,
                                            .n_threads = (size_t)threads,
                                            .n_jobs = (size_t)jobs,
                                            .job = count,
                                            .context = &counting};
    struct job_scheduler_result *results = calloc(o.n_jobs, sizeof *results);
    rc = ranks_agree(
        &ranks, results != NULL ? FAULT_NONE : fault_set(&fault, FAULT_WORK, "no memory"), &fault);
    if (rc == FAULT_NONE) {
        rc = job_scheduler_run(&o, &ranks, results, &fault);
    }
    if (rc == FAULT_NONE) {
        print_digest(&ranks, results, o.n_jobs);
        job_scheduler_free(results, o.n_jobs);
        if (ranks.rank == 0) {
            job_store_remove(directory);
        }
    } else if (ranks.rank == 0) {
        (void)fault_report(&fault, rc);
    }
    free(results);
    ranks_close(&ranks);
    return rc;
}
