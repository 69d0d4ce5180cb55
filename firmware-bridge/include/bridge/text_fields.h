/* bridge/text_fields.h - a line of text cut into fields with a separator between.
 *
 * A field may stand in double quotes, with "" for one of them. Threads: any. Memory: the line's,
 * which is unquoted in place. RT-safe: yes.
 */
#pragma once

#include <stddef.h>

enum { BRIDGE_TEXT_AFTER_QUOTE = -1, BRIDGE_TEXT_OPEN_QUOTE = -2 };

/* Takes the field at *at off the line, which ends with a NUL: 1 another follows, 0 it was the last;
 * or one of the errors. separator ' ': any number of spaces. */
int bridge_text_field_next(char *line, char separator, size_t *at, const char **text, size_t *size);
