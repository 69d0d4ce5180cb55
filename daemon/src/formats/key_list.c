#include "key_list.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "input_file.h"

enum { LINE_BYTES = 256 };

/* The roles that a word names; 0: none. */
static uint32_t role_of(const char *word, char rig[PROTO_ID_MAX + 1])
{
    if (strcmp(word, "rig") == 0) {
        return KEY_ROLE_RIG;
    }
    if (strcmp(word, "listen") == 0) {
        return KEY_ROLE_LISTEN;
    }
    if (strcmp(word, "control") == 0) {
        return KEY_ROLE_CONTROL;
    }
    if (strncmp(word, "rig=", 4) != 0 || rig[0] != '\0' || !proto_id_is_valid(word + 4)) {
        return 0;
    }
    strcpy(rig, word + 4);
    return KEY_ROLE_RIG;
}

static int push(struct key_list *list, char *line, const char *path, int number,
                struct fault *fault)
{
    char *rest = NULL;
    const char *key = strtok_r(line, " \t\r\n", &rest);
    if (key == NULL || key[0] == '#') {
        return FAULT_NONE;
    }
    if (list->n == KEY_LIST_MAX) {
        return fault_set(fault, FAULT_INPUT, "%s:%d: more than %d keys", path, number,
                         KEY_LIST_MAX);
    }
    struct key_list_entry *e = &list->entry[list->n];
    *e = (struct key_list_entry){0};
    if (strlen(key) != KEY_LIST_TEXT - 1 || zmq_z85_decode(e->key, key) == NULL) {
        return fault_set(fault, FAULT_INPUT,
                         "%s:%d: not a public key: 40 characters, as `murid keygen` writes", path,
                         number);
    }
    const char *word;
    while ((word = strtok_r(NULL, " \t\r\n", &rest)) != NULL && word[0] != '#') {
        const uint32_t role = role_of(word, e->rig);
        if (role == 0) {
            return fault_set(
                fault, FAULT_INPUT,
                "%s:%d: \"%.40s\": after the key expected rig, rig=NAME (one per line), "
                "listen, control",
                path, number, word);
        }
        e->roles |= role;
    }
    e->roles = e->roles == 0 ? KEY_ROLE_RIG | KEY_ROLE_LISTEN : e->roles;
    list->n++;
    return FAULT_NONE;
}

int key_list_load(struct key_list *list, const char *path, struct fault *fault)
{
    char line[LINE_BYTES];
    FILE *f;
    list->n = 0;
    int rc = input_file_open(&f, path, "security.client_keys", fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    for (int number = 1; rc == FAULT_NONE && fgets(line, sizeof line, f) != NULL; number++) {
        rc = strlen(line) == sizeof line - 1 && line[sizeof line - 2] != '\n'
                 ? fault_set(fault, FAULT_INPUT, "%s:%d: longer than %d bytes", path, number,
                             LINE_BYTES - 2)
                 : push(list, line, path, number, fault);
    }
    fclose(f);
    return rc;
}

int key_list_find(const struct key_list *list, const uint8_t key[KEY_LIST_BYTES],
                  enum key_role role, bool *is_known)
{
    *is_known = false;
    for (size_t i = 0; i < list->n; i++) {
        if (memcmp(list->entry[i].key, key, KEY_LIST_BYTES) == 0) {
            *is_known = true;
            if ((list->entry[i].roles & (uint32_t)role) != 0) {
                return (int)i;
            }
        }
    }
    return -1;
}

bool key_list_is_for_rig(const struct key_list *list, int entry, const char *rig)
{
    for (size_t i = (size_t)entry; i < list->n; i++) {
        const struct key_list_entry *e = &list->entry[i];
        if ((e->roles & KEY_ROLE_RIG) != 0 && (e->rig[0] == '\0' || strcmp(e->rig, rig) == 0) &&
            memcmp(e->key, list->entry[entry].key, KEY_LIST_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

bool key_list_has(const struct key_list *list, enum key_role role)
{
    for (size_t i = 0; i < list->n; i++) {
        if ((list->entry[i].roles & (uint32_t)role) != 0) {
            return true;
        }
    }
    return false;
}
