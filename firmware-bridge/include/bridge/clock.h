/* bridge/clock.h - maps the clock of a device (32 bits of microseconds, wraps every 71.6 minutes)
 * to the host's monotonic nanoseconds.
 *
 * Every receipt bounds the mapping from one side (nothing is received before it was sent), every
 * sync round trip from both. From each second the receipt with the least delay is kept; offset and
 * rate are a weighted line through those of the last BRIDGE_CLOCK_POINTS seconds. docs/firmware.md
 * section "Clocks".
 *
 * Threads: one owner. Memory: plain state without pointers. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BRIDGE_CLOCK_POINTS = 32 };

/* host - device at one moment, and how wrong it may be. */
typedef struct {
    int64_t device_us; /* unwrapped */
    int64_t offset_ns; /* host ns - 1000 device_us */
    int64_t error_ns;
    int64_t until_ns; /* host: the end of the second it is the best of */
} bridge_clock_point;

typedef struct {
    bridge_clock_point points[BRIDGE_CLOCK_POINTS]; /* ring */
    uint32_t n, head;
    bool has_sync; /* the points are round trips; before the first they are receipts */
    bool is_set;
    int64_t at_us; /* unwrapped device time at at_ns: what u32 times are unwrapped against */
    int64_t at_ns;
    double rate; /* d(offset)/d(device time), ns/us; 1 ns/us is 1000 ppm */
    double rate_error;
    int64_t base_us; /* the line: offset = base_offset_ns + rate (device - base_us) */
    int64_t base_offset_ns;
    int64_t base_error_ns;
    uint32_t jumps; /* times that either clock was found to have jumped */
} bridge_clock;

/* Knows nothing. */
void bridge_clock_init(bridge_clock *c);

/* The device was reset or its clock jumped: all but the count of jumps is forgotten. */
void bridge_clock_reset(bridge_clock *c);

/* A frame stamped device_us was received at t_host_ns. */
void bridge_clock_heard(bridge_clock *c, uint32_t device_us, int64_t t_host_ns);

/* A sync sent at sent_ns was answered with device_us, received at heard_ns. */
void bridge_clock_synced(bridge_clock *c, int64_t sent_ns, uint32_t device_us, int64_t heard_ns);

/* The host's monotonic time of device_us, which must not be older than an hour before the latest
 * receipt. *error_ns (may be NULL): how far off it may be; INT64_MAX and result 0 if nothing is
 * known yet. */
int64_t bridge_clock_host_ns(const bridge_clock *c, uint32_t device_us, int64_t *error_ns);
