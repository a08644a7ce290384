
/* One set of weights makes y and dy/dx functions of x alone: each becomes one cubic per interval of width WIDTH, the
   same cost for 8 members and for 80. Interval k is (k WIDTH, (k + 1) WIDTH] and t runs over it from -1 to 1.

   Cubics pass through the kernel's own values at four points inside, so that kinks between intervals cost nothing.
   At five more points y, dy/dx and every basis function are compared: where one of them misses, the cubic is made
   NaN, and elements that fall there, or outside, are computed by the loops of mixture.c.

   Sums over elements, of grad times a basis function b, need no b: with the moments m_p, the sums of grad t^p over an
   interval, they are the sum over p of m_p times the coefficients of the cubic of b, which are linear in b's values
   at the four points. pull_back turns moments into weights of these values. */
#define WIDTH 0.0625f
#define HALF_COUNT 256
#define COUNT (2 * HALF_COUNT)
#define OUTSIDE COUNT    /* and NaN */
#define ZERO (COUNT + 1) /* x = 0 has a cubic of its own: sign and step are what they are at 0 */
#define SLOTS (COUNT + 2)
#define BATCH 64    /* intervals evaluated together; divides COUNT */
#define ROLES 9     /* points per interval: four make the cubic, five check it */
#define POINTS (ROLES * BATCH)
#define BLOCK 2048  /* elements on the way through the table together; a multiple of 4 */
#define VECTOR 16   /* elements; divides BLOCK */
#define GROUP 32    /* elements searched together for one that missed; divides BLOCK */
#define FLUSH 16384 /* elements whose moments are added up in float32 */
#define COPIES 2    /* of the moments: the next element need not wait for the last */
#define OUTER 0.9375f
#define INNER 0.375f
#define SPREAD (OUTER * OUTER - INNER * INNER)
#define VALUE_LIMIT 4e-7f
#define BASIS_LIMIT 1e-6f

typedef float Four __attribute__((vector_size(16)));
typedef int32_t FourIndices __attribute__((vector_size(16)));
#ifdef __clang__
#define SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, (FourIndices){i, j, k, l})
#endif
#define TRANSPOSE(a, b, c, d) \
  { \
    const Four low_ = SHUFFLE(a, b, 0, 4, 1, 5), high_ = SHUFFLE(a, b, 2, 6, 3, 7); \
    const Four low2_ = SHUFFLE(c, d, 0, 4, 1, 5), high2_ = SHUFFLE(c, d, 2, 6, 3, 7); \
    a = SHUFFLE(low_, low2_, 0, 1, 4, 5), b = SHUFFLE(low_, low2_, 2, 3, 6, 7); \
    c = SHUFFLE(high_, high2_, 0, 1, 4, 5), d = SHUFFLE(high_, high2_, 2, 3, 6, 7); \
  }

typedef struct { Four slot[SLOTS]; } Table;

static void values_at(const float *restrict points, const float *restrict c, float *restrict value, int64_t n) {
  READ_COEFFICIENTS
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) {
    const float x = points[i];
    FORWARD
    value[i] = y;
  }
}

static void slopes_at(const float *restrict points, const float *restrict c, float *restrict value,
                      float *restrict partial, int64_t n) {
  READ_COEFFICIENTS
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) {
    const float x = points[i];
    BACKWARD
    value[i] = slope;
    KEEP_PARTIALS
  }
}

/* t of a role's point; the last checks are the first and last numbers inside the interval, and x = 0 is in none */
static float place(int role) {
  static const float t[ROLES] = {-OUTER, OUTER, -INNER, INNER, 0.0f, -0.6875f, 0.6875f, 1.0f, -1.0f};
  return t[role];
}

static void points_of(int64_t first, int roles, float *points) {
  for (int role = 0; role < roles; role++)
    for (int64_t i = 0; i < BATCH; i++) {
      const float left = (float)(first + i - HALF_COUNT) * WIDTH;
      float x = left + (place(role) * 0.5f + 0.5f) * WIDTH;
      if (role == 7 && x == 0.0f) x = -1.17549435e-38f;
      if (role == 8) x = left == 0.0f ? 1.17549435e-38f : nextafterf(left, INFINITY);
      points[role * BATCH + i] = x;
    }
}

