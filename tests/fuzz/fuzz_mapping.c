/* Mappings: any bytes. What is accepted is within its bounds, and each key is found again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mapping m;
    struct fault fault;
    m = (struct mapping){.used = 0};
    (void)mapping_file_parse(&m, "fuzz", data, size, &fault);
    char *text = malloc(size + 1);
    if (text != NULL) {
        memcpy(text, data, size);
        text[size] = '\0';
        (void)mapping_add(&m, "--map", text, &fault);
        free(text);
    }
    for (size_t i = 0; i < m.map.n; i++) {
        const struct bridge_mapping_line *line = &m.map.line[i];
        if (bridge_mapping_get(&m.map, line->section, line->key) != line->value) {
            abort();
        }
    }
    return 0;
}
