#include "endpoint.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_port(const char *text)
{
    char *end = NULL;
    const long port = strtol(text, &end, 10);
    return strcmp(text, "*") == 0 || (end != text && *end == '\0' && port >= 1 && port <= 65535);
}

static int refuse_scheme(const char *name, const char *endpoint, struct fault *fault)
{
    const char *form = is_port(endpoint)    ? "tcp://127.0.0.1:"
                       : endpoint[0] == '/' ? "ipc://"
                                            : "tcp://";
    if (strstr(endpoint, "://") != NULL) {
        return fault_set(fault, FAULT_INPUT, "%s: %s: an endpoint begins with tcp:// or ipc://",
                         name, endpoint);
    }
    return fault_set(fault, FAULT_INPUT,
                     "%s: %s: an endpoint begins with tcp:// or ipc://, as in %s%.150s", name,
                     endpoint, form, endpoint);
}

int endpoint_check(const char *name, const char *endpoint, struct fault *fault)
{
    const char *port = strrchr(endpoint, ':');
    if (strncmp(endpoint, "ipc://", 6) == 0 || strncmp(endpoint, "inproc://", 9) == 0) {
        return FAULT_NONE;
    }
    if (strncmp(endpoint, "tcp://", 6) != 0) {
        return refuse_scheme(name, endpoint, fault);
    }
    return port != NULL && port > endpoint + 5 && is_port(port + 1)
               ? FAULT_NONE
               : fault_set(
                     fault, FAULT_INPUT,
                     "%s: %s: a port from 1 to 65535 was expected after the last \":\", as in "
                     "tcp://127.0.0.1:5770",
                     name, endpoint);
}
