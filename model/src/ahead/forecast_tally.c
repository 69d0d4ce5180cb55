#include <math.h>

#include "model/forecast.h"

bool model_forecast_tally_push(model_forecast_tally *tally,
                               const model_forecast_criterion *criterion, const model_trial *trial)
{
    const int64_t window = criterion->window;
    const int side = model_trial_side(trial->side, trial->contrast);
    if (trial->choice < 0 || side < 0 || fabs(trial->contrast) < criterion->contrast_min) {
        return false;
    }
    uint8_t *slot = &tally->right[tally->n % window];
    if (tally->n >= window) {
        tally->n_right -= *slot;
    }
    *slot = trial->choice == side ? 1 : 0;
    tally->n_right += *slot;
    tally->n++;
    return tally->n >= window &&
           (double)tally->n_right >= criterion->accuracy * (double)window - 1e-9;
}
