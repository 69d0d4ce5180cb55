#include "sample.h"

#include <math.h>

/* v[from] sinks to its place in a heap of n with the largest on top. */
static void sink(size_t n, double v[], size_t from)
{
    const double value = v[from];
    size_t child = 2 * from + 1;
    for (; child < n; child = 2 * from + 1) {
        child += child + 1 < n && v[child + 1] > v[child];
        if (!(v[child] > value)) {
            break;
        }
        v[from] = v[child];
        from = child;
    }
    v[from] = value;
}

void sample_sort(size_t n, double v[])
{
    for (size_t i = n / 2; i-- > 0;) {
        sink(n, v, i);
    }
    for (size_t end = n; end-- > 1;) {
        const double largest = v[0];
        v[0] = v[end];
        v[end] = largest;
        sink(end, v, 0);
    }
}

double sample_mean(size_t n, const double value[])
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += value[i];
    }
    return sum / (double)n;
}

double sample_error(size_t n, const double value[], double mean)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (value[i] - mean) * (value[i] - mean);
    }
    return n > 1 ? sqrt(sum / (double)(n - 1) / (double)n) : (double)INFINITY;
}

void sample_span(size_t n, double value[], double *lo, double *hi)
{
    sample_sort(n, value);
    const size_t cut = n / 20;
    *lo = value[cut];
    *hi = value[n - 1 - cut];
}

double sample_quantile(size_t n, const double sorted[], double p)
{
    const double at = p * (double)(n - 1);
    const size_t i = (size_t)at;
    const double part = at - (double)i;
    if (part == 0.0 || i + 1 >= n) {
        return sorted[i];
    }
    return sorted[i] * (1.0 - part) + sorted[i + 1] * part;
}
