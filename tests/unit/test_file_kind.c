/* file_kind.h */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root.h"
#include "suite.h"

#include "file_kind.h"
#include "journal_files.h"

static void check(const void *bytes, size_t size, enum file_kind expected)
{
    const enum file_kind kind = file_kind_of(bytes, size);
    if (kind != expected) {
        fail_msg("%.30s...: is called %s; %s was expected", (const char *)bytes,
                 file_kind_name(kind), file_kind_name(expected));
    }
}

static void check_text(const char *text, enum file_kind expected)
{
    check(text, strlen(text), expected);
}

#define CHECK(bytes, expected) check(bytes, sizeof(bytes) - 1, expected)

static void knows_what_murid_writes(void **state)
{
    (void)state;
    CHECK("SQLite format 3\0\x10", FILE_KIND_JOURNAL);
    CHECK("\x30\x4d\0\0\0\0\0\0{\"__metadata__\":{\"format\":\"murid-model\"", FILE_KIND_MODEL);
    check_text("subject,session,trial,stimulus,choice\nm1,s1,0,0.5,1\n", FILE_KIND_TABLE);
    check_text("# keep this file secret\npublic abc\nsecret def\n", FILE_KIND_KEYS);
    check_text("# mine\nname: x\nsession: {trials: 9}\nstages:\n  - name: a\n", FILE_KIND_PROTOCOL);
    check_text("# mine\ndata:\n  directory: x\nsession:\n  idle_s: 9\n", FILE_KIND_CONFIG);
    check_text("protocol:\n  file: p.yaml\n", FILE_KIND_CONFIG);
    check_text("rigs:\n- name: r1\n  port: /dev/ttyACM0\n", FILE_KIND_CONFIG);
}

static void knows_a_table_whatever_its_order_of_columns_and_separator(void **state)
{
    (void)state;
    check_text("choice,rt_s,trial,session,subject,f_s1", FILE_KIND_TABLE);
    check_text("\xef\xbb\xbfsubject;session;trial;stimulus;choice\r\n", FILE_KIND_TABLE);
    check_text("\"subject\",\"session\",\"trial\",\"stimulus\",\"choice\"\n", FILE_KIND_TABLE);
    check_text("subject\tsession\ttrial\tstimulus\tchoice\n", FILE_KIND_TABLE);
    check_text("subject,session,trials,choices\n", FILE_KIND_TEXT);
    check_text("of a subject,\nsession,trial,choice\n", FILE_KIND_TEXT);
}

static void knows_what_rigs_and_the_usual_programs_write(void **state)
{
    static char matlab_hdf5[600] = "MATLAB 7.3 MAT-file, Platform: GLNXA64";
    (void)state;
    check_text("time\ttype\tsubtype\tcontent\n0.000\tinfo\ttask_name\tx\n", FILE_KIND_PYCONTROL);
    check_text("I Experiment name  : x\n", FILE_KIND_PYCONTROL);
    check_text("{\"contrast\": 1.0, \"stim_probability_left\": 0.5, \"x\": NaN}\n",
               FILE_KIND_IBLRIG);
    check_text("{\"a\": 1}\n", FILE_KIND_JSON);
    check_text("[{\"subject\": 1, \"session\": 1, \"trial\": 0, \"choice\": 1}]", FILE_KIND_JSON);
    check_text("{\n", FILE_KIND_JSON);
    check_text(" [\n {\"a\": 1}]\n", FILE_KIND_JSON);
    check_text("key: 1\nother: [1, 2]\n", FILE_KIND_YAML);
    CHECK("\x93NUMPY\x01\0", FILE_KIND_NPY);
    CHECK("PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a\0\0\0stimulus.npy",
          FILE_KIND_ZIP);
    CHECK("PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0[Content_Types].xml",
          FILE_KIND_EXCEL);
    CHECK("MATLAB 5.0 MAT-file, Platform: PCWIN64\0\0", FILE_KIND_MATLAB);
    memcpy(matlab_hdf5 + 512, "\x89HDF\r\n\x1a\n", 8);
    check(matlab_hdf5, sizeof matlab_hdf5, FILE_KIND_MATLAB);
    CHECK("\x89HDF\r\n\x1a\n\0\0", FILE_KIND_HDF5);
    CHECK("PAR1\x15\x04", FILE_KIND_PARQUET);
    CHECK("ARROW1\0\0", FILE_KIND_ARROW);
    CHECK("\x80\x04\x95\x10\0\0\0\0\0\0\0}", FILE_KIND_PICKLE);
    CHECK("\x1f\x8b\x08\0", FILE_KIND_COMPRESSED);
    CHECK("\xfd\x37zXZ\0", FILE_KIND_COMPRESSED);
    CHECK("\xff\xfes\0u\0b\0", FILE_KIND_UTF16);
    CHECK("\xfe\xff\0s\0u\0b", FILE_KIND_UTF16);
    CHECK("\x89PNG\r\n\x1a\n\0", FILE_KIND_PICTURE);
    CHECK("%PDF-1.7\n", FILE_KIND_PDF);
    check_text("<svg xmlns=\"http://www.w3.org/2000/svg\">", FILE_KIND_SVG);
    check_text("<?xml version=\"1.0\"?>\n<svg>", FILE_KIND_SVG);
    check_text("<!DOCTYPE html>\n<html>", FILE_KIND_HTML);
    CHECK("\x01\x02\0\x03", FILE_KIND_BINARY);
    check_text("Dear all: the mouse\n", FILE_KIND_TEXT);
    check("", 0, FILE_KIND_EMPTY);
}

