/* worker.h: one job at a time, animals take turns, a stop does not wait for a job to end. */
#include <math.h>
#include <string.h>

#include "clock.h"
#include "seeded.h"
#include "suite.h"
#include "worker.h"

enum { ANIMALS = 5, TRIALS = 400 };

static struct config config;
static struct active_models {
    model_bank_params bank;
    model_params baseline;
} models;
static struct adaptation_plan plan;
static struct subjects subjects;
static struct worker worker;
static struct fault fault;

static int64_t no_clock(void)
{
    return 0;
}

static int open_worker(void **state)
{
    (void)state;
    model_adapt_config adapt;
    assert_int_equal(model_params_built_in(&models.baseline, NULL), MODEL_OK);
    model_bank_single(&models.bank, &models.baseline);
    model_adapt_config_init(&adapt);
    config_init(&config);
    config.limits.subjects = ANIMALS;
    const struct twin_models view = {.bank = &models.bank, .baseline = &models.baseline};
    assert_int_equal(adaptation_plan_open(&plan, &adapt, &models.bank, NULL, 2000, &fault),
                     FAULT_NONE);
    assert_int_equal(subjects_open(&subjects, &config, view, "0", no_clock), 0);
    assert_int_equal(subjects_adapt(&subjects, &plan, 0), 0);
    for (int i = 0; i < ANIMALS; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        assert_int_equal(subjects_add_subject(&subjects, name), i);
    }
    assert_int_equal(worker_open(&worker, &subjects), 0);
    return 0;
}

static int close_worker(void **state)
{
    (void)state;
    worker_close(&worker);
    worker_close(&worker);
    subjects_close(&subjects);
    adaptation_plan_close(&plan);
    return 0;
}

static void teach(uint32_t subject, int n)
{
    test_random r = test_random_seeded(subject + 1);
    for (int k = 0; k < n; k++) {
        struct twin_outcome outcome;
        const model_trial trial = {.contrast = test_random_uniform(&r) - 0.5,
                                   .reward = 1.0,
                                   .rt_s = 0.5,
                                   .choice = test_random_uniform(&r) < 0.6,
                                   .side = -1};
        assert_int_equal(subjects_observe(&subjects, subject, &trial, &outcome), MODEL_OK);
    }
}

static const struct worker_job *wait_for_result(void)
{
    const struct worker_job *job = NULL;
    for (int i = 0; i < 20000 && job == NULL; i++) {
        job = worker_result(&worker);
        clock_sleep_ns(1000000);
    }
    assert_non_null(job);
    return job;
}

static void a_job_says_what_the_same_snapshot_says_without_a_thread(void **state)
{
    (void)state;
    teach(0, TRIALS);
    const size_t n = model_adapt_values(&plan.adapt);
    const model_adapt_window window = adaptation_window(&plan, subjects_adaptation(&subjects, 0));
    model_adapt_result result;
    float *values = calloc(n, sizeof *values);
    void *scratch = aligned_alloc(MODEL_NET_ALIGN, model_adapt_scratch(&plan.adapt, TRIALS));
    assert_int_equal(model_adapt_run(&plan.adapt, &window, scratch, NULL, NULL, values, &result),
                     MODEL_OK);
    worker_want(&worker, WORKER_ADAPT, 0);
    worker_start_next(&worker, &subjects, 17);
    teach(0, TRIALS); /* the animal goes on: the job does not see it */
    const struct worker_job *job = wait_for_result();
    const struct worker_adapt *found = job->memory;
    assert_true(job->is_whole);
    assert_int_equal(job->based_on, 17);
    assert_int_equal(job->subject, 0);
    assert_memory_equal(&found->result.after, &result.after, sizeof result.after);
    assert_memory_equal(found->values, values, n * sizeof *values);
    worker_release(&worker);
    assert_null(worker_result(&worker));
    free(values);
    free(scratch);
}

static void animals_take_turns_and_wait_once(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ANIMALS; i++) {
        teach(i, TRIALS);
    }
    for (int round = 0; round < 3; round++) { /* one that always wants does not come first */
        worker_want(&worker, WORKER_ADAPT, 3);
        for (uint32_t i = 0; i < ANIMALS; i++) {
            worker_want(&worker, WORKER_ADAPT, i);
            worker_want(&worker, WORKER_ADAPT, 3);
        }
        assert_int_equal(worker.queue[WORKER_ADAPT].n, ANIMALS);
        static const uint32_t ORDER[ANIMALS] = {3, 0, 1, 2, 4};
        for (uint32_t i = 0; i < ANIMALS; i++) {
            worker_start_next(&worker, &subjects, 1);
            worker_start_next(&worker, &subjects, 2); /* busy: nothing happens */
            assert_int_equal(wait_for_result()->subject, ORDER[i]);
            worker_release(&worker);
        }
        assert_int_equal(worker.queue[WORKER_ADAPT].n, 0);
    }
}

static void animals_that_cannot_have_a_job_are_passed_over(void **state)
{
    (void)state;
    teach(2, TRIALS);
    backfill_open(&subjects.subject[2].state.backfill, &subjects.subject[2].state.twin);
    worker_want(&worker, WORKER_ADAPT, 1); /* no message of it so far */
    worker_want(&worker, WORKER_ADAPT, 2); /* a gap is open */
    worker_start_next(&worker, &subjects, 1);
    worker_start_next(&worker, &subjects, 1);
    assert_int_equal(worker.queue[WORKER_ADAPT].n, 0);
    assert_int_equal(atomic_load(&worker.state), WORKER_IDLE);
    teach(4, 20); /* too few: the job ends without a result */
    worker_want(&worker, WORKER_ADAPT, 4);
    worker_start_next(&worker, &subjects, 1);
    assert_false(wait_for_result()->is_whole);
    worker_release(&worker);
}

static void a_close_does_not_wait_for_the_job_at_hand(void **state)
{
    (void)state;
    plan.adapt.config.n_steps = 1000000; /* minutes */
    teach(0, TRIALS);
    worker_want(&worker, WORKER_ADAPT, 0);
    worker_start_next(&worker, &subjects, 1);
    clock_sleep_ns(20000000);
    assert_null(worker_result(&worker));
    const int64_t start_ns = clock_mono_ns();
    worker_close(&worker);
    assert_true(clock_mono_ns() - start_ns < INT64_C(10000000000));
}

static void without_a_plan_there_is_nothing_to_do(void **state)
{
    (void)state;
    worker_close(&worker);
    assert_int_equal(subjects_adapt(&subjects, NULL, 0), 0);
    assert_int_equal(worker_open(&worker, &subjects), 0);
    worker_want(&worker, WORKER_ADAPT, 0);
    worker_start_next(&worker, &subjects, 1);
    assert_null(worker_result(&worker));
    assert_null(subjects_adaptation(&subjects, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_job_says_what_the_same_snapshot_says_without_a_thread,
                                        open_worker, close_worker),
        cmocka_unit_test_setup_teardown(animals_take_turns_and_wait_once, open_worker,
                                        close_worker),
        cmocka_unit_test_setup_teardown(animals_that_cannot_have_a_job_are_passed_over, open_worker,
                                        close_worker),
        cmocka_unit_test_setup_teardown(a_close_does_not_wait_for_the_job_at_hand, open_worker,
                                        close_worker),
        cmocka_unit_test_setup_teardown(without_a_plan_there_is_nothing_to_do, open_worker,
                                        close_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
