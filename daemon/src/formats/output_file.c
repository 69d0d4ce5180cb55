#define _XOPEN_SOURCE 700 /* realpath */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_kind.h"
#include "outside_file.h"

static const char STANDARD_OUTPUT[] = "-";

static int cannot(const char *path, int why, int code, struct fault *fault)
{
    return fault_set(fault, code, "%s: cannot be written: %s", path,
                     why != 0 ? strerror(why) : "an earlier write failed");
}

/* ---- what may be written --------------------------------------------------------------------- */

/* "." of a path without a slash. False: the path is too long. */
static bool directory_of(const char *path, char out[OUTPUT_PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    const int n = slash == NULL
                      ? snprintf(out, OUTPUT_PATH_MAX, ".")
                      : snprintf(out, OUTPUT_PATH_MAX, "%.*s", (int)(slash - path + 1), path);
    return n >= 0 && n < OUTPUT_PATH_MAX;
}

static int check_directory(const char *path, struct fault *fault)
{
    char directory[OUTPUT_PATH_MAX];
    struct stat st;
    if (!directory_of(path, directory)) {
        return fault_set(fault, FAULT_INPUT, "%.100s...: the path is longer than %d bytes", path,
                         OUTPUT_PATH_MAX - 1);
    }
    if (stat(directory, &st) != 0) {
        return fault_set(fault, FAULT_INPUT, "%s: cannot be written: its directory %s: %s", path,
                         directory, strerror(errno));
    }
    return access(directory, W_OK) == 0
               ? FAULT_NONE
               : fault_set(fault, FAULT_WORK, "%s: cannot be written: its directory %s: %s", path,
                           directory, strerror(errno));
}

/* The input that is this file, or whose journal's it is; NULL: none. */
static const char *input_that_is(const struct output_guard *guard, const struct stat *st)
{
    for (size_t i = 0; guard != NULL && i < guard->n_inputs; i++) {
        const char *input = guard->input[i];
        char directory[OUTPUT_PATH_MAX];
        struct stat own;
        if (stat(input, &own) != 0) {
            continue;
        }
        if (own.st_dev == st->st_dev && own.st_ino == st->st_ino) {
            return input;
        }
        const bool is_directory = S_ISDIR(own.st_mode);
        const bool is_journal = is_directory || file_kind_at(input) == FILE_KIND_JOURNAL;
        if (is_journal && (is_directory || directory_of(input, directory)) &&
            outside_file_is_of_journal(st, is_directory ? input : directory)) {
            return input;
        }
    }
    return NULL;
}

/* The folder of rigs' files that is read and in which this file lies; NULL: none. */
static const char *input_around(const struct output_guard *guard, const char *path)
{
    enum { UP_MAX = 64 };
    char at[OUTPUT_PATH_MAX];
    struct stat here;
    struct stat own;
    if (!directory_of(path, at)) {
        return NULL;
    }
    for (int up = 0; up < UP_MAX && stat(at, &here) == 0; up++) {
        for (size_t i = 0; guard != NULL && i < guard->n_inputs; i++) {
            const char *input = guard->input[i];
            if (stat(input, &own) == 0 && own.st_dev == here.st_dev && own.st_ino == here.st_ino &&
                file_kind_at(input) == FILE_KIND_DIRECTORY) {
                return input;
            }
        }
        const size_t size = strlen(at);
        if (size + sizeof "/.." > sizeof at) {
            break;
        }
        memcpy(at + size, "/..", sizeof "/..");
    }
    return NULL;
}

/* What commands write beside tables and models, and texts of no known form. */
static bool is_replaceable(enum file_kind kind)
{
    return kind == FILE_KIND_EMPTY || kind == FILE_KIND_JSON || kind == FILE_KIND_PICTURE ||
           kind == FILE_KIND_SVG || kind == FILE_KIND_HTML || kind == FILE_KIND_TEXT;
}

static int check_content(const struct output_guard *guard, const char *path, struct fault *fault)
{
    const enum file_kind kind = file_kind_at(path);
    if (guard == NULL || guard->force || is_replaceable(kind)) {
        return FAULT_NONE;
    }
    return fault_set(fault, FAULT_INPUT,
                     "%s: exists and holds %s; name another file, or use --force to overwrite "
                     "it",
                     path, file_kind_name(kind));
}

/* A pipe of the shell's, as behind /dev/stdout, has none; for one that has, nobody may read. */
static bool has_name(const char *path)
{
    char *real = realpath(path, NULL);
    const bool is_there = real != NULL;
    free(real);
    return is_there;
}

int output_file_check(const struct output_guard *guard, const char *path, struct fault *fault)
{
    struct stat st;
    if (strcmp(path, STANDARD_OUTPUT) == 0) {
        return FAULT_NONE;
    }
    if (path[0] == '\0') {
        return fault_set(fault, FAULT_INPUT, "an output's name is empty; a path was expected");
    }
    if (stat(path, &st) != 0) {
        return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG
                   ? check_directory(path, fault)
                   : cannot(path, errno, FAULT_WORK, fault);
    }
    if (S_ISDIR(st.st_mode)) {
        return fault_set(fault, FAULT_INPUT, "%s: is a directory; the name of a file was expected",
                         path);
    }
    if (S_ISFIFO(st.st_mode) && has_name(path)) {
        return fault_set(fault, FAULT_INPUT, "%s: is a pipe; the name of a file was expected",
                         path);
    }
    if (!S_ISREG(st.st_mode)) {
        return FAULT_NONE;
    }
    const char *input = input_that_is(guard, &st);
    input = input != NULL ? input : input_around(guard, path);
    if (input != NULL) {
        return fault_set(
            fault, FAULT_INPUT, "%s: is an input%s%s, and would be lost; name another file", path,
            strcmp(input, path) != 0 ? ": " : "", strcmp(input, path) != 0 ? input : "");
    }
    const int rc = check_content(guard, path, fault);
    return rc ? rc : check_directory(path, fault);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Where the path leads, and what the file is called until it is whole: "" where it is written as it
 * is. *mode: of the file that is there. */
static int choose_names(struct output_file *file, const char *path, mode_t *mode,
                        struct fault *fault)
{
    struct stat st;
    *mode = 0;
    file->path = path;
    file->temporary[0] = '\0';
    char *real = realpath(path, NULL);
    const int n = snprintf(file->target, sizeof file->target, "%s", real != NULL ? real : path);
    free(real);
    if (n < 0 || n >= OUTPUT_PATH_MAX - 32) {
        return fault_set(fault, FAULT_INPUT, "%.100s...: the path is longer than %d bytes", path,
                         OUTPUT_PATH_MAX - 33);
    }
    if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode)) {
            return FAULT_NONE;
        }
        *mode = st.st_mode & 07777;
    }
    const int size = snprintf(file->temporary, sizeof file->temporary, "%s.%ld.tmp", file->target,
                              (long)getpid());
    return size > 0 && size < OUTPUT_PATH_MAX
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT, "%.100s...: the path is too long", path);
}

