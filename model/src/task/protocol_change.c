#include "model/protocol_change.h"

#include <math.h>
#include <string.h>

#define CHANGE_NAME(NAME, name, parameter, help) #name,
static const char *const NAMES[] = {MODEL_PROTOCOL_CHANGE_LIST(CHANGE_NAME)};

const char *model_protocol_change_name(model_protocol_change_kind kind)
{
    return (unsigned)kind < MODEL_PROTOCOL_CHANGES ? NAMES[kind] : NULL;
}

int model_protocol_change_parse(model_protocol_change_kind *out, const char *name)
{
    for (int i = 0; i < MODEL_PROTOCOL_CHANGES; i++) {
        if (strcmp(NAMES[i], name) == 0) {
            *out = (model_protocol_change_kind)i;
            return MODEL_OK;
        }
    }
    return MODEL_ERR_ARG;
}

static bool is_same(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

/* Number of the contrast in the stage, or n_contrasts. */
static uint32_t find(const model_protocol_stage *s, double contrast)
{
    uint32_t i = 0;
    while (i < s->n_contrasts && !is_same(s->contrast[i], contrast)) {
        i++;
    }
    return i;
}

/* The place of a contrast in the stage; it is put in with probability 0 if it is not there.
 * n_contrasts if there is no room. */
static uint32_t find_or_put(model_protocol_stage *s, double contrast, int8_t only)
{
    uint32_t at = find(s, contrast);
    if (at < s->n_contrasts || s->n_contrasts == MODEL_PROTOCOL_CONTRASTS) {
        return at;
    }
    at = s->n_contrasts++;
    for (; at > 0 && s->contrast[at - 1] < contrast; at--) {
        s->contrast[at] = s->contrast[at - 1];
        s->probability[at] = s->probability[at - 1];
        s->only[at] = s->only[at - 1];
    }
    s->contrast[at] = contrast;
    s->probability[at] = 0.0;
    s->only[at] = only;
    return at;
}

uint32_t model_protocol_change_contrasts(const model_protocol *protocol, double contrast[])
{
    model_protocol_stage all = {.n_contrasts = 0};
    for (uint32_t i = 0; i < protocol->n_stages; i++) {
        const model_protocol_stage *s = &protocol->stage[i];
        for (uint32_t k = 0; k < s->n_contrasts; k++) {
            if (s->contrast[k] > 0.0) {
                (void)find_or_put(&all, s->contrast[k], 0);
            }
        }
    }
    memcpy(contrast, all.contrast, all.n_contrasts * sizeof contrast[0]);
    return all.n_contrasts;
}

uint32_t model_protocol_change_goal(const model_protocol *protocol)
{
    uint32_t i = 0;
    while (i + 1 < protocol->n_stages && protocol->stage[i].n_moves > 0) {
        i++;
    }
    return i;
}

uint32_t model_protocol_change_above(const model_protocol *protocol, uint32_t stage)
{
    const model_protocol_stage *s = &protocol->stage[stage];
    return s->n_moves > 0 ? s->move[0].to : protocol->n_stages;
}

uint32_t model_protocol_change_below(const model_protocol *protocol, uint32_t stage)
{
    uint32_t i = 0;
    while (i < protocol->n_stages &&
           (i == stage || model_protocol_change_above(protocol, i) != stage)) {
        i++;
    }
    return i;
}

double model_protocol_change_distance(const model_protocol_stage *a, const model_protocol_stage *b)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < a->n_contrasts; i++) {
        const uint32_t at = find(b, a->contrast[i]);
        sum += fabs(a->probability[i] - (at < b->n_contrasts ? b->probability[at] : 0.0));
    }
    for (uint32_t i = 0; i < b->n_contrasts; i++) {
        sum += find(a, b->contrast[i]) == a->n_contrasts ? b->probability[i] : 0.0;
    }
    return fmax(0.5 * sum, fabs(a->p_left - b->p_left));
}

/* What a stage that is made keeps of contrasts that were there, so that tests on them can hold. */
static void keep_some(model_protocol_stage *s, const model_protocol_stage *was)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < s->n_contrasts; i++) {
        const uint32_t at = find(was, s->contrast[i]);
        const double least =
            at < was->n_contrasts ? fmin(MODEL_PROTOCOL_CHANGE_KEPT, was->probability[at]) : 0.0;
        s->probability[i] = fmax(s->probability[i], least);
        sum += s->probability[i];
    }
    for (uint32_t i = 0; i < s->n_contrasts; i++) {
        s->probability[i] /= sum;
    }
}

