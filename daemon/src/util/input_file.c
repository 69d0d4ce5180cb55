#include "input_file.h"

#include <errno.h>
#include <fcntl.h>
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
