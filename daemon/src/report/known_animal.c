#include "known_animal.h"

#include "progress.h"
#include "recorded_models.h"

int known_animal_open(struct known_animal *a, const struct known_animal_request *request,
                      struct fault *fault)
{
    a->request = request;
    int rc = recorded_models_model(request->path, request->model, &a->model, fault);
    rc = rc ? rc
            : trial_history_read(&a->past, request->path, request->subject,
                                 trial_table_how(&request->table), fault);
    return rc ? rc : trial_history_known(&a->past, request->at, &a->at, fault);
}

void known_animal_close(struct known_animal *a)
{
    model_file_free(&a->model);
    trial_history_close(&a->past);
}

int known_animal_follow(const struct known_animal *a, const char *what,
                        int (*take)(void *context, size_t i, const struct trial_history_trial *t),
                        void *context, struct fault *fault)
{
    struct progress progress;
    int rc = FAULT_NONE;
    progress_start(&progress, what, (int64_t)a->at);
    for (size_t i = 0; rc == FAULT_NONE && i < a->at; i++) {
        const int status = take(context, i, &a->past.trials[i]);
        if (status != MODEL_OK) {
            rc = fault_set(fault, FAULT_WORK, "%s: trial %zu of %s could not be absorbed: %s",
                           a->request->path, i, a->past.subject, model_strerror(status));
        } else if (i % 256 == 0) {
            progress_update(&progress, (int64_t)i);
            rc = progress_interrupted() ? fault_set(fault, FAULT_WORK, "interrupted") : FAULT_NONE;
        }
    }
    progress_finish(&progress);
    return rc;
}

int known_animal_enter(struct known_animal *a, uint32_t *stage, struct fault *fault)
{
    const model_protocol *protocol = &a->protocol.protocol;
    *stage = model_protocol_find(protocol, a->request->stage);
    if (*stage == protocol->n_stages) {
        return fault_set(fault, FAULT_INPUT, "--stage: %s has no stage \"%.64s\"",
                         a->request->protocol, a->request->stage);
    }
    model_protocol_enter(&a->rig, *stage);
    return FAULT_NONE;
}
