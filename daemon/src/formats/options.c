#include "options.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "endpoint.h"
#include "fault.h"
#include "file_kind.h"
#include "key_table.h"
#include "mapping_file.h"

enum { HELP_COLUMN = 27, HELP_WIDTH = 80, TEXT_MAX = 1024, OPTIONS_MAX = 64 };

static const char FORCE[] = "force";

/* Which options were there, and what they were given. */
struct reading {
    struct options *options;
    const char *given[OPTIONS_MAX]; /* by place in the list; NULL: not given */
};

static bool is_short(const struct option *option)
{
    return option->name[1] == '\0';
}

/* For "%s%s": an option as it is typed. */
#define OPTION(option) dashes_of((option)->name), (option)->name

static const char *dashes_of(const char *name)
{
    return name[1] == '\0' ? "-" : "--";
}

/* ---- help ------------------------------------------------------------------------------------ */

/* Words up to the width, from a column on; further lines begin at an indent. */
static void print_wrapped(const char *text, size_t column, size_t indent)
{
    const char *between = "";
    while (*text != '\0') {
        size_t n = strcspn(text, " \n");
        if (n > HELP_WIDTH - indent) { /* a list without spaces breaks behind a comma */
            for (n = HELP_WIDTH - indent; n > 1 && text[n - 1] != ','; n--) {
            }
        }
        if (between[0] != '\0' && column + 1 + n > HELP_WIDTH) {
            printf("\n%*s", (int)indent, "");
            column = indent;
            between = "";
        }
        printf("%s%.*s", between, (int)n, text);
        column += strlen(between) + n;
        between = " ";
        text += n;
        text += strspn(text, " \n");
    }
    putchar('\n');
}

/* "a, b or c". Returns out. */
static const char *word_list(const struct option_word *word, char *out, size_t cap)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < word->n && used < cap; i++) {
        const char *between = i == 0 ? "" : i + 1 == word->n ? " or " : ", ";
        used += (size_t)snprintf(out + used, cap - used, "%s%s", between, word->word[i]);
    }
    return out;
}

bool option_word_has(const struct option_word *word, const char *name)
{
    size_t n = 0;
    const char *rest = word->chosen;
    for (const char *at = NULL; (at = key_word_next(&rest, ',', &n)) != NULL;) {
        if (n == strlen(name) && memcmp(at, name, n) == 0) {
            return true;
        }
    }
    return false;
}

/* "" where there is none. */
static void print_default(const struct option *option, char *out, size_t cap)
{
    out[0] = '\0';
    if (option->kind == OPTION_INT) {
        const int64_t value = *(const int64_t *)option->into;
        if ((double)value >= option->min && (double)value <= option->max) {
            (void)snprintf(out, cap, " (default %lld)", (long long)value);
        }
    } else if (option->kind == OPTION_REAL) {
        const double value = *(const double *)option->into;
        if (value >= option->min && value <= option->max) {
            (void)snprintf(out, cap, " (default %.10g)", value);
        }
    } else if (option->kind == OPTION_REALS) {
        const struct option_reals *reals = option->into;
        size_t used = 0;
        for (size_t i = 0; i < reals->n && used < cap; i++) {
            used += (size_t)snprintf(out + used, cap - used, "%s%.10g", i > 0 ? "," : " (default ",
                                     reals->v[i]);
        }
        if (used > 0 && used < cap) {
            (void)snprintf(out + used, cap - used, ")");
        }
    } else if (option->kind != OPTION_FLAG && option->kind != OPTION_MAP) {
        const char *text = option->kind == OPTION_WORD || option->kind == OPTION_WORDS
                               ? ((const struct option_word *)option->into)->chosen
                               : *(const char *const *)option->into;
        if (text != NULL && text[0] != '\0') {
            (void)snprintf(out, cap, " (default %s)", text);
        }
    }
}

static void print_option(const struct option *option)
{
    char left[64];
    char words[TEXT_MAX] = "";
    char usual[TEXT_MAX];
    char text[3 * TEXT_MAX];
    (void)snprintf(left, sizeof left, "%s%s%s%s", dashes_of(option->name), option->name,
                   option->value != NULL ? " " : "", option->value != NULL ? option->value : "");
    const bool has_words = option->kind == OPTION_WORD || option->kind == OPTION_WORDS;
    if (has_words && strchr(option->value, '|') == NULL) {
        (void)word_list(option->into, words, sizeof words);
    }
    print_default(option, usual, sizeof usual);
    (void)snprintf(text, sizeof text, "%s%s%s%s", option->help, words[0] != '\0' ? ": " : "", words,
                   usual);
    printf("  %-*s ", HELP_COLUMN - 3, left);
    print_wrapped(text, HELP_COLUMN, HELP_COLUMN);
}

