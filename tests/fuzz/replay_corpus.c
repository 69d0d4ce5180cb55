/* Runs every file of the directories given through a fuzz target, so that a seed or a crash once
 * found is checked by the ordinary test run, with any compiler. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_BYTES_MAX = 1 << 20 };

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        return -1;
    }
    uint8_t *data = malloc(FILE_BYTES_MAX);
    if (data == NULL) {
        fclose(f);
        return -1;
    }
    /* Copied to an exact-size block, so that a sanitizer sees a read past the end. */
    const size_t size = fread(data, 1, FILE_BYTES_MAX, f);
    fclose(f);
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact != NULL) {
        memcpy(exact, data, size);
        (void)LLVMFuzzerTestOneInput(exact, size);
    }
    free(exact);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int n = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        if (dir == NULL) {
            fprintf(stderr, "%s: not a directory\n", argv[i]);
            return 1;
        }
        for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
            char path[4096];
            if (e->d_name[0] == '.') {
                continue;
            }
            (void)snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
            if (replay_file(path) != 0) {
                closedir(dir);
                return 1;
            }
            n++;
        }
        closedir(dir);
    }
    printf("%d corpus files, none crashed\n", n);
    return n > 0 ? 0 : 1;
}
