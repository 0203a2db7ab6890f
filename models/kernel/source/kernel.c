/* What Python calls. Compiled once for each level of a processor; every level gives the same bits, because nothing but
 * comparisons and additions in a fixed order is done to a double, and no two operations may be fused. */
#include "blend.h"
#include "encode.h"
#include "model.h"
#include "paths.h"
#include "prepare.h"
#include "walk.h"
#include "layout.h" /* after the structures that it tells of */

#define FEW 24 /* rows below which walking each is quicker than blending a block */

static u8 *aligned(void *scratch) { return (u8 *)(((unsigned long long)scratch + 63) & ~63ull); }

/* Bytes of room that predict needs for this forest. */
EXPORT(i64, room)(const program *p, i64 wide) {
    return 64 + (wide ? p->views * (i64)sizeof(u16) : (i64)sizeof(blend_room) + p->views * BLOCK);
}

/* The sum of the trees for each row: rows[i * stride + column]. */
static void forest_sums(const program *p, i64 wide, const double *rows, i64 count, i64 stride, double *sums, void *scratch) {
    u8 *room = aligned(scratch);
    i64 done = 0;
    if (!p) {
        for (; done < count; done++) sums[done] = 0.0;
        return;
    }
    if (wide) {
        for (; done < count; done++) {
            encode_row_wide(p, rows + done * stride, (u16 *)room);
            sums[done] = walk_wide(p, (const u16 *)room);
        }
        return;
    }
    blend_room *block = (blend_room *)room;
    if (count >= FEW) fill_leaves(block);
    while (count - done >= FEW) {
        i64 now = count - done < BLOCK ? count - done : BLOCK;
        i64 width = (now + LANE - 1) / LANE * LANE;
        encode_block(p, rows + done * stride, stride, now, block->codes, block->cells);
        blend_block(p, block, width);
        for (i64 i = 0; i < now; i++) sums[done + i] = block->sum[i];
        done += now;
    }
    for (; done < count; done++) {
        encode_row_narrow(p, rows + done * stride, block->codes);
        sums[done] = walk_narrow(p, block->codes);
    }
}

EXPORT(void, predict)(const program *p, i64 wide, const double *rows, i64 count, i64 stride, double *sums, void *scratch) {
    forest_sums(p, wide, rows, count, stride, sums, scratch);
}

/* The blend steps of every tree from its nodes; 0 if a tree needs more slots than there are. */
EXPORT(i64, prepare)(const narrow_node *nodes, const i32 *tree, i64 trees, blend_step *steps) {
    for (i64 t = 0; t < trees; t++)
        if (!prepare_tree(nodes + tree[t], tree[t + 1] - tree[t], steps + tree[t])) return 0;
    return 1;
}

/* How far each column moves a row. The room begins with codes, then come passed tests, then 8 numbers a column. */
static void explain_row(const program *p, i64 wide, const paths *q, const double *row, double *effects, void *scratch) {
    u8 *codes = aligned(scratch), *passed = codes + p->views * (wide ? 2 : 1);
    double *table = (double *)aligned(passed + 2 * q->splits + q->joined);
    if (wide) {
        encode_row_wide(p, row, (u16 *)codes);
        take_tests_wide(q, p->views, (const u16 *)codes, passed);
    } else {
        encode_row_narrow(p, row, codes);
        take_tests_narrow(q, p->views, codes, passed);
    }
    for (i64 i = 0; i < q->columns * LEAF_LANES; i++) table[i] = 0.0;
    add_paths(q, passed, table);
    for (i64 c = 0; c < q->columns; c++) {
        double sum = 0.0;
        for (int i = 0; i < LEAF_LANES; i++) sum += table[c * LEAF_LANES + i];
        effects[c] = sum;
    }
}

/* The same for rows: effects[row * columns + column]. */
EXPORT(void, explain)(const program *p, i64 wide, const paths *q, const double *rows, i64 count, i64 stride,
                      double *effects, void *scratch) {
    for (i64 i = 0; i < count; i++)
        explain_row(p, wide, q, rows + i * stride, effects + i * q->columns, scratch);
}

static double *taken(double **scratch, i64 count) {
    double *part = *scratch;
    *scratch += count;
    return part;
}

static model_room model_parts(const model *m, double *scratch, i64 most) {
    model_room r;
    r.encoded = taken(&scratch, most * m->encoded);
    r.terms_cells = taken(&scratch, 2 * m->encoded);
    r.width_rows = taken(&scratch, most * (m->width_columns + 1));
    r.raw = taken(&scratch, most);
    r.width = taken(&scratch, most);
    r.forest_room = scratch;
    return r;
}

/* Prices of rows. base may be 0; scratch holds, for the rows of a block, what model_parts gives out. */
EXPORT(void, price)(const model *m, const double *codes, i64 count, i64 stride, const double *base, const double *level,
                    const double *reach, i64 levels, double *point, double *quantiles, double *scratch) {
    model_room r = model_parts(m, scratch, count < BLOCK ? count : BLOCK);
    for (i64 done = 0; done < count; done += BLOCK) {
        i64 now = count - done < BLOCK ? count - done : BLOCK;
        learn_block(m, codes + done * stride, now, stride, &r);
        price_block(m, &r, now, base ? base + done : 0, level + done, reach + done * levels, levels, point + done,
                    quantiles + done * levels);
    }
}

/* What each column of the input adds, of_width or of the mean: effects[row * columns + column] in the order of encoded
 * columns, whose inputs source names (-1 for one that is no input); wholes: the sum explained, its base level included.
 * q may be 0, where the forest has no trees. */
EXPORT(void, explain_model)(const model *m, i64 of_width, const paths *q, const i32 *source, i64 columns,
                            const double *codes, i64 count, i64 stride, double *effects, double *wholes,
                            double *scratch) {
    i64 positions = of_width ? m->width_columns : m->encoded;
    double *own = taken(&scratch, m->encoded + 1), *linear = taken(&scratch, m->encoded);
    model_room r = model_parts(m, scratch, 1);
    for (i64 i = 0; i < count; i++, codes += stride, effects += columns) {
        learn_block(m, codes, 1, stride, &r);
        for (i64 c = 0; c < m->encoded + 1; c++) own[c] = 0.0;
        if (q && of_width) explain_row(m->width, m->width_wide, q, r.width_rows, own, r.forest_room);
        if (q && !of_width) explain_row(m->mean, m->mean_wide, q, r.encoded, own, r.forest_room);
        if (!of_width) {
            linear_effects(m, r.encoded, r.terms_cells, linear);
            for (i64 c = 0; c < m->encoded; c++) own[c] = own[c] + m->linear_share * linear[c];
        }
        for (i64 c = 0; c < columns; c++) effects[c] = 0.0;
        for (i64 c = 0; c < positions; c++)
            if (source[c] >= 0) effects[source[c]] += own[c];
        wholes[i] = of_width ? r.width[0] : r.raw[0];
    }
}

/* The functions themselves, to be compared with Python's: 0 exp, 1 log, 2 asinh, 3 sinh. */
EXPORT(void, elementary)(i64 which, const double *x, i64 count, double *y) {
    for (i64 i = 0; i < count; i++)
        y[i] = which == 0 ? exp_of(x[i]) : which == 1 ? log_of(x[i]) : which == 2 ? asinh_of(x[i]) : sinh_of(x[i]);
}