static bool has_outputs(const struct options *o)
{
    for (size_t i = 0; i < o->n; i++) {
        if (o->list[i].kind == OPTION_OUT) {
            return true;
        }
    }
    return false;
}

static void print_help(const struct options *o)
{
    const size_t indent = (size_t)printf("usage: murid ");
    print_wrapped(o->usage, indent, indent);
    putchar('\n');
    print_wrapped(o->about, 0, 0);
    if (o->n > 0) {
        printf("\noptions:\n");
    }
    for (size_t i = 0; i < o->n; i++) {
        print_option(&o->list[i]);
    }
    if (has_outputs(o)) {
        print_option(&(struct option){
            .name = FORCE,
            .kind = OPTION_FLAG,
            .help = "overwrite a journal, table, model, configuration, protocol or recording"});
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

/* One word of n bytes, or FAULT_INPUT with those that are right and the one that may be meant. */
static int check_word(const struct option *option, const char *text, size_t n, struct fault *fault)
{
    const struct option_word *right = option->into;
    char given[OPTION_WORDS_MAX + 1];
    char list[TEXT_MAX / 2];
    char ask[NEAREST_TEXT_MAX];
    struct nearest nearest;
    if (key_word_find(right->word, text, n) != SIZE_MAX) {
        return FAULT_NONE;
    }
    (void)snprintf(given, sizeof given, "%.*s", (int)(n < sizeof given ? n : sizeof given), text);
    nearest_init(&nearest, given);
    for (size_t i = 0; i < right->n; i++) {
        nearest_offer(&nearest, right->word[i]);
    }
    return fault_set(fault, FAULT_INPUT, "%s%s: \"%s\"; %s%s was expected%s", OPTION(option), given,
                     option->kind == OPTION_WORDS ? "a list with commas of " : "",
                     word_list(right, list, sizeof list), nearest_ask(&nearest, "", ask));
}

static int store_words(const struct option *option, const char *text, struct fault *fault)
{
    const bool is_list = option->kind == OPTION_WORDS;
    int rc = is_list ? FAULT_NONE : check_word(option, text, strlen(text), fault);
    size_t n = 0;
    const char *rest = is_list ? text : NULL;
    for (const char *at = NULL; rc == FAULT_NONE && (at = key_word_next(&rest, ',', &n)) != NULL;) {
        rc = check_word(option, at, n, fault);
    }
    if (rc == FAULT_NONE) {
        ((struct option_word *)option->into)->chosen = text;
    }
    return rc;
}

static int store_number(const struct option *option, const char *text, struct fault *fault)
{
    char expected[TEXT_MAX];
    const bool is_whole = option->kind == OPTION_INT;
    const struct key key = {.kind = is_whole ? KEY_INT : KEY_REAL,
                            .size = sizeof(int64_t),
                            .digits = is_whole ? KEY_WHOLE_DIGITS : NULL,
                            .count = OPTION_REALS_MAX,
                            .min = option->min,
                            .max = option->max,
                            .unit = ""};
    if (option->kind == OPTION_REALS) {
        return key_put_reals(&key, option->into, text)
                   ? FAULT_NONE
                   : fault_set(fault, FAULT_INPUT,
                               "%s%s: \"%.40s\" is not a list of up to %d numbers from %.15g "
                               "to %.15g with commas between",
                               OPTION(option), text, OPTION_REALS_MAX, option->min, option->max);
    }
    key_expected(&key, expected, sizeof expected);
    return key_put(&key, option->into, 0, text, strlen(text))
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT, "%s%s: \"%.40s\" is not %s", OPTION(option), text,
                           expected);
}

static int store_endpoint(const struct option *option, const char *text, struct fault *fault)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s%s", OPTION(option));
    *(const char **)option->into = text;
    return endpoint_check(name, text, fault);
}

