#include "basis_terms.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key_table.h"

#define BASIS_NAME(NAME, name, formula)    #name,
#define BASIS_WORD(NAME, name, formula)    " " #name
#define BASIS_FORMULA(NAME, name, formula) formula,

static const char *const NAMES[] = {MODEL_BASIS_LIST(BASIS_NAME) NULL};
static const char *const FORMULAS[] = {MODEL_BASIS_LIST(BASIS_FORMULA) NULL};

enum { SHOWN_MAX = 40 };

/* Bytes of a wrong word that an error shows. */
static size_t shorter(size_t size)
{
    return size < SHOWN_MAX ? size : SHOWN_MAX;
}

const char *basis_terms_name(size_t term)
{
    return term < MODEL_BASIS_TERMS ? NAMES[term] : NULL;
}

const char *basis_terms_formula(size_t term)
{
    return term < MODEL_BASIS_TERMS ? FORMULAS[term] : NULL;
}

static int refuse_name(const char *word, size_t size, struct fault *fault)
{
    char given[SHOWN_MAX + 1];
    char ask[NEAREST_TEXT_MAX];
    struct nearest nearest;
    (void)snprintf(given, sizeof given, "%.*s", (int)shorter(size), word);
    nearest_init(&nearest, given);
    for (size_t k = 0; k < MODEL_BASIS_TERMS; k++) {
        nearest_offer(&nearest, NAMES[k]);
    }
    return fault_set(fault, FAULT_INPUT,
                     "--terms: \"%s\"; a list with commas of" MODEL_BASIS_LIST(
                         BASIS_WORD) ", each with "
                                     "its coefficient, as in rewarded=0.05, was expected%s",
                     given, nearest_ask(&nearest, "", ask));
}

/* A coefficient, or one a weight with colons between, of a term: so many bytes. */
static int read_values(size_t term, const char *values, size_t size, size_t n, double out[],
                       struct fault *fault)
{
    const double least = term == MODEL_BASIS_FORGETTING ? -1.0 : -BASIS_TERMS_MAX;
    const double most = term == MODEL_BASIS_FORGETTING ? 1.0 : BASIS_TERMS_MAX;
    const char *const end = values + size;
    size_t count = 0;
    for (const char *at = values; at != NULL; count++) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        const char *stop = colon != NULL ? colon : end;
        char *read = NULL;
        const double value = strtod(at, &read);
        if (read == at || read != stop || !(value >= least && value <= most)) {
            return fault_set(fault, FAULT_INPUT,
                             "--terms: %s: \"%.*s\" is not a number from %g to %g", NAMES[term],
                             (int)shorter((size_t)(stop - at)), at, least, most);
        }
        if (count < n) {
            out[count] = value;
        }
        at = colon != NULL ? colon + 1 : NULL;
    }
    if (count > 1 && count != n) {
        return fault_set(fault, FAULT_INPUT,
                         "--terms: %s: %zu values; one, or one for each of %zu weights expected",
                         NAMES[term], count, n);
    }
    for (size_t i = count; i < n; i++) {
        out[i] = out[0];
    }
    return FAULT_NONE;
}

int basis_terms_read(const char *text, size_t n,
                     double coefficient[MODEL_BASIS_TERMS][MODEL_WEIGHTS_MAX], struct fault *fault)
{
    bool is_given[MODEL_BASIS_TERMS] = {false};
    size_t size = 0;
    int rc = FAULT_NONE;
    memset(coefficient, 0, MODEL_BASIS_TERMS * sizeof coefficient[0]);
    for (const char *at = NULL;
         rc == FAULT_NONE && (at = key_word_next(&text, ',', &size)) != NULL;) {
        const char *equals = memchr(at, '=', size);
        const size_t name = equals != NULL ? (size_t)(equals - at) : size;
        const size_t term = key_word_find(NAMES, at, name);
        if (term == SIZE_MAX) {
            return refuse_name(at, name, fault);
        }
        if (equals == NULL) {
            return fault_set(fault, FAULT_INPUT, "--terms: %s: its coefficient, %s=C, was expected",
                             NAMES[term], NAMES[term]);
        }
        if (is_given[term]) {
            return fault_set(fault, FAULT_INPUT, "--terms: %s is given twice; once was expected",
                             NAMES[term]);
        }
        is_given[term] = true;
        rc = read_values(term, equals + 1, size - name - 1, n, coefficient[term], fault);
    }
    return rc;
}

bool basis_terms_has(const char *text, const char *name)
{
    size_t size = 0;
    for (const char *at = NULL; (at = key_word_next(&text, ',', &size)) != NULL;) {
        const size_t length = strlen(name);
        if (size > length && memcmp(at, name, length) == 0 && at[length] == '=') {
            return true;
        }
    }
    return false;
}
