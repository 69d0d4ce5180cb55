/* The nets against ../shared/vectors/learning_rules: weights in safetensors; inputs, and the
 * weights and probabilities that double precision makes of them, in JSON. Row t of x is
 * [s_t, s_(t-1), 1, session_start, choice, reward, side of t-1]. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "check.h"
#include "model/filter.h"
#include "model_file.h"
#include "proto/reader.h"

#define VECTORS MURID_SOURCE_DIR "/../shared/vectors/learning_rules"

enum { COVARIATES = 7, FILE_MAX = 1 << 20, VALUES_MAX = 1 << 14 };

struct numbers {
    size_t n;
    double v[VALUES_MAX];
};

/* Every number inside the value that starts with this token, in order. */
static void read_numbers(proto_reader *r, const proto_token *first, struct numbers *out)
{
    int depth = 0;
    proto_token t = *first;
    out->n = 0;
    do {
        if (t.type == PROTO_TOKEN_ARRAY) {
            depth++;
        } else if (t.type == PROTO_TOKEN_CLOSE) {
            depth--;
        } else {
            assert_true(t.type == PROTO_TOKEN_INT || t.type == PROTO_TOKEN_REAL);
            assert_true(out->n < VALUES_MAX);
            out->v[out->n++] = t.real;
        }
        if (depth > 0) {
            t = proto_reader_next(r);
        }
    } while (depth > 0);
}

static struct numbers x;
static struct numbers w;
static struct numbers p;
static size_t n_sequences;

static void read_case(const char *path)
{
    static uint8_t bytes[FILE_MAX];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_true(size > 0 && size < sizeof bytes);
    proto_reader r;
    proto_reader_init(&r, PROTO_FORMAT_JSON, bytes, size);
    assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_MAP);
    for (;;) {
        const proto_token key = proto_reader_next(&r);
        if (key.type != PROTO_TOKEN_TEXT) {
            assert_int_equal(key.type, PROTO_TOKEN_CLOSE);
            return;
        }
        const proto_token value = proto_reader_next(&r);
        if (proto_token_is(&key, "x")) {
            read_numbers(&r, &value, &x);
        } else if (proto_token_is(&key, "w")) {
            read_numbers(&r, &value, &w);
        } else if (proto_token_is(&key, "p")) {
            read_numbers(&r, &value, &p);
        } else if (proto_token_is(&key, "y")) {
            proto_reader outer = r;
            n_sequences = 0;
            while (proto_reader_next(&outer).type == PROTO_TOKEN_ARRAY) {
                while (proto_reader_next(&outer).type != PROTO_TOKEN_CLOSE) {
                }
                n_sequences++;
            }
            proto_reader_skip(&r, &value);
        } else {
            proto_reader_skip(&r, &value);
        }
    }
}

/* Runs one sequence and raises the worst differences. */
static void run_sequence(const model_params *params, const double *rows, const double *w_expected,
                         const double *p_expected, size_t n_trials, double *worst_w,
                         double *worst_p)
{
    const size_t n = params->policy.n;
    float h[MODEL_HIDDEN_MAX] = {0.0F};
    double weights[MODEL_WEIGHTS_MAX] = {0.0};
    for (size_t t = 0; t < n_trials; t++) {
        const double *row = rows + t * COVARIATES;
        float in[MODEL_WEIGHTS_MAX + MODEL_RULE_INPUTS];
        float dw[MODEL_WEIGHTS_MAX];
        double g[MODEL_WEIGHTS_MAX];
        double a = 0.0;
        for (size_t i = 0; i < n; i++) {
            in[i] = (float)weights[i];
        }
        for (int i = 0; i < MODEL_RULE_INPUTS; i++) {
            in[n + (size_t)i] = (float)row[1 + i];
        }
        assert_int_equal(model_net_step(params->rule.net, in, h, dw), MODEL_OK);
        const model_history history = {.stimulus = row[1]};
        model_policy_fill(&params->policy, &history, row[0], g);
        for (size_t i = 0; i < n; i++) {
            weights[i] += (double)dw[i];
            a += weights[i] * g[i];
            *worst_w = fmax(*worst_w, fabs(weights[i] - w_expected[t * n + i]));
        }
        *worst_p = fmax(*worst_p, fabs(model_filter_sigmoid(a) - p_expected[t]));
    }
}

static void every_row_of_every_case_agrees_within_1e_5(void **state)
{
    (void)state;
    int n_cases = 0;
    DIR *dir = opendir(VECTORS);
    if (dir == NULL) {
        printf("skipped: ../shared/vectors absent\n");
        return;
    }
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        const char *dot = strrchr(e->d_name, '.');
        if (dot == NULL || strcmp(dot, ".safetensors") != 0) {
            continue;
        }
        char path[1024];
        struct model_file model;
        struct fault fault;
        (void)snprintf(path, sizeof path, "%s/%s", VECTORS, e->d_name);
        if (model_file_load(path, &model, &fault) != FAULT_NONE) {
            fail_msg("%s", fault.text);
        }
        (void)snprintf(path, sizeof path, "%s/%.*s.json", VECTORS, (int)(dot - e->d_name),
                       e->d_name);
        read_case(path);
        const size_t n = model.params.policy.n;
        const size_t n_trials = p.n / n_sequences;
        assert_int_equal(x.n, p.n * COVARIATES);
        assert_int_equal(w.n, p.n * n);
        double worst_w = 0.0;
        double worst_p = 0.0;
        for (size_t s = 0; s < n_sequences; s++) {
            run_sequence(&model.params, x.v + s * n_trials * COVARIATES, w.v + s * n_trials * n,
                         p.v + s * n_trials, n_trials, &worst_w, &worst_p);
        }
        printf("%-44s %zu x %3zu trials: max difference w %.2g, p %.2g\n", e->d_name, n_sequences,
               n_trials, worst_w, worst_p);
        assert_true(worst_w < 1e-5 && worst_p < 1e-5);
        model_file_free(&model);
        n_cases++;
    }
    closedir(dir);
    assert_int_equal(n_cases, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_every_case_agrees_within_1e_5),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
