/* backfill.h */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "backfill.h"
#include "model/random.h"
#include "suite.h"

static model_params params;
static model_bank_params bank;
static model_engagement_params engagement;
static struct twin_models models = {.bank = &bank, .baseline = &params, .engagement = &engagement};

static int set_up(void **state)
{
    (void)state;
    const int status = model_params_built_in(&params, "stimulus,bias,prev_choice,win_stay");
    model_bank_single(&bank, &params);
    model_engagement_default(&engagement);
    return status;
}

static model_trial random_trial(model_random *r)
{
    const double contrast = (double)model_random_below(r, 9) / 4.0 - 1.0;
    const int8_t choice = (int8_t)((int)model_random_below(r, 3) - 1);
    const double reward =
        model_random_below(r, 4) == 0 ? (double)NAN : (double)model_random_below(r, 2);
    return (model_trial){.contrast = contrast,
                         .reward = reward,
                         .rt_s = model_random_uniform(r),
                         .choice = choice,
                         .side = (int8_t)((int)model_random_below(r, 3) - 1)};
}

static void observe(struct twin *l, const model_trial *t, struct twin_outcome *outcome)
{
    assert_int_equal(twin_observe(l, &models, t, outcome), MODEL_OK);
}

static bool is_same(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* The trials after the gap opened in any order end where those in order do. */
static void late_trials_end_where_those_in_order_do(void **state)
{
    (void)state;
    model_random r;
    model_random_seed(&r, suite_seed(), 0);
    for (int round = 0; round < 300; round++) {
        struct twin in_order;
        struct twin healed;
        struct backfill backfill = {0};
        struct twin_outcome in_order_outcomes[BACKFILL_TRIALS];
        struct twin_outcome outcome;
        model_trial trials[BACKFILL_TRIALS];
        int64_t order[BACKFILL_TRIALS];
        const int n = 2 + (int)model_random_below(&r, BACKFILL_TRIALS - 2);

        twin_init(&in_order, &models);
        twin_start_session(&in_order, &models);
        for (int i = 0; i < 20; i++) {
            const model_trial t = random_trial(&r);
            observe(&in_order, &t, &outcome);
        }
        healed = in_order;
        for (int i = 0; i < n; i++) {
            trials[i] = random_trial(&r);
            observe(&in_order, &trials[i], &in_order_outcomes[i]);
            const uint64_t j = model_random_below(&r, (uint64_t)i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        backfill_open(&backfill, &healed);
        int64_t highest = -1;
        for (int i = 0; i < n; i++) {
            const int64_t number = order[i];
            if (number > highest) {
                observe(&healed, &trials[number], &outcome);
                backfill_note(&backfill, number, &trials[number]);
                highest = number;
            } else {
                assert_int_equal(
                    backfill_insert(&backfill, &healed, &models, number, &trials[number], &outcome),
                    MODEL_OK);
            }
        }
        assert_memory_equal(&healed, &in_order, twin_used(&healed));
        if (order[n - 1] == n - 1 || order[n - 1] < highest) {
            /* Put in last, it is scored as it would have been in its place. */
            const struct twin_outcome *expected = &in_order_outcomes[order[n - 1]];
            assert_true(is_same(outcome.p_right, expected->p_right));
            assert_true(is_same(outcome.nats, expected->nats));
            assert_true(is_same(outcome.p_disengaged, expected->p_disengaged));
        }
    }
}

static void a_gap_open_for_too_long_is_given_up_and_nothing_changes(void **state)
{
    (void)state;
    model_random r;
    model_random_seed(&r, suite_seed(), 1);
    struct twin twin;
    struct backfill backfill = {0};
    struct twin_outcome outcome;
    twin_init(&twin, &models);
    const model_trial late = random_trial(&r);
    backfill_open(&backfill, &twin);
    for (int64_t i = 1; i <= BACKFILL_TRIALS; i++) {
        const model_trial t = random_trial(&r);
        observe(&twin, &t, &outcome);
        backfill_note(&backfill, i, &t);
    }
    const struct twin before = twin;
    assert_int_equal(backfill_insert(&backfill, &twin, &models, 0, &late, &outcome),
                     MODEL_ERR_SPACE);
    assert_memory_equal(&twin, &before, sizeof before);
}

static void without_a_gap_nothing_is_taken(void **state)
{
    (void)state;
    struct twin twin;
    struct backfill backfill = {0};
    struct twin_outcome outcome;
    const model_trial t = {.contrast = 0.5, .reward = 1.0, .rt_s = 0.2, .choice = 1, .side = 1};
    twin_init(&twin, &models);
    assert_int_equal(backfill_insert(&backfill, &twin, &models, 0, &t, &outcome), MODEL_ERR_SPACE);
    backfill_open(&backfill, &twin);
    backfill_close(&backfill);
    assert_int_equal(backfill_insert(&backfill, &twin, &models, 0, &t, &outcome), MODEL_ERR_SPACE);
}

static void a_trial_that_the_model_refuses_changes_nothing(void **state)
{
    (void)state;
    struct twin twin;
    struct backfill backfill = {0};
    struct twin_outcome outcome;
    const model_trial good = {.contrast = 0.5, .reward = 1.0, .rt_s = 0.2, .choice = 1, .side = 1};
    const model_trial bad = {.contrast = 2.0, .reward = 1.0, .rt_s = 0.2, .choice = 1, .side = 1};
    twin_init(&twin, &models);
    backfill_open(&backfill, &twin);
    observe(&twin, &good, &outcome);
    backfill_note(&backfill, 1, &good);
    const struct twin before = twin;
    const struct backfill heal_before = backfill;
    assert_true(backfill_insert(&backfill, &twin, &models, 0, &bad, &outcome) < 0);
    assert_memory_equal(&twin, &before, sizeof before);
    assert_memory_equal(&backfill, &heal_before, sizeof backfill);
}

static void what_is_kept_depends_on_the_trials_alone(void **state)
{
    (void)state;
    struct backfill heals[2];
    struct twin twin;
    twin_init(&twin, &models);
    for (int i = 0; i < 2; i++) {
        model_trial t;
        memset(&t, i * 0xAA, sizeof t); /* its padding differs */
        t.contrast = 0.25;
        t.reward = 0.0;
        t.rt_s = 0.5;
        t.choice = t.side = 1;
        memset(&heals[i], 0, sizeof heals[i]);
        backfill_open(&heals[i], &twin);
        backfill_note(&heals[i], 3, &t);
    }
    assert_memory_equal(&heals[0], &heals[1], sizeof heals[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_trials_end_where_those_in_order_do),
        cmocka_unit_test(a_gap_open_for_too_long_is_given_up_and_nothing_changes),
        cmocka_unit_test(without_a_gap_nothing_is_taken),
        cmocka_unit_test(a_trial_that_the_model_refuses_changes_nothing),
        cmocka_unit_test(what_is_kept_depends_on_the_trials_alone),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
