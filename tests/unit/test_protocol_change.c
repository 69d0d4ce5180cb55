/* model/protocol_change.h */
#include "suite.h"

#include <string.h>

#include "check.h"
#include "model/protocol_change.h"

static model_protocol declared;
static model_protocol out;

static void set_stage(uint32_t at, const char *name, uint32_t n, const double contrast[])
{
    model_protocol_stage *s = &declared.stage[at];
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    s->n_contrasts = n;
    for (uint32_t i = 0; i < n; i++) {
        s->contrast[i] = contrast[i];
        s->probability[i] = 1.0 / n;
    }
    s->p_left = 0.5;
    s->p_reward[0][0] = s->p_reward[1][1] = 1.0;
    s->debias.sd = 0.5;
}

/* Three stages; the first has a test on contrast 1, the last has blocks. */
static int some_protocol(void **context)
{
    (void)context;
    memset(&declared, 0, sizeof declared);
    (void)snprintf(declared.name, sizeof declared.name, "three");
    declared.n_stages = 3;
    declared.carries_stage = true;
    declared.trials_min = declared.trials_max = 100;
    set_stage(0, "easy", 2, (double[]){1.0, 0.5});
    set_stage(1, "middle", 3, (double[]){1.0, 0.5, 0.25});
    set_stage(2, "full", 4, (double[]){1.0, 0.25, 0.125, 0.0});
    declared.stage[0].debias.kind = MODEL_PROTOCOL_DEBIAS_REPEAT;
    declared.stage[0].n_moves = declared.stage[1].n_moves = 1;
    declared.stage[0].move[0] = (model_protocol_move){
        .to = 1, .n_tests = 1, .test = {{MODEL_PROTOCOL_TEST_PERFORMANCE, true, 20, 1.0, 0.8}}};
    declared.stage[1].move[0] = (model_protocol_move){
        .to = 2, .n_tests = 1, .test = {{MODEL_PROTOCOL_TEST_TRIALS, true, 0, 0.0, 200.0}}};
    declared.stage[2].blocks = (model_protocol_blocks){2, 0, {0.2, 0.8}, 60.0, 20, 100};
    return 0;
}

static model_protocol_change_place at_stage(uint32_t stage)
{
    return (model_protocol_change_place){&declared, &declared, &declared, stage, stage};
}

static double probability(const model_protocol_stage *s, double contrast)
{
    for (uint32_t i = 0; i < s->n_contrasts; i++) {
        if (fabs(s->contrast[i] - contrast) < 1e-9) {
            return s->probability[i];
        }
    }
    return 0.0;
}

static void names_are_read_back(void **context)
{
    (void)context;
    for (int i = 0; i < MODEL_PROTOCOL_CHANGES; i++) {
        model_protocol_change_kind kind;
        assert_int_equal(model_protocol_change_parse(
                             &kind, model_protocol_change_name((model_protocol_change_kind)i)),
                         MODEL_OK);
        assert_int_equal(kind, i);
    }
    model_protocol_change_kind kind;
    assert_int_equal(model_protocol_change_parse(&kind, "punish"), MODEL_ERR_ARG);
    assert_null(model_protocol_change_name(MODEL_PROTOCOL_CHANGES));
}

static void gives_a_part_of_the_probability_to_a_contrast_that_was_not_there(void **context)
{
    (void)context;
    const model_protocol_change_place place = at_stage(0);
    const model_protocol_change change = {
        .kind = MODEL_PROTOCOL_CHANGE_CONTRAST, .contrast = 0.125, .part = 0.5};
    uint32_t stage;
    assert_int_equal(model_protocol_change_apply(&out, &stage, &place, &change), MODEL_OK);
    assert_int_equal(stage, 0);
    assert_int_equal(out.stage[0].n_contrasts, 3);
    CHECK_NEAR(probability(&out.stage[0], 1.0), 0.25, 1e-12);
    CHECK_NEAR(probability(&out.stage[0], 0.5), 0.25, 1e-12);
    CHECK_NEAR(probability(&out.stage[0], 0.125), 0.5, 1e-12);
    CHECK_NEAR(model_protocol_change_distance(&out.stage[0], &declared.stage[0]), 0.5, 1e-12);
    assert_memory_equal(&out.stage[1], &declared.stage[1], sizeof out.stage[1]);
}

static void keeps_a_little_of_what_tests_look_at(void **context)
{
    (void)context;
    const model_protocol_change_place place = at_stage(0);
    const model_protocol_change change = {
        .kind = MODEL_PROTOCOL_CHANGE_CONTRAST, .contrast = 0.5, .part = 1.0};
    uint32_t stage;
    assert_int_equal(model_protocol_change_apply(&out, &stage, &place, &change), MODEL_OK);
    CHECK_NEAR(probability(&out.stage[0], 1.0), 0.02 / 1.02, 1e-12);
}

