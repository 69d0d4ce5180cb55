/* comparison.h */
#include <math.h>
#include <string.h>

#include "suite.h"

#include "check.h"
#include "comparison.h"
#include "model/random.h"

enum { TEXT_BYTES = 65536 };

typedef void writer(FILE *to, const struct comparison *c);

/* Three animals, the last without a choice; two models. */
static struct comparison small(void)
{
    struct comparison c;
    struct fault fault;
    assert_int_equal(comparison_open(&c, 3, 2, &fault), FAULT_NONE);
    strcpy(c.subject[0], "m1");
    strcpy(c.subject[1], "m2");
    strcpy(c.subject[2], "m3");
    strcpy(c.model[0], "bank");
    strcpy(c.model[1], "chance");
    c.n[0] = 100;
    c.n[1] = 300;
    c.fold[0] = 2;
    c.fold[1] = 1;
    const double nats[] = {50.0, 75.0, 180.0, 177.0, 0.0, 0.0};
    memcpy(c.nats, nats, sizeof nats);
    return c;
}

static char *written(writer *write, const struct comparison *c)
{
    static char text[TEXT_BYTES];
    memset(text, 0, sizeof text);
    FILE *to = fmemopen(text, sizeof text, "w");
    assert_non_null(to);
    write(to, c);
    assert_int_equal(fclose(to), 0);
    return text;
}

static void means_are_over_trials_and_gains_are_paired(void **state)
{
    (void)state;
    struct fault fault;
    struct comparison c = small();
    assert_int_equal(comparison_against(&c, 0, 1, &fault), FAULT_NONE);
    CHECK_NEAR(comparison_nats(&c, 0, 0), 0.5, 1e-15);
    CHECK_NEAR(comparison_nats(&c, 1, 1), 0.59, 1e-15);
    assert_true(isnan(comparison_nats(&c, 2, 0)));
    CHECK_NEAR(comparison_pooled(&c, 0), 230.0 / 400.0, 1e-15);
    CHECK_NEAR(comparison_pooled(&c, 1), 252.0 / 400.0, 1e-15);
    assert_int_equal(comparison_trials(&c), 400);
    assert_int_equal(comparison_scored(&c), 2);
    const struct comparison_gain *g = &c.gain[1];
    CHECK_NEAR(g->pooled, 22.0 / 400.0, 1e-15);
    CHECK_NEAR(g->least, -0.01, 1e-15);
    assert_int_equal(g->worst, 1);
    assert_int_equal(g->n_worse, 1);
    /* Of two animals the extreme draws are twice the same one. */
    CHECK_NEAR(g->lo, -0.01, 1e-15);
    CHECK_NEAR(g->hi, 0.25, 1e-15);
    assert_true(isnan(c.gain[0].pooled));
    comparison_close(&c);
}

static void a_loss_of_exactly_the_limit_is_not_worse(void **state)
{
    (void)state;
    struct fault fault;
    struct comparison c = small();
    c.nats[2] = c.nats[3] + 300.0 * COMPARISON_WORSE * 0.999;
    assert_int_equal(comparison_against(&c, 0, 1, &fault), FAULT_NONE);
    assert_int_equal(c.gain[1].n_worse, 0);
    c.nats[2] = c.nats[3] + 300.0 * COMPARISON_WORSE * 1.001;
    assert_int_equal(comparison_against(&c, 0, 1, &fault), FAULT_NONE);
    assert_int_equal(c.gain[1].n_worse, 1);
    comparison_close(&c);
}

static void the_text_tells_gains_then_animals(void **state)
{
    (void)state;
    struct fault fault;
    struct comparison c = small();
    assert_int_equal(comparison_against(&c, 0, 7, &fault), FAULT_NONE);
    assert_string_equal(
        written(comparison_text, &c),
        "nats/trial over 400 choices of 2 animals. gain: by how much bank is better.\n\n"
        "model      nats     gain       95% of gain   worse  worst animal\n"
        "bank     0.5750\n"
        "chance   0.6300   0.0550  -0.0100   0.2500   1/2    m2 -0.0100\n\n"
        "95%: bootstrap over 2 animals, 10000 resamples, seed 7. worse: animals with a gain below "
        "-0.002.\n\n"
        "subject   trials    bank  chance\n"
        "m1           100  0.5000  0.7500\n"
        "m2           300  0.6000  0.5900\n"
        "m3             0       -       -\n"
        "pooled       400  0.5750  0.6300\n");
    comparison_close(&c);
}

static void the_csv_is_tidy_and_empty_where_nothing_is_known(void **state)
{
    (void)state;
    struct fault fault;
    struct comparison c = small();
    assert_int_equal(comparison_against(&c, 0, 7, &fault), FAULT_NONE);
    assert_string_equal(
        written(comparison_csv, &c),
        "level,subject,fold,model,trials,nats,gain,gain_lo,gain_hi,n_worse,worst_subject\n"
        "subject,m1,2,bank,100,0.5,,,,,\n"
        "subject,m2,1,bank,300,0.6,,,,,\n"
        "subject,m3,,bank,0,,,,,,\n"
        "subject,m1,2,chance,100,0.75,0.25,,,,\n"
        "subject,m2,1,chance,300,0.59,-0.01,,,,\n"
        "subject,m3,,chance,0,,,,,,\n"
        "pooled,,,bank,400,0.575,,,,,\n"
        "pooled,,,chance,400,0.63,0.055,-0.01,0.25,1,m2\n");
    comparison_close(&c);
}

