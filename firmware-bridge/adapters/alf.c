/* ALF, the files of IBL's ONE: .../SUBJECT/YYYY-MM-DD/NNN/alf, and in it one .npy for each
 * attribute of the object trials, with or without a namespace: _ibl_trials.choice.npy,
 * trials.choice.npy, _ibl_trials.choice.UUID.npy. Revisions are folders #NAME# in it; the last one
 * in the order of names goes before.
 *
 * A folder with the choices of trials is one session. Columns become trials by the shipped mapping
 * ibl or by a mapping (bridge/column_trials.h): columns are called like the attributes. Parquet
 * tables
 * (_ibl_trials.table.pqt) cannot be read: there is no reader for them in Debian. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/column_trials.h"
#include "bridge/npy.h"
#include "bridge/whole_file.h"

enum {
    FILES_MAX = 64,
    ENTRIES_MAX = 1 << 14,
    ATTRIBUTE_MAX = 64,
    NAME_MAX_BYTES = 240,
    FILE_NAME_MAX = 512
};

/* ---- names ----------------------------------------------------------------------------------- */

/* The attribute that a file holds, if it is one of trials: "choice". */
static bool attribute_of(const char *name, char out[ATTRIBUTE_MAX])
{
    const char *object = name;
    if (name[0] == '_') { /* a namespace */
        const char *end = strchr(name + 1, '_');
        object = end != NULL ? end + 1 : name;
    }
    if (strncmp(object, "trials.", 7) != 0) {
        return false;
    }
    const char *attribute = object + 7;
    const size_t size = strcspn(attribute, ".");
    if (size == 0 || size >= ATTRIBUTE_MAX || attribute[size] == '\0' ||
        (!bridge_ends_in(name, ".npy") && !bridge_ends_in(name, ".pqt"))) {
        return false;
    }
    memcpy(out, attribute, size);
    out[size] = '\0';
    return true;
}

static bool is_parquet(const char *file)
{
    return bridge_ends_in(file, ".pqt");
}

/* ---- the files of a folder ------------------------------------------------------------------- */

struct alf_file {
    char attribute[ATTRIBUTE_MAX];
    char name[FILE_NAME_MAX]; /* below the folder */
    struct bridge_whole_stamp stamp;
};

struct alf_files {
    struct alf_file list[FILES_MAX];
    size_t n;
    char revisions[FILES_MAX][NAME_MAX_BYTES];
    size_t n_revisions;
};

static struct alf_file *find(struct alf_files *files, const char *attribute)
{
    for (size_t i = 0; i < files->n; i++) {
        if (strcmp(files->list[i].attribute, attribute) == 0) {
            return &files->list[i];
        }
    }
    return NULL;
}

/* Of two files of one attribute, the later revision; in one folder, the first by name. */
static void take_file(struct alf_files *files, const char *below, const char *name)
{
    char attribute[ATTRIBUTE_MAX];
    char whole[FILE_NAME_MAX];
    if (strlen(below) + strlen(name) + 2 > sizeof whole || !attribute_of(name, attribute)) {
        return;
    }
    (void)snprintf(whole, sizeof whole, "%s%s%s", below, below[0] != '\0' ? "/" : "", name);
    struct alf_file *file = find(files, attribute);
    if (file != NULL) {
        const size_t folder = strlen(below);
        const bool is_same = strncmp(file->name, below, folder) == 0 &&
                             (strchr(file->name, '/') != NULL) == (folder > 0);
        if (is_same && strcmp(file->name, whole) <= 0) {
            return;
        }
    } else if (files->n == FILES_MAX) {
        return;
    } else {
        file = &files->list[files->n++];
    }
    memcpy(file->attribute, attribute, sizeof attribute);
    memcpy(file->name, whole, sizeof whole);
}

