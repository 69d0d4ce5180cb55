/* model_file.h */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "model_file.h"
#include "root.h"
#include "some_net.h"
#include "some_terms.h"

static struct fault fault;

static const model_net_shape TINY_RNN = {true, 8, 5, 2, 2};

static void build_net(struct model_file *out, model_rule_kind kind, uint64_t seed)
{
    test_random r = test_random_seeded(seed);
    model_net_shape shape = TINY_RNN;
    shape.is_recurrent = model_rule_of(kind)->is_recurrent;
    shape.n_inputs = shape.n_outputs + (uint32_t)model_rule_of(kind)->n_inputs;
    some_net *s = some_net_make(&r, shape);
    model_params params;
    assert_int_equal(model_params_built_in(&params, "stimulus,bias"), MODEL_OK);
    params.rule.kind = kind;
    params.noise.drift_var[1] = 0.003;
    if (model_file_build_net(&params, &shape, &s->tensors, out, &fault) != FAULT_NONE) {
        fail_msg("%s", fault.text);
    }
    some_net_free(s);
}

static void check_same_predictions(const struct model_file *a, const struct model_file *b)
{
    model_member twins[2];
    model_member_init(&twins[0], &a->bank.member[0]);
    model_member_init(&twins[1], &b->bank.member[0]);
    for (int t = 0; t < 50; t++) {
        const model_trial trial = {t % 2 == 0 ? 0.5 : -0.25, t % 3 == 0, (double)NAN,
                                   (int8_t)(t % 5 == 0), -1};
        assert_int_equal(model_member_observe(&twins[0], &a->bank.member[0], &trial), MODEL_OK);
        assert_int_equal(model_member_observe(&twins[1], &b->bank.member[0], &trial), MODEL_OK);
    }
    assert_memory_equal(&twins[0], &twins[1], sizeof twins[0]);
}

static void build_terms(struct model_spec *spec)
{
    model_rule rule;
    some_terms_fill(&rule);
    spec->memory = rule.memory;
    memcpy(spec->coefficient, rule.coefficient, sizeof spec->coefficient);
}

static void what_is_saved_is_loaded_back(void **state)
{
    (void)state;
    char path[ROOT_PATH_BYTES];
    (void)root_file(path, "m.safetensors");
    for (int kind = 0; kind < (int)MODEL_RULES; kind++) {
        struct model_file model;
        struct model_file loaded;
        if (model_rule_of((model_rule_kind)kind)->has_net) {
            build_net(&model, (model_rule_kind)kind, 71);
        } else {
            struct model_spec spec;
            model_spec_init(&spec);
            spec.features = "stimulus,bias,prev_choice";
            spec.rule = model_rule_name((model_rule_kind)kind);
            spec.rate = 0.03;
            spec.baseline = 0.4;
            spec.drift_var[2] = 0.0005;
            build_terms(&spec);
            assert_int_equal(model_file_build(&spec, &model, &fault), FAULT_NONE);
        }
        model.bank.member[0].filter = (model_filter)(kind % (int)MODEL_FILTERS);
        (void)snprintf(model.about.seed, sizeof model.about.seed, "71");
        (void)snprintf(model.about.note, sizeof model.about.note, "made \"by\" a test");
        assert_int_equal(model_file_save(&model, NULL, path, &fault), FAULT_NONE);
        if (model_file_load(path, &loaded, &fault) != FAULT_NONE) {
            fail_msg("%s", fault.text);
        }
        assert_string_equal(loaded.hash, model.hash);
        assert_int_equal(strlen(loaded.hash), MODEL_FILE_HASH_MAX);
        assert_string_equal(loaded.about.seed, "71");
        assert_string_equal(loaded.about.note, "made \"by\" a test");
        assert_int_equal(loaded.bank.member[0].rule.kind, kind);
        assert_int_equal(loaded.bank.member[0].filter, kind % (int)MODEL_FILTERS);
        assert_true(
            model_policy_equals(&loaded.bank.member[0].policy, &model.bank.member[0].policy));
        assert_memory_equal(&loaded.bank.member[0].noise, &model.bank.member[0].noise,
                            sizeof model.bank.member[0].noise);
        assert_memory_equal(loaded.bank.member[0].rule.rate, model.bank.member[0].rule.rate,
                            sizeof model.bank.member[0].rule.rate);
        assert_memory_equal(loaded.bank.member[0].rule.baseline, model.bank.member[0].rule.baseline,
                            sizeof model.bank.member[0].rule.baseline);
        assert_memory_equal(loaded.bank.member[0].rule.coefficient,
                            model.bank.member[0].rule.coefficient,
                            sizeof model.bank.member[0].rule.coefficient);
        CHECK_NEAR(loaded.bank.member[0].rule.memory, model.bank.member[0].rule.memory, 0.0);
        check_same_predictions(&loaded, &model);
        model_file_free(&loaded);
        model_file_free(&model);
    }
    (void)unlink(path);
}

