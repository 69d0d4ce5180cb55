#include "job_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output_file.h"
#include "safetensors.h"

static const char MAGIC[8] = {'m', 'u', 'r', 'i', 'd', 'j', 'o', 'b'};

/* Room that is wanted before days of work begin: more than most results take. */
enum { PROBE_BYTES = 1 << 20, QUOTED_MAX = 160 };

enum { HEADER_BYTES = sizeof MAGIC + crypto_hash_sha256_BYTES };

_Static_assert((int)JOB_STORE_RESULT_MAX + (int)HEADER_BYTES <= (int)SAFETENSORS_FILE_MAX,
               "what is written can be read");

static int file_path(const struct job_store *d, const char *name, char out[JOB_STORE_PATH_MAX],
                     struct fault *fault)
{
    const int n = snprintf(out, JOB_STORE_PATH_MAX, "%s/%s", d->path, name);
    return n > 0 && n < JOB_STORE_PATH_MAX
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT, "%.100s...: the path is too long", d->path);
}

static int job_path(const struct job_store *d, size_t number, const char *what,
                    char out[JOB_STORE_PATH_MAX], struct fault *fault)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%04zu.%s", number, what);
    return file_path(d, name, out, fault);
}

int job_store_state_path(const struct job_store *d, size_t number, char out[JOB_STORE_PATH_MAX],
                         struct fault *fault)
{
    return job_path(d, number, "state", out, fault);
}

static int take_words(struct job_store *d, const char *path, const char *key, struct fault *fault)
{
    *d = (struct job_store){.lock_fd = -1, .is_open = true};
    if (strlen(path) >= sizeof d->path || strlen(key) >= sizeof d->key) {
        d->is_open = false;
        return fault_set(fault, FAULT_INPUT, "%.100s...: the path or the options are too long",
                         path);
    }
    memcpy(d->path, path, strlen(path) + 1);
    memcpy(d->key, key, strlen(key) + 1);
    return FAULT_NONE;
}

/* The start of the first words that differ. */
static size_t difference(const char *a, const char *b)
{
    size_t word = 0;
    for (size_t i = 0; a[i] == b[i] && a[i] != '\0'; i++) {
        word = a[i] == ',' && a[i + 1] == ' ' && b[i + 1] == ' ' ? i + 2 : word;
    }
    return word;
}

