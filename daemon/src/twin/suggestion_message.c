#include "suggestion_message.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 96 };

static const char WHY_BETTER[] = ": proportion correct "; /* between a change and its figures */

static void put(proto_named out[], uint32_t *n, const char *name, double value)
{
    (void)snprintf(out[*n].name, sizeof out[*n].name, "%s", name);
    out[(*n)++].value = value;
}

uint32_t suggestion_message_params(const model_protocol_change *c, proto_named out[])
{
    uint32_t n = 0;
    const bool has_contrast =
        c->kind == MODEL_PROTOCOL_CHANGE_CONTRAST || c->kind == MODEL_PROTOCOL_CHANGE_STIMULI;
    if (has_contrast) {
        put(out, &n, "contrast", c->contrast);
    }
    if (has_contrast || c->kind == MODEL_PROTOCOL_CHANGE_EASIER ||
        c->kind == MODEL_PROTOCOL_CHANGE_HARDER) {
        put(out, &n, "part", c->part);
    }
    if (c->kind == MODEL_PROTOCOL_CHANGE_SIDE || c->kind == MODEL_PROTOCOL_CHANGE_STIMULI) {
        put(out, &n, "p_left", c->p_left);
    }
    if (c->kind == MODEL_PROTOCOL_CHANGE_STAGE_UP || c->kind == MODEL_PROTOCOL_CHANGE_STAGE_DOWN) {
        put(out, &n, "stage", c->stage);
    }
    if (c->kind == MODEL_PROTOCOL_CHANGE_DEBIAS) {
        put(out, &n, "repeat", c->factor);
    }
    if (c->kind == MODEL_PROTOCOL_CHANGE_BLOCKS) {
        put(out, &n, "factor", c->factor);
    }
    return n;
}

void suggestion_message_describe(const model_protocol_change *change, const model_protocol *names,
                                 char *out, size_t cap)
{
    proto_named params[8];
    const uint32_t n = suggestion_message_params(change, params);
    const char *debias =
        model_protocol_debias_name((model_protocol_debias_kind)lround(change->factor));
    const bool to_stage = change->kind == MODEL_PROTOCOL_CHANGE_STAGE_UP ||
                          change->kind == MODEL_PROTOCOL_CHANGE_STAGE_DOWN;
    (void)snprintf(out, cap, "%s", model_protocol_change_name(change->kind));
    if (change->kind == MODEL_PROTOCOL_CHANGE_DEBIAS && debias != NULL) {
        (void)snprintf(out, cap, "debias %s", debias);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        const size_t at = strlen(out);
        if (to_stage && change->stage < names->n_stages) {
            (void)snprintf(out + at, cap - at, " to %.40s", names->stage[change->stage].name);
        } else {
            const bool is_said =
                strcmp(params[i].name, model_protocol_change_name(change->kind)) == 0;
            (void)snprintf(out + at, cap - at, "%s%s %.3g",
                           i > 0     ? ", "
                           : is_said ? ""
                                     : " ",
                           is_said ? "" : params[i].name, params[i].value);
        }
    }
}

void suggestion_message_why(const model_curriculum_advice *advice, const model_protocol *names,
                            char *out, size_t cap)
{
    char words[WORDS_MAX];
    const model_curriculum_action *best = &advice->action[0];
    if (advice->why == MODEL_CURRICULUM_ADVISES) {
        suggestion_message_describe(&best->change, names, words, sizeof words);
        (void)snprintf(out, cap, "%s%s%.3f rather than %.3f, rewarded %.2f (%.2f)", words,
                       WHY_BETTER, best->skill, advice->carry_on.skill, best->reward,
                       advice->carry_on.reward);
    } else if (advice->why == MODEL_CURRICULUM_NOT_LEARNING) {
        (void)snprintf(out, cap, "%s: probability %.2f", model_curriculum_why_text(advice->why),
                       advice->p_learns);
    } else {
        (void)snprintf(out, cap, "%s", model_curriculum_why_text(advice->why));
    }
}

void suggestion_message_words(const proto_suggestion *suggestion, char *out, size_t cap)
{
    const char *end = strstr(suggestion->why, WHY_BETTER);
    out[0] = '\0';
    if (suggestion->abstain == 1 || suggestion->actions.n == 0) {
        return;
    }
    if (end != NULL) {
        (void)snprintf(out, cap, "%.*s", (int)(end - suggestion->why), suggestion->why);
    } else {
        (void)snprintf(out, cap, "%s", suggestion->actions.v[0].action);
    }
}

model_curriculum_why suggestion_message_reason(const proto_suggestion *suggestion)
{
    if (suggestion->abstain != 1) {
        return MODEL_CURRICULUM_ADVISES;
    }
    int why = MODEL_CURRICULUM_ADVISES + 1;
    while (why < MODEL_CURRICULUM_WHYS) {
        const char *text = model_curriculum_why_text((model_curriculum_why)why);
        if (strncmp(suggestion->why, text, strlen(text)) == 0) {
            break;
        }
        why++;
    }
    return (model_curriculum_why)why;
}

static void fill_action(proto_action *to, const model_curriculum_action *from)
{
    proto_action_init(to);
    (void)snprintf(to->action, sizeof to->action, "%s",
                   model_protocol_change_name(from->change.kind));
    to->params.n = suggestion_message_params(&from->change, to->params.v);
    to->gain = from->gain;
    to->gain_lo = from->gain_lo;
    to->gain_hi = from->gain_hi;
    to->p_better = from->p_better;
}

void suggestion_message_fill(proto_message *msg, const model_curriculum_advice *advice,
                             const model_protocol *names, int64_t horizon, int64_t based_on)
{
    proto_message_init(msg, PROTO_KIND_SUGGESTION);
    proto_suggestion *s = &msg->as.suggestion;
    const uint32_t room = sizeof s->actions.v / sizeof s->actions.v[0];
    const bool is_whole = advice->why != MODEL_CURRICULUM_STOPPED;
    s->based_on = based_on;
    s->horizon = horizon;
    s->abstain = advice->why != MODEL_CURRICULUM_ADVISES;
    for (uint32_t i = 0; is_whole && i < advice->n && i < room; i++) {
        fill_action(&s->actions.v[s->actions.n++], &advice->action[i]);
    }
    suggestion_message_why(advice, names, s->why, sizeof s->why);
}
