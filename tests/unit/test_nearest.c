/* nearest.h */
#include <string.h>

#include "nearest.h"
#include "suite.h"

static const char *nearest_to(const char *word)
{
    static const char *const WORDS[] = {"model",         "mice",           "sessions",
                                        "session-noise", "seed",           "subject",
                                        "stimulus",      "stimulus_right", "o"};
    struct nearest nearest;
    nearest_init(&nearest, word);
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        nearest_offer(&nearest, WORDS[i]);
    }
    return nearest.best != NULL ? nearest.best : "";
}

static void a_slip_of_letters_finds_the_word(void **state)
{
    (void)state;
    assert_string_equal(nearest_to("modle"), "model");  /* swapped */
    assert_string_equal(nearest_to("modell"), "model"); /* one more */
    assert_string_equal(nearest_to("mdel"), "model");   /* one less */
    assert_string_equal(nearest_to("nodel"), "model");  /* another */
    assert_string_equal(nearest_to("Subject"), "subject");
    assert_string_equal(nearest_to("session_noise"), "session-noise");
    assert_string_equal(nearest_to("stimulus right"), "stimulus_right");
}

static void the_beginning_of_a_word_finds_it(void **state)
{
    (void)state;
    assert_string_equal(nearest_to("subj"), "subject");
    assert_string_equal(nearest_to("stim"), "stimulus");
    assert_string_equal(nearest_to("sessions-per-day"), "sessions");
}

static void what_is_not_near_finds_nothing(void **state)
{
    (void)state;
    static const char *const FAR[] = {"", "x", "oo", "criterion", "mo", "--------", "zebra"};
    for (size_t i = 0; i < sizeof FAR / sizeof FAR[0]; i++) {
        assert_string_equal(nearest_to(FAR[i]), "");
    }
    char longest[4096];
    memset(longest, 'm', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_string_equal(nearest_to(longest), "");
}

static void the_question_is_asked_only_where_there_is_one(void **state)
{
    (void)state;
    char ask[NEAREST_TEXT_MAX];
    struct nearest nearest;
    nearest_init(&nearest, "modle");
    assert_string_equal(nearest_ask(&nearest, "--", ask), "");
    nearest_offer(&nearest, "model");
    assert_string_equal(nearest_ask(&nearest, "--", ask), "; did you mean --model?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_of_letters_finds_the_word),
        cmocka_unit_test(the_beginning_of_a_word_finds_it),
        cmocka_unit_test(what_is_not_near_finds_nothing),
        cmocka_unit_test(the_question_is_asked_only_where_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
