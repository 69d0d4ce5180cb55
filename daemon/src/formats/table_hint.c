#include "table_hint.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "text_escape.h"

/* ---- files ----------------------------------------------------------------------------------- */

#define WRITE_CSV "write its trials to a CSV with the columns of docs/tables.md"

const char *table_hint_kind(enum file_kind kind)
{
    switch (kind) {
    case FILE_KIND_NONE:
    case FILE_KIND_UNREADABLE:
    case FILE_KIND_PIPE:
    case FILE_KIND_EMPTY:
    case FILE_KIND_TABLE:
    case FILE_KIND_TEXT:
    case FILE_KINDS:
        return NULL;
    case FILE_KIND_DIRECTORY:
        return "give the file in it, or a folder of what a rig wrote (murid import --help)";
    case FILE_KIND_JOURNAL:
    case FILE_KIND_DATA_DIRECTORY:
        return "murid status, audit, forecast, advise and review read it directly; a table is "
               "written from it as docs/journal.md says, section A trial table";
    case FILE_KIND_MODEL:
        return "a model is given with --model";
    case FILE_KIND_CONFIG:
        return "murid run and murid check read it, with -c";
    case FILE_KIND_PROTOCOL:
        return "murid audit reads it as the first argument; others with --protocol";
    case FILE_KIND_COMPRESSED:
        return "decompress it, or pipe it in: zcat FILE | murid ... -";
    case FILE_KIND_UTF16:
        return "save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE";
    case FILE_KIND_EXCEL:
        return "save its sheet as CSV, with commas";
    case FILE_KIND_PYCONTROL:
        return "it has events, and no trials: " WRITE_CSV;
    case FILE_KIND_IBLRIG:
        return "give its .jsonable file or the folder that it is in; or " WRITE_CSV
               ": stimulus is the contrast with the sign of position, choice 1 where "
               "response_side is -1, 0 where it is 1";
    case FILE_KIND_NPY:
        return "give the folder or the .npz that has all columns of its trials; or " WRITE_CSV;
    case FILE_KIND_KEYS:
        return "keep it secret; give the table";
    case FILE_KIND_PICTURE:
    case FILE_KIND_PDF:
    case FILE_KIND_SVG:
    case FILE_KIND_HTML:
        return "give the table that it was made from";
    case FILE_KIND_YAML:
    case FILE_KIND_JSON:
    case FILE_KIND_ZIP:
    case FILE_KIND_MATLAB:
    case FILE_KIND_HDF5:
    case FILE_KIND_PARQUET:
    case FILE_KIND_ARROW:
    case FILE_KIND_PICKLE:
    case FILE_KIND_BINARY:
        return WRITE_CSV;
    }
    return NULL;
}

/* ---- headers --------------------------------------------------------------------------------- */

/* What others call a column; one of these is not always it. */
static const struct other_name {
    const char *column;
    const char *words; /* lower case, without separators */
} OTHERS[] = {
    {"subject",
     " mouse animal rat subjectid subjectname mouseid mousename animalid animalname ratid "
     "nickname name id "},
    {"session", " sessionid sessionname sessiondate sessionnumber sess date day eid experiment "
                "sessionuuid "},
    {"trial", " trials trialid trialnum trialnumber trialno trialindex ntrial index idx n "},
    {"stimulus", " contrast signedcontrast stim stimuli stimcontrast stimuluscontrast evidence "
                 "coherence intensity stimulusintensity s "},
    {"choice", " response resp answer action decision choseright choices responseside answerside "
               "chosenside "},
};

/* One name of the header: without quotes, in lower case, without separators. */
struct header_name {
    const char *at;
    size_t size;
    char plain[48];
};

static const char *take_name(const char *at, struct header_name *name)
{
    size_t n = 0;
    name->size = strcspn(at, ",");
    name->at = at;
    for (size_t i = 0; i < name->size && n + 1 < sizeof name->plain; i++) {
        const unsigned char c = (unsigned char)at[i];
        if (isalnum(c)) {
            name->plain[n++] = (char)tolower(c);
        }
    }
    name->plain[n] = '\0';
    at += name->size;
    return *at == ',' ? at + 1 : NULL;
}

