#include "input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int input_file_open(FILE **out, const char *path, const char *setting, struct fault *fault)
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *why = fd < 0 || fstat(fd, &st) != 0 ? strerror(errno)
                      : S_ISREG(st.st_mode)         ? NULL
                      : S_ISDIR(st.st_mode)         ? "is a directory; a file was expected"
                                            : "is a pipe or device; a regular file was expected";
    *out = why == NULL ? fdopen(fd, "rb") : NULL;
    if (*out != NULL) {
        return FAULT_NONE;
    }
    const int rc =
        fault_set(fault, FAULT_INPUT, "%s%s%s: %s", setting != NULL ? setting : "",
                  setting != NULL ? ": " : "", path, why != NULL ? why : strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

int input_file_read(FILE *file, const char *path, size_t most, const char *too_large, uint8_t **out,
                    size_t *out_size, struct fault *fault)
{
    int rc = FAULT_NONE;
    size_t size = 0;
    size_t cap = 0;
    uint8_t *bytes = NULL;
    do {
        cap = cap == 0 ? (size_t)1 << 16 : cap * 2;
        uint8_t *more = realloc(bytes, cap);
        if (more == NULL) {
            rc = fault_set(fault, FAULT_WORK, "%s: no memory for %zu bytes", path, cap);
            break;
        }
        bytes = more;
        size += fread(bytes + size, 1, cap - size, file);
    } while (size == cap && size <= most);
    if (ferror(file)) {
        rc = fault_set(fault, FAULT_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    } else if (size > most) {
        rc = fault_set(fault, FAULT_INPUT, "%s: larger than %zu bytes%s", path, most, too_large);
    }
    (void)fclose(file);
    if (rc != FAULT_NONE) {
        free(bytes);
        return rc;
    }
    *out = bytes;
    *out_size = size;
    return FAULT_NONE;
}
