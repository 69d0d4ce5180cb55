/* model/protocol.h - the program that trains an animal: which stimulus it is shown, which choice is
 * correct, when it advances. A description in stages, and the rig's state while one animal is
 * trained with it.
 *
 * Rules and symbols: docs/protocols.md. The description is const, plain memory, and shared by any
 * number of animals; it is read from YAML by daemon/protocol_file.h. The state of one animal is
 * model_protocol_state, plain memory without pointers or padding. One trial is next(), the animal's
 * choice, push().
 * Threads: one owner per state; descriptions may be read by all. Memory: the caller's; nothing
 * allocates. RT-safe: all but check and finish.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/random.h"

enum {
    MODEL_PROTOCOL_STAGES = 16,
    MODEL_PROTOCOL_CONTRASTS = 12, /* of a stage; signed ones are twice as many */
    MODEL_PROTOCOL_BLOCKS = 4,     /* probabilities that blocks change between */
    MODEL_PROTOCOL_MOVES = 4,      /* transitions out of a stage */
    MODEL_PROTOCOL_TESTS = 8,      /* that must all hold for one of them */
    MODEL_PROTOCOL_WINDOW = 64,    /* longest window of a performance test, trials */
    MODEL_PROTOCOL_RECENT = 256,   /* longest window over all stimuli, trials */
    MODEL_PROTOCOL_NAME = 48
};

/* What a response is. go_nogo: choice 1 is go; a stimulus on the right asks for it, one on the left
 * asks to withhold, and "left" is withholding. */
#define MODEL_PROTOCOL_TASK_LIST(X)                                                                \
    X(CHOICE, choice, "two alternatives, left and right")                                          \
    X(GO_NOGO, go_nogo, "go for a stimulus with positive contrast, withhold for a negative one")

/* How the correct side of a stimulus without contrast is drawn. */
#define MODEL_PROTOCOL_ZERO_LIST(X)                                                                \
    X(P_LEFT, p_left, "like any other side, left with p_left")                                     \
    X(LEFT, left, "always left")                                                                   \
    X(RIGHT, right, "always right")

/* What follows an error, or a bias. */
#define MODEL_PROTOCOL_DEBIAS_LIST(X)                                                              \
    X(NONE, none, "nothing: every trial is drawn anew")                                            \
    X(REPEAT, repeat, "the same stimulus on the same side until it is answered correctly")         \
    X(RESAMPLE, resample,                                                                          \
      "the same contrast; right if N(share of left among the last answers, sd) >= 0.5")

/* The quantity of a test. Counters are reset with each stage; and, where the
 * protocol says `counters: session`, with each session. */
#define MODEL_PROTOCOL_TEST_LIST(X)                                                                \
    X(PERFORMANCE, performance,                                                                    \
      "of +`contrast` and of -`contrast`: correct ones among the last `window` of them, / window") \
    X(ACCURACY, accuracy,                                                                          \
      "correct ones among the last `window` trials; not before there are so many")                 \
    X(BIAS, bias, "distance of the share of right among the last `window` answers from 0.5")       \
    X(TRIALS, trials, "trials in the stage")                                                       \
    X(SESSIONS, sessions, "sessions begun in the stage")

#define MODEL_PROTOCOL_ENUM(NAME, name, help) MODEL_PROTOCOL_##NAME,
typedef enum {
    MODEL_PROTOCOL_TASK_LIST(MODEL_PROTOCOL_ENUM) MODEL_PROTOCOL_TASKS
} model_protocol_task;
#undef MODEL_PROTOCOL_ENUM
#define MODEL_PROTOCOL_ENUM(NAME, name, help) MODEL_PROTOCOL_ZERO_##NAME,
typedef enum {
    MODEL_PROTOCOL_ZERO_LIST(MODEL_PROTOCOL_ENUM) MODEL_PROTOCOL_ZEROS
} model_protocol_zero;
#undef MODEL_PROTOCOL_ENUM
#define MODEL_PROTOCOL_ENUM(NAME, name, help) MODEL_PROTOCOL_DEBIAS_##NAME,
typedef enum {
    MODEL_PROTOCOL_DEBIAS_LIST(MODEL_PROTOCOL_ENUM) MODEL_PROTOCOL_DEBIASES
} model_protocol_debias_kind;
#undef MODEL_PROTOCOL_ENUM
#define MODEL_PROTOCOL_ENUM(NAME, name, help) MODEL_PROTOCOL_TEST_##NAME,
typedef enum {
    MODEL_PROTOCOL_TEST_LIST(MODEL_PROTOCOL_ENUM) MODEL_PROTOCOL_TEST_KINDS
} model_protocol_test_kind;
#undef MODEL_PROTOCOL_ENUM

