#include "protocol_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "protocol_key.h"
#include "yaml_keys.h"

/* A recursive-descent reading of YAML's events; the first error ends it. */
struct parse {
    struct yaml_reader yaml;
    struct yaml_keys keys;
    struct protocol_file *file;
    int32_t stage; /* at hand; -1 none */
    int32_t move;
    bool has_limit; /* of the test at hand */
    char first[MODEL_PROTOCOL_NAME];
    char to[MODEL_PROTOCOL_STAGES][MODEL_PROTOCOL_MOVES][MODEL_PROTOCOL_NAME];
    uint32_t defect_line[MODEL_PROTOCOL_DEFECTS];
    bool has_release; /* of iblrig */
    uint32_t release;
};

static int refuse(struct parse *p, const char *path, const char *name, const char *expected)
{
    const bool is_text = p->yaml.event.type == YAML_SCALAR_EVENT;
    return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: %s%s: expected %s, found %s%.60s%s",
                     p->yaml.name, yaml_reader_line(&p->yaml), path, name, expected,
                     is_text ? "\"" : "", is_text ? yaml_reader_text(&p->yaml) : "a list or map",
                     is_text ? "\"" : "");
}

static int refuse_key(struct parse *p, const struct key *key)
{
    char expected[300];
    key_expected(key, expected, sizeof expected);
    return refuse(p, key->path, key->name, expected);
}

static int refuse_value(void *with, const struct key *key, const char *found)
{
    (void)found;
    return refuse_key(with, key);
}

static int refuse_unknown(void *with, const struct key_table *table)
{
    const struct parse *p = with;
    char known[400];
    char ask[NEAREST_TEXT_MAX];
    const char *text = yaml_reader_text(&p->yaml);
    const char *names = key_table_names(table, text, known, sizeof known, ask);
    return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: %.60s: unknown key; known here are %s%s",
                     p->yaml.name, yaml_reader_line(&p->yaml), text, names, ask);
}

static bool read_real(const struct parse *p, double low, double high, double *out)
{
    return p->yaml.event.type == YAML_SCALAR_EVENT &&
           key_number(KEY_FRACTION_DIGITS, yaml_reader_text(&p->yaml), out) && *out >= low &&
           *out <= high;
}

static int read_part(struct parse *p, enum protocol_part part, void *base)
{
    return yaml_keys_read(&p->keys, &PROTOCOL_KEYS[part], base);
}

static int read_map(struct parse *p, const struct key *key, enum protocol_part part, void *base)
{
    return p->yaml.event.type == YAML_MAPPING_START_EVENT ? read_part(p, part, base)
                                                          : refuse_key(p, key);
}

static int read_name(struct parse *p, const struct key *key, char out[MODEL_PROTOCOL_NAME])
{
    const struct key name = {.kind = KEY_NAME, .size = MODEL_PROTOCOL_NAME};
    return p->yaml.event.type == YAML_SCALAR_EVENT &&
                   key_put(&name, out, 0, yaml_reader_text(&p->yaml), yaml_reader_size(&p->yaml))
               ? FAULT_NONE
               : refuse_key(p, key);
}

/* One entry of a list or map, whose first event is the last one. */
typedef int read_fn(struct parse *p, const struct key *key, void *base);

struct entries {
    struct parse *p;
    const struct key *key;
    void *base;
    read_fn *entry;
};

static int read_entry(void *with)
{
    const struct entries *list = with;
    return list->entry(list->p, list->key, list->base);
}

static int read_entries(struct parse *p, const struct key *key, void *base, read_fn *entry,
                        yaml_event_type_t start)
{
    struct entries list = {p, key, base, entry};
    return p->yaml.event.type == start ? yaml_reader_each(&p->yaml, read_entry, &list)
                                       : refuse_key(p, key);
}

