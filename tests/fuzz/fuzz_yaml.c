/* Configurations: any bytes. What is accepted must print as text that is accepted and prints the
 * same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (f == NULL) {
        abort();
    }
    config_print(config, f);
    fclose(f);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config;
    struct fault fault;
    const int rc = config_parse(&config, "fuzz", data, size, &fault);
    if (rc != FAULT_NONE) {
        if (rc != FAULT_INPUT || strncmp(fault.text, "fuzz:", 5) != 0) {
            abort();
        }
        return 0;
    }
    char *once = print(&config);
    if (config_parse(&config, "fuzz", (const uint8_t *)once, strlen(once), &fault) != FAULT_NONE) {
        abort();
    }
    char *twice = print(&config);
    if (strcmp(once, twice) != 0) {
        abort();
    }
    free(once);
    free(twice);
    return 0;
}
