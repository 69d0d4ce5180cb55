#include "bridge/npy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 128, DIMENSIONS_MAX = 8, HEADER_MAX = 1 << 16, DEPTH_MAX = 4 };

/* A value of a row. */
struct field {
    char name[BRIDGE_COLUMN_NAME_MAX];
    char kind; /* 'b' 'i' 'u' 'f' 'S' 'U'; 0: passed by */
    bool is_big;
    size_t offset; /* within the row, bytes */
    size_t size;   /* of the value, bytes */
};

struct header {
    struct field field[FIELDS_MAX];
    size_t n_fields;
    size_t row; /* bytes of an element */
    bool is_structured;
    bool is_pickle;
    bool is_fortran;
    size_t shape[DIMENSIONS_MAX];
    size_t n_dimensions;
    size_t data; /* where the values begin */
};

/* ---- the header: a dictionary as Python writes it -------------------------------------------- */

struct text {
    const uint8_t *bytes; /* of the file */
    size_t at;
    size_t end;
    const char *expected; /* what was, where reading failed; NULL: it has not */
};

static bool fail(struct text *t, const char *expected)
{
    if (t->expected == NULL) {
        t->expected = expected;
    }
    return false;
}

static char peek(struct text *t)
{
    while (t->at < t->end && (t->bytes[t->at] == ' ' || t->bytes[t->at] == '\n')) {
        t->at++;
    }
    return t->at < t->end ? (char)t->bytes[t->at] : '\0';
}

static bool take(struct text *t, char c)
{
    if (peek(t) != c) {
        return false;
    }
    t->at++;
    return true;
}

/* A quoted text, cut to what fits. */
static bool quoted(struct text *t, char *out, size_t cap)
{
    const char quote = peek(t);
    size_t n = 0;
    if (quote != '\'' && quote != '"') {
        return fail(t, "a quoted text");
    }
    for (t->at++; t->at < t->end && (char)t->bytes[t->at] != quote; t->at++) {
        if (n + 1 < cap) {
            out[n++] = (char)t->bytes[t->at];
        }
    }
    out[n] = '\0';
    return t->at < t->end ? take(t, quote) : fail(t, "the end of a quoted text");
}

static bool whole(struct text *t, size_t *out)
{
    size_t value = 0;
    bool has = false;
    (void)peek(t);
    for (; t->at < t->end && t->bytes[t->at] >= '0' && t->bytes[t->at] <= '9'; t->at++) {
        value = value < SIZE_MAX / 16 ? 10 * value + (size_t)(t->bytes[t->at] - '0') : SIZE_MAX / 2;
        has = true;
    }
    *out = value;
    return has || fail(t, "a whole number");
}

/* (3,), (2, 3) or (): their number, and as many as fit. */
static bool sizes(struct text *t, size_t list[DIMENSIONS_MAX], size_t *n)
{
    *n = 0;
    if (!take(t, '(')) {
        return fail(t, "a tuple of sizes");
    }
    while (!take(t, ')')) {
        if (*n == DIMENSIONS_MAX || !whole(t, &list[*n])) {
            return fail(t, "at most 8 sizes");
        }
        (*n)++;
        if (!take(t, ',') && peek(t) != ')') {
            return fail(t, "a comma between sizes");
        }
    }
    return true;
}

/* "<f8": what it is and how large. */
static bool simple_type(struct text *t, struct header *h, struct field *field)
{
    char type[24];
    if (!quoted(t, type, sizeof type)) {
        return false;
    }
    const bool has_order = type[0] == '<' || type[0] == '>' || type[0] == '|' || type[0] == '=';
    const char *at = type + (has_order ? 1 : 0);
    char *end = NULL;
    const unsigned long n = *at == '\0' ? 0 : strtoul(at + 1, &end, 10);
    if (*at == 'O') {
        h->is_pickle = true;
        return true;
    }
    if (*at == '\0' || at[1] < '0' || at[1] > '9' || n > (1UL << 24)) {
        return fail(t, "a type such as <f8, |b1 or <U10");
    }
    field->is_big = type[0] == '>';
    field->size = (*at == 'U' ? 4 : 1) * (size_t)n;
    const bool is_number = (*at == 'b' && n == 1) ||
                           (strchr("iu", *at) != NULL && (n == 1 || n == 2 || n == 4 || n == 8)) ||
                           (*at == 'f' && (n == 2 || n == 4 || n == 8));
    const bool is_text = (*at == 'U' || *at == 'S') && n > 0 && n < BRIDGE_CELL_MAX;
    field->kind = '\0';
    if (is_number || is_text) {
        field->kind = *at;
    }
    return true;
}

