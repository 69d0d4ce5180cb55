/* fit_shard.h - forward and back through the trials of a few animals, chunk by chunk.
 *
 * A record is what one animal's trial leaves behind for the way back; the records of a trial stand
 * in a row, animals with more trials first, so that those still running are always the first ones.
 * Open loop, the rule alone moves the weights from 0 and p = sigmoid(w . g); in the filter, the
 * twin is followed and the forecast scored. Threads: one a shard. Memory: fit.c's.
 */
#pragma once

#include "fit_filter.h"
#include "fit_net.h"

/* What all shards of a fit go by. */
typedef struct {
    model_params params; /* policy.n, rule and noise; its net is not used */
    bool in_filter;
    bool has_net;
    bool stands_first; /* no step before the first trial; open loop, nets that say it make one */
    size_t n_weights;
    size_t n_inputs; /* columns of an animal's x */
    size_t truncation;
    fit_net net;
} fit_plan;

typedef struct {
    size_t n_rows;
    size_t n_trials;
    model_fit_animal *animals;      /* (n_rows), longest first */
    fit_belief *belief;             /* (n_rows) */
    fit_belief *by_belief;          /* (n_rows): derivatives; those by w stand in dw */
    float *h;                       /* (n_rows, unit_ld) */
    float *dw;                      /* (n_rows, weight_ld) */
    float *dh;                      /* (n_rows, unit_ld) */
    size_t *first;                  /* (truncation + 1): the first record of a trial */
    float *x;                       /* records (x_ld) */
    float *gates;                   /* records (4 unit_ld): n r z n_h */
    float *a[MODEL_LAYERS_MAX + 1]; /* records (a_ld): inputs of a layer; a[0] unused without GRU */
    float *out;                     /* records (weight_ld) */
    float *error;                   /* records: p - y, open loop */
    fit_filter_record *filter;      /* records, in the filter */
    float *delta[MODEL_LAYERS_MAX + 1]; /* of FIT_BLOCK_TRIALS: derivatives by a layer's sums */
    float *gradient;                    /* (n_packed), not yet divided by the trials */
    double scale_gradient[MODEL_NET_OUTPUTS_MAX];
    double filter_gradient[FIT_FILTER_KINDS * MODEL_WEIGHTS_MAX];
    double loss; /* nats, summed */
} fit_shard;

/* Trials whose weight gradients are taken up together: enough for long sums, few enough for L2. */
enum { FIT_BLOCK_TRIALS = 32 };

/* shard->n_rows is set. */
void fit_shard_init(fit_shard *shard, const fit_plan *plan, arena *a);

/* From the first trial of its animals to the last: the loss anew and, if asked for, gradients. */
void fit_shard_run(fit_shard *shard, const fit_plan *plan, bool with_gradients);

/* factor times the sum of the shards' gradients: the net's in PyTorch's order, then the filter's.
 */
void fit_shard_sum_gradients(const fit_plan *plan, size_t n, const fit_shard shards[],
                             double factor, float gradient[]);
