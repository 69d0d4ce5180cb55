#include "key_table.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json_writer.h"
#include "proto/message.h"
#include "text_escape.h"

static const char *const TRUTH[] = {"false", "true", NULL};

/* How lists lie in memory. */
struct list {
    size_t n;
    double reals[];
};

static bool is_list(const struct key *key)
{
    return key->kind == KEY_REALS || key->kind == KEY_STRINGS;
}

static bool has_number(const struct key *key)
{
    return key->kind == KEY_INT || key->kind == KEY_REAL || key->kind == KEY_RANGE;
}

static const char *const *words_of(const struct key *key)
{
    return key->kind == KEY_BOOL ? TRUTH : key->words;
}

const struct key *key_table_find(const struct key_table *table, const char *name)
{
    for (size_t i = 0; i < table->n; i++) {
        if (strcmp(table->key[i].name, name) == 0) {
            return &table->key[i];
        }
    }
    return NULL;
}

const char *key_table_names(const struct key_table *table, const char *meant, char *out, size_t cap,
                            char ask[NEAREST_TEXT_MAX])
{
    struct nearest nearest;
    size_t used = 0;
    nearest_init(&nearest, meant);
    out[0] = '\0';
    for (size_t i = 0; i < table->n; i++) {
        if (used < cap) {
            used += (size_t)snprintf(out + used, cap - used, "%s%s", i > 0 ? ", " : "",
                                     table->key[i].name);
        }
        nearest_offer(&nearest, table->key[i].name);
    }
    (void)nearest_ask(&nearest, "", ask);
    return out;
}

const char *key_word_next(const char **words, char between, size_t *n)
{
    const char *word = *words;
    const char *end = word != NULL ? strchr(word, between) : NULL;
    *n = word == NULL ? 0 : end != NULL ? (size_t)(end - word) : strlen(word);
    *words = end != NULL ? end + 1 : NULL;
    return word;
}

size_t key_word_find(const char *const words[], const char *text, size_t n)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strlen(words[i]) == n && memcmp(words[i], text, n) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* *end: behind the number. */
static bool read_number(const char *digits, const char *text, char **end, double *out)
{
    if (digits != NULL && text[strspn(text, digits)] != '\0') {
        return false;
    }
    *out = strtod(text, end);
    if (*end == text) {
        return false;
    }
    if (**end == '/' && digits != NULL) {
        const char *divisor = *end + 1;
        *out /= strtod(divisor, end);
        return *end != divisor && isfinite(*out);
    }
    return isfinite(*out);
}

bool key_number(const char *digits, const char *text, double *out)
{
    char *end = NULL;
    return read_number(digits, text, &end, out) && *end == '\0';
}

static bool is_in_range(const struct key *key, double real)
{
    return real >= key->min && real <= key->max;
}

/* A double has no room for all of 64 bits: it only reads what no integer is written like, as 1e3,
 * and tells that a number is far out of range. */
static bool read_whole(const struct key *key, const char *text, double real, int64_t *whole)
{
    char *end = NULL;
    if (floor(real) < real || real < -0x1p63 || real > 0x1p63) {
        return false;
    }
    errno = 0;
    *whole = strtoll(text, &end, 10);
    if (*end != '\0' && real < 0x1p63) {
        *whole = (int64_t)real;
    } else if (*end != '\0' || errno != 0) {
        return false;
    }
    return (key->max >= 0x1p63 || *whole <= (int64_t)key->max) &&
           (key->min <= -0x1p63 || *whole >= (int64_t)key->min);
}

static void store_whole(size_t size, void *at, int64_t wide)
{
    const uint32_t narrow = wide > 0 ? (uint32_t)wide : 0;
    memcpy(at, size == sizeof wide ? (const void *)&wide : &narrow, size);
}

static bool put_number(const struct key *key, void *base, size_t n, const char *text)
{
    char *at = (char *)base + key->offset;
    double real = 0.0;
    int64_t whole = 0;
    if (!key_number(key->digits, text, &real) || !is_in_range(key, real) ||
        (key->kind != KEY_REAL && !read_whole(key, text, real, &whole)) || n > 1) {
        return false;
    }
    if (key->kind == KEY_REAL) {
        memcpy(at, &real, sizeof real);
    } else if (n == 0) {
        store_whole(key->size, at, whole);
    }
    if (key->kind == KEY_RANGE) {
        store_whole(key->size, (char *)base + key->offset_to, whole);
    }
    return true;
}