static int store(const struct option *option, const char *text, struct fault *fault)
{
    int rc = FAULT_NONE;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option->into = true;
        break;
    case OPTION_MAP:
        rc = mapping_file_add(option->into, "--map", text, fault);
        break;
    case OPTION_ENDPOINT:
        rc = store_endpoint(option, text, fault);
        break;
    case OPTION_TEXT:
    case OPTION_IN:
    case OPTION_OUT:
        if (text[0] == '\0') {
            return fault_set(fault, FAULT_INPUT, "%s%s: is empty; %s was expected", OPTION(option),
                             option->value);
        }
        *(const char **)option->into = text;
        break;
    case OPTION_WORD:
    case OPTION_WORDS:
        rc = store_words(option, text, fault);
        break;
    case OPTION_REALS:
    case OPTION_INT:
    case OPTION_REAL:
        rc = store_number(option, text, fault);
        break;
    }
    if (rc == FAULT_NONE && option->given != NULL) {
        *option->given = true;
    }
    return rc;
}

/* ---- words of the command line --------------------------------------------------------------- */

static const struct option *find(const struct options *o, const char *name, size_t size)
{
    for (size_t i = 0; i < o->n; i++) {
        if (strlen(o->list[i].name) == size && memcmp(o->list[i].name, name, size) == 0) {
            return &o->list[i];
        }
    }
    return NULL;
}

/* Is this, whole, an option of the command? Then it is no value of another. */
static bool is_option(const struct options *o, const char *word)
{
    const bool is_long = word[0] == '-' && word[1] == '-';
    return is_long && (find(o, word + 2, strlen(word + 2)) != NULL || strcmp(word, "--help") == 0);
}

static int refuse_option(const struct options *o, const char *command, const char *word,
                         struct fault *fault)
{
    /* Words that are far from the right one; of those that a command has, the first. */
    static const struct {
        const char *word, *name;
    } MEANT[] = {{"out", "o"},       {"output", "o"}, {"o", "plot"},      {"out", "plot"},
                 {"output", "plot"}, {"svg", "plot"}, {"summary", "csv"}, {"table", "csv"}};
    char name[64];
    char ask[NEAREST_TEXT_MAX];
    struct nearest nearest;
    const char *bare = word + strspn(word, "-");
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(bare, "="), bare);
    nearest_init(&nearest, name);
    for (size_t i = 0; i < o->n; i++) {
        nearest_offer(&nearest, o->list[i].name);
    }
    nearest_offer(&nearest, "help");
    if (has_outputs(o)) {
        nearest_offer(&nearest, FORCE);
    }
    for (size_t i = sizeof MEANT / sizeof MEANT[0]; i-- > 0;) {
        if (strcmp(name, MEANT[i].word) == 0 &&
            find(o, MEANT[i].name, strlen(MEANT[i].name)) != NULL) {
            nearest.best = MEANT[i].name;
        }
    }
    if (strlen(name) == 1 && find(o, name, 1) != NULL) {
        nearest.best = find(o, name, 1)->name;
    }
    return fault_set(
        fault, FAULT_INPUT, "no option %.60s%s; murid %s --help lists them", word,
        nearest_ask(&nearest, nearest.best != NULL ? dashes_of(nearest.best) : "", ask), command);
}

