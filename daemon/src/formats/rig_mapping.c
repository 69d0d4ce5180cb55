#include "rig_mapping.h"

#include <string.h>

bool rig_mapping_is_line(const char *text)
{
    const size_t section = strcspn(text, ".=");
    const size_t whole = strcspn(text, "=");
    return section > 0 && text[section] == '.' && whole > section + 1 && text[whole] == '=' &&
           text[whole + 1] != '\0';
}

void rig_mapping_make(struct rig_mapping *out, const char texts[][RIG_MAPPING_TEXT], size_t n)
{
    *out = (struct rig_mapping){.map = {.line = out->line, .n = n}};
    for (size_t i = 0; i < n; i++) {
        char *text = out->text[i];
        memcpy(text, texts[i], sizeof out->text[i]);
        char *key = text + strcspn(text, ".");
        char *value = text + strcspn(text, "=");
        *key++ = '\0';
        *value++ = '\0';
        out->line[i] = (struct bridge_mapping_line){text, key, value};
    }
}

const struct bridge_mapping *rig_mapping_of(const struct rig_mapping *mapping)
{
    return mapping->map.n > 0 ? &mapping->map : NULL;
}
