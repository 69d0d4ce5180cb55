/* model/training_status.h, and the golden sets of brainbox's tests on a mouse of the International
 * Brain Laboratory. */
#include <string.h>

#include "skips.h"

#include "check.h"
#include "curve_nats.h"
#include "ibl_trials.h"
#include "model/error.h"
#include "seeded.h"

static model_training_status_session_info info(model_ibl_criteria_protocol protocol)
{
    return (model_training_status_session_info){.protocol = protocol, .delay_s = (double)NAN};
}

static model_training_status *fresh(void)
{
    static model_training_status t;
    memset(&t, 0xa5, sizeof t);
    model_training_status_init(&t);
    return &t;
}

static model_training_status_standing judged(const model_training_status *t)
{
    model_training_status_standing s;
    assert_int_equal(model_training_status_judge(t, &s), MODEL_OK);
    return s;
}

/* ---- the golden sets ---- */

static size_t need_trials(void)
{
    const size_t n = ibl_trials_read();
    if (n == 0) {
        skips_case("../shared/data absent");
    }
    return n;
}

static void take_date(model_training_status *t, size_t n, const char *date, bool is_ephys_rig,
                      double delay_s)
{
    int64_t id = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(ibl_trials[i].date + 5, date) != 0) {
            continue;
        }
        if (id == 0) {
            id = 10000 + (int64_t)i;
            const model_training_status_session_info start = {
                model_ibl_criteria_protocol_of(ibl_trials[i].task), is_ephys_rig, delay_s};
            model_training_status_start(t, id, &start, NULL);
        }
        model_training_status_push(t, &ibl_trials[i].trial, ibl_trials[i].p_left);
    }
    assert_true(id > 0);
}

struct golden {
    const char *date[3]; /* rising */
    bool is_ephys_rig[3];
    double delay_s;
    model_ibl_criteria_status status;
    model_ibl_criteria_status next; /* whose criteria brainbox gives beside */
};

static void the_seven_golden_sets_have_their_status(void **state)
{
    (void)state;
    const double none = (double)NAN;
    const struct golden sets[] = {
        {{"08-21", "08-24", "08-25"},
         {0},
         none,
         MODEL_IBL_CRITERIA_IN_TRAINING,
         MODEL_IBL_CRITERIA_TRAINED_1A},
        {{"08-24", "08-25", "08-26"},
         {0},
         none,
         MODEL_IBL_CRITERIA_TRAINED_1A,
         MODEL_IBL_CRITERIA_TRAINED_1B},
        {{"08-25", "08-26", "08-27"},
         {0},
         none,
         MODEL_IBL_CRITERIA_TRAINED_1B,
         MODEL_IBL_CRITERIA_READY4EPHYSRIG},
        {{"08-27", "08-28", "08-31"},
         {0},
         none,
         MODEL_IBL_CRITERIA_TRAINED_1B,
         MODEL_IBL_CRITERIA_READY4EPHYSRIG},
        {{"08-28", "08-31", "09-01"},
         {0},
         none,
         MODEL_IBL_CRITERIA_READY4EPHYSRIG,
         MODEL_IBL_CRITERIA_READY4DELAY},
        {{"08-31", "09-02", "09-03"},
         {0, 0, 1},
         none,
         MODEL_IBL_CRITERIA_READY4DELAY,
         MODEL_IBL_CRITERIA_READY4RECORDING},
        {{"08-28", "08-31", "09-01"},
         {1, 1, 1},
         900.0,
         MODEL_IBL_CRITERIA_READY4RECORDING,
         MODEL_IBL_CRITERIA_READY4RECORDING},
    };
    const size_t n = need_trials();
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        model_training_status *t = fresh();
        for (int k = 0; k < 3; k++) {
            take_date(t, n, sets[i].date[k], sets[i].is_ephys_rig[k],
                      k == 2 ? sets[i].delay_s : none);
        }
        const model_training_status_standing s = judged(t);
        printf("%s to %s: %s\n", sets[i].date[0], sets[i].date[2],
               model_ibl_criteria_status_name(s.now.status));
        assert_int_equal(s.now.status, sets[i].status);
        assert_int_equal(s.now.next, sets[i].next);
    }
}

