#include "backfill.h"

#include <string.h>

static size_t head_size(int64_t n)
{
    return offsetof(struct backfill, trials) + (size_t)n * sizeof(struct backfill_trial);
}

size_t backfill_size(const struct backfill *backfill)
{
    return backfill->is_open != 0 ? head_size(backfill->n) + twin_used(&backfill->before)
                                  : sizeof backfill->is_open;
}

void backfill_pack(const struct backfill *backfill, uint8_t out[])
{
    if (backfill->is_open == 0) {
        memcpy(out, &backfill->is_open, sizeof backfill->is_open);
        return;
    }
    const size_t head = head_size(backfill->n);
    memcpy(out, backfill, head);
    memcpy(out + head, &backfill->before, twin_used(&backfill->before));
}

size_t backfill_unpack(struct backfill *backfill, const uint8_t bytes[], size_t size)
{
    struct {
        int64_t is_open, n;
    } head = {0};
    if (size < sizeof head.is_open) {
        return 0;
    }
    memcpy(&head, bytes, size < sizeof head ? sizeof head.is_open : sizeof head);
    if (head.is_open == 0) {
        backfill_close(backfill);
        return sizeof head.is_open;
    }
    if (size < sizeof head || head.n < 0 || head.n > BACKFILL_TRIALS || size < head_size(head.n)) {
        return 0;
    }
    const size_t at = head_size(head.n);
    const size_t used = twin_unpack(&backfill->before, bytes + at, size - at);
    if (used == 0) {
        return 0;
    }
    memcpy(backfill, bytes, at);
    return at + used;
}

void backfill_open(struct backfill *backfill, const struct twin *twin)
{
    if (backfill->is_open == 0) {
        twin_copy(&backfill->before, twin);
        backfill->n = 0;
        backfill->is_open = 1;
    }
}

void backfill_close(struct backfill *backfill)
{
    if (backfill->is_open != 0) { /* memory that was never written stays untouched */
        backfill->is_open = 0;
    }
}

static struct backfill_trial keep(int64_t number, const model_trial *trial)
{
    return (struct backfill_trial){.number = number,
                                   .contrast = trial->contrast,
                                   .reward = trial->reward,
                                   .rt_s = trial->rt_s,
                                   .choice = trial->choice,
                                   .side = trial->side};
}

static model_trial kept(const struct backfill_trial *t)
{
    return (model_trial){.contrast = t->contrast,
                         .reward = t->reward,
                         .rt_s = t->rt_s,
                         .choice = (int8_t)t->choice,
                         .side = (int8_t)t->side};
}

static void insert_sorted(struct backfill *backfill, int64_t number, const model_trial *trial)
{
    int64_t at = backfill->n;
    while (at > 0 && backfill->trials[at - 1].number > number) {
        backfill->trials[at] = backfill->trials[at - 1];
        at--;
    }
    backfill->trials[at] = keep(number, trial);
    backfill->n++;
}

void backfill_note(struct backfill *backfill, int64_t number, const model_trial *trial)
{
    if (backfill->is_open != 0) {
        insert_sorted(backfill, number, trial);
        if (backfill->n == BACKFILL_TRIALS) {
            backfill_close(backfill);
        }
    }
}

size_t backfill_later(const struct backfill *backfill, int64_t number)
{
    size_t later = 0;
    for (int64_t i = 0; backfill->is_open != 0 && i < backfill->n; i++) {
        later += backfill->trials[i].number > number ? 1 : 0;
    }
    return later;
}

int backfill_insert(struct backfill *backfill, struct twin *twin, const struct twin_models *models,
                    int64_t number, const model_trial *trial, struct twin_outcome *outcome)
{
    if (backfill->is_open == 0) {
        return MODEL_ERR_SPACE;
    }
    struct twin again;
    twin_copy(&again, &backfill->before);
    bool is_in = false;
    for (int64_t i = 0; i <= backfill->n; i++) {
        if (!is_in && (i == backfill->n || backfill->trials[i].number > number)) {
            const int rc = twin_observe(&again, models, trial, outcome);
            if (rc != MODEL_OK) {
                return rc;
            }
            is_in = true;
        }
        if (i < backfill->n) {
            struct twin_outcome ignored;
            const model_trial later = kept(&backfill->trials[i]);
            const int rc = twin_observe(&again, models, &later, &ignored);
            if (rc != MODEL_OK) {
                return rc;
            }
        }
    }
    twin_copy(twin, &again);
    backfill_note(backfill, number, trial);
    return MODEL_OK;
}
