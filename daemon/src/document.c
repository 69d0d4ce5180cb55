#include "document.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

int document_open(struct document *d, const char *path, struct fault *fault)
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

int document_close(struct document *d, struct fault *fault)
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
