#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "fault.h"

static const struct {
    const char *name;
    const char *help;
    int (*run)(int argc, char **argv);
} COMMANDS[] = {
#define COMMAND(name, help) {#name, help, cmd_##name},
#include "commands.def"
#undef COMMAND
};

enum { N_COMMANDS = sizeof COMMANDS / sizeof COMMANDS[0] };

static void print_help(FILE *to)
{
    fprintf(to,
            "murid %s: a live digital twin of a mouse in training\n\n"
            "usage: murid COMMAND [options]\n\n",
            MURID_VERSION);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        fprintf(to, "  %-9s %s\n", COMMANDS[i].name, COMMANDS[i].help);
    }
    fprintf(to, "\n  murid COMMAND --help says more; murid --version prints the version.\n"
                "  Exit codes: 0 ok, 1 the work failed, 2 wrong usage or input.\n");
}

/* What was to be read stands on a full disk: that is no success. */
static int finish(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return code;
    }
    fputs("murid: standard output cannot be written\n", stderr);
    return code != 0 ? code : 1;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return finish(0);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("murid %s\n", MURID_VERSION);
        return finish(0);
    }
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) == 0) {
            return finish(COMMANDS[i].run(argc - 1, argv + 1));
        }
    }
    struct fault fault;
    fault_set(&fault, FAULT_INPUT, "no command \"%.64s\"; murid --help lists them", argv[1]);
    return fault_report(&fault, FAULT_INPUT);
    return 2;
}