static void the_json_has_the_same_figures_and_null_for_none(void **state)
{
    (void)state;
    struct fault fault;
    struct comparison c = small();
    assert_int_equal(comparison_against(&c, 1, 7, &fault), FAULT_NONE);
    assert_string_equal(
        written(comparison_json, &c),
        "{\"against\": \"chance\", \"n\": 400, \"n_subjects\": 2, \"resamples\": 10000, \"seed\": "
        "7, \"models\": [{\"name\": \"bank\", \"nats\": 0.575, \"gain\": -0.055, \"gain_lo\": "
        "-0.25, \"gain_hi\": 0.01, \"n_worse\": 1, \"worst_subject\": \"m1\", \"worst_gain\": "
        "-0.25}, {\"name\": \"chance\", \"nats\": 0.63, \"gain\": null, \"gain_lo\": null, "
        "\"gain_hi\": null, \"n_worse\": null, \"worst_subject\": null, \"worst_gain\": null}], "
        "\"subjects\": {\"m1\": {\"n\": 100, \"fold\": 2, \"nats\": [0.5, 0.75]}, \"m2\": {\"n\": "
        "300, \"fold\": 1, \"nats\": [0.6, 0.59]}, \"m3\": {\"n\": 0, \"fold\": null, "
        "\"nats\": [null, null]}}}\n");
    comparison_close(&c);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        n++;
    }
    return n;
}

static void the_picture_has_a_dot_an_animal_and_a_bar_a_model(void **state)
{
    (void)state;
    struct fault fault;
    struct comparison c = small();
    assert_int_equal(comparison_against(&c, 0, 7, &fault), FAULT_NONE);
    const char *text = written(comparison_svg, &c);
    assert_int_equal(count(text, "class=\"dot c0\""), 2);
    assert_int_equal(count(text, "class=\"whisker\""), 1);
    assert_int_equal(count(text, "class=\"seen\""), 1);
    assert_int_equal(count(text, "nan"), 0);
    assert_non_null(strstr(text, ">chance</text>"));
    assert_null(strstr(text, ">bank</text>"));
    assert_non_null(strstr(text, "<title>m2: -0.0100 in 300 trials</title>"));
    comparison_close(&c);
}

static void one_animal_and_one_model_are_compared_with_nothing(void **state)
{
    (void)state;
    struct fault fault;
    struct comparison c;
    assert_int_equal(comparison_open(&c, 1, 1, &fault), FAULT_NONE);
    strcpy(c.subject[0], "m1");
    strcpy(c.model[0], "rnn");
    c.n[0] = 10;
    c.nats[0] = 5.0;
    assert_int_equal(comparison_against(&c, 0, 1, &fault), FAULT_NONE);
    assert_int_equal(count(written(comparison_svg, &c), "nan"), 0);
    assert_non_null(strstr(written(comparison_text, &c), "pooled        10  0.5000\n"));
    comparison_close(&c);
    assert_int_equal(comparison_open(&c, 1, 2, &fault), FAULT_NONE);
    strcpy(c.subject[0], "m1");
    c.n[0] = 10;
    c.nats[1] = 5.0;
    assert_int_equal(comparison_against(&c, 0, 1, &fault), FAULT_NONE);
    CHECK_NEAR(c.gain[1].pooled, 0.5, 1e-15);
    assert_true(isnan(c.gain[1].lo));
    assert_int_equal(count(written(comparison_svg, &c), "class=\"whisker\""), 0);
    assert_int_equal(count(written(comparison_svg, &c), "nan"), 0);
    comparison_close(&c);
}

/* Animals that differ in length and in what the first model gains; the truth is 0.01. */
static bool covers(model_random *random, uint64_t seed)
{
    enum { ANIMALS = 24 };
    struct fault fault;
    struct comparison c;
    assert_int_equal(comparison_open(&c, ANIMALS, 2, &fault), FAULT_NONE);
    for (uint32_t i = 0; i < ANIMALS; i++) {
        const double gain = 0.01 + 0.01 * model_random_normal(random);
        c.n[i] = 1000 + (int64_t)model_random_below(random, 5000);
        c.nats[2 * i] = 0.5 * (double)c.n[i];
        c.nats[2 * i + 1] = c.nats[2 * i] + gain * (double)c.n[i];
    }
    assert_int_equal(comparison_against(&c, 0, seed, &fault), FAULT_NONE);
    const bool is_in = c.gain[1].lo <= 0.01 && 0.01 <= c.gain[1].hi;
    comparison_close(&c);
    return is_in;
}

static void the_interval_holds_the_truth_of_simulated_tables(void **state)
{
    enum { TABLES = 200 };
    (void)state;
    model_random random;
    int n = 0;
    model_random_seed(&random, suite_seed(), 0);
    for (uint64_t i = 0; i < TABLES; i++) {
        n += covers(&random, i) ? 1 : 0;
    }
    printf("%d of %d tables\n", n, TABLES);
    assert_in_range(n, 166, 200); /* 92.5% of them, and 5 standard errors */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_are_over_trials_and_gains_are_paired),
        cmocka_unit_test(a_loss_of_exactly_the_limit_is_not_worse),
        cmocka_unit_test(the_text_tells_gains_then_animals),
        cmocka_unit_test(the_csv_is_tidy_and_empty_where_nothing_is_known),
        cmocka_unit_test(the_json_has_the_same_figures_and_null_for_none),
        cmocka_unit_test(the_picture_has_a_dot_an_animal_and_a_bar_a_model),
        cmocka_unit_test(one_animal_and_one_model_are_compared_with_nothing),
        cmocka_unit_test(the_interval_holds_the_truth_of_simulated_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
