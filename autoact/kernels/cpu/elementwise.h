/* Elementwise functions that a compiler turns into vector code: float32, no branches, no calls.

   Each is accurate to about 2e-7 of max(|value|, 1), and relatively so near its zeros. Polynomials are weighted
   minimax fits; the error of the fit alone stands beside each. NaN stays NaN. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE float from_bits(int32_t i) { float f; memcpy(&f, &i, 4); return f; }
INLINE int32_t to_bits(float f) { int32_t i; memcpy(&i, &f, 4); return i; }
INLINE float nearest(float u) { return (u + 12582912.0f) - 12582912.0f; } /* for |u| < 2^22 */

/* What a tensor stores, and float32: bfloat16 is rounded to nearest even, NaN kept. */
INLINE float load_f32(const float *p) { return *p; }
INLINE void store_f32(float *p, float v) { *p = v; }
INLINE float load_bf16(const uint16_t *p) { return from_bits((int32_t)((uint32_t)*p << 16)); }
INLINE void store_bf16(uint16_t *p, float v) {
  uint32_t i = (uint32_t)to_bits(v);
  uint32_t rounded = (i + 0x7fffu + ((i >> 16) & 1u)) >> 16;
  *p = (uint16_t)(v == v ? rounded : 0x7fc0u);
}
#ifdef HALF
INLINE float load_f16(const _Float16 *p) { return (float)*p; }
INLINE void store_f16(_Float16 *p, float v) { *p = (_Float16)v; }
#endif

INLINE float pick(int32_t mask, float u, float v) { /* u where all bits of the mask are set, v where none is */
  return from_bits((to_bits(u) & mask) | (to_bits(v) & ~mask));
}
INLINE float pos(float u) { return 0.0f > u ? 0.0f : u; }
INLINE float neg(float u) { return 0.0f < u ? 0.0f : u; }
INLINE float step(float u) { return u > 0.0f ? 1.0f : 0.0f; }
INLINE float below(float u) { return u <= 0.0f ? 1.0f : 0.0f; }
INLINE float sign(float u) { return u > 0.0f ? 1.0f : (u < 0.0f ? -1.0f : 0.0f); }
INLINE float window(float u, float low, float high) { return (u > low) & (u < high) ? 1.0f : 0.0f; }
INLINE float clip(float u, float low, float high) { return u < low ? low : (u > high ? high : u); }
INLINE float finite_(float u) { return fabsf(u) <= 3.4028235e38f ? u : 0.0f; }

/* exp(u) = 2^n (1 + q), n = round(u / log 2), q = expm1(u - n log 2); 1e-8. `turns` is n + TURNS: added to so large
   a number, n is rounded and stands in its lowest bits, 127 above them: shifted by 23, they are 2^n. */
#define TURNS 12583039.0f /* 1.5 * 2^23 + 127 */
INLINE float turns_of(float u) { return u * 1.44269504f + TURNS; }
INLINE float scale_of(float turns) { return from_bits((int32_t)((uint32_t)to_bits(turns) << 23)); }
INLINE float rest_of(float u, float turns) {
  float n = turns - TURNS, r = (u - n * 0.693359375f) + n * 2.12194440e-4f;
  float s = 0.041666280f + r * (0.0083665838f + r * 0.0013946451f);
  return r + (r * r) * (0.5f + r * (0.16666543f + r * s));
}

INLINE float decay_argument(float u) { float a = -fabsf(u); return -88.0f > a ? -88.0f : a; }
INLINE float decay(float u) { /* exp(-|u|); 0 below 1e-38 */
  float a = decay_argument(u), t = turns_of(a), s = scale_of(t);
  return s + s * rest_of(a, t);
}
INLINE float decay1(float u) { /* expm1(-|u|) */
  float a = decay_argument(u), t = turns_of(a), s = scale_of(t);
  return (s - 1.0f) + s * rest_of(a, t);
}
INLINE float bell(float u) { return decay(u * u); } /* exp(-u^2) */

INLINE float exp_(float u) { /* the square of exp(u / 2) would lose digits: 2^n as a product of two */
  float a = -104.0f > u ? -104.0f : u;
  a = 89.0f < a ? 89.0f : a;
  float t = turns_of(a), half = nearest((t - TURNS) * 0.5f), s = scale_of(half + TURNS);
  return (s + s * rest_of(a, t)) * scale_of((t - half));
}
INLINE float expm1_(float u) {
  float a = -88.0f > u ? -88.0f : u;
  a = 89.0f < a ? 89.0f : a;
  float t = turns_of(a), half = nearest((t - TURNS) * 0.5f), s = scale_of(half + TURNS), q = rest_of(a, t);
  return t == TURNS ? q : (s + s * q) * scale_of(t - half) - 1.0f;
}

