#include "summary_line.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "forecast_message.h"
#include "status_message.h"
#include "suggestion_message.h"

enum { CLAUSE_MAX = 320, RANGES_MAX = 80, NEED_MAX = 96, WORDS_MAX = 256 };

/* Adds one if there is room for the whole of it, or if it is the first. Returns whether it did. */
static bool add(char *out, size_t cap, const char *format, ...) FAULT_PRINTF(3, 4);

static bool add(char *out, size_t cap, const char *format, ...)
{
    char clause[CLAUSE_MAX];
    const size_t at = strlen(out);
    va_list values;
    va_start(values, format);
    (void)vsnprintf(clause, sizeof clause, format, values);
    va_end(values);
    if (at > 0 && at + strlen(clause) >= cap) {
        return false;
    }
    (void)snprintf(out + at, cap - at, "%s", clause);
    return true;
}

/* ---- status ---------------------------------------------------------------------------------- */

/* How far a criterion is from its limit, in limits; NaN unknown. */
static double shortfall(const proto_criterion *c)
{
    const double by = c->above == 1 ? c->limit - c->value : c->value - c->limit;
    return c->limit != 0.0 ? by / fabs(c->limit) : isnan(by) ? by : 1.0;
}

/* The unmet criterion furthest from its limit, one whose value is known before others; NULL: all
 * are met. */
static const proto_criterion *lacking_most(const proto_training *t)
{
    const proto_criterion *most = NULL;
    for (uint32_t i = 0; i < t->criteria.n; i++) {
        const proto_criterion *c = &t->criteria.v[i];
        if (c->met != 1 && (most == NULL || (isnan(shortfall(most)) && !isnan(shortfall(c))) ||
                            shortfall(c) > shortfall(most))) {
            most = c;
        }
    }
    return most;
}

static void add_standing(const proto_training *t, char *out, size_t cap)
{
    char need[NEED_MAX];
    const proto_criterion *most = strcmp(t->next, t->status) != 0 ? lacking_most(t) : NULL;
    (void)add(out, cap, "%s", t->status);
    if (strcmp(t->status, "in_training") != 0 && t->sessions != PROTO_NIL &&
        t->sessions < MODEL_IBL_CRITERIA_SESSIONS) {
        (void)add(out, cap, " (by %lld of %d sessions)", (long long)t->sessions,
                  MODEL_IBL_CRITERIA_SESSIONS);
    }
    (void)add(out, cap, "%s",
              t->untrainable == 1  ? ", untrainable"
              : t->unbiasable == 1 ? ", unbiasable"
                                   : "");
    if (most != NULL) {
        status_message_need(most, 0, need, sizeof need);
        (void)add(out, cap, "; lacks %s %s", most->name, need);
    }
}

/* The chance within 3 sessions, or within as many as are told of. */
static void add_chance(const proto_forecast *f, char *out, size_t cap)
{
    const char *between = out[0] != '\0' ? "; " : "";
    const proto_named *chance = NULL;
    for (uint32_t i = 0; i < f->p_within.n; i++) {
        const proto_named *p = &f->p_within.v[i];
        chance = chance == NULL || strcmp(p->name, "3") == 0 ? p : chance;
    }
    if (chance != NULL && f->next_status[0] != '\0' &&
        !add(out, cap, "%s%s within %s sessions %.2f", between, f->next_status, chance->name,
             chance->value)) {
        (void)add(out, cap, "%snext in %s sessions %.2f", between, chance->name, chance->value);
    }
}

void summary_line_status(const proto_training *training, const proto_forecast *forecast, char *out,
                         size_t cap)
{
    out[0] = '\0';
    if (training != NULL) {
        add_standing(training, out, cap);
    }
    /* A forecast from before the status rose is about one that is reached. */
    if (forecast != NULL &&
        (training == NULL || strcmp(forecast->next_status, training->next) == 0)) {
        add_chance(forecast, out, cap);
    }
}

/* ---- forecast -------------------------------------------------------------------------------- */

void summary_line_forecast(const proto_forecast *f, char *out, size_t cap)
{
    const proto_outlook *when = &f->current.v;
    const char *of = strstr(f->criterion, " of "); /* what follows is in the configuration */
    const int size = of != NULL ? (int)(of - f->criterion) : (int)strlen(f->criterion);
    char ranges[RANGES_MAX];
    out[0] = '\0';
    if (!f->current.present) {
        return;
    }
    if (f->met_trial != PROTO_NIL) {
        (void)add(out, cap, "%.*s met at trial %lld", size, f->criterion, (long long)f->met_trial);
        if (f->met_session[0] != '\0') {
            (void)add(out, cap, " of session %s", f->met_session);
        }
        return;
    }
    if (isnan(when->median)) {
        (void)add(out, cap, "%.*s with chance %.2f", size, f->criterion,
                  isnan(when->p_reached) ? 0.0 : when->p_reached);
    } else {
        (void)add(out, cap, "%.*s in %.0f %s", size, f->criterion, when->median, when->unit);
    }
    forecast_message_ranges(when, true, ranges, sizeof ranges);
    if (!add(out, cap, " (%s)", ranges)) {
        forecast_message_ranges(when, false, ranges, sizeof ranges);
        (void)add(out, cap, " (%s)", ranges);
    }
}

/* ---- advice ---------------------------------------------------------------------------------- */

void summary_line_advice(const proto_suggestion *s, char *out, size_t cap)
{
    char words[WORDS_MAX];
    out[0] = '\0';
    suggestion_message_words(s, words, sizeof words);
    if (words[0] == '\0') {
        (void)add(out, cap, "none: %s", s->why);
        return;
    }
    const proto_action *best = &s->actions.v[0];
    (void)add(out, cap, "%s: %+.3f", words, best->gain);
    if (!isnan(best->gain_lo) && !isnan(best->gain_hi) &&
        !add(out, cap, " (%.3f to %.3f)", best->gain_lo, best->gain_hi)) {
        return; /* what follows matters less */
    }
    if (s->horizon != PROTO_NIL) {
        (void)add(out, cap, " in %lld trials", (long long)s->horizon);
    }
    if (!isnan(best->p_better)) {
        (void)add(out, cap, ", better with %.2f", best->p_better);
    }
}
