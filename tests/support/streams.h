/* streams.h - messages pushed into a stream as a test writes them, and events read from it. */
#pragma once

#include <math.h>

#include "bridge/stream.h"
#include "maps.h"

static struct bridge_stream streams_one;

static inline void streams_open(const char *format, const struct bridge_mapping *map)
{
    static const struct bridge_stream_start START = {"m1", "s1"};
    char text[2048];
    if (bridge_stream_open(&streams_one, bridge_stream_find(format), "tcp://x", map, &START) != 0) {
        fail_msg("%s", bridge_why_text(&streams_one.source.why, text, sizeof text));
    }
}

static inline void streams_push(const void *bytes, size_t size, double t_s)
{
    const struct bridge_part part = {bytes, size};
    bridge_stream_push(&streams_one, &part, 1, t_s);
}

static inline void streams_push_two(const void *first, size_t first_size, const void *second,
                                    size_t second_size)
{
    const struct bridge_part part[] = {{first, first_size}, {second, second_size}};
    bridge_stream_push(&streams_one, part, 2, (double)NAN);
}

static inline struct bridge_event streams_next(enum bridge_event_kind kind)
{
    struct bridge_event event;
    char text[2048];
    if (bridge_stream_next(&streams_one, &event) != 1) {
        fail_msg("no event: %s", bridge_why_text(&streams_one.source.why, text, sizeof text));
    }
    assert_int_equal(event.kind, kind);
    return event;
}

static inline void streams_nothing(void)
{
    struct bridge_event event;
    assert_int_equal(bridge_stream_next(&streams_one, &event), 0);
}

static inline void streams_wrong(const char *words)
{
    struct bridge_event event;
    char text[2048];
    assert_int_equal(bridge_stream_next(&streams_one, &event), -1);
    (void)bridge_why_text(&streams_one.source.why, text, sizeof text);
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" stands not in: %s", words, text);
    }
}

/* The open must fail for a reason in which these words stand. */
static inline void streams_refuse(const char *format, const struct bridge_mapping *map,
                                  const char *words)
{
    static const struct bridge_stream_start START = {"m1", "s1"};
    char text[2048];
    assert_int_equal(
        bridge_stream_open(&streams_one, bridge_stream_find(format), "tcp://x", map, &START), -1);
    (void)bridge_why_text(&streams_one.source.why, text, sizeof text);
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" stands not in: %s", words, text);
    }
}

static inline void streams_trial(double stimulus, int64_t choice, double reward, double rt_s)
{
    const struct bridge_event e = streams_next(BRIDGE_TRIAL);
    assert_true(fabs(e.said.stimulus - stimulus) < 1e-9);
    assert_int_equal(e.said.choice, choice);
    assert_true(isnan(reward) ? isnan(e.said.reward) : fabs(e.said.reward - reward) < 1e-9);
    assert_true(isnan(rt_s) ? isnan(e.said.rt_s) : fabs(e.said.rt_s - rt_s) < 1e-6);
}
