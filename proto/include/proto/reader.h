/* proto/reader.h - untrusted bytes, msgpack or JSON, as one stream of tokens.
 *
 * Nothing is trusted: every length is checked before use, nesting is bounded, and the first error
 * is sticky: from then on every token is PROTO_TOKEN_END. JSON may hold bare NaN and Infinity, as
 * rig software writes them. Used by proto_decode() and by the reader of model files.
 *
 * Threads: one owner per instance. Memory: no allocation; tokens point into the caller's bytes.
 * RT-safe: all of it.
 */
#pragma once

#include "proto/message.h"

typedef enum {
    PROTO_TOKEN_END, /* end of input, or an error: see reader.status */
    PROTO_TOKEN_NIL,
    PROTO_TOKEN_BOOL,
    PROTO_TOKEN_INT,
    PROTO_TOKEN_REAL,
    PROTO_TOKEN_TEXT,
    PROTO_TOKEN_BYTES, /* msgpack bin and ext */
    PROTO_TOKEN_MAP,   /* then key, value, key, value, ..., CLOSE */
    PROTO_TOKEN_ARRAY, /* then values, CLOSE */
    PROTO_TOKEN_CLOSE
} proto_token_type;

typedef struct {
    proto_token_type type;
    size_t offset;       /* of its first byte */
    bool boolean;        /* BOOL */
    int64_t integer;     /* INT; a msgpack uint64 above INT64_MAX comes as REAL */
    double real;         /* REAL, and INT converted */
    const uint8_t *text; /* TEXT: as in the input, JSON escapes not resolved */
    size_t text_size;    /* bytes */
    bool escaped;        /* TEXT: holds JSON escapes */
} proto_token;

typedef struct {
    const uint8_t *bytes;
    size_t size;
    size_t at;
    proto_format format;
    int status; /* PROTO_OK until the first error */
    uint32_t depth;
    uint32_t left[PROTO_DEPTH_MAX]; /* msgpack: items left; JSON: state of the container */
    bool is_map[PROTO_DEPTH_MAX];
} proto_reader;

/* Starts at bytes[0]; bytes must outlive the reader and its tokens. */
void proto_reader_init(proto_reader *r, proto_format format, const uint8_t *bytes, size_t size);

/* The next token. */
proto_token proto_reader_next(proto_reader *r);

/* Skips the rest of the value that started with this token. RT-safe: yes, bounded by the input. */
void proto_reader_skip(proto_reader *r, const proto_token *first);

/* Copies a TEXT token with its escapes resolved and a NUL at the end. Returns its length, or
 * PROTO_ERR_SPACE, or PROTO_ERR_SYNTAX (bad escape, bad UTF-8, a NUL inside). */
int proto_token_text(const proto_token *token, char *out, size_t cap);

/* True if a TEXT token, escapes resolved, is exactly s. */
bool proto_token_is(const proto_token *token, const char *s);
