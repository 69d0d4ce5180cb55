#include "histogram.h"

#include <math.h>

enum { PER_OCTAVE = 16 };

/* Bin of a duration: its highest bit, and the four bits below. */
static int bin_of(int64_t ns)
{
    uint64_t v = ns > 0 ? (uint64_t)ns : 1;
    int octave = 0;
    for (uint64_t rest = v >> 1; rest != 0; rest >>= 1) {
        octave++;
    }
    const uint64_t below = octave >= 4 ? v >> (octave - 4) : v << (4 - octave);
    const int bin = octave * PER_OCTAVE + (int)(below & (PER_OCTAVE - 1));
    return bin < HISTOGRAM_BINS ? bin : HISTOGRAM_BINS - 1;
}

void histogram_push(struct histogram *h, int64_t ns)
{
    h->bins[bin_of(ns)]++;
    h->n++;
}

double histogram_quantile(const struct histogram *h, double q)
{
    if (h->n == 0) {
        return (double)NAN;
    }
    const double rank = fmax(q * (double)h->n, 1.0);
    int64_t below = 0;
    int bin = 0;
    while (bin < HISTOGRAM_BINS - 1 && (double)(below + h->bins[bin]) < rank) {
        below += h->bins[bin++];
    }
    const double middle = 1.0 + ((double)(bin % PER_OCTAVE) + 0.5) / PER_OCTAVE;
    return ldexp(middle, bin / PER_OCTAVE);
}