static bool put_word(const struct key *key, void *at, const char *text)
{
    const size_t i = key_word_find(words_of(key), text, strlen(text));
    if (key->kind == KEY_ENUM && i != SIZE_MAX) {
        const unsigned word = (unsigned)i;
        memcpy(at, &word, sizeof word);
    } else if (i != SIZE_MAX) {
        *(bool *)at = i == 1;
    }
    return i != SIZE_MAX;
}

static bool put_string(const struct key *key, void *at, const char *text, size_t size)
{
    if (key->size == 0) {
        *(const char **)at = text;
        return true;
    }
    if (size >= key->size ||
        !(key->kind == KEY_NAME ? proto_id_is_valid(text) : text_escape_is_printable(text, size))) {
        return false;
    }
    memset(at, 0, key->size);
    memcpy(at, text, size);
    return true;
}

bool key_put(const struct key *key, void *base, size_t n, const char *text, size_t size)
{
    char *at = (char *)base + key->offset;
    struct list *list = (void *)at;
    double real = 0.0;
    switch (key->kind) {
    case KEY_BOOL:
    case KEY_ENUM:
    case KEY_BOOL_ENUM:
        return put_word(key, at, text);
    case KEY_INT:
    case KEY_REAL:
    case KEY_RANGE:
        return put_number(key, base, n, text);
    case KEY_STRING:
    case KEY_NAME:
        return put_string(key, at, text, size);
    case KEY_REALS:
        if (n >= key->count || !key_number(key->digits, text, &real) || !is_in_range(key, real)) {
            return false;
        }
        list->reals[n] = real;
        list->n = n + 1;
        return true;
    case KEY_STRINGS:
        list->n = n + (n < key->count);
        return n < key->count && put_string(key, at + sizeof list->n + n * key->size, text, size);
    case KEY_CUSTOM:
        break;
    }
    return false;
}

/* out NULL: they are only looked at. */
static bool read_reals(const struct key *key, const char *text, double out[], size_t *n)
{
    char *end = NULL;
    double real = 0.0;
    *n = 0;
    for (const char *at = text;; at = end + 1) {
        if (*n == key->count || !read_number(key->digits, at, &end, &real) ||
            !is_in_range(key, real) || (*end != ',' && *end != '\0')) {
            return false;
        }
        if (out != NULL) {
            out[*n] = real;
        }
        ++*n;
        if (*end == '\0') {
            return true;
        }
    }
}

bool key_put_reals(const struct key *key, void *base, const char *text)
{
    struct list *list = (void *)((char *)base + key->offset);
    size_t n = 0;
    return read_reals(key, text, NULL, &n) && read_reals(key, text, list->reals, &list->n);
}

void key_clear(const struct key *key, void *base)
{
    if (is_list(key)) {
        ((struct list *)(void *)((char *)base + key->offset))->n = 0;
    }
}

bool key_is_sound(const struct key *key, const void *base, size_t n)
{
    uint32_t v[2] = {0, 0};
    if (key->kind == KEY_RANGE) {
        memcpy(&v[0], (const char *)base + key->offset, sizeof v[0]);
        memcpy(&v[1], (const char *)base + key->offset_to, sizeof v[1]);
    }
    return v[0] <= v[1] && (n > 0 || key->kind != KEY_RANGE);
}

void key_table_set_defaults(const struct key_table *table, void *base)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct key *key = &table->key[i];
        if (has_number(key)) {
            struct key any = *key;
            any.min = -HUGE_VAL;
            any.max = HUGE_VAL;
            (void)put_number(&any, base, 0, key->fallback);
        } else if (key->kind == KEY_REALS) {
            (void)key_put_reals(key, base, key->fallback);
        } else if (key->kind != KEY_STRINGS) {
            (void)key_put(key, base, 0, key->fallback, strlen(key->fallback));
        }
    }
}

/* ---- saying ---------------------------------------------------------------------------------- */