/* Takes argv[*at], and its value if that stands by itself. */
static int take_option(struct reading *r, int argc, char **argv, int *at, struct fault *fault)
{
    struct options *o = r->options;
    const char *word = argv[*at];
    const char *name = word + (word[1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    const struct option *option =
        find(o, name, equals != NULL ? (size_t)(equals - name) : strlen(name));
    if (strcmp(word, "--force") == 0 && option == NULL && has_outputs(o)) {
        o->guard.force = true;
        return FAULT_NONE;
    }
    if (option == NULL || (word[1] == '-') == is_short(option)) {
        return refuse_option(o, argv[0], word, fault);
    }
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (option->kind == OPTION_FLAG && value != NULL) {
        return fault_set(fault, FAULT_INPUT, "%s%s: takes no value; \"%.60s\" was given",
                         OPTION(option), value);
    }
    if (option->kind != OPTION_FLAG && value == NULL) {
        if (*at + 1 == argc || is_option(o, argv[*at + 1])) {
            return fault_set(fault, FAULT_INPUT, "%s%s: a value was expected: %s%s%.60s",
                             OPTION(option), option->value, *at + 1 < argc ? ", not " : "",
                             *at + 1 < argc ? argv[*at + 1] : "");
        }
        value = argv[++*at];
    }
    const char **given = &r->given[option - o->list];
    if (*given != NULL && option->kind != OPTION_FLAG && option->kind != OPTION_MAP &&
        strcmp(*given, value) != 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s%s: is given twice, with \"%.60s\" and \"%.60s\"; one was expected",
                         OPTION(option), *given, value);
    }
    *given = value != NULL ? value : option->name;
    return store(option, value, fault);
}

/* Dashes of typography come from documents that were copied. */
static bool is_long_dash(const char *word)
{
    return strncmp(word, "\xe2\x80\x93", 3) == 0 || strncmp(word, "\xe2\x80\x94", 3) == 0 ||
           strncmp(word, "\xe2\x88\x92", 3) == 0;
}

static int take_argument(struct options *o, const char *command, const char *word,
                         struct fault *fault)
{
    if (is_long_dash(word)) {
        return fault_set(fault, FAULT_INPUT,
                         "\"%.60s\" begins with a dash other than '-'; did you mean --%.60s?", word,
                         word + 3);
    }
    if (o->n_arguments == o->arguments_max) {
        return fault_set(
            fault, FAULT_INPUT,
            "\"%.60s\" was not expected: murid %s takes %s%zu argument%s; usage: murid "
            "%s",
            word, command, o->arguments_min < o->arguments_max ? "at most " : "", o->arguments_max,
            o->arguments_max == 1 ? "" : "s", o->usage);
    }
    if (word[0] == '\0') {
        return fault_set(fault, FAULT_INPUT, "argument %zu is empty; usage: murid %s",
                         o->n_arguments + 1, o->usage);
    }
    o->arguments[o->n_arguments++] = word;
    return FAULT_NONE;
}

/* FAULT_NONE, also after --help, which is printed: *is_help. */
static int read_words(struct reading *r, int argc, char **argv, bool *is_help, struct fault *fault)
{
    struct options *o = r->options;
    bool only_arguments = false;
    int rc = FAULT_NONE;
    *is_help = false;
    for (int i = 1; i < argc && rc == FAULT_NONE; i++) {
        const char *word = argv[i];
        if (!only_arguments && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            print_help(o);
            *is_help = true;
            return FAULT_NONE;
        }
        if (!only_arguments && strcmp(word, "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && word[0] == '-' && word[1] != '\0') {
            rc = take_option(r, argc, argv, &i, fault);
        } else {
            rc = take_argument(o, argv[0], word, fault);
        }
    }
    if (rc == FAULT_NONE && o->n_arguments < o->arguments_min) {
        rc = fault_set(fault, FAULT_INPUT, "an argument is missing; usage: murid %s", o->usage);
    }
    return rc;
}

/* ---- what goes together ---------------------------------------------------------------------- */

/* The first of "a|b" that was given, or NULL. */
static const char *first_given(const struct reading *r, const char *names, char out[TEXT_MAX])
{
    size_t n = 0;
    for (const char *at = NULL; (at = key_word_next(&names, '|', &n)) != NULL;) {
        const struct option *option = find(r->options, at, n);
        assert(option != NULL); /* a rule names options that there are */
        if (r->given[option - r->options->list] != NULL) {
            (void)snprintf(out, TEXT_MAX, "%s%s", dashes_of(option->name), option->name);
            return out;
        }
    }
    return NULL;
}

/* "--a or -b" of "a|b". Returns out. */
static const char *one_of(const char *names, char out[TEXT_MAX])
{
    size_t n = 0;
    size_t used = 0;
    for (const char *at = NULL; used < TEXT_MAX && (at = key_word_next(&names, '|', &n)) != NULL;) {
        used += (size_t)snprintf(out + used, TEXT_MAX - used, "%s%s%.*s", used > 0 ? " or " : "",
                                 n == 1 ? "-" : "--", (int)n, at);
    }
    return out;
}

static int check_rules(const struct reading *r, struct fault *fault)
{
    for (size_t i = 0; i < r->options->n_rules; i++) {
        const struct option_rule *rule = &r->options->rules[i];
        char name[TEXT_MAX];
        char others[TEXT_MAX];
        const char *given = first_given(r, rule->names, name);
        const char *other = first_given(r, rule->others, others);
        if (given != NULL && rule->rule == OPTION_NEEDS && other == NULL) {
            return fault_set(fault, FAULT_INPUT,
                             "%s: has no effect without %s; give both, or neither", given,
                             one_of(rule->others, others));
        }
        if (given != NULL && rule->rule == OPTION_EXCLUDES && other != NULL) {
            return fault_set(fault, FAULT_INPUT,
                             "%s: has no effect together with %s; one of them was expected", given,
                             other);
        }
    }
    return FAULT_NONE;
}

/* ---- files ----------------------------------------------------------------------------------- */

static void note_input(struct output_guard *guard, const char *path)
{
    if (strcmp(path, "-") != 0 && guard->n_inputs < OUTPUT_INPUTS_MAX) {
        guard->input[guard->n_inputs++] = path;
    }
}

static const char *path_of(const struct option *option)
{
    return *(const char *const *)option->into;
}

static int check_inputs(struct reading *r, struct fault *fault)
{
    struct options *o = r->options;
    for (size_t i = 0; i < o->n_arguments; i++) {
        note_input(&o->guard, o->arguments[i]);
    }
    for (size_t i = 0; i < o->n; i++) {
        const struct option *option = &o->list[i];
        if (option->kind == OPTION_IN && path_of(option) != NULL) {
            struct stat st;
            note_input(&o->guard, path_of(option));
            if (strcmp(path_of(option), "-") != 0 && stat(path_of(option), &st) != 0) {
                return fault_set(fault, FAULT_INPUT, "%s%s: %s: %s; %s was expected",
                                 OPTION(option), path_of(option), strerror(errno), option->value);
            }
        }
    }
    return FAULT_NONE;
}

/* Two outputs under one name: the second would destroy the first. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    return strcmp(a, b) == 0 || (stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) &&
                                 x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

static int check_output(struct reading *r, size_t place, struct fault *fault)
{
    struct options *o = r->options;
    const struct option *option = &o->list[place];
    const char *path = path_of(option);
    struct fault why;
    struct output_guard guard = o->guard;
    if (strcmp(path, "-") == 0 && option->max < 1.0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s%s: standard output is taken; the name of a "
                         "file was expected",
                         OPTION(option));
    }
    for (size_t i = 0; i < place; i++) {
        if (o->list[i].kind == OPTION_OUT && path_of(&o->list[i]) != NULL &&
            is_same_file(path, path_of(&o->list[i]))) {
            return fault_set(fault, FAULT_INPUT, "%s%s and %s%s: both name %s", OPTION(&o->list[i]),
                             OPTION(option), path);
        }
    }
    if (o->resumes != NULL && *o->resumes && file_kind_at(path) == FILE_KIND_MODEL) {
        guard.force = true;
    }
    const int rc = output_file_check(&guard, path, &why);
    return rc == FAULT_NONE ? rc : fault_set(fault, rc, "%s%s: %s", OPTION(option), why.text);
}

static int check_outputs(struct reading *r, struct fault *fault)
{
    int rc = FAULT_NONE;
    for (size_t i = 0; i < r->options->n && rc == FAULT_NONE; i++) {
        const struct option *option = &r->options->list[i];
        if (option->kind == OPTION_OUT && path_of(option) != NULL) {
            rc = check_output(r, i, fault);
        }
    }
    if (r->options->resumes != NULL && *r->options->resumes) {
        r->options->guard.force = true;
    }
    return rc;
}

bool options_read(struct options *options, int argc, char **argv, int *code)
{
    struct fault fault;
    struct reading reading = {.options = options};
    bool is_help = false;
    assert(options->n <= OPTIONS_MAX);
    options->n_arguments = 0;
    options->guard = (struct output_guard){0};
    int rc = read_words(&reading, argc, argv, &is_help, &fault);
    if (rc == FAULT_NONE && is_help) {
        *code = FAULT_NONE;
        return false;
    }
    rc = rc ? rc : check_rules(&reading, &fault);
    rc = rc ? rc : check_inputs(&reading, &fault);
    rc = rc ? rc : check_outputs(&reading, &fault);
    if (rc != FAULT_NONE && options->fault != NULL) {
        *options->fault = fault;
    } else if (rc != FAULT_NONE) {
        (void)fault_report(&fault, rc);
    }
    *code = rc;
    return rc == FAULT_NONE;
}
