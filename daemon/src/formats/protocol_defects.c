#include "protocol_defects.h"

#include <stdio.h>
#include <string.h>

#include "key_table.h"

void protocol_defects_print(uint32_t defects, char out[], size_t cap)
{
    size_t n = 0;
    (void)snprintf(out, cap, "none");
    for (uint32_t i = 0; i < MODEL_PROTOCOL_DEFECTS && n < cap; i++) {
        if ((defects >> i & 1) != 0) {
            n += (size_t)snprintf(out + n, cap - n, "%s%s", n > 0 ? ", " : "",
                                  model_protocol_defect_of((model_protocol_defect)i)->name);
        }
    }
}

static int refuse(const char *name, struct fault *fault)
{
    char names[300];
    protocol_defects_print((UINT32_C(1) << MODEL_PROTOCOL_DEFECTS) - 1, names, sizeof names);
    return fault_set(fault, FAULT_INPUT, "--defect: \"%.60s\" is not one of %s", name, names);
}

int protocol_defects_add(struct protocol_file *file, const char *name, const char *defects,
                         struct fault *fault)
{
    int rc = FAULT_NONE;
    size_t size = 0;
    for (const char *at = NULL;
         rc == FAULT_NONE && (at = key_word_next(&defects, ',', &size)) != NULL;) {
        char one[64];
        model_protocol_defect defect = MODEL_PROTOCOL_DEFECTS;
        (void)snprintf(one, sizeof one, "%.*s", (int)(size < sizeof one ? size : sizeof one - 1),
                       at);
        rc = model_protocol_defect_parse(&defect, one) == MODEL_OK
                 ? protocol_file_add_defect(file, name, 0, defect, fault)
                 : refuse(one, fault);
    }
    return rc;
}

void protocol_defects_versions(model_protocol_defect defect, char out[], size_t cap)
{
    size_t n = (size_t)snprintf(out, cap, "%s", model_protocol_defect_of(defect)->seen);
    bool was = false;
    for (uint32_t i = 0; i < MODEL_PROTOCOL_RELEASES && n < cap; i++) {
        const bool has = (model_protocol_release_of(i)->defects >> defect & 1) != 0;
        const bool ends = has && (i + 1 == MODEL_PROTOCOL_RELEASES ||
                                  (model_protocol_release_of(i + 1)->defects >> defect & 1) == 0);
        if (has && !was) {
            n += (size_t)snprintf(out + n, cap - n, "%s%s", n > 0 ? ", " : "",
                                  model_protocol_release_of(i)->first);
        }
        if (ends && n < cap) {
            n += (size_t)snprintf(out + n, cap - n, " to %s", model_protocol_release_of(i)->last);
        }
        was = has;
    }
}
