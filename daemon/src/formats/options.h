/* options.h - the options of a subcommand: one table that is parser, range check, help text and
 * guard of files.
 *
 * `--name VALUE` and `--name=VALUE` are the same; `--` ends the options; anything else is a
 * positional argument. The value of a variable before parsing is its default, and the help prints
 * it from there. A wrong word is answered with the nearest correct one; an option that would have
 * no effect is refused. Threads: one owner. Memory: texts point into argv.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "output_file.h"

enum option_kind {
    OPTION_FLAG,     /* into: bool */
    OPTION_TEXT,     /* into: const char * */
    OPTION_INT,      /* into: int64_t */
    OPTION_REAL,     /* into: double */
    OPTION_REALS,    /* into: struct option_reals; comma-separated, at least one */
    OPTION_WORD,     /* into: struct option_word; one of its words */
    OPTION_WORDS,    /* into: struct option_word; some of its words, comma-separated */
    OPTION_IN,       /* into: const char *; a file that is read */
    OPTION_OUT,      /* into: const char *; a file that is written; max 1: "-" is standard output */
    OPTION_MAP,      /* into: struct mapping; may be given several times */
    OPTION_ENDPOINT, /* into: const char *; of ZeroMQ: tcp://HOST:PORT or ipc://PATH */
};

enum { OPTION_REALS_MAX = 512, OPTION_WORDS_MAX = 40 };

struct option_reals {
    size_t n;
    double v[OPTION_REALS_MAX];
};

struct option_word {
    const char *chosen; /* as it was given; NULL: it was not */
    size_t n;
    const char *word[OPTION_WORDS_MAX]; /* that are right; NULL behind the last */
};

struct option {
    const char *name; /* without the dashes; of one letter: "-c" */
    enum option_kind kind;
    void *into;
    double min; /* INT, REAL, REALS */
    double max;
    const char *value; /* what the help calls the value, NULL for a flag */
    const char *help;  /* without the default, which is added where there is one within the range */
    bool *given;       /* set when the option is there; may be NULL */
};

/* Options that are not for each other: each of `names` ("a|b") has an effect only with one of
 * `others`, or with none of them. */
struct option_rule {
    const char *names;
    enum { OPTION_NEEDS, OPTION_EXCLUDES } rule;
    const char *others;
};

struct options {
    const char *usage; /* "eval DATA [options]" */
    const char *about; /* a sentence or more for --help */
    const struct option *list;
    size_t n;
    const struct option_rule *rules; /* NULL: none */
    size_t n_rules;
    const char **arguments; /* the positional ones are put here: files that are read */
    size_t arguments_min;
    size_t arguments_max;
    const bool *resumes;       /* set: a model may be written over, that of the fit which goes on */
    struct fault *fault;       /* NULL: a fault is reported; else it is put here, for the command */
    size_t n_arguments;        /* filled in, like what follows */
    struct output_guard guard; /* of what was given: for everything that the command writes */
};

/* Reads argv[1..]. True: go on; every OPTION_OUT may be written, and --force is heard.
 * False: *code is the exit code: 0 after --help, which has been printed, or 2 after a wrong option,
 * which has been reported on standard error, unless options->fault is set. */
bool options_read(struct options *options, int argc, char **argv, int *code);

/* Whether a word was chosen, alone or in a list. */
bool option_word_has(const struct option_word *word, const char *name);
