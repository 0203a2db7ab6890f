/* One row: several trees are walked side by side without a branch on the way; sums run in the order of the trees. */
#include "program.h"

#define WALK(NAME, CODE, NODE, LEAF_BIT, LEAF_SHIFT)                                                                 \
    static double NAME(const program *p, const CODE *codes) {                                                        \
        const NODE *nodes = (const NODE *)p->nodes;                                                                  \
        double sum = 0.0;                                                                                            \
        for (i64 t = 0; t < p->trees; t += GROUP) {                                                                  \
            const NODE *root[GROUP];                                                                                 \
            u32 at[GROUP], all;                                                                                      \
            for (int j = 0; j < GROUP; j++) root[j] = nodes + p->tree[t + j], at[j] = 0;                             \
            do {                                                                                                     \
                all = LEAF_BIT;                                                                                      \
                _Pragma("clang loop unroll(full)") for (int j = 0; j < GROUP; j++) {                                 \
                    const NODE *node = root[j] + (at[j] & (LEAF_BIT - 1));                                           \
                    u32 next = node->child[codes[node->view] <= node->code];                                         \
                    u32 arrived = 0u - (at[j] >> LEAF_SHIFT);                                                        \
                    at[j] = (at[j] & arrived) | (next & ~arrived);                                                   \
                    all &= at[j];                                                                                    \
                }                                                                                                    \
            } while (!all);                                                                                          \
            i64 left = p->trees - t < GROUP ? p->trees - t : GROUP;                                                  \
            for (i64 j = 0; j < left; j++) sum += p->leaves[p->leaf[t + j] + (at[j] & (LEAF_BIT - 1))];              \
        }                                                                                                            \
        return sum;                                                                                                  \
    }
WALK(walk_narrow, u8, narrow_node, 0x80u, 7)
WALK(walk_wide, u16, wide_node, 0x8000u, 15)
