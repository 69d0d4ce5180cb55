#include "bridge/trial_values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number that is all of a text; NaN: it is none. */
static double number_of(const char *text)
{
    char *end = NULL;
    const double value = strtod(text, &end);
    return end != text && *end == '\0' ? value : (double)NAN;
}

/* A value as a number, true and false as 1 and 0; NaN: it is none. */
static double value_of(const char *text)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "True") == 0) {
        return 1.0;
    }
    if (strcmp(text, "false") == 0 || strcmp(text, "False") == 0) {
        return 0.0;
    }
    return number_of(text);
}

/* Is a value one of a list: the same text, or the same number? */
static bool is_one_of(const char *list, const char *value)
{
    size_t size = 0;
    const double number = value_of(value);
    if (bridge_trial_map_has(list, value)) {
        return true;
    }
    for (const char *at = list, *word;
         at != NULL && (word = bridge_trial_map_word(&at, &size)) != NULL;) {
        char text[BRIDGE_TRIAL_VALUE_MAX];
        (void)snprintf(text, sizeof text, "%.*s", (int)(size < 63 ? size : 63), word);
        const double listed = value_of(text);
        if (listed >= number && listed <= number) {
            return true;
        }
    }
    return false;
}

static bool is_nothing(const char *text)
{
    return text[0] == '\0' || bridge_trial_map_has("nan,NaN,NAN,null,None,none,NA", text);
}

void bridge_trial_values_init(struct bridge_trial_values *v)
{
    *v = (struct bridge_trial_values){
        .rt_from_s = (double)NAN, .rt_end_s = (double)NAN, .rt_to_s = (double)NAN, .event = -1};
}

bool bridge_trial_values_put(struct bridge_trial_values *v, enum bridge_trial_column column,
                             const char *text, size_t size)
{
    if (size >= BRIDGE_TRIAL_VALUE_MAX) {
        return false;
    }
    memcpy(v->column[column], text, size);
    v->column[column][size] = '\0';
    v->is_set[column] = true;
    return true;
}

void bridge_trial_values_state(struct bridge_trial_values *v, const struct bridge_trial_map *map,
                               const char *name, double from_s, double to_s)
{
    for (size_t i = 0; i < BRIDGE_STATES; i++) {
        v->was_in[i] = v->was_in[i] || bridge_trial_map_has(map->state[i], name);
    }
    if (bridge_trial_map_has(map->state[BRIDGE_STATE_RT_FROM], name)) {
        v->rt_from_s = from_s;
        v->rt_end_s = to_s;
    }
    if (bridge_trial_map_has(map->state[BRIDGE_STATE_RT_TO], name)) {
        v->rt_to_s = from_s;
    }
}

void bridge_trial_values_event(struct bridge_trial_values *v, const struct bridge_trial_map *map,
                               const char *name)
{
    const bool counts =
        map->state[BRIDGE_STATE_RT_FROM] == NULL || (!isnan(v->rt_from_s) && isnan(v->rt_end_s));
    for (int right = 0; v->event < 0 && counts && right < 2; right++) {
        if (bridge_trial_map_has(map->event[right], name)) {
            v->event = right;
        }
    }
}

/* ---- the trial ------------------------------------------------------------------------------- */

struct making {
    const struct bridge_trial_values *v;
    const struct bridge_trial_map *map;
    struct bridge_source *s;
    struct bridge_event *event;
};

static int fail_column(const struct making *m, enum bridge_trial_column column,
                       const char *expected)
{
    char found[160];
    (void)snprintf(found, sizeof found, "the %s, %.40s, is \"%.60s\"",
                   bridge_trial_column_name(column), m->map->column[column], m->v->column[column]);
    return bridge_why_set(m->s, NULL, m->event->line, -1, found, expected,
                          "the trial is left out; name the value in the mapping if it is right");
}

/* The value of a column, "" if it is not there. */
static const char *text_of(const struct making *m, enum bridge_trial_column column)
{
    return m->v->is_set[column] ? m->v->column[column] : "";
}

/* A column of two values: words[0] or words[1], or those of the usual ones. */
static int put_either(const struct making *m, enum bridge_trial_column column,
                      const char *const words[2], const char *const usual[2], int64_t *to)
{
    const char *text = text_of(m, column);
    const bool has_words = words[0] != NULL || words[1] != NULL;
    char expected[160];
    for (int i = 0; i < 2; i++) {
        if (is_one_of(has_words ? words[i] : usual[i], text)) {
            *to = i;
            return 0;
        }
    }
    if (is_nothing(text)) {
        return 0;
    }
    const char *left = has_words ? words[0] : usual[0];
    const char *right = has_words ? words[1] : usual[1];
    (void)snprintf(expected, sizeof expected, "%.60s%s%.60s", left != NULL ? left : "",
                   left != NULL && right != NULL ? " or " : "", right != NULL ? right : "");
    return fail_column(m, column, expected);
}

/* A column of a number, NaN if there is none. */
static int put_number(const struct making *m, enum bridge_trial_column column, double divisor,
                      double *to)
{
    const char *text = text_of(m, column);
    const double value = value_of(text);
    if (!is_nothing(text) && !isfinite(value)) {
        return fail_column(m, column, "a number");
    }
    *to = value / divisor;
    return 0;
}

static const char *const SIDES[2] = {"left", "right"};
static const char *const TRUTHS[2] = {"0", "1"};

