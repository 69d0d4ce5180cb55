#include "safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input_file.h"
#include "json_writer.h"
#include "proto/reader.h"

enum { LENGTH_BYTES = 8, PATH_BYTES = 4096 };

static const struct {
    const char *name;
    size_t width;
} TYPES[] = {[SAFETENSORS_F32] = {"F32", 4}, [SAFETENSORS_F64] = {"F64", 8}};

enum { N_TYPES = sizeof TYPES / sizeof TYPES[0] };

/* One parse: where things are, and where errors go. */
struct parse {
    struct safetensors *st;
    const char *place;
    struct fault *fault;
    proto_reader reader;
    uint64_t begin[SAFETENSORS_TENSORS_MAX]; /* of each tensor, from the first data byte */
    uint64_t end[SAFETENSORS_TENSORS_MAX];
};

static uint64_t get_le(const uint8_t *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static void put_le(uint8_t *bytes, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

static int bad_header(struct parse *p, const char *what)
{
    const int status = p->reader.status;
    return fault_set(p->fault, FAULT_INPUT, "%s: header, byte %zu: %s%s%s", p->place,
                     p->reader.at + LENGTH_BYTES, what, status != PROTO_OK ? ": " : "",
                     status != PROTO_OK ? proto_strerror(status) : "");
}

static bool is_printable(const char *text)
{
    for (const uint8_t *c = (const uint8_t *)text; *c != '\0'; c++) {
        const bool is_c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0; /* U+0080 to U+009F */
        if (*c < 0x20 || *c == 0x7f || is_c1) {
            return false;
        }
    }
    return true;
}

static int read_text(struct parse *p, const proto_token *token, char *out, size_t cap,
                     const char *what)
{
    const int size = proto_token_text(token, out, cap);
    if (size == PROTO_ERR_SPACE) {
        return fault_set(p->fault, FAULT_INPUT, "%s: header, byte %zu: %s longer than %zu bytes",
                         p->place, token->offset + LENGTH_BYTES, what, cap - 1);
    }
    if (size < 0 || !is_printable(out)) {
        return fault_set(p->fault, FAULT_INPUT, "%s: header, byte %zu: %s is not printable text",
                         p->place, token->offset + LENGTH_BYTES, what);
    }
    return FAULT_NONE;
}

static int read_metadata(struct parse *p)
{
    struct safetensors *st = p->st;
    if (proto_reader_next(&p->reader).type != PROTO_TOKEN_MAP) {
        return bad_header(p, "__metadata__ is not a map");
    }
    for (;;) {
        const proto_token key = proto_reader_next(&p->reader);
        if (key.type == PROTO_TOKEN_CLOSE) {
            return FAULT_NONE;
        }
        const proto_token value = proto_reader_next(&p->reader);
        if (key.type != PROTO_TOKEN_TEXT || value.type != PROTO_TOKEN_TEXT) {
            return bad_header(p, "__metadata__ may hold only strings");
        }
        if (st->n_meta == SAFETENSORS_META_MAX) {
            return fault_set(p->fault, FAULT_INPUT, "%s: more than %d entries in __metadata__",
                             p->place, SAFETENSORS_META_MAX);
        }
        struct safetensors_meta *meta = &st->meta[st->n_meta];
        int rc = read_text(p, &key, meta->key, sizeof meta->key, "a metadata key");
        rc = rc ? rc : read_text(p, &value, meta->value, sizeof meta->value, "a metadata value");
        if (rc != FAULT_NONE) {
            return rc;
        }
        if (safetensors_meta_find(st, meta->key) != NULL) {
            return fault_set(p->fault, FAULT_INPUT, "%s: metadata \"%s\": given twice", p->place,
                             meta->key);
        }
        st->n_meta++;
    }
}

static int read_type(struct parse *p, struct safetensors_tensor *tensor)
{
    const proto_token token = proto_reader_next(&p->reader);
    for (int i = 0; i < N_TYPES; i++) {
        if (proto_token_is(&token, TYPES[i].name)) {
            tensor->type = (enum safetensors_type)i;
            return FAULT_NONE;
        }
    }
    char found[16] = "";
    (void)proto_token_text(&token, found, sizeof found);
    return fault_set(p->fault, FAULT_INPUT, "%s: tensor \"%s\": dtype %s, F32 or F64 expected",
                     p->place, tensor->name, is_printable(found) ? found : "unreadable");
}

/* Reads [a, b, ...] of whole numbers; *n of them, at most max. */
static int read_numbers(struct parse *p, const struct safetensors_tensor *tensor, const char *key,
                        uint32_t max, uint64_t out[], uint32_t *n)
{
    *n = 0;
    proto_token token = proto_reader_next(&p->reader);
    bool ok = token.type == PROTO_TOKEN_ARRAY;
    while (ok) {
        token = proto_reader_next(&p->reader);
        if (token.type == PROTO_TOKEN_CLOSE) {
            return FAULT_NONE;
        }
        ok = token.type == PROTO_TOKEN_INT && token.integer >= 0 && *n < max;
        if (ok) {
            out[(*n)++] = (uint64_t)token.integer;
        }
    }
    return fault_set(p->fault, FAULT_INPUT,
                     "%s: tensor \"%s\": %s is not a list of at most %u whole numbers", p->place,
                     tensor->name, key, (unsigned)max);
}

static int check_size(struct parse *p, struct safetensors_tensor *tensor, uint64_t begin,
                      uint64_t end)
{
    uint64_t n = 1;
    for (uint32_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->shape[i] > SAFETENSORS_FILE_MAX ||
            (n *= tensor->shape[i]) > SAFETENSORS_FILE_MAX) {
            return fault_set(p->fault, FAULT_INPUT,
                             "%s: tensor \"%s\": more than %d values in its shape", p->place,
                             tensor->name, SAFETENSORS_FILE_MAX);
        }
    }
    const uint64_t bytes = n * TYPES[tensor->type].width;
    if (begin > end || end - begin != bytes) {
        return fault_set(p->fault, FAULT_INPUT,
                         "%s: tensor \"%s\": data_offsets %" PRIu64 " to %" PRIu64 ", %" PRIu64
                         " bytes expected from its shape",
                         p->place, tensor->name, begin, end, bytes);
    }
    tensor->n = (size_t)n;
    return FAULT_NONE;
}

/* The map that describes a tensor. */
static int read_description(struct parse *p, struct safetensors_tensor *tensor, uint64_t offsets[2])
{
    int rc = FAULT_NONE;
    bool has_type = false;
    bool has_shape = false;
    uint32_t n_offsets = 0;
    while (rc == FAULT_NONE) {
        const proto_token key = proto_reader_next(&p->reader);
        if (key.type == PROTO_TOKEN_CLOSE) {
            break;
        }
        if (proto_token_is(&key, "dtype") && !has_type) {
            has_type = true;
            rc = read_type(p, tensor);
        } else if (proto_token_is(&key, "shape") && !has_shape) {
            has_shape = true;
            rc = read_numbers(p, tensor, "shape", SAFETENSORS_DIMS_MAX, tensor->shape,
                              &tensor->n_dims);
        } else if (proto_token_is(&key, "data_offsets") && n_offsets == 0) {
            rc = read_numbers(p, tensor, "data_offsets", 2, offsets, &n_offsets);
        } else {
            rc = bad_header(p, "dtype, shape and data_offsets expected, once each");
        }
    }
    if (rc == FAULT_NONE && (!has_type || !has_shape || n_offsets != 2)) {
        rc = fault_set(p->fault, FAULT_INPUT,
                       "%s: tensor \"%s\": dtype, shape and two data_offsets expected", p->place,
                       tensor->name);
    }
    return rc;
}

static int read_tensor(struct parse *p, const proto_token *name)
{
    struct safetensors *st = p->st;
    if (st->n_tensors == SAFETENSORS_TENSORS_MAX) {
        return fault_set(p->fault, FAULT_INPUT, "%s: more than %d tensors", p->place,
                         SAFETENSORS_TENSORS_MAX);
    }
    const uint32_t at = st->n_tensors;
    struct safetensors_tensor *tensor = &st->tensors[at];
    int rc = read_text(p, name, tensor->name, sizeof tensor->name, "a tensor's name");
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (safetensors_find(st, tensor->name) != NULL) {
        return fault_set(p->fault, FAULT_INPUT, "%s: tensor \"%s\": given twice", p->place,
                         tensor->name);
    }
    if (proto_reader_next(&p->reader).type != PROTO_TOKEN_MAP) {
        return bad_header(p, "a tensor's description is not a map");
    }
    uint64_t offsets[2] = {0, 0};
    rc = read_description(p, tensor, offsets);
    rc = rc ? rc : check_size(p, tensor, offsets[0], offsets[1]);
    if (rc == FAULT_NONE) {
        p->begin[at] = offsets[0];
        p->end[at] = offsets[1];
        st->n_tensors++;
    }
    return rc;
}

/* The format wants the data without holes or overlaps: following the tensors from 0, each must
 * begin where another ended, and the last must end with the file. */
static int place_tensors(struct parse *p, const uint8_t *data, uint64_t size)
{
    struct safetensors *st = p->st;
    bool is_placed[SAFETENSORS_TENSORS_MAX] = {false};
    uint64_t at = 0;
    for (uint32_t done = 0; done < st->n_tensors; done++) {
        uint32_t next = st->n_tensors;
        for (uint32_t i = 0; i < st->n_tensors; i++) {
            if (!is_placed[i] && (next == st->n_tensors || p->begin[i] < p->begin[next] ||
                                  (p->begin[i] == p->begin[next] && p->end[i] < p->end[next]))) {
                next = i;
            }
        }
        struct safetensors_tensor *tensor = &st->tensors[next];
        if (p->begin[next] != at || p->end[next] > size) {
            return fault_set(p->fault, FAULT_INPUT,
                             "%s: tensor \"%s\": data_offsets %" PRIu64 " to %" PRIu64
                             ", a begin at %" PRIu64 " and an end by %" PRIu64 " expected",
                             p->place, tensor->name, p->begin[next], p->end[next], at, size);
        }
        tensor->bytes = data + at;
        is_placed[next] = true;
        at = p->end[next];
    }
    if (at != size) {
        return fault_set(p->fault, FAULT_INPUT,
                         "%s: %" PRIu64 " bytes after the last tensor, none expected", p->place,
                         size - at);
    }
    return FAULT_NONE;
}

static int read_header(struct parse *p)
{
    if (proto_reader_next(&p->reader).type != PROTO_TOKEN_MAP) {
        return bad_header(p, "a map was expected");
    }
    bool has_metadata = false;
    int rc = FAULT_NONE;
    while (rc == FAULT_NONE) {
        const proto_token key = proto_reader_next(&p->reader);
        if (key.type == PROTO_TOKEN_CLOSE) {
            break;
        }
        if (key.type != PROTO_TOKEN_TEXT) {
            rc = bad_header(p, "a tensor's name was expected");
        } else if (!proto_token_is(&key, "__metadata__")) {
            rc = read_tensor(p, &key);
        } else if (has_metadata) {
            rc = bad_header(p, "__metadata__ is given twice");
        } else {
            has_metadata = true;
            rc = read_metadata(p);
        }
    }
    while (rc == FAULT_NONE && p->reader.at < p->reader.size) {
        if (p->reader.bytes[p->reader.at] != ' ') {
            rc = bad_header(p, "only spaces may follow the map");
        }
        p->reader.at++;
    }
    return rc;
}

int safetensors_parse(struct safetensors *st, const char *place, const uint8_t *bytes, size_t size,
                      struct fault *fault)
{
    memset(st, 0, sizeof *st);
    if (size < LENGTH_BYTES) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: %zu bytes, a safetensors file of at least 8 expected", place, size);
    }
    const uint64_t header = get_le(bytes, LENGTH_BYTES);
    if (header > SAFETENSORS_HEADER_MAX) {
        return fault_set(fault, FAULT_INPUT, "%s: header of %" PRIu64 " bytes, at most %d expected",
                         place, header, SAFETENSORS_HEADER_MAX);
    }
    if (header > size - LENGTH_BYTES) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: header of %" PRIu64 " bytes, but only %zu bytes follow", place,
                         header, size - LENGTH_BYTES);
    }
    struct parse p = {.st = st, .place = place, .fault = fault};
    const uint8_t *data = bytes + LENGTH_BYTES + header;
    proto_reader_init(&p.reader, PROTO_FORMAT_JSON, bytes + LENGTH_BYTES, (size_t)header);
    int rc = read_header(&p);
    rc = rc ? rc : place_tensors(&p, data, size - LENGTH_BYTES - header);
    if (rc != FAULT_NONE) {
        memset(st, 0, sizeof *st);
    }
    return rc;
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *st, const char *name)
{
    for (uint32_t i = 0; i < st->n_tensors; i++) {
        if (strcmp(st->tensors[i].name, name) == 0) {
            return &st->tensors[i];
        }
    }
    return NULL;
}