typedef struct {
    model_protocol_test_kind kind;
    bool is_above;   /* holds if the value is above the limit, strictly; otherwise if below it.
                        trials and sessions: at it is enough */
    uint32_t window; /* trials: 1..MODEL_PROTOCOL_WINDOW for performance, ..RECENT for the others */
    double contrast; /* performance: magnitude, 0..1 */
    double limit;
} model_protocol_test;

/* A move out of a stage, checked before each trial; or only when a session starts, with the
 * counters as the session before left them. */
typedef struct {
    uint32_t to; /* number of the stage */
    bool at_session_start;
    uint32_t n_tests; /* all must hold */
    model_protocol_test test[MODEL_PROTOCOL_TESTS];
} model_protocol_move;

/* Probabilities of a left stimulus that change within a session. The first block has p_left[0] of
 * the stage for `first` trials; then one of `value`, drawn with equal chance, and never twice the
 * same in a row. Lengths are whole: an exponential of that mean, given that it lies in min..max,
 * rounded down. */
typedef struct {
    uint32_t n;     /* values; 0: no blocks */
    uint32_t first; /* trials of the first block; 0: there is none */
    double value[MODEL_PROTOCOL_BLOCKS];
    double mean;  /* of the exponential that lengths are drawn from, trials */
    uint32_t min; /* 1 or more */
    uint32_t max; /* reached only where it is min */
} model_protocol_blocks;

typedef struct {
    model_protocol_debias_kind kind;
    double contrast;  /* only after errors with at least this contrast, in the same session */
    uint32_t window;  /* resample: answers of the session that the share is over, at most
                         MODEL_PROTOCOL_WINDOW; 0: all of them */
    uint32_t rows;    /* resample: 0; or the share is of this many trials of the session, less its
                         no-gos, where those that are still to come are none of left */
    double sd;        /* resample; > 0 */
    bool after_no_go; /* a no-go counts as an error here */
} model_protocol_debias;

typedef struct {
    char name[MODEL_PROTOCOL_NAME];
    uint32_t n_contrasts;
    double contrast[MODEL_PROTOCOL_CONTRASTS];    /* magnitudes, 0..1, falling, each once */
    double probability[MODEL_PROTOCOL_CONTRASTS]; /* of each, both sides together; their sum is 1 */
    int8_t only[MODEL_PROTOCOL_CONTRASTS]; /* -1, 1: shown only on the left, right; 0: both */
    double left[MODEL_PROTOCOL_CONTRASTS]; /* probability of left of each, whatever p_left is; 0:
                                              p_left's */
    double p_left;                         /* without blocks, and in the first one */
    model_protocol_zero zero;
    model_protocol_blocks blocks;
    model_protocol_debias debias;
    double p_reward[2][2]; /* [side: 0 left, 1 right][choice: 0 left, 1 right] */
    double reward_ul;      /* volume of one */
    uint32_t n_moves;
    model_protocol_move move[MODEL_PROTOCOL_MOVES]; /* the first that holds is made */
} model_protocol_stage;

typedef struct {
    char name[MODEL_PROTOCOL_NAME];
    model_protocol_task task;
    uint32_t n_stages;
    model_protocol_stage stage[MODEL_PROTOCOL_STAGES];
    uint32_t first_stage;
    bool counters_per_session; /* counters and windows are reset with each session */
    bool counts_drawn;  /* a trial counts for its test `trials` when it is drawn, before the test:
                           the  stage that a session begins in ends a trial early */
    bool carries_stage; /* the stage is kept from session to session ... */
    uint32_t carry_trials; /* ... after sessions with at least this many trials */
    uint32_t trials_min;   /* trials of a session are drawn with equal chance from min..max */
    uint32_t trials_max;
    double minutes_max;  /* a session ends after this; 0: never */
    double trial_s;      /* duration of a trial without the reaction time */
    uint32_t no_gos_max; /* a session ends after this many no-gos in a row; 0: never */
} model_protocol;

