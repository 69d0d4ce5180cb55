/* endpoint.h - checks addresses of ZeroMQ sockets as people write them, before libzmq says "Invalid
 * argument" or takes port 65537 for 1.
 *
 * Threads: any. Memory: none.
 */
#pragma once

#include "fault.h"

/* FAULT_NONE: tcp:// with a port from 1 to 65535, or "*" for any, ipc:// or inproc://; or
 * FAULT_INPUT, with the right form where it can be guessed. name: as errors call it. */
int endpoint_check(const char *name, const char *endpoint, struct fault *fault);
