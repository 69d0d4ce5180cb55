/* audit_alarm.h - which rules are called. Threads: one owner of a model_audit.
 * Nothing allocates; all is RT-safe. */
#pragma once

#include "model/audit.h"

/* Calls the rules against which there is enough evidence. */
void audit_call(model_audit *audit, const model_audit_params *params);