static void a_spec_without_words_is_the_built_in_walk(void **state)
{
    (void)state;
    struct model_spec spec;
    struct model_file model;
    model_params built_in;
    model_spec_init(&spec);
    assert_int_equal(model_params_built_in(&built_in, NULL), MODEL_OK);
    assert_int_equal(model_file_build(&spec, &model, &fault), FAULT_NONE);
    assert_string_equal(model.hash, "built-in");
    assert_memory_equal(&model.bank.member[0].noise, &built_in.noise, sizeof built_in.noise);
    model_file_free(&model);
    spec.rule = "reinforce";
    assert_int_equal(model_file_build(&spec, &model, &fault), FAULT_NONE);
    assert_int_equal(strlen(model.hash), MODEL_FILE_HASH_MAX);
    CHECK_NEAR(model.bank.member[0].rule.rate[0], MODEL_FILE_RATE, 0.0);
    char first[MODEL_FILE_HASH_MAX + 1];
    memcpy(first, model.hash, sizeof first);
    model_file_free(&model);
    spec.rate = 0.5;
    assert_int_equal(model_file_build(&spec, &model, &fault), FAULT_NONE);
    assert_string_not_equal(model.hash, first);
    model_file_free(&model);
}

static void specs_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct model_spec spec;
    struct model_file model;
    const struct {
        const char *features;
        const char *rule;
        double rate;
        double drift;
        const char *reason;
    } cases[] = {
        {"stimulus,smell", NULL, (double)NAN, (double)NAN, "features \"stimulus,smell\""},
        {NULL, "hebb", (double)NAN, (double)NAN, "rule \"hebb\""},
        {NULL, "rnn", (double)NAN, (double)NAN, "needs a model file"},
        {NULL, "reinforce", (double)INFINITY, (double)NAN, "rate and baseline within 1000"},
        {NULL, NULL, (double)NAN, -1.0, "variances 0 to 10000 expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        model_spec_init(&spec);
        spec.features = cases[i].features;
        spec.rule = cases[i].rule;
        spec.rate = cases[i].rate;
        spec.drift_var[0] = cases[i].drift;
        assert_int_equal(model_file_build(&spec, &model, &fault), FAULT_INPUT);
        assert_non_null(strstr(fault.text, cases[i].reason));
    }
}

/* A model's bytes with one piece of its header replaced by another of any length. */
static uint8_t *with_header(const uint8_t *bytes, size_t size, const char *from, const char *to,
                            size_t *new_size)
{
    uint64_t header = 0;
    for (int i = 7; i >= 0; i--) {
        header = header << 8 | bytes[i];
    }
    char *text = calloc(1, (size_t)header + 1);
    assert_non_null(text);
    memcpy(text, bytes + 8, (size_t)header);
    char *at = strstr(text, from);
    if (at == NULL) {
        fail_msg("no %s in the header %s", from, text);
    }
    const size_t before = (size_t)(at - text);
    const size_t after = (size_t)header - before - strlen(from);
    const uint64_t new_header = before + strlen(to) + after;
    *new_size = size - (size_t)header + (size_t)new_header;
    uint8_t *out = malloc(*new_size);
    assert_non_null(out);
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(new_header >> (8 * i));
    }
    memcpy(out + 8, text, before);
    memcpy(out + 8 + before, to, strlen(to));
    memcpy(out + 8 + before + strlen(to), at + strlen(from), after);
    memcpy(out + 8 + new_header, bytes + 8 + header, size - 8 - (size_t)header);
    free(text);
    return out;
}

/* A piece of the header, what stands there instead, and why that is refused. */
struct lie {
    const char *from;
    const char *to;
    const char *reason;
};

static void check_lies(const struct model_file *model, const struct lie lies[], size_t n)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(model_file_encode(model, &bytes, &size, &fault), FAULT_NONE);
    for (size_t i = 0; i < n; i++) {
        struct model_file bad;
        size_t bad_size;
        uint8_t *bad_bytes = with_header(bytes, size, lies[i].from, lies[i].to, &bad_size);
        memset(&fault, 0, sizeof fault);
        const int rc = model_file_parse("m.st", bad_bytes, bad_size, &bad, &fault);
        if (rc != FAULT_INPUT || strstr(fault.text, lies[i].reason) == NULL ||
            strncmp(fault.text, "m.st: ", 6) != 0) {
            fail_msg("case %zu: %d, \"%s\", expected \"%s\"", i, rc, fault.text, lies[i].reason);
        }
        assert_null(bad.members);
        free(bad_bytes);
    }
    free(bytes);
}