void key_expected(const struct key *key, char *out, size_t cap)
{
    const char *space = key->unit[0] != '\0' ? " " : "";
    size_t used = 0;
    switch (key->kind) {
    case KEY_BOOL:
        (void)snprintf(out, cap, "true or false");
        break;
    case KEY_INT:
    case KEY_REAL:
    case KEY_RANGE:
        (void)snprintf(out, cap, "a %snumber from %.15g to %.15g%s%s%s",
                       key->kind == KEY_REAL ? "" : "whole ", key->min, key->max, space, key->unit,
                       key->kind == KEY_RANGE ? ", or an ascending pair" : "");
        break;
    case KEY_STRING:
        (void)snprintf(out, cap, "a text of at most %zu bytes without control characters",
                       key->size - 1);
        break;
    case KEY_NAME:
        (void)snprintf(out, cap, "a name: 1 to %zu of A-Z a-z 0-9 . _ -", key->size - 1);
        break;
    case KEY_REALS:
        (void)snprintf(out, cap, "a list of at most %zu numbers from %g to %g", key->count,
                       key->min, key->max);
        break;
    case KEY_STRINGS:
        (void)snprintf(out, cap, "a list of at most %zu texts of %zu bytes", key->count,
                       key->size - 1);
        break;
    case KEY_ENUM:
    case KEY_BOOL_ENUM:
        for (size_t i = 0; key->words[i] != NULL && used < cap; i++) {
            used += (size_t)snprintf(out + used, cap - used, "%s%s", i > 0 ? ", " : "one of ",
                                     key->words[i]);
        }
        break;
    case KEY_CUSTOM:
        (void)snprintf(out, cap, "%s: %s", key->unit, key->help);
        break;
    }
}

void key_print_number(double value, FILE *to)
{
    char text[64];
    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        const double back = strtod(text, NULL);
        if (!(back < value) && !(back > value)) {
            break;
        }
    }
    fputs(text, to);
}

void key_print_name(const char *name, FILE *to)
{
    const char *quote = name[0] == '-' || name[0] == '.' ? "\"" : "";
    fprintf(to, "%s%s%s", quote, name, quote);
}

static void print_text(const char *text, FILE *to)
{
    json_text(&(struct json_writer){.to = to}, NULL, text);
}

static void print_whole(size_t size, const void *at, FILE *to)
{
    int64_t wide = 0;
    uint32_t narrow = 0;
    memcpy(size == sizeof wide ? (void *)&wide : &narrow, at, size);
    fprintf(to, "%" PRId64, wide + narrow);
}

static void print_list(const struct key *key, const struct list *list, FILE *to)
{
    fputc('[', to);
    for (size_t i = 0; i < list->n; i++) {
        fputs(i > 0 ? ", " : "", to);
        if (key->kind == KEY_REALS) {
            fprintf(to, "%.17g", list->reals[i]);
        } else {
            print_text((const char *)list->reals + i * key->size, to);
        }
    }
    fputc(']', to);
}

void key_print(const struct key *key, const void *base, FILE *to)
{
    const char *at = (const char *)base + key->offset;
    double real = 0.0;
    unsigned word = 0;
    switch (key->kind) {
    case KEY_BOOL:
    case KEY_BOOL_ENUM:
        fputs(words_of(key)[*(const bool *)at], to);
        break;
    case KEY_ENUM:
        memcpy(&word, at, sizeof word);
        fputs(key->words[word], to);
        break;
    case KEY_INT:
        print_whole(key->size, at, to);
        break;
    case KEY_RANGE:
        fputc('[', to);
        print_whole(key->size, at, to);
        fputs(", ", to);
        print_whole(key->size, (const char *)base + key->offset_to, to);
        fputc(']', to);
        break;
    case KEY_REAL:
        memcpy(&real, at, sizeof real);
        key_print_number(real, to);
        break;
    case KEY_STRING:
        print_text(at, to);
        break;
    case KEY_NAME:
        key_print_name(at, to);
        break;
    case KEY_REALS:
    case KEY_STRINGS:
        print_list(key, (const void *)at, to);
        break;
    case KEY_CUSTOM:
        break;
    }
}
