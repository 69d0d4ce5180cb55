/* review_forecasts.h - one animal's forecasts in its journal: the last forecast, the advice, and an
 * earlier forecast compared with what was observed.
 *
 * The forecast that is compared is the latest one after which REVIEW_FORECASTS_SINCE whole windows
 * have passed, or else the first; it is never selected by its outcome.
 * Threads: one owner. Memory: review_forecasts_read(), free().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "forecast_message.h"
#include "journal_reader.h"
#include "model/curriculum.h"
#include "proto/message.h"

enum {
    REVIEW_FORECASTS_SINCE = 5,   /* windows */
    REVIEW_FORECASTS_BEFORE = 20, /* windows that are kept of what was before it */
    REVIEW_FORECASTS_LINE_MAX = 1024
};

/* A forecast, and the session of the trial that it is based on. */
struct review_forecast {
    char session[PROTO_ID_MAX + 1]; /* "": none */
    proto_forecast said;
};

/* Choices in a row, as many as a window of the forecast has once it is whole. */
struct review_window {
    int64_t n;
    int64_t n_judged; /* of these, can be told right or wrong */
    double correct;
};

struct review_forecasts {
    int64_t n_forecasts;
    struct review_forecast last;
    struct review_forecast held; /* against what was observed */
    int64_t held_event;
    int64_t n_known;  /* choices that it knew */
    int64_t n_pushed; /* choices taken up */
    struct review_window
        windows[REVIEW_FORECASTS_BEFORE + FORECAST_MESSAGE_WINDOWS]; /* before it, since */

    int64_t n_suggestions;
    int64_t n_by_reason[MODEL_CURRICULUM_WHYS + 1]; /* [ADVISES]: a change; the last: unknown */
    char advised_session[PROTO_ID_MAX + 1];
    proto_suggestion advised; /* the last that advises a change, if one does */
};

/* How often what was observed lay within the bands. */
struct review_held {
    int n; /* whole windows that were observed */
    int n_50, n_90;
};

/* Lines for people, in this order. */
enum review_forecasts_line {
    REVIEW_FORECASTS_FORECAST,
    REVIEW_FORECASTS_OBSERVED,
    REVIEW_FORECASTS_ADVICE,
    REVIEW_FORECASTS_ADVISED,
    REVIEW_FORECASTS_LINES
};

/* Reads what a journal has of the animal with that number and name; *out is NULL if that is
 * nothing, else to be given to free(). FAULT_NONE; FAULT_INPUT: a row holds what murid never
 * writes; FAULT_WORK. */
int review_forecasts_read(struct review_forecasts **out, const struct journal_reader *journal,
                          int64_t subject, const char *name, struct fault *fault);

/* Takes up the animal's next choice. correct: NaN where it cannot be told. */
void review_forecasts_push(struct review_forecasts *o, double correct);

/* True if there is a forecast with bands by window. */
bool review_forecasts_has_bands(const struct review_forecasts *o);

/* Fraction correct of a window after the forecast that is held, from 0, or before it, from -1 down;
 * NaN where the window is not whole or nothing in it can be told. */
double review_forecasts_share(const struct review_forecasts *o, int window);

struct review_held review_forecasts_held(const struct review_forecasts *o);

/* "not_learning", ...; "other": of another murid. */
const char *review_forecasts_reason_name(int reason);

/* "forecast", "observed", "advice", "advised". */
const char *review_forecasts_line_name(enum review_forecasts_line line);

/* One line, fit for a terminal: out[REVIEW_FORECASTS_LINE_MAX]. Returns out, or NULL if there is
 * nothing to say; o may be NULL. */
const char *review_forecasts_text(const struct review_forecasts *o, enum review_forecasts_line line,
                                  char out[]);
