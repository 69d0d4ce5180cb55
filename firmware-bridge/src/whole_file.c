#include "bridge/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct bridge_source *s, const char *path, int error)
{
    return bridge_why_set(s, path, 0, -1, strerror(error), "a file that can be read",
                          "check its permissions and the disk or network that it is on");
}

static bool is_as_it_was(const struct bridge_whole_stamp *stamp, const struct stat *info)
{
    return stamp->is_set && stamp->size == (int64_t)info->st_size &&
           stamp->changed_s == (int64_t)info->st_mtim.tv_sec &&
           stamp->changed_ns == (int64_t)info->st_mtim.tv_nsec;
}

static struct bridge_whole_stamp stamp_of(const struct stat *info)
{
    return (struct bridge_whole_stamp){.is_set = true,
                                       .size = (int64_t)info->st_size,
                                       .changed_s = (int64_t)info->st_mtim.tv_sec,
                                       .changed_ns = (int64_t)info->st_mtim.tv_nsec};
}

static int not_a_file(struct bridge_source *s, const char *path)
{
    return bridge_why_set(s, path, 0, -1, "not a regular file", "a file", "");
}

int bridge_whole_file_look(struct bridge_source *s, const char *path,
                           struct bridge_whole_stamp *stamp)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return errno == ENOENT ? 0 : fail(s, path, errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return not_a_file(s, path);
    }
    if (is_as_it_was(stamp, &info)) {
        return 0;
    }
    *stamp = stamp_of(&info);
    return 1;
}

static int read_open(struct bridge_source *s, const char *path, int fd, size_t size,
                     uint8_t **bytes, size_t *got_size)
{
    uint8_t *to = malloc(size + 1);
    size_t n = 0;
    if (to == NULL) {
        return bridge_why_set(s, path, 0, -1, "no memory", "", "");
    }
    while (n < size) {
        const ssize_t got = read(fd, to + n, size - n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            free(to);
            return fail(s, path, errno);
        }
        if (got == 0) {
            break;
        }
        n += (size_t)got;
    }
    to[n] = '\0';
    *bytes = to;
    *got_size = n;
    return 1;
}

int bridge_whole_file_read(struct bridge_source *s, const char *path, size_t most,
                           struct bridge_whole_stamp *stamp, uint8_t **bytes, size_t *size)
{
    struct stat info;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return errno == ENOENT ? 0 : fail(s, path, errno);
    }
    int rc = 0;
    if (fstat(fd, &info) != 0) {
        rc = fail(s, path, errno);
    } else if (!S_ISREG(info.st_mode)) {
        rc = not_a_file(s, path);
    } else if (!is_as_it_was(stamp, &info)) {
        *stamp = stamp_of(&info);
        rc = (uint64_t)info.st_size > most
                 ? bridge_why_set(s, path, 0, -1, "the file is too large", "a smaller one", "")
                 : read_open(s, path, fd, (size_t)info.st_size, bytes, size);
    }
    (void)close(fd);
    return rc;
}
