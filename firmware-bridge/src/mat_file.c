#include "bridge/mat_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { HEADER = 128, TAG = 8, RANK_MAX = 32, NAME_BYTES_MAX = 64 };

/* Types of elements. */
enum {
    INT8 = 1,
    UINT8,
    INT16,
    UINT16,
    INT32,
    UINT32,
    SINGLE,
    DOUBLE = 9,
    INT64 = 12,
    UINT64,
    MATRIX,
    COMPRESSED,
    UTF8,
    UTF16,
    UTF32
};

/* Classes of arrays; numbers are from CLASS_DOUBLE to CLASS_LAST. */
enum { CLASS_CELL = 1, CLASS_STRUCT, CLASS_CHAR = 4, CLASS_DOUBLE = 6, CLASS_LAST = 15 };

/* ---- elements -------------------------------------------------------------------------------- */

/* Bytes that are still to be read. */
struct cursor {
    const uint8_t *at;
    size_t left;
    bool is_big;
};

struct element {
    uint32_t type;
    const uint8_t *bytes;
    size_t size;
};

/* An unsigned number of 1, 2, 4 or 8 bytes. */
static uint64_t unsigned_at(const uint8_t *at, size_t width, bool is_big)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++) {
        value = value << 8 | at[is_big ? i : width - 1 - i];
    }
    return value;
}

static uint32_t word_at(const uint8_t *at, bool is_big)
{
    return (uint32_t)unsigned_at(at, 4, is_big);
}

/* Takes the next element, with what fills it up to 8 bytes. False: it is not all there. */
static bool take(struct cursor *c, struct element *e)
{
    if (c->left < TAG) {
        return false;
    }
    const uint32_t first = word_at(c->at, c->is_big);
    if (first >> 16 != 0) { /* a small one: its bytes are in the tag */
        *e = (struct element){first & 0xffffU, c->at + 4, first >> 16};
        c->at += TAG;
        c->left -= TAG;
        return e->size <= 4;
    }
    *e = (struct element){first, c->at + TAG, word_at(c->at + 4, c->is_big)};
    if (e->size > c->left - TAG) {
        return false;
    }
    const size_t filled = (e->size + 7) & ~(size_t)7;
    const size_t used = TAG + (e->type == COMPRESSED ? e->size : filled);
    c->at += used < c->left ? used : c->left;
    c->left -= used < c->left ? used : c->left;
    return true;
}

/* An array, taken apart up to its contents. */
struct array {
    uint32_t class;
    size_t n; /* of its dimensions */
    size_t rows;
    bool is_complex;
    const uint8_t *name;
    size_t name_size;
    size_t n_fields; /* of a struct */
    size_t field_width;
    const uint8_t *fields; /* their names */
    struct cursor contents;
};

static bool take_shape(struct cursor *c, struct array *a)
{
    struct element e;
    if (!take(c, &e) || e.type != UINT32 || e.size < 8) {
        return false;
    }
    const uint32_t flags = word_at(e.bytes, c->is_big);
    a->class = flags & 0xffU;
    a->is_complex = (flags & 0x0800U) != 0;
    if (!take(c, &e) || e.type != INT32 || e.size < 4 || e.size / 4 > RANK_MAX) {
        return false;
    }
    a->n = 1;
    a->rows = word_at(e.bytes, c->is_big);
    for (size_t i = 0; i < e.size / 4; i++) {
        const size_t length = word_at(e.bytes + 4 * i, c->is_big);
        if (length != 0 && a->n > BRIDGE_MAT_MAX / length) {
            return false;
        }
        a->n *= length;
    }
    if (!take(c, &e) || e.type != INT8) {
        return false;
    }
    a->name = e.bytes;
    a->name_size = e.size;
    return true;
}

/* False: it is none, or is empty. */
static bool take_apart(struct bridge_mat value, struct array *a)
{
    struct element e;
    *a = (struct array){.contents = {value.bytes, value.size, value.is_big}};
    if (value.bytes == NULL || !take_shape(&a->contents, a)) {
        return false;
    }
    if (a->class != CLASS_STRUCT) {
        return true;
    }
    if (!take(&a->contents, &e) || e.type != INT32 || e.size != 4) {
        return false;
    }
    a->field_width = word_at(e.bytes, value.is_big);
    if (!take(&a->contents, &e) || e.type != INT8 || a->field_width == 0) {
        return false;
    }
    a->n_fields = e.size / a->field_width;
    a->fields = e.bytes;
    return true;
}

