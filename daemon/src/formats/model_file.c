#include "model_file.h"

#include <stdlib.h>
#include <string.h>

#include "file_kind.h"

/* Bytes of no known form are told of by the parser, which says where it ends. */
static int check_kind(const char *path, const uint8_t *bytes, size_t size, struct fault *fault)
{
    const enum file_kind kind = file_kind_of(bytes, size);
    return kind == FILE_KIND_MODEL || kind == FILE_KIND_BINARY
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT, "%s: is %s; a model file was expected", path,
                           file_kind_name(kind));
}

int model_file_load(const char *path, struct model_file *out, struct fault *fault)
{
    memset(out, 0, sizeof *out);
    uint8_t *bytes;
    size_t size;
    int rc = safetensors_read(path, &bytes, &size, fault);
    if (rc == FAULT_NONE) {
        rc = check_kind(path, bytes, size, fault);
        rc = rc ? rc : model_file_parse(path, bytes, size, out, fault);
        free(bytes);
    }
    return rc;
}

int model_file_save(struct model_file *model, const struct output_guard *guard, const char *path,
                    struct fault *fault)
{
    uint8_t *bytes;
    size_t size;
    int rc = model_file_encode(model, &bytes, &size, fault);
    if (rc == FAULT_NONE) {
        rc = output_file_write_bytes(guard, path, bytes, size, fault);
        if (rc == FAULT_NONE) {
            model_file_hash_bytes(model, bytes, size);
        }
        free(bytes);
    }
    return rc;
}
