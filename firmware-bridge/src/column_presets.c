/* Layouts of columns that are known: presets of bridge/column_trials.h. Columns whose name is a
 * field's of bridge/trial_fields.h need no line. Where a preset has two columns for a field, the
 * first that is there is taken. */
#include "bridge/column_trials.h"

/* IBL's signs: a wheel turned clockwise, 1, moves the stimulus to the right and so chooses the left
 * one. Attributes of the object trials in ONE. */
static const struct bridge_mapping_line IBL[] = {
    {"coding", "choice", "-1/1/0"},
    {"columns", "contrast_left", "contrastLeft"},
    {"columns", "contrast_right", "contrastRight"},
    {"columns", "reward", "feedbackType"},
    {"coding", "reward", "1/-1"},
    {"columns", "reward_ul", "rewardVolume"},
    {"columns", "p_left", "probabilityLeft"},
    {"columns", "rt_from", "stimOn_times"},
    {"columns", "rt_from", "goCue_times"},
    {"columns", "rt_s", "response_times"},
};

/* The same in IBL's NWB files of 2022 to 2024. */
static const struct bridge_mapping_line IBL_NWB[] = {
    {"coding", "choice", "-1/1/0"},
    {"columns", "reward", "feedback_type"},
    {"coding", "reward", "1/-1"},
    {"columns", "reward_ul", "reward_volume"},
    {"columns", "p_left", "probability_left"},
    {"columns", "rt_from", "stim_on_time"},
    {"columns", "rt_from", "go_cue_time"},
    {"columns", "rt_s", "response_time"},
};

/* IBL's NWB files since: contrasts in percent, wheel turns by name. */
static const struct bridge_mapping_line IBL_GABOR[] = {
    {"columns", "contrast", "gabor_stimulus_contrast"},
    {"coding", "contrast", "percent"},
    {"columns", "side", "gabor_stimulus_side"},
    {"coding", "side", "right/left/none"},
    {"columns", "choice", "mouse_wheel_choice"},
    {"coding", "choice", "counter_clockwise/clockwise/none"},
    {"columns", "reward", "is_mouse_rewarded"},
    {"columns", "reward_ul", "reward_volume_uL"},
    {"columns", "p_left", "probability_left"},
    {"columns", "rt_from", "gabor_stimulus_onset_time"},
    {"columns", "rt_s", "choice_registration_time"},
};

/* Two contrasts at a time: Steinmetz et al., 2019. */
static const struct bridge_mapping_line STEINMETZ[] = {
    {"columns", "contrast_left", "visual_stimulus_left_contrast"},
    {"columns", "contrast_right", "visual_stimulus_right_contrast"},
    {"columns", "choice", "response_choice"},
    {"coding", "choice", "-1/1/0"},
    {"columns", "reward", "feedback_type"},
    {"coding", "reward", "1/-1"},
    {"columns", "rt_from", "visual_stimulus_time"},
    {"columns", "rt_s", "response_time"},
};

/* Dynamic foraging of the Allen Institute for Neural Dynamics: no stimulus, no correct side. */
static const struct bridge_mapping_line FORAGING[] = {
    {"fixed", "stimulus", "0"},
    {"columns", "choice", "animal_response"},
    {"coding", "choice", "1/0/2"},
    {"columns", "reward", "either reward"},
    {"columns", "rt_from", "goCue_start_time"},
    {"columns", "rt_s", "reward_outcome_time"}, /* when the choice is registered */
};

/* What psytrack keeps of an animal: y is larger for the right side; sessions one behind the other.
 * cL and cR are IBL's contrasts as inputs; others need columns.stimulus. */
#define PSYTRACK(sides)                                                                            \
    {"columns", "choice", "y"}, {"coding", "choice", sides}, {"columns", "side", "answer"},        \
        {"coding", "side", sides}, {"columns", "reward", "correct"},                               \
        {"columns", "contrast_left", "cL"}, {"columns", "contrast_right", "cR"},                   \
    {                                                                                              \
        "columns", "subject", "name"                                                               \
    }

static const struct bridge_mapping_line PSYTRACK_12[] = {PSYTRACK("2/1")};
static const struct bridge_mapping_line PSYTRACK_01[] = {PSYTRACK("1/0")};

#define LINES(list) .line = list, .n = sizeof list / sizeof list[0]
const struct bridge_preset BRIDGE_PRESETS[] = {
    {.name = "ibl", .needs = {"choice", "contrastLeft", "contrastRight"}, LINES(IBL)},
    {.name = "ibl-nwb",
     .needs = {"choice", "contrast_left", "contrast_right", "feedback_type"},
     LINES(IBL_NWB)},
    {.name = "ibl-gabor",
     .needs = {"mouse_wheel_choice", "gabor_stimulus_contrast", "gabor_stimulus_side"},
     LINES(IBL_GABOR)},
    {.name = "steinmetz",
     .needs = {"response_choice", "visual_stimulus_left_contrast",
               "visual_stimulus_right_contrast"},
     LINES(STEINMETZ)},
    {.name = "foraging",
     .needs = {"animal_response", "rewarded_historyL", "rewarded_historyR"},
     .either = {"rewarded_historyL", "rewarded_historyR"},
     LINES(FORAGING)},
    {.name = "psytrack 1/2",
     .needs = {"y"},
     .holds = "2",
     .lengths = "dayLength",
     LINES(PSYTRACK_12)},
    {.name = "psytrack 0/1",
     .needs = {"y"},
     .holds = "0",
     .lengths = "dayLength",
     LINES(PSYTRACK_01)},
    {.name = NULL},
};