static bool fields(struct text *t, struct header *h, size_t *row, int depth);

/* One field of a structured type: ('name', type) or ('name', type, shape). */
static bool one_field(struct text *t, struct header *h, size_t *row, int depth)
{
    struct field new = {.kind = '\0'};
    char title[BRIDGE_COLUMN_NAME_MAX];
    size_t inner[DIMENSIONS_MAX];
    size_t n_inner = 0;
    size_t count = 1;
    const size_t n_before = h->n_fields;
    bool ok = take(t, '(') || fail(t, "a field in parentheses");
    if (ok && take(t, '(')) { /* a title before the name */
        ok = quoted(t, title, sizeof title) && take(t, ',') &&
             quoted(t, new.name, sizeof new.name) && take(t, ')');
    } else {
        ok = ok && quoted(t, new.name, sizeof new.name);
    }
    ok = ok && take(t, ',');
    if (ok && peek(t) == '[') {
        ok = fields(t, h, &new.size, depth + 1);
        h->n_fields = n_before; /* fields within a field are passed by */
    } else {
        ok = ok && simple_type(t, h, &new);
    }
    if (ok && take(t, ',') && peek(t) == '(') {
        ok = sizes(t, inner, &n_inner);
        (void)take(t, ',');
    }
    for (size_t i = 0; ok && i < n_inner; i++) {
        count = inner[i] > 0 && count > (1U << 24) / inner[i] ? (1U << 24) : count * inner[i];
        new.kind = '\0';
    }
    if (!ok || !take(t, ')')) {
        return fail(t, "a field ('name', 'type')");
    }
    new.offset = *row;
    *row += new.size *count;
    if (h->n_fields == FIELDS_MAX || *row > (1U << 24)) {
        return fail(t, "at most 128 fields of 16 megabytes in all");
    }
    h->field[h->n_fields++] = new;
    return true;
}

static bool fields(struct text *t, struct header *h, size_t *row, int depth)
{
    if (depth == DEPTH_MAX || !take(t, '[')) {
        return fail(t, "a list of fields");
    }
    while (!take(t, ']')) {
        if (!one_field(t, h, row, depth)) {
            return false;
        }
        if (!take(t, ',') && peek(t) != ']') {
            return fail(t, "a comma between fields");
        }
    }
    return true;
}

static bool type_of(struct text *t, struct header *h)
{
    if (peek(t) == '[') {
        h->is_structured = true;
        return fields(t, h, &h->row, 0);
    }
    h->n_fields = 1;
    h->field[0] = (struct field){.kind = '\0'};
    const bool ok = simple_type(t, h, &h->field[0]);
    h->row = h->field[0].size;
    return ok;
}

static bool one_key(struct text *t, struct header *h, unsigned *seen)
{
    char key[24];
    if (!quoted(t, key, sizeof key) || !take(t, ':')) {
        return fail(t, "a key and a colon");
    }
    if (strcmp(key, "descr") == 0) {
        *seen |= 1;
        return type_of(t, h);
    }
    if (strcmp(key, "shape") == 0) {
        *seen |= 2;
        return sizes(t, h->shape, &h->n_dimensions);
    }
    if (strcmp(key, "fortran_order") == 0) {
        *seen |= 4;
        (void)peek(t);
        const size_t left = t->end - t->at;
        h->is_fortran = left >= 4 && memcmp(t->bytes + t->at, "True", 4) == 0;
        if (!h->is_fortran && (left < 5 || memcmp(t->bytes + t->at, "False", 5) != 0)) {
            return fail(t, "True or False");
        }
        t->at += h->is_fortran ? 4 : 5;
        return true;
    }
    return fail(t, "the keys descr, fortran_order and shape");
}

static bool dictionary(struct text *t, struct header *h)
{
    unsigned seen = 0;
    if (!take(t, '{')) {
        return fail(t, "a dictionary in {}");
    }
    while (!take(t, '}')) {
        if (!one_key(t, h, &seen)) {
            return false;
        }
        if (!take(t, ',') && peek(t) != '}') {
            return fail(t, "a comma between keys");
        }
    }
    return seen == 7 || fail(t, "the keys descr, fortran_order and shape");
}

