/* maps.h - mappings as tests write them: "SECTION.KEY=VALUE" texts, NULL behind the last. */
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
    for (; texts[n] != NULL && n < MAPS_LINES_MAX; n++) {
        (void)snprintf(maps_text[n], sizeof maps_text[n], "%s", texts[n]);
        char *key = strchr(maps_text[n], '.');
        char *value = strchr(key, '=');
        *key++ = '\0';
        *value++ = '\0';
        maps_line[n] = (struct bridge_mapping_line){maps_text[n], key, value};
    }
    maps_map = (struct bridge_mapping){maps_line, n};
    return n > 0 ? &maps_map : NULL;
}

#define MAPS(...) maps_of((const char *const[]){__VA_ARGS__, NULL})
