#include "model/error.h"

const char *model_strerror(int status)
{
    switch (status) {
#define MODEL_ERROR_CASE(name, value, text)                                                        \
    case value:                                                                                    \
        return text;
        MODEL_ERROR_LIST(MODEL_ERROR_CASE)
#undef MODEL_ERROR_CASE
    default:
        return "unknown status";
    }
}
