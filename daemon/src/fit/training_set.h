/* training_set.h - the trials of a table, by animal, and the part of them that a fit uses.
 *
 * struct training_set keeps every row as a twin would observe it. A view holds what one rule with
 * one policy learns from: the trials that ended in a choice; the first choice of a session is its
 * start; an unknown reward is 0.5. Threads: one owner; afterwards read by all. Memory: the heap;
 * freed by the free functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "model/fit_rows.h"
#include "model/member.h"
#include "model/policy.h"
#include "subject_names.h"

enum { TRAINING_SET_DIGEST_HEX = 64 };

struct training_set_subject {
    size_t n; /* rows, no-gos among them */
    size_t capacity;
    model_trial *trials;
    uint8_t *starts_session; /* 1: the row is the first of its session */
    char session[PROTO_ID_MAX + 1];
    size_t n_choices;
    size_t n_right;
};

struct training_set {
    struct subject_names subjects;
    struct training_set_subject *subject; /* by number */
    uint32_t n;
    size_t capacity;
    int64_t n_rows;
    size_t n_choices;
    size_t n_right;
    char sha256[TRAINING_SET_DIGEST_HEX + 1];      /* of the file's bytes; "" of a pipe */
    char fingerprint[TRAINING_SET_DIGEST_HEX + 1]; /* of the trials */
};

/* What one rule learns from some of the animals. */
struct training_set_view {
    model_policy policy;
    model_rule_kind rule;
    uint32_t n;
    model_fit_animal *animals; /* (n) */
    size_t n_trials;           /* of all */
    void *memory;              /* what animals point into */
};

/* Reads a table ("-": standard input). FAULT_NONE, or FAULT_INPUT or FAULT_WORK with *out zeroed.
 */
int training_set_load(struct training_set *out, const char *path, struct trial_table_how how,
                      struct fault *fault);

/* A zeroed one is fine. */
void training_set_free(struct training_set *t);

/* Draws the last n_drawn of n numbers from all of them, by a stream of the seed (Fisher and Yates,
 * model/random.h); n - 1 shuffles all. */
void training_set_shuffle(uint32_t numbers[], uint32_t n, uint32_t n_drawn, uint64_t seed,
                          uint64_t stream);

/* A trial with left and right exchanged. */
model_trial training_set_mirror(const model_trial *trial);

/* The trials of n animals given by their numbers; NULL: of all. with_mirrors: each is followed by
 * its mirror image, left and right exchanged. FAULT_NONE, or FAULT_WORK with *out zeroed. */
int training_set_view_open(struct training_set_view *out, const struct training_set *training,
                           const model_policy *policy, model_rule_kind rule,
                           const uint32_t subjects[], uint32_t n, bool with_mirrors,
                           struct fault *fault);

/* A zeroed one is fine. */
void training_set_view_close(struct training_set_view *view);
