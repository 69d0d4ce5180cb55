/* crossval.h: models are random walks whose noise tells which animals they were fitted to, so that
 * scores can be repeated here with model/member.h alone. */
#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "skips.h"

#include "check.h"
#include "crossval.h"
#include "model/score.h"
#include "model/static_glm.h"
#include "root.h"
#include "seeded.h"

#define MICE MURID_SOURCE_DIR "/../shared/data/mice_train.csv"

enum { ANIMALS = 7, FOLDS = 3, MEMBERS = 3, JOBS_MAX = 64 };

static const struct ranks ALONE = {.rank = 0, .n = 1, .is_open = true};

static const struct crossval_member THREE[MEMBERS] = {
    {.name = "walk", .cost = 1.0, .is_in_bank = true},
    {.name = "net", .cost = 30.0, .is_seeded = true, .is_in_bank = true},
    {.name = "classic", .cost = 2.0},
};

/* What was asked of the fits. */
struct fits {
    atomic_uint_fast64_t animals[JOBS_MAX]; /* a bit each */
    atomic_int n;
    size_t n_joined; /* models in the latest bank */
};

/* ---- made-up animals ---- */

static void write_animal(FILE *f, test_random *random, int animal)
{
    for (int t = 0; t < 60 + 10 * animal; t++) {
        const double x = (double)(test_random_bits(random) % 5) / 2.0 - 1.0;
        const bool right = test_random_uniform(random) < 1.0 / (1.0 + exp(-3.0 * x - 0.5));
        fprintf(f, "m%d,%d,%d,%g,", animal, t / 25, t % 25, x);
        fprintf(f, t % 17 == 3 ? ",,0.3\n" : "%d,%d,0.3\n", right ? 1 : 0,
                right == (x > 0) ? 1 : 0);
    }
}