static int need_key(const struct job_store *d, struct fault *fault)
{
    char path[JOB_STORE_PATH_MAX];
    uint8_t *bytes = NULL;
    size_t size = 0;
    int rc = file_path(d, "key", path, fault);
    rc = rc ? rc : safetensors_read(path, &bytes, &size, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    char found[JOB_STORE_KEY_MAX] = "";
    if (size < sizeof found) {
        memcpy(found, bytes, size);
    }
    free(bytes);
    if (strcmp(found, d->key) != 0) {
        const size_t at = difference(found, d->key);
        return fault_set(fault, FAULT_INPUT,
                         "%s: of another fit: \"%.*s\" stands there, \"%.*s\" was expected", path,
                         QUOTED_MAX, found + at, QUOTED_MAX, d->key + at);
    }
    return FAULT_NONE;
}

static int write_file(const struct job_store *d, const char *name, const uint8_t *bytes,
                      size_t size, struct fault *fault)
{
    char path[JOB_STORE_PATH_MAX];
    const int rc = file_path(d, name, path, fault);
    return rc ? rc : output_file_write_bytes(NULL, path, bytes, size, fault);
}

/* Writes as much as a result takes, and removes it. */
static int probe(const struct job_store *d, int member, struct fault *fault)
{
    char name[32];
    char path[JOB_STORE_PATH_MAX];
    uint8_t *bytes = malloc(PROBE_BYTES);
    if (bytes == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    memset(bytes, 0x5a, PROBE_BYTES); /* zeros might be stored as nothing */
    (void)snprintf(name, sizeof name, "probe.%d", member);
    const int rc = write_file(d, name, bytes, PROBE_BYTES, fault);
    if (rc == FAULT_NONE && file_path(d, name, path, fault) == FAULT_NONE) {
        (void)unlink(path);
    }
    free(bytes);
    return rc;
}

static int take_lock(struct job_store *d, struct fault *fault)
{
    char path[JOB_STORE_PATH_MAX];
    const int rc = file_path(d, "lock", path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (d->lock_fd < 0) {
        return fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", path, strerror(errno));
    }
    const struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    /* Other errors than these mean a file system without locks. */
    if (fcntl(d->lock_fd, F_SETLK, &lock) != 0 && (errno == EACCES || errno == EAGAIN)) {
        return fault_set(fault, FAULT_WORK, "%s: another murid is using it", d->path);
    }
    return FAULT_NONE;
}

static int enter(struct job_store *d, bool resume, struct fault *fault)
{
    if (resume && access(d->path, F_OK) != 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: no such directory; that of an interrupted fit was expected", d->path);
    }
    if (resume) {
        const int rc = need_key(d, fault);
        return rc ? rc : take_lock(d, fault);
    }
    if (mkdir(d->path, 0777) != 0) {
        return errno == EEXIST ? fault_set(fault, FAULT_INPUT,
                                           "%s: of an interrupted fit; --resume continues it, "
                                           "removing it starts over",
                                           d->path)
                               : fault_set(fault, FAULT_WORK, "%s: cannot be created: %s", d->path,
                                           strerror(errno));
    }
    d->is_new = true;
    const int rc = take_lock(d, fault);
    return rc ? rc : write_file(d, "key", (const uint8_t *)d->key, strlen(d->key), fault);
}

int job_store_open(struct job_store *d, const char *path, const char *key, bool resume,
                   struct fault *fault)
{
    int rc = take_words(d, path, key, fault);
    rc = rc ? rc : enter(d, resume, fault);
    rc = rc ? rc : probe(d, 0, fault);
    if (rc != FAULT_NONE) {
        job_store_close(d);
    }
    return rc;
}

int job_store_join(struct job_store *d, const char *path, const char *key, int member,
                   struct fault *fault)
{
    int rc = take_words(d, path, key, fault);
    rc = rc ? rc : need_key(d, fault);
    rc = rc ? rc : probe(d, member, fault);
    if (rc != FAULT_NONE) {
        job_store_close(d);
    }
    return rc;
}

/* Over the key, the job's number and the bytes: a result of other jobs is no result. */
static void checksum(const struct job_store *d, size_t number, const uint8_t *bytes, size_t size,
                     unsigned char out[crypto_hash_sha256_BYTES])
{
    char text[32];
    crypto_hash_sha256_state state;
    const int n = snprintf(text, sizeof text, "%zu", number);
    (void)crypto_hash_sha256_init(&state);
    /* With their ends, so that none can pass for a part of the next. */
    (void)crypto_hash_sha256_update(&state, (const unsigned char *)d->key, strlen(d->key) + 1);
    (void)crypto_hash_sha256_update(&state, (const unsigned char *)text, (size_t)n + 1);
    (void)crypto_hash_sha256_update(&state, bytes, size);
    (void)crypto_hash_sha256_final(&state, out);
}

int job_store_save(const struct job_store *d, size_t number, const uint8_t *bytes, size_t size,
                   struct fault *fault)
{
    char path[JOB_STORE_PATH_MAX];
    int rc = job_path(d, number, "result", path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    uint8_t *file = size <= JOB_STORE_RESULT_MAX ? malloc(HEADER_BYTES + size) : NULL;
    if (file == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for %zu bytes", path, size);
    }
    memcpy(file, MAGIC, sizeof MAGIC);
    checksum(d, number, bytes, size, file + sizeof MAGIC);
    memcpy(file + HEADER_BYTES, bytes, size);
    rc = output_file_write_bytes(NULL, path, file, HEADER_BYTES + size, fault);
    free(file);
    if (rc == FAULT_NONE) {
        rc = job_store_state_path(d, number, path, fault);
        (void)unlink(path);
    }
    return rc;
}

static bool is_whole(const struct job_store *d, size_t number, const uint8_t *file, size_t size)
{
    unsigned char expected[crypto_hash_sha256_BYTES];
    if (size < HEADER_BYTES || memcmp(file, MAGIC, sizeof MAGIC) != 0) {
        return false;
    }
    checksum(d, number, file + HEADER_BYTES, size - HEADER_BYTES, expected);
    return memcmp(file + sizeof MAGIC, expected, sizeof expected) == 0;
}

int job_store_load(const struct job_store *d, size_t number, uint8_t **bytes, size_t *size,
                   struct fault *fault)
{
    char path[JOB_STORE_PATH_MAX];
    uint8_t *file = NULL;
    size_t n = 0;
    *bytes = NULL;
    *size = 0;
    int rc = job_path(d, number, "result", path, fault);
    if (rc != FAULT_NONE || (access(path, F_OK) != 0 && errno == ENOENT)) {
        return rc;
    }
    rc = safetensors_read(path, &file, &n, fault);
    if (rc == FAULT_NONE && !is_whole(d, number, file, n)) {
        free(file);
        rc = fault_set(fault, FAULT_INPUT, "%s: damaged, or of other jobs", path);
    }
    if (rc == FAULT_NONE) {
        memmove(file, file + HEADER_BYTES, n - HEADER_BYTES);
        *bytes = file;
        *size = n - HEADER_BYTES;
    }
    return rc;
}

static bool is_of_a_job(const char *name)
{
    const size_t digits = strspn(name, "0123456789");
    return digits >= 4 && name[digits] == '.';
}

static bool is_ours(const char *name)
{
    return is_of_a_job(name) || strncmp(name, "key", 3) == 0 || strncmp(name, "probe.", 6) == 0 ||
           strcmp(name, "lock") == 0;
}

void job_store_remove(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return;
    }
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (is_ours(e->d_name)) {
            (void)unlinkat(dirfd(dir), e->d_name, 0);
        }
    }
    (void)closedir(dir);
    (void)rmdir(path);
}

static bool has_a_job(const char *path)
{
    bool has = false;
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return true;
    }
    for (const struct dirent *e = readdir(dir); e != NULL && !has; e = readdir(dir)) {
        has = is_of_a_job(e->d_name);
    }
    (void)closedir(dir);
    return has;
}

void job_store_close(struct job_store *d)
{
    if (d->is_open) {
        if (d->is_new && !has_a_job(d->path)) {
            job_store_remove(d->path);
        }
        if (d->lock_fd >= 0) {
            (void)close(d->lock_fd);
        }
    }
    memset(d, 0, sizeof *d);
}
