/* document.h - a text file that is written whole or not at all: under another name, then renamed.
 *
 * Threads: one owner. Memory: none kept.
 */
#ifndef MURID_DOCUMENT_H
#define MURID_DOCUMENT_H

#include <stdio.h>

#include "fault.h"

enum { DOCUMENT_PATH_MAX = 4096 };

/* Writes what put() says of *what; path NULL: it is not asked for. FAULT_NONE: the file is there;
 * FAULT_INPUT (the path is too long) or FAULT_WORK: nothing is. */
int document_write(const char *path, void (*put)(FILE *to, const void *what), const void *what,
                   struct fault *fault);

#endif