static struct training_set load(int first, int step)
{
    char path[ROOT_PATH_BYTES];
    struct training_set t;
    struct fault fault;
    FILE *f = fopen(root_file(path, "mice.csv"), "w");
    assert_non_null(f);
    fputs("subject,session,trial,stimulus,choice,reward,rt_s\n", f);
    for (int i = 0; i < ANIMALS; i++) {
        const int animal = (first + step * i) % ANIMALS;
        test_random random = {(uint64_t)animal};
        write_animal(f, &random, animal);
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(training_set_load(&t, path, trial_table_plain(TRIAL_TABLE_QUIET), &fault),
                     FAULT_NONE);
    assert_int_equal(unlink(path), 0);
    return t;
}

/* ---- models ---- */

/* The noise of a member that was fitted to these animals. */
static double noise_of(uint64_t animals, size_t member, uint64_t seed)
{
    return 1e-4 * (1.0 + (double)(animals % 31)) * (1.0 + 3.0 * (double)member) +
           1e-3 * (double)seed;
}

static int fit(void *context, size_t member, uint64_t seed, const uint32_t subjects[], uint32_t n,
               struct job_scheduler_task *task, struct model_file *out, struct fault *fault)
{
    struct fits *fits = context;
    struct model_spec spec;
    uint64_t animals = 0;
    for (uint32_t i = 0; i < n; i++) {
        animals |= UINT64_C(1) << subjects[i];
    }
    assert_true(task->number < JOBS_MAX);
    atomic_store(&fits->animals[task->number], animals);
    atomic_fetch_add(&fits->n, 1);
    model_spec_init(&spec);
    spec.features = "stimulus,bias";
    spec.drift_var[0] = spec.drift_var[1] = noise_of(animals, member, seed);
    return model_file_build(&spec, out, fault);
}

/* In place of a bank: its last model, so that it can be told which were joined. */
static int join(void *context, const struct model_file models[], size_t n, struct model_file *out,
                struct fault *fault)
{
    struct fits *fits = context;
    uint8_t *bytes = NULL;
    size_t size = 0;
    fits->n_joined = n;
    int rc = model_file_encode(&models[n - 1], &bytes, &size, fault);
    if (rc == FAULT_NONE) {
        rc = model_file_parse("joined", bytes, size, out, fault);
    }
    free(bytes);
    return rc;
}

static double nats_by_hand(const struct training_set_subject *s, double noise)
{
    model_params params;
    model_member twin;
    double nats = 0.0;
    assert_int_equal(model_params_built_in(&params, "stimulus,bias"), MODEL_OK);
    params.noise.drift_var[0] = params.noise.drift_var[1] = noise;
    memset(&twin, 0, sizeof twin);
    model_member_init(&twin, &params);
    for (size_t k = 0; k < s->n; k++) {
        double p;
        if (s->starts_session[k] == 1) {
            model_member_start_session(&twin, &params);
        }
        model_member_predict(&twin, &params, 1, &s->trials[k].contrast, &p, NULL, NULL);
        assert_int_equal(model_member_observe(&twin, &params, &s->trials[k]), MODEL_OK);
        if (s->trials[k].choice >= 0) {
            nats += model_score_nats(p, s->trials[k].choice == 1);
        }
    }
    return nats;
}

static struct crossval_options options(const struct training_set *t, struct fits *fits,
                                       const char *directory)
{
    struct crossval_options o = {.training = t,
                                 .members = THREE,
                                 .n_members = MEMBERS,
                                 .n_folds = FOLDS,
                                 .with_all = true,
                                 .seed = 5,
                                 .n_seeds = 2,
                                 .fit = fit,
                                 .join = join,
                                 .context = fits,
                                 .directory = directory,
                                 .key = "walks",
                                 .n_threads = 2};
    assert_int_equal(model_policy_parse(&o.policy, "stimulus,bias"), MODEL_OK);
    return o;
}

static uint32_t column(const struct comparison *c, const char *name)
{
    for (uint32_t i = 0; i < c->n_models; i++) {
        if (strcmp(c->model[i], name) == 0) {
            return i;
        }
    }
    fail_msg("no column %s", name);
    return 0;
}

static double sum(const struct comparison *c, uint32_t subject, const char *name)
{
    return c->nats[subject * c->n_models + column(c, name)];
}

/* ---- tests ---- */

static void folds_differ_by_one_animal_at_most_and_hold_each_once(void **state)
{
    (void)state;
    struct training_set t = load(0, 1);
    struct fault fault;
    for (uint32_t n_folds = 2; n_folds <= ANIMALS; n_folds++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            uint32_t fold[ANIMALS];
            uint32_t size[ANIMALS] = {0};
            assert_int_equal(crossval_deal(&t, n_folds, seed, fold, &fault), FAULT_NONE);
            for (uint32_t i = 0; i < ANIMALS; i++) {
                assert_true(fold[i] < n_folds);
                size[fold[i]]++;
            }
            for (uint32_t i = 0; i < n_folds; i++) {
                assert_in_range(size[i], ANIMALS / n_folds, (ANIMALS + n_folds - 1) / n_folds);
            }
        }
    }
    uint32_t fold[ANIMALS];
    assert_int_equal(crossval_deal(&t, ANIMALS + 1, 0, fold, &fault), FAULT_INPUT);
    assert_string_equal(fault.text, "8 folds of 7 animals; at least as many animals as folds were "
                                    "expected");
    training_set_free(&t);
}

static void folds_follow_from_the_names_and_the_seed_alone(void **state)
{
    (void)state;
    struct training_set a = load(0, 1);
    struct training_set b = load(3, 5);
    struct fault fault;
    uint32_t of_a[ANIMALS];
    uint32_t of_b[ANIMALS];
    int n_other = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        uint32_t first[ANIMALS];
        assert_int_equal(crossval_deal(&a, FOLDS, 0, first, &fault), FAULT_NONE);
        assert_int_equal(crossval_deal(&a, FOLDS, seed, of_a, &fault), FAULT_NONE);
        assert_int_equal(crossval_deal(&b, FOLDS, seed, of_b, &fault), FAULT_NONE);
        for (uint32_t i = 0; i < ANIMALS; i++) {
            for (uint32_t j = 0; j < ANIMALS; j++) {
                if (strcmp(a.subjects.name[i], b.subjects.name[j]) == 0) {
                    assert_int_equal(of_a[i], of_b[j]);
                }
            }
        }
        n_other += memcmp(first, of_a, sizeof first) != 0 ? 1 : 0;
    }
    assert_true(n_other >= 8);
    training_set_free(&a);
    training_set_free(&b);
}

