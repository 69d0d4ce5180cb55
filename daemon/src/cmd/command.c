#include "command.h"

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
