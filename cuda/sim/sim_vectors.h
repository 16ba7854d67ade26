/*
** sim_vectors.h -- CUDA's small vector types with CUDA's alignment.  Vectors of 8 and 16 bytes are aligned to their
** size, so that a load through a pointer that is not is seen by the alignment check the kernels are built with.
*/
#ifndef sim_vectors_h
#define sim_vectors_h

#define SIM_VEC1(T, base, align)  typedef struct T { base x; } T;
#define SIM_VEC2(T, base, align)  typedef struct __attribute__((aligned(align))) T { base x, y; } T;
#define SIM_VEC3(T, base, align)  typedef struct T { base x, y, z; } T;
#define SIM_VEC4(T, base, align)  typedef struct __attribute__((aligned(align))) T { base x, y, z, w; } T;

/* name, element, bytes of an element */
#define SIM_FAMILY(name, base, n) \
  SIM_VEC1(name##1, base, n) SIM_VEC2(name##2, base, 2 * n) SIM_VEC3(name##3, base, n) \
  SIM_VEC4(name##4, base, (4 * n > 16 ? 16 : 4 * n))

SIM_FAMILY(char, signed char, 1)
SIM_FAMILY(uchar, unsigned char, 1)
SIM_FAMILY(short, short, 2)
SIM_FAMILY(ushort, unsigned short, 2)
SIM_FAMILY(int, int, 4)
SIM_FAMILY(uint, unsigned int, 4)
SIM_FAMILY(long, long, 8)
SIM_FAMILY(ulong, unsigned long, 8)
SIM_FAMILY(longlong, long long, 8)
SIM_FAMILY(ulonglong, unsigned long long, 8)
SIM_FAMILY(float, float, 4)
SIM_FAMILY(double, double, 8)

#define SIM_MAKE(name, base) \
  static inline name##1 make_##name##1 (base x) { name##1 v = { x }; return v; } \
  static inline name##2 make_##name##2 (base x, base y) { name##2 v = { x, y }; return v; } \
  static inline name##3 make_##name##3 (base x, base y, base z) { name##3 v = { x, y, z }; return v; } \
  static inline name##4 make_##name##4 (base x, base y, base z, base w) { name##4 v = { x, y, z, w }; return v; }

SIM_MAKE(char, signed char)
SIM_MAKE(uchar, unsigned char)
SIM_MAKE(short, short)
SIM_MAKE(ushort, unsigned short)
SIM_MAKE(int, int)
SIM_MAKE(uint, unsigned int)
SIM_MAKE(long, long)
SIM_MAKE(ulong, unsigned long)
SIM_MAKE(longlong, long long)
SIM_MAKE(ulonglong, unsigned long long)
SIM_MAKE(float, float)
SIM_MAKE(double, double)

#undef SIM_VEC1
#undef SIM_VEC2
#undef SIM_VEC3
#undef SIM_VEC4
#undef SIM_FAMILY
#undef SIM_MAKE

typedef struct dim3 {
  unsigned int x, y, z;
#ifdef __cplusplus
  constexpr dim3 (unsigned int i = 1, unsigned int j = 1, unsigned int k = 1) : x(i), y(j), z(k) {}
  constexpr dim3 (uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3 () const { return uint3{ x, y, z }; }
#endif
} dim3;

#endif
