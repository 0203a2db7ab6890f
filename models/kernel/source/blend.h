/* Many rows: every split of a tree is decided for a whole block, and leaf numbers are blended from the leaves up. */
#include "program.h"
#if defined(__AVX512BW__)
#include <immintrin.h>
#endif

typedef struct {
    u8 leaf[LEAVES * LANE]; /* each leaf's number, a register wide */
    u8 slot[SLOTS * BLOCK];
    double sum[BLOCK];
    double cells[BLOCK];
    u8 codes[];             /* views * BLOCK */
} blend_room;

static void fill_leaves(blend_room *room) {
    for (int leaf = 0; leaf < LEAVES; leaf++)
        for (int i = 0; i < LANE; i++) room->leaf[leaf * LANE + i] = (u8)leaf;
}

static inline void choose(u8 *to, const u8 *view, u32 code, const u8 *left, const u8 *right) {
#if defined(__AVX512BW__)
    __mmask64 goes_left = _mm512_cmple_epu8_mask(_mm512_loadu_si512(view), _mm512_set1_epi8((char)code));
    _mm512_storeu_si512(to, _mm512_mask_blend_epi8(goes_left, _mm512_loadu_si512(right), _mm512_loadu_si512(left)));
#else
#if defined(__AVX2__)
#define PART 32
#else
#define PART 16
#endif
    typedef u8 lane __attribute__((vector_size(PART), aligned(1)));
    lane limit = (lane){0} + (u8)code;
    for (int i = 0; i < LANE; i += PART) {
        lane goes_left = (lane)(*(const lane *)(view + i) <= limit);
        *(lane *)(to + i) = (*(const lane *)(left + i) & goes_left) | (*(const lane *)(right + i) & ~goes_left);
    }
#endif
}

/* sum[row] += the value of the leaf that the row reached. */
static void add_leaves(double *sum, const u8 *leaf, const double *leaves, i64 count, i64 width) {
#if defined(__AVX512BW__)
    if (count <= 64) { /* all values stand in registers; a leaf's number picks among them */
        __m512d table[8];
        for (int i = 0; i < 8; i++)
            table[i] = 8 * i < count ? _mm512_maskz_loadu_pd((__mmask8)(count - 8 * i >= 8 ? 255 : (1 << (count - 8 * i)) - 1), leaves + 8 * i)
                                     : _mm512_setzero_pd();
        for (i64 w = 0; w < width; w += 8) {
            __m512i number = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(leaf + w)));
            __m512d value = _mm512_permutex2var_pd(table[0], number, table[1]);
            if (count > 16) {
                __m512d next = _mm512_permutex2var_pd(table[2], number, table[3]);
                value = _mm512_mask_mov_pd(value, _mm512_test_epi64_mask(number, _mm512_set1_epi64(16)), next);
            }
            if (count > 32) {
                __mmask8 odd = _mm512_test_epi64_mask(number, _mm512_set1_epi64(16));
                __m512d low = _mm512_permutex2var_pd(table[4], number, table[5]);
                __m512d high = _mm512_permutex2var_pd(table[6], number, table[7]);
                low = _mm512_mask_mov_pd(low, odd, high);
                value = _mm512_mask_mov_pd(value, _mm512_test_epi64_mask(number, _mm512_set1_epi64(32)), low);
            }
            _mm512_storeu_pd(sum + w, _mm512_add_pd(_mm512_loadu_pd(sum + w), value));
        }
        return;
    }
#endif
    (void)count;
    for (i64 i = 0; i < width; i++) sum[i] += leaves[leaf[i]];
}

static inline __attribute__((always_inline)) void blend(const program *p, blend_room *room, i64 width) {
    const blend_step *steps = (const blend_step *)p->steps;
    for (i64 i = 0; i < width; i++) room->sum[i] = 0.0;
    for (i64 t = 0; t < p->trees; t++) {
        const blend_step *end = steps + p->tree[t + 1];
        u8 *to = room->slot;
        for (const blend_step *s = steps + p->tree[t]; s < end; s++) {
            const u8 *view = room->codes + (i64)s->view * BLOCK;
            i64 left_leaf = s->left >> 15, right_leaf = s->right >> 15; /* a leaf is the same for all rows */
            const u8 *left = left_leaf ? room->leaf + (s->left & 0x7fffu) * LANE : room->slot + s->left * BLOCK;
            const u8 *right = right_leaf ? room->leaf + (s->right & 0x7fffu) * LANE : room->slot + s->right * BLOCK;
            i64 left_mask = left_leaf - 1, right_mask = right_leaf - 1;
            u32 code = s->code;
            to = room->slot + (i64)s->slot * BLOCK;
            for (i64 w = 0; w < width; w += LANE)
                choose(to + w, view + w, code, left + (w & left_mask), right + (w & right_mask));
        }
        add_leaves(room->sum, to, p->leaves + p->leaf[t], p->leaf[t + 1] - p->leaf[t], width);
    }
}

static void blend_block(const program *p, blend_room *room, i64 width) {
    if (width == BLOCK) blend(p, room, BLOCK); /* a width known when compiled costs less */
    else blend(p, room, width);
}
