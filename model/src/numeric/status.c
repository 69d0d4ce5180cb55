#include "model/status.h"

const char *model_strerror(int status)
{
    switch (status) {
#define MODEL_STATUS_CASE(name, value, text)                                                       \
    case value:                                                                                    \
        return text;
        MODEL_STATUS_LIST(MODEL_STATUS_CASE)
#undef MODEL_STATUS_CASE
    default:
        return "unknown status";
    }
}