static void no_model_sees_the_animals_that_it_is_scored_on(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    static struct fits fits;
    struct training_set t = load(0, 1);
    const struct crossval_options o = options(&t, &fits, root_file(path, "cv"));
    struct crossval cv;
    struct fault fault;
    assert_int_equal(crossval_open(&cv, &o, &fault), FAULT_NONE);
    assert_int_equal(cv.n_fits, 4); /* the net with two seeds */
    assert_int_equal(cv.n_sets, FOLDS + 1);
    assert_int_equal(crossval_run(&cv, &ALONE, &fault), FAULT_NONE);
    assert_int_equal(fits.n, 4 * (FOLDS + 1));
    for (uint32_t set = 0; set <= FOLDS; set++) {
        uint64_t expected = 0;
        for (uint32_t i = 0; i < ANIMALS; i++) {
            expected |= set == FOLDS || cv.fold[i] != set ? UINT64_C(1) << i : 0;
        }
        for (size_t f = 0; f < cv.n_fits; f++) {
            assert_int_equal(fits.animals[set * cv.n_fits + f], expected);
        }
    }
    crossval_close(&cv);
    job_store_remove(path);
    training_set_free(&t);
}

static uint64_t others(const struct crossval *cv, uint32_t animal)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < ANIMALS; i++) {
        mask |= cv->fold[i] != cv->fold[animal] ? UINT64_C(1) << i : 0;
    }
    return mask;
}

/* Its fit to the other folds, by the same function but on a view made here. */
static double psychometric_by_hand(const struct crossval *cv, uint32_t animal)
{
    const struct crossval_options *o = cv->options;
    struct training_set_view rest;
    struct training_set_view one;
    struct fault fault;
    uint32_t subjects[ANIMALS];
    double w[2];
    uint32_t n = 0;
    for (uint32_t i = 0; i < ANIMALS; i++) {
        subjects[n] = i;
        n += cv->fold[i] != cv->fold[animal] ? 1 : 0;
    }
    assert_int_equal(training_set_view_open(&rest, o->training, &o->policy, MODEL_RULE_NONE,
                                            subjects, n, false, &fault),
                     FAULT_NONE);
    assert_int_equal(training_set_view_open(&one, o->training, &o->policy, MODEL_RULE_NONE, &animal,
                                            1, false, &fault),
                     FAULT_NONE);
    assert_int_equal(model_static_glm_fit(2, rest.n, rest.animals, w), MODEL_OK);
    const double nats = model_static_glm_nats(2, w, &one.animals[0]);
    training_set_view_close(&rest);
    training_set_view_close(&one);
    return nats;
}

static void scores_are_those_of_the_twins_followed_by_hand(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    static struct fits fits;
    struct training_set t = load(0, 1);
    const struct crossval_options o = options(&t, &fits, root_file(path, "cv"));
    struct crossval cv;
    struct comparison c;
    struct fault fault;
    assert_int_equal(crossval_open(&cv, &o, &fault), FAULT_NONE);
    assert_int_equal(crossval_run(&cv, &ALONE, &fault), FAULT_NONE);
    assert_int_equal(crossval_score(&cv, &c, &fault), FAULT_NONE);
    assert_int_equal(c.named, 0);
    assert_string_equal(c.model[0], "bank");
    assert_int_equal(c.n_models, 9);
    for (uint32_t i = 0; i < ANIMALS; i++) {
        const struct training_set_subject *s = &t.subject[i];
        const uint64_t mask = others(&cv, i);
        assert_int_equal(c.n[i], s->n_choices);
        assert_int_equal(c.fold[i], cv.fold[i] + 1);
        CHECK_NEAR(sum(&c, i, "walk"), nats_by_hand(s, noise_of(mask, 0, 5)), 1e-9);
        CHECK_NEAR(sum(&c, i, "net/5"), nats_by_hand(s, noise_of(mask, 1, 5)), 1e-9);
        CHECK_NEAR(sum(&c, i, "net/6"), nats_by_hand(s, noise_of(mask, 1, 6)), 1e-9);
        CHECK_NEAR(sum(&c, i, "classic"), nats_by_hand(s, noise_of(mask, 2, 5)), 1e-9);
        CHECK_NEAR(sum(&c, i, "chance"), (double)s->n_choices * log(2.0), 1e-9);
        CHECK_NEAR(sum(&c, i, "psychometric"), psychometric_by_hand(&cv, i), 1e-9);
        /* The bank is its last member here: the second net; without the nets it is the walk. */
        CHECK_NEAR(sum(&c, i, "bank"), sum(&c, i, "net/6"), 0.0);
        CHECK_NEAR(sum(&c, i, "bank without net"), sum(&c, i, "walk"), 0.0);
        CHECK_NEAR(sum(&c, i, "bank without walk"), sum(&c, i, "net/6"), 0.0);
    }
    assert_int_equal(fits.n_joined, 2);
    comparison_close(&c);
    crossval_close(&cv);
    job_store_remove(path);
    training_set_free(&t);
}

