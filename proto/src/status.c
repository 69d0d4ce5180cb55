#include "proto/status.h"

const char *proto_strerror(int status)
{
    switch (status) {
#define PROTO_STATUS_CASE(name, value, text)                                                       \
    case value:                                                                                    \
        return text;
        PROTO_STATUS_LIST(PROTO_STATUS_CASE)
#undef PROTO_STATUS_CASE
    default:
        return "unknown status";
    }
}
