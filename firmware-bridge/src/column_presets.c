/* Layouts of columns that are known: presets of bridge/column_mapping.h. */
#include "bridge/column_mapping.h"

/* The columns of docs/tables.md, in murid's own coding. */
static const struct bridge_mapping_line MURID[] = {
    {"columns", "subject", "subject"},
    {"columns", "session", "session"},
    {"columns", "date", "date"},
    {"columns", "trial", "trial"},
    {"columns", "stimulus", "stimulus"},
    {"columns", "choice", "choice"},
    {"choice", "right", "1"},
    {"choice", "left", "0"},
    {"columns", "side", "side"},
    {"columns", "reward", "reward"},
    {"columns", "reward_ul", "reward_ul"},
    {"columns", "rt_s", "rt_s"},
    {"columns", "repeat", "repeat"},
    {"columns", "p_left", "p_left"},
    {"columns", "stage", "stage"},
};

/* IBL's coding: a wheel turned clockwise, 1, moves the stimulus to the right and so chooses the
 * left one. */
#define IBL_CODING                                                                                 \
    {"columns", "subject", "subject"}, {"columns", "session", "session"},                          \
        {"columns", "date", "date"}, {"columns", "choice", "choice"}, {"choice", "right", "-1"},   \
        {"choice", "left", "1"}, {"choice", "none", "0"}, {"reward", "yes", "1"},                  \
    {                                                                                              \
        "reward", "no", "-1"                                                                       \
    }

/* Attributes of the object trials in ONE. */
static const struct bridge_mapping_line IBL[] = {
    IBL_CODING,
    {"columns", "left", "contrastLeft"},
    {"columns", "right", "contrastRight"},
    {"columns", "reward", "feedbackType"},
    {"columns", "reward_ul", "rewardVolume"},
    {"columns", "p_left", "probabilityLeft"},
    {"columns", "rt_from", "stimOn_times"},
    {"columns", "rt_from", "goCue_times"},
    {"columns", "rt_to", "response_times"},
};

/* The same in IBL's NWB files of 2022 to 2024. */
static const struct bridge_mapping_line IBL_NWB[] = {
    IBL_CODING,
    {"columns", "left", "contrast_left"},
    {"columns", "right", "contrast_right"},
    {"columns", "reward", "feedback_type"},
    {"columns", "reward_ul", "reward_volume"},
    {"columns", "p_left", "probability_left"},
    {"columns", "rt_from", "stim_on_time"},
    {"columns", "rt_from", "go_cue_time"},
    {"columns", "rt_to", "response_time"},
};

/* IBL's NWB files since: contrasts in percent, wheel turns by name. */
static const struct bridge_mapping_line IBL_GABOR[] = {
    {"columns", "contrast", "gabor_stimulus_contrast"},
    {"stimulus", "unit", "percent"},
    {"columns", "side", "gabor_stimulus_side"},
    {"side", "right", "right"},
    {"side", "left", "left"},
    {"side", "none", "none"},
    {"columns", "choice", "mouse_wheel_choice"},
    {"choice", "right", "counter_clockwise"},
    {"choice", "left", "clockwise"},
    {"choice", "none", "none"},
    {"columns", "reward", "is_mouse_rewarded"},
    {"columns", "p_left", "probability_left"},
    {"columns", "reward_ul", "reward_volume_uL"},
    {"columns", "rt_from", "gabor_stimulus_onset_time"},
    {"columns", "rt_to", "choice_registration_time"},
};

/* Two contrasts at a time: Steinmetz et al., 2019. */
static const struct bridge_mapping_line STEINMETZ[] = {
    {"columns", "left", "visual_stimulus_left_contrast"},
    {"columns", "right", "visual_stimulus_right_contrast"},
    {"columns", "choice", "response_choice"},
    {"choice", "right", "-1"},
    {"choice", "left", "1"},
    {"choice", "none", "0"},
    {"columns", "reward", "feedback_type"},
    {"reward", "yes", "1"},
    {"reward", "no", "-1"},
    {"columns", "rt_from", "visual_stimulus_time"},
    {"columns", "rt_to", "response_time"},
};

/* Dynamic foraging of the Allen Institute for Neural Dynamics: no stimulus, no correct side. */
static const struct bridge_mapping_line FORAGING[] = {
    {"stimulus", "value", "0"},
    {"columns", "choice", "animal_response"},
    {"choice", "right", "1"},
    {"choice", "left", "0"},
    {"choice", "none", "2"},
    {"columns", "left_reward", "rewarded_historyL"},
    {"columns", "right_reward", "rewarded_historyR"},
    {"columns", "rt_from", "goCue_start_time"},
    {"columns", "rt_to", "reward_outcome_time"}, /* when the choice is registered */
};

/* What psytrack keeps of an animal: y is larger for the right side; sessions one behind the other.
 * cL and cR are IBL's contrasts as inputs; other inputs need columns.stimulus. */
#define PSYTRACK(right_is, left_is)                                                                \
    {"columns", "choice", "y"}, {"choice", "right", right_is}, {"choice", "left", left_is},        \
        {"columns", "side", "answer"}, {"columns", "reward", "correct"},                           \
        {"columns", "left", "cL"}, {"columns", "right", "cR"}, {"columns", "subject", "name"},     \
        {"columns", "subject", "subject"}, {"columns", "session", "session"},                      \
    {                                                                                              \
        "columns", "lengths", "dayLength"                                                          \
    }

static const struct bridge_mapping_line PSYTRACK_12[] = {PSYTRACK("2", "1")};
static const struct bridge_mapping_line PSYTRACK_01[] = {PSYTRACK("1", "0")};

#define LINES(list) list, sizeof list / sizeof list[0]
const struct bridge_preset BRIDGE_PRESETS[] = {
    {"ibl", {"choice", "contrastLeft", "contrastRight"}, NULL, LINES(IBL)},
    {"ibl-nwb", {"choice", "contrast_left", "contrast_right"}, NULL, LINES(IBL_NWB)},
    {"ibl-gabor",
     {"mouse_wheel_choice", "gabor_stimulus_contrast", "gabor_stimulus_side"},
     NULL,
     LINES(IBL_GABOR)},
    {"steinmetz",
     {"response_choice", "visual_stimulus_left_contrast", "visual_stimulus_right_contrast"},
     NULL,
     LINES(STEINMETZ)},
    {"foraging",
     {"animal_response", "rewarded_historyL", "rewarded_historyR"},
     NULL,
     LINES(FORAGING)},
    {"murid", {"choice", "stimulus"}, NULL, LINES(MURID)},
    {"psytrack 1/2", {"y"}, "2", LINES(PSYTRACK_12)},
    {"psytrack 0/1", {"y"}, "0", LINES(PSYTRACK_01)},
    {NULL, {NULL}, NULL, NULL, 0},
};
