#include "adaptation.h"

#include <stdlib.h>
#include <string.h>

/* ---- what all animals share ---- */

int adaptation_plan_open(struct adaptation_plan *out, const model_adapt_config *config,
                         const model_bank_params *bank, const struct model_file *model,
                         size_t window, struct fault *fault)
{
    const model_net_tensors *tensors[MODEL_BANK_MAX] = {NULL};
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; model != NULL && model->members != NULL && i < bank->n; i++) {
        tensors[i] = &model->members[i].tensors;
    }
    out->population = calloc(model_adapt_count(bank) + 1, sizeof *out->population);
    out->window = window;
    if (out->population == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for the parameters of a bank");
    }
    if (model_adapt_init(&out->adapt, config, bank, tensors, out->population) != MODEL_OK) {
        adaptation_plan_close(out);
        return fault_set(fault, FAULT_WORK, "this bank cannot be adapted");
    }
    return FAULT_NONE;
}

void adaptation_plan_close(struct adaptation_plan *plan)
{
    free(plan->population);
    memset(plan, 0, sizeof *plan);
}

/* ---- one animal's block ---- */

static size_t padded(size_t bytes)
{
    return (bytes + MODEL_NET_ALIGN - 1) / MODEL_NET_ALIGN * MODEL_NET_ALIGN;
}

/* Bytes before each part of a block. */
struct places {
    size_t trials;
    size_t present;
    size_t before;
    size_t nets;
    size_t end;
};

static struct places places_of(const struct adaptation_plan *plan)
{
    const size_t values = padded(model_adapt_values(&plan->adapt) * sizeof(float));
    const size_t trials = (plan->window + ADAPTATION_SPARE) * sizeof(model_adapt_trial);
    struct places p = {.trials = padded(sizeof(struct adaptation))};
    p.present = p.trials + padded(trials);
    p.before = p.present + values;
    p.nets = p.before + values;
    p.end = p.nets + padded(model_adapt_nets_size(&plan->adapt));
    return p;
}

struct parts {
    model_adapt_trial *trials; /* (window + ADAPTATION_SPARE) */
    float *present;
    float *before;
    unsigned char *nets;
};

static struct parts parts_of(const struct adaptation_plan *plan, const struct adaptation *a)
{
    unsigned char *base = (unsigned char *)(uintptr_t)a;
    const struct places p = places_of(plan);
    return (struct parts){.trials = (model_adapt_trial *)(void *)(base + p.trials),
                          .present = (float *)(void *)(base + p.present),
                          .before = (float *)(void *)(base + p.before),
                          .nets = base + p.nets};
}

size_t adaptation_size(const struct adaptation_plan *plan)
{
    return places_of(plan).end;
}

void adaptation_reset(struct adaptation *a)
{
    a->head = (struct adaptation_head){.last = a->head.last};
}

const model_bank_params *adaptation_bank(const struct adaptation_plan *plan,
                                         const struct adaptation *a)
{
    return a->head.id != 0 ? &a->bank : plan->adapt.bank;
}

void adaptation_rebind(const struct adaptation_plan *plan, struct adaptation *a)
{
    const model_adapt *adapt = &plan->adapt;
    for (uint32_t i = 0; a->head.id != 0 && i < adapt->bank->n; i++) {
        if (adapt->net[i + 1] == adapt->net[i]) {
            a->bank.member[i].rule.net = adapt->bank->member[i].rule.net;
        }
    }
}

void adaptation_prepare(const struct adaptation_plan *plan, struct adaptation *a,
                        const model_bank *bank)
{
    struct adaptation_head *head = &a->head;
    const int64_t window = (int64_t)plan->window;
    if (head->n >= window) {
        model_adapt_trial *trials = parts_of(plan, a).trials;
        head->n -= head->n_half;
        memmove(trials, trials + head->n_half, (size_t)head->n * sizeof trials[0]);
        model_bank_copy(&a->start, &a->half);
        head->n_half = 0;
    }
    if (head->n == 0) {
        model_bank_copy(&a->start, bank);
    } else if (head->n_half == 0 && head->n >= window / 2) {
        model_bank_copy(&a->half, bank);
        head->n_half = head->n;
    }
}

static model_adapt_trial kept(const model_trial *t, bool starts)
{
    return (model_adapt_trial){.contrast = t->contrast,
                               .reward = t->reward,
                               .rt_s = t->rt_s,
                               .choice = t->choice,
                               .side = t->side,
                               .starts_session = starts ? 1 : 0};
}

void adaptation_push(const struct adaptation_plan *plan, struct adaptation *a,
                     const model_trial *trial, bool starts)
{
    parts_of(plan, a).trials[a->head.n++] = kept(trial, starts);
}

void adaptation_insert(const struct adaptation_plan *plan, struct adaptation *a,
                       const model_trial *trial, size_t later)
{
    model_adapt_trial *trials = parts_of(plan, a).trials;
    const size_t n = (size_t)a->head.n;
    if (n == 0 || later > n || n == plan->window + ADAPTATION_SPARE) {
        return;
    }
    const size_t at = n - later;
    memmove(trials + at + 1, trials + at, later * sizeof trials[0]);
    trials[at] = kept(trial, later > 0 && trials[at + 1].starts_session == 1);
    if (later > 0) {
        trials[at + 1].starts_session = 0;
    }
    a->head.n++;
    a->head.n_half += a->head.n_half > (int64_t)at ? 1 : 0;
}