static void one_model_alone_is_set_against_the_references(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    static struct fits fits;
    struct training_set t = load(0, 1);
    struct crossval_options o = options(&t, &fits, root_file(path, "cv"));
    struct crossval cv;
    struct comparison c;
    struct fault fault;
    o.members = &THREE[1];
    o.n_members = 2;
    o.n_seeds = 1;
    assert_int_equal(crossval_open(&cv, &o, &fault), FAULT_NONE);
    assert_int_equal(crossval_run(&cv, &ALONE, &fault), FAULT_NONE);
    assert_int_equal(crossval_score(&cv, &c, &fault), FAULT_NONE);
    const char *const expected[] = {"net", "classic", "psychometric", "chance"};
    assert_int_equal(c.n_models, 4);
    for (uint32_t m = 0; m < 4; m++) {
        assert_string_equal(c.model[m], expected[m]);
    }
    CHECK_NEAR(c.gain[3].pooled, log(2.0) - comparison_pooled(&c, 0), 1e-12);
    struct model_file all;
    struct model_file bank;
    uint8_t *bytes[2];
    size_t size[2];
    assert_int_equal(crossval_model(&cv, FOLDS, 0, &all, &fault), FAULT_NONE);
    assert_int_equal(crossval_bank(&cv, FOLDS, &bank, &fault), FAULT_NONE);
    assert_int_equal(model_file_encode(&all, &bytes[0], &size[0], &fault), FAULT_NONE);
    assert_int_equal(model_file_encode(&bank, &bytes[1], &size[1], &fault), FAULT_NONE);
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    free(bytes[0]);
    free(bytes[1]);
    model_file_free(&all);
    model_file_free(&bank);
    comparison_close(&c);
    crossval_close(&cv);
    job_store_remove(path);
    training_set_free(&t);
}

