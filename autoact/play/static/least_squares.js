// Least squares with bounded coefficients. A matrix is a list of its columns, each a Float64Array.

const NEGLIGIBLE = 1e-12; // what is left of a column, as a share of the largest, and carries no function

export const dot = (a, b, from = 0) => {
  let sum = 0;
  for (let i = from; i < a.length; i += 1) sum += a[i] * b[i];
  return sum;
};

// Householder with column pivots, in place: the largest rest comes next. Returns the rank.
function triangulate(columns, y) {
  const left = columns.map((column) => ({ column, rest: dot(column, column) }));
  const limit = NEGLIGIBLE ** 2 * Math.max(...left.map((each) => each.rest));
  for (let k = 0; left.length && k < y.length; k += 1) {
    const next = left.reduce((best, each, n) => (each.rest > left[best].rest ? n : best), 0);
    const { column } = left.splice(next, 1)[0];
    const size = dot(column, column, k);
    if (size <= limit) return k;
    const turned = column[k] > 0 ? -Math.sqrt(size) : Math.sqrt(size);
    const mirror = column.slice();
    mirror[k] -= turned;
    const scale = 1 / (size - column[k] * turned);
    const subtract = (other) => {
      const share = scale * dot(mirror, other, k);
      for (let i = k; i < other.length; i += 1) other[i] -= share * mirror[i];
    };
    for (const each of left) {
      subtract(each.column);
      each.rest -= each.column[k] ** 2;
      if (each.rest < 1e-6 * each.column[k] ** 2) each.rest = dot(each.column, each.column, k + 1);
    }
    subtract(y);
    column.fill(0, k);
    column[k] = turned;
  }
  return columns.length - left.length;
}

// The shortest columns and right side that say of A v - y all that float64 can tell: a few dozen rows for smooth columns.
export function reduced(columns, y) {
  const copies = columns.map((column) => Float64Array.from(column));
  const goal = Float64Array.from(y);
  const rank = triangulate(copies, goal);
  return { columns: copies.map((column) => column.slice(0, rank)), goal: goal.slice(0, rank) };
}

// Minimize |A x - y|² + |diagonal x - pull|², by mirrors that reach the rows of A and one row of the diagonal.
export function damped(columns, y, diagonal, pull) {
  const count = columns.length;
  const rests = columns.map((column) => column.slice());
  const side = y.slice();
  const upper = rests.map((rest, k) => {
    const size = Math.hypot(diagonal[k], Math.sqrt(dot(rest, rest)));
    const first = diagonal[k] + size;
    const scale = 1 / (size * first);
    const row = new Float64Array(count);
    row[k] = -size;
    const subtract = (other, top) => {
      const share = scale * (first * top + dot(rest, other));
      for (let i = 0; i < rest.length; i += 1) other[i] -= share * rest[i];
      return top - share * first;
    };
    for (let j = k + 1; j < count; j += 1) row[j] = subtract(rests[j], 0);
    return { row, value: subtract(side, pull[k]) };
  });
  const x = new Float64Array(count);
  for (let k = count - 1; k >= 0; k -= 1) {
    x[k] = (upper[k].value - dot(upper[k].row, x, k + 1)) / upper[k].row[k];
  }
  return x;
}

// Minimize |A v - y|² with |v| <= bound, by an interior point method.
export function boundedLeastSquares(design, y, bound) {
  const { columns, goal } = reduced(design, y);
  const count = columns.length;
  const v = new Float64Array(count);
  const scale = dot(goal, goal) || 1;
  const gaps = [0, 1].map(() => new Float64Array(count).fill(bound)); // to the lower and to the upper bound
  const forces = [0, 1].map(() => new Float64Array(count).fill(scale / count / bound));
  let share = 0.1; // of the gap that is aimed at
  for (let turn = 0; turn < 60; turn += 1) {
    const gap = dot(gaps[0], forces[0]) + dot(gaps[1], forces[1]);
    if (gap < 1e-17 * scale) break;
    const center = (share * gap) / (2 * count);
    const diagonal = v.map((_, j) => Math.sqrt(forces[0][j] / gaps[0][j] + forces[1][j] / gaps[1][j]));
    const pull = diagonal.map((each, j) => (center / gaps[0][j] - center / gaps[1][j]) / each);
    const rest = goal.slice();
    columns.forEach((column, j) => column.forEach((each, i) => { rest[i] -= each * v[j]; }));
    const step = damped(columns, rest, diagonal, pull);
    const along = [step, step.map((each) => -each)];
    const moves = [0, 1].map((n) => forces[n].map((z, j) => (center - z * along[n][j]) / gaps[n][j] - z));
    let length = 1;
    for (let n = 0; n < 2; n += 1) {
      for (let j = 0; j < count; j += 1) {
        if (along[n][j] < 0) length = Math.min(length, (-0.995 * gaps[n][j]) / along[n][j]);
        if (moves[n][j] < 0) length = Math.min(length, (-0.995 * forces[n][j]) / moves[n][j]);
      }
    }
    if (!Number.isFinite(length) || step.some(Number.isNaN)) break; // rounding has the last word
    for (let j = 0; j < count; j += 1) {
      v[j] += length * step[j];
      for (let n = 0; n < 2; n += 1) {
        gaps[n][j] += length * along[n][j];
        forces[n][j] += length * moves[n][j];
      }
    }
    share = length > 0.9 ? 0.01 : 0.2;
  }
  return v.map((each) => Math.min(Math.max(each, -bound), bound));
}
