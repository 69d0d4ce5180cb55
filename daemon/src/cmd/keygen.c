#include <stdio.h>

#include "command.h"
#include "curve_keys.h"

static int work(void *request, struct fault *fault)
{
    const char *const *path = request;
    const int rc = curve_keys_make(*path, fault);
    if (rc == FAULT_NONE) {
        printf("%s: the pair, keep it secret\n%s.pub: the public key\n", *path, *path);
    }
    return rc;
}

int cmd_keygen(int argc, char **argv)
{
    return command_file(
        "keygen FILE",
        "Writes a new CURVE key pair to FILE, readable by its owner only, and the public "
        "key to FILE.pub. The daemon's own pair goes to security.server_key; the public "
        "keys of the rigs allowed go, one a line, to security.client_keys.",
        argc, argv, work);
}
