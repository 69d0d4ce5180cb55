#include "gemm_kernel.h"

#include <math.h>
#include <string.h>

#include "kernel_levels.h"

/* A tile is a few rows by two vectors of columns, its sums held in registers: ROWS_MAX is what the
 * processor's registers hold beside two vectors of w and one of x. */
#if defined(__AVX512F__)
#include <immintrin.h>
typedef __m512 vec;
#define ROWS_MAX   12
#define VECTOR(op) _mm512_##op##_ps
enum { LANES = 16 };
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
typedef __m256 vec;
#define ROWS_MAX   6
#define VECTOR(op) _mm256_##op##_ps
enum { LANES = 8 };
#else
#define ROWS_MAX 3
enum { LANES = 8 };
typedef struct {
    float v[LANES];
} vec;
#endif

#ifdef VECTOR
static inline vec vec_load(const float *from)
{
    return VECTOR(loadu)(from);
}
static inline void vec_store(float *to, vec a)
{
    VECTOR(storeu)(to, a);
}
static inline vec vec_all(float a)
{
    return VECTOR(set1)(a);
}
static inline vec vec_fma(vec a, vec b, vec c)
{
    return VECTOR(fmadd)(a, b, c);
}
static inline vec vec_at_least(vec least, vec a)
{
    return VECTOR(max)(least, a); /* in this order NaN in a stays */
}
#else
static inline vec vec_load(const float *from)
{
    vec a;
    memcpy(a.v, from, sizeof a.v);
    return a;
}
static inline void vec_store(float *to, vec a)
{
    memcpy(to, a.v, sizeof a.v);
}
static inline vec vec_all(float a)
{
    vec all;
    for (int i = 0; i < LANES; i++) {
        all.v[i] = a;
    }
    return all;
}
static inline vec vec_fma(vec a, vec b, vec c)
{
    for (int i = 0; i < LANES; i++) {
        c.v[i] += a.v[i] * b.v[i];
    }
    return c;
}
static inline vec vec_at_least(vec least, vec a)
{
    for (int i = 0; i < LANES; i++) {
        a.v[i] = a.v[i] < least.v[i] ? least.v[i] : a.v[i];
    }
    return a;
}
#endif

/* X(row, pointer, how many rows behind it): three rows a pointer are what x86 addresses reach. */
/* clang-format off */
#define ROWS_1(X) X(0, q[0], 0)
#define ROWS_2(X) ROWS_1(X) X(1, q[0], 1)
#define ROWS_3(X) ROWS_2(X) X(2, q[0], 2)
#define ROWS_4(X) ROWS_3(X) X(3, q[1], 0)
#define ROWS_5(X) ROWS_4(X) X(4, q[1], 1)
#define ROWS_6(X) ROWS_5(X) X(5, q[1], 2)
#define ROWS_7(X) ROWS_6(X) X(6, q[2], 0)
#define ROWS_8(X) ROWS_7(X) X(7, q[2], 1)
#define ROWS_9(X) ROWS_8(X) X(8, q[2], 2)
#define ROWS_10(X) ROWS_9(X) X(9, q[3], 0)
#define ROWS_11(X) ROWS_10(X) X(10, q[3], 1)
#define ROWS_12(X) ROWS_11(X) X(11, q[3], 2)
/* clang-format on */

#define START(r, q, m)                                                                             \
    const float *s##r = p->bias != NULL ? p->bias + column : out + (r)*p->out_row;                 \
    vec a##r = vec_load(s##r);                                                                     \
    vec b##r = vec_load(s##r + LANES);
#define ADD(r, q, m)                                                                               \
    {                                                                                              \
        const vec x = vec_all((q)[(m)*x_row]);                                                     \
        a##r = vec_fma(x, w0, a##r);                                                               \
        b##r = vec_fma(x, w1, b##r);                                                               \
    }