/* s: contrasts of `was`, with a part of the probability dealt out anew. */
static int mix(model_protocol_stage *s, const model_protocol_stage *was, double part, uint32_t n,
               const double contrast[], const double probability[], const int8_t only[])
{
    s->n_contrasts = was->n_contrasts;
    memcpy(s->contrast, was->contrast, sizeof s->contrast);
    memcpy(s->only, was->only, sizeof s->only);
    for (uint32_t i = 0; i < s->n_contrasts; i++) {
        s->probability[i] = (1.0 - part) * was->probability[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t at = find_or_put(s, contrast[i], only != NULL ? only[i] : 0);
        if (at == s->n_contrasts) {
            return MODEL_ERR_ARG;
        }
        s->probability[at] += part * probability[i];
    }
    keep_some(s, was);
    return MODEL_OK;
}

static int mix_stage(model_protocol_stage *s, const model_protocol_stage *was, double part,
                     const model_protocol *declared, uint32_t from)
{
    if (from >= declared->n_stages) {
        return MODEL_ERR_ARG;
    }
    const model_protocol_stage *other = &declared->stage[from];
    return mix(s, was, part, other->n_contrasts, other->contrast, other->probability, other->only);
}

static int lengthen(model_protocol_blocks *b, double factor)
{
    if (b->n == 0 || !(factor > 0.0)) {
        return MODEL_ERR_ARG;
    }
    b->mean = fmin(fmax(b->mean * factor, 1e-3), 1e6);
    b->min = (uint32_t)fmin(fmax(round(b->min * factor), 1.0), 1e6);
    b->max = (uint32_t)fmin(fmax(round(b->max * factor), b->min), 1e6);
    return MODEL_OK;
}

/* As it was declared; or, where no debiasing of that kind was, as at the International Brain
 * Laboratory: after errors at half of the stage's highest contrast or more, by ten answers. */
static int set_debias(model_protocol_stage *s, const model_protocol_stage *declared, double factor)
{
    const long number = lround(fmin(fmax(factor, -1.0), MODEL_PROTOCOL_DEBIASES));
    const model_protocol_debias_kind kind = (model_protocol_debias_kind)number;
    if (model_protocol_debias_name(kind) == NULL || s->debias.kind == kind) {
        return MODEL_ERR_ARG;
    }
    if (declared->debias.kind == kind) {
        s->debias = declared->debias;
    } else if (kind == MODEL_PROTOCOL_DEBIAS_RESAMPLE) {
        s->debias.contrast = 0.5 * s->contrast[0];
        s->debias.window = 10;
        s->debias.sd = 0.5;
    }
    s->debias.kind = kind;
    return MODEL_OK;
}

static int set_side(model_protocol_stage *s, double p_left)
{
    if (s->blocks.n > 0 || !(p_left >= 0.0 && p_left <= 1.0)) {
        return MODEL_ERR_ARG;
    }
    s->p_left = p_left;
    return MODEL_OK;
}

static int change_stage(uint32_t *stage, const model_protocol *declared, uint32_t to,
                        uint32_t expected)
{
    if (to != expected || to >= declared->n_stages) {
        return MODEL_ERR_ARG;
    }
    *stage = to;
    return MODEL_OK;
}

int model_protocol_change_apply(model_protocol *out, uint32_t *stage,
                                const model_protocol_change_place *place,
                                const model_protocol_change *change)
{
    static const double ALL = 1.0;
    const uint32_t at = place->stage;
    const model_protocol_stage *was = &place->start->stage[at];
    *out = *place->now;
    *stage = at;
    model_protocol_stage *s = &out->stage[at];
    switch (change->kind) {
    case MODEL_PROTOCOL_CHANGE_CARRY_ON:
    case MODEL_PROTOCOL_CHANGE_STOP:
        return MODEL_OK;
    case MODEL_PROTOCOL_CHANGE_EASIER:
        return mix_stage(s, was, change->part, place->declared,
                         model_protocol_change_below(place->declared, at));
    case MODEL_PROTOCOL_CHANGE_HARDER:
        return mix_stage(s, was, change->part, place->declared,
                         model_protocol_change_above(place->declared, at));
    case MODEL_PROTOCOL_CHANGE_STIMULI:
        if (set_side(s, change->p_left) != MODEL_OK) {
            return MODEL_ERR_ARG;
        }
        return mix(s, was, change->part, 1, &change->contrast, &ALL, NULL);
    case MODEL_PROTOCOL_CHANGE_CONTRAST:
        return mix(s, was, change->part, 1, &change->contrast, &ALL, NULL);
    case MODEL_PROTOCOL_CHANGE_SIDE:
        return set_side(s, change->p_left);
    case MODEL_PROTOCOL_CHANGE_DEBIAS:
        return set_debias(s, &place->declared->stage[at], change->factor);
    case MODEL_PROTOCOL_CHANGE_STAGE_UP:
        return change_stage(stage, place->declared, change->stage,
                            model_protocol_change_above(place->declared, at));
    case MODEL_PROTOCOL_CHANGE_STAGE_DOWN:
        return change_stage(stage, place->declared, change->stage,
                            model_protocol_change_below(place->declared, at));
    case MODEL_PROTOCOL_CHANGE_BLOCKS:
        return lengthen(&s->blocks, change->factor);
    case MODEL_PROTOCOL_CHANGES:
        break;
    }
    return MODEL_ERR_ARG;
}

void model_protocol_change_carry(model_protocol_state *state, const model_protocol *from,
                                 const model_protocol *to)
{
    const model_protocol_stage *a = &from->stage[state->stage];
    const model_protocol_stage *b = &to->stage[state->stage];
    uint64_t window[2 * MODEL_PROTOCOL_CONTRASTS] = {0};
    for (uint32_t i = 0; i < b->n_contrasts; i++) {
        const uint32_t at = find(a, b->contrast[i]);
        if (at < a->n_contrasts) {
            window[2 * i] = state->window[2 * at];
            window[2 * i + 1] = state->window[2 * at + 1];
        }
    }
    memcpy(state->window, window, sizeof window);
    if (is_same(a->p_left, b->p_left) || b->blocks.n > 0) {
        return;
    }
    state->p_left = b->p_left; /* without blocks the one of the stage holds */
}
