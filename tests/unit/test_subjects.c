/* subjects.h: what a checkpoint keeps, and the prediction of a bank. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bank_predict.h"
#include "check.h"
#include "prediction_message.h"
#include "status_message.h"
#include "subjects.h"

static model_bank_params bank;
static model_params baseline;
static model_engagement_params engagement;
static const struct twin_models models = {
    .bank = &bank, .baseline = &baseline, .engagement = &engagement};
static struct subject_state state;
static struct subject_state again;
static uint8_t bytes[sizeof(struct subject_state)];

static const model_trial TRIAL = {0.5, 1.0, (double)0.4F, 1, -1};

static void make_bank(uint32_t n)
{
    assert_int_equal(model_params_built_in(&baseline, NULL), MODEL_OK);
    memset(&bank, 0, sizeof bank);
    bank.n = n;
    bank.share = 0.01;
    bank.temper = 1.0;
    for (uint32_t i = 0; i < n; i++) {
        bank.prior[i] = 1.0 / n;
        bank.member[i] = baseline;
        bank.member[i].noise.drift_var[0] *= 1.0 + i;
        bank.member[i].rule.kind = i % 3 == 1 ? MODEL_RULE_REINFORCE : MODEL_RULE_NONE;
        bank.member[i].rule.rate[0] = i % 3 == 1 ? 0.1 : 0.0;
    }
    assert_int_equal(model_bank_check(&bank), MODEL_OK);
    model_engagement_default(&engagement);
}

static void make_state(uint32_t n, bool with_gap)
{
    struct twin_outcome outcome;
    const model_training_status_session_info info = status_message_unknown();
    make_bank(n);
    memset(&state, 0, sizeof state);
    subject_state_reset(&state, &models);
    model_training_status_start(&state.tracker, 1, &info, NULL);
    state.session = 7;
    state.for_trial = 21;
    state.n_stimuli = 1;
    state.stimuli[0] = 0.25;
    for (int t = 0; t < 20; t++) {
        if (t == 10 && with_gap) {
            backfill_open(&state.backfill, &state.twin);
        }
        backfill_note(&state.backfill, t + 2, &TRIAL);
        assert_int_equal(twin_observe(&state.twin, &models, &TRIAL, &outcome), MODEL_OK);
        model_training_status_push(&state.tracker,
                                   &(model_trial){.contrast = TRIAL.contrast, .choice = 1}, 0.5);
    }
}

static void a_state_is_packed_and_read_back(void **unused)
{
    (void)unused;
    for (uint32_t n = 1; n <= MODEL_BANK_MAX; n++) {
        for (int gap = 0; gap < 2; gap++) {
            make_state(n, gap == 1);
            const size_t size = subject_state_size(&state);
            assert_true(size <= sizeof bytes);
            memset(bytes, 0xab, sizeof bytes);
            subject_state_pack(&state, bytes);
            for (size_t i = size; i < sizeof bytes; i++) {
                assert_int_equal(bytes[i], 0xab);
            }
            memset(&again, 0xcd, sizeof again);
            assert_true(subject_state_unpack(&again, bytes, size));
            assert_memory_equal(&again, &state,
                                offsetof(struct subject_state, twin) + twin_used(&state.twin));
            assert_int_equal(again.backfill.is_open, gap);
            assert_int_equal(again.tracker.session[0].counts.n_trials, 20);
            assert_int_equal(subject_state_size(&again), size);
            uint8_t *twice = malloc(size);
            assert_non_null(twice);
            subject_state_pack(&again, twice);
            assert_memory_equal(twice, bytes, size);
            free(twice);
        }
    }
}

static void a_bank_of_one_takes_no_room_for_others(void **unused)
{
    (void)unused;
    make_state(1, false);
    const size_t one = subject_state_size(&state);
    make_state(2, false);
    assert_int_equal(subject_state_size(&state) - one, sizeof(model_member));
    printf("%zu bytes, %zu more a member\n", one, sizeof(model_member));
    assert_true(one < 3 * sizeof(model_member) + 2 * sizeof(model_score) + sizeof(model_coverage) +
                          sizeof(model_stacking) + 512);
}

static void damaged_states_are_refused(void **unused)
{
    (void)unused;
    for (int gap = 0; gap < 2; gap++) {
        make_state(3, gap == 1);
        const size_t size = subject_state_size(&state);
        subject_state_pack(&state, bytes);
        for (size_t n = 0; n < size; n++) {
            uint8_t *exact = malloc(n + 1);
            assert_non_null(exact);
            memcpy(exact, bytes, n);
            assert_false(subject_state_unpack(&again, exact, n));
            free(exact);
        }
        assert_false(subject_state_unpack(&again, bytes, size + 1));
    }
    const struct {
        size_t at;
        uint64_t value;
    } lies[] = {
        {offsetof(struct subject_state, twin) + offsetof(struct twin, bank), 0},
        {offsetof(struct subject_state, twin) + offsetof(struct twin, bank), 2},
        {offsetof(struct subject_state, twin) + offsetof(struct twin, bank), MODEL_BANK_MAX + 1},
        {offsetof(struct subject_state, twin) + offsetof(struct twin, bank), UINT64_MAX},
        {offsetof(struct subject_state, twin) + twin_used(&state.twin) +
             offsetof(struct backfill, n),
         BACKFILL_TRIALS + 1},
        {offsetof(struct subject_state, twin) + twin_used(&state.twin) +
             offsetof(struct backfill, n),
         9},
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        subject_state_pack(&state, bytes);
        memcpy(bytes + lies[i].at, &lies[i].value, sizeof lies[i].value);
        assert_false(subject_state_unpack(&again, bytes, subject_state_size(&state)));
    }
}

static int64_t no_clock(void)
{
    return 0;
}

static void a_prediction_is_the_mixture_with_the_weights_of_the_rules(void **unused)
{
    (void)unused;
    static struct config config;
    static struct subjects subjects;
    static proto_message message;
    struct twin_outcome outcome;
    config_init(&config);
    config.limits.subjects = 2;
    config.limits.sessions = 2;
    make_bank(3); /* none, reinforce, none */
    assert_int_equal(subjects_open(&subjects, &config, models, "0123456789abcdef", no_clock), 0);
    assert_int_equal(subjects_add_subject(&subjects, "m1"), 0);
    struct twin *l = &subjects.subject[0].state.twin;
    for (int t = 0; t < 30; t++) {
        assert_int_equal(twin_observe(l, &models, &TRIAL, &outcome), MODEL_OK);
    }
    prediction_message_fill(&subjects, 0, &message);
    const proto_prediction *p = &message.as.prediction;
    double expected[3][32];
    double w[MODEL_WEIGHTS_MAX];
    double w_sd[MODEL_WEIGHTS_MAX];
    bank_predict(&l->bank, &bank, p->stimuli.n, p->stimuli.v, expected[0], expected[1],
                 expected[2]);
    model_bank_weights(&l->bank, &bank, w, w_sd);
    assert_memory_equal(p->p_right.v, expected[0], p->stimuli.n * sizeof(double));
    assert_memory_equal(p->lo.v, expected[1], p->stimuli.n * sizeof(double));
    assert_memory_equal(p->hi.v, expected[2], p->stimuli.n * sizeof(double));
    assert_memory_equal(p->w.v, w, 3 * sizeof(double));
    assert_memory_equal(p->w_sd.v, w_sd, 3 * sizeof(double));
    assert_int_equal(p->bank.n, 2);
    assert_string_equal(p->bank.v[0].name, "none");
    assert_string_equal(p->bank.v[1].name, "reinforce");
    CHECK_NEAR(p->bank.v[0].value, l->bank.weight[0] + l->bank.weight[2], 1e-15);
    CHECK_NEAR(p->bank.v[1].value, l->bank.weight[1], 0.0);
    assert_true(l->bank.weight[1] != l->bank.weight[0]);
    CHECK_NEAR(p->p_disengaged, outcome.p_disengaged, 0.0);
    assert_true(p->p_disengaged > 0.0 && p->p_disengaged < 1.0);
    config.engagement.enabled = false;
    prediction_message_fill(&subjects, 0, &message);
    assert_true(isnan(p->p_disengaged));
    subjects_close(&subjects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_packed_and_read_back),
        cmocka_unit_test(a_bank_of_one_takes_no_room_for_others),
        cmocka_unit_test(damaged_states_are_refused),
        cmocka_unit_test(a_prediction_is_the_mixture_with_the_weights_of_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
