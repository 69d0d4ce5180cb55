#include "bridge/clock.h"

#include <math.h>
#include <string.h>

static const int64_t AHEAD_US = INT64_C(1) << 29;      /* how far the host's estimate may lag */
static const int64_t DEVICE_US_MAX = INT64_C(1) << 52; /* keeps 1000 x this inside 64 bits */
static const int64_t BUCKET_NS = INT64_C(1000000000);
static const int64_t ERROR_MIN_NS = 5000; /* a device counts microseconds, some of them late */
static const int64_t RECEIPT_ERROR_NS = 20000000; /* what USB may hold back; used until a sync */
static const int64_t JUMP_NS = 2000000;           /* less than this is not called a jump */
static const double RATE_MAX = 10.0;              /* ns/us: ceramic resonators are within 0.5% */
static const double SPAN_MIN_US = 2e6;            /* a rate is read off no shorter stretch */

void bridge_clock_init(bridge_clock *c)
{
    memset(c, 0, sizeof *c);
}

void bridge_clock_reset(bridge_clock *c)
{
    const uint32_t jumps = c->jumps;
    bridge_clock_init(c);
    c->jumps = jumps;
}

/* The latest time congruent to device_us that is at most AHEAD_US after the estimate. */
static int64_t unwrap(int64_t estimate_us, uint32_t device_us)
{
    const int64_t latest = estimate_us + AHEAD_US;
    return latest - (int64_t)(uint32_t)((uint32_t)((uint64_t)latest & 0xFFFFFFFFU) - device_us);
}

static int64_t offset_at(const bridge_clock *c, int64_t us)
{
    return c->base_offset_ns + (int64_t)llround(c->rate * (double)(us - c->base_us));
}

static int64_t error_at(const bridge_clock *c, int64_t us)
{
    return c->base_error_ns + (int64_t)llround(c->rate_error * fabs((double)(us - c->base_us)));
}

static const bridge_clock_point *point_at(const bridge_clock *c, uint32_t i)
{
    return &c->points[(c->head + BRIDGE_CLOCK_POINTS - c->n + i) % BRIDGE_CLOCK_POINTS];
}

/* Weighted least squares through the points, each with its error as standard deviation; then the
 * point at which the line is known best becomes its base. Sums are taken from the newest point. */
static void fit(bridge_clock *c)
{
    const bridge_clock_point *last = point_at(c, c->n - 1);
    double s = 0.0, sx = 0.0, sy = 0.0, sxx = 0.0, sxy = 0.0;
    for (uint32_t i = 0; i < c->n; i++) {
        const bridge_clock_point *p = point_at(c, i);
        const double x = (double)(p->device_us - last->device_us);
        const double y = (double)(p->offset_ns - last->offset_ns);
        const double w = 1.0 / ((double)p->error_ns * (double)p->error_ns);
        s += w;
        sx += w * x;
        sy += w * y;
        sxx += w * x * x;
        sxy += w * x * y;
    }
    const double spread = sxx - sx * sx / s;
    const double span = (double)(last->device_us - point_at(c, 0)->device_us);
    c->rate = 0.0;
    c->rate_error = RATE_MAX;
    if (span >= SPAN_MIN_US && spread > 0.0) {
        c->rate = fmax(-RATE_MAX, fmin(RATE_MAX, (sxy - sx * sy / s) / spread));
        c->rate_error = fmin(RATE_MAX, 2.0 / sqrt(spread));
    }
    /* Where there is no rate yet the line goes through the newest point, not the mean of all. */
    const double mean_x = c->rate_error < RATE_MAX ? sx / s : 0.0;
    const double mean_y = c->rate_error < RATE_MAX ? sy / s : 0.0;
    double best = (double)INFINITY;
    for (uint32_t i = 0; i < c->n; i++) {
        const bridge_clock_point *p = point_at(c, i);
        const double x = (double)(p->device_us - last->device_us);
        const double line = mean_y + c->rate * (x - mean_x);
        const double miss = fabs(line - (double)(p->offset_ns - last->offset_ns));
        const double error = miss + (double)p->error_ns;
        if (error + c->rate_error * fabs(x) < best) {
            best = error + c->rate_error * fabs(x);
            c->base_us = p->device_us;
            c->base_offset_ns = last->offset_ns + (int64_t)llround(line);
            c->base_error_ns = (int64_t)llround(error);
        }
    }
}

