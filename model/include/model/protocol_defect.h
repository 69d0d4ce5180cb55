/* model/protocol_defect.h - known defects of training programs, as changes of a description.
 *
 * Threads: any, on different objects. Memory: the caller's; nothing allocates.
 */
#pragma once

#include "model/protocol.h"

/* X(NAME, name, versions of iblrig that had it, what it does). */
#define MODEL_PROTOCOL_DEFECT_LIST(X)                                                              \
    X(ZERO_LEFT, zero_left, "about 8.11.3 to 8.29.3",                                              \
      "without contrast the correct side is always left")                                          \
    X(ZERO_REDRAWN, zero_redrawn, "8.0 to 8.11.2",                                                 \
      "zero contrast, once drawn, is drawn again with equal chance of all contrasts")              \
    X(NEVER_ADVANCES, never_advances, "8.24.0 to 8.26",                                            \
      "performance is never known of contrasts below 0.5, so that no test of it holds")            \
    X(COUNTS_EARLY, counts_early, "none known", "stages that last n trials last n - 1")            \
    X(DEBIAS_ALL, debias_all, "8.0 to 8.26",                                                       \
      "the side of debias trials follows all answers of the session, not the last ones")           \
    X(DEBIAS_AFTER_NO_GO, debias_after_no_go, "8.0 to 8.26", "debias trials also follow no-gos")   \
    X(DEBIAS_OFF, debias_off, "a report of 2023", "there are no debias trials")                    \
    X(KEEPS_HALF, keeps_half, "a report of 2023",                                                  \
      "stages without contrast 0.5 still show it, on the left, as often as any other")             \
    X(WRONG_CONTRASTS, wrong_contrasts, "a report of 2023",                                        \
      "the lowest contrast above 0 of each stage is shown at half its strength")

#define MODEL_PROTOCOL_DEFECT_ENUM(NAME, name, versions, help) MODEL_PROTOCOL_DEFECT_##NAME,
typedef enum {
    MODEL_PROTOCOL_DEFECT_LIST(MODEL_PROTOCOL_DEFECT_ENUM) MODEL_PROTOCOL_DEFECTS
} model_protocol_defect;
#undef MODEL_PROTOCOL_DEFECT_ENUM

typedef struct {
    const char *name;
    const char *versions;
    const char *help;
} model_protocol_defect_words;

/* Of a defect inside the list. Valid forever. */
const model_protocol_defect_words *model_protocol_defect_of(model_protocol_defect defect);

/* MODEL_OK and *out, or MODEL_ERR_ARG for an unknown name. */
int model_protocol_defect_parse(model_protocol_defect *out, const char *name);

/* Changes a description that passed model_protocol_check(); it would pass again. MODEL_OK; or
 * MODEL_ERR_ARG with *protocol as it was: there is nothing in it that the defect concerns. */
int model_protocol_defect_apply(model_protocol *protocol, model_protocol_defect defect);