/* The array in an element that was taken. */
static struct bridge_mat value_of(const struct element *e, bool is_big)
{
    return e->type == MATRIX && e->size > 0
               ? (struct bridge_mat){.bytes = e->bytes, .size = e->size, .is_big = is_big}
               : (struct bridge_mat){.bytes = NULL};
}

/* The i-th array of the contents. */
static struct bridge_mat content(const struct array *a, size_t i)
{
    struct cursor c = a->contents;
    struct element e = {0, NULL, 0};
    for (size_t n = 0; n <= i; n++) {
        if (!take(&c, &e)) {
            return (struct bridge_mat){.bytes = NULL};
        }
    }
    return value_of(&e, c.is_big);
}

/* ---- the file -------------------------------------------------------------------------------- */

/* "MI" or "IM" at the end of the header says which end of a number stands first. */
static bool is_mat(const uint8_t *head, size_t size)
{
    return size >= HEADER && memcmp(head, "MATLAB ", 7) == 0 &&
           (memcmp(head + 126, "MI", 2) == 0 || memcmp(head + 126, "IM", 2) == 0);
}

static bool is_mat_5(const uint8_t *head)
{
    return head[head[126] == 'M' ? 124 : 125] == 1;
}

/* Inflates into new bytes; all of it, or what there is up to `most` of it. NULL: that failed. */
static uint8_t *inflate_all(const uint8_t *bytes, size_t size, size_t most, size_t *out_size)
{
    size_t capacity = most < 65536 ? most : 65536;
    uint8_t *out = malloc(capacity);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)size};
    int rc = out != NULL ? inflateInit(&z) : Z_MEM_ERROR;
    if (rc != Z_OK) {
        free(out);
        return NULL;
    }
    while (rc == Z_OK && z.total_out < most) {
        if (z.total_out == capacity) {
            capacity = capacity > most / 2 ? most : 2 * capacity;
            uint8_t *more = realloc(out, capacity);
            if (more == NULL) {
                break;
            }
            out = more;
        }
        z.next_out = out + z.total_out;
        z.avail_out = (uInt)(capacity - z.total_out);
        rc = inflate(&z, Z_NO_FLUSH);
    }
    *out_size = z.total_out;
    (void)inflateEnd(&z);
    return out;
}

static bool is_named(struct bridge_mat value, const char *name)
{
    struct array a;
    (void)take_apart(value, &a);
    return a.name_size == strlen(name) && memcmp(a.name, name, a.name_size) == 0;
}

bool bridge_mat_file_begins(const uint8_t *head, size_t size, const char *name)
{
    struct bridge_mat value = {.bytes = NULL};
    size_t plain_size = 0;
    if (!is_mat(head, size) || !is_mat_5(head) || size < HEADER + TAG) {
        return false;
    }
    value.is_big = head[126] == 'M';
    uint8_t *plain = NULL;
    if (word_at(head + HEADER, value.is_big) == COMPRESSED) {
        plain = inflate_all(head + HEADER + TAG, size - HEADER - TAG, 256, &plain_size);
        if (plain != NULL && plain_size > TAG) {
            value.bytes = plain + TAG;
            value.size = plain_size - TAG;
        }
    } else {
        value.bytes = head + HEADER + TAG;
        value.size = size - HEADER - TAG;
    }
    const bool begins = is_named(value, name);
    free(plain);
    return begins;
}

static int not_complete(struct bridge_source *s, const char *path, size_t byte)
{
    (void)bridge_why_set(s, path, 0, (int64_t)byte, "the file ends within a variable", "all of it",
                         "it is being written, or was cut: save it again");
    return 0;
}

