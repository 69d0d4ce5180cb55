/* audit_params.h - what is compared with what. Threads: any. Nothing allocates; all is RT-safe. */
#pragma once

#include "model/audit.h"

/* Two contrasts, or two p_left, are the same. */
static const double AUDIT_SAME = 1e-4;

/* Number of a contrast's class. */
uint32_t audit_class(const model_audit_params *params, double contrast);
