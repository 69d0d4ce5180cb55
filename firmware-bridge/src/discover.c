#include "bridge/discover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct search {
    struct bridge_discovery *out;
    const struct bridge_adapter *only;
    const struct bridge_mapping *map;
    size_t most;       /* that are found */
    const char *since; /* "": whatever is there */
    bool has_memory;
    uint8_t head[BRIDGE_HEAD_BYTES];
};

/* Room for one more of size bytes; false without memory. */
static bool grow(void **list, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity) {
        return true;
    }
    const size_t more = *capacity > 0 ? 2 * *capacity : 16;
    void *moved = realloc(*list, more * size);
    if (moved == NULL) {
        return false;
    }
    *list = moved;
    *capacity = more;
    return true;
}

/* What could not be looked at is passed by; the first is named. */
static void note(struct search *search, const char *path, const char *found)
{
    struct bridge_why *why = &search->out->why;
    if (why->found[0] == '\0') {
        (void)snprintf(why->path, sizeof why->path, "%s", path);
        (void)snprintf(why->found, sizeof why->found, "%s", found);
    }
}

static void take(struct search *search, const char *path, const struct bridge_adapter *adapter,
                 bool is_pipe)
{
    struct bridge_discovery *out = search->out;
    if (out->n == search->most) {
        out->is_cut = true;
        return;
    }
    void *list = out->list;
    char *copy = strdup(path);
    if (copy == NULL || !grow(&list, out->n, &out->capacity, sizeof *out->list)) {
        free(copy);
        search->has_memory = false;
        return;
    }
    out->list = list;
    out->list[out->n++] = (struct bridge_found){copy, adapter, is_pipe};
}

/* A day as a folder's name has it. */
static bool is_day(const char *name)
{
    static const char FORM[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof FORM; i++) {
        const bool is_digit = name[i] >= '0' && name[i] <= '9';
        if (FORM[i] == 'd' ? !is_digit : name[i] != FORM[i]) {
            return false;
        }
    }
    return true;
}