static void every_lie_in_the_header_is_named(void **state)
{
    (void)state;
    static const struct lie cases[] = {
        {"\"rule\":\"rnn\"", "\"rule\":\"lstm\"", "metadata \"rule\": \"lstm\""},
        {"\"rule\":\"rnn\",", "", "metadata \"rule\": missing"},
        {"\"rule\":\"rnn\"", "\"rule\":\"dnn\"", "not part of a dnn model"},
        {"\"rule\":\"rnn\"", "\"rule\":\"none\"", "not part of a none model"},
        {"\"policy\":\"stimulus,bias\"", "\"policy\":\"stimulus,taste\"",
         "metadata \"policy\": \"stimulus,taste\""},
        {"\"policy\":\"stimulus,bias\",", "", "metadata \"policy\": missing"},
        {"\"policy\":\"stimulus,bias\"", "\"policy\":\"stimulus,bias,win_stay\"",
         "shape (2), (3) expected"},
        {"\"transform\":\"tanh5\"", "\"transform\":\"log\"", "metadata \"transform\": \"log\""},
        {"\"rule\":\"rnn\"", "\"rule\":\"rnn\",\"filter\":\"ukf\"",
         "metadata \"filter\": \"ukf\", ekf or moments expected"},
        {"\"format\":\"murid-model\"", "\"format\":\"pt\"",
         "metadata \"format\": \"pt\", \"murid-model\" expected"},
        {"\"version\":\"1\"", "\"version\":\"2\"", "metadata \"version\": \"2\", \"1\" expected"},
        {"\"hidden\":\"5\"", "\"hidden\":\"4096\"",
         "metadata \"hidden\": \"4096\", a whole number 1 to 128 expected"},
        {"\"hidden\":\"5\"", "\"hidden\":\"0\"", "a whole number 1 to 128"},
        {"\"hidden\":\"5\"", "\"hidden\":\"5x\"", "a whole number 1 to 128"},
        {"\"hidden\":\"5\"", "\"hidden\":\"99999999999999999999\"", "a whole number 1 to 128"},
        {"\"hidden\":\"5\",", "", "metadata \"hidden\": missing"},
        {"\"hidden\":\"5\"", "\"hidden\":\"6\"", "shape (15, 8), (18, 8) expected"},
        {"\"layers\":\"2\"", "\"layers\":\"9\"",
         "metadata \"layers\": \"9\", a whole number 1 to 4 expected"},
        {"\"layers\":\"2\"", "\"layers\":\"1\"", "tensor \"dnn.4.weight\": not part of"},
        {"\"layers\":\"2\"", "\"layers\":\"3\"", "tensor \"dnn.4.weight\": shape (2, 5), (5, 5)"},
        {"\"gru.bias_hh_l0\"", "\"gru.bias_hh_l1\"", "\"gru.bias_hh_l1\": not part of"},
        {"\"shape\":[15,8]", "\"shape\":[8,15]", "shape (8, 15), (15, 8) expected"},
        {"\"shape\":[15,8]", "\"shape\":[120]", "shape (120), (15, 8) expected"},
        {"\"filter.drift_var\"", "\"filter.drift\"", "tensor \"filter.drift\": not part of"},
    };
    struct model_file model;
    build_net(&model, MODEL_RULE_RNN, 72);
    check_lies(&model, cases, sizeof cases / sizeof cases[0]);
    model_file_free(&model);
}

static void values_that_cannot_be_are_named(void **state)
{
    (void)state;
    for (int k = 0; k < 6; k++) {
        struct model_file model;
        struct model_file bad;
        uint8_t *bytes;
        size_t size;
        const char *reason = "";
        build_net(&model, MODEL_RULE_RNN, 73);
        switch (k) {
        case 0:
            model.members[0].weights[7] = NAN;
            reason = "tensor \"gru.weight_ih_l0\": value 5 is nan";
            break;
        case 1:
            model.members[0].weights[0] = -INFINITY;
            reason = "tensor \"scaling_factor\": value 0 is -inf";
            break;
        case 2:
            model.members[0].weights[1] = 3e38F;
            reason = "tensor \"scaling_factor\": value 1 is 3e+38, -1e+04 to 1e+04 expected";
            break;
        case 3:
            model.bank.member[0].noise.prior_var[1] = 0.0;
            reason = "tensor \"filter.prior_var\": value 1 is 0, 2.23e-308 to 1e+04 expected";
            break;
        case 4:
            model.bank.member[0].noise.session_var[0] = -0.5;
            reason = "tensor \"filter.session_var\": value 0 is -0.5, 0 to 1e+04 expected";
            break;
        default:
            model.bank.member[0].noise.prior_mean[0] = (double)NAN;
            reason = "tensor \"filter.prior_mean\": value 0 is nan";
            break;
        }
        assert_int_equal(model_file_encode(&model, &bytes, &size, &fault), FAULT_NONE);
        assert_int_equal(model_file_parse("m.st", bytes, size, &bad, &fault), FAULT_INPUT);
        if (strstr(fault.text, reason) == NULL) {
            fail_msg("\"%s\", expected \"%s\"", fault.text, reason);
        }
        free(bytes);
        model_file_free(&model);
    }
}

