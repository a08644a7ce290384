
/* The loops over elements. x is a sequence of `items` of one set of weights each: channels, or parts of a layer.
   An item is `runs` runs of `length` consecutive elements, `stride` apart; the last item of a layer is shorter. */
#define PART 4096

typedef struct {
  int64_t items, offset, weights_step, parameters_step, runs, stride, length, last_length;
} Layout;

static int64_t length_of(const Layout *layout, int64_t item) {
  return item + 1 < layout->items ? layout->length : layout->last_length;
}

static void forward_run(const STORED *restrict in, const float *restrict c, STORED *restrict out, int64_t n) {
  READ_COEFFICIENTS
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) {
    const float x = LOAD(in + i);
    FORWARD
    STORE(out + i, y);
  }
}

static void backward_run(const STORED *restrict in, const STORED *restrict grad, const float *restrict c,
                         STORED *restrict out, double *restrict total, int64_t n) {
  READ_COEFFICIENTS
  for (int64_t start = 0; start < n; start += PART) {
    const int64_t stop = n - start < PART ? n : start + PART;
    ZERO_SUMS
    REDUCE
    for (int64_t i = start; i < stop; i++) {
      const float x = LOAD(in + i);
      const float g = LOAD(grad + i);
      BACKWARD
      STORE(out + i, g * slope);
      ADD_SUMS
    }
    KEEP_SUMS
  }
}

void forward(const STORED *in, const float *weights, const float *parameters, STORED *out, const Layout *layout,
             int64_t first, int64_t last) {
  float c[COEFFICIENTS];
  for (int64_t item = first; item < last; item++) {
    const int64_t start = item * layout->offset;
    coefficients(weights + item * layout->weights_step, parameters + item * layout->parameters_step, c);
    for (int64_t run = 0; run < layout->runs; run++) {
      const int64_t at = start + run * layout->stride;
      forward_run(in + at, c, out + at, length_of(layout, item));
    }
  }
}

void backward(const STORED *in, const STORED *grad, const float *weights, const float *parameters, STORED *out,
              double *totals, const Layout *layout, int64_t first, int64_t last) {
  float c[COEFFICIENTS];
  for (int64_t item = first; item < last; item++) {
    const int64_t start = item * layout->offset;
    double *total = totals + item * COEFFICIENTS;
    memset(total, 0, COEFFICIENTS * sizeof(double));
    coefficients(weights + item * layout->weights_step, parameters + item * layout->parameters_step, c);
    for (int64_t run = 0; run < layout->runs; run++) {
      const int64_t at = start + run * layout->stride;
      backward_run(in + at, grad + at, c, out + at, total, length_of(layout, item));
    }
  }
}

/* Gradients of weights and parameters from the totals of all items, added up in order. */
void pull_back(const float *weights, const float *parameters, const double *totals, const Layout *layout,
               float *weights_grad, float *parameters_grad) {
  const int64_t per_item = layout->weights_step || layout->parameters_step;
  const int64_t rows = per_item ? layout->items : 1;
  for (int64_t row = 0; row < rows; row++) {
    const int64_t first = per_item ? row : 0, last = per_item ? row + 1 : layout->items;
    double sum[COEFFICIENTS] = {0.0};
    for (int64_t item = first; item < last; item++)
      for (int64_t j = 0; j < COEFFICIENTS; j++) sum[j] += totals[item * COEFFICIENTS + j];
    coefficient_gradients(weights + row * layout->weights_step, parameters + row * layout->parameters_step, sum,
                          weights_grad + row * WEIGHTS, parameters_grad + row * PARAMETERS);
  }
}
