/*
** words.h -- the words of pointwise.def for C: each is the function of the compute type, of suffix W, or
** a macro.  T is the compute type.  To be included last, and only where formulas become kernels.
** words.def says what each word is on tensors.
*/
#define WORD2(f, s)       f##_##s
#define WORD1(f, s)       WORD2(f, s)
#define FN(f)             WORD1(f, W)

#define K(c)              ((T)(c))
#define where(c, a, b)    ((c) ? (T)(a) : (T)(b))
#define gt(a, b)          ((a) > (b))
#define ge(a, b)          ((a) >= (b))
#define lt(a, b)          ((a) < (b))
#define le(a, b)          ((a) <= (b))
#define eq(a, b)          ((a) == (b))
#define ne(a, b)          ((a) != (b))
#define both(a, b)        ((a) & (b))          /* of tests, which are 0 or 1 */
#define either(a, b)      ((a) | (b))
#define no(a)             (!(a))
#define bxor(a, b)        ((a) ^ (b))

#undef isnan
#undef isinf
#undef isfinite
#undef signbit
#define isnan(x)          FN(isnan)(x)
#define isinf(x)          FN(isinf)(x)
#define isfinite(x)       FN(isfinite)(x)
#define signbit(x)        FN(signbit)(x)

#define abs(x)            FN(abs)(x)
#define sign(x)           FN(sign)(x)
#define max(a, b)         FN(max)(a, b)        /* pass NaN; the second where they are equal */
#define min(a, b)         FN(min)(a, b)
#define fma(a, b, c)      FN(fma)(a, b, c)     /* rounded once; of integers a * b + c */
#define square(x)         FN(square)(x)
#define sqrt(x)           FN(sqrt)(x)
#define floor(x)          FN(floor)(x)
#define ceil(x)           FN(ceil)(x)
#define trunc(x)          FN(trunc)(x)
#define rint(x)           FN(rint)(x)
#define fdiv(a, b)        FN(fdiv)(a, b)       /* a / b rounded down, towards 0; what is left of each */
#define tdiv(a, b)        FN(tdiv)(a, b)
#define mod(a, b)         FN(mod)(a, b)
#define rem(a, b)         FN(rem)(a, b)
#define pow(a, b)         FN(pow)(a, b)
#define power(x, n)       FN(power)(x, n)

#define exp(x)            FN(exp)(x)
#define exp2(x)           FN(exp2)(x)
#define expm1(x)          FN(expm1)(x)
#define log(x)            FN(log)(x)
#define log2(x)           FN(log2)(x)
#define log10(x)          FN(log10)(x)
#define log1p(x)          FN(log1p)(x)
#define sin(x)            FN(sin)(x)
#define cos(x)            FN(cos)(x)
#define tan(x)            FN(tan)(x)
#define asin(x)           FN(asin)(x)
#define acos(x)           FN(acos)(x)
#define atan(x)           FN(atan)(x)
#define sinh(x)           FN(sinh)(x)
#define cosh(x)           FN(cosh)(x)
#define tanh(x)           FN(tanh)(x)
#define asinh(x)          FN(asinh)(x)
#define acosh(x)          FN(acosh)(x)
#define atanh(x)          FN(atanh)(x)
#define erf(x)            FN(erf)(x)
#define erfc(x)           FN(erfc)(x)
#define atan2(a, b)       FN(atan2)(a, b)
#define hypot(a, b)       FN(hypot)(a, b)

#define gcd(a, b)         FN(gcd)(a, b)
#define lcm(a, b)         FN(lcm)(a, b)
#define shl(a, b)         FN(shl)(a, b)
#define shr(a, b)         FN(shr)(a, b)
