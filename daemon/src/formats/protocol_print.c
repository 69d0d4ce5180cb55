#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "protocol_file.h"
#include "protocol_key.h"

/* Protocols and their keys as text; what is read back by protocol_file.c. */

enum { WORD_MAX = 32 };

/* The shortest of the usual forms that reads back as the same number. */
static void print_number(FILE *to, double value)
{
    char text[64];
    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        const double back = strtod(text, NULL);
        if (!(back < value) && !(back > value)) {
            break;
        }
    }
    fputs(text, to);
}

/* Names are made of A-Z a-z 0-9 . _ -, of which YAML reads some as marks at the start. */
static void print_name(FILE *to, const char *name)
{
    const char *quote = name[0] == '-' || name[0] == '.' ? "\"" : "";
    fprintf(to, "%s%s%s", quote, name, quote);
}

static void print_value(FILE *to, const struct protocol_key *key, const void *base)
{
    const char *at = (const char *)base + key->offset;
    char word[WORD_MAX];
    uint32_t whole[2] = {0, 0};
    double real = 0.0;
    switch (key->kind) {
    case PROTOCOL_KEY_TRUTH:
    case PROTOCOL_KEY_EITHER:
    case PROTOCOL_KEY_WORD:
        protocol_key_word(key, base, word, sizeof word);
        fputs(word, to);
        break;
    case PROTOCOL_KEY_WHOLE:
        memcpy(&whole[0], at, sizeof whole[0]);
        fprintf(to, "%" PRIu32, whole[0]);
        break;
    case PROTOCOL_KEY_RANGE:
        memcpy(&whole[0], at, sizeof whole[0]);
        memcpy(&whole[1], (const char *)base + key->offset_to, sizeof whole[1]);
        fprintf(to, "[%" PRIu32 ", %" PRIu32 "]", whole[0], whole[1]);
        break;
    case PROTOCOL_KEY_REAL:
        memcpy(&real, at, sizeof real);
        print_number(to, real);
        break;
    case PROTOCOL_KEY_NAME:
        print_name(to, at);
        break;
    case PROTOCOL_KEY_OTHER:
        break;
    }
}

/* The plain keys of a part on one line: "{kind: none, sd: 0.5}". */
static void print_inline(FILE *to, enum protocol_part part, const void *base, const char *before)
{
    const struct protocol_key *key = NULL;
    const char *comma = before;
    for (uint32_t i = 0; (key = protocol_key_at(part, i)) != NULL; i++) {
        if (key->kind != PROTOCOL_KEY_OTHER) {
            fprintf(to, "%s%s: ", comma, key->name);
            print_value(to, key, base);
            comma = ", ";
        }
    }
    fputs("}\n", to);
}

static void print_values(FILE *to, const model_protocol_blocks *blocks)
{
    fputs("    blocks: {values: [", to);
    for (uint32_t i = 0; i < blocks->n; i++) {
        fputs(i > 0 ? ", " : "", to);
        print_number(to, blocks->value[i]);
    }
    fputc(']', to);
    print_inline(to, PROTOCOL_PART_blocks, blocks, ", ");
}

static void print_contrasts(FILE *to, const model_protocol_stage *stage)
{
    fputs("    contrasts: {", to);
    for (uint32_t i = 0; i < stage->n_contrasts; i++) {
        fputs(i > 0 ? ", " : "", to);
        fputs(stage->only[i] > 0 ? "+" : (stage->only[i] < 0 ? "-" : ""), to);
        print_number(to, stage->contrast[i]);
        fputs(": ", to);
        print_number(to, stage->probability[i]);
    }
    fputs("}\n", to);
}

static void print_test(FILE *to, const model_protocol_test *test)
{
    const bool counts =
        test->kind == MODEL_PROTOCOL_TEST_TRIALS || test->kind == MODEL_PROTOCOL_TEST_SESSIONS;
    fprintf(to, "          - {test: %s, ", model_protocol_test_name(test->kind));
    if (test->kind == MODEL_PROTOCOL_TEST_PERFORMANCE) {
        fputs("contrast: ", to);
        print_number(to, test->contrast);
        fputs(", ", to);
    }
    if (!counts) {
        fprintf(to, "window: %" PRIu32 ", ", test->window);
    }
    fputs(counts ? "at_least: " : (test->is_above ? "above: " : "below: "), to);
    print_number(to, test->limit);
    fputs("}\n", to);
}

static void print_moves(FILE *to, const model_protocol *protocol, const model_protocol_stage *stage)
{
    fputs(stage->n_moves > 0 ? "    moves:\n" : "    moves: []\n", to);
    for (uint32_t i = 0; i < stage->n_moves; i++) {
        const model_protocol_move *move = &stage->move[i];
        fputs("      - to: ", to);
        print_name(to, protocol->stage[move->to].name);
        fprintf(to, "\n        at: %s\n        when:\n",
                move->at_session_start ? "session" : "trial");
        for (uint32_t k = 0; k < move->n_tests; k++) {
            print_test(to, &move->test[k]);
        }
    }
}

