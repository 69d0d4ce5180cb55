#include "bridge/values.h"

#include <stdio.h>
#include <string.h>

struct bridge_text bridge_value_text(const struct bridge_value *value)
{
    return (struct bridge_text){value->text, value->size};
}

bool bridge_value_is_unknown(const struct bridge_value *value)
{
    return !value->is_set || value->size == 0 ||
           bridge_text_is_among(bridge_value_text(value),
                                bridge_text_of("nan,na,n/a,none,null,nil"));
}

bool bridge_values_put(struct bridge_values *values, uint64_t slots, const char *text, size_t size)
{
    const struct bridge_text all = {text, size};
    const struct bridge_text trimmed = bridge_text_trim(all);
    if (trimmed.size >= BRIDGE_VALUE_MAX) {
        return false;
    }
    for (size_t i = 0; i < BRIDGE_SLOTS_MAX; i++) {
        if ((slots >> i & 1) != 0) {
            struct bridge_value *v = &values->slot[i];
            v->is_set = true;
            v->size = trimmed.size;
            bridge_text_copy(v->text, sizeof v->text, trimmed);
        }
    }
    return true;
}

void bridge_values_put_number(struct bridge_values *values, uint64_t slots, double number)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.17g", number);
    (void)bridge_values_put(values, slots, text, strlen(text));
}
