/* Harp: frames of a device on a serial port, or as a Bonsai workflow publishes them.
 *
 * Little-endian: type (1 read, 2 write, 3 event, and 8 where it is an error), length of what
 * follows it, address, port, kind of payload (size in its low nibble, 0x10 with a time, 0x40 real,
 * 0x80 signed), the time (u32 seconds, u16 of 32 us), the payload, and the sum of all bytes before.
 * No byte marks a beginning: where these do not agree, one byte is left out.
 *
 * Of a mapping, the sections marks, stimulus and fixed are read (bridge/trial_marks.h): a CODE is
 * the address of a register, of which an event is a mark; "32=4" if it holds 4, "32&4" if the bit
 * is set that was not. Of several elements the first counts. Errors and what is no event are not
 * marks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bytes_le.h"
#include "bridge/trial_marks.h"

static const char *const SECTIONS[] = {"marks", "stimulus", "fixed", NULL};

enum {
    EVENT = 3,
    WITH_TIME = 0x10,
    IS_REAL = 0x40,
    IS_SIGNED = 0x80,
    HEAD = 5, /* type, length, address, port, kind */
    TIME = 6,
    FRAME_MAX = 2 + 255
};

struct harp {
    struct bridge_trial_marks marks;
    const uint8_t *bytes; /* the caller's, not used yet */
    size_t size;
    uint8_t frame[FRAME_MAX];
    size_t n_frame;
    double t_s;
    int64_t n;     /* frames so far */
    int64_t n_out; /* bytes that are of no frame, not told yet */
};

static int open_stream(struct bridge_source *s, const struct bridge_stream_start *start)
{
    struct harp *h = calloc(1, sizeof *h);
    if (h == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    if (bridge_mapping_check(s, SECTIONS) != 0 ||
        bridge_trial_marks_open(&h->marks, s, start, "Harp", PROTO_NIL) != 0) {
        free(h);
        return -1;
    }
    s->state = h;
    return 0;
}

static void close_stream(struct bridge_source *s)
{
    free(s->state);
}

static void push(struct bridge_source *s, const struct bridge_part part[], size_t n, double t_s)
{
    struct harp *h = s->state;
    h->bytes = part[n - 1].bytes;
    h->size = part[n - 1].size;
    h->t_s = t_s;
}

/* May it be a frame, as far as it is there? */
static bool may_be_frame(const uint8_t *f, size_t n)
{
    static const uint8_t SIZES[] = {1, 2, 4, 8};
    const uint8_t type = n > 0 ? f[0] & (uint8_t)~8u : 1;
    if (type < 1 || type > 3 || (n > 1 && f[1] < HEAD - 1)) {
        return false;
    }
    if (n < HEAD) {
        return true;
    }
    const uint8_t size = f[4] & 0x0f;
    const size_t head = (f[4] & WITH_TIME) != 0 ? HEAD - 1 + TIME : HEAD - 1;
    return memchr(SIZES, size, sizeof SIZES) != NULL && (f[4] & 0x20) == 0 && f[1] >= head &&
           (f[1] - head) % size == 0;
}

static bool has_sum(const uint8_t *f, size_t n)
{
    uint8_t sum = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        sum = (uint8_t)(sum + f[i]);
    }
    return sum == f[n - 1];
}

/* The first element; false: there is none, or it is real and no whole number. */
static bool element(const uint8_t *f, size_t n, size_t head, int64_t *value)
{
    const size_t size = f[4] & 0x0f;
    if (head + size + 1 > n) {
        return false;
    }
    if ((f[4] & IS_REAL) != 0) {
        float real = 0.0f;
        const uint32_t bits = (uint32_t)bridge_bytes_le(f + head, 4);
        memcpy(&real, &bits, sizeof real);
        *value = real >= -1e9f && real <= 1e9f ? (int64_t)real : 0;
        return size == 4;
    }
    *value = (f[4] & IS_SIGNED) != 0 ? bridge_bytes_le_signed(f + head, size)
                                     : (int64_t)bridge_bytes_le(f + head, size);
    return true;
}

static void take_frame(struct harp *h)
{
    const uint8_t *f = h->frame;
    const bool has_time = (f[4] & WITH_TIME) != 0;
    const size_t head = has_time ? HEAD + TIME : HEAD;
    int64_t value = 0;
    h->n++;
    if (f[0] != EVENT || !element(f, h->n_frame, head, &value)) {
        return;
    }
    const double t_s = has_time ? (double)bridge_bytes_le(f + HEAD, 4) +
                                      32e-6 * (double)bridge_bytes_le(f + HEAD + 4, 2)
                                : h->t_s;
    bridge_trial_marks_take(&h->marks, f[2], value, t_s, h->n);
}

/* Leaves the first byte out, and more until the rest may be a frame. */
static void leave_out(struct harp *h)
{
    do {
        h->n_out++;
        h->n_frame--;
        memmove(h->frame, h->frame + 1, h->n_frame);
    } while (h->n_frame > 0 && !may_be_frame(h->frame, h->n_frame));
}

/* Looks for a frame in what is there: 1 one was taken, 0 more bytes are needed. After a byte was
 * left out the rest may hold a whole frame and more. */
static int find_frame(struct harp *h)
{
    for (;;) {
        while (h->n_frame > 1 && h->n_frame >= 2 + (size_t)h->frame[1]) {
            const size_t size = 2 + (size_t)h->frame[1];
            if (has_sum(h->frame, size)) {
                const size_t all = h->n_frame;
                h->n_frame = size;
                take_frame(h);
                memmove(h->frame, h->frame + size, all - size);
                h->n_frame = all - size;
                while (h->n_frame > 0 && !may_be_frame(h->frame, h->n_frame)) {
                    leave_out(h);
                }
                return 1;
            }
            leave_out(h);
        }
        if (h->size == 0) {
            return 0;
        }
        h->frame[h->n_frame++] = *h->bytes++;
        h->size--;
        if (!may_be_frame(h->frame, h->n_frame)) {
            leave_out(h);
        }
    }
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct harp *h = s->state;
    int got = bridge_trial_marks_next(&h->marks, s, event);
    while (got == 0 && find_frame(h) == 1) {
        got = bridge_trial_marks_next(&h->marks, s, event);
    }
    if (got == 0 && h->n_out > 0) {
        char found[96];
        (void)snprintf(found, sizeof found, "%lld byte%s of no frame", (long long)h->n_out,
                       h->n_out == 1 ? "" : "s");
        h->n_out = 0;
        return bridge_why_set(s, NULL, h->n, -1, found, "frames of Harp",
                              "check the port and its speed");
    }
    return got;
}

const struct bridge_stream_format BRIDGE_STREAM_harp = {
    .reader = {.name = "harp",
               .about = "frames of a Harp device, by a mapping",
               .takes_mapping = true,
               .next = next,
               .close = close_stream},
    .open = open_stream,
    .push = push};
