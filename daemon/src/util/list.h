/* list.h - an array on the heap that grows at its end.
 *
 * Threads: one owner. Memory: the list is the caller's, to free().
 */
#pragma once

#include <stddef.h>

/* Room for one more of size bytes after the n that are there: the list, moved if need be, whose
 * *capacity is then above n. NULL without memory: the list is as it was. list NULL, *capacity 0:
 * a new one. */
void *list_grow(void *list, size_t n, size_t *capacity, size_t size);
