/* adaptation.h: the window follows the animal, and what is put into force can be undone. */
#include <math.h>
#include <string.h>

#include "suite.h"

#include "adaptation.h"
#include "check.h"
#include "seeded.h"

enum { WINDOW = 200, MEMBERS = 2 };

static model_bank_params bank_params;
static struct adaptation_plan plan;
static struct adaptation *own;
static model_bank bank;
static struct fault fault;
static test_random draw;

static int open_plan(void **state)
{
    (void)state;
    model_adapt_config config;
    model_params walk;
    assert_int_equal(model_params_built_in(&walk, NULL), MODEL_OK);
    memset(&bank_params, 0, sizeof bank_params);
    bank_params.n = MEMBERS;
    bank_params.temper = 1.0;
    bank_params.share = 0.01;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        bank_params.member[i] = walk;
        bank_params.member[i].noise.drift_var[0] *= 1.0 + i;
        bank_params.prior[i] = 0.5;
    }
    model_adapt_config_init(&config);
    assert_int_equal(adaptation_plan_open(&plan, &config, &bank_params, NULL, WINDOW, &fault),
                     FAULT_NONE);
    own = aligned_alloc(MODEL_NET_ALIGN, adaptation_size(&plan));
    assert_non_null(own);
    memset(own, 0, adaptation_size(&plan));
    model_bank_init(&bank, &bank_params);
    draw = test_random_seeded(suite_seed());
    return 0;
}

static int close_plan(void **state)
{
    (void)state;
    free(own);
    adaptation_plan_close(&plan);
    return 0;
}

static model_trial some_trial(void)
{
    return (model_trial){.contrast = 0.5 * ((int)(5.0 * test_random_uniform(&draw)) - 2),
                         .reward = 1.0,
                         .rt_s = 0.5,
                         .choice = (int8_t)((int)(2.1 * test_random_uniform(&draw)) % 2),
                         .side = -1};
}

/* As the subjects does it. */
static void hear(const model_trial *trial, bool starts)
{
    const model_bank_params *params = adaptation_bank(&plan, own);
    if (starts) {
        model_bank_start_session(&bank, params);
    }
    adaptation_prepare(&plan, own, &bank);
    assert_int_equal(model_bank_observe(&bank, params, trial, NULL), MODEL_OK);
    adaptation_push(&plan, own, trial, starts);
}

static void hear_some(int n)
{
    for (int k = 0; k < n; k++) {
        const model_trial trial = some_trial();
        hear(&trial, k % 70 == 0);
    }
}

/* The bank at the window's start, and the window's trials: where that leads. */
static void follow_window(model_bank *at)
{
    const model_adapt_window w = adaptation_window(&plan, own);
    model_bank_copy(at, w.start);
    for (size_t k = 0; k < w.n_trials; k++) {
        const model_adapt_trial *t = &w.trials[k];
        const model_trial trial = {t->contrast, t->reward, t->rt_s, t->choice, t->side};
        if (k > 0 && t->starts_session == 1) {
            model_bank_start_session(at, &bank_params);
        }
        assert_int_equal(model_bank_observe(at, &bank_params, &trial, NULL), MODEL_OK);
    }
}

static void the_window_leads_from_its_start_to_where_the_animal_is(void **state)
{
    (void)state;
    size_t least = WINDOW;
    for (int k = 0; k < 5 * WINDOW; k++) {
        const model_trial trial = some_trial();
        hear(&trial, k % 70 == 0);
        const size_t n = adaptation_window(&plan, own).n_trials;
        assert_true(n <= WINDOW && n <= (size_t)k + 1);
        if (k > WINDOW) {
            least = n < least ? n : least;
        }
        if (k % 17 == 0 || n == WINDOW) {
            model_bank at;
            follow_window(&at);
            assert_memory_equal(&at, &bank, model_bank_used(MEMBERS));
        }
    }
    assert_in_range(least, WINDOW / 2, WINDOW / 2 + 1);
}

