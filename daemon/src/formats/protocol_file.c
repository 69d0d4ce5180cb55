#include "protocol_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "proto/message.h"
#include "protocol_key.h"
#include "yaml_reader.h"

/* A recursive-descent reading of YAML's events; the first error ends it. */
struct parse {
    struct yaml_reader yaml;
    struct protocol_file *file;
    int32_t stage; /* at hand; -1 none */
    int32_t move;
    int32_t test;
    bool has_limit; /* of the test at hand */
    char first[MODEL_PROTOCOL_NAME];
    char to[MODEL_PROTOCOL_STAGES][MODEL_PROTOCOL_MOVES][MODEL_PROTOCOL_NAME];
    uint32_t defect_line[MODEL_PROTOCOL_DEFECTS];
};

static int parse_map(struct parse *p, void *base, enum protocol_part part);

static int refuse(struct parse *p, const char *where, const char *expected)
{
    const bool is_text = p->yaml.event.type == YAML_SCALAR_EVENT;
    return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: %s: expected %s, found %s%.60s%s",
                     p->yaml.name, yaml_reader_line(&p->yaml), where, expected, is_text ? "\"" : "",
                     is_text ? yaml_reader_text(&p->yaml) : "a list or map", is_text ? "\"" : "");
}

/* Where a value stands, as errors call it: "stages.debias.sd". */
static const char *path_of(const struct protocol_key *key, char text[64])
{
    static const char *const PARENT[] = {"",
                                         "session.",
                                         "stages.",
                                         "stages.blocks.",
                                         "stages.debias.",
                                         "stages.reward.",
                                         "stages.moves.",
                                         "stages.moves.when."};
    _Static_assert(sizeof PARENT / sizeof PARENT[0] == PROTOCOL_PARTS, "a name for each");
    (void)snprintf(text, 64, "%s%s", PARENT[key->part], key->name);
    return text;
}

static int refuse_key(struct parse *p, const struct protocol_key *key)
{
    char where[64];
    char expected[300];
    protocol_key_expected(key, expected, sizeof expected);
    return refuse(p, path_of(key, where), expected);
}

static bool parse_name(struct parse *p, char out[MODEL_PROTOCOL_NAME])
{
    if (p->yaml.event.type != YAML_SCALAR_EVENT ||
        yaml_reader_size(&p->yaml) >= MODEL_PROTOCOL_NAME ||
        !proto_id_is_valid(yaml_reader_text(&p->yaml))) {
        return false;
    }
    memset(out, 0, MODEL_PROTOCOL_NAME);
    memcpy(out, yaml_reader_text(&p->yaml), yaml_reader_size(&p->yaml));
    return true;
}

static bool parse_real(const char *text, double low, double high, double *out)
{
    return protocol_key_number(text, out) && *out >= low && *out <= high;
}

/* One number for both ends, or a list of two. */
static int parse_range(struct parse *p, const struct protocol_key *key, uint32_t *from,
                       uint32_t *to)
{
    double v[2] = {0.0, 0.0};
    int n = 0;
    const bool is_list = p->yaml.event.type == YAML_SEQUENCE_START_EVENT;
    do {
        int rc = is_list ? yaml_reader_next(&p->yaml) : FAULT_NONE;
        if (rc != FAULT_NONE) {
            return rc;
        }
        if (is_list && p->yaml.event.type == YAML_SEQUENCE_END_EVENT) {
            break;
        }
        if (n == 2 || p->yaml.event.type != YAML_SCALAR_EVENT ||
            !parse_real(yaml_reader_text(&p->yaml), key->min, key->max, &v[n]) ||
            floor(v[n]) < v[n]) {
            return refuse_key(p, key);
        }
        n++;
    } while (is_list);
    if (n == 0 || (n == 2 && v[1] < v[0])) {
        return refuse_key(p, key);
    }
    *from = (uint32_t)v[0];
    *to = (uint32_t)v[n - 1];
    return FAULT_NONE;
}

