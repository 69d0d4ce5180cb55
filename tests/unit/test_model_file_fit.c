/* model_file.h: what a fit says of a rule beside its parameters. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "model_file.h"
#include "model_file_nets.h"
#include "seeded.h"

enum { N = 2, COEFFICIENTS = MODEL_FILE_DRAWS * MODEL_BASIS_TERMS * N };

static struct fault fault;

static float counts[MODEL_FILE_COUNTS];
static float visited[MODEL_FILE_VISITED * N];
static float coefficient[COEFFICIENTS];
static float decay[MODEL_FILE_DRAWS];
static float memory[MODEL_FILE_DRAWS];

static void fill(float values[], size_t n, test_random *r)
{
    for (size_t i = 0; i < n; i++) {
        values[i] = (float)test_random_uniform(r);
    }
}

static void fill_all(uint64_t seed)
{
    test_random r = test_random_seeded(seed);
    fill(counts, MODEL_FILE_COUNTS, &r);
    fill(visited, MODEL_FILE_VISITED * N, &r);
    fill(coefficient, COEFFICIENTS, &r);
    fill(decay, MODEL_FILE_DRAWS, &r);
    fill(memory, MODEL_FILE_DRAWS, &r);
}

static void build(struct model_file *out, const char *rule, bool has_posterior)
{
    struct model_spec spec;
    struct model_file_fit fit = {.counts = counts, .visited = visited};
    model_spec_init(&spec);
    spec.features = "stimulus,bias";
    spec.rule = rule;
    if (has_posterior) {
        fit.coefficient = coefficient;
        fit.decay = decay;
        fit.memory = memory;
    }
    assert_int_equal(model_file_build(&spec, out, &fault), FAULT_NONE);
    assert_int_equal(
        model_file_nets_copy_fit(&fit, &out->bank.member[0], &out->members[0], "fit", &fault),
        FAULT_NONE);
}

static void reload(const struct model_file *model, struct model_file *out)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(model_file_encode(model, &bytes, &size, &fault), FAULT_NONE);
    if (model_file_parse("m.st", bytes, size, out, &fault) != FAULT_NONE) {
        fail_msg("%s", fault.text);
    }
    free(bytes);
}

static void check_same(const struct model_file_fit *fit, bool has_posterior)
{
    assert_memory_equal(fit->counts, counts, sizeof counts);
    assert_memory_equal(fit->visited, visited, sizeof visited);
    if (has_posterior) {
        assert_memory_equal(fit->coefficient, coefficient, sizeof coefficient);
        assert_memory_equal(fit->decay, decay, sizeof decay);
        assert_memory_equal(fit->memory, memory, sizeof memory);
    } else {
        assert_null(fit->coefficient);
        assert_null(fit->decay);
        assert_null(fit->memory);
    }
}

static void what_a_fit_says_is_saved_and_loaded_back(void **state)
{
    (void)state;
    struct model_file model;
    struct model_file loaded;
    fill_all(91);
    build(&model, "basis", true);
    reload(&model, &loaded);
    check_same(&loaded.members[0].fit, true);
    model_file_free(&loaded);
    model_file_free(&model);
    build(&model, "reinforce", false);
    reload(&model, &loaded);
    check_same(&loaded.members[0].fit, false);
    model_file_free(&loaded);
    model_file_free(&model);
}

static void a_rule_without_terms_has_no_posterior(void **state)
{
    (void)state;
    struct model_file model;
    fill_all(92);
    build(&model, "reinforce", true);
    assert_null(model.members[0].fit.coefficient);
    assert_non_null(model.members[0].fit.visited);
    model_file_free(&model);
    build(&model, "none", true);
    assert_null(model.members[0].fit.visited);
    model_file_free(&model);
}

static void members_of_a_bank_keep_theirs(void **state)
{
    (void)state;
    struct model_file models[2];
    struct model_file bank;
    struct model_file loaded;
    const char *places[] = {"a", "b"};
    fill_all(93);
    build(&models[0], "basis", true);
    build(&models[1], "reinforce", false);
    assert_int_equal(model_file_join(models, places, 2, 0.001, 1.0, NULL, &bank, &fault),
                     FAULT_NONE);
    model_file_free(&models[0]);
    model_file_free(&models[1]);
    reload(&bank, &loaded);
    check_same(&loaded.members[0].fit, true);
    check_same(&loaded.members[1].fit, false);
    model_file_free(&bank);
    model_file_free(&loaded);
}

static void check_refused(const uint8_t *bytes, size_t size, const char *reason)
{
    struct model_file bad;
    memset(&fault, 0, sizeof fault);
    assert_int_equal(model_file_parse("m.st", bytes, size, &bad, &fault), FAULT_INPUT);
    if (strstr(fault.text, reason) == NULL || strncmp(fault.text, "m.st: ", 6) != 0) {
        fail_msg("\"%s\", expected \"%s\"", fault.text, reason);
    }
    assert_null(bad.members);
}

/* Lies of the same length, so that the header keeps its own. */
static void shapes_and_names_that_cannot_be_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        const char *reason;
    } cases[] = {
        {"\"shape\":[64,2]", "\"shape\":[32,4]",
         "tensor \"visited.w\": shape (32, 4), (64, 2) expected"},
        {"\"shape\":[200,12,2]", "\"shape\":[200,2,12]",
         "tensor \"posterior.coefficient\": shape (200, 2, 12), (200, 12, 2) expected"},
        {"\"posterior.decay\"", "\"posterior.decoy\"", "\"posterior.decoy\": not part of a basis"},
        {"\"visited.w\"", "\"visited.v\"", "\"visited.v\": not part of a basis model"},
        {"\"fit.counts\"", "\"fit.amount\"", "\"fit.amount\": not part of a basis model"},
    };
    struct model_file model;
    uint8_t *bytes;
    size_t size;
    fill_all(94);
    build(&model, "basis", true);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t n = strlen(cases[i].from);
        size_t at = 0;
        assert_int_equal(model_file_encode(&model, &bytes, &size, &fault), FAULT_NONE);
        while (at + n < size && memcmp(bytes + at, cases[i].from, n) != 0) {
            at++;
        }
        assert_true(at + n < size);
        memcpy(bytes + at, cases[i].to, n);
        check_refused(bytes, size, cases[i].reason);
        free(bytes);
    }
    model_file_free(&model);
}

