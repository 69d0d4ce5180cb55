/* os_lock.h - a lock that is held by an open file description (Linux): unlike a POSIX lock it is
 * not lost when another descriptor of the same file is closed.
 *
 * Threads: any. Memory: none. The lock is released with the last copy of its descriptor.
 */
#pragma once

#include <stdbool.h>

/* Takes the whole file for writing, without waiting. 0, or -1 with errno: EAGAIN or EACCES if
 * another process holds it, by either kind of lock. */
int os_lock_take(int fd);

/* True if another holds it. */
bool os_lock_is_taken(int fd);
