/* maps.h - mappings as tests write them: "SECTION.KEY=VALUE" texts, or the name of a shipped one,
 * NULL behind the last. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "bridge/adapter.h"

enum { MAPS_LINES_MAX = 32 };

static char maps_text[MAPS_LINES_MAX][256];
static struct bridge_mapping_line maps_line[MAPS_LINES_MAX];
static struct bridge_mapping maps_map;

/* One at a time. */
static inline const struct bridge_mapping *maps_of(const char *const texts[])
{
    size_t n = 0;
    maps_map = (struct bridge_mapping){.line = maps_line};
    for (size_t i = 0; texts[i] != NULL && n < MAPS_LINES_MAX; i++) {
        if (strchr(texts[i], '=') == NULL) {
            maps_map.base = bridge_shipped_find(texts[i]);
            continue;
        }
        (void)snprintf(maps_text[n], sizeof maps_text[n], "%s", texts[i]);
        char *key = strchr(maps_text[n], '.');
        char *value = strchr(key, '=');
        *key++ = '\0';
        *value++ = '\0';
        maps_line[n] = (struct bridge_mapping_line){maps_text[n], key, value};
        maps_map.n = ++n;
    }
    return bridge_mapping_is_empty(&maps_map) ? NULL : &maps_map;
}

#define MAPS(...) maps_of((const char *const[]){__VA_ARGS__, NULL})
