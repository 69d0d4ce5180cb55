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

static void keep_line(struct coding_count *count, int64_t line)
{
    count->line = count->line == 0 ? line : count->line;
}

static void count(struct coding_count *count, bool shows, int64_t line)
{
    count->of++;
    count->n += shows ? 1 : 0;
    if (shows) {
        keep_line(count, line);
    }
}

/* What stands with a stimulus on the right. */
static void push_positive(struct coding *c, int64_t line, const struct trial_row *row)
{
    if (row->side >= 0) {
        c->had_side[row->side]++;
    }
    if (row->choice >= 0) {
        c->chose[row->choice]++;
        c->paid[row->choice] += row->reward > 0.0 ? 1 : 0;
    }
    if (row->choice == 0 || row->side == 0) {
        keep_line(&c->kind[CODING_UNSIGNED], line);
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
    count(&c->kind[CODING_REWARD_REVERSED], is_right != is_rewarded, line);
}

/* Of what concerns all of an animal, the first place is its first row. */
static void push_choice(struct coding *c, int64_t line, const struct trial_row *row)
{
    for (int kind = CODING_ALL_RIGHT; kind <= CODING_WITHOUT_CHOICE; kind++) {
        keep_line(&c->kind[kind], line);
    }
    count(&c->kind[CODING_ALL_RIGHT], row->choice == 1, line);
    count(&c->kind[CODING_ALL_LEFT], row->choice == 0, line);
    count(&c->kind[CODING_WITHOUT_CHOICE], row->choice < 0, line);
}

void coding_push(struct coding *c, bool starts, int64_t line, const struct trial_row *row)
{
    const double size = fabs(row->stimulus);
    const bool is_right = row->stimulus > 0.0;
    const bool is_as_before = !starts && size >= c->before && size <= c->before;
    const bool is_correction = row->repeat >= 0 ? row->repeat == 1 : is_as_before;
    if (c->subject[0] == '\0') {
        strcpy(c->subject, row->subject);
    }
    push_choice(c, line, row);
    c->n_negative += row->stimulus < 0.0 ? 1 : 0;
    c->kind[CODING_UNSIGNED].of++;
    c->kind[CODING_UNSIGNED].n += is_right ? 1 : 0;
    if (is_right) {
        push_positive(c, line, row);
    }
    if (row->side >= 0 && size > 0.0) {
        count(&c->kind[CODING_AGAINST_SIDE], row->side != (is_right ? 1 : 0), line);
    }
    if (size >= EASY && row->choice >= 0 && !is_correction) {
        c->easy[is_right][row->choice]++;
        count(&c->kind[CODING_REVERSED], row->choice != (is_right ? 1 : 0), line);
    }
    push_reward(c, line, row);
    if (!isnan(row->rt_s)) {
        count(&c->kind[CODING_MILLISECONDS], row->rt_s > LONG_S, line);
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
    return c->n_negative == 0 && c->kind[CODING_UNSIGNED].n >= SIDES_MIN && are_both_there(n);
}

static bool is_against_side(const struct coding *c)
{
    return c->kind[CODING_AGAINST_SIDE].n > 0 && !is_unsigned(c);
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
    const struct coding_count *against = &c->kind[CODING_AGAINST_SIDE];
    const bool is_said_otherwise = is_reversed(c) || is_unsigned(c) || 2 * against->n > against->of;
    return wrong >= REWARD_MIN && right >= REWARD_MIN && !is_said_otherwise &&
           is_above(c->rewarded[0][1], wrong, c->rewarded[1][1], right, 0.3);
}

/* All choices are of that kind; few trials without one, as a no-go may be the other answer. */
static bool is_always(const struct coding *c, enum coding_kind kind)
{
    const struct coding_count *none = &c->kind[CODING_WITHOUT_CHOICE];
    const int64_t n_choices = none->of - none->n;
    return n_choices >= ALIKE_MIN && c->kind[kind].n == n_choices && 10 * none->n < none->of;
}

static bool is_all_left(const struct coding *c)
{
    return is_always(c, CODING_ALL_LEFT);
}

static bool is_all_right(const struct coding *c)
{
    return is_always(c, CODING_ALL_RIGHT);
}

static bool is_without_choice(const struct coding *c)
{
    const struct coding_count *none = &c->kind[CODING_WITHOUT_CHOICE];
    return none->of >= ALIKE_MIN && none->n == none->of;
}

static bool is_in_milliseconds(const struct coding *c)
{
    const struct coding_count *slow = &c->kind[CODING_MILLISECONDS];
    return slow->of >= TIMES_MIN && 2 * slow->n > slow->of;
}

/* ---- what is said ---------------------------------------------------------------------------- */

/* In the order of their numbers. */
static const struct fault_kind {
    bool (*holds)(const struct coding *c);
    const char *what;
    const char *remedy;
    bool (*contrary)(const struct coding *c); /* with as many of these animals in the table ... */
    bool (*excused)(const struct coding *c);  /* ... these are not spoken of */
} KINDS[CODING_KINDS] = {
    {is_unsigned, "stimulus is never negative although there are trials of both sides",
     "it is the signed contrast, left negative: where column side is right, stimulus = side ? s : "
     "-s",
     NULL, NULL},
    {is_against_side, "side contradicts the sign of stimulus",
     "side is the correct one, 1 right, 0 left, and a stimulus on the right is positive: flip the "
     "one that is wrong",
     NULL, NULL},
    {is_reversed, "choices look reversed: at easy contrasts they go to the wrong side",
     "choice is 1 right, 0 left, empty none; for a wheel, IBL's -1 is right, 1 left, 0 none",
     is_known_as_right, is_paid_rightly},
    {is_reward_reversed, "wrong choices are rewarded and right ones are not",
     "reward is 1 for a rewarded trial, else 0, and choice and side are 1 right, 0 left: flip the "
     "one that is reversed",
     NULL, NULL},
    {is_all_right, "every choice is right",
     "a rule cannot be distinguished from a bias; choice is 1 right, 0 left, empty none: check "
     "whether left ones were lost",
     NULL, NULL},
    {is_all_left, "every choice is left",
     "a rule cannot be distinguished from a bias; choice is 1 right, 0 left, empty none: check "
     "whether right ones were lost",
     NULL, NULL},
    {is_without_choice, "no trial ended in a choice",
     "nothing can be learned from it; choice is 1 right, 0 left, empty none: check whether choices "
     "were lost",
     NULL, NULL},
    {is_in_milliseconds, "rt_s looks like milliseconds, or a clock's time",
     "it is the seconds from stimulus to choice: divide it by 1000, or take the stimulus' time off",
     NULL, NULL},
};

static uint32_t count_animals(bool (*holds)(const struct coding *c), const struct coding list[],
                              uint32_t n)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < n && holds != NULL; i++) {
        found += holds(&list[i]) ? 1 : 0;
    }
    return found;
}

