/* count_allocations.h - the program's own malloc() and its kin, which stand before the C library's
 * and count the calls of this thread, so that what libraries allocate by themselves is seen too.
 *
 * For one source file of a program. Threads: the counts are each thread's own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The C library's own, under the names that it exports them for this purpose. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *p);

static _Thread_local int is_counting;
static _Thread_local int64_t n_calls;

static void count(void)
{
    n_calls += is_counting;
}

void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count();
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    count();
    return __libc_realloc(p, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count();
    return __libc_memalign(alignment, size);
}

void free(void *p)
{
    if (p != NULL) {
        count();
    }
    __libc_free(p);
}
