/* A whole model for rows of numbers and category codes: encoding, linear part, forests, width, and the way back to
 * money, operation for operation as models/fitted.py and what it calls. */
#include "elementary.h"
#include "program.h"

enum { NUMBER, RANKED, AVERAGED, CONSTANT };            /* kinds of input columns */
enum { PLAIN, SIGNED_LOG, SQUARE, SQUARED_LOG, LEVEL_TERM }; /* forms of linear terms, as in models/linear.py */

typedef struct {
    i64 inputs, encoded, terms, width_columns, reads_mean, logarithmic, mean_wide, width_wide;
    const program *mean, *width;   /* 0 where a forest has no trees */
    const i32 *kind, *first_level; /* per input its kind and where its levels start; one entry more */
    const double *fill;            /* per input: for a missing number, the prior of averages, or the constant */
    const double *level_code, *level_mean, *level_excess, *level_count; /* ranks stand in level_mean; counts as logs */
    const i32 *term_column, *term_form;
    const double *term_level, *centre, *spread, *coefficient, *term_mean;
    const double *median;          /* per encoded column, for a missing number */
    const i32 *uses_log;           /* per encoded column whether a term reads its logarithm */
    const i32 *width_column;
    double intercept, linear_share, mean_centre, width_unit, softening, base_share;
} model;

typedef struct {
    double *encoded, *terms_cells, *width_rows, *raw, *width;
    void *forest_room;
} model_room;

static void encode_columns(const model *m, const double *row, double *out) {
    for (i64 i = 0; i < m->inputs; i++) {
        i32 kind = m->kind[i];
        if (kind == CONSTANT) { /* not read from the row: the day the model speaks of */
            *out++ = m->fill[i];
            continue;
        }
        double cell = row[i];
        if (kind == NUMBER) {
            *out++ = cell != cell ? m->fill[i] : cell;
            continue;
        }
        i64 low = m->first_level[i], end = m->first_level[i + 1], high = end;
        while (low < high) {
            i64 middle = (low + high) / 2;
            if (m->level_code[middle] < cell) low = middle + 1;
            else high = middle;
        }
        i64 known = low < end && m->level_code[low] == cell;
        if (kind == RANKED) {
            *out++ = known ? m->level_mean[low] : from_bits(0x7ff8ull << 48);
        } else {
            *out++ = known ? m->level_mean[low] : m->fill[i];
            *out++ = known ? m->level_excess[low] : 0.0;
            *out++ = known ? m->level_count[low] : 0.0;
        }
    }
}

/* Per encoded column what terms read: the number, then its signed logarithm. */
static void linear_cells(const model *m, const double *encoded, double *cells) {
    for (i64 c = 0; c < m->encoded; c++) {
        double filled = encoded[c] != encoded[c] ? m->median[c] : encoded[c];
        cells[c] = filled;
        if (m->uses_log[c]) cells[m->encoded + c] = copy_sign(log_of(1.0 + size_of(filled)), filled);
    }
}

static inline double linear_term(const model *m, const double *encoded, const double *cells, i64 t) {
    i32 column = m->term_column[t], form = m->term_form[t];
    if (form == LEVEL_TERM) return encoded[column] == m->term_level[t] ? 1.0 : 0.0;
    i64 logged = form == SIGNED_LOG || form == SQUARED_LOG;
    double standard = (cells[column + (logged ? m->encoded : 0)] - m->centre[t]) / m->spread[t];
    standard = standard < -4.0 ? -4.0 : standard;
    standard = standard > 4.0 ? 4.0 : standard;
    return form == SQUARE || form == SQUARED_LOG ? standard * standard : standard;
}

static double linear_part(const model *m, const double *encoded, double *cells) {
    if (m->terms == 0) return m->intercept;
    linear_cells(m, encoded, cells);
    double sum = linear_term(m, encoded, cells, 0) * m->coefficient[0];
    for (i64 t = 1; t < m->terms; t++) sum += linear_term(m, encoded, cells, t) * m->coefficient[t];
    return m->intercept + sum;
}

/* How far each encoded column moves a row from the mean row; the cells are those of the row's linear_part. */
static void linear_effects(const model *m, const double *encoded, const double *cells, double *effects) {
    for (i64 c = 0; c < m->encoded; c++) effects[c] = 0.0;
    for (i64 t = 0; t < m->terms; t++)
        effects[m->term_column[t]] += (linear_term(m, encoded, cells, t) - m->term_mean[t]) * m->coefficient[t];
}

static void forest_sums(const program *p, i64 wide, const double *rows, i64 count, i64 stride, double *sums, void *room);

/* Mean before its centre, and width, of a block of rows. */
static void learn_block(const model *m, const double *codes, i64 count, i64 stride, const model_room *r) {
    for (i64 i = 0; i < count; i++) encode_columns(m, codes + i * stride, r->encoded + i * m->encoded);
    forest_sums(m->mean, m->mean_wide, r->encoded, count, m->encoded, r->raw, r->forest_room);
    for (i64 i = 0; i < count; i++) {
        double linear = linear_part(m, r->encoded + i * m->encoded, r->terms_cells);
        r->raw[i] = m->linear_share * linear + r->raw[i];
        double *own = r->width_rows + i * (m->width_columns + 1);
        for (i64 c = 0; c < m->width_columns; c++) own[c] = r->encoded[i * m->encoded + m->width_column[c]];
        own[m->width_columns] = r->raw[i];
    }
    forest_sums(m->width, m->width_wide, r->width_rows, count, m->width_columns + 1, r->width, r->forest_room);
}

static double money(const model *m, double scaled) {
    double bounded = scaled < -690.0 ? -690.0 : scaled > 690.0 ? 690.0 : scaled;
    return m->logarithmic ? exp_of(bounded) : sinh_of(bounded) * m->softening;
}

/* What the day of the answer and the group add: structural value, level of the group, quantiles of its residuals. */
static void price_block(const model *m, const model_room *r, i64 count, const double *base, const double *level,
                        const double *reach, i64 levels, double *point, double *quantiles) {
    for (i64 i = 0; i < count; i++) {
        double structural = 0.0;
        if (base) {
            double scaled = m->logarithmic ? log_of(base[i]) : asinh_of(base[i] / m->softening);
            structural = m->base_share * scaled;
        }
        double width = m->width_unit * exp_of(r->width[i]);
        double middle = structural + (r->raw[i] + m->mean_centre) + level[i];
        point[i] = money(m, middle);
        for (i64 k = 0; k < levels; k++) quantiles[i * levels + k] = money(m, middle + reach[i * levels + k] * width);
    }
}
