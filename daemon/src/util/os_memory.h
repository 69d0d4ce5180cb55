/* os_memory.h - address space whose pages cost nothing until they are touched (Linux).
 *
 * Threads: any. Memory: the system's; os_memory_release().
 */
#pragma once

#include <stddef.h>

/* So many bytes of zeros, aligned to pages, not counted against what the machine has. NULL: it
 * cannot be. */
void *os_memory_reserve(size_t bytes);

/* NULL does nothing. */
void os_memory_release(void *memory, size_t bytes);
