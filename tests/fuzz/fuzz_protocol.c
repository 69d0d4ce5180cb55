/* Training protocols: any bytes. What is accepted must pass the model's check, print as text that
 * is accepted and prints the same, and run. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const model_protocol *protocol)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (f == NULL) {
        abort();
    }
    protocol_file_print(protocol, f);
    fclose(f);
    return text;
}

static void run(const model_protocol *protocol)
{
    model_protocol_state state;
    model_protocol_trial trial;
    model_protocol_init(&state, protocol, 1, 0);
    for (int session = 0; session < 3; session++) {
        model_protocol_start_session(&state, protocol);
        for (int i = 0; i < 300 && model_protocol_next(&state, protocol, &trial); i++) {
            if (!(fabs(trial.contrast) <= 1.0) || (trial.side != 0 && trial.side != 1) ||
                trial.stage >= protocol->n_stages) {
                abort();
            }
            (void)model_protocol_push(&state, protocol, &trial, i % 3 - 1, 0.5);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct protocol_file file;
    struct fault fault;
    model_protocol_fault wrong;
    const int rc = protocol_file_parse(&file, "fuzz", data, size, &fault);
    if (rc != FAULT_NONE) {
        if (rc != FAULT_INPUT || strncmp(fault.text, "fuzz:", 5) != 0) {
            abort();
        }
        return 0;
    }
    if (model_protocol_check(&file.protocol, &wrong) != MODEL_OK) {
        abort();
    }
    (void)protocol_file_finish(&file, "fuzz", &fault);
    run(&file.protocol);
    char *once = print(&file.protocol);
    if (protocol_file_parse(&file, "fuzz", (const uint8_t *)once, strlen(once), &fault) !=
        FAULT_NONE) {
        abort();
    }
    char *twice = print(&file.protocol);
    if (strcmp(once, twice) != 0) {
        abort();
    }
    free(once);
    free(twice);
    return 0;
}
