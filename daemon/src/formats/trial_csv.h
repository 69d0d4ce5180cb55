/* trial_csv.h - trial tables whose lines are fields with a separator between and whose first line
 * names the columns: CSV itself, and what other formats share with it.
 *
 * A field may stand in double quotes, with "" for one of them. Threads and memory: the table's.
 */
#pragma once

#include "trial_table.h"

/* The first line, in t->text, as names of columns. FAULT_NONE or FAULT_INPUT. */
int trial_csv_open(struct trial_table *t, char separator, struct fault *fault);

/* struct trial_format's next(). */
int trial_csv_next(struct trial_table *t, struct trial_row *row, struct fault *fault);
