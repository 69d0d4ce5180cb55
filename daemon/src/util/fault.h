/* fault.h - one error message for the person who can fix it.
 *
 * A function that can fail for reasons that a user must read takes a struct fault last, fills it
 * and returns FAULT_WORK (1: the work failed) or FAULT_INPUT (2: wrong usage or input); these are
 * also the program's exit codes. 0 is success. The text is one line: "FILE:LINE: what, and what was
 * expected". Threads: any, on different objects. Memory: the caller's.
 */
#pragma once

enum { FAULT_NONE = 0, FAULT_WORK = 1, FAULT_INPUT = 2 };

#if defined(__GNUC__)
#define FAULT_PRINTF(format_at, values_at) __attribute__((format(printf, format_at, values_at)))
#else
#define FAULT_PRINTF(format_at, values_at)
#endif

struct fault {
    char text[1024];
};

/* Formats the text, control characters and bytes that are not UTF-8 as escapes (\n, \x1b), and
 * returns code, so that a failing function can end with it. */
int fault_set(struct fault *fault, int code, const char *format, ...) FAULT_PRINTF(3, 4);

/* Prints "murid: TEXT" on standard error, unless code is FAULT_NONE: then there is nothing to read.
 * Returns code, so that a command can end with it. */
int fault_report(const struct fault *fault, int code);
