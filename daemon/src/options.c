#include "options.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

enum { HELP_COLUMN = 27 };

/* Lines after the first stand under it. */
static void print_lines(const char *text)
{
    for (const char *end = strchr(text, '\n'); end != NULL; end = strchr(text, '\n')) {
        printf("%.*s\n%*s", (int)(end - text), text, HELP_COLUMN, "");
        text = end + 1;
    }
    printf("%s\n", text);
}

static void print_help(const struct options *o)
{
    printf("usage: murid %s\n\n%s\n", o->usage, o->about);
    if (o->n > 0) {
        printf("\noptions:\n");
    }
    for (size_t i = 0; i < o->n; i++) {
        const struct option *option = &o->list[i];
        char left[64];
        (void)snprintf(left, sizeof left, "%s%s%s%s", option->name[1] == '\0' ? "-" : "--",
                       option->name, option->value != NULL ? " " : "",
                       option->value != NULL ? option->value : "");
        printf("  %-*s ", HELP_COLUMN - 3, left);
        print_lines(option->help);
    }
}

static const struct option *find(const struct options *o, const char *name, size_t size)
{
    for (size_t i = 0; i < o->n; i++) {
        if (strlen(o->list[i].name) == size && memcmp(o->list[i].name, name, size) == 0) {
            return &o->list[i];
        }
    }
    return NULL;
}

static bool store_reals(const struct option *option, const char *text)
{
    struct option_reals reals = {0};
    for (const char *at = text;; at++) {
        char *end = NULL;
        const double value = strtod(at, &end);
        if (reals.n == OPTION_REALS_MAX || end == at || (*end != ',' && *end != '\0') ||
            !(value >= option->min && value <= option->max)) {
            return false;
        }
        reals.v[reals.n++] = value;
        at = end;
        if (*at == '\0') {
            break;
        }
    }
    *(struct option_reals *)option->into = reals;
    return true;
}

static bool store_number(const struct option *option, const char *text)
{
    char *end = NULL;
    errno = 0;
    if (option->kind == OPTION_INT) {
        const long long value = strtoll(text, &end, 10);
        if (end == text || *end != '\0' || errno != 0 || (double)value < option->min ||
            (double)value > option->max) {
            return false;
        }
        *(int64_t *)option->into = value;
        return true;
    }
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= option->min && value <= option->max)) {
        return false;
    }
    *(double *)option->into = value;
    return true;
}

static int store(const struct option *option, const char *text, struct fault *fault)
{
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option->into = true;
        break;
    case OPTION_TEXT:
        *(const char **)option->into = text;
        break;
    case OPTION_REALS:
        if (!store_reals(option, text)) {
            return fault_set(fault, FAULT_INPUT,
                             "option %s: \"%.40s\" is not a list of up to %d numbers from %.15g to "
                             "%.15g with commas between",
                             option->name, text, OPTION_REALS_MAX, option->min, option->max);
        }
        break;
    case OPTION_INT:
    case OPTION_REAL:
        if (!store_number(option, text)) {
            return fault_set(fault, FAULT_INPUT,
                             "option %s: \"%.40s\" is not a %s from %.15g to %.15g", option->name,
                             text, option->kind == OPTION_INT ? "whole number" : "number",
                             option->min, option->max);
        }
        break;
    }
    if (option->given != NULL) {
        *option->given = true;
    }
    return FAULT_NONE;
}

/* Takes argv[*at], and its value if that stands by itself. */
static int take_option(const struct options *o, int argc, char **argv, int *at, struct fault *fault)
{
    const char *word = argv[*at];
    const char *name = word + (word[1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    const struct option *option =
        find(o, name, equals != NULL ? (size_t)(equals - name) : strlen(name));
    if (option == NULL || (word[1] == '-') != (option->name[1] != '\0')) {
        return fault_set(fault, FAULT_INPUT, "no option %.60s; murid %s --help lists them", word,
                         argv[0]);
    }
    if (option->kind == OPTION_FLAG) {
        return equals == NULL
                   ? store(option, NULL, fault)
                   : fault_set(fault, FAULT_INPUT, "option %s takes no value", option->name);
    }
    if (equals != NULL) {
        return store(option, equals + 1, fault);
    }
    if (*at + 1 == argc) {
        return fault_set(fault, FAULT_INPUT, "option %s: a value was expected: %s", option->name,
                         option->value);
    }
    return store(option, argv[++*at], fault);
}

bool options_read(struct options *options, int argc, char **argv, int *code)
{
    struct fault fault;
    bool only_arguments = false;
    options->n_arguments = 0;
    for (int i = 1; i < argc; i++) {
        if (!only_arguments && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            print_help(options);
            *code = 0;
            return false;
        }
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && argv[i][0] == '-' && argv[i][1] != '\0') {
            if (take_option(options, argc, argv, &i, &fault) != FAULT_NONE) {
                *code = fault_report(&fault, FAULT_INPUT);
                return false;
            }
        } else if (options->n_arguments == options->arguments_max) {
            fault_set(&fault, FAULT_INPUT, "\"%.60s\" was not expected; usage: murid %s", argv[i],
                      options->usage);
            *code = fault_report(&fault, FAULT_INPUT);
            return false;
        } else {
            options->arguments[options->n_arguments++] = argv[i];
        }
    }
    if (options->n_arguments < options->arguments_min) {
        fault_set(&fault, FAULT_INPUT, "an argument is missing; usage: murid %s", options->usage);
        *code = fault_report(&fault, FAULT_INPUT);
        return false;
    }
    return true;
}