static bool is_other_name(const char *column, const char *plain)
{
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, " %s ", plain);
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        if (strcmp(OTHERS[i].column, column) == 0) {
            return plain[0] != '\0' && strstr(OTHERS[i].words, wanted) != NULL;
        }
    }
    return false;
}

/* True for a slip of the pen; `trial_type` is none of `trial`. */
static bool is_slip(const char *plain, const char *column)
{
    struct nearest nearest;
    nearest_init(&nearest, plain);
    nearest_offer(&nearest, column);
    return nearest.best != NULL && strlen(plain) <= strlen(column) + 2;
}

/* The likeliest name for a column: the same but for case and separators, one of those that others
 * give it, or a slip of the pen. */
static bool find_name(const char *column, const char *header, struct header_name *found)
{
    int best = 3;
    for (const char *at = header; at != NULL;) {
        struct header_name name;
        at = take_name(at, &name);
        const int rank = strcmp(name.plain, column) == 0     ? 0
                         : is_other_name(column, name.plain) ? 1
                         : is_slip(name.plain, column)       ? 2
                                                             : 3;
        if (rank < best) {
            best = rank;
            *found = name;
        }
    }
    return best < 3;
}

bool table_hint_ignored(char out[TABLE_HINT_MAX], const char *column, const char *header)
{
    struct header_name wanted;
    (void)take_name(column, &wanted);
    for (const char *at = header; at != NULL;) {
        struct header_name name;
        at = take_name(at, &name);
        if (strcmp(name.plain, wanted.plain) == 0) {
            (void)text_escape_quote(out, 64, name.at, name.size);
            return true;
        }
    }
    return false;
}

static size_t count(const char *text, char c)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += *text == c ? 1 : 0;
    }
    return n;
}

/* True if words of a header are there, whatever stands between. */
static bool has_words(const char *header)
{
    static const char *const WORDS[] = {"subject",  "animal", "mouse",    "session", "trial",
                                        "stimulus", "choice", "response", "contrast"};
    char plain[512];
    size_t n = 0;
    int found = 0;
    for (; header[n] != '\0' && n + 1 < sizeof plain; n++) {
        plain[n] = (char)tolower((unsigned char)header[n]);
    }
    plain[n] = '\0';
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        found += strstr(plain, WORDS[i]) != NULL ? 1 : 0;
    }
    return found >= 2;
}

/* What stands between the names instead of commas; NULL: nothing. */
static const char *separator_of(const char *header)
{
    static const struct {
        char c;
        const char *name;
    } SEPARATORS[] = {{';', "semicolons"}, {'\t', "tabs"}, {'|', "bars"}, {' ', "spaces"}};
    for (size_t i = 0; i < sizeof SEPARATORS / sizeof SEPARATORS[0]; i++) {
        const size_t n = count(header, SEPARATORS[i].c);
        if (n >= 3 && n > count(header, ',') && has_words(header)) {
            return SEPARATORS[i].name;
        }
    }
    return NULL;
}

static bool is_number(const struct header_name *name)
{
    char text[48];
    char *end = NULL;
    if (name->size == 0 || name->size >= sizeof text) {
        return false;
    }
    memcpy(text, name->at, name->size);
    text[name->size] = '\0';
    (void)strtod(text, &end);
    return *end == '\0';
}

static bool is_data(const char *header)
{
    size_t n_numbers = 0;
    for (const char *at = header; at != NULL;) {
        struct header_name name;
        at = take_name(at, &name);
        n_numbers += is_number(&name) ? 1 : 0;
    }
    return n_numbers >= 2;
}

