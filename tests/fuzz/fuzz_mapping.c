/* Mappings: any bytes. What is accepted is within its bounds, and each key is found again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mapping_file *file = NULL;
    struct fault fault;
    if (mapping_file_parse(&file, "fuzz", data, size, &fault) != FAULT_NONE) {
        if (file != NULL) {
            abort();
        }
        return 0;
    }
    for (size_t i = 0; i < file->map.n; i++) {
        const struct bridge_mapping_line *line = &file->map.line[i];
        if (bridge_mapping_get(&file->map, line->section, line->key) != line->value ||
            strlen(line->value) >= MAPPING_FILE_TEXT_MAX) {
            abort();
        }
    }
    mapping_file_free(file);
    return 0;
}
