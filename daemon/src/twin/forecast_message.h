/* forecast_message.h - a forecast as the message `forecast`, and its reading.
 *
 * Threads: any. Memory: none kept.
 */
#pragma once

#include "config.h"
#include "model/forecast.h"
#include "proto/message.h"

enum {
    FORECAST_MESSAGE_WINDOWS = 32, /* that a message holds; a forecast's first ones */
    FORECAST_MESSAGE_TIME_MAX = 24
};

/* Fills in a message of kind forecast but for its envelope. task and criterion: the forecast's;
 * based_on: the last trial that was known. RT-safe: no. */
void forecast_message_message(const model_forecast_result *result, const model_forecast_task *task,
                              const model_forecast_criterion *criterion, int64_t based_on,
                              proto_message *out);

/* The criterion that a configuration names. RT-safe: yes. */
model_forecast_criterion forecast_message_criterion(const struct config_forecast *config);

/* When a criterion is met, in its band's unit. */
void forecast_message_when(proto_outlook *out, const char *unit, const model_forecast_band *band,
                           double p_reached);

/* A time of an outlook, whole, or "later" where it lies beyond the horizon:
 * out[FORECAST_MESSAGE_TIME_MAX]. Returns out. */
const char *forecast_message_time(double value, char out[]);

/* "50% 410 to 900, 90% 280 to later": out[cap]; with_90 false: the first half. */
void forecast_message_ranges(const proto_outlook *when, bool with_90, char *out, size_t cap);
