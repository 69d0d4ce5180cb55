/* json_writer.h - JSON on a stream: commas, quotes and escapes are the writer's.
 *
 * Begin with `{.to = stream}`. Every value takes a key: the name of a member of an object, NULL in
 * an array and at the top. Items stand behind each other with ", " between; json_line() begins a
 * line with the next one; after the last json_end() the line ends. Keys and texts are UTF-8.
 * Threads: one owner. Memory: none; errors are the stream's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_writer {
    FILE *to;
    bool is_compact; /* without spaces and the last line end */
    /* The writer's own: */
    unsigned depth;              /* up to 31 */
    uint32_t is_array, has_item; /* bit i: at depth i */
    bool starts_line;
    int indent;
};

/* Until their json_end(), what is written is in it. */
void json_object(struct json_writer *w, const char *key);
void json_array(struct json_writer *w, const char *key);
void json_end(struct json_writer *w);

/* The next item begins a line, behind so many spaces. */
void json_line(struct json_writer *w, int indent);

/* text NULL: null. */
void json_text(struct json_writer *w, const char *key, const char *text);
void json_bool(struct json_writer *w, const char *key, bool value);
void json_int(struct json_writer *w, const char *key, int64_t value);

/* With 10 digits, or as many as are asked for; what is not finite is null. */
void json_real(struct json_writer *w, const char *key, double value);
void json_digits(struct json_writer *w, const char *key, int digits, double value);

/* Several members that are numbers: JSON_REALS(w, {"mean", mean}, {"sd", sd}). */
struct json_int_member {
    const char *key;
    int64_t value;
};
struct json_real_member {
    const char *key;
    double value;
};
#define JSON_LIST(type, ...)                                                                       \
    (const type[]){__VA_ARGS__}, sizeof((const type[]){__VA_ARGS__}) / sizeof(type)
#define JSON_INTS(w, ...)  json_int_members(w, JSON_LIST(struct json_int_member, __VA_ARGS__))
#define JSON_REALS(w, ...) json_real_members(w, JSON_LIST(struct json_real_member, __VA_ARGS__))
void json_int_members(struct json_writer *w, const struct json_int_member list[], size_t n);
void json_real_members(struct json_writer *w, const struct json_real_member list[], size_t n);

/* An array of n numbers. */
void json_reals(struct json_writer *w, const char *key, int digits, const double values[],
                size_t n);
