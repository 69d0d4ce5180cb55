#include "simulation_pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol_file.h"
#include "simulation_plot.h"
#include "simulation_report.h"
#include "trial_table.h"

enum { NAME_MAX_BYTES = 160 };

struct pair {
    const struct simulation_request *request;
    size_t n;
    struct protocol_file file[2];
    char name[2][NAME_MAX_BYTES];
    struct simulation simulation[2];
    struct simulation_report report[2];
    struct simulation_difference difference;
};

static int load_protocol(struct pair *pair, size_t i, struct fault *fault)
{
    const struct simulation_request *r = pair->request;
    const char *defects = i + 1 == pair->n ? r->defects : NULL;
    struct protocol_file *file = &pair->file[i];
    int rc = protocol_file_load(file, r->path[i], fault);
    rc = rc || defects == NULL ? rc : protocol_file_add_defects(file, r->path[i], defects, fault);
    if (r->trials > 0) {
        file->protocol.trials_min = (uint32_t)r->trials;
        file->protocol.trials_max = (uint32_t)r->trials;
    }
    (void)snprintf(pair->name[i], sizeof pair->name[i], "%s%s%s", file->protocol.name,
                   defects != NULL ? " with " : "", defects != NULL ? defects : "");
    if (i == 1 && strcmp(pair->name[0], pair->name[1]) == 0) {
        (void)snprintf(pair->name[1], sizeof pair->name[1], "%s (2)", file->protocol.name);
    }
    for (char *c = pair->name[i]; *c != '\0'; c++) {
        if (*c == ',') {
            *c = '+'; /* names stand in CSV */
        }
    }
    return rc;
}

static int write_table(struct pair *pair, struct fault *fault)
{
    const char *path = pair->request->table;
    struct output_file file;
    int rc = output_file_open(&file, pair->request->guard, path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    trial_table_write_header(file.to, TRIAL_TABLE_WITH_STAGES);
    rc = simulation_run(&pair->simulation[0], file.to, "simulate", fault);
    return output_file_close(&file, rc, fault);
}

static int simulate(struct pair *pair, size_t i, struct fault *fault)
{
    struct simulation_plan plan = pair->request->plan;
    plan.protocol = &pair->file[i].protocol;
    int rc = simulation_open(&pair->simulation[i], &plan, fault);
    if (rc == FAULT_NONE) {
        rc = pair->request->table != NULL
                 ? write_table(pair, fault)
                 : simulation_run(&pair->simulation[i], NULL, pair->name[i], fault);
    }
    rc = rc ? rc
            : simulation_report_open(&pair->report[i], &pair->simulation[i], pair->name[i],
                                     pair->request->criterion, fault);
    return rc;
}

typedef void write_report(FILE *to, const struct simulation_report reports[], size_t n,
                          const struct simulation_difference *difference);

static void put(FILE *to, const struct pair *pair, write_report *write)
{
    write(to, pair->report, pair->n, pair->n == 2 ? &pair->difference : NULL);
}

static void put_summary(FILE *to, const void *pair)
{
    put(to, pair, simulation_write_csv);
}

static void put_plot(FILE *to, const void *pair)
{
    put(to, pair, simulation_plot);
}

static int report(struct pair *pair, struct fault *fault)
{
    const struct simulation_request *r = pair->request;
    int rc = FAULT_NONE;
    if (pair->n == 2) {
        rc = simulation_difference_open(&pair->difference, &pair->report[0], &pair->report[1],
                                        fault);
    }
    rc = rc ? rc : output_file_write(r->guard, r->summary, put_summary, pair, fault);
    rc = rc ? rc : output_file_write(r->guard, r->plot, put_plot, pair, fault);
    if (rc == FAULT_NONE && (r->table == NULL || strcmp(r->table, "-") != 0)) {
        put(stdout, pair, r->is_json ? simulation_write_json : simulation_print);
        if (fflush(stdout) != 0 || ferror(stdout) != 0) {
            rc = fault_set(fault, FAULT_WORK, "standard output: cannot be written: %s",
                           strerror(errno));
        }
    }
    return rc;
}

/* What a person should know of the figures. */
static void warn(const struct pair *pair)
{
    for (size_t i = 0; i < pair->n; i++) {
        struct fault why;
        const long long stuck = atomic_load(&pair->simulation[i].n_stuck);
        if (protocol_file_finish(&pair->file[i], pair->request->path[i], &why) != FAULT_NONE) {
            fprintf(stderr, "simulate: %s\n", why.text);
        }
        if (stuck > 0) {
            fprintf(stderr,
                    "simulate: %s: %lld steps of the rule led to weights out of range and were not "
                    "taken\n",
                    pair->name[i], stuck);
        }
    }
}

int simulation_pair_run(const struct simulation_request *request, struct fault *fault)
{
    struct pair *pair = calloc(1, sizeof *pair);
    int rc = FAULT_NONE;
    if (pair == NULL) {
        return fault_set(fault, FAULT_WORK, "simulate: out of memory");
    }
    pair->request = request;
    pair->n = request->path[1] != NULL ? 2 : 1;
    for (size_t i = 0; i < pair->n && rc == FAULT_NONE; i++) {
        rc = load_protocol(pair, i, fault);
    }
    for (size_t i = 0; i < pair->n && rc == FAULT_NONE; i++) {
        rc = simulate(pair, i, fault);
    }
    rc = rc ? rc : report(pair, fault);
    if (rc == FAULT_NONE) {
        warn(pair);
    }
    simulation_difference_close(&pair->difference);
    for (size_t i = 0; i < pair->n; i++) {
        simulation_report_close(&pair->report[i]);
        simulation_close(&pair->simulation[i]);
    }
    free(pair);
    return rc;
}
