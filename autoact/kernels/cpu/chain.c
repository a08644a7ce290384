/* Chain of a layer with one set of weights: from logits and raw numbers to weights and parameter values, and their
   gradients back; float64 inside. One library serves all layers. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct { double lower, upper, free, side, bound, floor, width; } Form;
typedef struct { int64_t candidates, parameters; Form forms[]; } Layer;

static double or_one(double u) { return u == 0.0 ? 1.0 : u; }
static double clamp(double u, double low, double high) { return u < low ? low : (u > high ? high : u); } /* NaN stays */
static double sigmoid(double u) {
  const double power = exp(-fabs(u));
  return (u >= 0.0 ? 1.0 : power) / (1.0 + power);
}
static double log2_1p_exp2(double u) { return (u > 0.0 ? u : 0.0) + log2(1.0 + exp2(-fabs(u))); }
static double logit(double share, double edge) {
  const double inside = clamp(share, edge, 1.0 - edge);
  return log(inside / (1.0 - inside));
}

/* Release moves by `step`, to 1 at most, if the logits differ from those seen last, which they then are. */
void advance_release(const float *logits, float *release, float *seen, float step, int64_t many) {
  int moved = 0;
  for (int64_t k = 0; k < many; k++) moved |= logits[k] != seen[k];
  if (!moved) return;
  *release = *release + step < 1.0f ? *release + step : 1.0f;
  memcpy(seen, logits, many * sizeof(float));
}

/* The state: weights, values, derivatives of both, and what they were made of. Returns the only candidate that weighs
   anything if it weighs 1, else -1. */
int64_t chain(const Layer *layer, const float *logits, const float *raw, const float *temperature, float *release,
              const float *anchor, const double *initial, float *seen, float *state, float step) {
  const int64_t many = layer->candidates, numbers = layer->parameters;
  float *weights = state, *values = weights + many, *slopes = values + numbers, *speeds = slopes + many;
  float *rest = speeds + numbers;
  if (step > 0.0f) advance_release(logits, release, seen, step, many);
  const double sharpness = 1.0 / *temperature, share = *release;
  double top = -INFINITY, sum = 0.0, powers[many];
  for (int64_t k = 0; k < many; k++) top = logits[k] * sharpness > top ? logits[k] * sharpness : top;
  for (int64_t k = 0; k < many; k++) sum += powers[k] = exp(logits[k] * sharpness - top);
  int64_t ones = 0, zeros = 0, single = -1;
  for (int64_t k = 0; k < many; k++) {
    const double p = powers[k] / sum;
    weights[k] = (float)((1.0 - share) * anchor[k] + share * p);
    slopes[k] = (float)(p * sharpness);
    if (weights[k] == 1.0f) ones++, single = k;
    zeros += weights[k] == 0.0f;
  }
  for (int64_t i = 0; i < numbers; i++) {
    const Form f = layer->forms[i];
    const double r = raw[i], v = initial[i];
    values[i] = (float)VALUE;
    speeds[i] = (float)SPEED;
    rest[2 + many + i] = (float)v;
  }
  rest[0] = *temperature, rest[1] = *release;
  memcpy(rest + 2, anchor, many * sizeof(float));
  return ones == 1 && zeros == many - 1 ? single : -1;
}

/* Gradients of logits and raw numbers from those of weights and values. */
void chain_backward(const Layer *layer, const float *state, const float *weights_grad, const float *values_grad,
                    float *logits_grad, float *raw_grad) {
  const int64_t many = layer->candidates, numbers = layer->parameters;
  const float *slopes = state + many + numbers, *speeds = slopes + many;
  double pulled = 0.0, total = 0.0;
  for (int64_t k = 0; k < many; k++) pulled += (double)slopes[k] * weights_grad[k], total += slopes[k];
  for (int64_t k = 0; k < many; k++) logits_grad[k] = (float)(slopes[k] * (weights_grad[k] - pulled / total));
  for (int64_t i = 0; i < numbers; i++) raw_grad[i] = (float)((double)speeds[i] * values_grad[i]);
}

static int ascending(const void *a, const void *b) {
  const float u = *(const float *)a, v = *(const float *)b;
  return (u > v) - (u < v);
}

/* Running quantiles move towards elements of x that are spread over it by a ratio; not if one of them is not finite. */
void observe(const float *x, int64_t count, float *quantiles, int64_t *observed, int64_t many, double ratio,
             double slowest) {
  float chosen[many];
  if (count == 0) return;
  for (int64_t i = 0; i < many; i++) {
    const double turns = (double)i * ratio;
    chosen[i] = x[(int64_t)((turns - floor(turns)) * (double)count)];
    if (!(fabsf(chosen[i]) <= 3.4028235e38f)) return;
  }
  qsort(chosen, many, sizeof(float), ascending);
  const float mean = 1.0f / (float)(*observed + 1), rate = mean > (float)slowest ? mean : (float)slowest;
  for (int64_t i = 0; i < many; i++) quantiles[i] += rate * (chosen[i] - quantiles[i]);
  *observed += 1;
}
