/* log.h - lines for a person, on standard error: time, level, text.
 *
 * Not for the real-time path: what happens there reaches the log through alerts, which the journal
 * thread writes. Threads: any. Memory: none; a line is at most LOG_LINE_MAX bytes.
 */
#pragma once

#include "fault.h"

enum { LOG_LINE_MAX = 1024 };

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above this level are dropped. Set once at start. */
void log_set_level(enum log_level level);

/* The level of that name ("error", "warn", "info", "debug"), or -1. */
int log_level_of(const char *name);

void log_line(enum log_level level, const char *format, ...) FAULT_PRINTF(2, 3);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