static void build_basis(struct model_file *out)
{
    struct model_spec spec;
    model_spec_init(&spec);
    spec.features = "stimulus,bias";
    spec.rule = "basis";
    build_terms(&spec);
    assert_int_equal(model_file_build(&spec, out, &fault), FAULT_NONE);
}

static void every_lie_of_a_rule_of_terms_is_named(void **state)
{
    (void)state;
    static const struct lie cases[] = {
        {"\"rule\":\"basis\"", "\"rule\":\"reinforce\"", "\"rule.decay\": not part of a reinforce"},
        {"\"rule\":\"basis\"", "\"rule\":\"eligibility\"",
         "tensor \"rule.coefficient\": not part of a eligibility model"},
        {"\"rule.coefficient\"", "\"rule.rate\"",
         "tensor \"rule.rate\": not part of a basis model"},
        {"\"shape\":[12,2]", "\"shape\":[2,12]",
         "tensor \"rule.coefficient\": shape (2, 12), (12, 2) expected"},
        {"\"shape\":[12,2]", "\"shape\":[24]", "shape (24), (12, 2) expected"},
        {"\"shape\":[12,2]", "\"shape\":[6,2,2]", "shape (6, 2, 2), (12, 2) expected"},
        {"\"shape\":[1]", "\"shape\":[1,1]", "\"rule.memory\": shape (1, 1), (1) expected"},
        {"\"policy\":\"stimulus,bias\"", "\"policy\":\"bias\"", "shape (2), (1) expected"},
    };
    static const struct {
        size_t term;
        double value;
        const char *reason;
    } values[] = {
        {MODEL_BASIS_UNREWARDED, (double)NAN, "value 3 is nan, -1e+03 to 1e+03 expected"},
        {MODEL_BASIS_TRACE, 1e4, "value 21 is 10000, -1e+03 to 1e+03 expected"},
        {MODEL_BASIS_FORGETTING, 1.5, "value 23 is 1.5, -1 to 1 expected"},
        {MODEL_BASIS_FORGETTING, -1.25, "value 23 is -1.25, -1 to 1 expected"},
    };
    struct model_file model;
    struct model_file bad;
    uint8_t *bytes;
    size_t size;
    build_basis(&model);
    check_lies(&model, cases, sizeof cases / sizeof cases[0]);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        double *at = &model.bank.member[0].rule.coefficient[values[i].term][1];
        const double held = *at;
        *at = values[i].value;
        assert_int_equal(model_file_encode(&model, &bytes, &size, &fault), FAULT_NONE);
        assert_int_equal(model_file_parse("m.st", bytes, size, &bad, &fault), FAULT_INPUT);
        assert_non_null(strstr(fault.text, "m.st: tensor \"rule.coefficient\": "));
        assert_non_null(strstr(fault.text, values[i].reason));
        *at = held;
        free(bytes);
    }
    model.bank.member[0].rule.memory = 1.25;
    assert_int_equal(model_file_encode(&model, &bytes, &size, &fault), FAULT_NONE);
    assert_int_equal(model_file_parse("m.st", bytes, size, &bad, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "\"rule.memory\": value 0 is 1.25, 0 to 1 expected"));
    free(bytes);
    model_file_free(&model);
}

static void build_bank(struct model_file *out, size_t n);

/* Weights 0..2 and steps up to 0.5; a net's inputs 0..1. */
static void add_range(struct model_file *model)
{
    for (uint32_t i = 0; i < model->bank.n; i++) {
        model_params *p = &model->bank.member[i];
        p->range = (model_range){.is_known = p->rule.kind != MODEL_RULE_NONE};
        for (uint32_t k = 0; p->range.is_known && k < p->policy.n; k++) {
            p->range.w_lo[k] = 0.25 * k;
            p->range.w_hi[k] = 2.0;
            p->range.step_max[k] = 0.5;
        }
        for (size_t k = 0; k < model_rule_of(p->rule.kind)->n_inputs; k++) {
            p->range.x_hi[k] = 1.0;
        }
    }
}

