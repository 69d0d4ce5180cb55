#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "active_models.h"
#include "command.h"
#include "config.h"
#include "followers.h"
#include "journal_check.h"
#include "protocol_defects.h"
#include "protocol_file.h"
#include "startup.h"
#include "vocabulary.h"
#include "zmq_bus.h"

/* What would go wrong at `murid run`, as far as it shows without doing it: by the functions that
 * it is refused by. */

static int check_model(const struct config *config, struct fault *fault)
{
    struct active_models models;
    int rc = startup_check_files(config, fault);
    rc = rc ? rc : active_models_load(&models, config, fault);
    if (rc == FAULT_NONE) {
        active_models_free(&models);
    }
    return rc;
}

static int check_sockets(const struct config *config, struct fault *fault)
{
    struct zmq_bus bus;
    const int rc = zmq_bus_open(&bus, config, fault);
    if (rc == FAULT_NONE) {
        zmq_bus_close(&bus);
    }
    return rc;
}

static int check_lines(const struct config *config, struct fault *fault)
{
    for (size_t i = 0; i < config->n_rigs; i++) {
        const struct config_rigs *rig = &config->rigs[i];
        if (rig->port[0] != '\0' && access(rig->port, R_OK | W_OK) != 0) {
            return fault_set(fault, FAULT_WORK, "rigs: %s: %s: %s", rig->name, rig->port,
                             strerror(errno));
        }
    }
    return FAULT_NONE;
}

static int check_all(const struct config *config)
{
    static const struct {
        const char *what;
        int (*check)(const struct config *config, struct fault *fault);
    } CHECKS[] = {{"data directory", startup_check_journal},
                  {"model", check_model},
                  {"sockets", check_sockets},
                  {"serial lines", check_lines},
                  {"followed files", followers_check}};
    int worst = FAULT_NONE;
    for (size_t i = 0; i < sizeof CHECKS / sizeof CHECKS[0]; i++) {
        struct fault fault;
        const int rc = CHECKS[i].check(config, &fault);
        if (rc == FAULT_NONE) {
            fprintf(stderr, "%s: ok\n", CHECKS[i].what);
        } else {
            (void)fault_report(&fault, rc);
            worst = rc > worst ? rc : worst;
        }
    }
    return worst;
}

/* A protocol instead of a configuration: printed, and could a mouse finish it? */
static int check_protocol(const char *path, const char *defects, struct fault *fault)
{
    struct protocol_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return fault_set(fault, FAULT_WORK, "out of memory");
    }
    int rc = protocol_file_load(file, path, fault);
    rc = rc || defects == NULL ? rc : protocol_defects_add(file, path, defects, fault);
    if (rc == FAULT_NONE) {
        protocol_file_print(&file->protocol, stdout);
        rc = protocol_file_finish(file, path, fault);
    }
    free(file);
    if (rc == FAULT_NONE) {
        fputs("last stage: can be reached\n", stderr);
    }
    return rc;
}

static int check_journal(const char *path, struct fault *fault)
{
    struct journal_reader reader;
    int rc = journal_reader_open(&reader, path, fault);
    if (rc == FAULT_NONE) {
        printf("journal: %s\n", reader.path);
        rc = journal_check_all(&reader, stdout, fault);
        journal_reader_close(&reader);
    }
    return rc;
}

/* A configuration: printed, and could the daemon start with it? *failed is the worst of what could
 * not be, which is reported. */
static int check_config(const char *path, int *failed, struct fault *fault)
{
    struct config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        return fault_set(fault, FAULT_WORK, "out of memory");
    }
    config_init(config);
    const int rc = path != NULL ? config_load(config, path, fault) : FAULT_NONE;
    if (rc == FAULT_NONE) {
        config_print(config, stdout);
        *failed = check_all(config);
    }
    free(config);
    return rc;
}

struct request {
    const char *path;
    const char *protocol;
    const char *journal;
    struct option_word defects;
    bool is_markdown;
    bool is_protocol_markdown;
    int failed;
};

static int work(void *request, struct fault *fault)
{
    struct request *r = request;
    if (r->journal != NULL && (r->path != NULL || r->protocol != NULL)) {
        return fault_set(
            fault, FAULT_INPUT,
            "\"%.60s\" was not expected: a journal is checked alone, without -c or --protocol",
            r->journal);
    }
    if (r->is_markdown || r->is_protocol_markdown) {
        (r->is_markdown ? config_print_markdown : protocol_file_print_markdown)(stdout);
        return FAULT_NONE;
    }
    return r->journal != NULL    ? check_journal(r->journal, fault)
           : r->protocol != NULL ? check_protocol(r->protocol, r->defects.chosen, fault)
                                 : check_config(r->path, &r->failed, fault);
}

int cmd_check(int argc, char **argv)
{
    struct request r = {.defects = vocabulary_defects()};
    const struct option list[] = {
        {"c", OPTION_IN, &r.path, 0, 0, "FILE", "configuration (default: all keys' defaults)",
         NULL},
        {"markdown", OPTION_FLAG, &r.is_markdown, 0, 0, NULL,
         "print every key as docs/config.md has it", NULL},
        {"protocol", OPTION_IN, &r.protocol, 0, 0, "FILE",
         "a training protocol instead: what it means, and whether a mouse can finish it", NULL},
        {"defect", OPTION_WORDS, &r.defects, 0, 0, "NAME,...",
         "known defects to switch on in it (docs/protocols.md), some of", NULL},
        {"protocol-markdown", OPTION_FLAG, &r.is_protocol_markdown, 0, 0, NULL,
         "print every key of protocols as docs/protocols.md has it", NULL},
    };
    static const struct option_rule rules[] = {
        {"defect", OPTION_NEEDS, "protocol"},
        {"c|protocol", OPTION_EXCLUDES, "markdown|protocol-markdown"},
        {"markdown", OPTION_EXCLUDES, "protocol-markdown"},
        {"c", OPTION_EXCLUDES, "protocol"}};
    struct options options = {
        .usage = "check [-c FILE | --protocol FILE [--defect NAME] | JOURNAL]",
        .about = "Prints the effective configuration on standard output, each key with its meaning "
                 "and range, and says on standard error whether the daemon could start with it. Of "
                 "a JOURNAL, the file or its data directory: whether every row is as it was "
                 "written; a daemon may write it meanwhile.",
        COMMAND_OPTIONS(list),
        COMMAND_RULES(rules),
        .arguments = &r.journal,
        .arguments_max = 1,
    };
    const int code = command_run(&options, argc, argv, work, &r);
    return code != FAULT_NONE ? code : r.failed;
}
