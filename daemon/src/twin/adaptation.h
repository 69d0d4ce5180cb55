/* adaptation.h - one animal's own parameters: the window of trials that they are fitted to, the
 * parameters in force, and the previous ones.
 *
 * The window holds the newest trials, between half of `window` and all of it, and the bank as it
 * was before the first of them. A second copy of the bank is kept half-way: when the window is full
 * it continues from there. struct adaptation is the head of a block of adaptation_size() bytes; it
 * points into itself, and to those of the population's nets that are fixed. Memory is touched only
 * as it is used. Threads: one owner. Memory: the caller's, aligned to MODEL_NET_ALIGN and zeroed at
 * first; nothing allocates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "model/adapt.h"
#include "model_file.h"

enum {
    ADAPTATION_WINDOW_MAX = 4000, /* trials */
    ADAPTATION_SPARE = 64         /* late trials that a full window takes in */
};

/* What all animals share. */
struct adaptation_plan {
    model_adapt adapt;
    size_t window;     /* trials */
    float *population; /* owned */
};

/* What a checkpoint keeps, before the banks and the trials. */
struct adaptation_head {
    int64_t id;        /* of the change in force, in the journal; 0: the population's parameters */
    int64_t id_before; /* of the one before it, which an undo goes back to */
    int64_t last;      /* the newest change that was heard of, undone or not */
    int64_t n;         /* trials in the window */
    int64_t n_half;    /* trials before the second bank; 0: there is none yet */
};

struct adaptation {
    struct adaptation_head head;
    model_bank start;
    model_bank half;
    model_bank_params bank; /* with the parameters in force, if head.id is not 0 */
};

/* Makes the plan for a model. bank: model->bank or one without nets. FAULT_NONE, or FAULT_WORK with
 * *out zeroed. */
int adaptation_plan_open(struct adaptation_plan *out, const model_adapt_config *config,
                         const model_bank_params *bank, const struct model_file *model,
                         size_t window, struct fault *fault);

void adaptation_plan_close(struct adaptation_plan *plan);

/* Bytes of a block, a multiple of MODEL_NET_ALIGN. RT-safe: yes. */
size_t adaptation_size(const struct adaptation_plan *plan);

/* No trial yet, the population's parameters; the newest change stays known. RT-safe: yes. */
void adaptation_reset(struct adaptation *a);

/* The bank in force: the animal's own, or the population's. RT-safe: yes. */
const model_bank_params *adaptation_bank(const struct adaptation_plan *plan,
                                         const struct adaptation *a);

/* The same plan stands elsewhere now: nets that are held are found there. RT-safe: yes. */
void adaptation_rebind(const struct adaptation_plan *plan, struct adaptation *a);

/* Before a trial is taken up by the bank: makes room for it, and keeps the bank where it must.
 * RT-safe: yes. */
void adaptation_prepare(const struct adaptation_plan *plan, struct adaptation *a,
                        const model_bank *bank);

/* After it was taken up; starts: it was the first of its session. RT-safe: yes. */
void adaptation_push(const struct adaptation_plan *plan, struct adaptation *a,
                     const model_trial *trial, bool starts);

/* Takes in a late trial that `later` of the window's trials came after. RT-safe: yes. */
void adaptation_insert(const struct adaptation_plan *plan, struct adaptation *a,
                       const model_trial *trial, size_t later);

/* What a checkpoint keeps: head, banks and trials, but not the parameters, which stand in the
 * journal by head.id. RT-safe: yes. */
size_t adaptation_packed_size(const struct adaptation *a);
void adaptation_pack(const struct adaptation_plan *plan, const struct adaptation *a, uint8_t out[]);

/* Reads it back; the parameters are to be put in place by adaptation_restore(). False if the bytes
 * are none; then *a is as it was. */
bool adaptation_unpack(const struct adaptation_plan *plan, struct adaptation *a,
                       const uint8_t bytes[], size_t size);

/* Puts the parameters of head.id and head.id_before in their places; NULL for those of 0. 0, or -1
 * (one is missing or out of its range) and the population's are in force. */
int adaptation_restore(const struct adaptation_plan *plan, struct adaptation *a,
                       const float present[], const float before[]);

/* What model_adapt_run() needs; points into the block. RT-safe: yes. */
model_adapt_window adaptation_window(const struct adaptation_plan *plan,
                                     const struct adaptation *a);

/* Puts new parameters into force, as change number id; those in force are kept for an undo. 0, or
 * -1 (a value out of its range) with all as it was. RT-safe: no, some microseconds a net. */
int adaptation_take(const struct adaptation_plan *plan, struct adaptation *a, const float values[],
                    int64_t id);

/* Goes back to the parameters before the last change, a second time to the population's; change
 * number id says so. False: there is nothing to undo. RT-safe: as above. */
bool adaptation_undo(const struct adaptation_plan *plan, struct adaptation *a, int64_t id);