/* The published parameters come from a search that ends 1e-4 before the optimum; they are held to
 * 1e-6 of their size, where brainbox's own test asks for 1e-5. */
static void the_figures_of_the_first_set_are_brainbox_s(void **state)
{
    (void)state;
    static const double EASY[] = {0.90853659, 0.9, 0.91489362};
    static const int64_t TRIALS[] = {719, 532, 617};
    const model_psychometric published = {4.04487042, 21.6293942, 0.0191451396, 0.172669957};
    const size_t n = need_trials();
    model_training_status *t = fresh();
    take_date(t, n, "08-21", false, (double)NAN);
    take_date(t, n, "08-24", false, (double)NAN);
    take_date(t, n, "08-25", false, (double)NAN);
    const model_training_status_standing s = judged(t);
    const model_ibl_criteria_window w = model_training_status_window(t);
    const model_psychometric *c = &s.now.curve[MODEL_IBL_CRITERIA_ELSE];
    for (int i = 0; i < 3; i++) {
        CHECK_NEAR((double)w.session[i]->n_easy_correct / (double)w.session[i]->n_easy, EASY[i],
                   5e-9);
        assert_int_equal(w.session[i]->n_trials, TRIALS[i]);
    }
    CHECK_NEAR(w.zero_rt_s, 0.83655, 1e-9);
    printf("%.9g %.9g %.9g %.9g\n", c->bias, c->threshold, c->lapse_low, c->lapse_high);
    CHECK_NEAR(c->bias / published.bias, 1.0, 1e-6);
    CHECK_NEAR(c->threshold / published.threshold, 1.0, 1e-6);
    CHECK_NEAR(c->lapse_low / published.lapse_low, 1.0, 1e-6);
    CHECK_NEAR(c->lapse_high / published.lapse_high, 1.0, 1e-6);
    model_psychometric_point points[MODEL_IBL_CRITERIA_CONTRASTS];
    const size_t k = model_ibl_criteria_points(&w, MODEL_IBL_CRITERIA_ELSE, points);
    assert_true(curve_nats(c, k, points) <= curve_nats(&published, k, points) + 1e-9);
}

static void blocks_alone_tell_the_protocol_of_every_session_of_that_mouse(void **state)
{
    (void)state;
    const size_t n = need_trials();
    const model_training_status_session_info unknown = info(MODEL_IBL_CRITERIA_PROTOCOL_UNKNOWN);
    model_training_status *t = fresh();
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(ibl_trials[i].date, ibl_trials[i - 1].date) != 0) {
            model_training_status_start(t, (int64_t)i, &unknown, NULL);
        }
        model_training_status_push(t, &ibl_trials[i].trial, ibl_trials[i].p_left);
        if (i + 1 == n || strcmp(ibl_trials[i].date, ibl_trials[i + 1].date) != 0) {
            assert_int_equal(t->session[t->current].counts.protocol,
                             model_ibl_criteria_protocol_of(ibl_trials[i].task));
        }
    }
}

/* ---- made-up animals ---- */

static const double CONTRASTS[] = {-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0};

/* An animal that errs at random in a share of its choices. */
static model_trial trial_of(test_random *r, double error)
{
    const double c = CONTRASTS[test_random_bits(r) % 7];
    const bool is_right = c > 0.0 || (!(c < 0.0) && test_random_uniform(r) < 0.5);
    const bool errs = test_random_uniform(r) < error;
    return (model_trial){.contrast = c,
                         .choice = is_right != errs ? 1 : 0,
                         .reward = errs ? 0.0 : 1.0,
                         .rt_s = 0.2 + test_random_uniform(r)};
}

static void play_session(model_training_status *t, test_random *r, int64_t id, int n_trials,
                         double error)
{
    const model_training_status_session_info start = info(MODEL_IBL_CRITERIA_PROTOCOL_TRAINING);
    model_training_status_start(t, id, &start, NULL);
    for (int i = 0; i < n_trials; i++) {
        const model_trial trial = trial_of(r, error);
        model_training_status_push(t, &trial, 0.5);
    }
}

