#include "coding.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/trial.h"

/* A contrast that a trained animal hardly takes for another. */
static const double EASY = 0.5;
/* Share of easy trials, of either side, by which an animal tells them apart. */
static const double TOLD_MIN = 0.55;
/* No reaction takes so long: it is in milliseconds, or the time of a clock. */
static const double LONG_S = 100.0;

enum {
    ALIKE_MIN = 100, /* choices that are all the same, or none */
    SIDES_MIN = 50,  /* stimuli that are not 0 */
    SHARE_MIN = 5,   /* one in so many for both sides to be there */
    EASY_MIN = 20,   /* on either side */
    REWARD_MIN = 20, /* right choices, and wrong ones */
    TIMES_MIN = 10
};

static void keep_line(int64_t *first, int64_t line)
{
    *first = *first == 0 ? line : *first;
}

/* What stands with a stimulus on the right. */
static void push_positive(struct coding *c, int64_t line, const struct trial_row *row)
{
    c->n_positive++;
    if (row->side >= 0) {
        c->had_side[row->side]++;
    }
    if (row->choice >= 0) {
        c->chose[row->choice]++;
        c->paid[row->choice] += row->reward > 0.0 ? 1 : 0;
    }
    if (row->choice == 0 || row->side == 0) {
        keep_line(&c->line_left, line);
    }
}

static void push_reward(struct coding *c, int64_t line, const struct trial_row *row)
{
    const int8_t side = model_trial_side(row->side, row->stimulus);
    if (side < 0 || row->choice < 0 || isnan(row->reward)) {
        return;
    }
    const bool is_right = row->choice == side;
    const bool is_rewarded = row->reward > 0.0;
    c->rewarded[is_right][is_rewarded]++;
    if (is_right != is_rewarded) {
        keep_line(&c->line_reward, line);
    }
}

void coding_push(struct coding *c, bool starts, int64_t line, const struct trial_row *row)
{
    const double size = fabs(row->stimulus);
    const bool is_right = row->stimulus > 0.0;
    const bool is_as_before = !starts && size >= c->before && size <= c->before;
    const bool is_correction = row->repeat >= 0 ? row->repeat == 1 : is_as_before;
    if (c->n++ == 0) {
        strcpy(c->subject, row->subject);
        c->line = line;
    }
    c->n_choices += row->choice >= 0 ? 1 : 0;
    c->n_right += row->choice == 1 ? 1 : 0;
    c->n_negative += row->stimulus < 0.0 ? 1 : 0;
    if (is_right) {
        push_positive(c, line, row);
    }
    if (row->side >= 0 && size > 0.0) {
        c->n_sided++;
        if (row->side != (is_right ? 1 : 0)) {
            c->n_against++;
            keep_line(&c->line_against, line);
        }
    }
    if (size >= EASY && row->choice >= 0 && !is_correction) {
        c->easy[is_right][row->choice]++;
        if (row->choice != (is_right ? 1 : 0)) {
            keep_line(&c->line_wrong, line);
        }
    }
    push_reward(c, line, row);
    if (!isnan(row->rt_s)) {
        c->n_times++;
        if (row->rt_s > LONG_S) {
            c->n_long++;
            keep_line(&c->line_long, line);
        }
    }
    c->before = size;
}

/* ---- judging --------------------------------------------------------------------------------- */

/* True if the first of two shares is above the second by more than `by` and by five standard
 * errors.
 */
static bool is_above(int64_t k, int64_t n, int64_t than_k, int64_t than_n, double by)
{
    const double difference = (double)k / (double)n - (double)than_k / (double)than_n;
    return difference > by && difference > 2.5 * sqrt(1.0 / (double)n + 1.0 / (double)than_n);
}

/* True where both are there, neither as an exception. */
static bool are_both_there(const int64_t n[2])
{
    const int64_t less = n[0] < n[1] ? n[0] : n[1];
    return less > 0 && SHARE_MIN * less >= n[0] + n[1];
}

/* Stimuli on the right alone, and yet both sides: by the side, else the rewards, else the choices.
 */
static bool is_unsigned(const struct coding *c)
{
    const int64_t *n = c->had_side[0] + c->had_side[1] > 0 ? c->had_side
                       : c->paid[0] + c->paid[1] > 0       ? c->paid
                                                           : c->chose;
    return c->n_negative == 0 && c->n_positive >= SIDES_MIN && are_both_there(n);
}

