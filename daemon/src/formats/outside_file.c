#define _XOPEN_SOURCE 700 /* realpath */
#include "outside_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_files.h"

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Hard links have other names. */
bool outside_file_is_of_journal(const struct stat *file, const char *directory)
{
    static const char *const NAMES[] = {JOURNAL_FILE, JOURNAL_FILE "-wal", JOURNAL_FILE "-shm",
                                        JOURNAL_FILE "-journal", JOURNAL_LOCK};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        char path[PATH_MAX];
        struct stat own;
        (void)snprintf(path, sizeof path, "%s/%s", directory, NAMES[i]);
        if (stat(path, &own) == 0 && is_same(file, &own)) {
            return true;
        }
    }
    return false;
}

static bool lies_below(const char *path, const char *directory)
{
    struct stat own;
    char *at = realpath(path, NULL);
    bool is_below = false;
    if (at != NULL && stat(directory, &own) == 0) {
        for (char *slash = strrchr(at, '/'); slash != NULL && !is_below; slash = strrchr(at, '/')) {
            struct stat above;
            *slash = '\0';
            is_below = stat(slash == at ? "/" : at, &above) == 0 && is_same(&above, &own);
        }
    }
    free(at);
    return is_below;
}

static int refuse(const char *path, const char *what, struct fault *fault)
{
    return fault_set(fault, FAULT_INPUT,
                     "%s: belongs to the data directory, where no %s is read from; keep it "
                     "elsewhere",
                     path, what);
}

int outside_file_check(const char *path, const char *directory, const char *what,
                       struct fault *fault)
{
    struct stat st;
    if (stat(path, &st) != 0 || access(path, R_OK) != 0) {
        return fault_set(fault, FAULT_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return fault_set(fault, FAULT_INPUT, "%s: not a regular file; a %s was expected", path,
                         what);
    }
    return outside_file_is_of_journal(&st, directory) ? refuse(path, what, fault) : FAULT_NONE;
}

int outside_file_check_command(const char *path, const char *directory, const char *what,
                               struct fault *fault)
{
    const int rc = outside_file_check(path, directory, what, fault);
    return rc == FAULT_NONE && lies_below(path, directory) ? refuse(path, what, fault) : rc;
}
