/* Rows of numbers into codes. */
#include "program.h"

static inline double clean(double cell) {
    return cell <= ZERO_THRESHOLD && cell >= -ZERO_THRESHOLD ? 0.0 : cell;
}

/* How many thresholds lie below the cell, found without a branch; NaN lies above none. */
static inline u32 rank_of(const double *table, i32 levels, double cell) {
    u32 rank = 0;
    for (i32 bit = levels - 1; bit >= 0; bit--) rank += (u32)(table[rank + (1u << bit) - 1] < cell) << bit;
    return rank;
}

static inline u32 not_in_set(const program *p, i64 set, double cell) {
    i32 words = p->set_words[set];
    if (!(cell > -1.0 && cell < 32.0 * words)) return 1; /* NaN fails both */
    u32 member = (u32)(i32)cell;
    return 1u ^ (p->set_bits[p->set_start[set] + (member >> 5)] >> (member & 31) & 1u);
}

#define ENCODE_ROW(NAME, CODE)                                                                                       \
    static void NAME(const program *p, const double *row, CODE *codes) {                                             \
        for (i64 f = 0; f < p->features; f++) {                                                                      \
            double cell = clean(row[p->column[f]]);                                                                  \
            u32 rank = rank_of(p->tables + p->table[f], p->levels[f], cell);                                         \
            for (i32 v = p->first_view[f]; v < p->first_view[f + 1]; v++)                                            \
                codes[v] = (CODE)(cell != cell ? p->missing[v] : cell == 0.0 ? p->zero[v] : rank);                   \
        }                                                                                                            \
        i64 numbers = p->views - p->sets;                                                                            \
        for (i64 s = 0; s < p->sets; s++)                                                                            \
            codes[numbers + s] = (CODE)not_in_set(p, s, clean(row[p->set_column[s]]));                               \
    }
ENCODE_ROW(encode_row_narrow, u8)
ENCODE_ROW(encode_row_wide, u16)

/* The same for a block of rows: codes[view * BLOCK + row]; rows beyond count are all zero. */
static void encode_block(const program *p, const double *rows, i64 stride, i64 count, u8 *codes, double *cells) {
    for (i64 f = 0; f < p->features; f++) {
        const double *table = p->tables + p->table[f], *from = rows + p->column[f];
        u32 rank[BLOCK];
        for (i64 i = 0; i < count; i++) cells[i] = clean(from[i * stride]);
        for (i64 i = count; i < BLOCK; i++) cells[i] = 0.0;
        for (i64 i = 0; i < BLOCK; i++) rank[i] = 0;
        for (i32 bit = p->levels[f] - 1; bit >= 0; bit--) /* rank_of, all rows a step at a time */
            for (i64 i = 0; i < BLOCK; i++) rank[i] += (u32)(table[rank[i] + (1u << bit) - 1] < cells[i]) << bit;
        for (i32 v = p->first_view[f]; v < p->first_view[f + 1]; v++) {
            u8 *target = codes + (i64)v * BLOCK;
            u32 missing = p->missing[v], zero = p->zero[v];
            for (i64 i = 0; i < BLOCK; i++)
                target[i] = (u8)(cells[i] != cells[i] ? missing : cells[i] == 0.0 ? zero : rank[i]);
        }
    }
    u8 *target = codes + (p->views - p->sets) * BLOCK;
    for (i64 s = 0; s < p->sets; s++, target += BLOCK)
        for (i64 i = 0; i < count; i++) target[i] = (u8)not_in_set(p, s, clean(rows[i * stride + p->set_column[s]]));
}
