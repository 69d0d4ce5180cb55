#include "document.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

struct document {
    FILE *to;
    const char *path;
    char temporary[DOCUMENT_PATH_MAX];
};

static int open_document(struct document *d, const char *path, struct fault *fault)
{
    d->path = path;
    const int n = snprintf(d->temporary, sizeof d->temporary, "%s.%ld.tmp", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof d->temporary) {
        return fault_set(fault, FAULT_INPUT, "%.100s...: the path is longer than %d bytes", path,
                         DOCUMENT_PATH_MAX);
    }
    d->to = fopen(d->temporary, "w");
    return d->to != NULL
               ? FAULT_NONE
               : fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", path, strerror(errno));
}

static int close_document(struct document *d, struct fault *fault)
{
    bool is_written = ferror(d->to) == 0;
    is_written = fclose(d->to) == 0 && is_written;
    if (!is_written || rename(d->temporary, d->path) != 0) {
        const int why = errno;
        (void)remove(d->temporary);
        return fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", d->path, strerror(why));
    }
    return FAULT_NONE;
}

int document_write(const char *path, void (*put)(FILE *to, const void *what), const void *what,
                   struct fault *fault)
{
    struct document d;
    const int rc = path != NULL ? open_document(&d, path, fault) : FAULT_NONE;
    if (path == NULL || rc != FAULT_NONE) {
        return rc;
    }
    put(d.to, what);
    return close_document(&d, fault);
}
