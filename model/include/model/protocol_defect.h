/* model/protocol_defect.h - known defects of training programs, as changes of a description.
 *
 * Threads: any, on different objects. Memory: the caller's; nothing allocates.
 */
#pragma once

#include "model/protocol.h"

/* X(NAME, name, where it was seen, what it does). "": in releases of iblrig, see below. */
#define MODEL_PROTOCOL_DEFECT_LIST(X)                                                              \
    X(ZERO_LEFT, zero_left, "", "without contrast the correct side is always left")                \
    X(ZERO_REDRAWN, zero_redrawn, "",                                                              \
      "zero contrast, once drawn, is drawn again from the contrasts of all stages, zero half as "  \
      "often as another, and is on the left: contrasts of other stages come back")                 \
    X(NEVER_ADVANCES, never_advances, "",                                                          \
      "performance is never known of contrasts below 0.5, so that no test of it holds")            \
    X(COUNTS_EARLY, counts_early, "none known", "stages that last n trials last n - 1")            \
    X(DEBIAS_ALL, debias_all, "",                                                                  \
      "the side of debias trials follows all answers of the session, not the last ones")           \
    X(DEBIAS_BLANK, debias_blank, "",                                                              \
      "the side of debias trials follows 2,000 answers of the session, those still to come among " \
      "them and taken for none of left: repeats go left")                                          \
    X(DEBIAS_AFTER_NO_GO, debias_after_no_go, "", "debias trials also follow no-gos")              \
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
    const char *seen; /* "": in releases of iblrig */
    const char *help;
} model_protocol_defect_words;

/* Of a defect inside the list. Valid forever. */
const model_protocol_defect_words *model_protocol_defect_of(model_protocol_defect defect);

/* MODEL_OK and *out, or MODEL_ERR_ARG for an unknown name. */
int model_protocol_defect_parse(model_protocol_defect *out, const char *name);

/* Changes a description that passed model_protocol_check(); it would pass again. MODEL_OK; or
 * MODEL_ERR_ARG with *protocol as it was: there is nothing in it that the defect concerns. */
int model_protocol_defect_apply(model_protocol *protocol, model_protocol_defect defect);

/* The same of several at once, a bit mask; those that concern nothing change nothing. */
void model_protocol_add_defects(model_protocol *protocol, uint32_t defects);

/* ---- iblrig ---------------------------------------------------------------------------------- */

/* Releases of iblrig whose task trainingChoiceWorld has the same known defects, the first and the
 * last of them, in their order. */
typedef struct {
    const char *first;
    const char *last;
    uint32_t defects; /* bit mask */
} model_protocol_release;

enum { MODEL_PROTOCOL_RELEASES = 6 };

/* The newest version whose defects were looked for. */
#define MODEL_PROTOCOL_RELEASE_NEWEST "8.29.5"

/* Of a number in the list. Valid forever. */
const model_protocol_release *model_protocol_release_of(uint32_t release);

/* The releases that a version belongs to, as settings name it: "8.23.1". MODEL_OK and *out; or
 * MODEL_ERR_ARG: not a version from 8.0 on. */
int model_protocol_release_find(uint32_t *out, const char *version);

/* True of a version above MODEL_PROTOCOL_RELEASE_NEWEST: it is taken to be of the last releases. */
bool model_protocol_release_is_newer(const char *version);

/* Bit mask of the defects of those releases that concern the protocol. None where sides come in
 * blocks: that is another task. */
uint32_t model_protocol_release_defects(const model_protocol *protocol, uint32_t release);