/* The cubics of one function, and which of them are within `limit` of max(|value|, 1) at the points of the checks. */
static void fit(const float *restrict value, float limit, float cubic[4][BATCH], int32_t *restrict good) {
  for (int64_t i = 0; i < BATCH; i++) {
    const float a = value[i], b = value[BATCH + i], c = value[2 * BATCH + i], d = value[3 * BATCH + i];
    const float even = (a + b) * 0.5f, odd = (b - a) * (0.5f / OUTER);
    const float inner_even = (c + d) * 0.5f, inner_odd = (d - c) * (0.5f / INNER);
    cubic[2][i] = (even - inner_even) * (1.0f / SPREAD);
    cubic[3][i] = (odd - inner_odd) * (1.0f / SPREAD);
    cubic[0][i] = inner_even - cubic[2][i] * (INNER * INNER);
    cubic[1][i] = inner_odd - cubic[3][i] * (INNER * INNER);
  }
  for (int role = 4; role < ROLES; role++) {
    const float t = place(role);
    for (int64_t i = 0; i < BATCH; i++) {
      const float want = value[role * BATCH + i], size = fabsf(want);
      const float got = cubic[0][i] + t * (cubic[1][i] + t * (cubic[2][i] + t * cubic[3][i]));
      good[i] &= fabsf(got - want) <= limit * (size > 1.0f ? size : 1.0f);
    }
  }
}

/* Returns whether enough intervals about 0 are good for the table to be used. */
static int fill(const float *c, int backward, Table *table) {
  static const Four nothing = {NAN, NAN, NAN, NAN};
  float points[POINTS], value[POINTS], cubic[4][BATCH], unused[4][BATCH];
  float partial[COEFFICIENTS * POINTS];
  int32_t good[BATCH];
  int bad = 0;
  for (int64_t first = 0; first < COUNT; first += BATCH) {
    for (int64_t i = 0; i < BATCH; i++) good[i] = 1;
    points_of(first, ROLES, points);
    if (backward) slopes_at(points, c, value, partial, POINTS);
    else values_at(points, c, value, POINTS);
    fit(value, VALUE_LIMIT, cubic, good);
    for (int j = 0; backward && j < COEFFICIENTS; j++) fit(partial + j * POINTS, BASIS_LIMIT, unused, good);
    for (int64_t i = 0; i < BATCH; i++) {
      table->slot[first + i] = good[i] ? (Four){cubic[0][i], cubic[1][i], cubic[2][i], cubic[3][i]} : nothing;
      bad += !good[i] && fabsf((float)(first + i - HALF_COUNT)) < HALF_COUNT / 4;
    }
  }
  points[0] = 0.0f;
  if (backward) slopes_at(points, c, value, partial, 1);
  else values_at(points, c, value, 1);
  table->slot[ZERO] = (Four){value[0], 0.0f, 0.0f, 0.0f};
  table->slot[OUTSIDE] = nothing;
  return 4 * bad <= HALF_COUNT / 2;
}

static void locate(const STORED *restrict in, int32_t *restrict slot, float *restrict t, int64_t n) {
  const float far = 2.0f * HALF_COUNT;
  for (int64_t i = 0; i < n; i++) {
    const float u = LOAD(in + i) * (1.0f / WIDTH), low = u > -far ? u : far, v = low < far ? low : far;
    const float k = ceilf(v);
    const uint32_t found = (uint32_t)((int32_t)k + (HALF_COUNT - 1));
    slot[i] = (int32_t)(found < OUTSIDE ? found : OUTSIDE) + (u == 0.0f ? ZERO - (HALF_COUNT - 1) : 0);
    t[i] = 2.0f * (v - k) + 1.0f;
  }
}

/* The cubics at n elements, rounded up to a multiple of 4. */
static void evaluate(const Table *table, const int32_t *slot, const float *t, float *value, int64_t n) {
  for (int64_t i = 0; i < n; i += 4) {
    Four a = table->slot[slot[i]], b = table->slot[slot[i + 1]];
    Four c = table->slot[slot[i + 2]], d = table->slot[slot[i + 3]], at;
    TRANSPOSE(a, b, c, d)
    memcpy(&at, t + i, sizeof at);
    at = a + at * (b + at * (c + at * d));
    memcpy(value + i, &at, sizeof at);
  }
}

