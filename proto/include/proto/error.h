/* proto/error.h - what the functions of this library return.
 *
 * 0 is success, a negative value one of these failures, a positive value a count.
 * Threads: any. Memory: none. RT-safe: all of it.
 */
#pragma once

#define PROTO_ERROR_LIST(X)                                                                        \
    X(PROTO_OK, 0, "ok")                                                                           \
    X(PROTO_ERR_SPACE, -1, "buffer too small")                                                     \
    X(PROTO_ERR_TRUNCATED, -2, "the message ends too early")                                       \
    X(PROTO_ERR_SYNTAX, -3, "not well formed")                                                     \
    X(PROTO_ERR_DEPTH, -4, "nested too deeply")                                                    \
    X(PROTO_ERR_TYPE, -5, "wrong type")                                                            \
    X(PROTO_ERR_RANGE, -6, "outside its range")                                                    \
    X(PROTO_ERR_MISSING, -7, "a required key is missing")                                          \
    X(PROTO_ERR_KIND, -8, "unknown kind of message")                                               \
    X(PROTO_ERR_VERSION, -9, "unknown schema version")                                             \
    X(PROTO_ERR_TRAILING, -10, "bytes after the end of the message")                               \
    X(PROTO_ERR_SIZE, -11, "larger than any message may be")

#define PROTO_ERROR_ENUM(name, value, text) name = (value),
typedef enum { PROTO_ERROR_LIST(PROTO_ERROR_ENUM) } proto_result;
#undef PROTO_ERROR_ENUM

/* Text of a status; never NULL. Owned by the library, valid forever. */
const char *proto_strerror(int status);
