/* A forest prepared for evaluation; every array is made and kept alive by models/kernel/program.py.
 *
 * A feature's thresholds, sorted, turn its cell into a rank: cell <= threshold k exactly where rank <= k. What is done
 * with a missing cell differs from split to split, so a split reads a view: a feature together with the code that
 * stands for a missing cell and for zero. A category set is a view too, 0 for its members and 1 for all others. */
#ifndef CANZHI_PROGRAM
#define CANZHI_PROGRAM

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int i32;
typedef long long i64;

typedef struct {
    i64 trees, features, views, sets;
    const double *tables;            /* per feature 2^levels - 1 sorted thresholds, the end filled up with infinity */
    const i32 *table, *levels;       /* per feature where its table starts, and log2 of its size */
    const i32 *column, *first_view;  /* per feature its column in a row, and its views (one entry more) */
    const u16 *missing, *zero;       /* per view of a feature the code of a missing cell and of zero */
    const i32 *set_column, *set_start, *set_words; /* per category set; its view follows those of the features */
    const u32 *set_bits;
    const i32 *tree, *leaf;          /* per tree its first node and its first leaf; padded to whole groups of trees */
    const void *nodes, *steps;       /* narrow_node or wide_node; narrow programs also blend_step */
    const double *leaves;
} program;

/* In a child the highest bit tells a leaf; child[1] is the left one, taken where code(view) <= code. */
typedef struct { u8 view, code, child[2]; } narrow_node;
typedef struct { u16 view, code, child[2]; } wide_node;

/* The same split for many rows at once: slot = rank of view <= code ? left : right. Steps stand children first.
 * left, right: a slot, or with the highest bit a leaf. */
typedef struct { u16 view, left, right; u8 slot, code; } blend_step;

#define GROUP 12       /* trees walked side by side, so that one's wait for memory is the others' work */
#define BLOCK 256     /* rows blended at once */
#define LANE 64       /* codes in the widest register */
#define SLOTS 8       /* enough for any tree of 128 leaves */
#define LEAVES 128
#define BLEND_LEAF 0x8000u

#if defined(_WIN32)
#define VISIBLE __declspec(dllexport)
#else
#define VISIBLE __attribute__((visibility("default")))
#endif
#define JOINED(a, b) a##_##b
#define NAMED(a, b) JOINED(a, b)
#define EXPORT(kind, name) VISIBLE kind NAMED(name, LEVEL) /* predict_baseline, predict_v3 ... */

#define ZERO_THRESHOLD 0x1.a95a5cp-117 /* LightGBM reads anything closer to zero as zero: 1e-35f */

#endif