static void the_last_three_sessions_count_and_what_was_reached_stays(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    model_training_status *t = fresh();
    assert_int_equal(judged(t).now.status, MODEL_IBL_CRITERIA_IN_TRAINING);
    for (int64_t id = 0; id < 3; id++) {
        play_session(t, &r, id, 600, 0.02);
        assert_int_equal(t->n, id + 1);
    }
    model_training_status_standing s = judged(t);
    assert_int_equal(s.now.status, MODEL_IBL_CRITERIA_TRAINED_1B);
    assert_int_equal(s.reached, MODEL_IBL_CRITERIA_TRAINED_1B);
    play_session(t, &r, 3, 100, 0.4);
    assert_int_equal(t->n, 3);
    assert_int_equal(t->session[0].id, 1);
    s = judged(t);
    assert_int_equal(s.now.status, MODEL_IBL_CRITERIA_IN_TRAINING);
    assert_int_equal(s.reached, MODEL_IBL_CRITERIA_TRAINED_1B);
    assert_int_equal(t->history.n_in_training, 2);
}

static void play_biased(model_training_status *t, test_random *r, int64_t id)
{
    const model_training_status_session_info start = info(MODEL_IBL_CRITERIA_PROTOCOL_BIASED);
    model_training_status_start(t, id, &start, NULL);
    for (int i = 0; i < 60; i++) {
        const model_trial trial = trial_of(r, 0.5);
        model_training_status_push(t, &trial, 0.5);
    }
}

/* The source gives trained_1b for the change of task alone. */
static void what_fewer_than_three_biased_sessions_show_is_not_reached(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    model_training_status *t = fresh();
    play_session(t, &r, 0, 100, 0.5);
    for (int64_t id = 1; id <= 4; id++) {
        play_biased(t, &r, id);
        const model_training_status_standing s = judged(t);
        assert_int_equal(s.now.status, MODEL_IBL_CRITERIA_TRAINED_1B);
        assert_int_equal(s.now.n_behind, id < 3 ? id : 3);
        assert_int_equal(model_ibl_criteria_is_shown(&s.now), id >= 3);
        assert_int_equal(s.reached,
                         id < 3 ? MODEL_IBL_CRITERIA_IN_TRAINING : MODEL_IBL_CRITERIA_TRAINED_1B);
    }
    assert_int_equal(t->history.n_in_training, 1);
}

static void the_median_of_all_reaction_times_may_be_told_from_outside(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    model_training_status *t = fresh();
    model_training_status_standing s;
    play_session(t, &r, 0, 100, 0.1);
    assert_int_equal(model_training_status_judge_rt(t, 0.75, &s), MODEL_OK);
    CHECK_NEAR(s.now.value[MODEL_IBL_CRITERION_RT], 0.75, 0.0);
}

static void what_was_judged_before_is_taken_and_gives_the_same(void **state)
{
    (void)state;
    static model_training_status twice;
    const uint64_t seed = suite_seed();
    test_random r = test_random_seeded(seed);
    test_random again = test_random_seeded(seed);
    const model_training_status_session_info start = info(MODEL_IBL_CRITERIA_PROTOCOL_TRAINING);
    model_training_status *t = fresh();
    model_training_status_init(&twice);
    for (int64_t id = 0; id < 5; id++) {
        play_session(t, &r, id, 300, 0.05);
        play_session(&twice, &again, id, 300, 0.05);
        const model_training_status_standing latest = judged(&twice);
        model_training_status_start(&twice, id + 1, &start, &latest);
        model_training_status_start(t, id + 1, &start, NULL);
        assert_memory_equal(&t->history, &twice.history, sizeof t->history);
    }
    assert_int_equal(t->history.reached, MODEL_IBL_CRITERIA_TRAINED_1A);
}

static void a_standing_of_earlier_is_not_taken(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    const model_training_status_session_info start = info(MODEL_IBL_CRITERIA_PROTOCOL_TRAINING);
    model_training_status *t = fresh();
    play_session(t, &r, 1, 600, 0.02);
    play_session(t, &r, 2, 600, 0.02);
    const model_training_status_standing early = judged(t);
    play_session(t, &r, 3, 600, 0.02);
    model_training_status_start(t, 4, &start, &early);
    assert_int_equal(t->history.reached, MODEL_IBL_CRITERIA_TRAINED_1B);
}