static void add(bridge_clock *c, int64_t us, int64_t offset_ns, int64_t error_ns, int64_t host_ns)
{
    bridge_clock_point *newest =
        &c->points[(c->head + BRIDGE_CLOCK_POINTS - 1) % BRIDGE_CLOCK_POINTS];
    int64_t until_ns = host_ns + BUCKET_NS;
    if (c->n > 0 && host_ns < newest->until_ns) {
        const bool is_better =
            c->has_sync ? error_ns < newest->error_ns : offset_ns < newest->offset_ns;
        if (!is_better) {
            return;
        }
        until_ns = newest->until_ns;
    } else {
        newest = &c->points[c->head];
        c->head = (c->head + 1) % BRIDGE_CLOCK_POINTS;
        c->n += c->n < BRIDGE_CLOCK_POINTS ? 1U : 0U;
    }
    *newest = (bridge_clock_point){us, offset_ns, error_ns, until_ns};
    fit(c);
}

/* Unwraps, starting anew when the estimate has run away. */
static int64_t follow(bridge_clock *c, uint32_t device_us, int64_t host_ns)
{
    if (c->is_set) {
        const int64_t us = unwrap(c->at_us + (host_ns - c->at_ns) / 1000, device_us);
        if (us < DEVICE_US_MAX && us > -DEVICE_US_MAX) {
            return us;
        }
        bridge_clock_reset(c);
    }
    c->is_set = true;
    c->at_us = device_us;
    c->at_ns = host_ns;
    return device_us;
}

static int64_t jump(bridge_clock *c, uint32_t device_us, int64_t host_ns)
{
    c->jumps++;
    bridge_clock_reset(c);
    return follow(c, device_us, host_ns);
}

void bridge_clock_heard(bridge_clock *c, uint32_t device_us, int64_t t_host_ns)
{
    int64_t us = follow(c, device_us, t_host_ns);
    if (c->has_sync && 1000 * us + offset_at(c, us) > t_host_ns + error_at(c, us) + JUMP_NS) {
        us = jump(c, device_us, t_host_ns);
    }
    if (us >= c->at_us) {
        c->at_us = us;
        c->at_ns = t_host_ns;
    }
    if (!c->has_sync) {
        add(c, us, t_host_ns - 1000 * us, RECEIPT_ERROR_NS, t_host_ns);
    }
}

void bridge_clock_synced(bridge_clock *c, int64_t sent_ns, uint32_t device_us, int64_t heard_ns)
{
    int64_t us = follow(c, device_us, heard_ns);
    if (c->has_sync) {
        const int64_t host_ns = 1000 * us + offset_at(c, us);
        const int64_t error_ns = error_at(c, us) + JUMP_NS;
        if (host_ns < sent_ns - error_ns || host_ns > heard_ns + error_ns) {
            us = jump(c, device_us, heard_ns);
        }
    }
    if (!c->has_sync) {
        c->has_sync = true;
        c->n = 0;
    }
    const int64_t middle_ns = sent_ns + (heard_ns - sent_ns) / 2;
    const int64_t half_ns = (heard_ns - sent_ns) / 2;
    c->at_us = us;
    c->at_ns = middle_ns;
    add(c, us, middle_ns - 1000 * us, half_ns > ERROR_MIN_NS ? half_ns : ERROR_MIN_NS, heard_ns);
}

int64_t bridge_clock_host_ns(const bridge_clock *c, uint32_t device_us, int64_t *error_ns)
{
    const int64_t us = c->n > 0 ? unwrap(c->at_us, device_us) : 0;
    if (error_ns != NULL) {
        *error_ns = c->n > 0 ? error_at(c, us) : INT64_MAX;
    }
    return c->n > 0 ? 1000 * us + offset_at(c, us) : 0;
}
