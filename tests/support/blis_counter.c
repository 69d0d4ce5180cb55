/* Preloaded (LD_PRELOAD), counts the calls to BLIS that a program makes, and lets them through. At
 * its end it writes "single N" and "double N" to the file that BLIS_COUNTER names. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <blis.h>

#define COUNT(name, type, number)                                                                  \
    void name(trans_t ta, trans_t tb, dim_t m, dim_t n, dim_t k, type *alpha, type *a, inc_t rsa,  \
              inc_t csa, type *b, inc_t rsb, inc_t csb, type *beta, type *c, inc_t rsc, inc_t csc, \
              cntx_t *cntx, rntm_t *rntm)                                                          \
    {                                                                                              \
        void (*real)(trans_t, trans_t, dim_t, dim_t, dim_t, type *, type *, inc_t, inc_t, type *,  \
                     inc_t, inc_t, type *, type *, inc_t, inc_t, cntx_t *, rntm_t *);              \
        *(void **)&real = dlsym(RTLD_NEXT, #name);                                                 \
        atomic_fetch_add(&number, 1);                                                              \
        real(ta, tb, m, n, k, alpha, a, rsa, csa, b, rsb, csb, beta, c, rsc, csc, cntx, rntm);     \
    }

static atomic_ulong n_single;
static atomic_ulong n_double;

COUNT(bli_sgemm_ex, float, n_single)
COUNT(bli_dgemm_ex, double, n_double)

__attribute__((destructor)) static void say(void)
{
    const char *path = getenv("BLIS_COUNTER");
    FILE *to = path != NULL ? fopen(path, "w") : NULL;
    if (to != NULL) {
        (void)fprintf(to, "single %lu\ndouble %lu\n", atomic_load(&n_single),
                      atomic_load(&n_double));
        (void)fclose(to);
    }
}