/* An entry of a list that is a map, and has room; most: as errors say it. */
static int begin_map(struct parse *p, const struct key *key, bool has_room, const char *most)
{
    return p->yaml.event.type != YAML_MAPPING_START_EVENT
               ? refuse(p, key->path, key->name, "keys and values")
           : has_room ? FAULT_NONE
                      : refuse(p, key->path, key->name, most);
}

/* ---- the keys of kind CUSTOM, each by its own function -----------------------------------------
 */

static int read_protocol_first(struct parse *p, const struct key *key, void *base)
{
    (void)base;
    return read_name(p, key, p->first);
}

static int read_protocol_session(struct parse *p, const struct key *key, void *base)
{
    return read_map(p, key, PROTOCOL_PART_session, base);
}

static int read_defect(struct parse *p, const struct key *key, void *base)
{
    struct protocol_file *file = p->file;
    (void)base;
    model_protocol_defect defect = MODEL_PROTOCOL_DEFECTS;
    if (p->yaml.event.type != YAML_SCALAR_EVENT || file->n_defects == MODEL_PROTOCOL_DEFECTS ||
        model_protocol_defect_parse(&defect, yaml_reader_text(&p->yaml)) != MODEL_OK) {
        return refuse_key(p, key);
    }
    p->defect_line[file->n_defects] = (uint32_t)yaml_reader_line(&p->yaml);
    file->defect[file->n_defects++] = defect;
    return FAULT_NONE;
}

static int read_protocol_defects(struct parse *p, const struct key *key, void *base)
{
    return read_entries(p, key, base, read_defect, YAML_SEQUENCE_START_EVENT);
}

static int read_protocol_iblrig(struct parse *p, const struct key *key, void *base)
{
    (void)base;
    const bool is_text = p->yaml.event.type == YAML_SCALAR_EVENT;
    p->file->is_recorded = is_text && strcmp(yaml_reader_text(&p->yaml), "recorded") == 0;
    p->has_release =
        is_text && model_protocol_release_find(&p->release, yaml_reader_text(&p->yaml)) == MODEL_OK;
    return p->file->is_recorded || p->has_release
               ? FAULT_NONE
               : refuse(p, key->path, key->name,
                        "recorded, or a version from 8.0 on, such as 8.23.1");
}

static int read_stage(struct parse *p, const struct key *key, void *base)
{
    model_protocol *protocol = base;
    const uint32_t n = protocol->n_stages;
    int rc = begin_map(p, key, n < MODEL_PROTOCOL_STAGES, "at most 16 of them");
    if (rc != FAULT_NONE) {
        return rc;
    }
    model_protocol_stage *stage = &protocol->stage[n];
    if (n > 0) {
        *stage = protocol->stage[n - 1];
    } else {
        key_table_set_defaults(&PROTOCOL_KEYS[PROTOCOL_PART_stage], stage);
        key_table_set_defaults(&PROTOCOL_KEYS[PROTOCOL_PART_blocks], &stage->blocks);
        key_table_set_defaults(&PROTOCOL_KEYS[PROTOCOL_PART_debias], &stage->debias);
        key_table_set_defaults(&PROTOCOL_KEYS[PROTOCOL_PART_reward], stage);
    }
    memset(stage->name, 0, sizeof stage->name);
    memset(stage->move, 0, sizeof stage->move);
    stage->n_moves = 0;
    p->stage = (int32_t)n;
    p->file->stage_line[n] = (uint32_t)yaml_reader_line(&p->yaml);
    protocol->n_stages++;
    rc = read_part(p, PROTOCOL_PART_stage, stage);
    p->stage = -1;
    return rc;
}

static int read_protocol_stages(struct parse *p, const struct key *key, void *base)
{
    return read_entries(p, key, base, read_stage, YAML_SEQUENCE_START_EVENT);
}