#define FINISH(r, q, m)                                                                            \
    vec_store(out + (r)*p->out_row, vec_at_least(least, a##r));                                    \
    vec_store(out + (r)*p->out_row + LANES, vec_at_least(least, b##r));
#define START_HALF(r, q, m)                                                                        \
    vec a##r = vec_load(p->bias != NULL ? p->bias + column : out + (r)*p->out_row);
#define ADD_HALF(r, q, m)    a##r = vec_fma(vec_all((q)[(m)*x_row]), w0, a##r);
#define FINISH_HALF(r, q, m) vec_store(out + (r)*p->out_row, vec_at_least(least, a##r));

#define TILE(n, name, start, add, finish, second)                                                  \
    static void name##_##n(const gemm_product *p, size_t row, size_t column)                       \
    {                                                                                              \
        const size_t x_row = p->x_row;                                                             \
        const size_t x_step = p->x_step;                                                           \
        const float *q[4] = {p->x + row * x_row};                                                  \
        q[1] = (n) > 3 ? q[0] + 3 * x_row : q[0];                                                  \
        q[2] = (n) > 6 ? q[0] + 6 * x_row : q[0];                                                  \
        q[3] = (n) > 9 ? q[0] + 9 * x_row : q[0];                                                  \
        const float *w = p->w + column;                                                            \
        float *out = p->out + row * p->out_row + column;                                           \
        const vec least = vec_all(p->rectify ? 0.0F : -INFINITY);                                  \
        ROWS_##n(start) for (size_t k = p->depth; k > 0; k--)                                      \
        {                                                                                          \
            const vec w0 = vec_load(w);                                                            \
            second ROWS_##n(add) w += p->w_row;                                                    \
            q[0] += x_step;                                                                        \
            q[1] += x_step;                                                                        \
            q[2] += x_step;                                                                        \
            q[3] += x_step;                                                                        \
        }                                                                                          \
        ROWS_##n(finish)                                                                           \
    }

#define SECOND  const vec w1 = vec_load(w + LANES);
#define FULL(n) TILE(n, tile, START, ADD, FINISH, SECOND)
#define HALF(n) TILE(n, half, START_HALF, ADD_HALF, FINISH_HALF, )
FULL(1)
FULL(2)
FULL(3)
#if ROWS_MAX > 3
FULL(4)
FULL(5)
FULL(6)
#endif
#if ROWS_MAX > 6
FULL(7)
FULL(8)
FULL(9)
FULL(10)
FULL(11)
FULL(12)
HALF(1)
HALF(2)
HALF(3)
HALF(4)
HALF(5)
HALF(6)
HALF(7)
HALF(8)
HALF(9)
HALF(10)
HALF(11)
HALF(12)
#endif

typedef void tile(const gemm_product *p, size_t row, size_t column);

static tile *const TILES[ROWS_MAX] = {
    tile_1, tile_2, tile_3,
#if ROWS_MAX > 3
    tile_4, tile_5, tile_6,
#endif
#if ROWS_MAX > 6
    tile_7, tile_8, tile_9, tile_10, tile_11, tile_12,
#endif
};

#if ROWS_MAX > 6
static tile *const HALVES[ROWS_MAX] = {
    half_1, half_2, half_3, half_4,  half_5,  half_6,
    half_7, half_8, half_9, half_10, half_11, half_12,
};
#else
static tile *const *const HALVES = TILES; /* two vectors are one block: there are no halves */
#endif

/* Tiles of nearly equal height, so that none is too low to keep the multipliers busy. */
static void product(const gemm_product *p)
{
    const size_t n_tiles = (p->rows + ROWS_MAX - 1) / ROWS_MAX;
    size_t row = 0;
    for (size_t i = 0; i < n_tiles; i++) {
        const size_t rows = (p->rows - row + n_tiles - i - 1) / (n_tiles - i);
        size_t column = 0;
        for (; column + 2 * LANES <= p->columns; column += 2 * LANES) {
            TILES[rows - 1](p, row, column);
        }
        for (; column < p->columns; column += LANES) {
            HALVES[rows - 1](p, row, column);
        }
        row += rows;
    }
}

KERNEL_LEVEL(gemm_kernel, product)
