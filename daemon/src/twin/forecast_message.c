#include "forecast_message.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A band that reaches beyond the horizon has no end there. */
static double known(double value)
{
    return isfinite(value) ? value : (double)NAN;
}

model_forecast_criterion forecast_message_criterion(const struct config_forecast *config)
{
    return (model_forecast_criterion){.accuracy = config->accuracy,
                                      .contrast_min = config->contrast_min,
                                      .window = (uint32_t)config->over_trials};
}

void forecast_message_when(proto_outlook *out, const char *unit, const model_forecast_band *band,
                           double p_reached)
{
    proto_outlook_init(out);
    strcpy(out->unit, unit);
    out->median = known(band->median);
    out->lo50 = known(band->lo50);
    out->hi50 = known(band->hi50);
    out->lo90 = known(band->lo90);
    out->hi90 = known(band->hi90);
    out->p_reached = p_reached;
}

const char *forecast_message_time(double value, char out[])
{
    (void)snprintf(out, FORECAST_MESSAGE_TIME_MAX, isfinite(value) ? "%.0f" : "later", value);
    return out;
}

void forecast_message_ranges(const proto_outlook *when, bool with_90, char *out, size_t cap)
{
    char t[4][FORECAST_MESSAGE_TIME_MAX];
    const int n = snprintf(out, cap, "50%% %s to %s", forecast_message_time(when->lo50, t[0]),
                           forecast_message_time(when->hi50, t[1]));
    if (with_90 && n > 0 && (size_t)n < cap) {
        (void)snprintf(out + n, cap - (size_t)n, ", 90%% %s to %s",
                       forecast_message_time(when->lo90, t[2]),
                       forecast_message_time(when->hi90, t[3]));
    }
}

/* Up to the first window in which nothing was counted. Returns true if there is any. */
static bool fill_bands(proto_bands *out, uint32_t n_windows, const model_forecast_band bands[])
{
    uint32_t n = 0;
    proto_bands_init(out);
    for (; n < n_windows && n < FORECAST_MESSAGE_WINDOWS && isfinite(bands[n].median); n++) {
        out->median.v[n] = bands[n].median;
        out->lo50.v[n] = bands[n].lo50;
        out->hi50.v[n] = bands[n].hi50;
        out->lo90.v[n] = bands[n].lo90;
        out->hi90.v[n] = bands[n].hi90;
    }
    out->median.n = out->lo50.n = out->hi50.n = out->lo90.n = out->hi90.n = n;
    return n > 0;
}

static void fill_status(proto_forecast *f, const model_forecast_result *result)
{
    strcpy(f->next_status, model_ibl_criteria_status_name(result->next));
    for (size_t i = 0; i < MODEL_FORECAST_WITHIN; i++) {
        if (!isnan(result->p_within[i])) {
            proto_named *to = &f->p_within.v[f->p_within.n++];
            (void)snprintf(to->name, sizeof to->name, "%d", model_forecast_within(i));
            to->value = result->p_within[i];
        }
    }
}

static void fill_rules(proto_forecast *f, const model_forecast_result *result)
{
    for (int i = 0; i < MODEL_RULES; i++) {
        if (result->share[i] > 0.0) {
            proto_named *to = &f->rules.v[f->rules.n++];
            strcpy(to->name, model_rule_name((model_rule_kind)i));
            to->value = fmin(result->share[i], 1.0);
        }
    }
}

void forecast_message_message(const model_forecast_result *result, const model_forecast_task *task,
                              const model_forecast_criterion *criterion, int64_t based_on,
                              proto_message *out)
{
    proto_message_init(out, PROTO_KIND_FORECAST);
    proto_forecast *f = &out->as.forecast;
    f->based_on = based_on;
    (void)snprintf(f->criterion, sizeof f->criterion, "%g correct of %u trials, contrast >= %g",
                   criterion->accuracy, (unsigned)criterion->window, criterion->contrast_min);
    f->current.present = f->sessions.present = true;
    forecast_message_when(&f->current.v, "trials", &result->trials, result->p_reached);
    forecast_message_when(&f->sessions.v, "sessions", &result->sessions, result->p_reached);
    strcpy(f->stimuli, task->protocol != NULL ? "protocol" : "recent");
    f->window = result->window;
    f->correct.present = fill_bands(&f->correct.v, result->n_windows, result->correct);
    f->bias.present = fill_bands(&f->bias.v, result->n_windows, result->bias);
    if (task->tracker != NULL) {
        fill_status(f, result);
    }
    fill_rules(f, result);
    f->pace = result->pace;
    f->rollouts = result->n_rollouts;
}
