#include <inttypes.h>
#include <stdlib.h>

#include "protocol_defects.h"
#include "protocol_file.h"
#include "protocol_key.h"

/* Protocols and their keys as text; what is read back by protocol_file.c. */

/* The plain keys of a part. */
static void print_plain(FILE *to, enum protocol_part part, const void *base, const char *before,
                        const char *between)
{
    const struct key_table *table = &PROTOCOL_KEYS[part];
    for (size_t i = 0; i < table->n; i++) {
        if (table->key[i].kind != KEY_CUSTOM) {
            fprintf(to, "%s%s: ", before, table->key[i].name);
            key_print(&table->key[i], base, to);
            before = between;
        }
    }
}

/* The same on one line: "{kind: none, sd: 0.5}". */
static void print_inline(FILE *to, enum protocol_part part, const void *base, const char *before)
{
    print_plain(to, part, base, before, ", ");
    fputs("}\n", to);
}

static void print_values(FILE *to, const model_protocol_blocks *blocks)
{
    fputs("    blocks: {values: [", to);
    for (uint32_t i = 0; i < blocks->n; i++) {
        fputs(i > 0 ? ", " : "", to);
        key_print_number(blocks->value[i], to);
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
        key_print_number(stage->contrast[i], to);
        fputs(": ", to);
        key_print_number(stage->probability[i], to);
    }
    fputs("}\n", to);
}

static void print_left(FILE *to, const model_protocol_stage *stage)
{
    const char *before = "    left: {";
    for (uint32_t i = 0; i < stage->n_contrasts; i++) {
        if (stage->left[i] > 0.0) {
            fputs(before, to);
            key_print_number(stage->contrast[i], to);
            fputs(": ", to);
            key_print_number(stage->left[i], to);
            before = ", ";
        }
    }
    fputs(before[0] == ',' ? "}\n" : "", to);
}

static void print_test(FILE *to, const model_protocol_test *test)
{
    const bool counts =
        test->kind == MODEL_PROTOCOL_TEST_TRIALS || test->kind == MODEL_PROTOCOL_TEST_SESSIONS;
    fprintf(to, "          - {test: %s, ", model_protocol_test_name(test->kind));
    if (test->kind == MODEL_PROTOCOL_TEST_PERFORMANCE) {
        fputs("contrast: ", to);
        key_print_number(test->contrast, to);
        fputs(", ", to);
    }
    if (!counts) {
        fprintf(to, "window: %" PRIu32 ", ", test->window);
    }
    fputs(counts ? "at_least: " : (test->is_above ? "above: " : "below: "), to);
    key_print_number(test->limit, to);
    fputs("}\n", to);
}

static void print_moves(FILE *to, const model_protocol *protocol, const model_protocol_stage *stage)
{
    fputs(stage->n_moves > 0 ? "    moves:\n" : "    moves: []\n", to);
    for (uint32_t i = 0; i < stage->n_moves; i++) {
        const model_protocol_move *move = &stage->move[i];
        fputs("      - to: ", to);
        key_print_name(protocol->stage[move->to].name, to);
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
    key_print_name(stage->name, to);
    fputc('\n', to);
    print_contrasts(to, stage);
    print_left(to, stage);
    fputs("    p_left: ", to);
    key_print_number(stage->p_left, to);
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
    print_plain(to, PROTOCOL_PART_protocol, protocol, "", "\n");
    fputs("\nfirst: ", to);
    key_print_name(protocol->stage[protocol->first_stage].name, to);
    fputs("\nsession: ", to);
    print_inline(to, PROTOCOL_PART_session, protocol, "{");
    fputs("stages:\n", to);
    for (uint32_t i = 0; i < protocol->n_stages; i++) {
        print_stage(to, protocol, &protocol->stage[i]);
    }
}

static void print_key_row(FILE *to, const struct key *key)
{
    char expected[300];
    const bool is_custom = key->kind == KEY_CUSTOM;
    key_expected(key, expected, sizeof expected);
    const double fallback = strtod(key->fallback, NULL);
    const bool must = key->kind == KEY_NAME ||
                      ((key->kind == KEY_REAL || key->kind == KEY_INT) && !(fallback >= key->min));
    const char *quote = must || is_custom ? "" : "`";
    fprintf(to, "| `%s` | %s%s%s | %s | %s |\n", key->name, quote,
            must || is_custom ? "" : key->fallback, quote, is_custom ? key->unit : expected,
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
        const struct key_table *table = &PROTOCOL_KEYS[part];
        fprintf(to, "### %s\n\n| key | default | value | meaning |\n|---|---|---|---|\n",
                table->help);
        for (size_t i = 0; i < table->n; i++) {
            print_key_row(to, &table->key[i]);
        }
        fputc('\n', to);
    }
    print_lists(to);
    fputs("### Defects\n\n| name | iblrig | what it does |\n|---|---|---|\n", to);
    for (int i = 0; i < MODEL_PROTOCOL_DEFECTS; i++) {
        const model_protocol_defect_words *defect =
            model_protocol_defect_of((model_protocol_defect)i);
        char versions[100];
        protocol_defects_versions((model_protocol_defect)i, versions, sizeof versions);
        fprintf(to, "| `%s` | %s | %s |\n", defect->name, versions, defect->help);
    }
}
