#include "bridge/text_fields.h"

#include <string.h>

/* Behind the separator at i, of which spaces may be several. */
static size_t behind(const char *line, char separator, size_t i)
{
    return i + 1 + (separator == ' ' ? strspn(line + i + 1, " ") : 0);
}

int bridge_text_field_next(char *line, char separator, size_t *at, const char **text, size_t *size)
{
    const char separators[] = {separator, '\0'};
    size_t i = *at;
    *text = line + i;
    if (line[i] != '"') {
        const size_t end = i + strcspn(line + i, separators);
        *size = end - i;
        *at = line[end] != '\0' ? behind(line, separator, end) : end;
        return line[end] != '\0' ? 1 : 0;
    }
    char *const out = line + i;
    size_t n = 0;
    for (i++; line[i] != '\0'; i++) {
        if (line[i] == '"' && line[++i] != '"') {
            *size = n;
            *at = line[i] == separator ? behind(line, separator, i) : i;
            return line[i] == separator ? 1 : line[i] == '\0' ? 0 : BRIDGE_TEXT_AFTER_QUOTE;
        }
        out[n++] = line[i];
    }
    return BRIDGE_TEXT_OPEN_QUOTE;
}
