#include "likelihood_places.h"

void likelihood_places_find(const model_params *params, likelihood_places *places)
{
    model_parameter list[MODEL_LIKELIHOOD_MAX];
    places->m = model_likelihood_list(params, list);
    places->has_one_decay = model_rule_of(params->rule.kind)->has_terms;
    for (int kind = 0; kind < MODEL_PARAMETERS; kind++) {
        places->first[kind] = places->m;
    }
    for (size_t i = places->m; i-- > 0;) {
        places->first[list[i].kind] = i;
    }
}
