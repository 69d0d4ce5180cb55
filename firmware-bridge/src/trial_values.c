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

/* A column of two values, by its coding or the usual one. */
static int put_either(const struct making *m, enum bridge_trial_column column,
                      const char *const usual[2], int64_t *to)
{
    const char *text = text_of(m, column);
    const bool is_coded = m->map->code[column][1][0] != '\0';
    const char *const words[2] = {is_coded ? m->map->code[column][0] : usual[0],
                                  is_coded ? m->map->code[column][1] : usual[1]};
    char expected[160];
    for (int i = 0; i < 2; i++) {
        if (is_one_of(words[i], text)) {
            *to = i;
            return 0;
        }
    }
    if (is_nothing(text) || is_one_of(m->map->code[column][2], text)) {
        return 0;
    }
    const int shown[2] = {is_coded ? 60 : (int)strcspn(words[0], ","),
                          is_coded ? 60 : (int)strcspn(words[1], ",")};
    (void)snprintf(expected, sizeof expected, "%.*s or %.*s", shown[1], words[1], shown[0],
                   words[0]);
    return fail_column(m, column, expected);
}

/* A column of a number, NaN if there is none. */
static int put_number(const struct making *m, enum bridge_trial_column column, double *to)
{
    const char *text = m->map->column[column] != NULL || m->map->fixed[column] == NULL
                           ? text_of(m, column)
                           : m->map->fixed[column];
    const double value = value_of(text);
    if (!is_nothing(text) && !isfinite(value)) {
        return fail_column(m, column, "a number");
    }
    *to = value / (m->map->column[column] != NULL ? m->map->divisor[column] : 1.0);
    return 0;
}

static const char *const SIDES[2] = {"left,Left,LEFT,L,l", "right,Right,RIGHT,R,r"};
static const char *const TRUTHS[2] = {"0", "1"};

static int put_choice(const struct making *m)
{
    proto_trial *said = &m->event->said;
    const struct bridge_trial_values *v = m->v;
    int64_t is_correct = PROTO_NIL;
    if (m->map->column[BRIDGE_COLUMN_CHOICE] != NULL) {
        return put_either(m, BRIDGE_COLUMN_CHOICE, SIDES, &said->choice);
    }
    if (put_either(m, BRIDGE_COLUMN_CORRECT, TRUTHS, &is_correct) != 0) {
        return -1;
    }
    if (v->was_in[BRIDGE_STATE_CORRECT] != v->was_in[BRIDGE_STATE_WRONG]) {
        is_correct = v->was_in[BRIDGE_STATE_CORRECT];
    }
    if (v->event >= 0) {
        said->choice = v->event;
    } else if (v->was_in[BRIDGE_STATE_RIGHT] != v->was_in[BRIDGE_STATE_LEFT]) {
        said->choice = v->was_in[BRIDGE_STATE_RIGHT] ? 1 : 0;
    } else if (is_correct != PROTO_NIL && said->side != PROTO_NIL) {
        said->choice = is_correct == 1 ? said->side : 1 - said->side;
    }
    return 0;
}

static int put_reward(const struct making *m)
{
    proto_trial *said = &m->event->said;
    int64_t is_rewarded = PROTO_NIL;
    if (m->map->column[BRIDGE_COLUMN_REWARD] == NULL) {
        if (m->map->state[BRIDGE_STATE_REWARD] != NULL) {
            said->reward = m->v->was_in[BRIDGE_STATE_REWARD] ? 1.0 : 0.0;
        }
        return 0;
    }
    if (m->map->code[BRIDGE_COLUMN_REWARD][1][0] == '\0') {
        return put_number(m, BRIDGE_COLUMN_REWARD, &said->reward);
    }
    const int rc = put_either(m, BRIDGE_COLUMN_REWARD, TRUTHS, &is_rewarded);
    said->reward = is_rewarded == PROTO_NIL ? (double)NAN : (double)is_rewarded;
    return rc;
}

static int put_stimulus(const struct making *m)
{
    proto_trial *said = &m->event->said;
    const bool is_signed = m->map->column[BRIDGE_COLUMN_STIMULUS] != NULL ||
                           m->map->fixed[BRIDGE_COLUMN_STIMULUS] != NULL;
    const enum bridge_trial_column column =
        is_signed ? BRIDGE_COLUMN_STIMULUS : BRIDGE_COLUMN_CONTRAST;
    double contrast = (double)NAN;
    if (put_number(m, column, &contrast) != 0) {
        return -1;
    }
    if (isnan(contrast) || (!is_signed && contrast < 0.0)) {
        return fail_column(m, column,
                           is_signed ? "a signed contrast" : "a contrast without a sign");
    }
    if (!is_signed && said->side == PROTO_NIL && contrast > 0.0) {
        return fail_column(m, BRIDGE_COLUMN_SIDE, "a side, which the sign is to be that of");
    }
    const bool is_left = !is_signed && said->side == 0 && contrast > 0.0;
    said->stimulus = is_left ? -contrast : contrast;
    return 0;
}

static int put_rt(const struct making *m, double end_s)
{
    proto_trial *said = &m->event->said;
    const struct bridge_trial_values *v = m->v;
    if (m->map->column[BRIDGE_COLUMN_RT_S] != NULL) {
        return put_number(m, BRIDGE_COLUMN_RT_S, &said->rt_s);
    }
    const double to_s = m->map->state[BRIDGE_STATE_RT_TO] != NULL ? v->rt_to_s
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
    if (put_number(m, BRIDGE_COLUMN_TRIAL, &number) != 0) {
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
        put_either(&m, BRIDGE_COLUMN_SIDE, SIDES, &said->side) != 0 || put_choice(&m) != 0 ||
        put_reward(&m) != 0 || put_stimulus(&m) != 0 || put_rt(&m, end_s) != 0 ||
        put_either(&m, BRIDGE_COLUMN_REPEAT, TRUTHS, &said->repeat) != 0) {
        return -1;
    }
    return put_number(&m, BRIDGE_COLUMN_P_LEFT, &said->p_left) == 0 ? 1 : -1;
}
