#include "clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const int64_t NS_PER_S = 1000000000;

static int64_t read_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_wall_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}

void clock_sleep_ns(int64_t ns)
{
    const struct timespec t = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    nanosleep(&t, NULL);
}

void clock_day(int64_t wall_ns, char out[CLOCK_DAY_BYTES])
{
    const time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm local;
    out[0] = '\0';
    if (localtime_r(&seconds, &local) == NULL ||
        strftime(out, CLOCK_DAY_BYTES, "%Y-%m-%d", &local) == 0) {
        out[0] = '\0';
    }
}

void clock_day_before(const char *day, int days, char out[CLOCK_DAY_BYTES])
{
    struct tm local = {.tm_hour = 12, .tm_isdst = -1};
    out[0] = '\0';
    if (sscanf(day, "%4d-%2d-%2d", &local.tm_year, &local.tm_mon, &local.tm_mday) == 3) {
        local.tm_year -= 1900;
        local.tm_mon -= 1;
        local.tm_mday -= days;
        (void)mktime(&local);
        if (strftime(out, CLOCK_DAY_BYTES, "%Y-%m-%d", &local) == 0) {
            out[0] = '\0';
        }
    }
}

int64_t clock_boot(void)
{
    char text[40] = "";
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (f == NULL) {
        return 0;
    }
    const bool is_read = fgets(text, sizeof text, f) != NULL;
    fclose(f);
    text[8] = '\0'; /* the first of its groups of hexadecimal digits */
    return is_read ? (int64_t)strtoll(text, NULL, 16) + 1 : 0;
}
