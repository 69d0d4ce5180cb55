/* command.h - what all subcommands have in common: their table of options is read, the work is
 * done, and what went wrong is reported on standard error.
 *
 * Threads: the main one. Memory: the caller's; paths and words stay those of argv. Errors: the exit
 * codes of commands.h.
 */
#pragma once

#include "commands.h"
#include "fault.h"
#include "options.h"

/* Members of struct options, of an array. */
#define COMMAND_OPTIONS(array) .list = (array), .n = sizeof(array) / sizeof(array)[0]
#define COMMAND_RULES(array)   .rules = (array), .n_rules = sizeof(array) / sizeof(array)[0]
#define COMMAND_FILE(path)     .arguments = (path), .arguments_min = 1, .arguments_max = 1

/* clang-format off */
/* The options that stand in several commands, in the same words. */
#define COMMAND_JSON(into) {"json", OPTION_FLAG, into, 0, 0, NULL, "print JSON", NULL}
#define COMMAND_PLOT(into) {"plot", OPTION_OUT, into, 0, 0, "FILE.svg", "write a figure", NULL}
#define COMMAND_SUBJECT(into) {"subject", OPTION_TEXT, into, 0, 0, "NAME", "only this animal", NULL}
#define COMMAND_SEED(into, help) {"seed", OPTION_INT, into, 0, 9007199254740992.0, "N", help, NULL}
#define COMMAND_KEYS(key, server_key) \
    {"key", OPTION_IN, key, 0, 0, "FILE", "our CURVE key pair, from murid keygen", NULL}, \
    {"server-key", OPTION_IN, server_key, 0, 0, "FILE", "the daemon's .pub file", NULL}

/* Of struct known_animal_request. */
#define COMMAND_KNOWN_ANIMAL(animal) \
    {"model", OPTION_IN, &(animal).model, 0, 0, "M", \
     "model file (default the journal's; for a table the random walk, which does not learn)", NULL}, \
    {"subject", OPTION_TEXT, &(animal).subject, 0, 0, "NAME", "the animal, if there are several", NULL}, \
    {"at", OPTION_INT, &(animal).at, 0, 1e9, "N", "known trials (default all)", NULL}, \
    COMMAND_SEED(&(animal).seed, "of the draws"), TRIAL_TABLE_OPTIONS((animal).table)
/* clang-format on */

/* A zeroed request that is too large for the stack, the caller's to free; NULL: no memory, which
 * has been reported. */
void *command_request(size_t size);

/* Reads argv, then does work(request). Returns the exit code; a fault has been reported. */
int command_run(struct options *options, int argc, char **argv,
                int (*work)(void *request, struct fault *fault), void *request);

/* The same for a command of one file and no options: work(&path), a const char **. */
int command_file(const char *usage, const char *about, int argc, char **argv,
                 int (*work)(void *path, struct fault *fault));