static void what_the_rules_were_fitted_on_is_kept(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 12; n += 11) {
        struct model_file model;
        struct model_file loaded;
        uint8_t *bytes;
        size_t size;
        if (n == 1) {
            build_net(&model, MODEL_RULE_RNN, 74);
        } else {
            build_bank(&model, n);
        }
        add_range(&model);
        assert_int_equal(model_file_encode(&model, &bytes, &size, &fault), FAULT_NONE);
        if (model_file_parse("m.st", bytes, size, &loaded, &fault) != FAULT_NONE) {
            fail_msg("%s", fault.text);
        }
        for (size_t i = 0; i < n; i++) {
            assert_memory_equal(&loaded.bank.member[i].range, &model.bank.member[i].range,
                                sizeof(model_range));
        }
        free(bytes);
        model_file_free(&loaded);
        model_file_free(&model);
    }
}

static void ranges_that_cannot_be_are_named(void **state)
{
    (void)state;
    static const char *const REASONS[] = {
        "tensors \"range...\": a lower end is above its upper end",
        "tensor \"range.w_hi\": value 1 is nan, -1e+06 to 1e+06 expected",
        "tensor \"range.step_max\": value 0 is -1, 0 to 1e+06 expected",
        "tensors \"range...\": a lower end is above its upper end",
        "tensor \"range.x_hi\": value 5 is inf, -1e+06 to 1e+06 expected",
    };
    for (int k = 0; k < 5; k++) {
        struct model_file model;
        struct model_file bad;
        uint8_t *bytes;
        size_t size;
        build_net(&model, MODEL_RULE_RNN, 75);
        add_range(&model);
        model_range *range = &model.bank.member[0].range;
        double *const at[] = {&range->w_lo[0], &range->w_hi[1], &range->step_max[0],
                              &range->x_lo[2], &range->x_hi[5]};
        const double wrong[] = {3.0, (double)NAN, -1.0, 2.0, (double)INFINITY};
        *at[k] = wrong[k];
        assert_int_equal(model_file_encode(&model, &bytes, &size, &fault), FAULT_NONE);
        assert_int_equal(model_file_parse("m.st", bytes, size, &bad, &fault), FAULT_INPUT);
        if (strstr(fault.text, REASONS[k]) == NULL) {
            fail_msg("\"%s\", expected \"%s\"", fault.text, REASONS[k]);
        }
        free(bytes);
        model_file_free(&model);
    }
}

/* All or none: the tensor's name is spoilt in the header. */
static void a_range_that_lacks_a_part_is_refused(void **state)
{
    (void)state;
    struct model_file model;
    struct model_file bad;
    uint8_t *bytes;
    size_t size;
    build_net(&model, MODEL_RULE_DNN, 76);
    add_range(&model);
    assert_int_equal(model_file_encode(&model, &bytes, &size, &fault), FAULT_NONE);
    for (size_t i = 0; i + 10 < size; i++) {
        if (memcmp(bytes + i, "range.w_hi", 10) == 0) {
            memcpy(bytes + i, "range.w_ho", 10);
        }
    }
    assert_int_equal(model_file_parse("m.st", bytes, size, &bad, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "tensor \"range.w_h"));
    free(bytes);
    model_file_free(&model);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct model_file model;
    struct model_file bad;
    uint8_t *bytes;
    size_t size;
    build_net(&model, MODEL_RULE_DNN, 74);
    assert_int_equal(model_file_encode(&model, &bytes, &size, &fault), FAULT_NONE);
    for (size_t n = 0; n < size; n++) {
        uint8_t *exact = malloc(n + 1);
        assert_non_null(exact);
        memcpy(exact, bytes, n);
        assert_int_equal(model_file_parse("m.st", exact, n, &bad, &fault), FAULT_INPUT);
        free(exact);
    }
    free(bytes);
    model_file_free(&model);
}

static void noise_that_is_not_in_the_file_is_the_built_in_one(void **state)
{
    (void)state;
    static const char HEADER[] = "{\"__metadata__\":{\"rule\":\"none\",\"policy\":\"stim_bias\"}}";
    uint8_t bytes[8 + sizeof HEADER - 1] = {sizeof HEADER - 1};
    struct model_file model;
    model_params built_in;
    memcpy(bytes + 8, HEADER, sizeof HEADER - 1);
    assert_int_equal(model_params_built_in(&built_in, "stimulus,bias"), MODEL_OK);
    assert_int_equal(model_file_parse("m.st", bytes, sizeof bytes, &model, &fault), FAULT_NONE);
    assert_memory_equal(&model.bank.member[0].noise, &built_in.noise, sizeof built_in.noise);
    model_file_free(&model);
}

#define CORPUS MURID_SOURCE_DIR "/tests/fuzz/corpus/safetensors/"

