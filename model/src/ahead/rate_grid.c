#include "model/rate_grid.h"

#include <math.h>
#include <string.h>

#include "model/score.h"

_Static_assert(sizeof(model_rate_grid) ==
                       2 * sizeof(int64_t) +
                           MODEL_RATE_GRID_STRANDS * sizeof(model_rate_grid_strand) &&
                   sizeof(model_rate_grid_strand) == 4 * sizeof(double) + sizeof(model_member),
               "it is compared and written bytewise: it must have no padding");

static const struct {
    double pace;
    double prior;
} PACES[] = {
#define PACE_ROW(pace, prior) {pace, prior},
    MODEL_RATE_GRID_LIST(PACE_ROW)
#undef PACE_ROW
};

static size_t paces_of(const model_params *params)
{
    return model_rule_of(params->rule.kind)->moves_weights ? MODEL_RATE_GRID_COUNT : 1;
}

size_t model_rate_grid_strands(const model_bank_params *params)
{
    size_t n = 0;
    for (uint32_t m = 0; m < params->n; m++) {
        n += paces_of(&params->member[m]);
    }
    return n;
}

size_t model_rate_grid_used(size_t n_strands)
{
    return offsetof(model_rate_grid, strand) + n_strands * sizeof(model_rate_grid_strand);
}

void model_rate_grid_init(model_rate_grid *pace, const model_bank_params *params)
{
    memset(pace, 0, model_rate_grid_used(model_rate_grid_strands(params)));
    for (uint32_t m = 0; m < params->n; m++) {
        const size_t n = paces_of(&params->member[m]);
        for (size_t i = 0; i < n; i++) {
            model_rate_grid_strand *s = &pace->strand[pace->n++];
            s->member = m;
            s->pace = n > 1 ? PACES[i].pace : 1.0;
            s->prior = n > 1 ? PACES[i].prior : 1.0;
            model_member_init(&s->twin, &params->member[m]);
        }
    }
}

void model_rate_grid_start_session(model_rate_grid *pace, const model_bank_params *params)
{
    for (int64_t i = 0; i < pace->n; i++) {
        model_rate_grid_strand *s = &pace->strand[i];
        model_member_start_session(&s->twin, &params->member[s->member]);
    }
}

static double p_right(const model_rate_grid_strand *s, const model_params *params, double contrast)
{
    double p;
    model_member_predict(&s->twin, params, 1, &contrast, &p, NULL, NULL);
    return p;
}

int model_rate_grid_observe(model_rate_grid *pace, const model_bank_params *params,
                            const model_trial *trial)
{
    double best = (double)INFINITY;
    for (int64_t i = 0; i < pace->n; i++) {
        model_rate_grid_strand *s = &pace->strand[i];
        const model_params *member = &params->member[s->member];
        const double p = p_right(s, member, trial->contrast);
        const int status = model_member_observe_at(&s->twin, member, trial, s->pace);
        if (status == MODEL_ERR_ARG) {
            return status; /* the first one says so, before anything changed */
        }
        if (status != MODEL_OK) {
            model_member_skip(&s->twin, member, trial);
        }
        if (trial->choice >= 0) {
            const double said = status == MODEL_OK ? p : 0.5;
            s->nats += model_score_nats(said, trial->choice == 1);
        }
        best = fmin(best, s->nats);
    }
    for (int64_t i = 0; i < pace->n; i++) {
        pace->strand[i].nats -= best;
    }
    pace->n_choices += trial->choice >= 0;
    return MODEL_OK;
}
