/* model_file_data.h - a model and what is known about it, in memory.
 *
 * Threads: one owner while it is made; afterwards its bank may be read by all. Memory: struct
 * model_file owns what its bank points to; free it with model_file_free().
 */
#pragma once

#include <stdbool.h>

#include "model/bank.h"
#include "safetensors.h"

enum { MODEL_FILE_HASH_MAX = 16 };

/* Where a model comes from; "" where not stated. */
struct model_file_about {
    char seed[32];
    char data_sha256[65];
    char made_by[64];
    char note[SAFETENSORS_VALUE_MAX + 1];
};

enum { MODEL_FILE_VISITED = 64, MODEL_FILE_DRAWS = 200 };

/* What the table of a fit had, in fit.counts. */
enum model_file_count {
    MODEL_FILE_ANIMALS,
    MODEL_FILE_CORRECT, /* choices */
    MODEL_FILE_ERRORS,
    MODEL_FILE_REWARDED,
    MODEL_FILE_UNREWARDED,
    MODEL_FILE_STIMULI,   /* different contrasts, MODEL_FILE_STIMULI_MAX at most */
    MODEL_FILE_RESAMPLED, /* 1: the animals were drawn with replacement; 0 */
    MODEL_FILE_COUNTS
};

enum { MODEL_FILE_STIMULI_MAX = 32 };

/* More choices without a known reward than this part of all, and a table says little of a rule;
 * those at zero contrast are often not known. */
#define MODEL_FILE_UNKNOWN_MAX 0.25

/* What a fit says of a rule beside its parameters. Each is NULL where the file has none; those of
 * the posterior are there together. */
struct model_file_fit {
    const float *counts;      /* (MODEL_FILE_COUNTS) */
    const float *visited;     /* (MODEL_FILE_VISITED, n): weights that the animals had */
    const float *coefficient; /* (MODEL_FILE_DRAWS, terms, n): draws from the posterior of basis */
    const float *decay;       /* (MODEL_FILE_DRAWS), 0..1 */
    const float *memory;      /* (MODEL_FILE_DRAWS), 0..1 */
};

struct model_file_member {
    struct model_file_about about; /* in a bank: what its own file said; otherwise empty */
    model_net_tensors tensors;     /* dnn, rnn, gru_policy: as in the file, inside weights */
    float *weights;                /* owned */
    void *net;                     /* owned: what its rule's net is made of */
    struct model_file_fit fit;     /* inside fit_values */
    float *fit_values;             /* owned */
};

struct model_file {
    model_bank_params bank; /* of one, unless the file is a bank's */
    char hash[MODEL_FILE_HASH_MAX +
              1]; /* first 16 hex digits of the file's SHA-256, or "built-in" */
    struct model_file_about about;
    struct model_file_member *members; /* (bank.n), owned */
};

#define MODEL_FILE_SHARE      0.001 /* of a bank that does not state its own */
#define MODEL_FILE_WEIGHT_MAX 1e4   /* largest weight of a net that is believed */
#define MODEL_FILE_RANGE_MAX  1e6   /* largest end of a range that is believed */
#define MODEL_FILE_COUNT_MAX  1e12  /* largest count that is believed */

/* True if it is more than one model. */
bool model_file_is_bank(const struct model_file *model);

/* Gives the memory back and zeroes it; NULL and zeroed are fine. */
void model_file_free(struct model_file *model);
