#include "fitter_options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const char POLICY[] =
    "stimulus_right,stimulus_left,bias,prev_choice,choice_trace,win_stay,prev_stimulus";

static struct fitter_options open_loop(void)
{
    return (struct fitter_options){.hidden = 32,
                                   .layers = 2,
                                   .truncation = 500,
                                   .patience = 20,
                                   .epochs = 1000,
                                   .rate = 1e-3,
                                   .filter_rate = 10.0,
                                   .clip = (double)INFINITY};
}

/* Gradients that end after 500 trials are biased here: the filter remembers for longer. */
static struct fitter_options in_filter(void)
{
    struct fitter_options o = open_loop();
    o.in_filter = true;
    o.is_cosine = true;
    o.truncation = 10000;
    o.with_mirrors = true;
    o.epochs = 100;
    o.rate = 4e-3;
    o.hidden = 24;
    o.layers = 1;
    o.batch = 6;
    o.weight_decay = 3.0;
    return o;
}

void fitter_options_init(struct fitter_options *o, model_rule_kind rule, bool is_in_filter)
{
    model_params params;
    (void)model_params_built_in(&params, is_in_filter ? POLICY : "stim_bias");
    *o = is_in_filter ? in_filter() : open_loop();
    o->rule = rule;
    o->filter = model_rule_of(rule)->has_net ? MODEL_FILTER_EKF : MODEL_FILTER_MOMENTS;
    o->policy = params.policy;
}

/* What only fits by gradient have. Returns the bytes. */
static int print_gradient(const struct fitter_options *o, char *out, size_t cap)
{
    const int used = snprintf(
        out, cap,
        "hidden %u, layers %u, truncation %u, batch %u, rate %.17g, filter-rate %.17g, "
        "weight-decay %.17g, clip %.17g, schedule %s, hold-out %u, patience %u, ",
        o->hidden, o->layers, o->truncation, o->batch, o->rate, o->filter_rate, o->weight_decay,
        o->clip, o->is_cosine ? "cosine" : "step", o->held_out, o->patience);
    return o->is_cosine /* a step's length then depends on how many there will be */
               ? used + snprintf(out + used, cap - (size_t)used, "epochs %" PRIu64 ", ", o->epochs)
               : used;
}

/* "start 0;1, ", or nothing where it is not stated. Returns the bytes. */
static int print_stated(bool is_stated, const char *name, const double values[], uint32_t n,
                        char *out, size_t cap)
{
    int used = is_stated ? snprintf(out, cap, "%s ", name) : 0;
    for (uint32_t i = 0; is_stated && i < n && (size_t)used < cap; i++) {
        used +=
            snprintf(out + used, cap - (size_t)used, "%.9g%s", values[i], i + 1 < n ? ";" : ", ");
    }
    return used;
}

const char *fitter_options_print(const struct fitter_options *o, char out[FITTER_WORDS_BYTES])
{
    char features[MODEL_POLICY_TEXT_MAX];
    (void)model_policy_print(&o->policy, features, sizeof features);
    int used = snprintf(out, FITTER_WORDS_BYTES, "rule %s, policy %s, filter %s, ",
                        model_rule_name(o->rule), features,
                        o->in_filter ? model_filter_name(o->filter) : "none");
    if (model_rule_of(o->rule)->has_net) {
        used += print_gradient(o, out + used, FITTER_WORDS_BYTES - (size_t)used);
    }
    used += print_stated(o->is_start_stated, "start", o->start, o->policy.n, out + used,
                         FITTER_WORDS_BYTES - (size_t)used);
    used += print_stated(o->is_start_sd_stated, "start-sd", o->start_sd, o->policy.n, out + used,
                         FITTER_WORDS_BYTES - (size_t)used);
    (void)snprintf(out + used, FITTER_WORDS_BYTES - (size_t)used, "mirror %s, seed %" PRIu64 "%s",
                   o->with_mirrors ? "on" : "off", o->seed, o->is_resampled ? ", resampled" : "");
    return out;
}
