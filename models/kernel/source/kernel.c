/* What Python calls. Compiled once for each level of a processor; every level gives the same bits, because nothing but
 * comparisons and additions in a fixed order is done to a double, and no two operations may be fused. */
#include "blend.h"
#include "encode.h"
#include "paths.h"
#include "prepare.h"
#include "walk.h"

#define FEW 24 /* rows below which walking each is quicker than blending a block */

static u8 *aligned(void *scratch) { return (u8 *)(((unsigned long long)scratch + 63) & ~63ull); }

/* Bytes of room that predict needs for this forest. */
EXPORT(i64, room)(const program *p, i64 wide) {
    return 64 + (wide ? p->views * (i64)sizeof(u16) : (i64)sizeof(blend_room) + p->views * BLOCK);
}

/* The sum of the trees for each row: rows[i * stride + column]. */
EXPORT(void, predict)(const program *p, i64 wide, const double *rows, i64 count, i64 stride, double *sums, void *scratch) {
    u8 *room = aligned(scratch);
    i64 done = 0;
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

/* The blend steps of every tree from its nodes; 0 if a tree needs more slots than there are. */
EXPORT(i64, prepare)(const narrow_node *nodes, const i32 *tree, i64 trees, blend_step *steps) {
    for (i64 t = 0; t < trees; t++)
        if (!prepare_tree(nodes + tree[t], tree[t + 1] - tree[t], steps + tree[t])) return 0;
    return 1;
}

/* How far each column moves each row: effects[row * columns + column]. The room begins with codes, then come passed
 * tests, then 8 numbers a column. */
EXPORT(void, explain)(const program *p, i64 wide, const paths *q, const double *rows, i64 count, i64 stride,
                      double *effects, void *scratch) {
    u8 *codes = aligned(scratch), *passed = codes + p->views * (wide ? 2 : 1);
    double *table = (double *)aligned(passed + 2 * q->splits + q->joined);
    for (i64 row = 0; row < count; row++) {
        if (wide) {
            encode_row_wide(p, rows + row * stride, (u16 *)codes);
            take_tests_wide(q, p->views, (const u16 *)codes, passed);
        } else {
            encode_row_narrow(p, rows + row * stride, codes);
            take_tests_narrow(q, p->views, codes, passed);
        }
        for (i64 i = 0; i < q->columns * LEAF_LANES; i++) table[i] = 0.0;
        add_paths(q, passed, table);
        for (i64 c = 0; c < q->columns; c++) {
            double sum = 0.0;
            for (int i = 0; i < LEAF_LANES; i++) sum += table[c * LEAF_LANES + i];
            effects[row * q->columns + c] = sum;
        }
    }
}
