/* os_thread.h - a thread at the lowest priority, and how to wake it (Linux).
 *
 * Threads: any. Memory: one descriptor per event; close() it.
 */
#pragma once

/* This thread runs on what processor time others leave. Failure changes nothing. */
void os_thread_yield_to_others(void);

/* An event that a poll can wait for. A descriptor, or -1. */
int os_event_open(void);

/* RT-safe: yes. */
void os_event_raise(int fd);

/* Lowers it. True if it was raised. RT-safe: yes. */
int os_event_take(int fd);

/* Blocks until it is raised, and lowers it. */
void os_event_wait(int fd);