/* Reads what stands before the values; t->expected says what is wrong, at t->at. */
static bool read_header(struct text *t, struct header *h, size_t size)
{
    static const uint8_t MAGIC[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    if (size < 10 || memcmp(t->bytes, MAGIC, sizeof MAGIC) != 0) {
        return fail(t, "a file of NumPy, which begins with \\x93NUMPY");
    }
    const uint8_t version = t->bytes[6];
    const size_t start = version == 1 ? 10 : 12;
    t->at = 6;
    if (version < 1 || version > 3 || size < start) {
        return fail(t, "version 1, 2 or 3 of the format");
    }
    size_t length = (size_t)t->bytes[8] | (size_t)t->bytes[9] << 8;
    if (version > 1) {
        length |= (size_t)t->bytes[10] << 16 | (size_t)t->bytes[11] << 24;
    }
    t->at = 8;
    if (length > HEADER_MAX || length > size - start) {
        return fail(t, "a header of at most 64 kilobytes, all of it");
    }
    t->at = start;
    t->end = start + length;
    h->data = t->end;
    return dictionary(t, h);
}

/* ---- values ---------------------------------------------------------------------------------- */

static uint64_t whole_at(const uint8_t *at, size_t size, bool is_big)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | at[is_big ? i : size - 1 - i];
    }
    return value;
}

static double half(uint64_t bits)
{
    const int exponent = (int)(bits >> 10 & 31);
    const double fraction = (double)(bits & 1023);
    const double value = exponent == 31  ? (fraction > 0.0 ? (double)NAN : (double)INFINITY)
                         : exponent == 0 ? ldexp(fraction, -24)
                                         : ldexp(1024.0 + fraction, exponent - 25);
    return (bits >> 15 & 1) != 0 ? -value : value;
}