INLINE float log1p_unit(float e) { /* log(1 + e) for 0 <= e <= 1; 5e-9 */
  float s = 0.10603651f + e * (-0.056959499f + e * (0.019851444f + e * -0.003244021f));
  s = 0.33329964f + e * (-0.24954134f + e * (0.19675939f + e * (-0.15305591f + e * s)));
  return e * (1.0f + e * (-0.49999902f + e * s));
}
INLINE float log_(float u) { /* u = 2^n (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1]; 6e-9 */
  float v = u < 1.17549435e-38f ? u * 8388608.0f : u;
  int32_t i = to_bits(v) - 0x3f3504f3;
  float n = (float)(i >> 23) - (u < 1.17549435e-38f ? 23.0f : 0.0f);
  float f = from_bits((i & 0x007fffff) + 0x3f3504f3) - 1.0f;
  float s = 0.14181192f + f * (-0.13128754f + f * (0.12881647f + f * -0.078596115f));
  s = 0.33333316f + f * (-0.25000811f + f * (0.20002286f + f * (-0.16624554f + f * s)));
  float value = n * 0.693359375f + (f + (f * f) * (-0.5f + f * s) - n * 2.12194440e-4f);
  value = u == 0.0f ? -INFINITY : value;
  return u > 3.4028235e38f ? INFINITY : (u >= 0.0f ? value : NAN);
}

INLINE float erf_(float u) { /* a polynomial below 1/2, where 1 - erfc would cancel; 1.3e-9 and 1.1e-9 */
  float a = fabsf(u), z = u * u, t = 1.0f / (1.0f + 0.4f * a);
  float near = -0.37612608f + z * (0.11282838f + z * (-0.026758155f + z * 0.0047199279f));
  float far = -0.42124021f + t * (0.74051505f + t * -0.20801143f);
  far = t * (0.23439501f + t * (0.14602524f + t * (0.50831771f + t * far)));
  far = 1.0f - far * decay(z);
  return a < 0.5f ? u * (1.1283791f + z * near) : (u > 0.0f ? far : -far);
}

INLINE float atan_(float u) { /* pi/2 - atan(1/u) above 1; 1.4e-8 */
  float a = fabsf(u), s = a > 1.0f ? 1.0f / a : a, z = s * s;
  float p = 0.10654677f + z * (-0.075336762f + z * (0.043039367f + z * (-0.016283007f + z * 0.0029035526f)));
  p = s + s * z * (-0.33333093f + z * (0.19993053f + z * (-0.14207134f + z * p)));
  p = a > 1.0f ? 1.57079633f - p : p;
  return u < 0.0f ? -p : p;
}

/* sin(x), cos(x) = those of r = x - n pi/2, by the quadrant n mod 4; float64 keeps r exact for |x| < 2^50 */
INLINE float quarter_turns(float u, float *rest) {
  double n = (u * 0.63661977236758134 + 6755399441055744.0) - 6755399441055744.0;
  double r = (u - n * 1.57079632679489656) - n * 6.123233995736766e-17;
  *rest = fabsf(u) < 1e15f ? (float)r : u - u;
  double q = n * 0.25;
  return (float)(n - 4.0 * ((q + 6755399441055744.0) - 6755399441055744.0)); /* -2, -1, 0, 1 or 2 */
}
INLINE float sine(float r) {
  float z = r * r;
  return r + r * z * (-0.16666667f + z * (0.0083333291f + z * (-0.0001983933f + z * 2.7182746e-06f)));
}
INLINE float cosine(float r) {
  float z = r * r;
  return (1.0f - 0.5f * z) + z * z * (0.041666668f + z * (-0.0013888883f + z * (2.4799515e-05f + z * -2.72099e-07f)));
}
INLINE float sin_(float u) {
  float r, q = quarter_turns(u, &r), odd = q * q == 1.0f ? cosine(r) : sine(r);
  return (q == -1.0f) | (q * q == 4.0f) ? -odd : odd;
}
INLINE float cos_(float u) {
  float r, q = quarter_turns(u, &r), odd = q * q == 1.0f ? sine(r) : cosine(r);
  return (q == 1.0f) | (q * q == 4.0f) ? -odd : odd;
}