/* "0.25: 0.5", put where the contrasts go on falling. */
static int read_contrast(struct parse *p, const struct key *key, void *base)
{
    model_protocol_stage *stage = base;
    double contrast = 0.0;
    double probability = 0.0;
    if (!read_real(p, -1.0, 1.0, &contrast) || stage->n_contrasts == MODEL_PROTOCOL_CONTRASTS) {
        return refuse_key(p, key);
    }
    const char sign = yaml_reader_text(&p->yaml)[0];
    const int rc = yaml_reader_next(&p->yaml);
    if (rc != FAULT_NONE || !read_real(p, 0.0, 1.0, &probability)) {
        return rc != FAULT_NONE ? rc : refuse_key(p, key);
    }
    uint32_t at = stage->n_contrasts++;
    for (; at > 0 && stage->contrast[at - 1] < fabs(contrast); at--) {
        stage->contrast[at] = stage->contrast[at - 1];
        stage->probability[at] = stage->probability[at - 1];
        stage->only[at] = stage->only[at - 1];
    }
    stage->contrast[at] = fabs(contrast);
    stage->probability[at] = probability;
    const bool has_side = fabs(contrast) > 0.0 && (sign == '-' || sign == '+');
    stage->only[at] = (int8_t)(has_side ? (sign == '-' ? -1 : 1) : 0);
    return FAULT_NONE;
}

static int read_stage_contrasts(struct parse *p, const struct key *key, void *base)
{
    model_protocol_stage *stage = base;
    stage->n_contrasts = 0;
    memset(stage->contrast, 0, sizeof stage->contrast);
    memset(stage->probability, 0, sizeof stage->probability);
    memset(stage->only, 0, sizeof stage->only);
    memset(stage->left, 0, sizeof stage->left);
    return read_entries(p, key, base, read_contrast, YAML_MAPPING_START_EVENT);
}

/* "0.25: 0.6", of a contrast that stands above. */
static int read_left(struct parse *p, const struct key *key, void *base)
{
    model_protocol_stage *stage = base;
    double contrast = 0.0;
    uint32_t at = 0;
    bool has = read_real(p, 0.0, 1.0, &contrast);
    while (has && at < stage->n_contrasts && fabs(stage->contrast[at] - contrast) > 1e-9) {
        at++;
    }
    if (!has || at == stage->n_contrasts) {
        return refuse(p, key->path, key->name, "a contrast of the stage, from 0 to 1");
    }
    const int rc = yaml_reader_next(&p->yaml);
    has = rc == FAULT_NONE && read_real(p, 1e-9, 1.0, &stage->left[at]);
    return rc != FAULT_NONE || has
               ? rc
               : refuse(p, key->path, key->name, "a probability above 0 and up to 1");
}

static int read_stage_left(struct parse *p, const struct key *key, void *base)
{
    memset(((model_protocol_stage *)base)->left, 0, sizeof((model_protocol_stage *)base)->left);
    return read_entries(p, key, base, read_left, YAML_MAPPING_START_EVENT);
}

static int read_stage_blocks(struct parse *p, const struct key *key, void *base)
{
    return read_map(p, key, PROTOCOL_PART_blocks, &((model_protocol_stage *)base)->blocks);
}

static int read_stage_debias(struct parse *p, const struct key *key, void *base)
{
    return read_map(p, key, PROTOCOL_PART_debias, &((model_protocol_stage *)base)->debias);
}

static int read_stage_reward(struct parse *p, const struct key *key, void *base)
{
    return read_map(p, key, PROTOCOL_PART_reward, base);
}

static int read_blocks_value(struct parse *p, const struct key *key, void *base)
{
    model_protocol_blocks *blocks = base;
    if (blocks->n == MODEL_PROTOCOL_BLOCKS || !read_real(p, 0.0, 1.0, &blocks->value[blocks->n])) {
        return refuse_key(p, key);
    }
    blocks->n++;
    return FAULT_NONE;
}

static int read_blocks_values(struct parse *p, const struct key *key, void *base)
{
    ((model_protocol_blocks *)base)->n = 0;
    return read_entries(p, key, base, read_blocks_value, YAML_SEQUENCE_START_EVENT);
}