const char *table_hint_header(char out[TABLE_HINT_MAX], const char *column, const char *header)
{
    struct header_name name;
    char quoted[64];
    const char *separator = separator_of(header);
    out[0] = '\0';
    if (separator != NULL) {
        (void)snprintf(out, TABLE_HINT_MAX,
                       "the columns are separated by %s: use commas, and decimal points; ",
                       separator);
    } else if (strstr(header, "contrastLeft") != NULL) {
        (void)snprintf(out, TABLE_HINT_MAX, "it looks like IBL's trials: read it with --map ibl; ");
    } else if (find_name(column, header, &name)) {
        (void)snprintf(out, TABLE_HINT_MAX, "\"%s\" looks like it: rename it %s; ",
                       text_escape_quote(quoted, sizeof quoted, name.at, name.size), column);
    } else if (is_data(header)) {
        (void)snprintf(
            out, TABLE_HINT_MAX,
            "the first line looks like a trial: put the names of the columns above it; ");
    }
    return out;
}

/* ---- fields ---------------------------------------------------------------------------------- */

enum looks { LOOKS_NUMBER, LOOKS_EMPTY, LOOKS_COMMA, LOOKS_WORD };

static enum looks looks_of(const char *text, double *value)
{
    char *end = NULL;
    *value = strtod(text, &end);
    if (text[strspn(text, " ")] == '\0') {
        return LOOKS_EMPTY;
    }
    if (end != text && *end == ',') {
        return LOOKS_COMMA;
    }
    return end != text && *end == '\0' ? LOOKS_NUMBER : LOOKS_WORD;
}

static const char *hint_choice(enum looks looks, double value)
{
    if (looks == LOOKS_WORD) {
        return ": it looks like a word: write 1 for right, 0 for left, nothing for none, or say "
               "--map coding.choice=RIGHT/LEFT";
    }
    if (value < 0.0) {
        return ": it looks like -1 and 1: say which is right: --map coding.choice=-1/1/0 as IBL's, "
               "or 1/-1/0";
    }
    return value == 2.0
               ? ": it looks like 1 and 2: say which is right: --map coding.choice=2/1 or 1/2"
               : ": write 1 for right, 0 for left, nothing for none";
}

static const char *hint_reward(double value)
{
    return value < 0.0 ? ": it looks like feedback, 1 and -1: write 1 for a rewarded trial, 0 for "
                         "one that was not"
                       : ": it looks like a volume in microlitres: write 1 for a rewarded trial, 0 "
                         "for one that was not";
}

static const char *hint_number(const char *column, double value)
{
    const bool is_percent = value >= -100.0 && value <= 100.0;
    if (strcmp(column, "stimulus") == 0 || strcmp(column, "p_left") == 0) {
        return is_percent ? ": it looks like percent: divide the column by 100"
                          : ": it is a fraction: divide the column by its largest value";
    }
    if (strcmp(column, "rt_s") == 0 || strcmp(column, "delay_s") == 0) {
        return value > 0.0 ? ": it looks like milliseconds: divide the column by 1000"
                           : ": where there is none, write nothing";
    }
    if (strcmp(column, "choice") == 0 || strcmp(column, "side") == 0) {
        return hint_choice(LOOKS_NUMBER, value);
    }
    return strcmp(column, "reward") == 0 ? hint_reward(value) : "";
}

const char *table_hint_value(const char *column, const char *text, size_t size)
{
    char copy[64];
    double value = 0.0;
    const size_t n = size < sizeof copy - 1 ? size : sizeof copy - 1;
    memcpy(copy, text, n);
    copy[n] = '\0';
    const enum looks looks = looks_of(copy, &value);
    const bool is_name = strcmp(column, "subject") == 0 || strcmp(column, "session") == 0;
    if (looks == LOOKS_EMPTY) {
        return ": every row needs one";
    }
    if (is_name) {
        return size > 64 ? ": shorten it" : ": put - or _ for other characters";
    }
    if (looks == LOOKS_COMMA) {
        return ": write a point, not a comma, in numbers";
    }
    if (looks == LOOKS_NUMBER) {
        return hint_number(column, value);
    }
    if (strcmp(column, "choice") == 0 || strcmp(column, "side") == 0) {
        return hint_choice(LOOKS_WORD, 0.0);
    }
    return strcmp(column, "reward") == 0 || strcmp(column, "repeat") == 0 ||
                   strcmp(column, "ephys_rig") == 0
               ? ": write 1 for yes, 0 for no"
               : ": write only a number";
}
