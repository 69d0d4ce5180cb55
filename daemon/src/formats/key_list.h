/* key_list.h - the clients' public keys, and the roles of each.
 *
 * A line of the file is `KEY [rig] [rig=NAME] [listen] [control]`. KEY alone means `rig listen`; a
 * key may stand on several lines, whose roles add up. Threads: read-only once loaded. Memory: one
 * struct.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "proto/message.h"

/* A key's text form (ZeroMQ RFC 32) has 40 characters and a NUL. */
enum { KEY_LIST_MAX = 256, KEY_LIST_BYTES = 32, KEY_LIST_TEXT = 41 };

enum key_role { KEY_ROLE_RIG = 1, KEY_ROLE_LISTEN = 2, KEY_ROLE_CONTROL = 4 };

struct key_list_entry {
    uint8_t key[KEY_LIST_BYTES];
    uint32_t roles;             /* of enum key_role */
    char rig[PROTO_ID_MAX + 1]; /* the only one that KEY_ROLE_RIG is for; "": any */
};

struct key_list {
    size_t n;
    struct key_list_entry entry[KEY_LIST_MAX];
};

/* FAULT_NONE, or FAULT_INPUT with file and line. */
int key_list_load(struct key_list *list, const char *path, struct fault *fault);

/* The first entry of a key that has that role, or -1; *is_known: the key has an entry at all.
 * RT-safe: yes. */
int key_list_find(const struct key_list *list, const uint8_t key[KEY_LIST_BYTES],
                  enum key_role role, bool *is_known);

/* True if the key of an entry may speak for a rig of that name. RT-safe: yes. */
bool key_list_is_for_rig(const struct key_list *list, int entry, const char *rig);

/* True if some key has that role. */
bool key_list_has(const struct key_list *list, enum key_role role);
