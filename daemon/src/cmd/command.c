#include "command.h"

#include <stdlib.h>

void *command_request(size_t size)
{
    struct fault fault;
    void *request = calloc(1, size);
    if (request == NULL) {
        (void)fault_report(&fault, fault_set(&fault, FAULT_WORK, "no memory"));
    }
    return request;
}

int command_run(struct options *options, int argc, char **argv,
                int (*work)(void *request, struct fault *fault), void *request)
{
    struct fault fault;
    int code = FAULT_NONE;
    if (options_read(options, argc, argv, &code)) {
        code = fault_report(&fault, work(request, &fault));
    }
    return code;
}

int command_file(const char *usage, const char *about, int argc, char **argv,
                 int (*work)(void *path, struct fault *fault))
{
    const char *path = NULL;
    struct options options = {.usage = usage, .about = about, COMMAND_FILE(&path)};
    return command_run(&options, argc, argv, work, &path);
}