static int read_move(struct parse *p, const struct key *key, void *base)
{
    model_protocol_stage *stage = base;
    const uint32_t n = stage->n_moves;
    int rc = begin_map(p, key, n < MODEL_PROTOCOL_MOVES, "at most 4 of them");
    if (rc != FAULT_NONE) {
        return rc;
    }
    key_table_set_defaults(&PROTOCOL_KEYS[PROTOCOL_PART_move], &stage->move[n]);
    p->move = (int32_t)n;
    p->file->move_line[p->stage][n] = (uint32_t)yaml_reader_line(&p->yaml);
    stage->n_moves++;
    rc = read_part(p, PROTOCOL_PART_move, &stage->move[n]);
    p->move = -1;
    return rc;
}

static int read_stage_moves(struct parse *p, const struct key *key, void *base)
{
    return read_entries(p, key, base, read_move, YAML_SEQUENCE_START_EVENT);
}

static int read_move_to(struct parse *p, const struct key *key, void *base)
{
    (void)base;
    return read_name(p, key, p->to[p->stage][p->move]);
}

/* What belongs to another kind of test, or is missing. */
static int check_test(struct parse *p, const model_protocol_test *test, size_t line)
{
    const bool counts =
        test->kind == MODEL_PROTOCOL_TEST_TRIALS || test->kind == MODEL_PROTOCOL_TEST_SESSIONS;
    const bool of_contrast = test->kind == MODEL_PROTOCOL_TEST_PERFORMANCE;
    const char *expected = NULL;
    if (!p->has_limit) {
        expected = counts ? "at_least" : "above or below";
    } else if (counts && (test->window > 0 || test->contrast >= 0.0)) {
        expected = "at_least alone";
    } else if (!of_contrast && test->contrast >= 0.0) {
        expected = "no contrast";
    }
    return expected == NULL
               ? FAULT_NONE
               : fault_set(p->yaml.fault, FAULT_INPUT,
                           "%s:%zu: stages.moves.when: a test of %s: expected %s", p->yaml.name,
                           line, model_protocol_test_name(test->kind), expected);
}

static int read_test(struct parse *p, const struct key *key, void *base)
{
    model_protocol_move *move = base;
    const uint32_t n = move->n_tests;
    const size_t line = yaml_reader_line(&p->yaml);
    int rc = begin_map(p, key, n < MODEL_PROTOCOL_TESTS, "at most 8 of them");
    if (rc != FAULT_NONE) {
        return rc;
    }
    key_table_set_defaults(&PROTOCOL_KEYS[PROTOCOL_PART_test], &move->test[n]);
    p->has_limit = false;
    p->file->test_line[p->stage][p->move][n] = (uint32_t)line;
    move->n_tests++;
    rc = read_part(p, PROTOCOL_PART_test, &move->test[n]);
    return rc ? rc : check_test(p, &move->test[n], line);
}

static int read_move_when(struct parse *p, const struct key *key, void *base)
{
    return read_entries(p, key, base, read_test, YAML_SEQUENCE_START_EVENT);
}

static int read_limit(struct parse *p, const struct key *key, model_protocol_test *test,
                      bool is_above, double most)
{
    if (p->has_limit || !read_real(p, 0.0, most, &test->limit)) {
        return refuse_key(p, key);
    }
    p->has_limit = true;
    test->is_above = is_above;
    return FAULT_NONE;
}

static int read_test_above(struct parse *p, const struct key *key, void *base)
{
    return read_limit(p, key, base, true, 1.0);
}

static int read_test_below(struct parse *p, const struct key *key, void *base)
{
    return read_limit(p, key, base, false, 1.0);
}

static int read_test_at_least(struct parse *p, const struct key *key, void *base)
{
    return read_limit(p, key, base, true, 1e9);
}

static read_fn *const CUSTOM_KEYS[PROTOCOL_CUSTOMS] = {
#define CUSTOM(part, key, shape, help) read_##part##_##key,
#include "protocol_keys.def"
};