/* Files of single models that were written before there were banks. */
static void a_single_model_keeps_its_bytes_and_its_hash(void **state)
{
    (void)state;
    static const char *const FILES[][2] = {
        {CORPUS "none.safetensors", "9bf66d5a6659798b"},
        {CORPUS "reinforce.safetensors", "4047eb14ae12394f"},
        {CORPUS "reinforce_base.safetensors", "0a8d54c4636bc24d"},
        {CORPUS "reward_max.safetensors", "80b0bcc36385c5ab"},
        {CORPUS "predict_max.safetensors", "67d7cfa2728c6698"},
        {CORPUS "net0.safetensors", "ddf4a3af4039cc1a"},
        {CORPUS "net1.safetensors", "0b3faf71c95d9dca"},
        {CORPUS "net2.safetensors", "10c0d5c2b5266a67"},
    };
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        struct model_file model;
        uint8_t *bytes[2];
        size_t size[2];
        if (safetensors_read(FILES[i][0], &bytes[0], &size[0], &fault) != FAULT_NONE ||
            model_file_parse("m.st", bytes[0], size[0], &model, &fault) != FAULT_NONE) {
            fail_msg("%s", fault.text);
        }
        assert_false(model_file_is_bank(&model));
        assert_string_equal(model.hash, FILES[i][1]);
        assert_int_equal(model_file_encode(&model, &bytes[1], &size[1], &fault), FAULT_NONE);
        assert_int_equal(size[1], size[0]);
        assert_memory_equal(bytes[1], bytes[0], size[0]);
        free(bytes[0]);
        free(bytes[1]);
        model_file_free(&model);
    }
}

/* A bank of n: rnn, dnn, gru_policy, reinforce, none, basis, rnn, ... */
static void build_bank(struct model_file *out, size_t n)
{
    static const model_rule_kind KINDS[] = {MODEL_RULE_RNN,        MODEL_RULE_DNN,
                                            MODEL_RULE_GRU_POLICY, MODEL_RULE_REINFORCE,
                                            MODEL_RULE_NONE,       MODEL_RULE_BASIS};
    static struct model_file members[MODEL_BANK_MAX];
    static const char *places[MODEL_BANK_MAX];
    double prior[MODEL_BANK_MAX];
    for (size_t i = 0; i < n; i++) {
        const model_rule_kind kind = KINDS[i % (sizeof KINDS / sizeof KINDS[0])];
        places[i] = "some";
        prior[i] = 2.0 * (double)(i + 1) / (double)(n * (n + 1));
        if (model_rule_of(kind)->has_net) {
            build_net(&members[i], kind, 90 + i);
        } else {
            struct model_spec spec;
            model_spec_init(&spec);
            spec.features = "stimulus,bias";
            spec.rule = model_rule_name(kind);
            build_terms(&spec);
            assert_int_equal(model_file_build(&spec, &members[i], &fault), FAULT_NONE);
        }
        (void)snprintf(members[i].about.seed, sizeof members[i].about.seed, "%zu", i);
        (void)snprintf(members[i].about.note, sizeof members[i].about.note, "member %zu", i);
    }
    if (model_file_join(members, places, n, 0.003, 0.75, prior, out, &fault) != FAULT_NONE) {
        fail_msg("%s", fault.text);
    }
    for (size_t i = 0; i < n; i++) {
        model_file_free(&members[i]);
    }
}

static void a_bank_is_saved_and_loaded_back(void **state)
{
    (void)state;
    static model_bank banks[2];
    for (size_t n = 2; n <= MODEL_BANK_MAX; n += 11) {
        struct model_file model;
        struct model_file loaded;
        uint8_t *bytes;
        size_t size;
        build_bank(&model, n);
        model.bank.member[1].filter = MODEL_FILTER_MOMENTS;
        (void)snprintf(model.about.note, sizeof model.about.note, "all");
        assert_int_equal(model_file_encode(&model, &bytes, &size, &fault), FAULT_NONE);
        if (model_file_parse("m.st", bytes, size, &loaded, &fault) != FAULT_NONE) {
            fail_msg("%s", fault.text);
        }
        assert_true(model_file_is_bank(&loaded));
        assert_int_equal(loaded.bank.n, n);
        CHECK_NEAR(loaded.bank.share, 0.003, 0.0);
        CHECK_NEAR(loaded.bank.temper, 0.75, 0.0);
        assert_memory_equal(loaded.bank.prior, model.bank.prior, sizeof model.bank.prior);
        assert_string_equal(loaded.about.note, "all");
        model_bank_init(&banks[0], &model.bank);
        model_bank_init(&banks[1], &loaded.bank);
        for (int t = 0; t < 50; t++) {
            const model_trial trial = {t % 2 == 0 ? 0.5 : -0.25, t % 3 == 0, (double)NAN,
                                       (int8_t)(t % 5 == 0), -1};
            assert_int_equal(model_bank_observe(&banks[0], &model.bank, &trial, NULL), MODEL_OK);
            assert_int_equal(model_bank_observe(&banks[1], &loaded.bank, &trial, NULL), MODEL_OK);
        }
        assert_memory_equal(&banks[0], &banks[1], model_bank_used(n));
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(loaded.bank.member[i].rule.kind, model.bank.member[i].rule.kind);
            assert_int_equal(loaded.bank.member[i].filter, model.bank.member[i].filter);
            assert_string_equal(loaded.members[i].about.seed, model.members[i].about.seed);
            assert_string_equal(loaded.members[i].about.note, model.members[i].about.note);
        }
        free(bytes);
        model_file_free(&loaded);
        model_file_free(&model);
    }
}

