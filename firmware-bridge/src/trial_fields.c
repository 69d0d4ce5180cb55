#include "bridge/trial_fields.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum { TEXT, COUNT, NUMBER, SIDE, TRUTH } kind;
} FIELDS[] = {
#define FIELD(NAME, name, kind, help) {#name, kind},
#include "bridge/trial_fields.def"
};

/* Codings that have a name, and how they are written out. */
static const struct {
    const char *name;
    const char *written;
} CODINGS[] = {
    {"ibl", "-1/1/0"}, /* a wheel turned to the left moves the stimulus to the left: it was right */
    {"signed", "1/-1/0"},  /* right positive */
    {"psytrack", "2/1/0"}, /* y: 1 left, 2 right */
    {"letters", "R/L/N"},    {"words", "right/left/none,no-go,nogo,miss"},
    {"truth", "True/False"}, {"percent", "100"},
    {"fraction", "1"},       {"ms", "1000"},
    {"us", "1000000"},       {"s", "1"},
};

static const char USUAL_SIDE[] = "1,R,right/0,L,left";
static const char USUAL_TRUTH[] = "1,True,yes/0,False,no";

/* ---- the mapping ----------------------------------------------------------------------------- */

static int refuse_coding(struct bridge_source *s, enum bridge_field field, const char *value)
{
    static const char *const EXPECTED[] = {
        [TEXT] = "no coding",
        [COUNT] = "no coding",
        [NUMBER] = "a number to divide by, percent, fraction, s, ms or us",
        [SIDE] = "RIGHT/LEFT or RIGHT/LEFT/NONE, or ibl, signed, psytrack, letters or words",
        [TRUTH] = "YES/NO, or signed or truth"};
    char found[160];
    (void)snprintf(found, sizeof found, "the mapping has coding.%s: \"%.60s\"", FIELDS[field].name,
                   value);
    return bridge_why_set(s, NULL, 0, -1, found, EXPECTED[FIELDS[field].kind],
                          "write it so, as in coding.choice: -1/1/0");
}

/* "RIGHT/LEFT/NONE" into its parts; false: it has less than two or more than three. */
static bool split_coding(const char *text, struct bridge_text part[3])
{
    size_t n = 0;
    while (n < 3) {
        const size_t size = strcspn(text, "/");
        part[n++] = (struct bridge_text){text, size};
        if (text[size] == '\0') {
            return n >= 2;
        }
        text += size + 1;
    }
    return false;
}

static int open_coding(struct bridge_trial_fields *f, struct bridge_source *s,
                       const struct bridge_mapping *map, enum bridge_field field)
{
    const char *name = FIELDS[field].name;
    const char *given = bridge_mapping_get(map, "coding", name);
    const char *text = given;
    const bool is_number = FIELDS[field].kind == NUMBER;
    f->divisor[field] = 1.0;
    for (size_t i = 0; given != NULL && i < sizeof CODINGS / sizeof CODINGS[0]; i++) {
        text = strcmp(CODINGS[i].name, given) == 0 ? CODINGS[i].written : text;
    }
    if (given == NULL && FIELDS[field].kind >= SIDE) {
        text = FIELDS[field].kind == SIDE ? USUAL_SIDE : USUAL_TRUTH;
    }
    if (text == NULL) {
        return 0;
    }
    if (FIELDS[field].kind >= SIDE) {
        return split_coding(text, f->code[field]) ? 0 : refuse_coding(s, field, given);
    }
    const bool is_sound = is_number &&
                          bridge_text_number(bridge_text_of(text), false, &f->divisor[field]) &&
                          fabs(f->divisor[field]) > 0.0;
    return is_sound ? 0 : refuse_coding(s, field, given);
}

