#include "advice_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "progress.h"
#include "recorded_models.h"

/* The correct side; at zero contrast, if it is not stated, that of a rewarded choice. */
static int8_t side_of(const model_trial *t)
{
    const int8_t side = model_trial_side(t->side, t->contrast);
    return side >= 0 ? side : t->choice == 1 && t->reward > 0.5;
}

/* The rig that showed these trials, as far as they tell: the stage follows from the moves. */
static void follow_rig(struct advice_report *a, const struct trial_history_trial *t)
{
    const model_protocol *p = &a->animal.protocol.protocol;
    if (t->starts_session || a->animal.rig.session < 0) {
        model_protocol_start_session(&a->animal.rig, p);
        a->start_stage = (uint32_t)a->animal.rig.stage;
    }
    const model_trial *trial = &t->trial;
    const model_protocol_trial shown = {.contrast = trial->contrast,
                                        .p_left = t->p_left,
                                        .side = side_of(trial),
                                        .stage = model_protocol_next_stage(&a->animal.rig, p)};
    (void)model_protocol_push(&a->animal.rig, p, &shown, trial->choice, trial->rt_s);
}

static int take_trial(void *context, size_t i, const struct trial_history_trial *t)
{
    struct advice_report *a = context;
    const model_bank_params *params = &a->animal.model.bank;
    (void)i;
    if (t->starts_session) {
        model_bank_start_session(&a->bank, params);
        model_rate_grid_start_session(&a->pace, params);
    }
    const int status = model_bank_observe(&a->bank, params, &t->trial, NULL);
    follow_rig(a, t);
    return status != MODEL_OK ? status : model_rate_grid_observe(&a->pace, params, &t->trial);
}

static int follow(struct advice_report *a, struct fault *fault)
{
    model_bank_init(&a->bank, &a->animal.model.bank);
    model_rate_grid_init(&a->pace, &a->animal.model.bank);
    model_protocol_init(&a->animal.rig, &a->animal.protocol.protocol,
                        (uint64_t)a->request->animal.seed, 0);
    return known_animal_follow(&a->animal, "following", take_trial, a, fault);
}

/* Where the next trial stands; an animal without trials stands before its first session. */
static int place_rig(struct advice_report *a, struct fault *fault)
{
    const struct known_animal_request *r = a->animal.request;
    const model_protocol *p = &a->animal.protocol.protocol;
    if (a->animal.rig.session < 0) {
        model_protocol_start_session(&a->animal.rig, p);
    }
    if (r->stage != NULL) {
        return known_animal_enter(&a->animal, &a->start_stage, fault);
    }
    if (model_protocol_next_stage(&a->animal.rig, p) != (uint32_t)a->animal.rig.stage) {
        model_protocol_enter(&a->animal.rig, model_protocol_next_stage(&a->animal.rig, p));
    }
    return FAULT_NONE;
}

/* "contrast,side": only these; none chosen: all. */
static void take_allowed(struct advice_report *a)
{
    const struct option_word *allowed = &a->request->allowed;
    for (size_t i = 0; i < allowed->n && allowed->chosen != NULL; i++) {
        a->config.allowed[i] = option_word_has(allowed, allowed->word[i]);
    }
}

static int configure(struct advice_report *a, struct fault *fault)
{
    const struct advice_report_request *r = a->request;
    model_curriculum_default(&a->config);
    a->config.horizon = (uint32_t)r->horizon;
    a->config.rollouts = (uint32_t)r->rollouts;
    a->config.first = a->config.first < a->config.rollouts ? a->config.first : a->config.rollouts;
    a->config.reward_floor = r->reward_floor;
    a->config.largest_change = r->largest_change;
    take_allowed(a);
    const size_t size = model_curriculum_size(&a->animal.model.bank, &a->config);
    a->memory = size > 0 ? aligned_alloc(MODEL_NET_ALIGN, size) : NULL;
    if (a->memory == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for %" PRId64 " roll-outs", r->rollouts);
    }
    (void)model_curriculum_init(a->memory, size, &a->animal.model.bank, &a->config, &a->curriculum);
    return FAULT_NONE;
}

