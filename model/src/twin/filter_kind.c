#include "model/filter_kind.h"

#include <stddef.h>
#include <string.h>

#include "model/error.h"

#define FILTER_NAME(NAME, name, what) #name,
static const char *const FILTERS[] = {MODEL_FILTER_LIST(FILTER_NAME)};
#undef FILTER_NAME

const char *model_filter_name(model_filter filter)
{
    return (unsigned)filter < MODEL_FILTERS ? FILTERS[filter] : NULL;
}

int model_filter_parse(model_filter *out, const char *name)
{
    for (unsigned i = 0; i < MODEL_FILTERS; i++) {
        if (strcmp(name, FILTERS[i]) == 0) {
            *out = (model_filter)i;
            return MODEL_OK;
        }
    }
    return MODEL_ERR_ARG;
}
