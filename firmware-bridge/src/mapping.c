#include "bridge/mapping.h"

#include <string.h>

#define LINES(...)                                                                                 \
    .line = (const struct bridge_mapping_line[]){__VA_ARGS__},                                     \
    .n = sizeof((const struct bridge_mapping_line[]){__VA_ARGS__}) /                               \
         sizeof(struct bridge_mapping_line)
#define SHIPPED(called, what, ...) {.name = called, .about = what, __VA_ARGS__},

const struct bridge_shipped BRIDGE_SHIPPED[] = {
#include "bridge/mappings.def"
    {.name = NULL}};

bool bridge_mapping_lists(const char *const texts[], const char *text)
{
    size_t i = 0;
    while (texts[i] != NULL && strcmp(texts[i], text) != 0) {
        i++;
    }
    return texts[i] != NULL;
}

const struct bridge_shipped *bridge_shipped_find(const char *name)
{
    const struct bridge_shipped *m = BRIDGE_SHIPPED;
    while (m->name != NULL && strcmp(m->name, name) != 0) {
        m++;
    }
    return m->name != NULL ? m : NULL;
}

const struct bridge_shipped *bridge_shipped_of_task(const char *format, const char *task)
{
    for (const struct bridge_shipped *m = BRIDGE_SHIPPED; m->name != NULL; m++) {
        for (size_t i = 0; m->format != NULL && i < BRIDGE_SHIPPED_TASKS_MAX; i++) {
            if (m->tasks[i] != NULL && strcmp(m->format, format) == 0 &&
                strcmp(m->tasks[i], task) == 0) {
                return m;
            }
        }
    }
    return NULL;
}

bool bridge_mapping_is_empty(const struct bridge_mapping *map)
{
    return map == NULL || (map->n == 0 && map->base == NULL);
}

const struct bridge_mapping_line *bridge_mapping_at(const struct bridge_mapping *map, size_t i)
{
    if (map == NULL) {
        return NULL;
    }
    const struct bridge_shipped *base = map->base;
    return i < map->n                             ? &map->line[i]
           : base != NULL && i - map->n < base->n ? &base->line[i - map->n]
                                                  : NULL;
}

const char *bridge_mapping_get(const struct bridge_mapping *map, const char *section,
                               const char *key)
{
    const struct bridge_mapping_line *line = NULL;
    for (size_t i = 0; (line = bridge_mapping_at(map, i)) != NULL; i++) {
        if (strcmp(line->section, section) == 0 && strcmp(line->key, key) == 0) {
            return line->value;
        }
    }
    return NULL;
}

bool bridge_mapping_stands_alone(const struct bridge_mapping *users)
{
    static const char *const SAY_CHOICE[][2] = {{"columns", "choice"},
                                                {"columns", "correct"},
                                                {"states", "right"},
                                                {"states", "correct"},
                                                {"events", "right"}};
    bool is_alone = users != NULL && users->base != NULL;
    for (size_t i = 0; i < sizeof SAY_CHOICE / sizeof SAY_CHOICE[0]; i++) {
        is_alone =
            is_alone || bridge_mapping_get(users, SAY_CHOICE[i][0], SAY_CHOICE[i][1]) != NULL;
    }
    return is_alone;
}

struct bridge_mapping bridge_mapping_on(const struct bridge_mapping *users,
                                        const struct bridge_shipped *found)
{
    struct bridge_mapping map = {.line = NULL};
    if (users != NULL) {
        map = *users;
    }
    if (!bridge_mapping_stands_alone(users)) {
        map.base = found;
    }
    return map;
}