static void a_session_without_trials_leaves_no_trace(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    const model_training_status_session_info start = info(MODEL_IBL_CRITERIA_PROTOCOL_TRAINING);
    model_training_status *t = fresh();
    play_session(t, &r, 1, 50, 0.1);
    for (int64_t id = 2; id < 9; id++) {
        model_training_status_start(t, id, &start, NULL);
    }
    assert_int_equal(t->n, 1);
    assert_int_equal(t->history.n_in_training, 1);
    play_session(t, &r, 1, 50, 0.1); /* the first one goes on */
    assert_int_equal(t->n, 1);
    assert_int_equal(t->session[0].counts.n_trials, 100);
    play_session(t, &r, 9, 50, 0.1);
    assert_int_equal(t->n, 2);
    assert_int_equal(t->history.n_in_training, 1);
}

static void trials_before_any_session_and_of_habituation_do_not_count(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    const model_training_status_session_info start = info(MODEL_IBL_CRITERIA_PROTOCOL_HABITUATION);
    const model_trial trial = trial_of(&r, 0.1);
    model_training_status *t = fresh();
    model_training_status_push(t, &trial, 0.5);
    model_training_status_start(t, 7, &start, NULL);
    model_training_status_push(t, &trial, 0.5);
    assert_int_equal(t->n, 0);
    assert_int_equal(t->n_pushed, 0);
}

static void a_no_go_is_a_trial_that_is_neither_right_nor_correct(void **state)
{
    (void)state;
    const double none = (double)NAN;
    const model_training_status_session_info start = info(MODEL_IBL_CRITERIA_PROTOCOL_UNKNOWN);
    const model_trial trials[] = {{1.0, none, none, 1, -1},  {1.0, none, none, 0, -1},
                                  {-0.5, none, none, 0, -1}, {1.0, none, none, -1, -1},
                                  {1.0, 0.0, none, 1, -1},   {-1.0, 1.0, none, 1, -1},
                                  {0.25, 1.0, none, 1, -1},  {0.0, none, none, -1, -1}};
    model_training_status *t = fresh();
    model_training_status_start(t, 1, &start, NULL);
    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        model_training_status_push(t, &trials[i], none);
    }
    const model_ibl_criteria_session *s = &t->session[0].counts;
    assert_int_equal(s->n_trials, 8);
    assert_int_equal(s->n_easy, 6);
    assert_int_equal(s->n_easy_correct, 3);
    assert_int_equal(s->contrast[0].n[MODEL_IBL_CRITERIA_ELSE], 4);
    assert_int_equal(s->contrast[0].n_right[MODEL_IBL_CRITERIA_ELSE], 2);
    assert_true(isnan(judged(t).now.value[MODEL_IBL_CRITERION_RT]));
    CHECK_NEAR(judged(t).now.value[MODEL_IBL_CRITERION_ZERO], 1.0, 0.0);
}

static void the_median_is_exact_up_to_256_and_near_it_beyond(void **state)
{
    (void)state;
    const model_training_status_session_info start = info(MODEL_IBL_CRITERIA_PROTOCOL_TRAINING);
    model_training_status *t = fresh();
    const int counts[] = {255, 256, 3000};
    for (int k = 0; k < 3; k++) {
        model_training_status_start(t, k, &start, NULL);
        for (int i = 0; i < counts[k]; i++) { /* 0.001, 0.002, ... in an order that hops about */
            const model_trial trial = {
                .rt_s = 0.001 * (i * 7 % counts[k] + 1), .reward = 1.0, .choice = 1};
            model_training_status_push(t, &trial, 0.5);
        }
        model_training_status one = *t; /* this session alone */
        one.session[0] = t->session[k];
        one.n = 1;
        const double median = model_training_status_window(&one).zero_rt_s;
        printf("%d: %.6f\n", counts[k], median);
        CHECK_NEAR(median, 0.0005 * (counts[k] + 1), k < 2 ? 1e-12 : 0.02);
        assert_true(t->session[k].n_rts <= MODEL_TRAINING_STATUS_RTS &&
                    t->session[k].n_rts >= MODEL_TRAINING_STATUS_RTS / 2 - 1);
    }
    /* All 3511 together: 511 lie below 0.26, so that number 1756 is number 1245 of the 3000. */
    CHECK_NEAR(model_training_status_window(t).zero_rt_s, 1.245, 0.02);
    const model_trial slow = {.rt_s = 1e5};
    model_training_status_start(t, 9, &start, NULL);
    model_training_status_push(t, &slow, 0.5);
    assert_int_equal(t->session[2].rt_us[0], UINT32_MAX);
}

