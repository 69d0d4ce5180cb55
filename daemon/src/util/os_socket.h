/* os_socket.h - Linux's information about a connection and about this process's descriptors.
 *
 * Threads: any. Memory: none.
 */
#pragma once

#include <stdint.h>

enum { OS_SOCKET_ADDRESS_MAX = 64 };

/* Bytes that this program has read from a TCP connection. 0; or -errno: EBADF and ENOTSOCK mean
 * that fd is no connection (any more), others that it is not TCP. */
int os_socket_bytes_read(int fd, uint64_t *bytes);

/* Ends a connection in both directions; whoever owns fd finds it at its end and closes it. */
void os_socket_end(int fd);

/* The peer's address without its port, "" if there is none. */
void os_socket_peer(int fd, char address[OS_SOCKET_ADDRESS_MAX]);

/* Lets this process have up to most descriptors open, or as many as the system allows. How many. */
int os_socket_allow(int most);
