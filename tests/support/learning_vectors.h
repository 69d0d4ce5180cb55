/* learning_vectors.h - the cases of ../shared/vectors/learning_rules: weights in safetensors;
 * inputs, and what double precision makes of them, in JSON. Row t of x is [s_t, s_(t-1), 1,
 * session_start, choice, reward, side of t-1]. Needs libdaemon_core and cmocka. */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "model_file.h"
#include "proto/reader.h"
#include "skips.h"

#define VECTORS MURID_SOURCE_DIR "/../shared/vectors/learning_rules"

enum { COVARIATES = 7, VECTORS_FILE_MAX = 1 << 20, VALUES_MAX = 1 << 14, VECTORS_CASES = 8 };

struct numbers {
    size_t n;
    double v[VALUES_MAX];
};

struct learning_case {
    struct model_file model;
    struct numbers x;
    struct numbers y;
    struct numbers w;
    struct numbers p;
    struct numbers grad; /* of all tensors, in PyTorch's order */
    double loss;
    uint32_t truncation;
    size_t n_sequences;
    size_t n_trials; /* of each */
};

/* Adds every number inside the value that starts with this token, in order. */
static inline void read_numbers(proto_reader *r, const proto_token *first, struct numbers *out)
{
    int depth = 0;
    proto_token t = *first;
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

static inline void read_gradients(proto_reader *r, struct numbers *out)
{
    for (proto_token key = proto_reader_next(r); key.type == PROTO_TOKEN_TEXT;
         key = proto_reader_next(r)) {
        const proto_token value = proto_reader_next(r);
        read_numbers(r, &value, out);
    }
}

static inline size_t count_sequences(proto_reader r)
{
    size_t n = 0;
    while (proto_reader_next(&r).type == PROTO_TOKEN_ARRAY) {
        while (proto_reader_next(&r).type != PROTO_TOKEN_CLOSE) {
        }
        n++;
    }
    return n;
}

static inline void read_case(const char *path, struct learning_case *c)
{
    static uint8_t bytes[VECTORS_FILE_MAX];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_true(size > 0 && size < sizeof bytes);
    proto_reader r;
    proto_reader_init(&r, PROTO_FORMAT_JSON, bytes, size);
    assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_MAP);
    for (proto_token key = proto_reader_next(&r); key.type == PROTO_TOKEN_TEXT;
         key = proto_reader_next(&r)) {
        const proto_token value = proto_reader_next(&r);
        if (proto_token_is(&key, "x")) {
            read_numbers(&r, &value, &c->x);
        } else if (proto_token_is(&key, "w")) {
            read_numbers(&r, &value, &c->w);
        } else if (proto_token_is(&key, "p")) {
            read_numbers(&r, &value, &c->p);
        } else if (proto_token_is(&key, "y")) {
            c->n_sequences = count_sequences(r);
            read_numbers(&r, &value, &c->y);
        } else if (proto_token_is(&key, "grad")) {
            read_gradients(&r, &c->grad);
        } else if (proto_token_is(&key, "loss_nats_per_trial")) {
            c->loss = value.real;
        } else if (proto_token_is(&key, "truncation")) {
            c->truncation = (uint32_t)value.real;
        } else {
            proto_reader_skip(&r, &value);
        }
    }
    c->n_trials = c->p.n / c->n_sequences;
    assert_int_equal(c->x.n, c->p.n * COVARIATES);
    assert_int_equal(c->y.n, c->p.n);
    assert_int_equal(c->w.n, c->p.n * c->model.bank.member[0].policy.n);
}

/* Calls run(name, case) for each; returns how many there were. Without them the case is skipped. */
static inline int each_learning_case(void (*run)(const char *name, const struct learning_case *c))
{
    static struct learning_case c;
    DIR *dir = opendir(VECTORS);
    if (dir == NULL) {
        skips_case("../shared/vectors absent");
    }
    int n = 0;
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        const char *dot = strrchr(e->d_name, '.');
        if (dot == NULL || strcmp(dot, ".safetensors") != 0) {
            continue;
        }
        char path[1024];
        struct fault fault;
        memset(&c, 0, sizeof c);
        (void)snprintf(path, sizeof path, "%s/%s", VECTORS, e->d_name);
        if (model_file_load(path, &c.model, &fault) != FAULT_NONE) {
            fail_msg("%s", fault.text);
        }
        (void)snprintf(path, sizeof path, "%s/%.*s.json", VECTORS, (int)(dot - e->d_name),
                       e->d_name);
        read_case(path, &c);
        run(e->d_name, &c);
        model_file_free(&c.model);
        n++;
    }
    closedir(dir);
    return n;
}
