/* curve_keys.h - files of CURVE keys, with which ZeroMQ seals connections: made, loaded, given to a
 * client's socket.
 *
 * Threads: any. Memory: the caller's.
 */
#pragma once

#include <stdio.h>

#include "fault.h"
#include "key_list.h"

/* Loads one key of a file that `murid keygen` made: the one under that name (public, secret), or
 * NULL: the only one. setting: what errors call it. FAULT_NONE or FAULT_INPUT. */
int curve_keys_load(const char *path, const char *setting, const char *name,
                    char key[KEY_LIST_TEXT], struct fault *fault);

/* Says in the log that a file with the daemon's secret key can be read by others. */
void curve_keys_warn_if_readable(const char *path);

/* The keys with which a client connects; all "" for a daemon without CURVE. */
struct curve_keys_client {
    char server[KEY_LIST_TEXT]; /* the daemon's public key */
    char public_key[KEY_LIST_TEXT];
    char secret_key[KEY_LIST_TEXT];
};

/* Loads them from the files that `murid keygen` made: the client's own pair, and the daemon's .pub.
 * Both NULL: none. FAULT_NONE or FAULT_INPUT. */
int curve_keys_load_client(struct curve_keys_client *keys, const char *pair_path,
                           const char *server_path, struct fault *fault);

/* Gives them to a socket that is not connected yet. */
void curve_keys_use(void *socket, const struct curve_keys_client *keys);

/* Writes a new key pair: path (secret and public, mode 0600) and path.pub. */
int curve_keys_make(const char *path, struct fault *fault);