/* ---- checkpoints ---- */

static size_t bank_bytes(const model_bank *bank, bool is_there)
{
    return is_there ? model_bank_used(bank->n) : 0;
}

size_t adaptation_packed_size(const struct adaptation *a)
{
    return sizeof a->head + bank_bytes(&a->start, a->head.n > 0) +
           bank_bytes(&a->half, a->head.n_half > 0) + (size_t)a->head.n * sizeof(model_adapt_trial);
}

void adaptation_pack(const struct adaptation_plan *plan, const struct adaptation *a, uint8_t out[])
{
    const size_t start = bank_bytes(&a->start, a->head.n > 0);
    const size_t half = bank_bytes(&a->half, a->head.n_half > 0);
    memcpy(out, &a->head, sizeof a->head);
    out += sizeof a->head;
    memcpy(out, &a->start, start);
    memcpy(out + start, &a->half, half);
    memcpy(out + start + half, parts_of(plan, a).trials,
           (size_t)a->head.n * sizeof(model_adapt_trial));
}

static bool head_is_valid(const struct adaptation_plan *plan, const struct adaptation_head *h)
{
    return h->id >= 0 && h->id_before >= 0 && h->last >= h->id && h->n >= 0 &&
           h->n <= (int64_t)plan->window + ADAPTATION_SPARE && h->n_half >= 0 && h->n_half <= h->n;
}

bool adaptation_unpack(const struct adaptation_plan *plan, struct adaptation *a,
                       const uint8_t bytes[], size_t size)
{
    struct adaptation_head head;
    const size_t bank = model_bank_used(plan->adapt.bank->n);
    if (size < sizeof head) {
        return false;
    }
    memcpy(&head, bytes, sizeof head);
    if (!head_is_valid(plan, &head)) {
        return false;
    }
    const size_t start = head.n > 0 ? bank : 0;
    const size_t half = head.n_half > 0 ? bank : 0;
    const size_t trials = (size_t)head.n * sizeof(model_adapt_trial);
    uint64_t n[2] = {plan->adapt.bank->n, plan->adapt.bank->n};
    if (size != sizeof head + start + half + trials) {
        return false;
    }
    bytes += sizeof head;
    if (start > 0) {
        memcpy(&n[0], bytes + offsetof(model_bank, n), sizeof n[0]);
    }
    if (half > 0) {
        memcpy(&n[1], bytes + start + offsetof(model_bank, n), sizeof n[1]);
    }
    if (n[0] != plan->adapt.bank->n || n[1] != plan->adapt.bank->n) {
        return false;
    }
    a->head = head;
    memcpy(&a->start, bytes, start);
    memcpy(&a->half, bytes + start, half);
    memcpy(parts_of(plan, a).trials, bytes + start + half, trials);
    return true;
}

int adaptation_restore(const struct adaptation_plan *plan, struct adaptation *a,
                       const float present[], const float before[])
{
    const struct parts parts = parts_of(plan, a);
    const size_t bytes = model_adapt_values(&plan->adapt) * sizeof(float);
    const bool is_there =
        (a->head.id == 0 || present != NULL) && (a->head.id_before == 0 || before != NULL);
    if (!is_there || (a->head.id != 0 &&
                      model_adapt_build(&plan->adapt, present, parts.nets, &a->bank) != MODEL_OK)) {
        a->head.id = a->head.id_before = 0;
        return -1;
    }
    if (a->head.id != 0) {
        memcpy(parts.present, present, bytes);
        memcpy(parts.before, a->head.id_before != 0 ? before : plan->adapt.population, bytes);
    }
    return 0;
}

model_adapt_window adaptation_window(const struct adaptation_plan *plan, const struct adaptation *a)
{
    const struct parts parts = parts_of(plan, a);
    return (model_adapt_window){.start = &a->start,
                                .n_trials = (size_t)a->head.n,
                                .trials = parts.trials,
                                .present =
                                    a->head.id != 0 ? parts.present : plan->adapt.population};
}

int adaptation_take(const struct adaptation_plan *plan, struct adaptation *a, const float values[],
                    int64_t id)
{
    const struct parts parts = parts_of(plan, a);
    const size_t bytes = model_adapt_values(&plan->adapt) * sizeof values[0];
    if (model_adapt_build(&plan->adapt, values, parts.nets, &a->bank) != MODEL_OK) {
        if (a->head.id != 0) { /* what was built over */
            (void)model_adapt_build(&plan->adapt, parts.present, parts.nets, &a->bank);
        }
        return -1;
    }
    memcpy(parts.before, adaptation_window(plan, a).present, bytes);
    memcpy(parts.present, values, bytes);
    a->head.id_before = a->head.id;
    a->head.id = a->head.last = id;
    return 0;
}

bool adaptation_undo(const struct adaptation_plan *plan, struct adaptation *a, int64_t id)
{
    const struct parts parts = parts_of(plan, a);
    if (a->head.id == 0) {
        return false;
    }
    if (a->head.id_before != 0) {
        memcpy(parts.present, parts.before,
               model_adapt_values(&plan->adapt) * sizeof parts.present[0]);
        (void)model_adapt_build(&plan->adapt, parts.present, parts.nets, &a->bank);
    }
    a->head.id = a->head.id_before;
    a->head.id_before = 0;
    a->head.last = id;
    return true;
}
