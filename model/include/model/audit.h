/* model/audit.h - tests whether a rig follows its declared protocol: tests by betting over the
 * reported trials. Each rule of the protocol has bets against it, whose wealth is an e-value.
 *
 * Maths, bounds and figures: docs/audit.md. The stage is used as reported; if it is not reported,
 * the protocol's own counters are updated from the choices, from every stage that the session may
 * have begun in. Parameters are const and shared; model_audit is plain memory without pointers or
 * padding, of which the first model_audit_used() bytes are used.
 * Threads: one owner per animal; parameters may be read by all. Memory: the caller's; nothing
 * allocates. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/protocol.h"

/* X(NAME, name, weight, family, what to look at). Weights sum to 1 and share out the false alarms.
 * Rules of a family break together; rules of two families show another protocol. */
#define MODEL_AUDIT_RULE_LIST(X)                                                                   \
    X(CONTRAST, contrasts, 0.10, 0, "the list of contrasts and their probabilities in the stage")  \
    X(STAGE, stages, 0.25, 0, "the tests that end a stage, their counters, and what carries over") \
    X(SIDE, side, 0.10, 1, "how the side is drawn, and p_left")                                    \
    X(BLOCK, blocks, 0.05, 1, "how blocks are drawn: lengths, p_left of each")                     \
    X(ZERO, zero_side, 0.20, 2, "how the correct side is drawn where the contrast is 0")           \
    X(DEBIAS, debias, 0.05, 3, "when a trial is repeated after an error")                          \
    X(DEBIAS_SIDE, debias_side, 0.20, 3, "which answers the side of repeated trials follows")      \
    X(REWARD, reward, 0.05, 4, "the valve, and what is taken for correct")

/* X(NAME, rule, share of its weight). STAGE_0 is the first of one bet per stage. */
#define MODEL_AUDIT_BET_LIST(X)                                                                    \
    X(CONTRAST_OTHER, CONTRAST, 0.5)  /* ones that the stage does not have */                      \
    X(CONTRAST_DRAWN, CONTRAST, 0.5)  /* too many of one, too few of another */                    \
    X(STAGE_LATE, STAGE, 0.25)        /* reported: kept although its tests hold */                 \
    X(STAGE_EARLY, STAGE, 0.25)       /* reported: changed although they do not */                 \
    X(STAGE_CARRIED, STAGE, 0.1)      /* reported: not the one of the previous session's end */    \
    X(SIDE_SHARE, SIDE, 0.3)          /* recent fraction of left ones */                           \
    X(SIDE_RECENT, SIDE, 0.2)         /* the same, of fewer trials */                              \
    X(SIDE_FAIR, SIDE, 0.2)           /* half of them */                                           \
    X(SIDE_LEFT, SIDE, 0.1)           /* all of them */                                            \
    X(SIDE_RIGHT, SIDE, 0.1)          /* none */                                                   \
    X(SIDE_OTHER, SIDE, 0.1)          /* one where it is never shown */                            \
    X(ZERO_LEFT, ZERO, 0.3)           /* always */                                                 \
    X(ZERO_RIGHT, ZERO, 0.3)          /* always */                                                 \
    X(ZERO_SHARE, ZERO, 0.2)          /* recent fraction of left ones */                           \
    X(ZERO_OTHER, ZERO, 0.2)          /* the side that it never is */                              \
    X(DEBIAS_MISSING, DEBIAS, 0.5)    /* no repeat where one is due */                             \
    X(DEBIAS_UNDUE, DEBIAS, 0.5)      /* one where none is due */                                  \
    X(DEBIAS_ALL, DEBIAS_SIDE, 0.7)   /* all answers of the session, not the last ones */          \
    X(DEBIAS_FAIR, DEBIAS_SIDE, 0.1)  /* at random */                                              \
    X(DEBIAS_SAME, DEBIAS_SIDE, 0.1)  /* the side of the error */                                  \
    X(DEBIAS_SHARE, DEBIAS_SIDE, 0.1) /* recent fraction of right ones */                          \
    X(BLOCK_VALUE, BLOCK, 0.4)        /* a p_left that the stage does not have */                  \
    X(BLOCK_SHORT, BLOCK, 0.2)        /* a block ends too early */                                 \
    X(BLOCK_LONG, BLOCK, 0.2)         /* one lasts too long */                                     \
    X(BLOCK_RATE, BLOCK, 0.2)         /* ends come more or less often */                           \
    X(REWARD_RIGHT, REWARD, 0.5)      /* not for a right answer */                                 \
    X(REWARD_WRONG, REWARD, 0.5)      /* for a wrong one */                                        \
    X(STAGE_0, STAGE, 0.4)            /* not reported: the contrasts of another one */

