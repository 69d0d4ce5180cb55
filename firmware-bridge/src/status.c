#include "bridge/status.h"

const char *bridge_strerror(int status)
{
    switch (status) {
#define BRIDGE_STATUS_CASE(name, value, text)                                                      \
    case value:                                                                                    \
        return text;
        BRIDGE_STATUS_LIST(BRIDGE_STATUS_CASE)
#undef BRIDGE_STATUS_CASE
    default:
        return "unknown status";
    }
}
