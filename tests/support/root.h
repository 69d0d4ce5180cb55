/* root.h - a directory of a test program's own, which is empty again when its tests are done.
 *
 *     return cmocka_run_group_tests(tests, root_make, root_remove);
 *
 * For one source file of a program.
 */
#pragma once

#include <unistd.h>

#include "suite.h"

enum { ROOT_PATH_BYTES = 256 };

static char root_path[] = "/tmp/murid-test-XXXXXX";

/* The path of a file in it. Returns path. */
static inline const char *root_file(char path[ROOT_PATH_BYTES], const char *name)
{
    (void)snprintf(path, ROOT_PATH_BYTES, "%s/%s", root_path, name);
    return path;
}

static inline int root_make(void **state)
{
    (void)state;
    return mkdtemp(root_path) != NULL ? 0 : -1;
}

/* Fails where a test left something. */
static inline int root_remove(void **state)
{
    (void)state;
    return rmdir(root_path);
}
