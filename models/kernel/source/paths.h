/* What each feature adds to a row's answer, leaf by leaf; the arithmetic is explained in models/attribution.py. */
#include "program.h"

typedef struct {
    i64 columns;               /* of a row */
    i64 splits, joined, groups;
    const i32 *first_split;    /* per view its first split, splits being sorted by view and code; one entry more */
    const u16 *split_code;
    const i32 *one, *other;    /* a joined test is passed where two earlier tests are */
    const i32 *places, *blocks, *points; /* per group of leaves: features on a path, blocks of 8 leaves, quadrature nodes */
    const i32 *test;           /* per cell (group, block, place, leaf of 8) which test it asks for */
    const u16 *slot;           /* per cell feature * 8 + leaf */
    const double *cover;       /* per cell the share of training rows that its tests let through */
    const double *value;       /* per leaf (group, block, leaf of 8) */
    const double *node, *weight; /* per group its quadrature */
} paths;

#define LEAF_LANES 8
#define PLACES 64 /* features on a path */
typedef double lanes __attribute__((vector_size(64), aligned(8)));

/* passed[test]: left of split i, right of split i (at splits + i), then the joined tests. */
#define TAKE_TESTS(NAME, CODE)                                                                                       \
    static void NAME(const paths *q, i64 views, const CODE *codes, u8 *passed) {                                     \
        for (i64 v = 0; v < views; v++) {                                                                            \
            i64 from = q->first_split[v], end = q->first_split[v + 1], low = from, high = end;                       \
            while (low < high) {                                                                                     \
                i64 middle = (low + high) / 2;                                                                       \
                if (q->split_code[middle] < codes[v]) low = middle + 1;                                              \
                else high = middle;                                                                                  \
            }                                                                                                        \
            for (i64 i = from; i < low; i++) passed[i] = 0, passed[q->splits + i] = 1;                               \
            for (i64 i = low; i < end; i++) passed[i] = 1, passed[q->splits + i] = 0;                                \
        }                                                                                                            \
        u8 *joined = passed + 2 * q->splits;                                                                         \
        for (i64 i = 0; i < q->joined; i++) joined[i] = passed[q->one[i]] & passed[q->other[i]];                     \
    }
TAKE_TESTS(take_tests_narrow, u8)
TAKE_TESTS(take_tests_wide, u16)

static void add_paths(const paths *q, const u8 *passed, double *table) {
    const i32 *test = q->test;
    const u16 *slot = q->slot;
    const double *cover = q->cover, *value = q->value, *node = q->node, *weight = q->weight;
    lanes gap[PLACES], share[PLACES], factor[PLACES], before[PLACES];
    for (i64 g = 0; g < q->groups; g++) {
        i64 places = q->places[g];
        for (i64 b = 0; b < q->blocks[g]; b++) {
            for (i64 k = 0; k < places; k++) {
                lanes satisfied;
                for (int i = 0; i < LEAF_LANES; i++) satisfied[i] = (double)passed[test[k * LEAF_LANES + i]];
                gap[k] = satisfied - *(const lanes *)(cover + k * LEAF_LANES);
                share[k] = (lanes){0};
            }
            for (i64 n = 0; n < q->points[g]; n++) {
                lanes product = (lanes){0} + weight[n];
                for (i64 k = 0; k < places; k++) {
                    factor[k] = *(const lanes *)(cover + k * LEAF_LANES) + gap[k] * node[n];
                    before[k] = product;
                    product *= factor[k];
                }
                lanes after = (lanes){0} + 1.0;
                for (i64 k = places - 1; k >= 0; k--) {
                    share[k] += before[k] * after;
                    after *= factor[k];
                }
            }
            for (i64 k = 0; k < places; k++) {
                lanes effect = gap[k] * share[k] * *(const lanes *)value;
                for (int i = 0; i < LEAF_LANES; i++) table[slot[k * LEAF_LANES + i]] += effect[i];
            }
            test += places * LEAF_LANES, slot += places * LEAF_LANES, cover += places * LEAF_LANES, value += LEAF_LANES;
        }
        node += q->points[g], weight += q->points[g];
    }
}
