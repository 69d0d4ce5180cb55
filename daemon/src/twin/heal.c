#include "heal.h"

#include <string.h>

static size_t head_size(int64_t n)
{
    return offsetof(struct heal, trials) + (size_t)n * sizeof(struct heal_trial);
}

size_t heal_size(const struct heal *heal)
{
    return heal->is_open != 0 ? head_size(heal->n) + learner_used(&heal->before)
                              : sizeof heal->is_open;
}

void heal_pack(const struct heal *heal, uint8_t out[])
{
    if (heal->is_open == 0) {
        memcpy(out, &heal->is_open, sizeof heal->is_open);
        return;
    }
    const size_t head = head_size(heal->n);
    memcpy(out, heal, head);
    memcpy(out + head, &heal->before, learner_used(&heal->before));
}

size_t heal_unpack(struct heal *heal, const uint8_t bytes[], size_t size)
{
    struct {
        int64_t is_open, n;
    } head = {0};
    if (size < sizeof head.is_open) {
        return 0;
    }
    memcpy(&head, bytes, size < sizeof head ? sizeof head.is_open : sizeof head);
    if (head.is_open == 0) {
        heal_close(heal);
        return sizeof head.is_open;
    }
    if (size < sizeof head || head.n < 0 || head.n > HEAL_TRIALS || size < head_size(head.n)) {
        return 0;
    }
    const size_t at = head_size(head.n);
    const size_t used = learner_unpack(&heal->before, bytes + at, size - at);
    if (used == 0) {
        return 0;
    }
    memcpy(heal, bytes, at);
    return at + used;
}

void heal_open(struct heal *heal, const struct learner *learner)
{
    if (heal->is_open == 0) {
        learner_copy(&heal->before, learner);
        heal->n = 0;
        heal->is_open = 1;
    }
}

void heal_close(struct heal *heal)
{
    if (heal->is_open != 0) { /* memory that was never written stays untouched */
        heal->is_open = 0;
    }
}

static struct heal_trial keep(int64_t number, const model_trial *trial)
{
    return (struct heal_trial){.number = number,
                               .contrast = trial->contrast,
                               .reward = trial->reward,
                               .rt_s = trial->rt_s,
                               .choice = trial->choice,
                               .side = trial->side};
}

static model_trial kept(const struct heal_trial *t)
{
    return (model_trial){.contrast = t->contrast,
                         .reward = t->reward,
                         .rt_s = t->rt_s,
                         .choice = (int8_t)t->choice,
                         .side = (int8_t)t->side};
}

static void insert_sorted(struct heal *heal, int64_t number, const model_trial *trial)
{
    int64_t at = heal->n;
    while (at > 0 && heal->trials[at - 1].number > number) {
        heal->trials[at] = heal->trials[at - 1];
        at--;
    }
    heal->trials[at] = keep(number, trial);
    heal->n++;
}

void heal_note(struct heal *heal, int64_t number, const model_trial *trial)
{
    if (heal->is_open != 0) {
        insert_sorted(heal, number, trial);
        if (heal->n == HEAL_TRIALS) {
            heal_close(heal);
        }
    }
}

size_t heal_later(const struct heal *heal, int64_t number)
{
    size_t later = 0;
    for (int64_t i = 0; heal->is_open != 0 && i < heal->n; i++) {
        later += heal->trials[i].number > number ? 1 : 0;
    }
    return later;
}

int heal_insert(struct heal *heal, struct learner *learner, const struct learner_models *models,
                int64_t number, const model_trial *trial, struct learner_outcome *outcome)
{
    if (heal->is_open == 0) {
        return MODEL_ERR_SPACE;
    }
    struct learner again;
    learner_copy(&again, &heal->before);
    bool is_in = false;
    for (int64_t i = 0; i <= heal->n; i++) {
        if (!is_in && (i == heal->n || heal->trials[i].number > number)) {
            const int rc = learner_observe(&again, models, trial, outcome);
            if (rc != MODEL_OK) {
                return rc;
            }
            is_in = true;
        }
        if (i < heal->n) {
            struct learner_outcome ignored;
            const model_trial later = kept(&heal->trials[i]);
            const int rc = learner_observe(&again, models, &later, &ignored);
            if (rc != MODEL_OK) {
                return rc;
            }
        }
    }
    learner_copy(learner, &again);
    heal_note(heal, number, trial);
    return MODEL_OK;
}
