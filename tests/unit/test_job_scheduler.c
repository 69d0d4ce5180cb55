/* job_scheduler.h and job_store.h, on one rank; tests/integration/test_spread.py has more ranks. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

#include "clock.h"
#include "job_scheduler.h"
#include "output_file.h"
#include "progress.h"
#include "root.h"
#include "safetensors.h"
#include "seeded.h"

enum { JOBS = 11 };

static const struct ranks ALONE = {.rank = 0, .n = 1, .is_open = true};

struct jobs {
    atomic_int n_calls[JOBS];
    atomic_int n_begun;
    size_t order[JOBS];
    size_t failing; /* JOBS: none */
    size_t raising; /* sends Ctrl-C once n_raising are at work; JOBS: none */
    int n_raising;
    atomic_size_t n_resumed;
    bool waits_to_stop; /* jobs go on until they are told to stop */
};

static const struct jobs PLAIN = {.failing = JOBS, .raising = JOBS};

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static int job(void *context, struct job_scheduler_task *task, struct job_scheduler_result *out,
               struct fault *fault)
{
    struct jobs *jobs = context;
    jobs->order[atomic_fetch_add(&jobs->n_begun, 1)] = task->number;
    atomic_fetch_add(&jobs->n_calls[task->number], 1);
    if (task->number == jobs->raising) {
        while (atomic_load(&jobs->n_begun) < jobs->n_raising) {
            clock_sleep_ns(1000000);
        }
        (void)kill(getpid(), SIGINT);
    }
    if (task->number == jobs->failing) {
        return fault_set(fault, FAULT_WORK, "job %zu cannot", task->number);
    }
    if (is_there(task->state_path)) {
        atomic_fetch_add(&jobs->n_resumed, 1);
    }
    for (int i = 0; jobs->waits_to_stop && i < 20000; i++) {
        if (!job_scheduler_report(task, 0.5)) {
            const uint8_t state[] = {1};
            const int rc =
                output_file_write_bytes(NULL, task->state_path, state, sizeof state, fault);
            return rc == FAULT_NONE ? JOB_SCHEDULER_STOPPED : rc;
        }
        clock_sleep_ns(1000000);
    }
    out->size = 3 + task->number;
    out->bytes = malloc(out->size);
    assert_non_null(out->bytes);
    memset(out->bytes, (int)(0x30 + task->number), out->size);
    return FAULT_NONE;
}

static struct job_scheduler_options options(struct jobs *jobs, const char *directory)
{
    return (struct job_scheduler_options){.what = "test",
                                          .directory = directory,
                                          .key = "rule rnn, seed 3",
                                          .n_threads = 2,
                                          .n_jobs = JOBS,
                                          .job = job,
                                          .context = jobs};
}

static int run(const struct job_scheduler_options *o, struct job_scheduler_result results[],
               struct fault *fault)
{
    return job_scheduler_run(o, &ALONE, results, fault);
}

static void check_results(const struct job_scheduler_result results[])
{
    for (size_t i = 0; i < JOBS; i++) {
        assert_int_equal(results[i].size, 3 + i);
        for (size_t k = 0; k < results[i].size; k++) {
            assert_int_equal(results[i].bytes[k], 0x30 + i);
        }
    }
}

static int n_calls(const struct jobs *jobs)
{
    int n = 0;
    for (size_t i = 0; i < JOBS; i++) {
        n += jobs->n_calls[i];
    }
    return n;
}

static void results_come_in_the_order_of_the_jobs_on_any_number_of_threads(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    for (size_t threads = 1; threads <= 8; threads++) {
        struct jobs jobs = PLAIN;
        struct job_scheduler_options o = options(&jobs, root_file(path, "threads"));
        struct job_scheduler_result results[JOBS];
        struct fault fault;
        o.n_threads = threads;
        assert_int_equal(run(&o, results, &fault), FAULT_NONE);
        check_results(results);
        for (size_t i = 0; i < JOBS; i++) {
            assert_int_equal(jobs.n_calls[i], 1);
        }
        job_scheduler_free(results, JOBS);
        assert_true(is_there(path));
        job_store_remove(path);
        assert_false(is_there(path));
    }
}