static bool is_against_side(const struct coding *c)
{
    return c->n_against > 0 && !is_unsigned(c);
}

/* True if easy trials go to one side's answer on both sides, beyond chance: to the other side's, or
 * with `rightly` to their own. */
static bool is_told(const struct coding *c, bool rightly)
{
    const int64_t *left = c->easy[0];
    const int64_t *right = c->easy[1];
    const int64_t n[2] = {left[0] + left[1], right[0] + right[1]};
    const int64_t so[2] = {left[rightly ? 0 : 1], right[rightly ? 1 : 0]};
    return n[0] >= EASY_MIN && n[1] >= EASY_MIN && (double)so[0] > TOLD_MIN * (double)n[0] &&
           (double)so[1] > TOLD_MIN * (double)n[1] &&
           is_above(so[0], n[0], n[1] - so[1], n[1], 0.2);
}

static bool is_reversed(const struct coding *c)
{
    return is_told(c, false);
}

static bool is_known_as_right(const struct coding *c)
{
    return is_told(c, true);
}

/* What was rewarded says that choices are as they should be: the animal itself does the opposite.
 */
static bool is_paid_rightly(const struct coding *c)
{
    const int64_t wrong = c->rewarded[0][0] + c->rewarded[0][1];
    const int64_t right = c->rewarded[1][0] + c->rewarded[1][1];
    return wrong >= REWARD_MIN && right >= REWARD_MIN &&
           is_above(c->rewarded[1][1], right, c->rewarded[0][1], wrong, 0.3);
}

static bool is_reward_reversed(const struct coding *c)
{
    const int64_t wrong = c->rewarded[0][0] + c->rewarded[0][1];
    const int64_t right = c->rewarded[1][0] + c->rewarded[1][1];
    const bool is_said_otherwise =
        is_reversed(c) || is_unsigned(c) || 2 * c->n_against > c->n_sided;
    return wrong >= REWARD_MIN && right >= REWARD_MIN && !is_said_otherwise &&
           is_above(c->rewarded[0][1], wrong, c->rewarded[1][1], right, 0.3);
}

static bool is_one_choice(const struct coding *c)
{
    return c->n_choices >= ALIKE_MIN && (c->n_right == 0 || c->n_right == c->n_choices) &&
           10 * (c->n - c->n_choices) < c->n; /* a no-go may be the other answer */
}

static bool is_without_choice(const struct coding *c)
{
    return c->n >= ALIKE_MIN && c->n_choices == 0;
}

static bool is_in_milliseconds(const struct coding *c)
{
    return c->n_times >= TIMES_MIN && 2 * c->n_long > c->n_times;
}

/* ---- what is said ---------------------------------------------------------------------------- */

static int64_t side_counts(const struct coding *c, int64_t *of)
{
    *of = c->n_sided;
    return c->n_against;
}

static int64_t unsigned_counts(const struct coding *c, int64_t *of)
{
    *of = c->n;
    return c->n_positive;
}

static int64_t reversed_counts(const struct coding *c, int64_t *of)
{
    *of = c->easy[0][0] + c->easy[0][1] + c->easy[1][0] + c->easy[1][1];
    return c->easy[0][1] + c->easy[1][0];
}

static int64_t reward_counts(const struct coding *c, int64_t *of)
{
    *of = c->rewarded[0][0] + c->rewarded[0][1] + c->rewarded[1][0] + c->rewarded[1][1];
    return c->rewarded[0][1] + c->rewarded[1][0];
}

static int64_t left_counts(const struct coding *c, int64_t *of)
{
    *of = c->n;
    return c->n_choices - c->n_right;
}

static int64_t right_counts(const struct coding *c, int64_t *of)
{
    *of = c->n;
    return c->n_right;
}

static int64_t none_counts(const struct coding *c, int64_t *of)
{
    *of = c->n;
    return c->n - c->n_choices;
}

static int64_t time_counts(const struct coding *c, int64_t *of)
{
    *of = c->n_times;
    return c->n_long;
}

static bool is_all_left(const struct coding *c)
{
    return is_one_choice(c) && c->n_right == 0;
}

static bool is_all_right(const struct coding *c)
{
    return is_one_choice(c) && c->n_right > 0;
}

