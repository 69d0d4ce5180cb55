/* options.h - the options of a subcommand: one table that is parser, range check and help text.
 *
 * `--name VALUE` and `--name=VALUE` are the same; `--` ends the options; anything else is a
 * positional argument. Threads: one owner. Memory: values of kind TEXT point into argv.
 */
#ifndef MURID_OPTIONS_H
#define MURID_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum option_kind {
    OPTION_FLAG, /* into: bool */
    OPTION_TEXT, /* into: const char * */
    OPTION_INT,  /* into: int64_t */
    OPTION_REAL, /* into: double */
    OPTION_REALS /* into: struct option_reals; comma-separated, at least one */
};

enum { OPTION_REALS_MAX = 32 };

struct option_reals {
    size_t n;
    double v[OPTION_REALS_MAX];
};

struct option {
    const char *name; /* without the dashes; of one letter: "-c" */
    enum option_kind kind;
    void *into;
    double min; /* INT, REAL, REALS */
    double max;
    const char *value; /* what the help calls the value, NULL for a flag */
    const char *help;
    bool *given; /* set when the option is there; may be NULL */
};

struct options {
    const char *usage; /* "eval DATA.csv [options]" */
    const char *about; /* a sentence or more for --help */
    const struct option *list;
    size_t n;
    const char **arguments; /* the positional ones are put here */
    size_t arguments_min;
    size_t arguments_max;
    size_t n_arguments; /* filled in */
};

/* Reads argv[1..]. True: go on. False: *code is the exit code: 0 after --help, which has been
 * printed, or 2 after a wrong option, which has been reported on standard error. */
bool options_read(struct options *options, int argc, char **argv, int *code);

#endif
