/* outlook.h - the message that a forecast is told in.
 *
 * Threads: any. Memory: none kept.
 */
#ifndef MURID_OUTLOOK_H
#define MURID_OUTLOOK_H

#include "model/forecast.h"
#include "proto/message.h"

enum { OUTLOOK_WINDOWS = 32 }; /* that a message holds; a forecast's first ones */

/* Fills in a message of kind forecast but for its envelope. task and criterion: the forecast's;
 * based_on: the last trial that was known. RT-safe: no. */
void outlook_message(const model_forecast_result *result, const model_forecast_task *task,
                     const model_forecast_criterion *criterion, int64_t based_on,
                     proto_message *out);

#endif
