#define _GNU_SOURCE /* MAP_ANONYMOUS and MAP_NORESERVE */
#include "os_memory.h"

#include <sys/mman.h>

void *os_memory_reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes > 0 ? bytes : 1, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

void os_memory_release(void *memory, size_t bytes)
{
    if (memory != NULL) {
        (void)munmap(memory, bytes > 0 ? bytes : 1);
    }
}