static void a_posterior_that_lacks_a_part_is_refused(void **state)
{
    (void)state;
    struct model_file model;
    uint8_t *bytes;
    size_t size;
    fill_all(95);
    for (int k = 0; k < 3; k++) {
        static const char *const NAMES[] = {"coefficient", "decay", "memory"};
        char reason[96];
        build(&model, "basis", true);
        struct model_file_fit *fit = &model.members[0].fit;
        const float **parts[] = {&fit->coefficient, &fit->decay, &fit->memory};
        *parts[k] = NULL;
        assert_int_equal(model_file_encode(&model, &bytes, &size, &fault), FAULT_NONE);
        (void)snprintf(reason, sizeof reason, "tensor \"posterior.%s\": missing", NAMES[k]);
        check_refused(bytes, size, reason);
        free(bytes);
        model_file_free(&model);
    }
}

static void values_that_cannot_be_are_named(void **state)
{
    (void)state;
    static const struct {
        float *at;
        float value;
        const char *reason;
    } cases[] = {
        {&counts[MODEL_FILE_ERRORS], -1.0F, "\"fit.counts\": value 2 is -1, 0 to 1e+12 expected"},
        {&visited[5], NAN, "\"visited.w\": value 5 is nan"},
        {&visited[0], 2e6F, "\"visited.w\": value 0 is 2e+06, -1e+06 to 1e+06 expected"},
        {&coefficient[3], INFINITY, "\"posterior.coefficient\": value 3 is inf"},
        {&coefficient[3], -1e4F, "value 3 is -10000, -1e+03 to 1e+03 expected"},
        {&coefficient[(MODEL_BASIS_TERMS + MODEL_BASIS_FORGETTING) * N + 1], -1.5F,
         "\"posterior.coefficient\": value 47 is -1.5, -1 to 1 expected"},
        {&decay[7], 1.25F, "\"posterior.decay\": value 7 is 1.25, 0 to 1 expected"},
        {&memory[199], -0.25F, "\"posterior.memory\": value 199 is -0.25, 0 to 1 expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_file model;
        uint8_t *bytes;
        size_t size;
        fill_all(96);
        *cases[i].at = cases[i].value;
        build(&model, "basis", true);
        assert_int_equal(model_file_encode(&model, &bytes, &size, &fault), FAULT_NONE);
        check_refused(bytes, size, cases[i].reason);
        free(bytes);
        model_file_free(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_fit_says_is_saved_and_loaded_back),
        cmocka_unit_test(a_rule_without_terms_has_no_posterior),
        cmocka_unit_test(members_of_a_bank_keep_theirs),
        cmocka_unit_test(shapes_and_names_that_cannot_be_are_named),
        cmocka_unit_test(a_posterior_that_lacks_a_part_is_refused),
        cmocka_unit_test(values_that_cannot_be_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