/* As large as members can be, with texts as long as they can be. */
static void the_largest_bank_is_a_file(void **state)
{
    (void)state;
    test_random r = test_random_seeded(95);
    const model_net_shape shape = {true, 8 + MODEL_RULE_CONTEXT_INPUTS, MODEL_STATE_MAX,
                                   MODEL_LAYERS_MAX, 8};
    some_net *net = some_net_make(&r, shape);
    model_params params;
    struct model_file one;
    struct model_file model;
    struct model_file loaded;
    struct model_file *members = calloc(MODEL_BANK_MAX, sizeof *members);
    const char *places[MODEL_BANK_MAX];
    uint8_t *bytes = NULL;
    size_t size = 0;
    assert_non_null(members);
    assert_int_equal(model_params_built_in(&params,
                                           "stimulus,stimulus_right,stimulus_left,bias,prev_choice,"
                                           "prev_stimulus,win_stay,lose_switch"),
                     MODEL_OK);
    params.rule.kind = MODEL_RULE_GRU_POLICY;
    assert_int_equal(model_file_build_net(&params, &shape, &net->tensors, &one, &fault),
                     FAULT_NONE);
    memset(one.about.seed, '7', sizeof one.about.seed - 1);
    memset(one.about.data_sha256, '7', sizeof one.about.data_sha256 - 1);
    memset(one.about.made_by, '7', sizeof one.about.made_by - 1);
    memset(one.about.note, '"', sizeof one.about.note - 1);
    for (size_t i = 0; i < MODEL_BANK_MAX; i++) {
        members[i] = one;
        places[i] = "one";
    }
    if (model_file_join(members, places, MODEL_BANK_MAX, 0.01, 1.0, NULL, &model, &fault) !=
            FAULT_NONE ||
        model_file_encode(&model, &bytes, &size, &fault) != FAULT_NONE ||
        model_file_parse("m.st", bytes, size, &loaded, &fault) != FAULT_NONE) {
        fail_msg("%s", fault.text);
    }
    printf("%zu bytes\n", size);
    assert_string_equal(loaded.members[23].about.note, one.about.note);
    free(bytes);
    free(members);
    model_file_free(&loaded);
    model_file_free(&model);
    model_file_free(&one);
    some_net_free(net);
}

static void every_lie_of_a_bank_is_named(void **state)
{
    (void)state;
    static const struct lie cases[] = {
        {"\"members\":\"4\"", "\"members\":\"1\"",
         "metadata \"members\": \"1\", a whole number 2 to 24 expected"},
        {"\"members\":\"4\"", "\"members\":\"25\"", "a whole number 2 to 24"},
        {"\"members\":\"4\",", "", "metadata \"members\": missing"},
        {"\"members\":\"4\"", "\"members\":\"3\"",
         "tensor \"bank.prior\": shape (4), (3) expected"},
        {"\"share\":\"0.0", "\"share\":\"7.0", "a number 0 to 0.5 expected"},
        {"\"share\":\"0.0", "\"share\":\"nan0.0", "metadata \"share\": \"nan0.0"},
        {"\"temper\":\"0.75\"", "\"temper\":\"nan\"",
         "metadata \"temper\": \"nan\", a number 0.01 to 4 expected"},
        {"\"temper\":\"0.75\"", "\"temper\":\"\"", "metadata \"temper\": \"\""},
        {"\"rule\":\"bank\"", "\"rule\":\"rnn\"", "metadata \"hidden\": missing"},
        {"\"rule\":\"bank\"", "\"rule\":\"none\"",
         "tensor \"bank.prior\": not part of a none model"},
        {"\"1.rule\":\"dnn\"", "\"1.rule\":\"bank\"", "metadata \"1.rule\": \"bank\""},
        {"\"1.rule\":\"dnn\",", "", "metadata \"1.rule\": missing"},
        {"\"0.hidden\":\"5\"", "\"0.hidden\":\"500\"", "metadata \"0.hidden\": \"500\""},
        {"\"0.hidden\":\"5\"", "\"0.hidden\":\"4\"",
         "tensor \"0.gru.weight_ih_l0\": shape (15, 8), (12, 8) expected"},
        {"\"3.rule.rate\"", "\"4.rule.rate\"", "tensor \"4.rule.rate\": not part of a bank model"},
        {"\"3.rule.rate\"", "\"3rule.rate\"", "tensor \"3rule.rate\": not part of"},
        {"\"3.rule.rate\"", "\"03.rule.rate\"", "tensor \"03.rule.rate\": not part of"},
        {"\"1.dnn.0.weight\"", "\"3.dnn.0.weight\"", "tensor \"3.dnn.0.weight\": not part of"},
        {"\"bank.prior\"", "\"bank.prix\"", "tensor \"bank.prior\": missing, shape (4)"},
    };
    struct model_file model;
    uint8_t *bytes;
    size_t size;
    build_bank(&model, 4);
    check_lies(&model, cases, sizeof cases / sizeof cases[0]);

    static const struct {
        double prior;
        const char *reason;
    } priors[] = {
        {0.5, "tensor \"bank.prior\": numbers whose sum is 1 expected"},
        {0.0, "tensor \"bank.prior\": value 0 is 0, 1e-06 to 1 expected"},
        {(double)NAN, "tensor \"bank.prior\": value 0 is nan"},
    };
    for (size_t i = 0; i < sizeof priors / sizeof priors[0]; i++) {
        struct model_file bad;
        model.bank.prior[0] = priors[i].prior;
        assert_int_equal(model_file_encode(&model, &bytes, &size, &fault), FAULT_NONE);
        assert_int_equal(model_file_parse("m.st", bytes, size, &bad, &fault), FAULT_INPUT);
        assert_non_null(strstr(fault.text, priors[i].reason));
        free(bytes);
    }
    model_file_free(&model);
}