/* Keeps an element that is the variable of that name: 1; 0 it is another; -1 with s->why. */
static int keep(struct bridge_mat_file *f, struct bridge_source *s, const char *path,
                const struct element *e, const char *name, struct bridge_mat *out)
{
    size_t size = e->size;
    uint8_t *bytes = NULL;
    struct element inner = *e;
    if (e->type == COMPRESSED) {
        bytes = inflate_all(e->bytes, e->size, BRIDGE_MAT_MAX, &size);
        struct cursor c = {bytes, bytes != NULL ? size : 0, out->is_big};
        if (!take(&c, &inner)) {
            free(bytes);
            return bridge_why_set(s, path, 0, -1,
                                  size >= BRIDGE_MAT_MAX
                                      ? "a variable is too large"
                                      : "a compressed variable cannot be inflated",
                                  "at most 256 MiB, deflated by MATLAB", "save it again, with -v6");
        }
    }
    struct bridge_mat value = value_of(&inner, out->is_big);
    if (!is_named(value, name)) {
        free(bytes);
        return 0;
    }
    if (bytes == NULL) {
        bytes = malloc(inner.size);
        if (bytes == NULL) {
            return bridge_why_set(s, path, 0, -1, "no memory", "", "");
        }
        memcpy(bytes, inner.bytes, inner.size);
        value.bytes = bytes;
    }
    free(f->bytes);
    f->bytes = bytes;
    *out = value;
    return 1;
}

static int find_variable(struct bridge_mat_file *f, struct bridge_source *s, const char *path,
                         struct cursor c, const char *name, struct bridge_mat *out)
{
    const uint8_t *const begin = c.at;
    while (c.left > 0) {
        struct element e = {0, NULL, 0};
        const size_t byte = HEADER + (size_t)(c.at - begin);
        if (!take(&c, &e)) {
            return not_complete(s, path, byte + c.left);
        }
        if (e.type != MATRIX && e.type != COMPRESSED) {
            return bridge_why_set(s, path, 0, (int64_t)byte, "no variable begins here",
                                  "an array, or a compressed one", "save it again, with -v6");
        }
        const int rc = keep(f, s, path, &e, name, out);
        if (rc != 0) {
            return rc;
        }
    }
    char found[96];
    (void)snprintf(found, sizeof found, "the file has no variable %s", name);
    return bridge_why_set(s, path, 0, -1, found, "a session that Bpod saved", "");
}

int bridge_mat_file_read(struct bridge_mat_file *f, struct bridge_source *s, const char *path,
                         const char *name, struct bridge_mat *out)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    struct bridge_mat found = {.bytes = NULL};
    int rc = bridge_whole_file_read(s, path, BRIDGE_MAT_MAX, &f->stamp, &bytes, &size);
    if (rc != 1) {
        return rc;
    }
    if (size < HEADER) {
        rc = not_complete(s, path, size);
    } else if (!is_mat(bytes, size)) {
        rc = bridge_why_set(s, path, 0, 0, "the file does not begin like a MAT-file",
                            "MATLAB 5.0 MAT-file", "save it again, with -v6");
    } else if (!is_mat_5(bytes)) {
        rc = bridge_why_set(s, path, 0, 124, "a MAT-file of version 7.3, or another",
                            "one of version 5", "in MATLAB: load it, then save NAME -v7");
    } else {
        found.is_big = bytes[126] == 'M';
        const struct cursor c = {bytes + HEADER, size - HEADER, found.is_big};
        rc = find_variable(f, s, path, c, name, &found);
    }
    free(bytes);
    if (rc == 1) {
        *out = found;
    }
    return rc;
}

void bridge_mat_file_close(struct bridge_mat_file *f)
{
    free(f->bytes);
    *f = (struct bridge_mat_file){.bytes = NULL};
}

/* ---- values ---------------------------------------------------------------------------------- */

static size_t width_of(uint32_t type)
{
    static const uint8_t WIDTHS[UTF32 + 1] = {
        [INT8] = 1,   [UINT8] = 1,  [INT16] = 2,  [UINT16] = 2, [INT32] = 4,
        [UINT32] = 4, [SINGLE] = 4, [DOUBLE] = 8, [INT64] = 8,  [UINT64] = 8,
        [UTF8] = 1,   [UTF16] = 2,  [UTF32] = 4};
    return type <= UTF32 ? WIDTHS[type] : 0;
}

/* The numbers or characters of an array, of which e->size is then the number. */
static bool take_numbers(struct bridge_mat value, struct array *a, struct element *e)
{
    if (!take_apart(value, a) || a->is_complex ||
        !(a->class == CLASS_CHAR || (a->class >= CLASS_DOUBLE && a->class <= CLASS_LAST)) ||
        !take(&a->contents, e) || width_of(e->type) == 0) {
        return false;
    }
    const size_t held = e->size / width_of(e->type);
    e->size = a->n < held ? a->n : held;
    return true;
}

