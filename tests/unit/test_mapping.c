/* formats/mapping.h: texts of --map and of the configuration as lines that readers take; and that
 * docs/formats.md names every section, key and mapping. UPDATE=1 writes its tables. */
#include "suite.h"

#include <string.h>

#include "mapping_file.h"

static struct mapping m;
static struct fault fault;

static void expect(const char *section, const char *key, const char *value)
{
    const char *got = bridge_mapping_get(mapping_of(&m), section, key);
    assert_non_null(got);
    assert_string_equal(got, value);
}

static void refuse(const char *text, const char *words)
{
    const size_t n = m.map.n;
    assert_int_equal(mapping_add(&m, "--map", text, &fault), FAULT_INPUT);
    if (strstr(fault.text, words) == NULL || strncmp(fault.text, "--map: ", 7) != 0) {
        fail_msg("\"%s\" is not in \"%s\"", words, fault.text);
    }
    assert_int_equal(m.map.n, n);
}

static void lines_short_forms_and_names_are_read_and_later_ones_replace(void **state)
{
    (void)state;
    m = (struct mapping){.used = 0};
    assert_null(mapping_of(&m));
    assert_int_equal(mapping_add(&m, "--map", "choice=resp", &fault), FAULT_NONE);
    assert_int_equal(mapping_add(&m, "--map", "marks.left=32=4", &fault), FAULT_NONE);
    assert_int_equal(mapping_add(&m, "--map", "rows.data.kind=a,b", &fault), FAULT_NONE);
    assert_int_equal(mapping_add(&m, "--map", "stimulus.-0.25=3", &fault), FAULT_NONE);
    expect("columns", "choice", "resp");
    expect("marks", "left", "32=4");
    expect("rows", "data.kind", "a,b");
    expect("stimulus", "-0.25", "3");
    assert_int_equal(mapping_add(&m, "--map", "ibl", &fault), FAULT_NONE);
    expect("columns", "choice", "choice");
    expect("coding", "choice", "-1/1/0");
    assert_int_equal(mapping_add(&m, "--map", "choice=c", &fault), FAULT_NONE);
    expect("columns", "choice", "c");
}

static void every_name_stands_for_sound_lines(void **state)
{
    (void)state;
#define MAPPING(name, about, lines)                                                                \
    m = (struct mapping){.used = 0};                                                               \
    assert_int_equal(mapping_add(&m, "--map", #name, &fault), FAULT_NONE);                         \
    assert_true(m.map.n > 1);
#include "mapping_names.def"
}

static void wrong_words_are_refused_with_the_nearest(void **state)
{
    (void)state;
    m = (struct mapping){.used = 0};
    refuse("ibll", "; did you mean ibl?");
    refuse("nothing", "SECTION.KEY=VALUE or ibl, psytrack or psychopy was expected");
    refuse("colums.choice=c", "; did you mean columns?");
    refuse("choise=c", "no key \"choise\" in section columns; did you mean choice?");
    refuse("marks.rewad=1", "did you mean reward?");
    refuse("choice=", "SECTION.KEY=VALUE was expected");
    refuse("=", "SECTION.KEY=VALUE was expected");
    refuse(".=x", "SECTION.KEY=VALUE was expected");
    refuse("columns.=x", "SECTION.KEY=VALUE was expected");
}

static void a_mapping_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char text[64];
    m = (struct mapping){.used = 0};
    for (int i = 0; i < MAPPING_LINES_MAX; i++) {
        (void)snprintf(text, sizeof text, "rows.k%d=v", i);
        assert_int_equal(mapping_add(&m, "--map", text, &fault), FAULT_NONE);
    }
    refuse("rows.more=v", "the mapping is too long");
}

static void sections_of_yaml_are_read_and_what_is_wrong_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *words;
    } WRONG[] = {{"", "m.yaml: is empty"},
                 {"columns: 3\n", "m.yaml:1: "},
                 {"columns:\n  choice: [1]\n", "m.yaml:2: "},
                 {"columns:\n  choice: a\n  choice: b\n", "m.yaml:3: the key is there twice"},
                 {"columns:\n  chioce: a\n", "m.yaml:2: no key \"chioce\""},
                 {"columns:\n  choice: \"a\\0b\"\n", "m.yaml:2: the value has a NUL byte"},
                 {"columns:\n  choice: ''\n", "m.yaml:2: columns.choice is empty"}};
    static const char WHOLE[] = "columns: {choice: resp}\nlines:\n  pattern: 'a (b|c): d=e'\n";
    m = (struct mapping){.used = 0};
    assert_int_equal(
        mapping_file_parse(&m, "m.yaml", (const uint8_t *)WHOLE, strlen(WHOLE), &fault),
        FAULT_NONE);
    expect("columns", "choice", "resp");
    expect("lines", "pattern", "a (b|c): d=e");
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        const char *text = WRONG[i].text;
        assert_int_equal(
            mapping_file_parse(&m, "m.yaml", (const uint8_t *)text, strlen(text), &fault),
            FAULT_INPUT);
        if (strstr(fault.text, WRONG[i].words) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", WRONG[i].words, fault.text);
        }
    }
}

#define PAGE MURID_SOURCE_DIR "/docs/formats.md"

static void the_page_names_every_section_key_and_mapping(void **state)
{
    (void)state;
    static char page[65536];
    static char made[32768];
    FILE *f = fmemopen(made, sizeof made, "w");
    mapping_print_markdown(f);
    assert_int_equal(fclose(f), 0);
    f = fopen(PAGE, "r");
    assert_non_null(f);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    fclose(f);
    char *begin = strstr(page, "writes it -->\n");
    assert_non_null(begin);
    begin += strlen("writes it -->\n");
    char *end = strstr(begin, "<!-- end -->");
    assert_non_null(end);
    if (getenv("UPDATE") != NULL) {
        f = fopen(PAGE, "w");
        assert_non_null(f);
        fprintf(f, "%.*s%s%s", (int)(begin - page), page, made, end);
        fclose(f);
        return;
    }
    *end = '\0';
    assert_string_equal(begin, made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_short_forms_and_names_are_read_and_later_ones_replace),
        cmocka_unit_test(every_name_stands_for_sound_lines),
        cmocka_unit_test(wrong_words_are_refused_with_the_nearest),
        cmocka_unit_test(a_mapping_that_is_too_long_is_refused),
        cmocka_unit_test(sections_of_yaml_are_read_and_what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(the_page_names_every_section_key_and_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
