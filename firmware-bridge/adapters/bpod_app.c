/* The APP port of a Bpod state machine (r2+, firmware 23 and later): the second USB port, on which
 * each output action {'APP_SoftCode', N} writes the byte N as its state begins. No framing, no
 * clock: the time of receipt is the time of a mark.
 *
 * Of a mapping, the sections marks, stimulus and fixed are read (bridge/trial_marks.h): a CODE is
 * the byte, from 0 to 255. */
#include <stdlib.h>

#include "bridge/trial_marks.h"

static const char *const SECTIONS[] = {"marks", "stimulus", "fixed", NULL};

struct bpod_app {
    struct bridge_trial_marks marks;
    const uint8_t *bytes; /* the caller's, not used yet */
    size_t size;
    double t_s;
    int64_t n; /* bytes so far */
};

static int open_stream(struct bridge_source *s, const struct bridge_stream_start *start)
{
    struct bpod_app *b = calloc(1, sizeof *b);
    if (b == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    if (bridge_mapping_check(s, SECTIONS) != 0 ||
        bridge_trial_marks_open(&b->marks, s, start, "Bpod", PROTO_NIL) != 0) {
        free(b);
        return -1;
    }
    s->state = b;
    return 0;
}

static void close_stream(struct bridge_source *s)
{
    free(s->state);
}

static void push(struct bridge_source *s, const struct bridge_part part[], size_t n, double t_s)
{
    struct bpod_app *b = s->state;
    b->bytes = part[n - 1].bytes;
    b->size = part[n - 1].size;
    b->t_s = t_s;
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct bpod_app *b = s->state;
    int got = bridge_trial_marks_next(&b->marks, s, event);
    while (got == 0 && b->size > 0) {
        b->size--;
        bridge_trial_marks_take(&b->marks, *b->bytes++, 0, b->t_s, ++b->n);
        got = bridge_trial_marks_next(&b->marks, s, event);
    }
    return got;
}

const struct bridge_stream_format BRIDGE_STREAM_bpod_app = {
    .reader = {.name = "bpod-app",
               .about = "bytes of a Bpod's APP port, by a mapping",
               .takes_mapping = true,
               .next = next,
               .close = close_stream},
    .open = open_stream,
    .push = push};