static void say(enum coding_kind which, const struct coding list[], uint32_t n, const char *path,
                struct findings *f)
{
    const struct fault_kind *kind = &KINDS[which];
    const struct coding *first = NULL;
    struct coding_count all = {0};
    uint32_t n_animals = 0;
    const bool may_excuse =
        count_animals(kind->contrary, list, n) >= count_animals(kind->holds, list, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct coding_count *own = &list[i].kind[which];
        if (kind->holds(&list[i]) && !(may_excuse && kind->excused(&list[i]))) {
            all.n += own->n;
            all.of += own->of;
            n_animals++;
            first = first == NULL || own->line < first->kind[which].line ? &list[i] : first;
        }
    }
    if (first != NULL) {
        fault_set(findings_next(f), FAULT_INPUT,
                  "%s:%" PRId64 ": subject %s: %s (%" PRId64 " of %" PRId64 " rows, %" PRIu32
                  " of %" PRIu32 " animals): %s",
                  path, first->kind[which].line, first->subject, kind->what, all.n, all.of,
                  n_animals, n, kind->remedy);
    }
}

void coding_say(const struct coding list[], uint32_t n, const char *path, struct findings *f)
{
    for (int kind = 0; kind < CODING_KINDS; kind++) {
        say((enum coding_kind)kind, list, n, path, f);
    }
}