static void forty_sessions_in_training_are_untrainable_until_it_is_trained(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    model_training_status *t = fresh();
    for (int64_t id = 0; id < MODEL_TRAINING_STATUS_PATIENCE; id++) {
        play_session(t, &r, id, 60, 0.3);
        assert_int_equal(judged(t).is_untrainable, id == MODEL_TRAINING_STATUS_PATIENCE - 1);
    }
    for (int64_t id = 50; id < 53; id++) {
        play_session(t, &r, id, 600, 0.02);
    }
    assert_false(judged(t).is_untrainable);
    assert_false(judged(t).is_unbiasable);
}

static void forty_biased_sessions_without_a_shift_are_unbiasable(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    model_training_status *t = fresh();
    const model_training_status_session_info start = info(MODEL_IBL_CRITERIA_PROTOCOL_BIASED);
    for (int64_t id = 0; id < MODEL_TRAINING_STATUS_PATIENCE; id++) {
        model_training_status_start(t, id, &start, NULL);
        for (int i = 0; i < 60; i++) {
            const model_trial trial = trial_of(&r, 0.05);
            model_training_status_push(t, &trial, i < 30 ? 0.2 : 0.8);
        }
        const model_training_status_standing s = judged(t);
        assert_int_equal(s.is_unbiasable, id == MODEL_TRAINING_STATUS_PATIENCE - 1);
        assert_false(s.is_untrainable);
        assert_int_equal(s.now.status, MODEL_IBL_CRITERIA_TRAINED_1B);
    }
}

static void a_thirty_third_contrast_is_counted_but_not_fitted(void **state)
{
    (void)state;
    const model_training_status_session_info start = info(MODEL_IBL_CRITERIA_PROTOCOL_TRAINING);
    model_training_status *t = fresh();
    model_training_status_start(t, 1, &start, NULL);
    for (int i = 0; i <= MODEL_IBL_CRITERIA_CONTRASTS; i++) {
        const model_trial trial = {.contrast = 0.01 * i, .choice = 1};
        model_training_status_push(t, &trial, 0.5);
    }
    assert_int_equal(t->session[0].counts.n_contrasts, MODEL_IBL_CRITERIA_CONTRASTS);
    assert_int_equal(t->session[0].counts.n_uncounted, 1);
    assert_int_equal(t->session[0].counts.n_trials, MODEL_IBL_CRITERIA_CONTRASTS + 1);
    assert_true(isnan(judged(t).now.value[MODEL_IBL_CRITERION_BIAS]));
}

/* ---- checkpoints ---- */

enum { PACKED_MAX = sizeof(model_training_status) };