static void a_late_trial_takes_its_place_and_a_session_keeps_its_start(void **state)
{
    (void)state;
    hear_some(20);
    const model_trial late = {.contrast = -1.0, .reward = 0.0, .rt_s = 0.1, .choice = 1, .side = 0};
    adaptation_insert(&plan, own, &late, 3);
    model_adapt_window w = adaptation_window(&plan, own);
    assert_int_equal(w.n_trials, 21);
    assert_true(w.trials[17].rt_s == 0.1 && w.trials[17].starts_session == 0);
    adaptation_insert(&plan, own, &late, 21);
    w = adaptation_window(&plan, own);
    assert_true(w.trials[0].rt_s == 0.1 && w.trials[0].starts_session == 1);
    assert_true(w.trials[1].starts_session == 0);
    for (int k = 0; k < 2 * WINDOW; k++) { /* there is room for some, and no more */
        adaptation_insert(&plan, own, &late, 0);
    }
    assert_int_equal(adaptation_window(&plan, own).n_trials, WINDOW + ADAPTATION_SPARE);
    hear_some(3 * WINDOW);
    assert_true(adaptation_window(&plan, own).n_trials <= WINDOW);
}

static float *changed_values(float by)
{
    const size_t n = model_adapt_values(&plan.adapt);
    float *values = malloc(n * sizeof *values);
    for (size_t i = 0; i < n; i++) {
        values[i] = plan.population[i] + by;
    }
    return values;
}

static void changes_are_in_force_and_undone_one_by_one(void **state)
{
    (void)state;
    float *one = changed_values(0.5F);
    float *two = changed_values(1.0F);
    assert_false(adaptation_undo(&plan, own, 1));
    assert_ptr_equal(adaptation_bank(&plan, own), &bank_params);
    assert_int_equal(adaptation_take(&plan, own, one, 1), 0);
    const double first = adaptation_bank(&plan, own)->member[1].noise.drift_var[0];
    CHECK_NEAR(first / bank_params.member[1].noise.drift_var[0], exp(0.5), 1e-5);
    assert_int_equal(adaptation_take(&plan, own, two, 2), 0);
    assert_true(adaptation_bank(&plan, own)->member[1].noise.drift_var[0] > first);
    assert_true(adaptation_undo(&plan, own, 3));
    assert_true(adaptation_bank(&plan, own)->member[1].noise.drift_var[0] == first);
    assert_int_equal(own->head.id, 1);
    assert_int_equal(own->head.last, 3);
    assert_true(adaptation_undo(&plan, own, 4));
    assert_ptr_equal(adaptation_bank(&plan, own), &bank_params);
    assert_false(adaptation_undo(&plan, own, 5));
    one[0] = (float)NAN;
    assert_int_equal(adaptation_take(&plan, own, two, 6), 0);
    const double second = adaptation_bank(&plan, own)->member[1].noise.drift_var[0];
    assert_int_equal(adaptation_take(&plan, own, one, 7), -1);
    assert_true(adaptation_bank(&plan, own)->member[1].noise.drift_var[0] == second);
    assert_int_equal(own->head.id, 6);
    free(one);
    free(two);
}

static void nets_that_are_held_are_found_where_the_plan_stands_now(void **state)
{
    (void)state;
    static const int elsewhere[2]; /* never looked into */
    struct adaptation_plan moved = plan;
    model_bank_params other = bank_params;
    float *one = changed_values(0.5F);
    assert_int_equal(adaptation_take(&plan, own, one, 1), 0);
    other.member[0].rule.net = (const model_net *)(const void *)elsewhere;
    moved.adapt.bank = &other;
    adaptation_rebind(&moved, own);
    assert_ptr_equal(adaptation_bank(&moved, own)->member[0].rule.net, elsewhere);
    assert_null(adaptation_bank(&moved, own)->member[1].rule.net);
    free(one);
}