const char *safetensors_meta_find(const struct safetensors *st, const char *key)
{
    for (uint32_t i = 0; i < st->n_meta; i++) {
        if (strcmp(st->meta[i].key, key) == 0) {
            return st->meta[i].value;
        }
    }
    return NULL;
}

double safetensors_value(const struct safetensors_tensor *tensor, size_t i)
{
    if (tensor->type == SAFETENSORS_F32) {
        const uint32_t bits = (uint32_t)get_le(tensor->bytes + 4 * i, 4);
        float value;
        memcpy(&value, &bits, sizeof value);
        return (double)value;
    }
    const uint64_t bits = get_le(tensor->bytes + 8 * i, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int add(struct safetensors *st, const char *name, enum safetensors_type type,
               uint32_t n_dims, const uint64_t shape[], const void *values, struct fault *fault)
{
    if (st->n_tensors == SAFETENSORS_TENSORS_MAX || n_dims > SAFETENSORS_DIMS_MAX ||
        strlen(name) > SAFETENSORS_NAME_MAX) {
        return fault_set(fault, FAULT_WORK, "tensor \"%s\" cannot be added", name);
    }
    struct safetensors_tensor *tensor = &st->tensors[st->n_tensors++];
    *tensor = (struct safetensors_tensor){.type = type, .n_dims = n_dims, .n = 1, .bytes = values};
    memcpy(tensor->name, name, strlen(name) + 1);
    for (uint32_t i = 0; i < n_dims; i++) {
        tensor->shape[i] = shape[i];
        tensor->n *= (size_t)shape[i];
    }
    return FAULT_NONE;
}

int safetensors_add_f32(struct safetensors *st, const char *name, uint32_t n_dims,
                        const uint64_t shape[], const float values[], struct fault *fault)
{
    return add(st, name, SAFETENSORS_F32, n_dims, shape, values, fault);
}

int safetensors_add_f64(struct safetensors *st, const char *name, uint32_t n_dims,
                        const uint64_t shape[], const double values[], struct fault *fault)
{
    return add(st, name, SAFETENSORS_F64, n_dims, shape, values, fault);
}

int safetensors_add_meta(struct safetensors *st, const char *key, const char *value,
                         struct fault *fault)
{
    if (st->n_meta == SAFETENSORS_META_MAX || strlen(key) > SAFETENSORS_NAME_MAX ||
        strlen(value) > SAFETENSORS_VALUE_MAX) {
        return fault_set(fault, FAULT_WORK, "metadata \"%s\" cannot be added", key);
    }
    struct safetensors_meta *meta = &st->meta[st->n_meta++];
    memcpy(meta->key, key, strlen(key) + 1);
    memcpy(meta->value, value, strlen(value) + 1);
    return FAULT_NONE;
}

/* The header's text, to be freed, and the size of the values; NULL: no memory, or it is too large.
 */
static char *make_header(const struct safetensors *st, size_t *size, size_t *data)
{
    char *text = NULL;
    struct json_writer w = {.to = open_memstream(&text, size), .is_compact = true};
    *data = 0;
    if (w.to == NULL) {
        return NULL;
    }
    json_object(&w, NULL);
    json_object(&w, "__metadata__");
    for (uint32_t i = 0; i < st->n_meta; i++) {
        json_text(&w, st->meta[i].key, st->meta[i].value);
    }
    json_end(&w);
    for (uint32_t i = 0; i < st->n_tensors; i++) {
        const struct safetensors_tensor *tensor = &st->tensors[i];
        json_object(&w, tensor->name);
        json_text(&w, "dtype", TYPES[tensor->type].name);
        json_array(&w, "shape");
        for (uint32_t d = 0; d < tensor->n_dims; d++) {
            json_int(&w, NULL, (int64_t)tensor->shape[d]);
        }
        json_end(&w);
        json_array(&w, "data_offsets");
        json_int(&w, NULL, (int64_t)*data);
        *data += tensor->n * TYPES[tensor->type].width;
        json_int(&w, NULL, (int64_t)*data);
        json_end(&w);
        json_end(&w);
    }
    json_end(&w);
    while (fflush(w.to) == 0 && *size % 8 != 0) {
        fputc(' ', w.to);
    }
    const bool failed = ferror(w.to) != 0;
    if (fclose(w.to) != 0 || failed || *size > SAFETENSORS_HEADER_MAX) {
        free(text);
        return NULL;
    }
    return text;
}

static uint8_t *put_values(uint8_t *to, const struct safetensors_tensor *tensor)
{
    const size_t width = TYPES[tensor->type].width;
    for (size_t i = 0; i < tensor->n; i++) {
        uint64_t bits = 0;
        if (width == 4) {
            uint32_t low;
            memcpy(&low, tensor->bytes + i * width, sizeof low);
            bits = low;
        } else {
            memcpy(&bits, tensor->bytes + i * width, sizeof bits);
        }
        put_le(to + i * width, bits, width);
    }
    return to + tensor->n * width;
}

int safetensors_encode(const struct safetensors *st, uint8_t **bytes, size_t *size,
                       struct fault *fault)
{
    size_t n_header;
    size_t data;
    char *header = make_header(st, &n_header, &data);
    uint8_t *out = header != NULL ? malloc(LENGTH_BYTES + n_header + data) : NULL;
    if (out == NULL) {
        free(header);
        return fault_set(fault, FAULT_WORK, "a model file of %zu bytes cannot be made", data);
    }
    put_le(out, n_header, LENGTH_BYTES);
    memcpy(out + LENGTH_BYTES, header, n_header);
    free(header);
    uint8_t *at = out + LENGTH_BYTES + n_header;
    for (uint32_t i = 0; i < st->n_tensors; i++) {
        at = put_values(at, &st->tensors[i]);
    }
    *bytes = out;
    *size = (size_t)(at - out);
    return FAULT_NONE;
}

int safetensors_read(const char *path, uint8_t **out, size_t *out_size, struct fault *fault)
{
    FILE *file;
    const int rc = input_file_open(&file, path, NULL, fault);
    return rc ? rc
              : input_file_read(file, path, SAFETENSORS_FILE_MAX, ", the most for a model", out,
                                out_size, fault);
}
