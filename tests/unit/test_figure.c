/* daemon/figure.h. */
#include "figure.h"

#include <math.h>
#include <string.h>

#include "suite.h"

static void an_interval_of_a_proportion_is_wilsons(void **state)
{
    double lo;
    double hi;
    (void)state;
    /* R: prop.test(8, 10, correct = FALSE)$conf.int */
    figure_interval(8.0, 10.0, &lo, &hi);
    assert_true(fabs(lo - 0.4901625) < 5e-7);
    assert_true(fabs(hi - 0.9433178) < 5e-7);
    figure_interval(0.0, 0.0, &lo, &hi);
    assert_true(isnan(lo) && isnan(hi));
}

static void a_band_is_open_where_a_value_is_missing(void **state)
{
    const struct {
        double lo, hi;
    } v[] = {{0.0, 0.5}, {0.1, 0.6}, {(double)NAN, 0.6}, {0.2, 0.7}, {0.3, 0.8}};
    const struct figure_run run = {5, 0.0, 0.25, sizeof v[0]};
    char text[1024] = "";
    FILE *to = fmemopen(text, sizeof text, "w");
    struct svg_plot p = svg_plot_at(to, 0.0, 0.0, 100.0, 100.0);
    (void)state;
    figure_band(&p, "band c0", &run, &v->lo, &v->hi);
    fclose(to);
    assert_string_equal(
        text, "<path class=\"band c0\" d=\"M0.0 50.0L25.0 40.0L25.0 90.0L0.0 100.0\"/>\n"
              "<path class=\"band c0\" d=\"M75.0 30.0L100.0 20.0L100.0 70.0L75.0 80.0\"/>\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interval_of_a_proportion_is_wilsons),
        cmocka_unit_test(a_band_is_open_where_a_value_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
