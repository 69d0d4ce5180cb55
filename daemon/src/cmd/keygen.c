#include <stdio.h>

#include "commands.h"
#include "curve_keys.h"
#include "options.h"

int cmd_keygen(int argc, char **argv)
{
    const char *path = NULL;
    struct options options = {
        .usage = "keygen FILE",
        .about = "Writes a new CURVE key pair to FILE, readable by its owner only, and the public "
                 "key to FILE.pub. The daemon's own pair goes to security.server_key; the public "
                 "keys of the rigs allowed go, one a line, to security.client_keys.",
        .arguments = &path,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    int code = 0;
    if (!options_read(&options, argc, argv, &code)) {
        return code;
    }
    struct fault fault;
    code = curve_keys_make(path, &fault);
    if (code != FAULT_NONE) {
        return fault_report(&fault, code);
    }
    printf("%s: the pair, keep it secret\n%s.pub: the public key\n", path, path);
    return FAULT_NONE;
}