static void print_stage(FILE *to, const model_protocol *protocol, const model_protocol_stage *stage)
{
    fputs("  - name: ", to);
    print_name(to, stage->name);
    fputc('\n', to);
    print_contrasts(to, stage);
    fputs("    p_left: ", to);
    print_number(to, stage->p_left);
    fprintf(to, "\n    zero: %s\n", model_protocol_zero_name(stage->zero));
    print_values(to, &stage->blocks);
    fputs("    debias: ", to);
    print_inline(to, PROTOCOL_PART_debias, &stage->debias, "{");
    fputs("    reward: ", to);
    print_inline(to, PROTOCOL_PART_reward, stage, "{");
    print_moves(to, protocol, stage);
}

void protocol_file_print(const model_protocol *protocol, FILE *to)
{
    const struct protocol_key *key = NULL;
    for (uint32_t i = 0; (key = protocol_key_at(PROTOCOL_PART_protocol, i)) != NULL; i++) {
        if (key->kind != PROTOCOL_KEY_OTHER) {
            fprintf(to, "%s: ", key->name);
            print_value(to, key, protocol);
            fputc('\n', to);
        }
    }
    fputs("first: ", to);
    print_name(to, protocol->stage[protocol->first_stage].name);
    fputs("\nsession: ", to);
    print_inline(to, PROTOCOL_PART_session, protocol, "{");
    fputs("stages:\n", to);
    for (uint32_t i = 0; i < protocol->n_stages; i++) {
        print_stage(to, protocol, &protocol->stage[i]);
    }
}

static void print_key_row(FILE *to, const struct protocol_key *key)
{
    char expected[300];
    const bool is_other = key->kind == PROTOCOL_KEY_OTHER;
    protocol_key_expected(key, expected, sizeof expected);
    const double fallback = strtod(key->fallback, NULL);
    const bool must = key->kind == PROTOCOL_KEY_NAME ||
                      ((key->kind == PROTOCOL_KEY_REAL || key->kind == PROTOCOL_KEY_WHOLE) &&
                       !(fallback >= key->min));
    const char *quote = must || is_other ? "" : "`";
    fprintf(to, "| `%s` | %s%s%s | %s | %s |\n", key->name, quote,
            must || is_other ? "" : key->fallback, quote, is_other ? key->words : expected,
            key->help);
}

static void print_words(FILE *to, const char *title, const char *const rows[][2], size_t n)
{
    fprintf(to, "### %s\n\n| word | meaning |\n|---|---|\n", title);
    for (size_t i = 0; i < n; i++) {
        fprintf(to, "| `%s` | %s |\n", rows[i][0], rows[i][1]);
    }
    fputc('\n', to);
}

#define ROW(NAME, name, help) {#name, help},

static void print_lists(FILE *to)
{
    static const char *const TASKS[][2] = {MODEL_PROTOCOL_TASK_LIST(ROW)};
    static const char *const ZEROS[][2] = {MODEL_PROTOCOL_ZERO_LIST(ROW)};
    static const char *const DEBIASES[][2] = {MODEL_PROTOCOL_DEBIAS_LIST(ROW)};
    static const char *const TESTS[][2] = {MODEL_PROTOCOL_TEST_LIST(ROW)};
    print_words(to, "Words of `task`", TASKS, sizeof TASKS / sizeof TASKS[0]);
    print_words(to, "Words of `zero`", ZEROS, sizeof ZEROS / sizeof ZEROS[0]);
    print_words(to, "Words of `debias.kind`", DEBIASES, sizeof DEBIASES / sizeof DEBIASES[0]);
    print_words(to, "Words of `test`", TESTS, sizeof TESTS / sizeof TESTS[0]);
}

void protocol_file_print_markdown(FILE *to)
{
    for (int part = 0; part < PROTOCOL_PARTS; part++) {
        const struct protocol_key *key = NULL;
        fprintf(to, "### %s\n\n| key | default | value | meaning |\n|---|---|---|---|\n",
                protocol_key_part_help((enum protocol_part)part));
        for (uint32_t i = 0; (key = protocol_key_at((enum protocol_part)part, i)) != NULL; i++) {
            print_key_row(to, key);
        }
        fputc('\n', to);
    }
    print_lists(to);
    fputs("### Defects\n\n| name | iblrig | what it does |\n|---|---|---|\n", to);
    for (int i = 0; i < MODEL_PROTOCOL_DEFECTS; i++) {
        const model_protocol_defect defect = (model_protocol_defect)i;
        fprintf(to, "| `%s` | %s | %s |\n", model_protocol_defect_name(defect),
                model_protocol_defect_versions(defect), model_protocol_defect_help(defect));
    }
}
