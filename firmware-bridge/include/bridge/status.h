/* bridge/status.h - what the functions of this library return: 0, or one of these failures.
 *
 * Threads: any. Memory: none.
 */
#pragma once

#define BRIDGE_STATUS_LIST(X)                                                                      \
    X(BRIDGE_OK, 0, "ok")                                                                          \
    X(BRIDGE_ERR_ARG, -1, "argument outside its documented range")                                 \
    X(BRIDGE_ERR_ABSENT, -2, "no such port")                                                       \
    X(BRIDGE_ERR_ACCESS, -3, "permission denied")                                                  \
    X(BRIDGE_ERR_BUSY, -4, "port in use")                                                          \
    X(BRIDGE_ERR_KIND, -5, "not a serial port")                                                    \
    X(BRIDGE_ERR_BAUD, -6, "baud rate refused")                                                    \
    X(BRIDGE_ERR_IO, -7, "the port failed")

#define BRIDGE_STATUS_ENUM(name, value, text) name = (value),
typedef enum { BRIDGE_STATUS_LIST(BRIDGE_STATUS_ENUM) } bridge_status;
#undef BRIDGE_STATUS_ENUM

/* Text of a status; never NULL. Owned by the library, valid forever. RT-safe: yes. */
const char *bridge_strerror(int status);
