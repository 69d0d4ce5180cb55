/* model/error.h - what the functions of this library return: 0, or one of these failures.
 *
 * Threads: any. Memory: none. RT-safe: all of it.
 */
#pragma once

#define MODEL_ERROR_LIST(X)                                                                        \
    X(MODEL_OK, 0, "ok")                                                                           \
    X(MODEL_ERR_ARG, -1, "argument outside its documented range")                                  \
    X(MODEL_ERR_SPACE, -2, "caller's buffer is too small")                                         \
    X(MODEL_ERR_NUMERIC, -3, "result would not be finite")

#define MODEL_ERROR_ENUM(name, value, text) name = (value),
typedef enum { MODEL_ERROR_LIST(MODEL_ERROR_ENUM) } model_status;
#undef MODEL_ERROR_ENUM

/* Text of a status; never NULL. Owned by the library, valid forever. */
const char *model_strerror(int status);
