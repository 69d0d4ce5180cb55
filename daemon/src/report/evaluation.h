/* evaluation.h - how well the choices of a trial table are predicted before they are read: by a
 * model, by the random walk, and by each member of a bank.
 *
 * Threads: one owner. Memory: the heap; evaluation_close() frees it, also of a zeroed one.
 */
#pragma once

#include "adaptation.h"
#include "model_file.h"
#include "options.h"
#include "subject_names.h"
#include "trial_table.h"
#include "twin.h"

struct evaluation_request {
    const char *path;            /* of the table; "-": standard input */
    const char *model;           /* file; NULL: the random walk */
    struct option_word features; /* of the random walk */
    struct option_word rules;    /* none chosen: all members of the bank */
    struct trial_table_options table;
    bool with_members;
    bool adapts_stack;
    bool adapts_rules;
    bool adapts_nets;
};

/* Row i: what the weights are if member i is left out of the bank. */
typedef double evaluation_weights[MODEL_BANK_MAX][MODEL_BANK_MAX];

/* Sums over the choices of all animals. */
struct evaluation_sums {
    double nats[MODEL_BANK_MAX];    /* of each member alone */
    double weight[MODEL_BANK_MAX];  /* of each member, before the choice */
    double without[MODEL_BANK_MAX]; /* nats of the bank without it */
    double whole;                   /* nats of the bank with all, for no animal in particular */
};

struct evaluation_animal {
    char session[PROTO_ID_MAX + 1];
    struct twin twin;
    int64_t n_trials;
    double outside; /* sum of the weight of members outside of what they were fitted on */
    evaluation_weights *weights; /* owned; NULL unless members are asked for */
    struct adaptation *own;      /* owned; NULL unless rules are adapted */
    int64_t n_since;             /* trials since its parameters were last tried */
};

struct evaluation {
    struct model_file file;
    model_params baseline; /* the random walk */
    model_bank_params
        part; /* of the model that is asked for; the random walk where none is given */
    struct twin_models models;
    model_engagement_params engagement;
    model_stacking_params stack;
    bool with_members;
    evaluation_weights priors;
    struct evaluation_sums sums;
    bool adapts_rules;
    struct adaptation_plan plan;
    void *scratch; /* owned: of an adaptation */
    float *values; /* owned: what it finds */
    int64_t n_tried;
    int64_t n_taken;
    struct subject_names subjects;
    struct evaluation_animal *animals; /* by the subject's number */
    uint32_t n;
    size_t capacity;
};

/* Reads the table, trial after trial. FAULT_NONE, or FAULT_INPUT or FAULT_WORK with *e to be closed
 * too. */
int evaluation_read(struct evaluation *e, const struct evaluation_request *r, struct fault *fault);

/* Nats/trial that the bank would lose without member i, pooled over n choices; NaN if nothing would
 * be left of it. */
double evaluation_member_gain(const struct evaluation *e, int64_t n, uint32_t i);

void evaluation_close(struct evaluation *e);
