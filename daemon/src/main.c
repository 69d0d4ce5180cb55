#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "fault.h"
#include "nearest.h"

static const struct {
    const char *name;
    const char *help;
    int (*run)(int argc, char **argv);
} COMMANDS[] = {
#define COMMAND(name, help) {#name, help, cmd_##name},
#include "commands.def"
#undef COMMAND
};

static const char HELP[] = "help";
static const char VERSION[] = "version";

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
    fprintf(to, "\n  murid COMMAND --help lists its options; murid --version prints the version.\n"
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

static int refuse_command(const char *word)
{
    struct fault fault;
    struct nearest nearest;
    char ask[NEAREST_TEXT_MAX];
    nearest_init(&nearest, word + strspn(word, "-"));
    for (size_t i = 0; i < N_COMMANDS; i++) {
        nearest_offer(&nearest, COMMANDS[i].name);
    }
    nearest_offer(&nearest, HELP);
    nearest_offer(&nearest, VERSION);
    const bool is_option = nearest.best == HELP || nearest.best == VERSION;
    return fault_report(&fault, fault_set(&fault, FAULT_INPUT,
                                          "no command \"%.64s\": murid --help lists them%s", word,
                                          nearest_ask(&nearest, is_option ? "--" : "", ask)));
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
    return refuse_command(argv[1]);
}