static void the_costly_jobs_begin_first(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    struct jobs jobs = PLAIN;
    struct job_scheduler_options o = options(&jobs, root_file(path, "costs"));
    struct job_scheduler_result results[JOBS];
    struct fault fault;
    const double costs[JOBS] = {1, 5, 2, 5, 9, 0.5, 1, 1, 1, 1, 3};
    const size_t order[JOBS] = {4, 1, 3, 10, 2, 0, 6, 7, 8, 9, 5};
    o.n_threads = 1;
    o.costs = costs;
    assert_int_equal(run(&o, results, &fault), FAULT_NONE);
    check_results(results);
    assert_memory_equal(jobs.order, order, sizeof order);
    job_scheduler_free(results, JOBS);
    job_store_remove(path);
}

static void the_first_job_that_fails_stops_all_and_what_is_done_is_kept(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    struct jobs jobs = PLAIN;
    struct job_scheduler_options o = options(&jobs, root_file(path, "fails"));
    struct job_scheduler_result results[JOBS];
    struct fault fault;
    o.n_threads = 1;
    jobs.failing = 4;
    assert_int_equal(run(&o, results, &fault), FAULT_WORK);
    assert_string_equal(fault.text, "job 4 cannot");
    assert_int_equal(n_calls(&jobs), 5);
    for (size_t i = 0; i < JOBS; i++) {
        assert_null(results[i].bytes);
    }
    assert_int_equal(run(&o, results, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "of an interrupted fit; --resume continues it"));
    struct jobs again = PLAIN;
    o.context = &again;
    o.resume = true;
    o.n_threads = 3;
    assert_int_equal(run(&o, results, &fault), FAULT_NONE);
    check_results(results);
    assert_int_equal(n_calls(&again), JOBS - 4);
    job_scheduler_free(results, JOBS);
    struct jobs none = PLAIN;
    o.context = &none;
    assert_int_equal(run(&o, results, &fault), FAULT_NONE);
    check_results(results);
    assert_int_equal(n_calls(&none), 0);
    job_scheduler_free(results, JOBS);
    job_store_remove(path);
}

static void a_failing_first_job_leaves_no_directory(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    struct jobs jobs = PLAIN;
    struct job_scheduler_options o = options(&jobs, root_file(path, "first"));
    struct job_scheduler_result results[JOBS];
    struct fault fault;
    o.n_threads = 1;
    jobs.failing = 0;
    assert_int_equal(run(&o, results, &fault), FAULT_WORK);
    assert_false(is_there(path));
}

static void jobs_at_work_are_told_to_stop_when_another_fails(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    struct jobs jobs = PLAIN;
    struct job_scheduler_options o = options(&jobs, root_file(path, "stops"));
    struct job_scheduler_result results[JOBS];
    struct fault fault;
    o.n_threads = 3;
    jobs.failing = 2;
    jobs.waits_to_stop = true;
    assert_int_equal(run(&o, results, &fault), FAULT_WORK);
    assert_string_equal(fault.text, "job 2 cannot");
    job_store_remove(path);
}

