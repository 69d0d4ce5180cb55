#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "text_escape.h"

int fault_set(struct fault *fault, int code, const char *format, ...)
{
    char said[sizeof fault->text]; /* may quote outside text, or *fault itself */
    va_list values;
    va_start(values, format);
    (void)vsnprintf(said, sizeof said, format, values);
    va_end(values);
    (void)text_escape_show(fault->text, sizeof fault->text, said);
    return code;
}

int fault_report(const struct fault *fault, int code)
{
    if (code != FAULT_NONE) {
        fprintf(stderr, "murid: %s\n", fault->text);
    }
    return code;
}