static void add_moments(Four *moments, const int32_t *slot, const float *t, const float *g, int64_t n) {
  for (int64_t i = 0; i < n; i += 4) {
    Four a, at;
    memcpy(&a, g + i, sizeof a);
    memcpy(&at, t + i, sizeof at);
    Four b = a * at, c = b * at, d = c * at;
    TRANSPOSE(a, b, c, d)
    moments[slot[i]] += a;
    moments[SLOTS + slot[i + 1]] += b;
    moments[slot[i + 2]] += c;
    moments[SLOTS + slot[i + 3]] += d;
  }
}

/* Where the table says nothing: the indices of these elements, in order. `value` has room for whole groups. */
static int64_t missed(float *value, int32_t *list, int64_t n) {
  int64_t count = 0;
  for (int64_t i = n; i % GROUP; i++) value[i] = 0.0f;
  for (int64_t start = 0; start < n; start += GROUP) {
    int any = 0;
    for (int64_t i = 0; i < GROUP; i++) any |= value[start + i] != value[start + i];
    for (int64_t i = start; any && i < start + GROUP; i++) {
      list[count] = (int32_t)i;
      count += value[i] != value[i];
    }
  }
  return count;
}

/* Rounds a list up to whole vectors, by zeros: single elements after the last one cost as much as a vector each. */
static int64_t padded(STORED *list, int64_t n) {
  const int64_t whole = (n + VECTOR - 1) / VECTOR * VECTOR;
  memset(list + n, 0, (whole - n) * sizeof *list);
  return whole;
}

static void table_forward_block(const Table *table, const STORED *restrict in, const float *c,
                                STORED *restrict out, int64_t n) {
  int32_t slot[BLOCK], list[BLOCK + 1];
  float t[BLOCK], value[BLOCK];
  STORED few[BLOCK], exact[BLOCK];
  memset(slot + (n & ~(int64_t)3), 0, n & 3 ? 4 * sizeof *slot : 0);
  memset(t + (n & ~(int64_t)3), 0, n & 3 ? 4 * sizeof *t : 0);
  locate(in, slot, t, n);
  evaluate(table, slot, t, value, n);
  const int64_t count = missed(value, list, n);
  if (4 * count > n) {
    forward_run(in, c, out, n);
    return;
  }
  for (int64_t i = 0; i < n; i++) STORE(out + i, value[i]);
  if (!count) return;
  for (int64_t i = 0; i < count; i++) few[i] = in[list[i]];
  forward_run(few, c, exact, padded(few, count));
  for (int64_t i = 0; i < count; i++) out[list[i]] = exact[i];
}

static void table_backward_block(const Table *table, const STORED *restrict in, const STORED *restrict grad,
                                 const float *c, STORED *restrict out, double *total, Four *moments, int64_t n) {
  int32_t slot[BLOCK], list[BLOCK + 1];
  float t[BLOCK], value[BLOCK], g[BLOCK];
  STORED few[BLOCK], few_grad[BLOCK], exact[BLOCK];
  memset(slot + (n & ~(int64_t)3), 0, n & 3 ? 4 * sizeof *slot : 0);
  memset(t + (n & ~(int64_t)3), 0, n & 3 ? 4 * sizeof *t : 0);
  memset(g + (n & ~(int64_t)3), 0, n & 3 ? 4 * sizeof *g : 0);
  locate(in, slot, t, n);
  evaluate(table, slot, t, value, n);
  const int64_t count = missed(value, list, n);
  if (4 * count > n) {
    backward_run(in, grad, c, out, total, n);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    g[i] = LOAD(grad + i);
    STORE(out + i, g[i] * value[i]);
  }
  add_moments(moments, slot, t, g, n);
  if (!count) return;
  for (int64_t i = 0; i < count; i++) few[i] = in[list[i]], few_grad[i] = grad[list[i]];
  padded(few_grad, count);
  backward_run(few, few_grad, c, exact, total, padded(few, count));
  for (int64_t i = 0; i < count; i++) out[list[i]] = exact[i];
}

/* Moments in float64, without those of slots whose elements were computed one by one. */
static void keep_moments(const Table *table, const Four *moments, double *kept) {
  for (int64_t k = 0; k < SLOTS; k++) {
    const Four sum = moments[k] + moments[SLOTS + k];
    const int good = table->slot[k][0] == table->slot[k][0];
    for (int p = 0; p < 4; p++) kept[4 * k + p] += good ? (double)sum[p] : 0.0;
  }
}