static void looks_no_further_than_it_says(void **state)
{
    static char text[FILE_KIND_BYTES + 64];
    (void)state;
    memset(text, '\n', sizeof text);
    memcpy(text + FILE_KIND_BYTES, "data:\n  x: 1\n", 13);
    check(text, sizeof text, FILE_KIND_TEXT);
    memcpy(text + FILE_KIND_BYTES - 32, "data:\n", 6);
    check(text, sizeof text, FILE_KIND_CONFIG);
}

/* Any bytes, cut anywhere: under a sanitizer, nothing beyond their end is read. */
static void a_file_may_end_anywhere(void **state)
{
    static const char *const STARTS[] = {"subject,session,trial,stimulus,choice",
                                         "SQLite format 3",
                                         "\x93NUMPY",
                                         "{\"a\"",
                                         "data:\n  directory: x\n",
                                         "\xef\xbb\xbf",
                                         " \t\n",
                                         "PK\x03\x04",
                                         "<svg",
                                         "[1",
                                         "name:",
                                         "\x80\x04\x95"};
    (void)state;
    for (size_t i = 0; i < sizeof STARTS / sizeof STARTS[0]; i++) {
        for (size_t n = 0; n <= strlen(STARTS[i]); n++) {
            char *exact = malloc(n + (n == 0 ? 1 : 0));
            assert_non_null(exact);
            memcpy(exact, STARTS[i], n);
            assert_in_range(file_kind_of(exact, n), FILE_KIND_EMPTY, FILE_KIND_TEXT);
            free(exact);
        }
    }
}

static void every_kind_has_a_name(void **state)
{
    (void)state;
    for (int kind = 0; kind < FILE_KINDS; kind++) {
        assert_true(strlen(file_kind_name((enum file_kind)kind)) > 3);
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void says_what_a_path_leads_to(void **state)
{
    char path[ROOT_PATH_BYTES];
    (void)state;
    assert_int_equal(file_kind_at(root_file(path, "absent")), FILE_KIND_NONE);
    assert_int_equal(file_kind_at(root_path), FILE_KIND_DIRECTORY);
    assert_int_equal(file_kind_at("/dev/null"), FILE_KIND_PIPE);
    assert_int_equal(mkfifo(root_file(path, "pipe"), 0600), 0);
    assert_int_equal(file_kind_at(path), FILE_KIND_PIPE);
    assert_int_equal(unlink(path), 0);
    write_file(root_file(path, JOURNAL_FILE), "subject,session,trial,stimulus,choice\n");
    assert_int_equal(file_kind_at(path), FILE_KIND_TABLE);
    assert_int_equal(file_kind_at(root_path), FILE_KIND_DATA_DIRECTORY);
    write_file(path, "");
    assert_int_equal(file_kind_at(path), FILE_KIND_EMPTY);
    assert_int_equal(unlink(path), 0);
}

static void knows_every_file_that_is_shipped(void **state)
{
    static const struct {
        const char *path;
        enum file_kind kind;
    } SHIPPED[] = {{"demo.yaml", FILE_KIND_CONFIG},
                   {"lab.yaml", FILE_KIND_CONFIG},
                   {"rig.yaml", FILE_KIND_CONFIG},
                   {"serial.yaml", FILE_KIND_CONFIG},
                   {"protocols/fixed_set.yaml", FILE_KIND_PROTOCOL},
                   {"protocols/go_nogo.yaml", FILE_KIND_PROTOCOL},
                   {"protocols/ibl_biased.yaml", FILE_KIND_PROTOCOL},
                   {"protocols/ibl_training.yaml", FILE_KIND_PROTOCOL},
                   {"protocols/staged_2afc.yaml", FILE_KIND_PROTOCOL},
                   {"models/mice.safetensors", FILE_KIND_MODEL},
                   {"models/mice.cv.svg", FILE_KIND_SVG},
                   {"demo/virtual_mouse.csv", FILE_KIND_TABLE},
                   {"slurm/fit.sbatch", FILE_KIND_TEXT}};
    (void)state;
    for (size_t i = 0; i < sizeof SHIPPED / sizeof SHIPPED[0]; i++) {
        char path[600];
        (void)snprintf(path, sizeof path, MURID_SOURCE_DIR "/configs/%s", SHIPPED[i].path);
        const enum file_kind kind = file_kind_at(path);
        if (kind != SHIPPED[i].kind) {
            fail_msg("%s is called %s", path, file_kind_name(kind));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_murid_writes),
        cmocka_unit_test(knows_a_table_whatever_its_order_of_columns_and_separator),
        cmocka_unit_test(knows_what_rigs_and_the_usual_programs_write),
        cmocka_unit_test(looks_no_further_than_it_says),
        cmocka_unit_test(a_file_may_end_anywhere),
        cmocka_unit_test(every_kind_has_a_name),
        cmocka_unit_test(says_what_a_path_leads_to),
        cmocka_unit_test(knows_every_file_that_is_shipped),
    };
    return cmocka_run_group_tests(tests, root_make, root_remove);
}