static void starts_from_the_session_not_from_the_last_change(void **context)
{
    (void)context;
    static model_protocol now;
    const model_protocol_change first = {
        .kind = MODEL_PROTOCOL_CHANGE_STIMULI, .contrast = 0.125, .part = 0.5, .p_left = 0.7};
    model_protocol_change_place place = at_stage(1);
    uint32_t stage;
    assert_int_equal(model_protocol_change_apply(&now, &stage, &place, &first), MODEL_OK);
    place.now = &now;
    const model_protocol_change second = {
        .kind = MODEL_PROTOCOL_CHANGE_CONTRAST, .contrast = 0.25, .part = 0.5};
    assert_int_equal(model_protocol_change_apply(&out, &stage, &place, &second), MODEL_OK);
    CHECK_NEAR(probability(&out.stage[1], 0.125), 0.0, 0.0);
    CHECK_NEAR(probability(&out.stage[1], 0.25), 0.5 + 0.5 / 3.0, 1e-12);
    CHECK_NEAR(out.stage[1].p_left, 0.7, 0.0); /* what the second change is not about stays */
}

static void mixes_with_the_stages_before_and_after(void **context)
{
    (void)context;
    const model_protocol_change_place place = at_stage(1);
    uint32_t stage;
    const model_protocol_change easier = {.kind = MODEL_PROTOCOL_CHANGE_EASIER, .part = 0.6};
    assert_int_equal(model_protocol_change_apply(&out, &stage, &place, &easier), MODEL_OK);
    CHECK_NEAR(probability(&out.stage[1], 1.0), 0.4 / 3.0 + 0.3, 1e-12);
    CHECK_NEAR(probability(&out.stage[1], 0.25), 0.4 / 3.0, 1e-12);
    const model_protocol_change harder = {.kind = MODEL_PROTOCOL_CHANGE_HARDER, .part = 0.6};
    assert_int_equal(model_protocol_change_apply(&out, &stage, &place, &harder), MODEL_OK);
    CHECK_NEAR(probability(&out.stage[1], 0.125), 0.15, 1e-12);
    CHECK_NEAR(probability(&out.stage[1], 0.0), 0.15, 1e-12);
}

static void refuses_what_changes_nothing(void **context)
{
    (void)context;
    uint32_t stage;
    const model_protocol_change_place first = at_stage(0);
    const model_protocol_change_place last = at_stage(2);
    assert_int_equal(
        model_protocol_change_apply(
            &out, &stage, &first,
            &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_EASIER, .part = 0.5}),
        MODEL_ERR_ARG);
    assert_int_equal(
        model_protocol_change_apply(
            &out, &stage, &last,
            &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_HARDER, .part = 0.5}),
        MODEL_ERR_ARG);
    assert_int_equal(
        model_protocol_change_apply(
            &out, &stage, &last,
            &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_SIDE, .p_left = 0.7}),
        MODEL_ERR_ARG); /* blocks say how often left comes */
    assert_int_equal(
        model_protocol_change_apply(
            &out, &stage, &first,
            &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_DEBIAS, .factor = 1.0}),
        MODEL_ERR_ARG);
    assert_int_equal(
        model_protocol_change_apply(
            &out, &stage, &first,
            &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_STAGE_UP, .stage = 2}),
        MODEL_ERR_ARG);
    assert_int_equal(
        model_protocol_change_apply(
            &out, &stage, &first,
            &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_BLOCKS, .factor = 2.0}),
        MODEL_ERR_ARG);
}

static void debiasing_is_as_declared_or_as_the_ibl_has_it(void **context)
{
    (void)context;
    uint32_t stage;
    model_protocol_change change = {.kind = MODEL_PROTOCOL_CHANGE_DEBIAS, .factor = 2.0};
    model_protocol_change_place place = at_stage(1);
    assert_int_equal(model_protocol_change_apply(&out, &stage, &place, &change), MODEL_OK);
    const model_protocol_debias *d = &out.stage[1].debias;
    assert_int_equal(d->kind, MODEL_PROTOCOL_DEBIAS_RESAMPLE);
    assert_true(d->contrast == 0.5 && d->sd == 0.5 && d->window == 10);

    const model_protocol resampled = out;
    place.now = &resampled;
    assert_int_equal(model_protocol_change_apply(&out, &stage, &place, &change), MODEL_ERR_ARG);
    change.factor = 0.0;
    assert_int_equal(model_protocol_change_apply(&out, &stage, &place, &change), MODEL_OK);
    assert_memory_equal(&out, &declared, sizeof out);

    declared.stage[1].debias = (model_protocol_debias){
        .kind = MODEL_PROTOCOL_DEBIAS_RESAMPLE, .contrast = 0.25, .window = 20, .sd = 0.3};
    model_protocol without = declared;
    without.stage[1].debias.kind = MODEL_PROTOCOL_DEBIAS_NONE;
    place.now = &without;
    change.factor = 2.0;
    assert_int_equal(model_protocol_change_apply(&out, &stage, &place, &change), MODEL_OK);
    assert_memory_equal(&out, &declared, sizeof out);
    change.factor = 3.0;
    assert_int_equal(model_protocol_change_apply(&out, &stage, &place, &change), MODEL_ERR_ARG);
    change.factor = (double)NAN;
    assert_int_equal(model_protocol_change_apply(&out, &stage, &place, &change), MODEL_ERR_ARG);
}