#define MODEL_AUDIT_ENUM(NAME, name, weight, family, look) MODEL_AUDIT_##NAME,
typedef enum { MODEL_AUDIT_RULE_LIST(MODEL_AUDIT_ENUM) MODEL_AUDIT_RULES } model_audit_rule;
#undef MODEL_AUDIT_ENUM
#define MODEL_AUDIT_ENUM(NAME, rule, share) MODEL_AUDIT_BET_##NAME,
typedef enum {
    MODEL_AUDIT_BET_LIST(MODEL_AUDIT_ENUM) MODEL_AUDIT_BETS_END,
    MODEL_AUDIT_BETS = MODEL_AUDIT_BET_STAGE_0 + MODEL_PROTOCOL_STAGES
} model_audit_bet_kind;
#undef MODEL_AUDIT_ENUM

enum {
    MODEL_AUDIT_CONTRASTS = 24,                      /* magnitudes of all stages together */
    MODEL_AUDIT_CLASSES = MODEL_AUDIT_CONTRASTS + 1, /* and all others */
    MODEL_AUDIT_PATHS = MODEL_PROTOCOL_STAGES
};

typedef struct {
    model_protocol protocol;
    double sessions_per_alarm; /* a correct rig has at most one false alarm in this many */
    uint32_t n_contrasts;
    double contrast[MODEL_AUDIT_CONTRASTS]; /* magnitudes */
    double probability[MODEL_PROTOCOL_STAGES][MODEL_AUDIT_CLASSES];
} model_audit_params;

/* One finished trial, as reported. */
typedef struct {
    double contrast; /* signed, -1..1 */
    double reward;   /* above 0: given; NaN unknown */
    double p_left;   /* NaN unknown */
    int8_t choice;   /* 1 right, 0 left, -1 none */
    int8_t side;     /* correct: 1 right, 0 left, -1 unknown */
    int8_t repeat;   /* 1 a debias trial, 0 not, -1 unknown */
    bool is_gap;     /* trials of this session before it are missing */
    int32_t stage;   /* number of the stage; -1 unknown */
} model_audit_trial;

/* A sum over onsets of the wealth of one who bets against a rule since then; and the stretch of
 * trials, up to the last, over which a single one would have won most. */
typedef struct {
    double wealth;
    double run;    /* won over the stretch, a factor */
    int64_t n;     /* trials of the rule in the stretch */
    int64_t hits;  /* of these, what the bet is on */
    double seen;   /* recent trials of the rule */
    double struck; /* of these, what the bet is on */
} model_audit_bet;

/* A possible position of the rig, if the stage is not reported; the position, if it is. */
typedef struct {
    model_protocol_state rig;
    double weight;      /* probability, given the contrasts so far */
    int64_t is_partial; /* 1: the stage began before the first report */
    int64_t is_broken;  /* 1: trials since the stage began are missing */
} model_audit_path;

typedef struct {
    uint64_t n_paths;
    int64_t sessions;
    int64_t trial; /* trials of this session */
    int64_t is_in_session;
    int64_t answers;        /* since a gap in this session; from its start, a large number */
    int64_t stage_is_heard; /* in this session */
    double block_p;         /* of the current block; NaN unknown */
    int64_t block_trials;   /* of it; 0 unknown */
    int64_t block_is_first; /* 1: the session's first one */
    double block_ends;      /* recent */
    double block_expected;  /* of these, by the declared lengths */
    double drawn[MODEL_AUDIT_CLASSES];    /* recent trials of each class */
    double expected[MODEL_AUDIT_CLASSES]; /* by the declared probabilities */
    model_audit_bet bet[MODEL_AUDIT_BETS];
    double back[MODEL_AUDIT_RULES];    /* after an alarm: evidence that it is kept */
    int64_t called[MODEL_AUDIT_RULES]; /* session of the alarm, until it is followed again */
    int64_t by[MODEL_AUDIT_RULES];     /* the bet that won */
    int64_t is_new[MODEL_AUDIT_RULES]; /* 1: alarm raised, not yet reported */
    int64_t is_told[MODEL_AUDIT_RULES];
    int64_t is_foreign;    /* 1: reported that the stream is not of this protocol */
    int64_t wait;          /* trials until new alarms are reported; -1: none */
    double other_contrast; /* the last one that the stage does not have */
    int64_t stage_due; /* of the last change of stage that was missing or wrong: the right one */
    int64_t stage_heard;
    int64_t stage_before;
    int64_t is_set;  /* 1: the session began in another stage than was due; not yet told */
    int64_t set_due; /* that one */
    int64_t set_heard;
    model_audit_path path[MODEL_AUDIT_PATHS]; /* last: what is not used is never touched */
} model_audit;

