/* Which level of the x86-64 instruction sets (psABI levels v3 and v4) this processor and its system offer. */
#include "program.h"

#if defined(__x86_64__)
static void ask(u32 leaf, u32 *r) {
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}
#define ALL(value, bits) (((value) & (bits)) == (bits))

VISIBLE i64 level(void) {
    u32 one[4], seven[4], extended[4], low, high;
    ask(0, one);
    if (one[0] < 7) return 1;
    ask(1, one);
    ask(7, seven);
    ask(0x80000001u, extended);
    u32 wanted = 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29; /* FMA MOVBE OSXSAVE AVX F16C */
    if (!ALL(one[2], wanted) || !ALL(seven[1], 1u << 3 | 1u << 5 | 1u << 8) || !ALL(extended[2], 1u << 5)) return 1;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0)); /* which registers the system saves */
    if (!ALL(low, 0x6u)) return 1;
    u32 avx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31; /* F DQ CD BW VL */
    return ALL(seven[1], avx512) && ALL(low, 0xe6u) ? 4 : 3;
}
#else
VISIBLE i64 level(void) { return 1; }
#endif
