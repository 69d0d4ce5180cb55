#include "model_file_data.h"

#include <stdlib.h>
#include <string.h>

bool model_file_is_bank(const struct model_file *model)
{
    return model->bank.n > 1;
}

void model_file_free(struct model_file *model)
{
    if (model == NULL) {
        return;
    }
    for (uint32_t i = 0; model->members != NULL && i < model->bank.n; i++) {
        free(model->members[i].net);
        free(model->members[i].weights);
        free(model->members[i].fit_values);
    }
    free(model->members);
    memset(model, 0, sizeof *model);
}
