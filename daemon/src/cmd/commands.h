/* commands.h - the subcommands. Each parses its own options, prints its own help, and returns the
 * program's exit code: 0 ok, 1 the work failed, 2 wrong usage or input. argv[0] is its name. */
#pragma once

#define COMMAND(name, help) int cmd_##name(int argc, char **argv);
#include "commands.def"
#undef COMMAND
