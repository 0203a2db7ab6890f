/* The functions of valuation/elementary.py, operation for operation: what is said there about bits holds here. */
#ifndef CANZHI_ELEMENTARY
#define CANZHI_ELEMENTARY
#include "program.h"

typedef unsigned long long u64;

#define LN2_HIGH 0.6931471803691238
#define LN2_LOW 1.9082149292705877e-10
#define LN2 0.6931471805599453

static inline u64 bits_of(double x) {
    u64 bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double from_bits(u64 bits) {
    double x;
    __builtin_memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^k for a normal result. */
static inline double two_to(i64 k) { return from_bits((u64)(k + 1023) << 52); }

static inline double copy_sign(double size, double sign) {
    return from_bits((bits_of(size) & ~(1ull << 63)) | (bits_of(sign) & 1ull << 63));
}

static inline double size_of(double x) { return from_bits(bits_of(x) & ~(1ull << 63)); }

/* The nearest whole number below; |x| is small here. */
static inline double floor_of(double x) {
    double cut = (double)(i64)x;
    return cut > x ? cut - 1.0 : cut;
}

static double exp_of(double x) {
    static const double inverse_factorials[] = {
        1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0,
        1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 1.0 / 2.0, 1.0, 1.0,
    };
    if (x != x) return x;
    double bounded = x < -745.0 ? -745.0 : x > 709.0 ? 709.0 : x;
    double halvings = floor_of(bounded / LN2 + 0.5);
    double rest = (bounded - halvings * LN2_HIGH) - halvings * LN2_LOW;
    double total = 0.0;
    for (int i = 0; i < 14; i++) total = total * rest + inverse_factorials[i];
    i64 k = (i64)halvings;
    /* below the normal numbers one multiplication must do all the rounding, so the one before it is exact */
    return k < -1022 ? total * two_to(k + 128) * two_to(-128) : total * two_to(k);
}

static double log_of(double x) {
    static const double odd_reciprocals[] = {
        1.0 / 21.0, 1.0 / 19.0, 1.0 / 17.0, 1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0,
        1.0 / 3.0, 1.0,
    };
    const double infinity = from_bits(0x7ffull << 52);
    if (!(x > 0.0)) return x == 0.0 ? -infinity : from_bits(0x7ff8ull << 48);
    if (x == infinity) return x;
    i64 exponent = 0;
    if (x < two_to(-1022)) x *= two_to(54), exponent = -54;
    exponent += (i64)(bits_of(x) >> 52) - 1022;
    double mantissa = from_bits((bits_of(x) & ((1ull << 52) - 1)) | 1022ull << 52);
    if (mantissa < 0.7071067811865476) mantissa *= 2.0, exponent--;
    double ratio = (mantissa - 1.0) / (mantissa + 1.0);
    double square = ratio * ratio;
    double series = 0.0;
    for (int i = 0; i < 11; i++) series = series * square + odd_reciprocals[i];
    double power = (double)exponent;
    return power * LN2_HIGH + (power * LN2_LOW + 2.0 * ratio * series);
}

static double asinh_of(double x) {
    double size = size_of(x), square = size * size, value;
    if (size < 0.02)
        value = size * (1.0 - square * (1.0 / 6.0 - square * (3.0 / 40.0 - square * 15.0 / 336.0)));
    else
        value = log_of(size + __builtin_sqrt(square + 1.0));
    return copy_sign(value, x);
}

static double sinh_of(double x) {
    double size = size_of(x), square = size * size, value;
    if (size < 0.05) {
        value = size * (1.0 + square / 6.0 * (1.0 + square / 20.0 * (1.0 + square / 42.0)));
    } else {
        double grown = exp_of(size);
        value = (grown - 1.0 / grown) / 2.0;
    }
    return copy_sign(value, x);
}

#endif
