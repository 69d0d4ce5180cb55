/* rig_files.h - files of rigs as a test writes them, in a folder of its own, and events read from
 * them. */
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include "bridge/adapter.h"

enum { RIG_FILES_LINE_MAX = 1024 };

static char rig_files_root[64];
static struct bridge_source rig_files_source;

/* A new folder; returns its path. */
static inline const char *rig_files_make(void)
{
    strcpy(rig_files_root, "/tmp/murid-rigs-XXXXXX");
    assert_non_null(mkdtemp(rig_files_root));
    return rig_files_root;
}

static inline void rig_files_remove(void)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", rig_files_root);
    assert_int_equal(system(command), 0);
}

/* The path of a name in the folder, one at a time. */
static inline const char *rig_files_path(const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", rig_files_root, name);
    return path;
}

/* Makes a folder, and those above it. */
static inline void rig_files_folder(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s", rig_files_path(name));
    for (char *at = path + strlen(rig_files_root) + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            (void)mkdir(path, 0700);
            *at = '/';
        }
    }
    (void)mkdir(path, 0700);
}

/* mode: "w" a new file, "a" more of it. */
static inline void rig_files_write(const char *name, const char *mode, const void *bytes,
                                   size_t size)
{
    FILE *f = fopen(rig_files_path(name), mode);
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static inline void rig_files_put(const char *name, const char *mode, const char *text)
{
    rig_files_write(name, mode, text, strlen(text));
}

static inline void rig_files_open(const struct bridge_adapter *adapter, const char *name)
{
    assert_int_equal(bridge_source_open(&rig_files_source, adapter, rig_files_path(name), NULL), 0);
}

/* The teardown of a test. */
static inline int rig_files_leave(void **state)
{
    (void)state;
    bridge_source_close(&rig_files_source);
    rig_files_remove();
    return 0;
}

/* The next event must be of that kind. */
static inline struct bridge_event rig_files_next(enum bridge_event_kind kind)
{
    struct bridge_event event;
    char text[2048];
    if (bridge_source_next(&rig_files_source, &event) != 1) {
        fail_msg("no event: %s", bridge_why_text(&rig_files_source.why, text, sizeof text));
    }
    assert_int_equal(event.kind, kind);
    return event;
}

static inline void rig_files_nothing(void)
{
    struct bridge_event event;
    assert_int_equal(bridge_source_next(&rig_files_source, &event), 0);
}

/* The next is left out, for a reason in which these words stand. */
static inline void rig_files_wrong(const char *words)
{
    struct bridge_event event;
    char text[2048];
    assert_int_equal(bridge_source_next(&rig_files_source, &event), -1);
    (void)bridge_why_text(&rig_files_source.why, text, sizeof text);
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" stands not in: %s", words, text);
    }
}
