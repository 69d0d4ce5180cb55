/* watch_view.h - what the live terminal view knows of one animal, and how it looks.
 *
 * watch_view_take() follows published messages; watch_view_draw() makes a page of the state;
 * neither touches a socket, a clock or a terminal. Threads: one owner. Memory: fixed, inside struct
 * watch_view.
 */
#ifndef MURID_WATCH_VIEW_H
#define MURID_WATCH_VIEW_H

#include "cell_canvas.h"
#include "proto/message.h"

enum {
    WATCH_VIEW_TRIALS_MAX = CELL_CANVAS_HEIGHT_MAX, /* kept for the list */
    WATCH_VIEW_LEVELS_MAX = 32,                     /* stimuli of the psychometric curve */
    WATCH_VIEW_BLOCKS_MAX = 64,                     /* points of the learning curve */
    WATCH_VIEW_RECENT = 50,                         /* trials that the fraction correct is of */
    WATCH_VIEW_WIDTH_MIN = 60,
    WATCH_VIEW_HEIGHT_MIN = 18
};

/* What is said of the animal's future, a line each, as they are called. */
#define WATCH_VIEW_AHEAD_LIST(X)                                                                   \
    X(STATUS, status)                                                                              \
    X(FORECAST, forecast)                                                                          \
    X(ADVICE, advice)

enum watch_view_ahead {
#define WATCH_VIEW_AHEAD_ENUM(NAME, name) WATCH_VIEW_AHEAD_##NAME,
    WATCH_VIEW_AHEAD_LIST(WATCH_VIEW_AHEAD_ENUM) WATCH_VIEW_AHEADS
#undef WATCH_VIEW_AHEAD_ENUM
};

/* One trial as it is shown. */
struct watch_view_trial {
    int64_t trial;
    double stimulus; /* NaN unknown */
    double p_right;  /* predicted before the choice; NaN if no prediction was heard for it */
    int8_t choice;   /* 1 right, 0 left, -1 none */
    int8_t correct;  /* 1 yes, 0 no, -1 unknown */
};

/* Choices at one stimulus in this session. */
struct watch_view_level {
    double stimulus;
    int n;
    int n_right;
};

/* So many trials of the learning curve, and how many were correct. */
struct watch_view_block {
    int n;
    int n_correct;
};

struct watch_view {
    char rig[PROTO_ID_MAX + 1];
    char subject[PROTO_ID_MAX + 1]; /* "": none heard yet */
    char session[PROTO_ID_MAX + 1];
    bool session_over;

    int64_t n_trials; /* heard */
    struct watch_view_trial
        trials[WATCH_VIEW_TRIALS_MAX]; /* ring: trial i at i % WATCH_VIEW_TRIALS_MAX */
    int64_t n_predictions;             /* heard */
    proto_prediction predictions[2];   /* the last two: number i at i % 2 */

    int n_levels;
    struct watch_view_level levels[WATCH_VIEW_LEVELS_MAX];
    int n_blocks;
    int block_size; /* trials a block; doubled whenever the blocks are full */
    struct watch_view_block blocks[WATCH_VIEW_BLOCKS_MAX];

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
void watch_view_init(struct watch_view *v, const char *subject);

/* Takes up one published message. Returns true if it was a trial of the animal followed. */
bool watch_view_take(struct watch_view *v, const proto_message *msg);

/* Draws a page of the canvas's size; below the least size only a line that asks for more room. */
void watch_view_draw(const struct watch_view *v, struct cell_canvas *canvas);

/* The trial last taken as one plain line without its end. Returns out. */
char *watch_view_line(const struct watch_view *v, char *out, size_t cap);

/* "status", "forecast", "advice"; NULL outside the list. */
const char *watch_view_ahead_name(enum watch_view_ahead ahead);

/* What was last said, with the trial that it is based on and how many trials ago that was; what
 * finds no room is left out whole. Returns out, or NULL while nothing was said. */
char *watch_view_ahead_line(const struct watch_view *v, enum watch_view_ahead ahead, char *out,
                            size_t cap);

/* The line that a message of that kind changes; WATCH_VIEW_AHEADS: none. */
enum watch_view_ahead watch_view_ahead_of(proto_kind kind);

/* The sum of it, one line without its end: trials, score of twin, random walk and chance. */
char *watch_view_summary(const struct watch_view *v, char *out, size_t cap);

/* The prediction last heard, or NULL. */
const proto_prediction *watch_view_prediction(const struct watch_view *v);

#endif
