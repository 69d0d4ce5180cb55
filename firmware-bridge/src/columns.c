#include "bridge/columns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bridge_column *bridge_columns_add(struct bridge_columns *c, const char *name, size_t n,
                                         size_t width)
{
    const size_t cell = width > 0 ? width : sizeof(double);
    if (n > BRIDGE_ROWS_MAX || width > BRIDGE_CELL_MAX || c->n == BRIDGE_COLUMNS_MAX ||
        strlen(name) >= BRIDGE_COLUMN_NAME_MAX || n * cell > BRIDGE_COLUMNS_BYTES - c->bytes) {
        return NULL;
    }
    struct bridge_column *list = realloc(c->list, (c->n + 1) * sizeof *list);
    if (list == NULL) {
        return NULL;
    }
    c->list = list;
    struct bridge_column *new = &list[c->n];
    *new = (struct bridge_column){.n = n, .n_stated = n, .width = width};
    memcpy(new->name, name, strlen(name));
    void *values = calloc(n > 0 ? n : 1, cell);
    if (values == NULL) {
        return NULL;
    }
    if (width > 0) {
        new->text = values;
    } else {
        new->number = values;
        for (size_t i = 0; i < n; i++) {
            new->number[i] = (double)NAN;
        }
    }
    c->n++;
    c->bytes += n * cell;
    return new;
}

const struct bridge_column *bridge_columns_find(const struct bridge_columns *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->list[i].name, name) == 0) {
            return &c->list[i];
        }
    }
    return NULL;
}

static size_t row_of(const struct bridge_column *column, size_t row)
{
    return column->is_scalar ? 0 : row;
}

const char *bridge_column_text(const struct bridge_column *column, size_t row,
                               char out[BRIDGE_CELL_MAX])
{
    const size_t i = row_of(column, row);
    out[0] = '\0';
    if (i >= column->n) {
        return out;
    }
    if (column->text != NULL) {
        memcpy(out, column->text + i * column->width, column->width);
        out[column->width - 1] = '\0';
    } else if (!isnan(column->number[i])) {
        (void)snprintf(out, BRIDGE_CELL_MAX, "%.10g", column->number[i]);
    }
    return out;
}

double bridge_column_number(const struct bridge_column *column, size_t row)
{
    const size_t i = row_of(column, row);
    if (i >= column->n) {
        return (double)NAN;
    }
    if (column->text == NULL) {
        return column->number[i];
    }
    char cell[BRIDGE_CELL_MAX];
    char *end = NULL;
    const double value = strtod(bridge_column_text(column, row, cell), &end);
    return cell[0] != '\0' && *end == '\0' ? value : (double)NAN;
}

void bridge_columns_free(struct bridge_columns *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->list[i].number);
        free(c->list[i].text);
    }
    free(c->list);
    *c = (struct bridge_columns){0};
}