/* Rows that are asked for, but for keys that the format reads itself. */
static int open_filters(struct bridge_trial_fields *f, struct bridge_source *s,
                        const struct bridge_mapping *map)
{
    const char *const *own = s->adapter != NULL ? s->adapter->rows : NULL;
    const struct bridge_mapping_line *line = NULL;
    for (size_t i = 0; (line = bridge_mapping_at(map, i)) != NULL; i++) {
        if (strcmp(line->section, "rows") != 0 ||
            (own != NULL && bridge_mapping_lists(own, line->key))) {
            continue;
        }
        if (f->n_filters == BRIDGE_FILTERS_MAX) {
            return bridge_why_set(s, NULL, 0, -1, "the mapping has too many lines of rows",
                                  "at most 8", "leave some out");
        }
        f->source[f->n_slots] = line->key;
        f->is_stated[f->n_slots] = f->is_required[f->n_slots] = true;
        f->filter[f->n_filters++] = line->value;
        f->n_slots++;
    }
    return 0;
}

static size_t field_of(const char *name)
{
    size_t i = 0;
    while (i < BRIDGE_FIELDS && strcmp(FIELDS[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* Where the column of a shipped mapping is not there: its second one, or the field's own name. */
static void open_others(struct bridge_trial_fields *f, const struct bridge_mapping *map)
{
    const struct bridge_shipped *base = map != NULL ? map->base : NULL;
    for (size_t i = 0; i < BRIDGE_FIELDS; i++) {
        const char *other = FIELDS[i].name;
        for (size_t k = 0; base != NULL && k < base->n; k++) {
            const struct bridge_mapping_line *line = &base->line[k];
            other = strcmp(line->section, "columns") == 0 &&
                            strcmp(line->key, FIELDS[i].name) == 0 && line->value != f->source[i]
                        ? line->value
                        : other;
        }
        if (f->is_stated[i] && !f->is_required[i] && strcmp(other, f->source[i]) != 0) {
            f->other[i] = f->n_slots;
            f->is_stated[f->n_slots] = other != FIELDS[i].name;
            f->source[f->n_slots++] = other;
        }
    }
}

/* Keys of columns, fixed and coding that are no field's. */
static int check_keys(struct bridge_source *s, const struct bridge_mapping *map)
{
    static const char *const SECTIONS[] = {"columns", "fixed", "coding", NULL};
    const struct bridge_mapping_line *line = NULL;
    char found[160];
    for (size_t i = 0; (line = bridge_mapping_at(map, i)) != NULL; i++) {
        if (bridge_mapping_lists(SECTIONS, line->section) && field_of(line->key) == BRIDGE_FIELDS) {
            (void)snprintf(found, sizeof found, "the mapping has %s.%.60s", line->section,
                           line->key);
            return bridge_why_set(s, NULL, 0, -1, found, "what is known of a trial, as stimulus",
                                  "docs/formats.md lists the names");
        }
    }
    return 0;
}

int bridge_trial_fields_open(struct bridge_trial_fields *f, struct bridge_source *s,
                             const struct bridge_mapping *map)
{
    const struct bridge_mapping own = {.line = map != NULL ? map->line : NULL,
                                       .n = map != NULL ? map->n : 0};
    *f = (struct bridge_trial_fields){.n_slots = BRIDGE_FIELDS};
    if (check_keys(s, map) != 0) {
        return -1;
    }
    for (int i = 0; i < BRIDGE_FIELDS; i++) {
        const char *stated = bridge_mapping_get(map, "columns", FIELDS[i].name);
        f->source[i] = stated != NULL ? stated : FIELDS[i].name;
        f->is_stated[i] = stated != NULL;
        f->is_required[i] = bridge_mapping_get(&own, "columns", FIELDS[i].name) != NULL;
        f->fixed[i] = bridge_mapping_get(map, "fixed", FIELDS[i].name);
        if (open_coding(f, s, map, (enum bridge_field)i) != 0) {
            return -1;
        }
    }
    if (open_filters(f, s, map) != 0) {
        return -1;
    }
    open_others(f, map);
    return 0;
}

uint64_t bridge_trial_fields_stated(const struct bridge_trial_fields *f)
{
    uint64_t slots = 0;
    for (size_t i = 0; i < f->n_slots; i++) {
        if (f->is_stated[i] || (i < BRIDGE_FIELDS && f->fixed[i] != NULL)) {
            slots |= (uint64_t)1 << i;
        }
    }
    return slots;
}

size_t bridge_trial_fields_watch(struct bridge_trial_fields *f, const char *name)
{
    f->source[f->n_slots] = name;
    return f->n_slots++;
}

uint64_t bridge_trial_fields_slots(const struct bridge_trial_fields *f, const char *name,
                                   size_t size)
{
    uint64_t slots = 0;
    for (size_t i = 0; i < f->n_slots; i++) {
        if (strlen(f->source[i]) == size && memcmp(f->source[i], name, size) == 0) {
            slots |= (uint64_t)1 << i;
        }
    }
    return slots;
}

/* ---- values ---------------------------------------------------------------------------------- */

static uint64_t bit(enum bridge_field field)
{
    return (uint64_t)1 << field;
}

void bridge_trial_fields_put(const struct bridge_trial_fields *f, struct bridge_values *values,
                             enum bridge_field field, double value)
{
    if (FIELDS[field].kind >= SIDE) {
        struct bridge_text words = f->code[field][value > 0.0 ? 0 : 1];
        const struct bridge_text word = bridge_text_cut(&words, ',');
        (void)bridge_values_put(values, bit(field), word.at, word.size);
    } else {
        bridge_values_put_number(values, bit(field), value * f->divisor[field]);
    }
}

bool bridge_trial_fields_suffice(const struct bridge_trial_fields *f, uint64_t slots,
                                 struct bridge_value_fault *fault)
{
    for (size_t i = 0; i < f->n_slots; i++) {
        if (f->is_required[i] && (slots >> i & 1) == 0) {
            (void)snprintf(fault->found, sizeof fault->found, "no column \"%.100s\"", f->source[i]);
            fault->expected = "a column of each name in the mapping";
            (void)snprintf(fault->fix, sizeof fault->fix, "correct the name in the mapping");
            return false;
        }
        if (i < BRIDGE_FIELDS &&
            (f->fixed[i] != NULL || (f->other[i] != 0 && (slots >> f->other[i] & 1) != 0))) {
            slots |= (uint64_t)1 << i;
        }
    }
    const bool has_side = (slots & bit(BRIDGE_FIELD_SIDE)) != 0;
    const bool has_both = (slots & bit(BRIDGE_FIELD_CONTRAST_LEFT)) != 0 &&
                          (slots & bit(BRIDGE_FIELD_CONTRAST_RIGHT)) != 0;
    const bool has_contrast = has_side && (slots & bit(BRIDGE_FIELD_CONTRAST)) != 0;
    if ((slots & bit(BRIDGE_FIELD_STIMULUS)) == 0 && !has_both && !has_contrast) {
        (void)snprintf(fault->found, sizeof fault->found, "no stimulus");
        fault->expected = "a column of it, of contrast and side, or of both contrasts";
        (void)snprintf(fault->fix, sizeof fault->fix, "name it: --map columns.stimulus=COLUMN");
        return false;
    }
    if ((slots & bit(BRIDGE_FIELD_CHOICE)) == 0 &&
        ((slots & bit(BRIDGE_FIELD_CORRECT)) == 0 || !(has_side || has_both))) {
        (void)snprintf(fault->found, sizeof fault->found, "no choice");
        fault->expected = "a column of it, or of correct and side";
        (void)snprintf(fault->fix, sizeof fault->fix, "name it: --map columns.choice=COLUMN");
        return false;
    }
    return true;
}

/* ---- one trial ------------------------------------------------------------------------------- */

struct reading {
    const struct bridge_trial_fields *f;
    const struct bridge_values *values;
    struct bridge_value fixed; /* scratch */
    struct bridge_value_fault *fault;
};

/* The value of a field: that of its first column, of its second, or the fixed one. Of two that say
 * yes or no by the mapping, yes counts. */
static const struct bridge_value *value_of(struct reading *r, enum bridge_field field)
{
    const struct bridge_value *v = &r->values->slot[field];
    const struct bridge_value *other = &r->values->slot[r->f->other[field]];
    const char *fixed = r->f->fixed[field];
    if (r->f->other[field] != 0 && other->is_set) {
        const bool is_either = FIELDS[field].kind == TRUTH && r->f->is_stated[r->f->other[field]];
        const bool is_yes =
            v->is_set && bridge_text_is_among(bridge_value_text(v), r->f->code[field][0]);
        v = v->is_set && (!is_either || is_yes) ? v : other;
    }
    if (v->is_set || fixed == NULL) {
        return v;
    }
    r->fixed.is_set = true;
    r->fixed.size = (size_t)snprintf(r->fixed.text, sizeof r->fixed.text, "%s", fixed);
    return &r->fixed;
}

static int refuse(struct reading *r, enum bridge_field field, const struct bridge_value *v,
                  const char *expected, const char *fix)
{
    (void)snprintf(r->fault->found, sizeof r->fault->found, "%s: \"%.60s\" in %.60s",
                   FIELDS[field].name, v->text, r->f->source[field]);
    r->fault->expected = expected;
    (void)snprintf(r->fault->fix, sizeof r->fault->fix, fix, FIELDS[field].name);
    return -1;
}

/* NaN: unknown. */
static int get_number(struct reading *r, enum bridge_field field, double *out)
{
    const struct bridge_value *v = value_of(r, field);
    *out = (double)NAN;
    if (bridge_value_is_unknown(v)) {
        return 0;
    }
    if (!bridge_text_number(bridge_value_text(v), r->f->has_decimal_comma, out)) {
        return refuse(r, field, v, "a number", "correct it, or name another column");
    }
    *out /= r->f->divisor[field];
    return 0;
}

/* PROTO_NIL: unknown, or no side. */
static int get_coded(struct reading *r, enum bridge_field field, int64_t *out)
{
    const struct bridge_value *v = value_of(r, field);
    const struct bridge_text *code = r->f->code[field];
    *out = PROTO_NIL;
    if (bridge_text_is_among(bridge_value_text(v), code[0]) && v->is_set) {
        *out = 1;
    } else if (bridge_text_is_among(bridge_value_text(v), code[1]) && v->is_set) {
        *out = 0;
    } else if (!bridge_value_is_unknown(v) &&
               !bridge_text_is_among(bridge_value_text(v), code[2])) {
        return FIELDS[field].kind == SIDE
                   ? refuse(r, field, v, "right or left as it is coded",
                            "say how: --map coding.%s=RIGHT/LEFT/NONE, as -1/1/0")
                   : refuse(r, field, v, "yes or no as it is coded",
                            "say how: --map coding.%s=YES/NO, as 1/-1");
    }
    return 0;
}

static int get_name(struct reading *r, enum bridge_field field, char out[PROTO_ID_MAX + 1])
{
    const struct bridge_value *v = value_of(r, field);
    if (bridge_value_is_unknown(v)) {
        return 0;
    }
    return bridge_id_make(out, v->text, v->size)
               ? 0
               : refuse(r, field, v, "1 to 64 characters", "name another column");
}

static void get_text(struct reading *r, enum bridge_field field, char *out, size_t cap)
{
    const struct bridge_value *v = value_of(r, field);
    if (!bridge_value_is_unknown(v)) {
        bridge_text_copy(out, cap, bridge_value_text(v));
    }
}

static int get_session(struct reading *r, struct bridge_session *session)
{
    const struct bridge_value *session_name = &r->values->slot[BRIDGE_FIELD_SESSION];
    const bool is_named =
        !bridge_value_is_unknown(session_name) || r->f->fixed[BRIDGE_FIELD_SESSION] != NULL;
    int64_t ephys_rig = PROTO_NIL;
    double delay_s = 0.0;
    int rc = get_name(r, BRIDGE_FIELD_SUBJECT, session->subject);
    rc = rc ? rc
            : get_name(r, is_named ? BRIDGE_FIELD_SESSION : BRIDGE_FIELD_DATE, session->session);
    rc = rc ? rc : get_coded(r, BRIDGE_FIELD_EPHYS_RIG, &ephys_rig);
    rc = rc ? rc : get_number(r, BRIDGE_FIELD_DELAY_S, &delay_s);
    get_text(r, BRIDGE_FIELD_DATE, session->started, sizeof session->started);
    get_text(r, BRIDGE_FIELD_TASK, session->task, sizeof session->task);
    if (rc == 0 && ephys_rig != PROTO_NIL) {
        session->ephys_rig = ephys_rig;
    }
    if (rc == 0 && !isnan(delay_s)) {
        session->delay_s = delay_s;
    }
    return rc;
}

static int get_trial(struct reading *r, struct bridge_event *event)
{
    const struct bridge_value *v = value_of(r, BRIDGE_FIELD_TRIAL);
    double number = 0.0;
    event->trial = -1;
    if (bridge_value_is_unknown(v)) {
        return 0;
    }
    if (!bridge_text_number(bridge_value_text(v), r->f->has_decimal_comma, &number) ||
        number < 0.0 || number > 1e9 || number > floor(number)) {
        return refuse(r, BRIDGE_FIELD_TRIAL, v, "a whole number from 0 to 1000000000",
                      "correct it; without a column of trials they are counted");
    }
    event->trial = (int64_t)number;
    return 0;
}

/* From the contrasts of both sides, of which one may be unknown: then the other is the side. */
static void put_both(double left, double right, proto_trial *said)
{
    if (isnan(left) != isnan(right)) {
        said->side = said->side == PROTO_NIL ? (isnan(left) ? 1 : 0) : said->side;
    } else if (said->side == PROTO_NIL && (left < right || left > right)) {
        said->side = left < right ? 1 : 0;
    }
    if (!isnan(left) || !isnan(right)) {
        said->stimulus = (isnan(right) ? 0.0 : right) - (isnan(left) ? 0.0 : left);
    }
}

static int get_stimulus(struct reading *r, proto_trial *said)
{
    static const char HOW[] = "say how it is coded: --map coding.%s=percent, or a number to "
                              "divide by";
    double contrast = 0.0;
    double left = 0.0;
    double right = 0.0;
    int rc = get_coded(r, BRIDGE_FIELD_SIDE, &said->side);
    rc = rc ? rc : get_number(r, BRIDGE_FIELD_STIMULUS, &said->stimulus);
    rc = rc ? rc : get_number(r, BRIDGE_FIELD_CONTRAST, &contrast);
    rc = rc ? rc : get_number(r, BRIDGE_FIELD_CONTRAST_LEFT, &left);
    rc = rc ? rc : get_number(r, BRIDGE_FIELD_CONTRAST_RIGHT, &right);
    if (rc != 0) {
        return rc;
    }
    enum bridge_field from = BRIDGE_FIELD_STIMULUS;
    if (isnan(said->stimulus)) {
        put_both(left, right, said);
        from = isnan(left) ? BRIDGE_FIELD_CONTRAST_RIGHT : BRIDGE_FIELD_CONTRAST_LEFT;
    }
    if (isnan(said->stimulus) && !isnan(contrast)) {
        from = BRIDGE_FIELD_CONTRAST;
        if (contrast < 0.0) {
            return refuse(r, from, value_of(r, from), "a contrast without a sign",
                          "name it the stimulus if it has one: --map columns.stimulus=COLUMN");
        }
        if (contrast > 0.0 && said->side == PROTO_NIL) {
            return refuse(r, BRIDGE_FIELD_SIDE, &r->values->slot[BRIDGE_FIELD_SIDE],
                          "the side of the stimulus", "name its column: --map columns.side=COLUMN");
        }
        said->stimulus = said->side == 0 && contrast > 0.0 ? -contrast : contrast;
    }
    if (isnan(said->stimulus)) {
        from = r->f->is_stated[BRIDGE_FIELD_CONTRAST] ? BRIDGE_FIELD_CONTRAST
               : value_of(r, from)->is_set            ? from
                                                      : BRIDGE_FIELD_STIMULUS;
        return refuse(r, from, value_of(r, from), "a contrast from -1 to 1",
                      "the trial is left out");
    }
    return said->stimulus >= -1.0 && said->stimulus <= 1.0
               ? 0
               : refuse(r, from, value_of(r, from), "a contrast from -1 to 1", HOW);
}

static int get_choice(struct reading *r, proto_trial *said)
{
    int64_t correct = PROTO_NIL;
    const struct bridge_value *v = value_of(r, BRIDGE_FIELD_CHOICE);
    const bool is_stated = v->is_set;
    int rc = get_coded(r, BRIDGE_FIELD_CHOICE, &said->choice);
    rc = rc ? rc : get_coded(r, BRIDGE_FIELD_CORRECT, &correct);
    if (rc == 0 && !is_stated && correct != PROTO_NIL && said->side != PROTO_NIL) {
        said->choice = correct == 1 ? said->side : 1 - said->side;
    } else if (rc == 0 && correct != PROTO_NIL && said->choice != PROTO_NIL &&
               said->side == PROTO_NIL) {
        said->side = correct == 1 ? said->choice : 1 - said->choice;
    }
    return rc;
}

/* A fraction, or a coded yes or no. */
static int get_reward(struct reading *r, proto_trial *said)
{
    const struct bridge_value *v = value_of(r, BRIDGE_FIELD_REWARD);
    int64_t yes = PROTO_NIL;
    double number = 0.0;
    if (bridge_text_number(bridge_value_text(v), r->f->has_decimal_comma, &number) &&
        number > 0.0 && number < 1.0) {
        said->reward = number;
        return 0;
    }
    const int rc = get_coded(r, BRIDGE_FIELD_REWARD, &yes);
    if (rc == 0 && yes != PROTO_NIL) {
        said->reward = (double)yes;
    }
    return rc;
}

/* What is outside its range is unknown: the trial counts without it. */
static double within(double value, double max)
{
    return value >= 0.0 && value <= max ? value : (double)NAN;
}

static int get_rest(struct reading *r, proto_trial *said)
{
    double from = 0.0;
    int rc = get_number(r, BRIDGE_FIELD_RT_S, &said->rt_s);
    rc = rc ? rc : get_number(r, BRIDGE_FIELD_RT_FROM, &from);
    rc = rc ? rc : get_number(r, BRIDGE_FIELD_P_LEFT, &said->p_left);
    rc = rc ? rc : get_number(r, BRIDGE_FIELD_REWARD_UL, &said->reward_ul);
    rc = rc ? rc : get_coded(r, BRIDGE_FIELD_REPEAT, &said->repeat);
    if (value_of(r, BRIDGE_FIELD_RT_FROM)->is_set) {
        said->rt_s -= from;
    }
    said->rt_s = within(said->rt_s, 86400.0);
    said->reward_ul = within(said->reward_ul, 10000.0);
    get_text(r, BRIDGE_FIELD_STAGE, said->stage, sizeof said->stage);
    return rc;
}

static bool is_asked_for(const struct reading *r)
{
    for (size_t i = 0; i < r->f->n_filters; i++) {
        const struct bridge_value *v = &r->values->slot[BRIDGE_FIELDS + i];
        if (!v->is_set ||
            !bridge_text_is_among(bridge_value_text(v), bridge_text_of(r->f->filter[i]))) {
            return false;
        }
    }
    return true;
}

bool bridge_trial_fields_have(const struct bridge_trial_fields *f,
                              const struct bridge_values *values, enum bridge_field field)
{
    return values->slot[field].is_set ||
           (f->other[field] != 0 && values->slot[f->other[field]].is_set);
}

int bridge_trial_fields_session(const struct bridge_trial_fields *f,
                                const struct bridge_values *values, struct bridge_session *session,
                                struct bridge_value_fault *fault)
{
    struct reading r = {.f = f, .values = values, .fault = fault};
    return get_session(&r, session);
}

int bridge_trial_fields_read(const struct bridge_trial_fields *f,
                             const struct bridge_values *values, struct bridge_session *session,
                             struct bridge_event *event, struct bridge_value_fault *fault)
{
    struct reading r = {.f = f, .values = values, .fault = fault};
    if (!is_asked_for(&r)) {
        return 0;
    }
    int rc = get_session(&r, session);
    rc = rc ? rc : get_trial(&r, event);
    rc = rc ? rc : get_stimulus(&r, &event->said);
    rc = rc ? rc : get_choice(&r, &event->said);
    rc = rc ? rc : get_reward(&r, &event->said);
    rc = rc ? rc : get_rest(&r, &event->said);
    event->kind = BRIDGE_TRIAL;
    return rc == 0 ? 1 : -1;
}
