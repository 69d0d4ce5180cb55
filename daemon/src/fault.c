#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

int fault_set(struct fault *fault, int code, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, values);
    va_end(values);
    for (char *c = fault->text; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c; /* found in outside text */
    }
    return code;
}

int fault_report(const struct fault *fault, int code)
{
    fprintf(stderr, "murid: %s\n", fault->text);
    return code;
}
