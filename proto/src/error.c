#include "proto/error.h"

const char *proto_strerror(int status)
{
    switch (status) {
#define PROTO_ERROR_CASE(name, value, text)                                                        \
    case value:                                                                                    \
        return text;
        PROTO_ERROR_LIST(PROTO_ERROR_CASE)
#undef PROTO_ERROR_CASE
    default:
        return "unknown status";
    }
}
