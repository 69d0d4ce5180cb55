/* list.h */
#include "list.h"
#include "suite.h"

static void a_list_grows_and_keeps_what_is_there(void **state)
{
    (void)state;
    enum { N = 1000 };
    int *list = NULL;
    size_t capacity = 0;
    for (int i = 0; i < N; i++) {
        list = list_grow(list, (size_t)i, &capacity, sizeof *list);
        assert_non_null(list);
        assert_true(capacity > (size_t)i);
        list[i] = i;
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(list[i], i);
    }
    free(list);
}

static void a_list_with_room_stays_where_it_is(void **state)
{
    (void)state;
    size_t capacity = 0;
    char *list = list_grow(NULL, 0, &capacity, 1);
    assert_non_null(list);
    const size_t before = capacity;
    assert_ptr_equal(list_grow(list, before - 1, &capacity, 1), list);
    assert_int_equal(capacity, before);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_grows_and_keeps_what_is_there),
        cmocka_unit_test(a_list_with_room_stays_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
