/* review_page.h - a review as one HTML file that needs nothing else: no network, no scripts; light
 * and dark.
 *
 * Threads: any. Memory: none kept.
 */
#pragma once

#include "output_file.h"
#include "review.h"

/* Writes the page, whole or not at all. The review was read with curves. FAULT_NONE or FAULT_WORK.
 */
int review_page_write(const struct review *review, const struct output_guard *guard,
                      const char *path, struct fault *fault);