size_t bridge_mat_size(struct bridge_mat value)
{
    struct array a;
    struct element e;
    if (take_numbers(value, &a, &e)) {
        return e.size;
    }
    if (!take_apart(value, &a)) {
        return 0;
    }
    const size_t held = a.contents.left / TAG; /* an empty array is a tag */
    if (a.class == CLASS_STRUCT) {
        const size_t most = a.n_fields > 0 ? held / a.n_fields : 0;
        return a.n < most ? a.n : most;
    }
    return a.class != CLASS_CELL ? 0 : a.n < held ? a.n : held;
}

size_t bridge_mat_rows(struct bridge_mat value)
{
    struct array a;
    return bridge_mat_size(value) > 0 && take_apart(value, &a) ? a.rows : 0;
}

bool bridge_mat_is_struct(struct bridge_mat value)
{
    struct array a;
    return take_apart(value, &a) && a.class == CLASS_STRUCT;
}

bool bridge_mat_is_text(struct bridge_mat value)
{
    struct array a;
    return take_apart(value, &a) && a.class == CLASS_CHAR;
}

struct bridge_mat bridge_mat_item(struct bridge_mat value, size_t i)
{
    struct array a;
    if (i < bridge_mat_size(value) && take_apart(value, &a)) {
        if (a.class == CLASS_CELL) {
            return content(&a, i);
        }
        if (a.class == CLASS_STRUCT) {
            value.at = i;
            return value;
        }
    }
    return (struct bridge_mat){.bytes = NULL};
}

bool bridge_mat_field_at(struct bridge_mat value, size_t i, char name[64], struct bridge_mat *field)
{
    struct array a;
    if (!take_apart(value, &a) || a.class != CLASS_STRUCT || i >= a.n_fields ||
        value.at >= bridge_mat_size(value)) {
        return false;
    }
    const size_t width = a.field_width < NAME_BYTES_MAX ? a.field_width : NAME_BYTES_MAX - 1;
    memcpy(name, a.fields + i * a.field_width, width);
    name[width] = '\0';
    *field = content(&a, value.at * a.n_fields + i);
    return true;
}

struct bridge_mat bridge_mat_field(struct bridge_mat value, const char *name)
{
    struct array a;
    const struct bridge_mat none = {.bytes = NULL};
    const size_t size = strlen(name);
    if (!take_apart(value, &a) || a.class != CLASS_STRUCT || value.at >= bridge_mat_size(value)) {
        return none;
    }
    for (size_t i = 0; i < a.n_fields; i++) {
        const uint8_t *at = a.fields + i * a.field_width;
        if (size <= a.field_width && memcmp(at, name, size) == 0 &&
            (size == a.field_width || at[size] == '\0')) {
            return content(&a, value.at * a.n_fields + i);
        }
    }
    return none;
}

/* A number of a type, at its first byte. */
static double number_at(uint32_t type, const uint8_t *at, bool is_big)
{
    const size_t width = width_of(type);
    const uint64_t bits = unsigned_at(at, width, is_big);
    const uint64_t sign = (uint64_t)1 << (8 * width - 1);
    if (type == DOUBLE) {
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (type == SINGLE) {
        const uint32_t half = (uint32_t)bits;
        float value;
        memcpy(&value, &half, sizeof value);
        return (double)value;
    }
    const bool is_signed = type == INT8 || type == INT16 || type == INT32 || type == INT64;
    return is_signed && (bits & sign) != 0 ? (double)(bits & (sign - 1)) - (double)sign
                                           : (double)bits;
}

bool bridge_mat_number(struct bridge_mat value, size_t i, double *to)
{
    struct array a;
    struct element e;
    if (!take_numbers(value, &a, &e) || a.class == CLASS_CHAR || i >= e.size) {
        return false;
    }
    *to = number_at(e.type, e.bytes + i * width_of(e.type), value.is_big);
    return true;
}

bool bridge_mat_text(struct bridge_mat value, char *out, size_t cap)
{
    struct array a;
    struct element e;
    if (!take_numbers(value, &a, &e) || a.class != CLASS_CHAR || e.size >= cap) {
        return false;
    }
    for (size_t i = 0; i < e.size; i++) {
        const double c = number_at(e.type, e.bytes + i * width_of(e.type), value.is_big);
        out[i] = (char)(c >= 32.0 && c < 127.0 ? c : '?');
    }
    out[e.size] = '\0';
    return true;
}