/* As `forward`, of one set of weights. */
void table_forward(const STORED *in, const float *weights, const float *parameters, STORED *out,
                   const Layout *layout, int64_t first, int64_t last) {
  float c[COEFFICIENTS];
  Table table;
  coefficients(weights, parameters, c);
  if (!fill(c, 0, &table)) {
    forward(in, weights, parameters, out, layout, first, last);
    return;
  }
  for (int64_t item = first; item < last; item++) {
    const int64_t start = item * layout->offset, stop = start + length_of(layout, item);
    for (int64_t at = start; at < stop; at += BLOCK)
      table_forward_block(&table, in + at, c, out + at, stop - at < BLOCK ? stop - at : BLOCK);
  }
}

/* As `backward`, of one set of weights; the totals of an item are its sums, then its moments. */
#define TOTALS (COEFFICIENTS + 4 * SLOTS)

void table_backward(const STORED *in, const STORED *grad, const float *weights, const float *parameters,
                    STORED *out, double *totals, const Layout *layout, int64_t first, int64_t last) {
  float c[COEFFICIENTS];
  Table table;
  Four moments[COPIES * SLOTS];
  coefficients(weights, parameters, c);
  const int used = fill(c, 1, &table);
  memset(totals + first * TOTALS, 0, (last - first) * TOTALS * sizeof(double));
  for (int64_t item = first; item < last; item++) {
    double *total = totals + item * TOTALS;
    const int64_t start = item * layout->offset, stop = start + length_of(layout, item);
    if (!used) backward_run(in + start, grad + start, c, out + start, total, stop - start);
    for (int64_t part = start; used && part < stop; part += FLUSH) {
      const int64_t end = stop - part < FLUSH ? stop : part + FLUSH;
      memset(moments, 0, sizeof moments);
      for (int64_t at = part; at < end; at += BLOCK)
        table_backward_block(&table, in + at, grad + at, c, out + at, total, moments,
                             end - at < BLOCK ? end - at : BLOCK);
      keep_moments(&table, moments, total + COEFFICIENTS);
    }
  }
}

/* What the values at the points that make the cubics of a batch weigh in the sums. */
static void point_weights(const double *kept, double weight[4 * BATCH]) {
  for (int64_t i = 0; i < BATCH; i++) {
    const double *m = kept + 4 * i;
    const double even = (m[2] - m[0] * (INNER * INNER)) / SPREAD, odd = (m[3] - m[1] * (INNER * INNER)) / SPREAD;
    const double rest = m[0] - even, odd_rest = m[1] - odd;
    weight[i] = 0.5 * (even - odd / OUTER);
    weight[BATCH + i] = 0.5 * (even + odd / OUTER);
    weight[2 * BATCH + i] = 0.5 * (rest - odd_rest / INNER);
    weight[3 * BATCH + i] = 0.5 * (rest + odd_rest / INNER);
  }
}

static void add_weighted(const float *partial, const double *weight, int64_t n, double *sum) {
  for (int j = 0; j < COEFFICIENTS; j++)
    for (int64_t i = 0; i < n; i++)
      if (weight[i] != 0.0) sum[j] += weight[i] * (double)partial[j * POINTS + i];
}

/* As `pull_back`. */
void table_pull_back(const float *weights, const float *parameters, const double *totals, const Layout *layout,
                     float *weights_grad, float *parameters_grad) {
  double sum[TOTALS] = {0}, weight[4 * BATCH];
  float c[COEFFICIENTS], points[4 * BATCH], slope[4 * BATCH], partial[COEFFICIENTS * POINTS];
  coefficients(weights, parameters, c);
  for (int64_t item = 0; item < layout->items; item++)
    for (int64_t j = 0; j < TOTALS; j++) sum[j] += totals[item * TOTALS + j];
  for (int64_t first = 0; first < COUNT; first += BATCH) {
    points_of(first, 4, points);
    slopes_at(points, c, slope, partial, 4 * BATCH);
    point_weights(sum + COEFFICIENTS + 4 * first, weight);
    add_weighted(partial, weight, 4 * BATCH, sum);
  }
  points[0] = 0.0f;
  slopes_at(points, c, slope, partial, 1);
  add_weighted(partial, sum + COEFFICIENTS + 4 * ZERO, 1, sum);
  coefficient_gradients(weights, parameters, sum, weights_grad, parameters_grad);
}
