/* Any bytes as an ALF folder: one after the other, the name of an attribute up to a newline, two
 * bytes of a size, and a file of that size. */
#include <dirent.h>

#include "adapter_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

/* Writes the file at *data, and moves behind it. */
static void write_one(const uint8_t **data, size_t *size)
{
    char name[64] = "";
    size_t n = 0;
    while (*size > 0 && **data != '\n') {
        const char c = (char)**data;
        if (n < 40 && c != '\0' && c != '/') {
            name[n++] = c;
        }
        (*data)++;
        (*size)--;
    }
    if (*size < 3) {
        *size = 0;
        return;
    }
    const size_t stated = (size_t)(*data)[1] | (size_t)(*data)[2] << 8;
    *data += 3;
    *size -= 3;
    const size_t length = stated < *size ? stated : *size;
    char path[192];
    (void)snprintf(path, sizeof path, "%s/_ibl_trials.%s", folder, name);
    adapter_fuzz_write(path, "w", *data, length);
    *data += length;
    *size -= length;
}

static void empty(void)
{
    DIR *open = opendir(folder);
    for (struct dirent *e = open != NULL ? readdir(open) : NULL; e != NULL; e = readdir(open)) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.') {
            (void)unlink(path);
        }
    }
    if (open != NULL) {
        (void)closedir(open);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bridge_source source;
    struct adapter_fuzz_sum sum = {.n_events = 0};
    if (folder[0] == '\0') {
        strcpy(folder, "/tmp/murid-fuzz-XXXXXX");
        if (mkdtemp(folder) == NULL) {
            abort();
        }
    }
    for (int i = 0; i < 16 && size > 0; i++) {
        write_one(&data, &size);
    }
    const struct bridge_candidate candidate = {.path = folder, .name = "alf", .is_folder = true};
    (void)BRIDGE_ADAPTER_alf.probe(&candidate);
    if (bridge_source_open(&source, &BRIDGE_ADAPTER_alf, folder, NULL) != 0) {
        abort();
    }
    adapter_fuzz_read(&source, &sum);
    bridge_source_close(&source);
    empty();
    return 0;
}
