#include "model/percentile.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

void model_percentile_sort(size_t n, double values[])
{
    qsort(values, n, sizeof values[0], by_value);
}

double model_percentile(size_t n, const double sorted[], double share)
{
    const double at = share * (double)(n - 1);
    const size_t low = (size_t)at;
    const double part = at - (double)low;
    if (!(part > 0.0) || sorted[low] >= sorted[low + 1]) {
        return sorted[low];
    }
    return isinf(sorted[low + 1]) ? sorted[low + 1]
                                  : sorted[low] + part * (sorted[low + 1] - sorted[low]);
}