static void moves_a_stage_up_and_down(void **context)
{
    (void)context;
    uint32_t stage;
    const model_protocol_change_place place = at_stage(1);
    assert_int_equal(
        model_protocol_change_apply(
            &out, &stage, &place,
            &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_STAGE_UP, .stage = 2}),
        MODEL_OK);
    assert_int_equal(stage, 2);
    assert_int_equal(
        model_protocol_change_apply(
            &out, &stage, &place,
            &(model_protocol_change){.kind = MODEL_PROTOCOL_CHANGE_STAGE_DOWN, .stage = 0}),
        MODEL_OK);
    assert_int_equal(stage, 0);
    assert_memory_equal(&out, &declared, sizeof out);
    assert_int_equal(model_protocol_change_goal(&declared), 2);
    assert_int_equal(model_protocol_change_above(&declared, 2), 3);
    assert_int_equal(model_protocol_change_below(&declared, 0), 3);
}

static void every_change_makes_a_protocol_that_passes_its_check(void **context)
{
    (void)context;
    model_random r;
    int made = 0;
    model_random_seed(&r, suite_seed(), 0);
    for (int i = 0; i < 20000; i++) {
        model_protocol_fault fault;
        uint32_t stage;
        const model_protocol_change_place place = at_stage((uint32_t)model_random_below(&r, 3));
        const model_protocol_change change = {
            .kind = (model_protocol_change_kind)model_random_below(&r, MODEL_PROTOCOL_CHANGES),
            .stage = (uint32_t)model_random_below(&r, 4),
            .contrast = (double[]){1.0, 0.5, 0.25, 0.125}[model_random_below(&r, 4)],
            .part = model_random_uniform(&r),
            .p_left = model_random_uniform(&r),
            .factor = 4.0 * model_random_uniform(&r)};
        if (model_protocol_change_apply(&out, &stage, &place, &change) == MODEL_OK) {
            made++;
            if (model_protocol_check(&out, &fault) != MODEL_OK) {
                fail_msg("%s: %s", model_protocol_change_name(change.kind), fault.text);
            }
        }
    }
    assert_true(made > 5000);
}

static void windows_follow_their_contrasts(void **context)
{
    (void)context;
    static model_protocol_state rig;
    const model_protocol_change_place place = at_stage(0);
    const model_protocol_change change = {
        .kind = MODEL_PROTOCOL_CHANGE_CONTRAST, .contrast = 0.75, .part = 0.5};
    uint32_t stage;
    model_protocol_init(&rig, &declared, 1, 0);
    rig.window[0] = 11; /* contrast 1 */
    rig.window[3] = 22; /* 0.5, right */
    rig.stage_trials = 33;
    assert_int_equal(model_protocol_change_apply(&out, &stage, &place, &change), MODEL_OK);
    model_protocol_change_carry(&rig, &declared, &out);
    assert_int_equal(rig.window[0], 11);
    assert_int_equal(rig.window[3], 0);
    assert_int_equal(rig.window[5], 22);
    assert_int_equal(rig.stage_trials, 33);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(names_are_read_back, some_protocol),
        cmocka_unit_test_setup(gives_a_part_of_the_probability_to_a_contrast_that_was_not_there,
                               some_protocol),
        cmocka_unit_test_setup(keeps_a_little_of_what_tests_look_at, some_protocol),
        cmocka_unit_test_setup(starts_from_the_session_not_from_the_last_change, some_protocol),
        cmocka_unit_test_setup(mixes_with_the_stages_before_and_after, some_protocol),
        cmocka_unit_test_setup(refuses_what_changes_nothing, some_protocol),
        cmocka_unit_test_setup(debiasing_is_as_declared_or_as_the_ibl_has_it, some_protocol),
        cmocka_unit_test_setup(moves_a_stage_up_and_down, some_protocol),
        cmocka_unit_test_setup(every_change_makes_a_protocol_that_passes_its_check, some_protocol),
        cmocka_unit_test_setup(windows_follow_their_contrasts, some_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