/* The rig's state for one animal. Bits of windows: newest lowest. */
typedef struct {
    model_random random;
    int64_t session;        /* from 0; -1 before the first */
    int64_t trial;          /* trials of this session so far */
    int64_t n_trials;       /* of all sessions */
    int64_t stage;          /* of the next trial, or of the last one */
    int64_t carried_stage;  /* where the next session begins, if this one is too short */
    int64_t shown_stage;    /* of the last trial; -1 before the first */
    int64_t stage_trials;   /* of this stage, since its counters began */
    int64_t stage_sessions; /* sessions begun in this stage */
    int64_t session_trials; /* how many this session may have */
    double minutes;         /* of this session */
    double p_left;          /* of the block */
    int64_t block;          /* number of the block in the session, from 0; -1 before the first */
    int64_t block_left;     /* trials until it ends */
    /* Correct ones of each contrast of the stage: [2 i] left; [2 i + 1] right, and all of zero. */
    uint64_t window[2 * MODEL_PROTOCOL_CONTRASTS];
    uint64_t correct[MODEL_PROTOCOL_RECENT / 64]; /* of the last trials */
    uint64_t right[MODEL_PROTOCOL_RECENT / 64];   /* of the last answers */
    int64_t n_answers;                            /* since the counters began */
    uint64_t session_left;                        /* left ones among the last answers */
    int64_t session_answers;                      /* of this session */
    int64_t session_lefts;                        /* of these, left */
    double contrast;                              /* of the last trial, signed */
    int64_t side;                                 /* of the last trial: 1 right, 0 left */
    int64_t is_error; /* 1: the last trial of this session was answered wrongly; 2: not at all */
    int64_t no_gos;   /* trials of this session since the last choice */
} model_protocol_state;

/* What is shown next. */
typedef struct {
    double contrast; /* signed, right positive; 0 has no sign */
    double p_left;   /* of the block */
    int8_t side;     /* correct: 1 right, 0 left */
    bool is_repeat;  /* a debias or correction trial */
    bool is_move;    /* the stage is another one than that of the trial before */
    uint32_t stage;
} model_protocol_trial;

/* Names and sentences of the lists above; NULL outside them. */
const char *model_protocol_task_name(model_protocol_task task);
const char *model_protocol_zero_name(model_protocol_zero zero);
const char *model_protocol_debias_name(model_protocol_debias_kind kind);
const char *model_protocol_test_name(model_protocol_test_kind kind);

/* Where a description is wrong, and how. */
typedef struct {
    int32_t stage;   /* -1: of the whole protocol */
    int32_t move;    /* of the stage; -1: none */
    int32_t test;    /* of the move; -1: none */
    const char *key; /* as in YAML; valid forever */
    char text[200];  /* what, and what was expected */
} model_protocol_fault;

/* MODEL_OK; or MODEL_ERR_ARG with *fault. All else here requires a description that passed. Every
 * stage can be reached by moves, and from every stage one without moves. */
int model_protocol_check(const model_protocol *protocol, model_protocol_fault *fault);

/* Whether an animal that does everything right, or everything wrong where that is required, reaches
 * a stage without moves. MODEL_OK; or MODEL_ERR_ARG, and *fault says where it is stuck and why. */
int model_protocol_finish(const model_protocol *protocol, model_protocol_fault *fault);

/* Number of the stage with that name, or n_stages. */
uint32_t model_protocol_find(const model_protocol *protocol, const char *stage);

/* An untrained animal; its draws are stream `stream` of the seed. */
void model_protocol_init(model_protocol_state *state, const model_protocol *protocol, uint64_t seed,
                         uint64_t stream);

void model_protocol_start_session(model_protocol_state *state, const model_protocol *protocol);

/* Moves on if a move holds, and draws the next trial. False if the session is over. */
bool model_protocol_next(model_protocol_state *state, const model_protocol *protocol,
                         model_protocol_trial *trial);

/* The trial's end: choice 1 right, 0 left, -1 none; rt_s as reported, NaN unknown. Returns the
 * reward, 0 or 1. The trial may also come from elsewhere, as a recorded one: what is known of it is
 * its contrast, side and stage, and the state follows it. A contrast that the stage does not have
 * enters no performance. */
double model_protocol_push(model_protocol_state *state, const model_protocol *protocol,
                           const model_protocol_trial *trial, int choice, double rt_s);

/* Stage that the next trial will be of. Reads only. */
uint32_t model_protocol_next_stage(const model_protocol_state *state,
                                   const model_protocol *protocol);

/* Puts the animal into a stage, its counters at 0. */
void model_protocol_enter(model_protocol_state *state, uint32_t stage);

/* True if the next trial is a debias trial when it is of that stage; *p_right (may be NULL) is then
 * the probability that it is on the right. Reads only. */
bool model_protocol_debiases(const model_protocol_state *state, const model_protocol *protocol,
                             uint32_t stage, double *p_right);

/* Probability that a contrast of the stage, by its number there, is on the left at that p_left. */
double model_protocol_left(const model_protocol_stage *stage, uint32_t at, double p_left);

/* Probability of a signed contrast in a stage at a block's p_left, debias trials apart. */
double model_protocol_probability(const model_protocol *protocol, uint32_t stage, double contrast,
                                  double p_left);
