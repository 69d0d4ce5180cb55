#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "key_table.h"
#include "text_escape.h"

static const char *const NAMES[] = {"error", "warn", "info", "debug", NULL};
_Static_assert(sizeof NAMES / sizeof NAMES[0] == LOG_DEBUG + 2, "a name for each");

static _Atomic enum log_level max_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    max_level = level;
}

int log_level_of(const char *name)
{
    const size_t i = key_word_find(NAMES, name, strlen(name));
    return i != SIZE_MAX ? (int)i : -1;
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > max_level) {
        return;
    }
    struct timespec now;
    struct tm local;
    char stamp[32];
    char said[LOG_LINE_MAX]; /* may quote outside text */
    char text[LOG_LINE_MAX];
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    (void)strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &local);
    va_list values;
    va_start(values, format);
    (void)vsnprintf(said, sizeof said, format, values);
    va_end(values);
    (void)text_escape_show(text, sizeof text, said);
    fprintf(stderr, "%s.%03ld %-5s %s\n", stamp, now.tv_nsec / 1000000L, NAMES[level], text);
}