static int parse_contrast(struct parse *p, const struct protocol_key *key,
                          model_protocol_stage *stage)
{
    double contrast = 0.0;
    double probability = 0.0;
    if (p->yaml.event.type != YAML_SCALAR_EVENT ||
        !parse_real(yaml_reader_text(&p->yaml), -1.0, 1.0, &contrast) ||
        stage->n_contrasts == MODEL_PROTOCOL_CONTRASTS) {
        return refuse_key(p, key);
    }
    const char sign = yaml_reader_text(&p->yaml)[0];
    const int rc = yaml_reader_next(&p->yaml);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (p->yaml.event.type != YAML_SCALAR_EVENT ||
        !parse_real(yaml_reader_text(&p->yaml), 0.0, 1.0, &probability)) {
        return refuse_key(p, key);
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

static int parse_contrasts(struct parse *p, const struct protocol_key *key,
                           model_protocol_stage *stage)
{
    if (p->yaml.event.type != YAML_MAPPING_START_EVENT) {
        return refuse_key(p, key);
    }
    stage->n_contrasts = 0;
    memset(stage->contrast, 0, sizeof stage->contrast);
    memset(stage->probability, 0, sizeof stage->probability);
    memset(stage->only, 0, sizeof stage->only);
    for (;;) {
        int rc = yaml_reader_next(&p->yaml);
        if (rc != FAULT_NONE || p->yaml.event.type == YAML_MAPPING_END_EVENT) {
            return rc;
        }
        rc = parse_contrast(p, key, stage);
        if (rc != FAULT_NONE) {
            return rc;
        }
    }
}

static int parse_values(struct parse *p, const struct protocol_key *key,
                        model_protocol_blocks *blocks)
{
    if (p->yaml.event.type != YAML_SEQUENCE_START_EVENT) {
        return refuse_key(p, key);
    }
    blocks->n = 0;
    for (;;) {
        const int rc = yaml_reader_next(&p->yaml);
        if (rc != FAULT_NONE || p->yaml.event.type == YAML_SEQUENCE_END_EVENT) {
            return rc;
        }
        if (p->yaml.event.type != YAML_SCALAR_EVENT || blocks->n == MODEL_PROTOCOL_BLOCKS ||
            !parse_real(yaml_reader_text(&p->yaml), 0.0, 1.0, &blocks->value[blocks->n])) {
            return refuse_key(p, key);
        }
        blocks->n++;
    }
}

static int parse_limit(struct parse *p, const struct protocol_key *key, model_protocol_test *test)
{
    const bool counts = strcmp(key->name, "at_least") == 0;
    if (p->has_limit || p->yaml.event.type != YAML_SCALAR_EVENT ||
        !parse_real(yaml_reader_text(&p->yaml), 0.0, counts ? 1e9 : 1.0, &test->limit)) {
        return refuse_key(p, key);
    }
    p->has_limit = true;
    test->is_above = strcmp(key->name, "below") != 0;
    return FAULT_NONE;
}

static int parse_defects(struct parse *p, const struct protocol_key *key)
{
    struct protocol_file *file = p->file;
    if (p->yaml.event.type != YAML_SEQUENCE_START_EVENT) {
        return refuse_key(p, key);
    }
    for (;;) {
        const int rc = yaml_reader_next(&p->yaml);
        if (rc != FAULT_NONE || p->yaml.event.type == YAML_SEQUENCE_END_EVENT) {
            return rc;
        }
        model_protocol_defect defect = MODEL_PROTOCOL_DEFECTS;
        if (p->yaml.event.type != YAML_SCALAR_EVENT || file->n_defects == MODEL_PROTOCOL_DEFECTS ||
            model_protocol_defect_parse(&defect, yaml_reader_text(&p->yaml)) != MODEL_OK) {
            return refuse_key(p, key);
        }
        p->defect_line[file->n_defects] = (uint32_t)yaml_reader_line(&p->yaml);
        file->defect[file->n_defects++] = defect;
    }
}

static int parse_stage(struct parse *p)
{
    model_protocol *protocol = &p->file->protocol;
    const uint32_t n = protocol->n_stages;
    if (n == MODEL_PROTOCOL_STAGES) {
        return refuse(p, "stages", "at most 16 of them");
    }
    model_protocol_stage *stage = &protocol->stage[n];
    if (n > 0) {
        *stage = protocol->stage[n - 1];
    } else {
        protocol_key_set_defaults(stage, PROTOCOL_PART_stage);
        protocol_key_set_defaults(&stage->blocks, PROTOCOL_PART_blocks);
        protocol_key_set_defaults(&stage->debias, PROTOCOL_PART_debias);
        protocol_key_set_defaults(stage, PROTOCOL_PART_reward);
    }
    memset(stage->name, 0, sizeof stage->name);
    memset(stage->move, 0, sizeof stage->move);
    stage->n_moves = 0;
    p->stage = (int32_t)n;
    p->file->stage_line[n] = (uint32_t)yaml_reader_line(&p->yaml);
    protocol->n_stages++;
    const int rc = parse_map(p, stage, PROTOCOL_PART_stage);
    p->stage = -1;
    return rc;
}

static int parse_move(struct parse *p)
{
    model_protocol_stage *stage = &p->file->protocol.stage[p->stage];
    const uint32_t n = stage->n_moves;
    if (n == MODEL_PROTOCOL_MOVES) {
        return refuse(p, "stages.moves", "at most 4 of them");
    }
    model_protocol_move *move = &stage->move[n];
    protocol_key_set_defaults(move, PROTOCOL_PART_move);
    p->move = (int32_t)n;
    p->file->move_line[p->stage][n] = (uint32_t)yaml_reader_line(&p->yaml);
    stage->n_moves++;
    const int rc = parse_map(p, move, PROTOCOL_PART_move);
    p->move = -1;
    return rc;
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

static int parse_test(struct parse *p)
{
    model_protocol_move *move = &p->file->protocol.stage[p->stage].move[p->move];
    const uint32_t n = move->n_tests;
    if (n == MODEL_PROTOCOL_TESTS) {
        return refuse(p, "stages.moves.when", "at most 8 of them");
    }
    const size_t line = yaml_reader_line(&p->yaml);
    protocol_key_set_defaults(&move->test[n], PROTOCOL_PART_test);
    p->has_limit = false;
    p->file->test_line[p->stage][p->move][n] = (uint32_t)line;
    move->n_tests++;
    const int rc = parse_map(p, &move->test[n], PROTOCOL_PART_test);
    return rc == FAULT_NONE ? check_test(p, &move->test[n], line) : rc;
}

static int parse_list(struct parse *p, const struct protocol_key *key, int (*item)(struct parse *p))
{
    if (p->yaml.event.type != YAML_SEQUENCE_START_EVENT) {
        return refuse_key(p, key);
    }
    for (;;) {
        int rc = yaml_reader_next(&p->yaml);
        if (rc != FAULT_NONE || p->yaml.event.type == YAML_SEQUENCE_END_EVENT) {
            return rc;
        }
        if (p->yaml.event.type != YAML_MAPPING_START_EVENT) {
            char where[64];
            return refuse(p, path_of(key, where), "keys and values");
        }
        rc = item(p);
        if (rc != FAULT_NONE) {
            return rc;
        }
    }
}

static int parse_part(struct parse *p, const struct protocol_key *key, void *base,
                      enum protocol_part part)
{
    return p->yaml.event.type == YAML_MAPPING_START_EVENT ? parse_map(p, base, part)
                                                          : refuse_key(p, key);
}

/* The keys of kind OTHER, each by its own function. */
static int parse_other(struct parse *p, const struct protocol_key *key, void *base)
{
    model_protocol_stage *stage = base;
    const char *name = key->name;
    if (key->part == PROTOCOL_PART_protocol) {
        if (strcmp(name, "first") == 0) {
            return parse_name(p, p->first) ? FAULT_NONE : refuse_key(p, key);
        }
        return strcmp(name, "session") == 0  ? parse_part(p, key, base, PROTOCOL_PART_session)
               : strcmp(name, "stages") == 0 ? parse_list(p, key, parse_stage)
                                             : parse_defects(p, key);
    }
    if (key->part == PROTOCOL_PART_stage) {
        return strcmp(name, "contrasts") == 0 ? parse_contrasts(p, key, stage)
               : strcmp(name, "blocks") == 0
                   ? parse_part(p, key, &stage->blocks, PROTOCOL_PART_blocks)
               : strcmp(name, "debias") == 0
                   ? parse_part(p, key, &stage->debias, PROTOCOL_PART_debias)
               : strcmp(name, "reward") == 0 ? parse_part(p, key, stage, PROTOCOL_PART_reward)
                                             : parse_list(p, key, parse_move);
    }
    if (key->part == PROTOCOL_PART_blocks) {
        return parse_values(p, key, base);
    }
    if (key->part == PROTOCOL_PART_test) {
        return parse_limit(p, key, base);
    }
    if (strcmp(name, "to") == 0) {
        return parse_name(p, p->to[p->stage][p->move]) ? FAULT_NONE : refuse_key(p, key);
    }
    return parse_list(p, key, parse_test);
}

static int parse_value(struct parse *p, const struct protocol_key *key, void *base)
{
    char *at = (char *)base + key->offset;
    if (key->kind == PROTOCOL_KEY_OTHER) {
        return parse_other(p, key, base);
    }
    if (key->kind == PROTOCOL_KEY_RANGE) {
        return parse_range(p, key, (uint32_t *)(void *)at,
                           (uint32_t *)(void *)((char *)base + key->offset_to));
    }
    if (key->kind == PROTOCOL_KEY_NAME) {
        return parse_name(p, at) ? FAULT_NONE : refuse_key(p, key);
    }
    return p->yaml.event.type == YAML_SCALAR_EVENT &&
                   protocol_key_store(key, base, yaml_reader_text(&p->yaml))
               ? FAULT_NONE
               : refuse_key(p, key);
}

static void note_line(struct parse *p, const struct protocol_key *key)
{
    const uint32_t line = (uint32_t)yaml_reader_line(&p->yaml);
    if (key->part == PROTOCOL_PART_protocol) {
        p->file->key_line[key->number] = line;
    } else if (key->part == PROTOCOL_PART_stage) {
        p->file->stage_key_line[p->stage][key->number] = line;
    }
}

static int refuse_unknown(struct parse *p, enum protocol_part part)
{
    char known[400];
    char ask[NEAREST_TEXT_MAX];
    const struct protocol_key *key = NULL;
    struct nearest nearest;
    nearest_init(&nearest, yaml_reader_text(&p->yaml));
    for (uint32_t i = 0; (key = protocol_key_at(part, i)) != NULL; i++) {
        nearest_offer(&nearest, key->name);
    }
    return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: %.60s: unknown key; known here are %s%s",
                     p->yaml.name, yaml_reader_line(&p->yaml), yaml_reader_text(&p->yaml),
                     protocol_key_names(part, known, sizeof known), nearest_ask(&nearest, "", ask));
}

/* The keys of one map, up to and with its end. */
static int parse_map(struct parse *p, void *base, enum protocol_part part)
{
    bool seen[PROTOCOL_FILE_KEYS_MAX] = {false};
    for (;;) {
        int rc = yaml_reader_next(&p->yaml);
        if (rc != FAULT_NONE || p->yaml.event.type == YAML_MAPPING_END_EVENT) {
            return rc;
        }
        rc = yaml_reader_expect(&p->yaml, YAML_SCALAR_EVENT, "protocol", "a key");
        if (rc != FAULT_NONE) {
            return rc;
        }
        const struct protocol_key *key = protocol_key_find(part, yaml_reader_text(&p->yaml));
        if (key == NULL) {
            return refuse_unknown(p, part);
        }
        if (seen[key->number]) {
            return fault_set(p->yaml.fault, FAULT_INPUT, "%s:%zu: %s: stands here twice",
                             p->yaml.name, yaml_reader_line(&p->yaml), key->name);
        }
        seen[key->number] = true;
        note_line(p, key);
        rc = yaml_reader_next(&p->yaml);
        rc = rc == FAULT_NONE ? parse_value(p, key, base) : rc;
        if (rc != FAULT_NONE) {
            return rc;
        }
    }
}

static int parse_document(struct parse *p)
{
    model_protocol *protocol = &p->file->protocol;
    bool is_empty = false;
    protocol_key_set_defaults(protocol, PROTOCOL_PART_protocol);
    protocol_key_set_defaults(protocol, PROTOCOL_PART_session);
    int rc = yaml_reader_begin(&p->yaml, &is_empty);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (is_empty || p->yaml.event.type != YAML_MAPPING_START_EVENT) {
        return fault_set(p->yaml.fault, FAULT_INPUT,
                         "%s:1: protocol: expected keys and values such as \"name: training\"",
                         p->yaml.name);
    }
    rc = parse_map(p, protocol, PROTOCOL_PART_protocol);
    return rc == FAULT_NONE ? yaml_reader_end(&p->yaml, "protocol") : rc;
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
    const struct protocol_key *key = protocol_key_find(
        wrong->stage < 0 ? PROTOCOL_PART_protocol : PROTOCOL_PART_stage, wrong->key);
    if (wrong->stage < 0) {
        line = key != NULL ? file->key_line[key->number] : 0;
    } else if (wrong->move >= 0) {
        line = wrong->test >= 0 ? file->test_line[wrong->stage][wrong->move][wrong->test]
                                : file->move_line[wrong->stage][wrong->move];
    } else {
        line = key != NULL ? file->stage_key_line[wrong->stage][key->number] : 0;
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

static int add_defect(struct protocol_file *file, const char *name, uint32_t line,
                      model_protocol_defect defect, struct fault *fault)
{
    char where[32] = "";
    if (line > 0) {
        (void)snprintf(where, sizeof where, ":%u", line);
    }
    return model_protocol_defect_apply(&file->protocol, defect) == MODEL_OK
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT,
                           "%s%s: defect %s: nothing in the protocol that it concerns", name, where,
                           model_protocol_defect_name(defect));
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
    }
    for (uint32_t i = 0; rc == FAULT_NONE && i < file->n_defects; i++) {
        rc = add_defect(file, p->yaml.name, p->defect_line[i], file->defect[i], p->yaml.fault);
    }
    return rc;
}

int protocol_file_parse(struct protocol_file *file, const char *name, const uint8_t *text,
                        size_t size, struct fault *fault)
{
    struct parse *p = calloc(1, sizeof *p);
    memset(file, 0, sizeof *file);
    if (p == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: out of memory", name);
    }
    p->file = file;
    p->stage = -1;
    p->move = -1;
    int rc = yaml_reader_open(&p->yaml, name, text, size, fault);
    if (rc == FAULT_NONE) {
        rc = parse_document(p);
        rc = rc == FAULT_NONE ? finish_parse(p) : rc;
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
    if (rc == FAULT_NONE) {
        rc = protocol_file_parse(file, path, text, size, fault);
    }
    free(text);
    return rc;
}

static int refuse_defect(const char *name, struct fault *fault)
{
    char names[300] = "";
    for (int i = 0; i < MODEL_PROTOCOL_DEFECTS; i++) {
        const size_t used = strlen(names);
        (void)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "",
                       model_protocol_defect_name((model_protocol_defect)i));
    }
    return fault_set(fault, FAULT_INPUT, "option defect: \"%.60s\" is not one of %s", name, names);
}

int protocol_file_add_defects(struct protocol_file *file, const char *name, const char *defects,
                              struct fault *fault)
{
    int rc = FAULT_NONE;
    for (const char *at = defects; rc == FAULT_NONE && at != NULL;) {
        char one[64];
        const size_t size = strcspn(at, ",");
        model_protocol_defect defect = MODEL_PROTOCOL_DEFECTS;
        (void)snprintf(one, sizeof one, "%.*s", (int)(size < sizeof one ? size : sizeof one - 1),
                       at);
        rc = model_protocol_defect_parse(&defect, one) == MODEL_OK
                 ? add_defect(file, name, 0, defect, fault)
                 : refuse_defect(one, fault);
        at = at[size] == ',' ? at + size + 1 : NULL;
    }
    return rc;
}

int protocol_file_finish(const struct protocol_file *file, const char *name, struct fault *fault)
{
    model_protocol_fault wrong;
    return model_protocol_finish(&file->protocol, &wrong) == MODEL_OK
               ? FAULT_NONE
               : say(file, name, &wrong, FAULT_WORK, fault);
}
