/* view.h - what the live terminal view knows of one animal, and how it looks.
 *
 * view_take() follows published messages; view_draw() makes a page of the state; neither touches a
 * socket, a clock or a terminal. Threads: one owner. Memory: fixed, inside struct view.
 */
#ifndef MURID_VIEW_H
#define MURID_VIEW_H

#include "canvas.h"
#include "proto/message.h"

enum {
    VIEW_TRIALS_MAX = CANVAS_HEIGHT_MAX, /* kept for the list */
    VIEW_LEVELS_MAX = 32,                /* stimuli of the psychometric curve */
    VIEW_BLOCKS_MAX = 64,                /* points of the learning curve */
    VIEW_RECENT = 50,                    /* trials that the share correct is of */
    VIEW_WIDTH_MIN = 60,
    VIEW_HEIGHT_MIN = 18
};

/* What is said of the animal's future, a line each, as they are called. */
#define VIEW_AHEAD_LIST(X)                                                                         \
    X(STATUS, status)                                                                              \
    X(FORECAST, forecast)                                                                          \
    X(ADVICE, advice)

enum view_ahead {
#define VIEW_AHEAD_ENUM(NAME, name) VIEW_AHEAD_##NAME,
    VIEW_AHEAD_LIST(VIEW_AHEAD_ENUM) VIEW_AHEADS
#undef VIEW_AHEAD_ENUM
};

/* One trial as it is shown. */
struct view_trial {
    int64_t trial;
    double stimulus; /* NaN unknown */
    double p_right;  /* predicted before the choice; NaN if no prediction was heard for it */
    int8_t choice;   /* 1 right, 0 left, -1 none */
    int8_t correct;  /* 1 yes, 0 no, -1 unknown */
};

/* Choices at one stimulus in this session. */
struct view_level {
    double stimulus;
    int n;
    int n_right;
};

/* So many trials of the learning curve, and how many were correct. */
struct view_block {
    int n;
    int n_correct;
};

struct view {
    char rig[PROTO_ID_MAX + 1];
    char subject[PROTO_ID_MAX + 1]; /* "": none heard yet */
    char session[PROTO_ID_MAX + 1];
    bool session_over;

    int64_t n_trials;                          /* heard */
    struct view_trial trials[VIEW_TRIALS_MAX]; /* ring: trial i at i % VIEW_TRIALS_MAX */
    int64_t n_predictions;                     /* heard */
    proto_prediction predictions[2];           /* the last two: number i at i % 2 */

    int n_levels;
    struct view_level levels[VIEW_LEVELS_MAX];
    int n_blocks;
    int block_size; /* trials a block; doubled whenever the blocks are full */
    struct view_block blocks[VIEW_BLOCKS_MAX];

    bool has_training, has_forecast, has_suggestion;
    proto_training training; /* the last ones */
    proto_forecast forecast;
    proto_suggestion suggestion;
    char forecast_session[PROTO_ID_MAX + 1]; /* of the trial that it is based on */
    char suggestion_session[PROTO_ID_MAX + 1];

    int64_t n_alerts;
    proto_alert alert; /* the last one */
    bool has_status;
    proto_status status;
};

/* Follows the animal of that name, or with NULL the first one heard. */
void view_init(struct view *v, const char *subject);

/* Takes up one published message. Returns true if it was a trial of the animal followed. */
bool view_take(struct view *v, const proto_message *msg);

/* Draws a page of the canvas's size; below the least size only a line that asks for more room. */
void view_draw(const struct view *v, struct canvas *canvas);

/* The trial last taken as one plain line without its end. Returns out. */
char *view_line(const struct view *v, char *out, size_t cap);

/* "status", "forecast", "advice"; NULL outside the list. */
const char *view_ahead_name(enum view_ahead ahead);

/* What was last said, with the trial that it is based on and how many trials ago that was; what
 * finds no room is left out whole. Returns out, or NULL while nothing was said. */
char *view_ahead_line(const struct view *v, enum view_ahead ahead, char *out, size_t cap);

/* The line that a message of that kind changes; VIEW_AHEADS: none. */
enum view_ahead view_ahead_of(proto_kind kind);

/* The sum of it, one line without its end: trials, score of twin, random walk and chance. */
char *view_summary(const struct view *v, char *out, size_t cap);

/* The prediction last heard, or NULL. */
const proto_prediction *view_prediction(const struct view *v);

#endif