static void packed_and_unpacked_it_goes_on_to_the_same_bytes(void **state)
{
    (void)state;
    static model_training_status copy;
    static uint8_t bytes[PACKED_MAX];
    static uint8_t other[PACKED_MAX];
    test_random r = test_random_seeded(suite_seed());
    model_training_status *t = fresh();
    for (int64_t id = 0; id < 5; id++) {
        play_session(t, &r, id, 300 + (int)id, 0.1);
        const size_t size = model_training_status_size(t);
        assert_true(size <= sizeof bytes);
        model_training_status_pack(t, bytes);
        memset(&copy, 0x5a, sizeof copy);
        assert_int_equal(model_training_status_unpack(&copy, bytes, size), size);
        for (int i = 0; i < 50; i++) {
            const model_trial trial = trial_of(&r, 0.1);
            model_training_status_push(t, &trial, 0.5);
            model_training_status_push(&copy, &trial, 0.5);
        }
        assert_int_equal(model_training_status_size(t), model_training_status_size(&copy));
        model_training_status_pack(t, bytes);
        model_training_status_pack(&copy, other);
        assert_memory_equal(bytes, other, model_training_status_size(t));
        const model_training_status_standing a = judged(t);
        const model_training_status_standing b = judged(&copy);
        assert_memory_equal(a.now.value, b.now.value, sizeof a.now.value);
    }
    printf("%zu bytes with 3 sessions of 350 trials\n", model_training_status_size(t));
}

static void refuses_bytes_that_are_none(void **state)
{
    (void)state;
    static model_training_status copy;
    static uint8_t bytes[PACKED_MAX];
    test_random r = test_random_seeded(suite_seed());
    model_training_status *t = fresh();
    play_session(t, &r, 1, 100, 0.1);
    play_session(t, &r, 2, 100, 0.1);
    const size_t size = model_training_status_size(t);
    model_training_status_pack(t, bytes);
    for (size_t n = 0; n < size; n++) {
        assert_int_equal(model_training_status_unpack(&copy, bytes, n), 0);
    }
    struct {
        int64_t *at;
        int64_t value;
    } wrong[] = {{&t->n, 4},
                 {&t->n, -1},
                 {&t->current, 2},
                 {&t->current, -2},
                 {&t->history.reached, MODEL_IBL_CRITERIA_STATUS_COUNT},
                 {&t->session[0].counts.n_contrasts, MODEL_IBL_CRITERIA_CONTRASTS + 1},
                 {&t->session[0].n_rts, MODEL_TRAINING_STATUS_RTS + 1},
                 {&t->session[0].n_rts, -1},
                 {&t->session[0].rt_stride, 0},
                 {&t->session[0].counts.protocol, MODEL_IBL_CRITERIA_PROTOCOL_COUNT}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const int64_t right = *wrong[i].at;
        uint8_t *const at = bytes + ((uint8_t *)wrong[i].at - (uint8_t *)t); /* a prefix */
        memcpy(at, &wrong[i].value, sizeof right);
        assert_int_equal(model_training_status_unpack(&copy, bytes, size), 0);
        memcpy(at, &right, sizeof right);
        assert_int_equal(model_training_status_unpack(&copy, bytes, size), size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seven_golden_sets_have_their_status),
        cmocka_unit_test(the_figures_of_the_first_set_are_brainbox_s),
        cmocka_unit_test(blocks_alone_tell_the_protocol_of_every_session_of_that_mouse),
        cmocka_unit_test(the_last_three_sessions_count_and_what_was_reached_stays),
        cmocka_unit_test(what_fewer_than_three_biased_sessions_show_is_not_reached),
        cmocka_unit_test(the_median_of_all_reaction_times_may_be_told_from_outside),
        cmocka_unit_test(what_was_judged_before_is_taken_and_gives_the_same),
        cmocka_unit_test(a_standing_of_earlier_is_not_taken),
        cmocka_unit_test(a_session_without_trials_leaves_no_trace),
        cmocka_unit_test(trials_before_any_session_and_of_habituation_do_not_count),
        cmocka_unit_test(a_no_go_is_a_trial_that_is_neither_right_nor_correct),
        cmocka_unit_test(the_median_is_exact_up_to_256_and_near_it_beyond),
        cmocka_unit_test(forty_sessions_in_training_are_untrainable_until_it_is_trained),
        cmocka_unit_test(forty_biased_sessions_without_a_shift_are_unbiasable),
        cmocka_unit_test(a_thirty_third_contrast_is_counted_but_not_fitted),
        cmocka_unit_test(packed_and_unpacked_it_goes_on_to_the_same_bytes),
        cmocka_unit_test(refuses_bytes_that_are_none),
    };
    return skips_end(cmocka_run_group_tests(tests, NULL, NULL), sizeof tests / sizeof tests[0]);
}