static void a_checkpoint_brings_window_and_parameters_back(void **state)
{
    (void)state;
    float *one = changed_values(0.25F);
    float *two = changed_values(0.5F);
    hear_some(170);
    assert_int_equal(adaptation_take(&plan, own, one, 4), 0);
    assert_int_equal(adaptation_take(&plan, own, two, 9), 0);
    const size_t size = adaptation_packed_size(own);
    uint8_t *bytes = malloc(size);
    adaptation_pack(&plan, own, bytes);
    struct adaptation *again = aligned_alloc(MODEL_NET_ALIGN, adaptation_size(&plan));
    memset(again, 0, adaptation_size(&plan));
    for (size_t n = 0; n < size; n++) { /* exactly as long: a sanitizer sees what is read beyond */
        uint8_t *cut = malloc(n + 1);
        memcpy(cut, bytes, n);
        assert_false(adaptation_unpack(&plan, again, cut, n));
        free(cut);
    }
    assert_true(adaptation_unpack(&plan, again, bytes, size));
    assert_int_equal(adaptation_restore(&plan, again, two, NULL), -1);
    assert_int_equal(again->head.id, 0);
    assert_true(adaptation_unpack(&plan, again, bytes, size));
    assert_int_equal(adaptation_restore(&plan, again, two, one), 0);
    assert_int_equal(adaptation_packed_size(again), size);
    uint8_t *twice = malloc(size);
    adaptation_pack(&plan, again, twice);
    assert_memory_equal(bytes, twice, size);
    const model_adapt_window w[2] = {adaptation_window(&plan, own),
                                     adaptation_window(&plan, again)};
    assert_memory_equal(w[0].present, w[1].present,
                        model_adapt_values(&plan.adapt) * sizeof(float));
    assert_true(adaptation_undo(&plan, own, 10) && adaptation_undo(&plan, again, 10));
    assert_memory_equal(adaptation_bank(&plan, own), adaptation_bank(&plan, again),
                        sizeof bank_params);
    free(one);
    free(two);
    free(bytes);
    free(twice);
    free(again);
}

static void heads_that_murid_never_writes_are_refused(void **state)
{
    (void)state;
    hear_some(50);
    const size_t size = adaptation_packed_size(own);
    uint8_t *bytes = malloc(size);
    const struct adaptation_head good = own->head;
    const struct adaptation_head bad[] = {
        {.id = -1, .n = good.n},
        {.id = 3, .last = 2, .n = good.n},
        {.n = -1},
        {.n = INT64_MAX},
        {.n = WINDOW + ADAPTATION_SPARE + 1},
        {.n = good.n, .n_half = good.n + 1},
        {.n = good.n, .n_half = -1},
        {.n = good.n + 1},
        {.n = good.n, .id_before = -5},
    };
    adaptation_pack(&plan, own, bytes);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memcpy(bytes, &bad[i], sizeof bad[i]);
        assert_false(adaptation_unpack(&plan, own, bytes, size));
        assert_memory_equal(&own->head, &good, sizeof good);
    }
    memcpy(bytes, &good, sizeof good);
    const uint64_t members = MEMBERS + 1;
    memcpy(bytes + sizeof good + offsetof(model_bank, n), &members, sizeof members);
    assert_false(adaptation_unpack(&plan, own, bytes, size));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_window_leads_from_its_start_to_where_the_animal_is,
                                        open_plan, close_plan),
        cmocka_unit_test_setup_teardown(a_late_trial_takes_its_place_and_a_session_keeps_its_start,
                                        open_plan, close_plan),
        cmocka_unit_test_setup_teardown(changes_are_in_force_and_undone_one_by_one, open_plan,
                                        close_plan),
        cmocka_unit_test_setup_teardown(nets_that_are_held_are_found_where_the_plan_stands_now,
                                        open_plan, close_plan),
        cmocka_unit_test_setup_teardown(a_checkpoint_brings_window_and_parameters_back, open_plan,
                                        close_plan),
        cmocka_unit_test_setup_teardown(heads_that_murid_never_writes_are_refused, open_plan,
                                        close_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