static bool is_interrupted(void *context)
{
    (void)context;
    return progress_interrupted();
}

static int ask(struct advice_report *a, struct fault *fault)
{
    const model_protocol *p = &a->animal.protocol.protocol;
    const model_curriculum_training training = {
        .place = {p, p, p, (uint32_t)a->animal.rig.stage, a->start_stage}, .rig = &a->animal.rig};
    if (model_curriculum_advise(a->curriculum, &a->pace, &training,
                                (uint64_t)a->request->animal.seed, is_interrupted, NULL,
                                &a->advice) != MODEL_OK) {
        return fault_set(
            fault, FAULT_INPUT,
            "%s: the last stage has no stimulus with contrast; advice needs one to train for",
            a->request->animal.protocol);
    }
    return a->advice.why == MODEL_CURRICULUM_STOPPED ? fault_set(fault, FAULT_WORK, "interrupted")
                                                     : FAULT_NONE;
}

/* A rig that goes on from the snapshot, to say how likely what was shown is in its protocol. */
struct rig {
    const model_protocol *protocol;
    model_protocol_state state;
    double nats; /* log likelihood of the contrasts; each held off 0: a rig may err */
};

static void rig_hear(struct rig *rig, const struct trial_history_trial *t)
{
    const uint32_t stage = model_protocol_next_stage(&rig->state, rig->protocol);
    const double p_left = rig->protocol->stage[stage].p_left;
    const double contrast = t->trial.contrast;
    const model_protocol_trial shown = {
        .contrast = contrast, .side = side_of(&t->trial), .stage = stage};
    if (!model_protocol_debiases(&rig->state, rig->protocol, stage, NULL)) {
        const double chance = model_protocol_probability(rig->protocol, stage, contrast, p_left);
        rig->nats += log(fmax(chance, 1e-3));
    }
    (void)model_protocol_push(&rig->state, rig->protocol, &shown, t->trial.choice, t->trial.rt_s);
}

static void take_later(struct advice_report *a)
{
    static model_protocol changed;
    const model_protocol *p = &a->animal.protocol.protocol;
    uint32_t stage = (uint32_t)a->animal.rig.stage;
    const model_protocol_change_place place = {p, p, p, stage, a->start_stage};
    struct rig base = {p, a->animal.rig, 0.0};
    struct rig other = {&changed, a->animal.rig, 0.0};
    double known = 0.0;
    if (a->advice.n > 0 && model_protocol_change_apply(&changed, &stage, &place,
                                                       &a->advice.action[0].change) == MODEL_OK) {
        model_protocol_change_carry(&other.state, p, &changed);
        if (stage != (uint32_t)a->animal.rig.stage) {
            model_protocol_enter(&other.state, stage);
        }
    } else {
        other = base;
    }
    for (size_t i = a->animal.at; i < a->animal.past.n && a->later.n < a->config.horizon; i++) {
        const struct trial_history_trial *t = &a->animal.past.trials[i];
        a->later.n++;
        if (!isnan(t->trial.reward)) {
            a->later.rewarded += t->trial.reward;
            known += 1.0;
        }
        rig_hear(&base, t);
        rig_hear(&other, t);
    }
    a->later.nats_more = other.nats - base.nats;
    a->later.rewarded = known > 0.0 ? a->later.rewarded / known : (double)NAN;
}

int advice_report_make(struct advice_report *a, const struct advice_report_request *request,
                       struct fault *fault)
{
    const struct known_animal_request *animal = &request->animal;
    a->request = request;
    int rc = recorded_models_protocol(animal->path, animal->protocol, &a->animal.protocol, fault);
    rc = rc ? rc : known_animal_open(&a->animal, animal, fault);
    rc = rc ? rc : configure(a, fault);
    rc = rc ? rc : follow(a, fault);
    rc = rc ? rc : place_rig(a, fault);
    rc = rc ? rc : ask(a, fault);
    if (rc == FAULT_NONE) {
        take_later(a);
    }
    return rc;
}

void advice_report_close(struct advice_report *a)
{
    known_animal_close(&a->animal);
    free(a->memory);
}
