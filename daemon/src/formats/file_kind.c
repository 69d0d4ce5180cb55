#include "file_kind.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_files.h"
#include "protocol_key.h"

/* Bytes that are looked at. */
struct head {
    const unsigned char *at;
    size_t size;
};

/* What a kind begins with, at an offset. The first that fits holds. */
static const struct magic {
    enum file_kind kind;
    size_t offset;
    size_t size;
    const char *bytes;
} MAGIC[] = {
#define MAGIC_AT(kind, offset, text)                                                               \
    {                                                                                              \
        FILE_KIND_##kind, offset, sizeof(text) - 1, text                                           \
    }
    MAGIC_AT(JOURNAL, 0, "SQLite format 3\0"),
    MAGIC_AT(NPY, 0, "\x93NUMPY"),
    MAGIC_AT(EXCEL, 30, "[Content_Types].xml"),
    MAGIC_AT(EXCEL, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    MAGIC_AT(ZIP, 0, "PK\x03\x04"),
    MAGIC_AT(ZIP, 0, "PK\x05\x06"),
    MAGIC_AT(MATLAB, 0, "MATLAB "),
    MAGIC_AT(HDF5, 0, "\x89HDF"),
    MAGIC_AT(PARQUET, 0, "PAR1"),
    MAGIC_AT(ARROW, 0, "ARROW1"),
    MAGIC_AT(COMPRESSED, 0, "\x1f\x8b"),
    MAGIC_AT(COMPRESSED, 0, "BZh"),
    MAGIC_AT(COMPRESSED, 0, "\xfd\x37zXZ"),
    MAGIC_AT(COMPRESSED, 0, "\x28\xb5\x2f\xfd"),
    MAGIC_AT(COMPRESSED, 0, "7z\xbc\xaf\x27\x1c"),
    MAGIC_AT(UTF16, 0, "\xff\xfe"),
    MAGIC_AT(UTF16, 0, "\xfe\xff"),
    MAGIC_AT(PICTURE, 0, "\x89PNG"),
    MAGIC_AT(PICTURE, 0, "\xff\xd8\xff"),
    MAGIC_AT(PICTURE, 0, "GIF8"),
    MAGIC_AT(PICTURE, 0, "II*\0"),
    MAGIC_AT(PICTURE, 0, "MM\0*"),
    MAGIC_AT(PDF, 0, "%PDF-"),
    MAGIC_AT(PICKLE, 0, "\x80\x02}"),
    MAGIC_AT(PICKLE, 0, "\x80\x03"),
    MAGIC_AT(PICKLE, 0, "\x80\x04\x95"),
    MAGIC_AT(PICKLE, 0, "\x80\x05\x95"),
    MAGIC_AT(KEYS, 0, "# keep this file secret\npublic "),
    MAGIC_AT(PYCONTROL, 0, "time\ttype\tsubtype\tcontent"),
    MAGIC_AT(PYCONTROL, 0, "I Experiment name"),
#undef MAGIC_AT
};

static const char *const CONFIG_KEYS[] = {
#define SECTION(name, help) #name,
#include "config_options.def"
    NULL};

/* Every key at the margin of a configuration, and of a protocol. `protocol` and `session` are of
 * both, or nearly. */
static bool is_config_key(const char *key)
{
    return key_word_find(CONFIG_KEYS, key, strlen(key)) != SIZE_MAX;
}

static bool is_protocol_key(const char *key)
{
    return key_table_find(&PROTOCOL_KEYS[PROTOCOL_PART_protocol], key) != NULL;
}

static bool begins_with(struct head h, const char *text)
{
    const size_t n = strlen(text);
    return h.size >= n && memcmp(h.at, text, n) == 0;
}

/* True if text is somewhere in it. */
static bool holds(struct head h, const char *text)
{
    const size_t n = strlen(text);
    for (size_t i = 0; i + n <= h.size; i++) {
        if (h.at[i] == (unsigned char)text[0] && memcmp(h.at + i, text, n) == 0) {
            return true;
        }
    }
    return false;
}

static struct head skip(struct head h, size_t n)
{
    return (struct head){h.at + n, h.size - n};
}

/* Takes the line that it begins with off. */
static struct head take_line(struct head *rest)
{
    const unsigned char *end = rest->size > 0 ? memchr(rest->at, '\n', rest->size) : NULL;
    struct head line = {rest->at, end != NULL ? (size_t)(end - rest->at) : rest->size};
    *rest = skip(*rest, end != NULL ? line.size + 1 : line.size);
    if (line.size > 0 && line.at[line.size - 1] == '\r') {
        line.size--;
    }
    return line;
}

/* Bytes without a BOM and white space before the first character. */
static struct head trim(struct head h)
{
    if (begins_with(h, "\xef\xbb\xbf")) {
        h = skip(h, 3);
    }
    while (h.size > 0 && strchr(" \t\r\n", h.at[0]) != NULL && h.at[0] != '\0') {
        h = skip(h, 1);
    }
    return h;
}

/* safetensors: the size of a JSON map in 8 bytes, little-endian, and the map. */
static bool is_model(struct head h)
{
    if (h.size < 10) {
        return false;
    }
    uint64_t n = 0;
    for (size_t i = 8; i-- > 0;) {
        n = n << 8 | h.at[i];
    }
    return n >= 2 && n <= 100 * 1000 * 1000 && h.at[8] == '{' &&
           (h.at[9] == '"' || h.at[9] == '}' || isspace(h.at[9]));
}

/* True if a field of the line is that word, whatever stands between fields. */
static bool has_field(struct head line, const char *word)
{
    static const char BETWEEN[] = ",;\t|\"' ";
    const size_t n = strlen(word);
    for (size_t i = 0; i + n <= line.size; i++) {
        const bool starts = i == 0 || (line.at[i - 1] != '\0' && strchr(BETWEEN, line.at[i - 1]));
        const bool ends =
            i + n == line.size || (line.at[i + n] != '\0' && strchr(BETWEEN, line.at[i + n]));
        if (starts && ends && memcmp(line.at + i, word, n) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_table(struct head h)
{
    const struct head line = take_line(&h);
    return has_field(line, "subject") && has_field(line, "session") && has_field(line, "trial") &&
           has_field(line, "choice");
}

/* The key at the margin of a line of YAML; false: there is none. */
static bool margin_key(struct head line, char *key, size_t cap)
{
    size_t n = 0;
    while (n < line.size && (isalnum(line.at[n]) || line.at[n] == '_' || line.at[n] == '-')) {
        n++;
    }
    const bool is_key = n > 0 && n < cap && n < line.size && line.at[n] == ':' &&
                        (n + 1 == line.size || isspace(line.at[n + 1]));
    if (is_key) {
        memcpy(key, line.at, n);
        key[n] = '\0';
    }
    return is_key;
}

/* FILE_KIND_TEXT where it is not YAML. */
static enum file_kind yaml_kind(struct head h)
{
    size_t n_keys = 0;
    size_t of_config = 0;
    size_t of_protocol = 0;
    while (h.size > 0) {
        char key[32];
        const struct head line = take_line(&h);
        if (margin_key(line, key, sizeof key)) {
            n_keys++;
            of_config += is_config_key(key) ? 1 : 0;
            of_protocol += is_protocol_key(key) ? 1 : 0;
        } else if (line.size > 0 && strchr(" \t#-]}", line.at[0]) == NULL) {
            return FILE_KIND_TEXT;
        }
    }
    if (of_config > 0 && of_config >= of_protocol && 2 * of_config > n_keys) {
        return FILE_KIND_CONFIG;
    }
    if (of_protocol > 0 && 2 * of_protocol > n_keys) {
        return FILE_KIND_PROTOCOL;
    }
    return n_keys > 0 ? FILE_KIND_YAML : FILE_KIND_TEXT;
}

static enum file_kind json_kind(struct head h)
{
    const bool is_of_iblrig = holds(h, "\"stim_probability_left\"") ||
                              holds(h, "\"behavior_data\"") || holds(h, "\"PYBPOD_PROTOCOL\"") ||
                              holds(h, "\"IBLRIG_VERSION");
    return is_of_iblrig ? FILE_KIND_IBLRIG : FILE_KIND_JSON;
}

static enum file_kind text_kind(struct head h)
{
    h = trim(h);
    if (h.size == 0) {
        return FILE_KIND_TEXT;
    }
    const struct head second = h.size > 1 ? trim(skip(h, 1)) : (struct head){h.at, 0};
    const char *const inside = h.at[0] == '{' ? "\"}" : h.at[0] == '[' ? "[]{\"-0123456789" : NULL;
    if (inside != NULL && (second.size == 0 || strchr(inside, second.at[0]) != NULL)) {
        return json_kind(h);
    }
    if (h.at[0] == '<') {
        return holds(h, "<svg") ? FILE_KIND_SVG : FILE_KIND_HTML;
    }
    return is_table(h) ? FILE_KIND_TABLE : yaml_kind(h);
}

enum file_kind file_kind_of(const void *bytes, size_t size)
{
    const struct head h = {bytes, size < FILE_KIND_BYTES ? size : FILE_KIND_BYTES};
    if (size == 0) {
        return FILE_KIND_EMPTY;
    }
    for (size_t i = 0; i < sizeof MAGIC / sizeof MAGIC[0]; i++) {
        const struct magic *m = &MAGIC[i];
        if (h.size >= m->offset + m->size && memcmp(h.at + m->offset, m->bytes, m->size) == 0) {
            return m->kind;
        }
    }
    if (is_model(h)) {
        return FILE_KIND_MODEL;
    }
    return memchr(h.at, '\0', h.size) != NULL ? FILE_KIND_BINARY : text_kind(h);
}

static enum file_kind directory_kind(const char *path)
{
    char journal[4096];
    struct stat info;
    const int n = snprintf(journal, sizeof journal, "%s/%s", path, JOURNAL_FILE);
    return n > 0 && (size_t)n < sizeof journal && stat(journal, &info) == 0
               ? FILE_KIND_DATA_DIRECTORY
               : FILE_KIND_DIRECTORY;
}

static enum file_kind kind_of_open(int fd)
{
    unsigned char bytes[FILE_KIND_BYTES];
    size_t size = 0;
    while (size < sizeof bytes) {
        const ssize_t got = read(fd, bytes + size, sizeof bytes - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return FILE_KIND_UNREADABLE;
        }
        if (got == 0) {
            break;
        }
        size += (size_t)got;
    }
    return file_kind_of(bytes, size);
}

enum file_kind file_kind_at(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return errno == EACCES ? FILE_KIND_UNREADABLE : FILE_KIND_NONE;
    }
    if (S_ISDIR(info.st_mode)) {
        return directory_kind(path);
    }
    if (!S_ISREG(info.st_mode)) {
        return FILE_KIND_PIPE;
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return FILE_KIND_UNREADABLE;
    }
    const enum file_kind kind = kind_of_open(fd);
    (void)close(fd);
    return kind;
}

const char *file_kind_name(enum file_kind kind)
{
    static const char *const NAMES[] = {
#define X(kind, name) [FILE_KIND_##kind] = name,
        FILE_KIND_LIST(X)
#undef X
    };
    return NAMES[kind];
}