/* ---- the whole ---------------------------------------------------------------------------------
 */

/* What the model's check says of a key of the protocol or of a stage has a line. */
static const struct key_table *table_of(int32_t stage)
{
    return &PROTOCOL_KEYS[stage < 0 ? PROTOCOL_PART_protocol : PROTOCOL_PART_stage];
}

static void note_line(struct parse *p, const struct key *key)
{
    const struct key_table *table = table_of(p->stage);
    uint32_t *lines = p->stage < 0 ? p->file->key_line : p->file->stage_key_line[p->stage];
    if (key_table_find(table, key->name) == key) {
        lines[key - table->key] = (uint32_t)p->keys.line;
    }
}

static int read_value(void *with, const struct key *key, void *base)
{
    struct parse *p = with;
    note_line(p, key);
    return key->kind == KEY_CUSTOM ? CUSTOM_KEYS[key->count](p, key, base)
                                   : yaml_keys_value(&p->keys, key, base);
}

static int parse_document(struct parse *p)
{
    model_protocol *protocol = &p->file->protocol;
    bool is_empty = false;
    key_table_set_defaults(&PROTOCOL_KEYS[PROTOCOL_PART_protocol], protocol);
    key_table_set_defaults(&PROTOCOL_KEYS[PROTOCOL_PART_session], protocol);
    int rc = yaml_reader_begin(&p->yaml, &is_empty);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (is_empty || p->yaml.event.type != YAML_MAPPING_START_EVENT) {
        return fault_set(p->yaml.fault, FAULT_INPUT,
                         "%s:1: protocol: expected keys and values such as \"name: training\"",
                         p->yaml.name);
    }
    rc = read_part(p, PROTOCOL_PART_protocol, protocol);
    return rc ? rc : yaml_reader_end(&p->yaml, "protocol");
}

/* Names of stages become their numbers. */
static int resolve_names(struct parse *p)
{
    model_protocol *protocol = &p->file->protocol;
    for (uint32_t i = 0; i < protocol->n_stages; i++) {
        for (uint32_t k = 0; k < protocol->stage[i].n_moves; k++) {
            const uint32_t to = model_protocol_find(protocol, p->to[i][k]);
            if (p->to[i][k][0] == '\0' || to == protocol->n_stages) {
                return fault_set(p->yaml.fault, FAULT_INPUT,
                                 "%s:%u: stages.moves.to: expected the name of a stage, found "
                                 "\"%s\"",
                                 p->yaml.name, p->file->move_line[i][k], p->to[i][k]);
            }
            protocol->stage[i].move[k].to = to;
        }
    }
    if (p->first[0] != '\0') {
        protocol->first_stage = model_protocol_find(protocol, p->first);
    }
    return FAULT_NONE;
}

/* The line that a fault of the model's check is about; 1 where it is of something not there. */
static uint32_t line_of(const struct protocol_file *file, const model_protocol_fault *wrong)
{
    uint32_t line = 0;
    const struct key_table *table = table_of(wrong->stage);
    const struct key *key = key_table_find(table, wrong->key);
    if (wrong->stage < 0) {
        line = key != NULL ? file->key_line[key - table->key] : 0;
    } else if (wrong->move >= 0) {
        line = wrong->test >= 0 ? file->test_line[wrong->stage][wrong->move][wrong->test]
                                : file->move_line[wrong->stage][wrong->move];
    } else {
        line = key != NULL ? file->stage_key_line[wrong->stage][key - table->key] : 0;
        line = line > 0 ? line : file->stage_line[wrong->stage];
    }
    return line > 0 ? line : 1;
}

static int say(const struct protocol_file *file, const char *name,
               const model_protocol_fault *wrong, int code, struct fault *fault)
{
    const bool is_stage = wrong->stage >= 0 && (uint32_t)wrong->stage < file->protocol.n_stages;
    return fault_set(fault, code, "%s:%u: %s%s%s%s: %s", name, line_of(file, wrong),
                     is_stage ? "stage " : "",
                     is_stage ? file->protocol.stage[wrong->stage].name : "", is_stage ? ": " : "",
                     wrong->key, wrong->text);
}

