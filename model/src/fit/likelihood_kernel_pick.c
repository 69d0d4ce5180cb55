#include "kernel_levels.h"
#include "likelihood_kernel.h"

KERNEL_LEVELS(likelihood_kernel)

bool model_likelihood_add(const model_params *params, const model_fit_animal *animal,
                          model_likelihood *sums)
{
    likelihood_places places;
    likelihood_places_find(params, &places);
    return places.m > 0 && likelihood_kernel_at(0)->add(params, &places, animal, sums);
}