int output_file_open(struct output_file *file, const struct output_guard *guard, const char *path,
                     struct fault *fault)
{
    mode_t mode = 0;
    int rc = output_file_check(guard, path, fault);
    *file = (struct output_file){.path = path};
    if (rc == FAULT_NONE && strcmp(path, STANDARD_OUTPUT) == 0) {
        file->to = stdout;
        return FAULT_NONE;
    }
    rc = rc ? rc : choose_names(file, path, &mode, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const bool is_whole = file->temporary[0] != '\0';
    if (is_whole) {
        (void)unlink(file->temporary); /* of a process that had this number before */
    }
    const int fd =
        is_whole ? open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666)
                 : open(file->target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    file->to = fd >= 0 && (mode == 0 || fchmod(fd, mode) == 0) ? fdopen(fd, "wb") : NULL;
    if (file->to == NULL) {
        rc = cannot(path, errno, FAULT_WORK, fault);
        if (fd >= 0) {
            (void)close(fd);
            (void)unlink(file->temporary);
        }
    }
    return rc;
}

static bool is_of_disk(int why)
{
    return why == ENOSPC || why == EDQUOT || why == EFBIG || why == EIO || why == EPIPE;
}

bool output_file_sync_directory(const char *path)
{
    char directory[OUTPUT_PATH_MAX];
    const int fd =
        directory_of(path, directory) ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return false;
    }
    const bool ok = fsync(fd) == 0;
    return close(fd) == 0 && ok;
}

int output_file_close(struct output_file *file, int rc, struct fault *fault)
{
    if (file->to == NULL) {
        return rc;
    }
    const bool is_whole = file->temporary[0] != '\0';
    int why = is_of_disk(errno) ? errno : 0; /* of an earlier write, if one failed */
    bool ok = ferror(file->to) == 0;
    if (ok && (fflush(file->to) != 0 || (is_whole && fsync(fileno(file->to)) != 0))) {
        ok = false;
        why = errno;
    }
    if (file->to != stdout && fclose(file->to) != 0 && ok) {
        ok = false;
        why = errno;
    }
    file->to = NULL;
    if (is_whole && ok && rc == FAULT_NONE && rename(file->temporary, file->target) != 0) {
        ok = false;
        why = errno;
    }
    if (is_whole && (!ok || rc != FAULT_NONE)) {
        (void)unlink(file->temporary);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (!ok) {
        return cannot(file->path, why, FAULT_WORK, fault);
    }
    return !is_whole || output_file_sync_directory(file->target)
               ? FAULT_NONE
               : fault_set(fault, FAULT_WORK, "%s: its directory cannot be synced", file->path);
}

int output_file_write(const struct output_guard *guard, const char *path,
                      void (*put)(FILE *to, const void *what), const void *what,
                      struct fault *fault)
{
    struct output_file file;
    if (path == NULL) {
        return FAULT_NONE;
    }
    const int rc = output_file_open(&file, guard, path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    put(file.to, what);
    return output_file_close(&file, FAULT_NONE, fault);
}

int output_file_write_bytes(const struct output_guard *guard, const char *path,
                            const uint8_t *bytes, size_t size, struct fault *fault)
{
    struct output_file file;
    const int rc = output_file_open(&file, guard, path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    (void)fwrite(bytes, 1, size, file.to); /* what went wrong is told when it is closed */
    return output_file_close(&file, FAULT_NONE, fault);
}

int output_file_open_record(const struct output_guard *guard, const char *path, bool keeps,
                            FILE **to, struct fault *fault)
{
    const int rc = output_file_check(guard, path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    *to = keeps ? fopen(path, "r+") : NULL;
    *to = *to != NULL ? *to : fopen(path, "w+");
    return *to != NULL ? FAULT_NONE : cannot(path, errno, FAULT_WORK, fault);
}