/* Probabilities that sum to 1 within the tolerance sum to it to rounding. */
static void normalise(model_protocol *protocol)
{
    for (uint32_t i = 0; i < protocol->n_stages; i++) {
        model_protocol_stage *stage = &protocol->stage[i];
        double sum = 0.0;
        for (uint32_t k = 0; k < stage->n_contrasts; k++) {
            sum += stage->probability[k];
        }
        for (uint32_t k = 0; k < stage->n_contrasts && fabs(sum - 1.0) > 1e-12; k++) {
            stage->probability[k] /= sum;
        }
    }
}

int protocol_file_add_defect(struct protocol_file *file, const char *name, uint32_t line,
                             model_protocol_defect defect, struct fault *fault)
{
    char where[32] = "";
    if (line > 0) {
        (void)snprintf(where, sizeof where, ":%u", line);
    }
    if (model_protocol_defect_apply(&file->protocol, defect) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT, "%s%s: defect %s: affects nothing in the protocol",
                         name, where, model_protocol_defect_of(defect)->name);
    }
    file->defects |= UINT32_C(1) << defect;
    return FAULT_NONE;
}

static int finish_parse(struct parse *p)
{
    struct protocol_file *file = p->file;
    model_protocol_fault wrong;
    int rc = resolve_names(p);
    if (rc == FAULT_NONE && model_protocol_check(&file->protocol, &wrong) != MODEL_OK) {
        rc = say(file, p->yaml.name, &wrong, FAULT_INPUT, p->yaml.fault);
    }
    if (rc == FAULT_NONE) {
        normalise(&file->protocol);
        file->bare = file->protocol;
    }
    if (rc == FAULT_NONE && p->has_release) {
        file->defects = model_protocol_release_defects(&file->bare, p->release);
        model_protocol_add_defects(&file->protocol, file->defects);
    }
    for (uint32_t i = 0; rc == FAULT_NONE && i < file->n_defects; i++) {
        rc = protocol_file_add_defect(file, p->yaml.name, p->defect_line[i], file->defect[i],
                                      p->yaml.fault);
    }
    return rc;
}

int protocol_file_parse(struct protocol_file *file, const char *name, const uint8_t *text,
                        size_t size, struct fault *fault)
{
    struct parse *p = malloc(sizeof *p);
    memset(file, 0, sizeof *file);
    if (p == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: out of memory", name);
    }
    *p = (struct parse){.keys = {.yaml = &p->yaml,
                                 .with = p,
                                 .value = read_value,
                                 .unknown = refuse_unknown,
                                 .refuse = refuse_value},
                        .file = file,
                        .stage = -1,
                        .move = -1};
    int rc = yaml_reader_open(&p->yaml, name, text, size, fault);
    if (rc == FAULT_NONE) {
        rc = parse_document(p);
        rc = rc ? rc : finish_parse(p);
        yaml_reader_close(&p->yaml);
    }
    free(p);
    return rc;
}

int protocol_file_load(struct protocol_file *file, const char *path, struct fault *fault)
{
    uint8_t *text = NULL;
    size_t size = 0;
    int rc =
        yaml_reader_load(path, PROTOCOL_FILE_BYTES_MAX, FILE_KIND_PROTOCOL, &text, &size, fault);
    rc = rc ? rc : protocol_file_parse(file, path, text, size, fault);
    free(text);
    return rc;
}

int protocol_file_finish(const struct protocol_file *file, const char *name, struct fault *fault)
{
    model_protocol_fault wrong;
    return model_protocol_finish(&file->protocol, &wrong) == MODEL_OK
               ? FAULT_NONE
               : say(file, name, &wrong, FAULT_WORK, fault);
}