static void list_folder(struct alf_files *files, const char *path, const char *below)
{
    char folder[2 * BRIDGE_PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s/%s", path, below);
    DIR *open = opendir(folder);
    if (open == NULL) {
        return;
    }
    int n = 0;
    for (struct dirent *e = readdir(open); e != NULL && n < ENTRIES_MAX; e = readdir(open), n++) {
        const size_t size = strlen(e->d_name);
        if (below[0] == '\0' && size > 2 && size < NAME_MAX_BYTES && e->d_name[0] == '#' &&
            e->d_name[size - 1] == '#' && files->n_revisions < FILES_MAX) {
            memcpy(files->revisions[files->n_revisions++], e->d_name, size + 1);
        } else {
            take_file(files, below, e->d_name);
        }
    }
    (void)closedir(open);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int by_attribute(const void *a, const void *b)
{
    return strcmp(((const struct alf_file *)a)->attribute, ((const struct alf_file *)b)->attribute);
}

static void list_files(struct alf_files *files, const char *path)
{
    *files = (struct alf_files){.n = 0};
    list_folder(files, path, "");
    if (files->n_revisions > 0) {
        qsort(files->revisions, files->n_revisions, sizeof files->revisions[0], by_text);
    }
    for (size_t i = 0; i < files->n_revisions; i++) {
        list_folder(files, path, files->revisions[i]);
    }
    if (files->n > 0) {
        qsort(files->list, files->n, sizeof files->list[0], by_attribute);
    }
}

/* ---- the source ------------------------------------------------------------------------------ */

struct alf {
    struct bridge_column_trials trials;
    struct alf_files files;
    struct alf_files now;
};

static bool is_of_trials(const char *attribute)
{
    return strcmp(attribute, "choice") == 0 || strcmp(attribute, "table") == 0;
}

static bool probe(const struct bridge_candidate *c)
{
    char attribute[ATTRIBUTE_MAX];
    if (!c->is_folder) {
        return attribute_of(c->name, attribute) && is_of_trials(attribute);
    }
    struct alf_files *files = malloc(sizeof *files);
    if (files == NULL) {
        return false;
    }
    list_files(files, c->path);
    const bool is = find(files, "choice") != NULL || find(files, "table") != NULL;
    free(files);
    return is;
}

/* The folder, also where one of its files was named. */
static int open_source(struct bridge_source *s)
{
    char attribute[ATTRIBUTE_MAX];
    char *slash = strrchr(s->path, '/');
    if (bridge_column_trials_check(s) != 0) {
        return -1;
    }
    struct alf *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    if (attribute_of(slash != NULL ? slash + 1 : s->path, attribute)) {
        strcpy(slash == NULL      ? s->path
               : slash == s->path ? slash + 1
                                  : slash,
               slash == NULL ? "." : "");
    }
    s->state = a;
    return 0;
}

static void close_source(struct bridge_source *s)
{
    struct alf *a = s->state;
    bridge_column_trials_close(&a->trials);
    free(a);
}

/* ---- loading --------------------------------------------------------------------------------- */

static void path_of(const struct bridge_source *s, const struct alf_file *file,
                    char out[2 * BRIDGE_PATH_MAX])
{
    (void)snprintf(out, 2 * BRIDGE_PATH_MAX, "%s/%s", s->path, file->name);
}

/* Is there another file, or has one changed? a->now are those of now. */
static bool has_changed(struct bridge_source *s, struct alf *a)
{
    char path[2 * BRIDGE_PATH_MAX];
    list_files(&a->now, s->path);
    bool is = a->now.n != a->files.n;
    for (size_t i = 0; i < a->now.n; i++) {
        struct alf_file *file = &a->now.list[i];
        const struct alf_file *before = find(&a->files, file->attribute);
        if (before == NULL || strcmp(before->name, file->name) != 0) {
            is = true;
        } else {
            file->stamp = before->stamp;
        }
        path_of(s, file, path);
        is = bridge_whole_file_look(s, path, &file->stamp) == 1 || is;
    }
    s->why.found[0] = '\0'; /* what cannot be read is said when it is read */
    return is;
}

static void say_parquet(struct bridge_source *s, struct alf *a, const struct alf_file *file)
{
    static const char *const NEEDED[] = {"choice", "contrastLeft", "contrastRight", "feedbackType"};
    char path[2 * BRIDGE_PATH_MAX];
    bool has_all = true;
    for (size_t i = 0; i < sizeof NEEDED / sizeof NEEDED[0]; i++) {
        has_all = has_all && find(&a->files, NEEDED[i]) != NULL;
    }
    if (has_all) {
        return;
    }
    path_of(s, file, path);
    (void)bridge_why_set(s, path, 0, -1, "a Parquet table, which murid cannot read",
                         "a .npy for each column",
                         "in its folder, in Python: for c, v in pandas.read_parquet("
                         "'_ibl_trials.table.pqt').items(): numpy.save('_ibl_trials.' + c, v)");
    bridge_column_trials_note(&a->trials, s);
}

/* The columns of an array are called like its file. */
static void read_file(struct bridge_source *s, struct alf *a, struct alf_file *file)
{
    char path[2 * BRIDGE_PATH_MAX];
    uint8_t *bytes = NULL;
    size_t size = 0;
    struct bridge_whole_stamp stamp = {.is_set = false};
    path_of(s, file, path);
    const int got = bridge_whole_file_read(s, path, BRIDGE_COLUMNS_BYTES, &stamp, &bytes, &size);
    if (got == 1 &&
        bridge_npy_read(s, path, file->attribute, bytes, size, &a->trials.columns) != 0) {
        bridge_column_trials_note(&a->trials, s);
    } else if (got < 0) {
        bridge_column_trials_note(&a->trials, s);
    }
    free(bytes);
}

static int load(struct bridge_source *s)
{
    struct alf *a = s->state;
    if (!has_changed(s, a)) {
        return 0;
    }
    a->files = a->now;
    bridge_column_trials_clear(&a->trials, "ALF");
    for (size_t i = 0; i < a->files.n; i++) {
        struct alf_file *file = &a->files.list[i];
        if (is_parquet(file->name)) {
            say_parquet(s, a, file);
        } else {
            read_file(s, a, file);
        }
    }
    bridge_column_trials_name(&a->trials, s);
    return 1;
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct alf *a = s->state;
    return bridge_column_trials_next(&a->trials, s, load, event);
}

const struct bridge_adapter BRIDGE_ADAPTER_alf = {
    .name = "alf",
    .about = "ALF: a folder of trials as IBL's ONE keeps them",
    .takes_mapping = true,
    .probe = probe,
    .open = open_source,
    .next = next,
    .close = close_source};
