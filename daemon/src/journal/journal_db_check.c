#include "journal_db_check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_reader.h"
#include "journal_schema.h"
#include "os_lock.h"

int journal_db_check_held(int lock_fd, const char *directory, struct fault *fault)
{
    char text[24] = "";
    const ssize_t n = pread(lock_fd, text, sizeof text - 1, 0);
    const long pid = n > 0 ? strtol(text, NULL, 10) : 0;
    char who[40] = "";
    if (pid > 0) {
        (void)snprintf(who, sizeof who, " (pid %ld)", pid);
    }
    return fault_set(fault, FAULT_WORK,
                     "%s: another murid uses this data directory: a daemon is running there%s; "
                     "stop it, or set data.directory",
                     directory, who);
}

int journal_db_check_version(int64_t version, const char *path, struct fault *fault)
{
    return version == 0 || version == JOURNAL_VERSION
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT,
                           "%s: has schema %" PRId64 ", this murid uses %d: it was written by %s "
                           "murid; set another data.directory",
                           path, version, JOURNAL_VERSION,
                           version > JOURNAL_VERSION ? "a newer" : "an older");
}

static int check_lock(const char *directory, struct fault *fault)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/" JOURNAL_LOCK, directory);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? FAULT_NONE
                               : fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", path,
                                           strerror(errno));
    }
    const int rc = os_lock_is_taken(fd) ? journal_db_check_held(fd, directory, fault) : FAULT_NONE;
    (void)close(fd);
    return rc;
}

/* Is there, or can be made in the nearest directory above that is there. */
static int check_place(const char *directory, struct fault *fault)
{
    char path[512];
    struct stat st;
    if ((size_t)snprintf(path, sizeof path, "%s", directory) >= sizeof path) {
        return fault_set(fault, FAULT_INPUT, "data.directory: longer than %zu bytes", sizeof path);
    }
    int found = stat(path, &st);
    while (found != 0 && errno == ENOENT && strcmp(path, ".") != 0) {
        char *slash = strrchr(path, '/');
        if (slash == NULL) {
            (void)strcpy(path, ".");
        } else {
            slash[slash == path ? 1 : 0] = '\0';
        }
        found = stat(path, &st);
    }
    if (found != 0 || !S_ISDIR(st.st_mode) || access(path, W_OK | X_OK) != 0) {
        return fault_set(fault, FAULT_WORK, "data.directory: %s: %s cannot be written: %s",
                         directory, path,
                         found == 0 && !S_ISDIR(st.st_mode) ? "not a directory" : strerror(errno));
    }
    return FAULT_NONE;
}

/* What cannot be read is for whoever reads all of it. */
static int check_schema(const char *path, struct fault *fault)
{
    enum { BUSY_MS = 1000 };
    sqlite3 *db = NULL;
    int64_t version = 0;
    if (access(path, R_OK | W_OK) != 0) {
        return errno == ENOENT ? FAULT_NONE
                               : fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", path,
                                           strerror(errno));
    }
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
        SQLITE_OK) {
        (void)sqlite3_busy_timeout(db, BUSY_MS);
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        version = journal_reader_whole(db, "PRAGMA user_version");
    }
    sqlite3_close(db);
    return version < 0 ? FAULT_NONE : journal_db_check_version(version, path, fault);
}

int journal_db_check(const char *directory, struct fault *fault)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/" JOURNAL_FILE, directory);
    int rc = check_place(directory, fault);
    rc = rc ? rc : check_lock(directory, fault);
    return rc ? rc : check_schema(path, fault);
}
