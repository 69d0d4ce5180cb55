#include "protocol_list.h"

#include <string.h>

#include "proto/message.h"

_Static_assert(PROTO_ID_MAX + 1 == PROTOCOL_LIST_TASK, "a task has a name as animals have");
_Static_assert(sizeof((struct config_protocol){0}.file) == PROTOCOL_LIST_FILE, "a path");
_Static_assert(sizeof((struct config_protocol){0}.tasks.v) /
                       sizeof((struct config_protocol){0}.tasks.v[0]) ==
                   PROTOCOL_LIST_MAX - 1,
               "and one for the other tasks");

const char *protocol_list_task(const char *task)
{
    static const char BEFORE[] = "_iblrig_tasks_";
    const size_t n = sizeof BEFORE - 1;
    return strncmp(task, BEFORE, n) == 0 ? task + n : task;
}

size_t protocol_list_n(const struct config_protocol *config)
{
    return config->tasks.n + (config->file[0] != '\0' ? 1 : 0);
}

int protocol_list_at(const struct config_protocol *config, size_t i, struct protocol_entry *out,
                     struct fault *fault)
{
    *out = (struct protocol_entry){.hash = config->hash};
    if (i >= config->tasks.n) {
        strcpy(out->file, config->file);
        return FAULT_NONE;
    }
    const char *text = config->tasks.v[i];
    const char *file = strchr(text, '=');
    const size_t n = file != NULL ? (size_t)(file - text) : 0;
    if (n == 0 || n >= sizeof out->task || file[1] == '\0' ||
        strlen(file + 1) >= sizeof out->file) {
        return fault_set(fault, FAULT_INPUT,
                         "protocol.tasks: \"%.100s\": a task and its protocol expected, such as "
                         "trainingChoiceWorld=ibl_training.yaml",
                         text);
    }
    if (config->hashes.n > 0 && config->hashes.n != config->tasks.n) {
        return fault_set(fault, FAULT_INPUT,
                         "protocol.hashes: one for each of the %zu of protocol.tasks expected, "
                         "found %zu",
                         config->tasks.n, config->hashes.n);
    }
    char task[sizeof out->task];
    memcpy(task, text, n);
    task[n] = '\0';
    strcpy(out->task, protocol_list_task(task));
    strcpy(out->file, file + 1);
    out->hash = config->hashes.n > 0 ? config->hashes.v[i] : "";
    return FAULT_NONE;
}

void protocol_list_note(struct config_protocol *config, size_t i, const char *hash)
{
    if (i >= config->tasks.n) {
        strcpy(config->hash, hash);
        return;
    }
    config->hashes.n = config->tasks.n;
    strcpy(config->hashes.v[i], hash);
}

void protocol_list_forget(struct config_protocol *config)
{
    config->hash[0] = '\0';
    config->hashes.n = 0;
}

static bool same_task(const struct config_protocol *a, const struct config_protocol *b, size_t i)
{
    struct fault ignored;
    struct protocol_entry one;
    struct protocol_entry other;
    return protocol_list_at(a, i, &one, &ignored) == FAULT_NONE &&
           protocol_list_at(b, i, &other, &ignored) == FAULT_NONE &&
           strcmp(one.task, other.task) == 0 && strcmp(one.hash, other.hash) == 0;
}

bool protocol_list_equals(const struct config_protocol *a, const struct config_protocol *b)
{
    bool same = strcmp(a->hash, b->hash) == 0 && a->sessions_per_alarm == b->sessions_per_alarm &&
                a->tasks.n == b->tasks.n;
    for (size_t i = 0; same && i < a->tasks.n; i++) {
        same = same_task(a, b, i);
    }
    return same;
}
