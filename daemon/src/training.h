/* training.h - the animals of a trial table, as a fit takes them.
 *
 * Trials without a choice are left out; the first choice of a session is its start; an unknown
 * reward is 0.5. Threads: one owner. Memory: on the heap; training_free() gives it back.
 */
#ifndef MURID_TRAINING_H
#define MURID_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "model/fit.h"
#include "model/policy.h"
#include "subjects.h"

enum { TRAINING_DIGEST_HEX = 64 };

struct training_subject {
    size_t n;
    size_t capacity;
    float *x;
    float *g;
    uint8_t *chose_right;
    int8_t *side;
    char session[PROTO_ID_MAX + 1];
    model_history history;
    model_rule_trial last; /* the choice before */
    bool has_last;
    bool at_session_start;
};

struct training {
    model_policy policy;
    struct subjects subjects;
    struct training_subject *subject; /* by number */
    uint32_t n;
    uint32_t capacity;
    int64_t n_rows;
    size_t n_trials;
    size_t n_right;
    char sha256[TRAINING_DIGEST_HEX + 1];      /* of the file's bytes; "" of a pipe */
    char fingerprint[TRAINING_DIGEST_HEX + 1]; /* of what is trained on */
    model_fit_animal *animals;                 /* (n); they point into subject */
};

/* Reads a table ("-": standard input). FAULT_NONE, or FAULT_INPUT or FAULT_WORK with *out zeroed.
 */
int training_load(struct training *out, const char *path, const model_policy *policy,
                  struct fault *fault);

/* A zeroed one is fine. */
void training_free(struct training *t);

#endif