/* The flag of an interrupt stays set, so in a process of its own. Returns its exit code. */
static int run_interrupted(struct jobs *jobs, const struct job_scheduler_options *o)
{
    (void)fflush(stdout);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct job_scheduler_result results[JOBS];
        struct fault fault = {""};
        progress_catch_interrupts();
        const int rc = run(o, results, &fault);
        const char *expected = "interrupted with 3 of 11 jobs done; the same command with --resume "
                               "continues";
        const bool ok = rc == FAULT_WORK && strcmp(fault.text, expected) == 0 && n_calls(jobs) == 5;
        if (!ok) {
            print_error("%d, %d calls: %s\n", rc, n_calls(jobs), fault.text);
        }
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void an_interrupt_lets_jobs_save_and_resume_goes_on(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    char file[ROOT_PATH_BYTES + 16];
    struct jobs jobs = PLAIN;
    struct job_scheduler_options o = options(&jobs, root_file(path, "interrupted"));
    struct job_scheduler_result results[JOBS];
    struct fault fault;
    /* Three jobs are done, then five are at work when the signal comes. */
    jobs.failing = 3;
    o.n_threads = 1;
    assert_int_equal(run(&o, results, &fault), FAULT_WORK);
    struct jobs few = PLAIN;
    few.raising = 4;
    few.n_raising = 5;
    few.waits_to_stop = true;
    o.context = &few;
    o.n_threads = 5;
    o.resume = true;
    assert_int_equal(run_interrupted(&few, &o), 0);
    (void)snprintf(file, sizeof file, "%s/0004.state", path);
    assert_true(is_there(file));
    struct jobs rest = PLAIN;
    o.context = &rest;
    assert_int_equal(run(&o, results, &fault), FAULT_NONE);
    check_results(results);
    assert_int_equal(n_calls(&rest), JOBS - 3);
    assert_int_equal(rest.n_resumed, 5);
    assert_false(is_there(file));
    job_scheduler_free(results, JOBS);
    job_store_remove(path);
}

static void a_directory_of_other_jobs_is_refused(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    struct jobs jobs = PLAIN;
    struct job_scheduler_options o = options(&jobs, root_file(path, "other"));
    struct job_scheduler_result results[JOBS];
    struct fault fault;
    o.resume = true;
    assert_int_equal(run(&o, results, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "no such directory; that of an interrupted fit"));
    o.resume = false;
    assert_int_equal(run(&o, results, &fault), FAULT_NONE);
    job_scheduler_free(results, JOBS);
    o.resume = true;
    o.key = "rule rnn, seed 4";
    assert_int_equal(run(&o, results, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text,
                           "of another fit: \"seed 3, 11 jobs\" stands there, \"seed 4, "
                           "11 jobs\" was expected"));
    o.key = "rule rnn, seed 3";
    o.n_jobs = JOBS - 1;
    assert_int_equal(run(&o, results, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "\"11 jobs\" stands there, \"10 jobs\" was expected"));
    job_store_remove(path);
}

static void two_at_once_in_one_directory_are_refused(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    struct job_store first;
    struct fault fault;
    root_file(path, "locked");
    assert_int_equal(job_store_open(&first, path, "k", false, &fault), FAULT_NONE);
    (void)fflush(stdout);
    const pid_t child = fork(); /* a process is not kept out by its own lock */
    if (child == 0) {
        struct job_store second;
        const int rc = job_store_open(&second, path, "k", true, &fault);
        _exit(rc == FAULT_WORK && strstr(fault.text, "another murid is using it") != NULL ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    job_store_close(&first);
    assert_false(is_there(path));
}

static void a_damaged_result_is_done_again(void **state)
{
    test_random random = test_random_seeded(suite_seed());
    (void)state;
    char path[ROOT_PATH_BYTES];
    char file[ROOT_PATH_BYTES + 16];
    char other[ROOT_PATH_BYTES + 16];
    struct jobs jobs = PLAIN;
    struct job_scheduler_options o = options(&jobs, root_file(path, "damaged"));
    struct job_scheduler_result results[JOBS];
    struct fault fault;
    assert_int_equal(run(&o, results, &fault), FAULT_NONE);
    job_scheduler_free(results, JOBS);
    o.resume = true;
    for (int round = 0; round < 60; round++) {
        const size_t number = test_random_bits(&random) % JOBS;
        struct jobs again = PLAIN;
        uint8_t *bytes;
        size_t size;
        o.context = &again;
        (void)snprintf(file, sizeof file, "%s/%04zu.result", path, number);
        (void)snprintf(other, sizeof other, "%s/%04zu.result", path, (number + 1) % JOBS);
        assert_int_equal(safetensors_read(round % 4 == 0 ? other : file, &bytes, &size, &fault),
                         FAULT_NONE);
        if (round % 4 == 1) {
            size = test_random_bits(&random) % size; /* a part, or nothing at all */
        } else if (round % 4 > 1) {
            bytes[test_random_bits(&random) % size] ^=
                (uint8_t)(1U << test_random_bits(&random) % 8);
        }
        assert_int_equal(output_file_write_bytes(NULL, file, bytes, size, &fault), FAULT_NONE);
        free(bytes);
        assert_int_equal(run(&o, results, &fault), FAULT_NONE);
        check_results(results);
        assert_int_equal(n_calls(&again), 1);
        assert_int_equal(again.n_calls[number], 1);
        job_scheduler_free(results, JOBS);
    }
    job_store_remove(path);
}

static void a_place_that_cannot_be_written_is_told_before_any_job(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    struct jobs jobs = PLAIN;
    struct job_scheduler_result results[JOBS];
    struct fault fault;
    struct job_scheduler_options o = options(&jobs, "/nonexistent/m.fit");
    assert_int_equal(run(&o, results, &fault), FAULT_WORK);
    assert_non_null(strstr(fault.text, "/nonexistent/m.fit: cannot be created"));
    /* A limit of the size of files stands for a full disk. */
    struct rlimit limit;
    struct rlimit little;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    little = limit;
    little.rlim_cur = 20000;
    root_file(path, "full");
    o.directory = path;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    const int rc = run(&o, results, &fault);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(rc, FAULT_WORK);
    assert_non_null(strstr(fault.text, "cannot be written: File too large"));
    assert_int_equal(n_calls(&jobs), 0);
    assert_false(is_there(path));
}

static void files_of_others_are_left_where_they_are(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    char notes[ROOT_PATH_BYTES + 16];
    struct jobs jobs = PLAIN;
    struct job_scheduler_options o = options(&jobs, root_file(path, "notes"));
    struct job_scheduler_result results[JOBS];
    struct fault fault;
    assert_int_equal(run(&o, results, &fault), FAULT_NONE);
    job_scheduler_free(results, JOBS);
    (void)snprintf(notes, sizeof notes, "%s/notes.txt", path);
    assert_int_equal(output_file_write_bytes(NULL, notes, (const uint8_t *)"x", 1, &fault),
                     FAULT_NONE);
    job_store_remove(path);
    assert_true(is_there(notes));
    DIR *dir = opendir(path);
    int n = 0;
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        n++;
    }
    (void)closedir(dir);
    assert_int_equal(n, 3);
    assert_int_equal(unlink(notes), 0);
    job_store_remove(path);
    assert_false(is_there(path));
}

static void one_of_several_tasks_without_a_group_is_refused(void **state)
{
    (void)state;
    struct ranks ranks;
    struct fault fault;
    assert_int_equal(setenv("SLURM_STEP_NUM_TASKS", "4", 1), 0);
    assert_int_equal(ranks_open(&ranks, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "started as one of 4 tasks (SLURM_STEP_NUM_TASKS)"));
    assert_int_equal(setenv("SLURM_STEP_NUM_TASKS", "1", 1), 0);
    assert_int_equal(ranks_open(&ranks, &fault), FAULT_NONE);
    ranks_close(&ranks);
    assert_int_equal(unsetenv("SLURM_STEP_NUM_TASKS"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_come_in_the_order_of_the_jobs_on_any_number_of_threads),
        cmocka_unit_test(the_costly_jobs_begin_first),
        cmocka_unit_test(the_first_job_that_fails_stops_all_and_what_is_done_is_kept),
        cmocka_unit_test(a_failing_first_job_leaves_no_directory),
        cmocka_unit_test(jobs_at_work_are_told_to_stop_when_another_fails),
        cmocka_unit_test(an_interrupt_lets_jobs_save_and_resume_goes_on),
        cmocka_unit_test(a_directory_of_other_jobs_is_refused),
        cmocka_unit_test(two_at_once_in_one_directory_are_refused),
        cmocka_unit_test(a_damaged_result_is_done_again),
        cmocka_unit_test(a_place_that_cannot_be_written_is_told_before_any_job),
        cmocka_unit_test(files_of_others_are_left_where_they_are),
        cmocka_unit_test(one_of_several_tasks_without_a_group_is_refused),
    };
    return cmocka_run_group_tests(tests, root_make, root_remove);
}