static void threads_and_a_resume_change_no_bit(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    static struct fits fits;
    struct training_set t = load(0, 1);
    struct crossval_options o = options(&t, &fits, root_file(path, "cv"));
    struct comparison c[3];
    struct fault fault;
    for (size_t i = 0; i < 3; i++) {
        struct crossval cv;
        o.n_threads = 1 + 2 * i;
        o.resume = i == 2;
        assert_int_equal(crossval_open(&cv, &o, &fault), FAULT_NONE);
        fits.n = 0;
        assert_int_equal(crossval_run(&cv, &ALONE, &fault), FAULT_NONE);
        assert_int_equal(fits.n, i == 2 ? 0 : 4 * (FOLDS + 1));
        assert_int_equal(crossval_score(&cv, &c[i], &fault), FAULT_NONE);
        const size_t n = (size_t)c[i].n_subjects * c[i].n_models;
        assert_memory_equal(c[i].nats, c[0].nats, n * sizeof c[i].nats[0]);
        assert_memory_equal(c[i].gain, c[0].gain, c[i].n_models * sizeof c[i].gain[0]);
        crossval_close(&cv);
        if (i != 1) {
            job_store_remove(path);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        comparison_close(&c[i]);
    }
    training_set_free(&t);
}

static void other_folds_seeds_or_members_do_not_go_on_with_the_same_directory(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    static struct fits fits;
    struct training_set t = load(0, 1);
    const struct crossval_options first = options(&t, &fits, root_file(path, "cv"));
    struct crossval cv;
    struct fault fault;
    assert_int_equal(crossval_open(&cv, &first, &fault), FAULT_NONE);
    assert_int_equal(crossval_run(&cv, &ALONE, &fault), FAULT_NONE);
    crossval_close(&cv);
    struct crossval_options other[3] = {first, first, first};
    static const char *const SAYS[] = {"3 folds and all", "seeds 5 to 6", "member classic"};
    other[0].n_folds = 2;
    other[1].seed = 6;
    other[2].n_members = 2;
    for (size_t i = 0; i < 3; i++) {
        other[i].resume = true;
        assert_int_equal(crossval_open(&cv, &other[i], &fault), FAULT_NONE);
        assert_int_equal(crossval_run(&cv, &ALONE, &fault), FAULT_INPUT);
        assert_non_null(strstr(fault.text, "of another fit"));
        assert_non_null(strstr(fault.text, SAYS[i]));
        crossval_close(&cv);
    }
    job_store_remove(path);
    training_set_free(&t);
}

static void without_folds_there_is_one_set_of_all_animals(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    static struct fits fits;
    struct training_set t = load(0, 1);
    struct crossval_options o = options(&t, &fits, root_file(path, "cv"));
    struct crossval cv;
    struct fault fault;
    o.n_folds = 0;
    o.with_all = false;
    assert_int_equal(crossval_open(&cv, &o, &fault), FAULT_NONE);
    assert_int_equal(cv.n_sets, 1);
    assert_int_equal(crossval_run(&cv, &ALONE, &fault), FAULT_NONE);
    assert_int_equal(fits.n, 4);
    assert_int_equal(fits.animals[3], (1U << ANIMALS) - 1);
    crossval_close(&cv);
    job_store_remove(path);
    training_set_free(&t);
}

static int built_in(void *context, size_t member, uint64_t seed, const uint32_t subjects[],
                    uint32_t n, struct job_scheduler_task *task, struct model_file *out,
                    struct fault *fault)
{
    (void)context;
    (void)member;
    (void)seed;
    (void)subjects;
    (void)n;
    (void)task;
    struct model_spec spec;
    model_spec_init(&spec);
    spec.features = "stimulus,bias";
    return model_file_build(&spec, out, fault);
}

/* A model that does not depend on the fold scores as it does without folds: docs/model.md. */
static void the_built_in_walk_scores_as_ever_on_seventeen_mice(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    struct fault fault;
    struct training_set t;
    struct crossval cv;
    struct comparison c;
    if (access(MICE, R_OK) != 0) {
        skips_case("../shared/data absent");
    }
    assert_int_equal(training_set_load(&t, MICE, trial_table_plain(TRIAL_TABLE_QUIET), &fault),
                     FAULT_NONE);
    struct crossval_options o = options(&t, NULL, root_file(path, "mice"));
    o.fit = built_in;
    o.n_members = 1;
    o.n_folds = 5;
    assert_int_equal(crossval_open(&cv, &o, &fault), FAULT_NONE);
    assert_int_equal(crossval_run(&cv, &ALONE, &fault), FAULT_NONE);
    assert_int_equal(crossval_score(&cv, &c, &fault), FAULT_NONE);
    comparison_text(stdout, &c);
    assert_int_equal(comparison_trials(&c), 94031);
    CHECK_NEAR(comparison_pooled(&c, column(&c, "walk")), 0.53994, 5e-5);
    /* The same folds by numpy: tests/reference/psychometric.py. */
    CHECK_NEAR(comparison_pooled(&c, column(&c, "psychometric")), 0.680075494, 1e-7);
    comparison_close(&c);
    crossval_close(&cv);
    job_store_remove(path);
    training_set_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_differ_by_one_animal_at_most_and_hold_each_once),
        cmocka_unit_test(folds_follow_from_the_names_and_the_seed_alone),
        cmocka_unit_test(no_model_sees_the_animals_that_it_is_scored_on),
        cmocka_unit_test(scores_are_those_of_the_twins_followed_by_hand),
        cmocka_unit_test(one_model_alone_is_set_against_the_references),
        cmocka_unit_test(threads_and_a_resume_change_no_bit),
        cmocka_unit_test(other_folds_seeds_or_members_do_not_go_on_with_the_same_directory),
        cmocka_unit_test(without_folds_there_is_one_set_of_all_animals),
        cmocka_unit_test(the_built_in_walk_scores_as_ever_on_seventeen_mice),
    };
    return skips_end(cmocka_run_group_tests(tests, root_make, root_remove),
                     sizeof tests / sizeof tests[0]);
}
