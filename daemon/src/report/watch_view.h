/* watch_view.h - what the live view knows of one animal, from the messages that are published, and
 * the lines that say it.
 *
 * It touches no socket, clock or terminal; watch_page.h draws it. Threads: one owner. Memory:
 * fixed, inside struct watch_view.
 */
#pragma once

#include "cell_canvas.h"
#include "proto/message.h"

enum {
    WATCH_VIEW_TRIALS_MAX = CELL_CANVAS_HEIGHT_MAX, /* kept for the list */
    WATCH_VIEW_LEVELS_MAX = 32,                     /* stimuli of the psychometric curve */
    WATCH_VIEW_BLOCKS_MAX = 64,                     /* points of the learning curve */
    WATCH_VIEW_RECENT = 50                          /* trials that the fraction correct is of */
};

/* What is said of the animal's future, a line each, as they are called. */
enum watch_view_ahead {
    WATCH_VIEW_AHEAD_STATUS,
    WATCH_VIEW_AHEAD_FORECAST,
    WATCH_VIEW_AHEAD_ADVICE,
    WATCH_VIEW_AHEADS
};

struct watch_view_trial {
    int64_t trial;
    double stimulus; /* NaN unknown */
    double p_right;  /* predicted before the choice; NaN if no prediction was received for it */
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
    char subject[PROTO_ID_MAX + 1]; /* "": none received yet */
    char session[PROTO_ID_MAX + 1];
    bool session_over;

    int64_t n_trials; /* received */
    struct watch_view_trial
        trials[WATCH_VIEW_TRIALS_MAX]; /* ring: trial i at i % WATCH_VIEW_TRIALS_MAX */
    int64_t n_predictions;             /* received */
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

/* Follows the animal of that name, or with NULL the first one. */
void watch_view_init(struct watch_view *v, const char *subject);

/* Takes up one published message. Returns true if it was a trial of the animal followed. */
bool watch_view_take(struct watch_view *v, const proto_message *msg);

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

/* The prediction last received, or NULL. */
const proto_prediction *watch_view_prediction(const struct watch_view *v);

/* p(right) as predicted for that trial and stimulus before the choice; NaN if it was not. */
double watch_view_predicted(const struct watch_view *v, int64_t trial, double stimulus);

/* Number of the trial last taken; 0 before the first. */
int64_t watch_view_last(const struct watch_view *v);

/* "none", "right", "left". */
const char *watch_view_choice_name(int8_t choice);

/* "ECE 0.012, 90% holds 0.91": calibration error, and what fraction the intervals cover; "" where
 * the daemon does not say. */
void watch_view_calibration(const proto_score *s, char *out, size_t cap);
