/* backfill.h - puts late trials in their place, as if they had arrived in order.
 *
 * When a gap opens, the twin before it is kept with the trials that follow. A late trial is
 * inserted in its place and the twin is run again from there, so that it ends exactly where it
 * would have been. After BACKFILL_TRIALS trials the gap is closed for good.
 * Threads: one owner. Memory: plain, checkpointed by backfill_pack().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twin.h"

enum { BACKFILL_TRIALS = 64 };

/* A model_trial and its number, without the padding that a model_trial has. */
struct backfill_trial {
    int64_t number;
    double contrast;
    double reward;
    double rt_s;
    int32_t choice;
    int32_t side;
};
_Static_assert(sizeof(struct backfill_trial) == 40, "no padding");

struct backfill {
    int64_t is_open; /* 0 or 1; a word, so that the struct has no padding */
    int64_t n;
    struct backfill_trial trials[BACKFILL_TRIALS];
    struct twin before; /* as it stood when the gap opened; last, for what it does not use */
};

/* What a checkpoint keeps: of an open gap all that is used, of a closed one that it is closed.
 * Bytes that it takes; writes them to out; reads them back, 0 and *backfill as it was if the first
 * of `size` bytes are none, otherwise the bytes read. RT-safe: yes. */
size_t backfill_size(const struct backfill *backfill);
void backfill_pack(const struct backfill *backfill, uint8_t out[]);
size_t backfill_unpack(struct backfill *backfill, const uint8_t bytes[], size_t size);

/* A gap opens before the next trial; does nothing if one is open already. RT-safe: yes. */
void backfill_open(struct backfill *backfill, const struct twin *twin);

/* Notes a trial that was taken up in order while a gap is open. RT-safe: yes. */
void backfill_note(struct backfill *backfill, int64_t number, const model_trial *trial);

/* Trials of an open gap that came after the one of that number. RT-safe: yes. */
size_t backfill_later(const struct backfill *backfill, int64_t number);

/* Takes a late trial up in its place. MODEL_OK; or MODEL_ERR_SPACE if the gap was given up, or
 * another negative status, and nothing changed. RT-safe: yes, at most BACKFILL_TRIALS + 1 updates.
 */
int backfill_insert(struct backfill *backfill, struct twin *twin, const struct twin_models *models,
                    int64_t number, const model_trial *trial, struct twin_outcome *outcome);

/* Nothing is missing any more, or the session is over. RT-safe: yes. */
void backfill_close(struct backfill *backfill);