/* A report. */
typedef struct {
    bool is_foreign; /* rules of several families are broken, or the contrasts are of no stage */
    uint32_t rules;  /* bit mask of those that are broken */
    model_audit_rule rule;    /* the one with the most evidence */
    model_audit_bet_kind bet; /* by which it was found */
    double e_value;           /* at least sessions_per_alarm */
    int64_t n;                /* trials of the rule that it rests on */
    int64_t hits;             /* of these, those that the bet is on */
    uint32_t stage;           /* where the rules put the animal */
    uint32_t other;           /* stages: the one that was due, or that the contrasts are of */
    uint32_t heard;           /* stages: the one reported instead */
    double contrast;          /* contrasts: the one that is most out of proportion */
    double seen, due;         /* trials of it, and by the declared probabilities */
    uint32_t fits; /* is_foreign: bit mask of the known protocols that the stream may be of; 0:
                      none, or none was tried */
} model_audit_alarm;

/* A session that began in another stage than the one before left, by their numbers. */
typedef struct {
    uint32_t due;
    uint32_t heard;
} model_audit_set;

/* Name of a rule, and where to look; NULL outside the list. */
const char *model_audit_rule_name(model_audit_rule rule);
const char *model_audit_rule_look(model_audit_rule rule);

/* The parameters for a protocol that passed model_protocol_check(). MODEL_OK; MODEL_ERR_ARG if
 * sessions_per_alarm is below 1; MODEL_ERR_SPACE if its stages have too many contrasts together. */
int model_audit_params_init(model_audit_params *params, const model_protocol *protocol,
                            double sessions_per_alarm);

/* Bytes in use. */
size_t model_audit_used(const model_audit *audit);

/* Reads the used bytes of one back: their number, or 0 and *audit in any condition if the first of
 * `size` bytes are none. They must be of the same protocol. */
size_t model_audit_unpack(model_audit *audit, const uint8_t bytes[], size_t size);

/* A new animal. */
void model_audit_init(model_audit *audit);

/* O(stages). */
void model_audit_start_session(model_audit *audit, const model_audit_params *params);

/* Pending alarms are reported at once. */
void model_audit_end_session(model_audit *audit);

/* Updates with one trial. MODEL_ERR_ARG (a value outside its range) leaves all as it was.
 * O(stages). */
int model_audit_observe(model_audit *audit, const model_audit_params *params,
                        const model_audit_trial *trial);

/* True if there is something to report, which counts as reported from now on. */
bool model_audit_take(model_audit *audit, const model_audit_params *params,
                      model_audit_alarm *alarm);

/* True if the session began in another stage than was due, which counts as told from now on. */
bool model_audit_take_set(model_audit *audit, model_audit_set *set);

/* True if no rule is called, and hardly any evidence is against one: the stream may be of this
 * protocol. */
bool model_audit_fits(const model_audit *audit);

/* The present evidence against a rule: its share of the e-value, on the scale of
 * sessions_per_alarm. */
double model_audit_e_value(const model_audit *audit, model_audit_rule rule);

/* The animal's place in the protocol: number of the most likely stage, and its probability. */
uint32_t model_audit_stage(const model_audit *audit, double *probability);

/* The rig's state for the animal on the most likely path; NULL before the first session. Valid
 * until the next change. */
const model_protocol_state *model_audit_rig(const model_audit *audit);
