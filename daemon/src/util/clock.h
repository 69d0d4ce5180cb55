/* clock.h - the machine's clocks. Only the loop, the journal's thread and the subcommands read
 * them; everything below takes times as arguments. Threads: any. RT-safe: yes, but for the sleep.
 */
#pragma once

#include <stdint.h>

/* Monotonic time, ns: for order and intervals. */
int64_t clock_mono_ns(void);

/* Wall clock, ns since 1970 UTC: for people. */
int64_t clock_wall_ns(void);

/* Which start of the machine this is, as a number other than 0; 0 if the system does not say. Times
 * of clock_mono_ns() can be compared if it is the same. Reads a file. */
int64_t clock_boot(void);

enum { CLOCK_DAY_BYTES = 11 };

/* The day of a wall-clock time, "YYYY-MM-DD", in this machine's time zone. */
void clock_day(int64_t wall_ns, char out[CLOCK_DAY_BYTES]);

/* The day so many days before another; "" of what is no day. */
void clock_day_before(const char *day, int days, char out[CLOCK_DAY_BYTES]);

/* Sleeps; a signal may end it early. */
void clock_sleep_ns(int64_t ns);
