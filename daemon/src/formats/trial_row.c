#include "trial_row.h"

#include <math.h>
#include <string.h>

#include "key_table.h"
#include "text_escape.h"

enum { NUMBER_MAX = 64 };

const struct trial_column TRIAL_COLUMNS[TRIAL_ROW_COLUMNS] = {
#define AT(field) offsetof(struct trial_row, field)
    {"subject", TRIAL_COLUMN_ID, TRIAL_COLUMN_NEEDS_VALUE, AT(subject), 0, 0,
     "a name: 1 to 64 of A-Z a-z 0-9 . _ -"},
    {"session", TRIAL_COLUMN_SESSION, TRIAL_COLUMN_NEEDS_VALUE, AT(session), 0, 0,
     "a name: 1 to 64 of A-Z a-z 0-9 . _ -, or NAME+N for its run N"},
    {"trial", TRIAL_COLUMN_COUNT, TRIAL_COLUMN_NEEDS_VALUE, AT(trial), 0, 1e9,
     "a whole number from 0 to 1000000000"},
    {"stimulus", TRIAL_COLUMN_REAL, TRIAL_COLUMN_NEEDS_VALUE, AT(stimulus), -1, 1,
     "a number from -1 to 1"},
    {"choice", TRIAL_COLUMN_BIT, TRIAL_COLUMN_NEEDED, AT(choice), 0, 1, "0, 1 or empty"},
    {"reward", TRIAL_COLUMN_REAL, TRIAL_COLUMN_OPTIONAL, AT(reward), 0, 1,
     "a number from 0 to 1, or empty"},
    {"rt_s", TRIAL_COLUMN_REAL, TRIAL_COLUMN_OPTIONAL, AT(rt_s), 0, 86400,
     "a number from 0 to 86400, or empty"},
    {"side", TRIAL_COLUMN_BIT, TRIAL_COLUMN_OPTIONAL, AT(side), 0, 1, "0, 1 or empty"},
    {"repeat", TRIAL_COLUMN_BIT, TRIAL_COLUMN_OPTIONAL, AT(repeat), 0, 1, "0, 1 or empty"},
    {"p_left", TRIAL_COLUMN_REAL, TRIAL_COLUMN_OPTIONAL, AT(p_left), 0, 1,
     "a number from 0 to 1, or empty"},
    {"stage", TRIAL_COLUMN_TEXT, TRIAL_COLUMN_OPTIONAL, AT(stage), 0, 0, "any text"},
    {"task", TRIAL_COLUMN_TEXT, TRIAL_COLUMN_OPTIONAL, AT(task), 0, 0, "any text"},
    {"ephys_rig", TRIAL_COLUMN_BIT, TRIAL_COLUMN_OPTIONAL, AT(ephys_rig), 0, 1, "0, 1 or empty"},
    {"delay_s", TRIAL_COLUMN_REAL, TRIAL_COLUMN_OPTIONAL, AT(delay_s), 0, 86400,
     "a number from 0 to 86400, or empty"},
    {"software", TRIAL_COLUMN_TEXT, TRIAL_COLUMN_OPTIONAL, AT(software), 0, 0, "any text"},
#undef AT
};

void trial_row_init(struct trial_row *row)
{
    const double unknown = (double)NAN;
    *row = (struct trial_row){.choice = -1, .side = -1, .repeat = -1, .ephys_rig = -1};
    row->reward = unknown;
    row->rt_s = unknown;
    row->p_left = unknown;
    row->delay_s = unknown;
}

static bool is_unknown(const char *text, size_t size)
{
    static const char *const WORDS[] = {"", "NA", "NaN", "nan", NULL};
    return key_word_find(WORDS, text, size) != SIZE_MAX;
}

static bool put_name(char *to, bool is_session, const char *text, size_t size)
{
    if (size > PROTO_ID_MAX) {
        return false;
    }
    memcpy(to, text, size);
    to[size] = '\0';
    return is_session ? proto_session_is_valid(to) : proto_id_is_valid(to);
}

static void put_text(char *to, const char *text, size_t size)
{
    char given[TRIAL_TABLE_TASK_MAX + 1];
    (void)snprintf(given, sizeof given, "%.*s", (int)size, text);
    text_escape_clean(to, sizeof given, given);
}

static bool put_number(const struct trial_column *column, char *to, const char *text, size_t size)
{
    char number[NUMBER_MAX];
    double value = 0.0;
    if (size >= sizeof number) {
        return false;
    }
    memcpy(number, text, size);
    number[size] = '\0';
    if (!key_number("0123456789+-.eE", number, &value) || value < column->min ||
        value > column->max) {
        return false;
    }
    const int64_t whole = (int64_t)value;
    if (column->kind == TRIAL_COLUMN_REAL) {
        memcpy(to, &value, sizeof value);
        return true;
    }
    if (column->kind == TRIAL_COLUMN_COUNT) {
        memcpy(to, &whole, sizeof whole);
    } else {
        *to = (char)whole;
    }
    return floor(value) >= value;
}

bool trial_row_put(struct trial_row *row, const struct trial_column *column, const char *text,
                   size_t size)
{
    char *const to = (char *)row + column->offset;
    if (column->need != TRIAL_COLUMN_NEEDS_VALUE && is_unknown(text, size)) {
        return true;
    }
    switch (column->kind) {
    case TRIAL_COLUMN_ID:
    case TRIAL_COLUMN_SESSION:
        return put_name(to, column->kind == TRIAL_COLUMN_SESSION, text, size);
    case TRIAL_COLUMN_TEXT:
        put_text(to, text, size);
        return true;
    case TRIAL_COLUMN_COUNT:
    case TRIAL_COLUMN_REAL:
    case TRIAL_COLUMN_BIT:
        break;
    }
    return put_number(column, to, text, size);
}
