#include "yaml_keys.h"

#include <assert.h>

/* The entries of one list on their way through yaml_reader_each(). */
struct entries {
    const struct yaml_keys *keys;
    const struct key *key;
    void *base;
    size_t n;
};

static int refuse(const struct yaml_keys *keys, const struct key *key, const char *other)
{
    const bool is_text = keys->yaml->event.type == YAML_SCALAR_EVENT;
    return keys->refuse(keys->with, key, is_text ? yaml_reader_text(keys->yaml) : other);
}

static bool put(const struct yaml_keys *keys, const struct key *key, void *base, size_t n)
{
    return keys->yaml->event.type == YAML_SCALAR_EVENT &&
           key_put(key, base, n, yaml_reader_text(keys->yaml), yaml_reader_size(keys->yaml));
}

static int read_entry(void *with)
{
    struct entries *list = with;
    return put(list->keys, list->key, list->base, list->n++)
               ? FAULT_NONE
               : refuse(list->keys, list->key, "a list or map");
}

int yaml_keys_value(const struct yaml_keys *keys, const struct key *key, void *base)
{
    struct entries list = {.keys = keys, .key = key, .base = base};
    const bool is_list = key->kind == KEY_REALS || key->kind == KEY_STRINGS;
    if ((is_list || key->kind == KEY_RANGE) &&
        keys->yaml->event.type == YAML_SEQUENCE_START_EVENT) {
        key_clear(key, base);
        const int rc = yaml_reader_each(keys->yaml, read_entry, &list);
        return rc != FAULT_NONE || key_is_sound(key, base, list.n)
                   ? rc
                   : refuse(keys, key, "a list or map");
    }
    return !is_list && put(keys, key, base, 0)
               ? FAULT_NONE
               : refuse(keys, key, is_list ? "a map" : "a list or map");
}

/* One map on its way through yaml_reader_each(). */
struct map {
    struct yaml_keys *keys;
    const struct key_table *table;
    void *base;
    bool seen[YAML_KEYS_MAX];
};

static int read_key(void *with)
{
    struct map *map = with;
    struct yaml_reader *yaml = map->keys->yaml;
    const char *entry = map->table->entry != NULL ? map->table->entry : "a key";
    int rc = yaml_reader_expect(yaml, YAML_SCALAR_EVENT, map->table->name, entry);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const struct key *key = key_table_find(map->table, yaml_reader_text(yaml));
    if (key == NULL) {
        return map->keys->unknown(map->keys->with, map->table);
    }
    bool *seen = &map->seen[key - map->table->key];
    if (*seen) {
        return fault_set(yaml->fault, FAULT_INPUT, "%s:%zu: %s%s: appears twice", yaml->name,
                         yaml_reader_line(yaml), map->keys->has_path ? key->path : "", key->name);
    }
    *seen = true;
    map->keys->line = yaml_reader_line(yaml);
    rc = yaml_reader_next(yaml);
    return rc ? rc : map->keys->value(map->keys->with, key, map->base);
}

int yaml_keys_read(struct yaml_keys *keys, const struct key_table *table, void *base)
{
    struct map map = {.keys = keys, .table = table, .base = base};
    assert(table->n <= YAML_KEYS_MAX);
    return yaml_reader_each(keys->yaml, read_key, &map);
}
