// Networks of one hidden layer whose weights all lie in [-bound, bound]: evenly shifted copies of φ.
import { boundedLeastSquares, damped } from "./least_squares.js";

const FITTED = 1025;
const MEASURED = 4001; // points, evenly spaced on [-1, 1]

export const evenly = (low, high, count) => Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));

const rootMeanSquare = (values) => Math.sqrt(values.reduce((sum, each) => sum + each * each, 0) / values.length);

// Return {shifts, weights, constant, error, predict(x), patch(j, x)} of the best output layer.
export function boundedFit(phi, target, width, scale, bound) {
  const shifts = evenly(-bound, bound, width);
  const unit = (j, x) => phi(scale * (bound * x + shifts[j]));
  const x = evenly(-1, 1, FITTED);
  const columns = [...shifts.map((_, j) => Float64Array.from(x, (each) => unit(j, each))), new Float64Array(FITTED).fill(1)];
  const solved = boundedLeastSquares(columns, Float64Array.from(x, target), bound);
  const weights = [...solved.slice(0, width)];
  const constant = solved[width];
  const patch = (j, at) => weights[j] * unit(j, at);
  const predict = (at) => weights.reduce((sum, _, j) => sum + patch(j, at), constant);
  const error = rootMeanSquare(evenly(-1, 1, MEASURED).map((at) => predict(at) - target(at)));
  return { shifts, weights, constant, error, predict, patch };
}

// Error of the best cubic: where smooth units stop while their inputs are not scaled.
export function cubicError(target) {
  const x = evenly(-1, 1, MEASURED);
  const columns = [0, 1, 2, 3].map((power) => Float64Array.from(x, (each) => each ** power));
  const none = new Float64Array(4);
  const best = damped(columns, Float64Array.from(x, target), none, none);
  return rootMeanSquare(x.map((at) => best.reduce((sum, each, power) => sum + each * at ** power, -target(at))));
}
