/* model/protocol_change.h - what may be changed in the training of an animal: each kind of change
 * as a pure function from one protocol to another.
 *
 * What each does: docs/advice.md, section changes. A change starts from three descriptions: the one
 * that was declared, from which it takes contrasts and stages; the one in force when the session
 * started, from which it goes no further than its size; and the one in force now. All three have
 * the same stages.
 * Threads: any, on different objects. Memory: the caller's; nothing allocates. RT-safe: yes, O(size
 * of a model_protocol).
 */
#pragma once

#include "model/protocol.h"

/* X(NAME, name, parameter, help). */
#define MODEL_PROTOCOL_CHANGE_LIST(X)                                                              \
    X(CARRY_ON, carry_on, "", "the protocol as it is")                                             \
    X(EASIER, easier, "part", "so much of the probability to the stimuli of the stage before")     \
    X(HARDER, harder, "part", "so much of the probability to the stimuli of the stage after")      \
    X(CONTRAST, contrast, "contrast, part", "so much of the probability to one contrast")          \
    X(SIDE, side, "p_left", "left stimuli more often, or less")                                    \
    X(STIMULI, stimuli, "contrast, part, p_left", "both: one contrast, and one side, more often")  \
    X(DEBIAS, debias, "repeat", "what follows an error: nothing, its stimulus, or its contrast")   \
    X(STAGE_UP, stage_up, "stage", "the next stage now")                                           \
    X(STAGE_DOWN, stage_down, "stage", "back to the stage before")                                 \
    X(BLOCKS, blocks, "factor", "blocks so many times as long")                                    \
    X(STOP, stop, "", "no more trials in this session")

#define MODEL_PROTOCOL_CHANGE_ENUM(NAME, name, parameter, help) MODEL_PROTOCOL_CHANGE_##NAME,
typedef enum {
    MODEL_PROTOCOL_CHANGE_LIST(MODEL_PROTOCOL_CHANGE_ENUM) MODEL_PROTOCOL_CHANGES
} model_protocol_change_kind;
#undef MODEL_PROTOCOL_CHANGE_ENUM

/* Probability that a contrast of the stage as it was keeps, at least. */
#define MODEL_PROTOCOL_CHANGE_KEPT 0.02

typedef struct {
    model_protocol_change_kind kind;
    uint32_t stage;  /* stage_up, stage_down: where to */
    double contrast; /* contrast, stimuli: magnitude */
    double part;     /* easier, harder, contrast, stimuli: of the probability, 0..1 */
    double p_left;   /* side, stimuli */
    double factor;   /* blocks; debias: a model_protocol_debias_kind */
} model_protocol_change;

typedef struct {
    const model_protocol *declared;
    const model_protocol *start; /* in force when the session started */
    const model_protocol *now;
    uint32_t stage;       /* of the next trial */
    uint32_t start_stage; /* when the session started */
} model_protocol_change_place;

/* NULL outside the list. Valid forever. */
const char *model_protocol_change_name(model_protocol_change_kind kind);

/* MODEL_OK and *out, or MODEL_ERR_ARG for an unknown name. */
int model_protocol_change_parse(model_protocol_change_kind *out, const char *name);

/* Makes the protocol that the change leads to, and the stage in which training goes on. MODEL_OK;
 * or MODEL_ERR_ARG: there is nothing that it could change, and *out is undefined. *out passes
 * model_protocol_check() if the three protocols do. */
int model_protocol_change_apply(model_protocol *out, uint32_t *stage,
                                const model_protocol_change_place *place,
                                const model_protocol_change *change);

/* How far two stages are from each other: the larger of the distance of their contrasts (total
 * variation, 0..1) and that of p_left. */
double model_protocol_change_distance(const model_protocol_stage *a, const model_protocol_stage *b);

/* The rig's memory of an animal under another description of its stage: the windows of contrasts
 * that both have stay, and so do all counters. */
void model_protocol_change_carry(model_protocol_state *state, const model_protocol *from,
                                 const model_protocol *to);

/* The contrasts above 0 of all stages, falling: contrast[MODEL_PROTOCOL_CONTRASTS]. Returns how
 * many, the highest ones if there are more. */
uint32_t model_protocol_change_contrasts(const model_protocol *protocol, double contrast[]);

/* The stage that training leads to: the first one that no move leads out of, or the last. */
uint32_t model_protocol_change_goal(const model_protocol *protocol);

/* The stage before, and the stage after, or n_stages. */
uint32_t model_protocol_change_below(const model_protocol *protocol, uint32_t stage);
uint32_t model_protocol_change_above(const model_protocol *protocol, uint32_t stage);