static int put_choice(const struct making *m)
{
    proto_trial *said = &m->event->said;
    const struct bridge_trial_values *v = m->v;
    if (m->map->column[BRIDGE_COLUMN_CHOICE] != NULL) {
        const char *text = text_of(m, BRIDGE_COLUMN_CHOICE);
        return is_one_of(m->map->no_choice, text)
                   ? 0
                   : put_either(m, BRIDGE_COLUMN_CHOICE, m->map->choice, SIDES, &said->choice);
    }
    if (v->event >= 0) {
        said->choice = v->event;
    } else if (v->was_in[BRIDGE_STATE_RIGHT] != v->was_in[BRIDGE_STATE_LEFT]) {
        said->choice = v->was_in[BRIDGE_STATE_RIGHT] ? 1 : 0;
    } else if (v->was_in[BRIDGE_STATE_CORRECT] != v->was_in[BRIDGE_STATE_WRONG] &&
               said->side != PROTO_NIL) {
        said->choice = v->was_in[BRIDGE_STATE_CORRECT] ? said->side : 1 - said->side;
    }
    return 0;
}

static int put_reward(const struct making *m)
{
    proto_trial *said = &m->event->said;
    if (m->map->column[BRIDGE_COLUMN_REWARD] == NULL) {
        if (m->map->state[BRIDGE_STATE_REWARD] != NULL) {
            said->reward = m->v->was_in[BRIDGE_STATE_REWARD] ? 1.0 : 0.0;
        }
        return 0;
    }
    if (m->map->reward[0] == NULL && m->map->reward[1] == NULL) {
        return put_number(m, BRIDGE_COLUMN_REWARD, 1.0, &said->reward);
    }
    int64_t is_rewarded = PROTO_NIL;
    const int rc = put_either(m, BRIDGE_COLUMN_REWARD, m->map->reward, TRUTHS, &is_rewarded);
    said->reward = is_rewarded == PROTO_NIL ? (double)NAN : (double)is_rewarded;
    return rc;
}

static int put_stimulus(const struct making *m)
{
    proto_trial *said = &m->event->said;
    said->stimulus = m->map->stimulus;
    if (m->map->column[BRIDGE_COLUMN_STIMULUS] != NULL) {
        if (put_number(m, BRIDGE_COLUMN_STIMULUS, m->map->stimulus_divisor, &said->stimulus) != 0) {
            return -1;
        }
        if (isnan(said->stimulus)) {
            return fail_column(m, BRIDGE_COLUMN_STIMULUS, "a signed contrast");
        }
    }
    if (m->map->signs_by_side) {
        if (said->side == PROTO_NIL) {
            return fail_column(m, BRIDGE_COLUMN_SIDE, "a side, which the sign is to be that of");
        }
        const double size = fabs(said->stimulus);
        said->stimulus = said->side == 1 || size <= 0.0 ? size : -size;
    }
    return 0;
}

static int put_rt(const struct making *m, double end_s)
{
    proto_trial *said = &m->event->said;
    const struct bridge_trial_values *v = m->v;
    if (m->map->column[BRIDGE_COLUMN_RT_S] != NULL) {
        return put_number(m, BRIDGE_COLUMN_RT_S, m->map->rt_divisor, &said->rt_s);
    }
    double to_s = m->map->state[BRIDGE_STATE_RT_TO] != NULL ? v->rt_to_s
                  : isnan(v->rt_end_s)                      ? end_s
                                                            : v->rt_end_s;
    if (said->choice != PROTO_NIL && to_s >= v->rt_from_s) {
        said->rt_s = nearbyint((to_s - v->rt_from_s) * 1e9) / 1e9; /* clocks tick in whole ns */
    }
    return 0;
}

static int put_number_of_trial(const struct making *m)
{
    double number = (double)NAN;
    if (m->map->column[BRIDGE_COLUMN_TRIAL] == NULL) {
        return 0;
    }
    if (put_number(m, BRIDGE_COLUMN_TRIAL, 1.0, &number) != 0) {
        return -1;
    }
    if (!(number >= 0.0 && number <= 1e9 && number <= floor(number))) {
        return fail_column(m, BRIDGE_COLUMN_TRIAL, "a whole number");
    }
    m->event->trial = (int64_t)number;
    return 0;
}

int bridge_trial_values_make(const struct bridge_trial_values *v,
                             const struct bridge_trial_map *map, struct bridge_source *s,
                             double end_s, struct bridge_event *event)
{
    const struct making m = {v, map, s, event};
    proto_trial *said = &event->said;
    if (v->was_in[BRIDGE_STATE_SKIP]) {
        return 0;
    }
    event->kind = BRIDGE_TRIAL;
    (void)snprintf(said->stage, sizeof said->stage, "%s", text_of(&m, BRIDGE_COLUMN_STAGE));
    if (put_number_of_trial(&m) != 0 ||
        put_either(&m, BRIDGE_COLUMN_SIDE, map->side, SIDES, &said->side) != 0 ||
        put_choice(&m) != 0 || put_reward(&m) != 0 || put_stimulus(&m) != 0 ||
        put_rt(&m, end_s) != 0 ||
        put_either(&m, BRIDGE_COLUMN_REPEAT, map->repeat, TRUTHS, &said->repeat) != 0) {
        return -1;
    }
    return put_number(&m, BRIDGE_COLUMN_P_LEFT, 1.0, &said->p_left) == 0 ? 1 : -1;
}