static void models_that_do_not_fit_are_not_joined(void **state)
{
    (void)state;
    struct model_file members[2];
    struct model_file out;
    struct model_spec spec;
    const char *const places[] = {"a.st", "b.st"};
    model_spec_init(&spec);
    assert_int_equal(model_file_build(&spec, &members[0], &fault), FAULT_NONE);
    spec.features = "stimulus,bias";
    assert_int_equal(model_file_build(&spec, &members[1], &fault), FAULT_NONE);
    assert_int_equal(model_file_join(members, places, 2, 0.01, 1.0, NULL, &out, &fault),
                     FAULT_INPUT);
    assert_string_equal(fault.text,
                        "b.st: policy stimulus,bias, transform tanh5; "
                        "stimulus,bias,prev_choice, tanh5 expected, as the first model's: the "
                        "members of a bank share one policy");
    assert_int_equal(model_file_join(members, places, 1, 0.01, 1.0, NULL, &out, &fault),
                     FAULT_INPUT);
    model_file_free(&members[1]);
    spec.features = NULL;
    assert_int_equal(model_file_build(&spec, &members[1], &fault), FAULT_NONE);
    assert_int_equal(model_file_join(members, places, 2, 0.9, 1.0, NULL, &out, &fault),
                     FAULT_INPUT);
    assert_int_equal(
        model_file_join(members, places, 2, 0.01, 1.0, (double[]){0.5, 0.6}, &out, &fault),
        FAULT_INPUT);
    model_file_free(&members[1]);
    build_bank(&members[1], 2);
    assert_int_equal(model_file_join(members, places, 2, 0.01, 1.0, NULL, &out, &fault),
                     FAULT_INPUT);
    assert_string_equal(fault.text, "b.st: is a bank; single models expected");
    model_file_free(&members[0]);
    model_file_free(&members[1]);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    struct model_file model;
    assert_int_equal(model_file_load("/nonexistent/m.safetensors", &model, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "/nonexistent/m.safetensors: No such file"));
    assert_int_equal(model_file_load("/tmp", &model, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "/tmp: is a directory"));
    model_file_free(&model);
    model_file_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_is_loaded_back),
        cmocka_unit_test(a_spec_without_words_is_the_built_in_walk),
        cmocka_unit_test(specs_that_make_no_sense_are_refused),
        cmocka_unit_test(every_lie_in_the_header_is_named),
        cmocka_unit_test(values_that_cannot_be_are_named),
        cmocka_unit_test(every_lie_of_a_rule_of_terms_is_named),
        cmocka_unit_test(what_the_rules_were_fitted_on_is_kept),
        cmocka_unit_test(ranges_that_cannot_be_are_named),
        cmocka_unit_test(a_range_that_lacks_a_part_is_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(noise_that_is_not_in_the_file_is_the_built_in_one),
        cmocka_unit_test(a_single_model_keeps_its_bytes_and_its_hash),
        cmocka_unit_test(a_bank_is_saved_and_loaded_back),
        cmocka_unit_test(the_largest_bank_is_a_file),
        cmocka_unit_test(every_lie_of_a_bank_is_named),
        cmocka_unit_test(models_that_do_not_fit_are_not_joined),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
    };
    return cmocka_run_group_tests(tests, root_make, root_remove);
}
