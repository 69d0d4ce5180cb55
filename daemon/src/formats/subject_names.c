#include "subject_names.h"

#include <stdlib.h>
#include <string.h>

#include "list.h"

int subject_names_find(struct subject_names *s, const struct trial_table *table, const char *name,
                       uint32_t *out, struct fault *fault)
{
    if (s->n > 0 && strcmp(s->name[s->latest], name) == 0) {
        *out = s->latest;
        return FAULT_NONE;
    }
    uint32_t low = 0;
    uint32_t high = s->n;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        const int order = strcmp(s->name[s->by_name[middle]], name);
        if (order == 0) {
            *out = s->latest = s->by_name[middle];
            return FAULT_NONE;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (s->n == SUBJECT_NAMES_MAX) {
        return fault_set(fault, FAULT_INPUT, "%s:%lld: more than %d subjects in one table",
                         table->path, (long long)table->line, SUBJECT_NAMES_MAX);
    }
    void *grown = list_grow(s->name, s->n, &s->capacity, sizeof s->name[0]);
    if (grown == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for %u subjects", s->n + 1);
    }
    s->name = grown;
    memmove(&s->by_name[low + 1], &s->by_name[low], (s->n - low) * sizeof s->by_name[0]);
    s->by_name[low] = s->n;
    memcpy(s->name[s->n], name, strlen(name) + 1);
    *out = s->latest = s->n++;
    return FAULT_NONE;
}

void subject_names_free(struct subject_names *s)
{
    free(s->name);
    memset(s, 0, sizeof *s);
}