static double number_at(const struct field *field, const uint8_t *at)
{
    const uint64_t bits = whole_at(at, field->size, field->is_big);
    if (field->kind == 'u') {
        return (double)bits;
    }
    if (field->kind == 'b') {
        return bits != 0 ? 1.0 : 0.0;
    }
    if (field->kind == 'i') {
        const uint64_t sign = (uint64_t)1 << (8 * field->size - 1);
        return (bits & sign) != 0 ? -(double)(((bits ^ (2 * sign - 1)) & (2 * sign - 1)) + 1)
                                  : (double)bits;
    }
    if (field->size == 2) {
        return half(bits);
    }
    if (field->size == 4) {
        const uint32_t narrow = (uint32_t)bits;
        float value = 0.0F;
        memcpy(&value, &narrow, sizeof value);
        return (double)value;
    }
    double value = 0.0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Texts are padded with NUL; those of U hold code points, of which ASCII is kept. */
static void text_at(const struct field *field, const uint8_t *at, char *out)
{
    const size_t step = field->kind == 'U' ? 4 : 1;
    for (size_t i = 0; i < field->size / step; i++) {
        const uint64_t point = whole_at(at + i * step, step, field->is_big);
        out[i] = (char)(point < 127 ? point : '?');
    }
}

/* The value `value` of row `row`, of `values` in a row, and `rows` in all. */
static const uint8_t *cell_at(const struct header *h, const uint8_t *data, size_t row, size_t value,
                              size_t rows, size_t values)
{
    return data + h->row * (h->is_fortran ? value * rows + row : row * values + value);
}

struct table {
    const uint8_t *data;
    size_t rows;   /* as the header says */
    size_t values; /* of a row */
    size_t whole;  /* rows that are there */
    bool is_scalar;
};

static bool add_column(const struct header *h, const struct table *table, size_t f, size_t value,
                       const char *name, struct bridge_columns *out)
{
    const struct field *field = &h->field[f];
    const bool is_text = field->kind == 'S' || field->kind == 'U';
    const size_t width = is_text ? field->size / (field->kind == 'U' ? 4 : 1) + 1 : 0;
    struct bridge_column *column = bridge_columns_add(out, name, table->whole, width);
    if (column == NULL) {
        return false;
    }
    column->n_stated = table->rows;
    column->is_scalar = table->is_scalar;
    for (size_t i = 0; i < table->whole; i++) {
        const uint8_t *at =
            cell_at(h, table->data, i, value, table->rows, table->values) + field->offset;
        if (is_text) {
            text_at(field, at, column->text + i * width);
        } else {
            column->number[i] = number_at(field, at);
        }
    }
    return true;
}

static bool add_columns(const struct header *h, const struct table *table, const char *name,
                        struct bridge_columns *out)
{
    bool ok = true;
    const size_t values =
        table->values < BRIDGE_NPY_VALUES_MAX ? table->values : BRIDGE_NPY_VALUES_MAX;
    for (size_t f = 0; ok && f < h->n_fields; f++) {
        for (size_t k = 0; ok && k < values; k++) {
            char given[2 * BRIDGE_COLUMN_NAME_MAX];
            const char *base = h->is_structured ? h->field[f].name : name;
            if (base[0] == '\0') {
                (void)snprintf(given, sizeof given, "%zu", k);
            } else if (k == 0) {
                (void)snprintf(given, sizeof given, "%.63s", base);
            } else {
                (void)snprintf(given, sizeof given, "%.58s[%zu]", base, k);
            }
            ok = h->field[f].kind == '\0' || add_column(h, table, f, k, given, out);
        }
    }
    return ok;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int too_large(struct bridge_source *s, const char *path)
{
    return bridge_why_set(s, path, 0, -1, "the array is too large",
                          "at most 16 million rows, 512 columns and 512 megabytes in all",
                          "save a part of it");
}

static int cut(struct bridge_source *s, const char *path, const struct table *table, size_t size)
{
    char found[160];
    char expected[160];
    (void)snprintf(found, sizeof found, "the file ends after row %zu", table->whole);
    (void)snprintf(expected, sizeof expected, "%zu rows, as its header says", table->rows);
    return bridge_why_set(s, path, 0, (int64_t)size, found, expected,
                          "copy the file again; the rows before are read");
}

static int read_values(struct bridge_source *s, const char *path, const char *name,
                       const struct header *h, const uint8_t *bytes, size_t size,
                       struct bridge_columns *out)
{
    const bool is_scalar = h->n_dimensions == 0;
    struct table table = {.data = bytes + h->data,
                          .rows = is_scalar ? 1 : h->shape[0],
                          .values = h->n_dimensions == 2 ? h->shape[1] : 1,
                          .is_scalar = is_scalar};
    if (h->n_dimensions > 2 || h->row == 0 || table.values == 0) {
        return 0;
    }
    if (table.rows > BRIDGE_ROWS_MAX || table.values > SIZE_MAX / h->row ||
        table.rows > SIZE_MAX / (h->row * table.values)) {
        return too_large(s, path);
    }
    const size_t whole_rows = (size - h->data) / (h->row * table.values);
    table.whole = whole_rows < table.rows ? whole_rows : table.rows;
    const bool is_cut = table.whole < table.rows;
    if (is_cut && (h->is_fortran && table.values > 1)) {
        table.whole = 0; /* its columns stand one behind the other */
        return cut(s, path, &table, size);
    }
    if (!add_columns(h, &table, name, out)) {
        return too_large(s, path);
    }
    return is_cut ? cut(s, path, &table, size) : 0;
}

/* A dictionary kept in an archive is most likely psytrack's. */
static int pickle(struct bridge_source *s, const char *path, const char *name)
{
    const char *file = path != NULL ? path : s->path;
    const bool is_archive = bridge_ends_in(file, ".npz");
    char found[160];
    char fix[160];
    (void)snprintf(found, sizeof found, "%.64s%sa pickle of Python objects, which runs code", name,
                   name[0] != '\0' ? " is " : "");
    if (is_archive) {
        (void)snprintf(fix, sizeof fix,
                       "in Python, D = np.load(F, allow_pickle=True)['%.20s'].item(), then "
                       "np.savez(G, y=D['y'], dayLength=D['dayLength'], **D['inputs'])",
                       name);
    } else {
        (void)snprintf(fix, sizeof fix,
                       "in Python, a = np.load(F, allow_pickle=True), then np.save(F, "
                       "a.astype(float))");
    }
    return bridge_why_set(s, path, 0, -1, found, "an array of numbers or texts", fix);
}

int bridge_npy_read(struct bridge_source *s, const char *path, const char *name,
                    const uint8_t *bytes, size_t size, struct bridge_columns *out)
{
    struct header *h = calloc(1, sizeof *h);
    struct text t = {.bytes = bytes};
    int rc = 0;
    if (h == NULL) {
        return bridge_why_set(s, path, 0, -1, "no memory", "", "");
    }
    if (!read_header(&t, h, size)) {
        rc = bridge_why_set(s, path, 0, (int64_t)t.at, "the header of the array is damaged",
                            t.expected, "save the array again with numpy.save");
    } else if (h->is_pickle) {
        rc = pickle(s, path, name);
    } else {
        rc = read_values(s, path, name, h, bytes, size, out);
    }
    free(h);
    return rc;
}

bool bridge_npy_is_table(const uint8_t *head, size_t size)
{
    struct header *h = calloc(1, sizeof *h);
    struct text t = {.bytes = head};
    const bool is = h != NULL && read_header(&t, h, size) &&
                    (h->is_structured || (h->n_dimensions == 2 && h->shape[1] > 2));
    free(h);
    return is;
}
