/* family_report.h - a comparison of rules as text, CSV, JSON and SVG: the families, each animal,
 * how well rules predict animals that were held out, and the verdict.
 *
 * Threads: one owner. Memory: family_report_close(), also of a zeroed one.
 */
#pragma once

#include "comparison.h"
#include "family_verdict.h"

struct family_report {
    struct training_gaps gaps;
    struct family_comparison families;
    struct family_separation separation;
    struct family_null null;
    struct family_verdict verdict;
    struct comparison held_out;         /* of a cross-validation against the best; else zeroed */
    struct comparison_gain *gain;       /* (held_out.n_models): of rule none on each */
    char policy[MODEL_POLICY_TEXT_MAX]; /* its features */
};

/* Takes the scores of a cross-validation whose model 0 is rule none and whose last n_references are
 * not rules; *scores is zeroed. FAULT_NONE, or FAULT_WORK. */
int family_report_take(struct family_report *r, struct comparison *scores, uint32_t n_references,
                       uint64_t seed, struct fault *fault);

void family_report_close(struct family_report *r);

void family_report_text(FILE *to, const struct family_report *r);

/* One row a family (level "family"), an animal and family ("subject"), and, of a cross-validation,
 * a rule ("held_out"). subject, name (of the family or rule), trials, log_likelihood, log_evidence,
 * prior, posterior; held_out: nats, gain (over none), gain_lo, gain_hi (95%). Empty where there is
 * no value. */
void family_report_csv(FILE *to, const struct family_report *r);

/* One object on one line. */
void family_report_json(FILE *to, const struct family_report *r);

/* A picture of the posteriors: a row a family, a dot an animal alone, a larger one all of them. */
void family_report_svg(FILE *to, const struct family_report *r);