static bool is_older(const struct search *search, const struct stat *info)
{
    struct tm day;
    char text[32];
    if (search->since[0] == '\0' || gmtime_r(&info->st_mtim.tv_sec, &day) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%d", &day) == 0) {
        return false;
    }
    return strcmp(text, search->since) < 0;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void offer_file(struct search *search, const char *path, const struct stat *info)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const ssize_t got = fd < 0 ? -1 : read(fd, search->head, sizeof search->head);
    if (got < 0) {
        note(search, path, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    const struct bridge_candidate candidate = {.path = path,
                                               .name = name_of(path),
                                               .head = search->head,
                                               .head_size = got > 0 ? (size_t)got : 0,
                                               .size = (int64_t)info->st_size,
                                               .map = search->map};
    const struct bridge_adapter *adapter =
        got < 0 ? NULL : bridge_adapter_of(&candidate, search->only);
    if (adapter != NULL) {
        take(search, path, adapter, false);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder, in their order. */
static char **names_in(struct search *search, const char *path, size_t *n)
{
    void *names = NULL;
    size_t capacity = 0;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        note(search, path, strerror(errno));
        return NULL;
    }
    for (struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        if (e->d_name[0] == '.') {
            continue;
        }
        if (search->out->n_seen == BRIDGE_DISCOVER_SEEN) {
            search->out->is_cut = true;
            break;
        }
        char *copy = strdup(e->d_name);
        if (copy == NULL || !grow(&names, *n, &capacity, sizeof(char *))) {
            free(copy);
            search->has_memory = false;
            break;
        }
        ((char **)names)[(*n)++] = copy;
        search->out->n_seen++;
    }
    (void)closedir(folder);
    if (*n > 0) {
        qsort(names, *n, sizeof(char *), by_name);
    }
    return names;
}

static void look_at(struct search *search, const char *path, int depth);

static void look_into(struct search *search, const char *path, int depth)
{
    size_t n = 0;
    char **names = names_in(search, path, &n);
    for (size_t i = 0; i < n; i++) {
        char below[BRIDGE_PATH_MAX];
        const int used = snprintf(below, sizeof below, "%s%s%s", path,
                                  strcmp(path, "/") == 0 ? "" : "/", names[i]);
        if (used < 0 || (size_t)used >= sizeof below) {
            note(search, path, "a path in it is too long");
        } else if (search->has_memory && !search->out->is_cut &&
                   !(is_day(names[i]) && strcmp(names[i], search->since) < 0)) {
            look_at(search, below, depth);
        }
        free(names[i]);
    }
    free(names);
}

/* A pipe, or "-": none of it is read before it is opened. */
static void offer_pipe(struct search *search, const char *path)
{
    const struct bridge_candidate candidate = {
        .path = path, .name = name_of(path), .is_pipe = true, .map = search->map};
    const struct bridge_adapter *adapter = bridge_adapter_of(&candidate, search->only);
    if (adapter != NULL) {
        take(search, path, adapter, true);
    }
}

static void look_at(struct search *search, const char *path, int depth)
{
    struct stat info;
    struct stat link;
    if (depth == 0 && strcmp(path, "-") == 0) {
        offer_pipe(search, path);
        return;
    }
    if (stat(path, &info) != 0 || lstat(path, &link) != 0) {
        note(search, path, strerror(errno));
        return;
    }
    if (S_ISREG(info.st_mode)) {
        if (depth == 0 || !is_older(search, &info)) {
            offer_file(search, path, &info);
        }
        return;
    }
    if (depth == 0 && S_ISFIFO(info.st_mode)) {
        offer_pipe(search, path);
        return;
    }
    if (!S_ISDIR(info.st_mode) || (depth > 0 && S_ISLNK(link.st_mode))) {
        return;
    }
    search->out->is_folder = search->out->is_folder || depth == 0;
    const struct bridge_candidate candidate = {
        .path = path, .name = name_of(path), .is_folder = true, .map = search->map};
    const struct bridge_adapter *adapter = bridge_adapter_of(&candidate, search->only);
    if (adapter != NULL) {
        take(search, path, adapter, false);
    } else if (depth == BRIDGE_DISCOVER_DEPTH) {
        search->out->is_cut = true;
    } else {
        look_into(search, path, depth + 1);
    }
}

static int discover(struct bridge_discovery *out, const char *path,
                    const struct bridge_adapter *only, const struct bridge_mapping *map,
                    size_t most, const char *since)
{
    *out = (struct bridge_discovery){.why.byte = -1};
    struct search *search = malloc(sizeof *search);
    if (search == NULL) {
        return -1;
    }
    search->out = out;
    search->only = only;
    search->map = map;
    search->most = most;
    search->since = since;
    search->has_memory = true;
    char trimmed[BRIDGE_PATH_MAX];
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    if (size >= sizeof trimmed) {
        note(search, path, "the path is too long");
    } else {
        memcpy(trimmed, path, size);
        trimmed[size] = '\0';
        look_at(search, trimmed, 0);
    }
    const bool has_memory = search->has_memory;
    free(search);
    if (!has_memory) {
        bridge_discovery_free(out);
        return -1;
    }
    return 0;
}

int bridge_discover(struct bridge_discovery *out, const char *path,
                    const struct bridge_adapter *only, const struct bridge_mapping *map)
{
    return discover(out, path, only, map, BRIDGE_DISCOVER_FOUND, "");
}

int bridge_discover_since(struct bridge_discovery *out, const char *path,
                          const struct bridge_adapter *only, const struct bridge_mapping *map,
                          const char *since)
{
    return discover(out, path, only, map, BRIDGE_DISCOVER_FOUND, since);
}

bool bridge_discover_any(const char *path)
{
    struct bridge_discovery found;
    const bool is_any = discover(&found, path, NULL, NULL, 1, "") == 0 && found.n > 0;
    bridge_discovery_free(&found);
    return is_any;
}

void bridge_discovery_free(struct bridge_discovery *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->list[i].path);
    }
    free(d->list);
    *d = (struct bridge_discovery){0};
}