/* Each way in which a table is coded wrongly. */
static const struct fault_kind {
    bool (*holds)(const struct coding *c);
    int64_t (*counts)(const struct coding *c, int64_t *of); /* rows that show it, of how many */
    size_t line;                                            /* where the first stands */
    const char *what;
    const char *remedy;
    bool (*contrary)(const struct coding *c); /* with as many of these animals in the table ... */
    bool (*excused)(const struct coding *c);  /* ... these are not spoken of */
} KINDS[] = {
#define LINE(member) offsetof(struct coding, member)
    {is_unsigned, unsigned_counts, LINE(line_left),
     "stimulus is never negative though trials of both sides are there",
     "it is the signed contrast, left negative: where column side is right, stimulus = side ? s : "
     "-s",
     NULL, NULL},
    {is_against_side, side_counts, LINE(line_against), "side contradicts the sign of stimulus",
     "side is the correct one, 1 right, 0 left, and a stimulus on the right is positive: turn the "
     "one that is wrong",
     NULL, NULL},
    {is_reversed, reversed_counts, LINE(line_wrong),
     "choices look reversed: at easy contrasts they go to the other side",
     "choice is 1 right, 0 left, empty none; of a wheel, IBL's -1 is right, 1 left, 0 none",
     is_known_as_right, is_paid_rightly},
    {is_reward_reversed, reward_counts, LINE(line_reward),
     "wrong choices are rewarded and right ones are not",
     "reward is 1 for a rewarded trial, else 0, and choice and side are 1 right, 0 left: turn the "
     "one that is reversed",
     NULL, NULL},
    {is_all_right, right_counts, LINE(line), "every choice is right",
     "no rule can be told from a bias; choice is 1 right, 0 left, empty none: see whether left "
     "ones were lost",
     NULL, NULL},
    {is_all_left, left_counts, LINE(line), "every choice is left",
     "no rule can be told from a bias; choice is 1 right, 0 left, empty none: see whether right "
     "ones were lost",
     NULL, NULL},
    {is_without_choice, none_counts, LINE(line), "no trial ended in a choice",
     "nothing can be learned of it; choice is 1 right, 0 left, empty none: see whether choices "
     "were "
     "lost",
     NULL, NULL},
    {is_in_milliseconds, time_counts, LINE(line_long),
     "rt_s looks like milliseconds, or a clock's time",
     "it is the seconds from stimulus to choice: divide it by 1000, or take the stimulus' time "
     "off",
     NULL, NULL},
#undef LINE
};

static int64_t line_of(const struct coding *c, const struct fault_kind *kind)
{
    int64_t line = 0;
    memcpy(&line, (const char *)c + kind->line, sizeof line);
    return line;
}

static uint32_t count_animals(bool (*holds)(const struct coding *c), const struct coding list[],
                              uint32_t n)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < n && holds != NULL; i++) {
        found += holds(&list[i]) ? 1 : 0;
    }
    return found;
}

static void say(const struct fault_kind *kind, const struct coding list[], uint32_t n,
                const char *path, struct findings *f)
{
    const struct coding *first = NULL;
    uint32_t n_animals = 0;
    int64_t rows = 0;
    int64_t of = 0;
    const bool may_excuse =
        count_animals(kind->contrary, list, n) >= count_animals(kind->holds, list, n);
    for (uint32_t i = 0; i < n; i++) {
        if (kind->holds(&list[i]) && !(may_excuse && kind->excused(&list[i]))) {
            int64_t all = 0;
            rows += kind->counts(&list[i], &all);
            of += all;
            n_animals++;
            first =
                first == NULL || line_of(&list[i], kind) < line_of(first, kind) ? &list[i] : first;
        }
    }
    if (first != NULL) {
        fault_set(findings_next(f), FAULT_INPUT,
                  "%s:%" PRId64 ": subject %s: %s (%" PRId64 " of %" PRId64 " rows, %" PRIu32
                  " of %" PRIu32 " animals): %s",
                  path, line_of(first, kind), first->subject, kind->what, rows, of, n_animals, n,
                  kind->remedy);
    }
}

void coding_say(const struct coding list[], uint32_t n, const char *path, struct findings *f)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        say(&KINDS[i], list, n, path, f);
    }
}
