#include "list.h"

#include <stdlib.h>

enum { FIRST = 16 };

void *list_grow(void *list, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity) {
        return list;
    }
    const size_t more = *capacity > 0 ? 2 * *capacity : FIRST;
    void *grown = realloc(list, more * size);
    if (grown != NULL) {
        *capacity = more;
    }
    return grown;
}
