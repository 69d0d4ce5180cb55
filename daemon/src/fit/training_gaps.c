#include "training_gaps.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model_file.h"

struct tally {
    size_t n;
    size_t n_animals;
    size_t n_rewarded; /* more than not at all */
    size_t n_unrewarded;
    size_t n_wrong;
    size_t n_known_sides;
    double stimulus; /* of the first choice */
    bool has_stimuli;
};

static void count(struct tally *t, const model_trial *trial)
{
    const int8_t side = model_trial_side(trial->side, trial->contrast);
    t->stimulus = t->n == 0 ? trial->contrast : t->stimulus;
    t->has_stimuli = t->has_stimuli || trial->contrast != t->stimulus;
    t->n++;
    t->n_rewarded += trial->reward > 0.0 ? 1 : 0;
    t->n_unrewarded += trial->reward <= 0.0 ? 1 : 0;
    t->n_known_sides += side >= 0 ? 1 : 0;
    t->n_wrong += side >= 0 && trial->choice != side ? 1 : 0;
}

void training_gaps_find(struct training_gaps *gaps, const struct training_set *training)
{
    struct tally t = {0};
    for (uint32_t i = 0; i < training->n; i++) {
        const struct training_set_subject *s = &training->subject[i];
        t.n_animals += s->n_choices > 0 ? 1 : 0;
        for (size_t k = 0; k < s->n; k++) {
            if (s->trials[k].choice >= 0) {
                count(&t, &s->trials[k]);
            }
        }
    }
    const size_t n_known = t.n_rewarded + t.n_unrewarded;
    *gaps = (struct training_gaps){
        .n_choices = t.n,
        .n_unknown = t.n - n_known,
        .is_there = {[TRAINING_GAP_CHOICES] = t.n < TRAINING_GAPS_CHOICES,
                     [TRAINING_GAP_ANIMALS] = t.n_animals < 2,
                     [TRAINING_GAP_ONE_SIDE] =
                         training->n_right == 0 || training->n_right == training->n_choices,
                     [TRAINING_GAP_UNKNOWN_REWARDS] =
                         (double)(t.n - n_known) > MODEL_FILE_UNKNOWN_MAX * (double)t.n,
                     [TRAINING_GAP_ALL_REWARDED] = n_known > 0 && t.n_unrewarded == 0,
                     [TRAINING_GAP_NONE_REWARDED] = n_known > 0 && t.n_rewarded == 0,
                     [TRAINING_GAP_ERRORS] = t.n_known_sides > 0 && t.n_wrong == 0,
                     [TRAINING_GAP_STIMULI] = !t.has_stimuli}};
    for (int i = 0; i < TRAINING_GAPS; i++) {
        gaps->n += gaps->is_there[i] ? 1 : 0;
    }
}

const char *training_gaps_print(const struct training_gaps *gaps, enum training_gap gap,
                                char out[TRAINING_GAPS_TEXT_MAX])
{
    static const char *const plain[TRAINING_GAPS] = {
        [TRAINING_GAP_ANIMALS] = "one animal; what animals have in common takes two or more",
        [TRAINING_GAP_ONE_SIDE] = "every choice was to one side; a rule cannot be told from a bias",
        [TRAINING_GAP_ALL_REWARDED] =
            "every choice was rewarded; what an unrewarded one teaches was not seen",
        [TRAINING_GAP_NONE_REWARDED] =
            "no choice was rewarded; what a rewarded one teaches was not seen",
        [TRAINING_GAP_ERRORS] = "no choice was wrong; what an error teaches was not seen",
        [TRAINING_GAP_STIMULI] =
            "stimuli of one value; how steps depend on the stimulus was not seen"};
    if (gap == TRAINING_GAP_CHOICES) {
        (void)snprintf(out, TRAINING_GAPS_TEXT_MAX, "only %zu choices; at least %d were expected",
                       gaps->n_choices, TRAINING_GAPS_CHOICES);
    } else if (gap == TRAINING_GAP_UNKNOWN_REWARDS) {
        (void)snprintf(out, TRAINING_GAPS_TEXT_MAX,
                       "%zu of %zu choices without a known reward; rules learn from rewards",
                       gaps->n_unknown, gaps->n_choices);
    } else {
        (void)snprintf(out, TRAINING_GAPS_TEXT_MAX, "%s", plain[gap]);
    }
    return out;
}
