/* document.h - a text file that is written whole or not at all: under another name, then renamed.
 *
 * Threads: one owner. Memory: the struct.
 */
#ifndef MURID_DOCUMENT_H
#define MURID_DOCUMENT_H

#include <stdio.h>

#include "fault.h"

enum { DOCUMENT_PATH_MAX = 4096 };

struct document {
    FILE *to; /* write here */
    const char *path;
    char temporary[DOCUMENT_PATH_MAX];
};

/* path must outlive the document. FAULT_NONE; FAULT_INPUT (too long) or FAULT_WORK with nothing to
 * close. */
int document_open(struct document *d, const char *path, struct fault *fault);

/* The file is there, or nothing is. FAULT_NONE or FAULT_WORK. */
int document_close(struct document *d, struct fault *fault);

#endif
