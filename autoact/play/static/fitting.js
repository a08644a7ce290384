// Fitting: the best a·φ(b x + c) + d to a curve, φ's own parameters included.
// a and d follow exactly from b, c and the parameters (variable projection); these are found from many starts.

const STEEPEST = Math.log(16); // b lies between 1/16 and 16, on either side of 0
const FARTHEST = 8; // c lies between -8 and 8
const STEEPNESSES = [0.0625, 0.15, 0.35, 0.7, 1.2, 2, 4, 10];
const TAILS = [-7, -4, -2, 2, 4, 7];
const SHORT = 6; // turns from every start; the best go on
const STARTS = 5;
const TURNS = 60;

// What is left of y after a·u + d at the best a and d.
function rest(u, y) {
  const count = y.length;
  const mean = (values) => values.reduce((sum, each) => sum + each, 0) / count;
  const [center, level] = [mean(u), mean(y)];
  let [size, both] = [0, 0];
  for (let i = 0; i < count; i += 1) {
    size += (u[i] - center) ** 2;
    both += (u[i] - center) * (y[i] - level);
  }
  const a = size > 1e-24 * (1 + center * center) ? both / size : 0;
  const d = level - a * center;
  return { a, d, residual: y.map((each, i) => each - a * u[i] - d) };
}

const squares = (values) => values.reduce((sum, each) => sum + each * each, 0);

// Solve a small symmetric system by elimination with pivots.
function solved(matrix, side) {
  const rows = matrix.map((row, i) => [...row, side[i]]);
  const count = rows.length;
  for (let k = 0; k < count; k += 1) {
    const pivot = rows.slice(k).reduce((best, row, n) => (Math.abs(row[k]) > Math.abs(rows[best][k]) ? n + k : best), k);
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    for (let i = k + 1; i < count; i += 1) {
      const share = rows[i][k] / rows[k][k];
      for (let j = k; j <= count; j += 1) rows[i][j] -= share * rows[k][j];
    }
  }
  const x = new Array(count).fill(0);
  for (let k = count - 1; k >= 0; k -= 1) x[k] = rows[k].slice(k + 1, count).reduce((sum, each, n) => sum - each * x[k + 1 + n], rows[k][count]) / rows[k][k];
  return x;
}

// Levenberg and Marquardt's method within bounds.
function descended(start, bounds, residualAt, turns) {
  const inside = (theta) => theta.map((each, i) => Math.min(Math.max(each, bounds[i][0]), bounds[i][1]));
  let theta = inside(start);
  let now = residualAt(theta);
  let cost = squares(now);
  let damping = 1e-3;
  for (let turn = 0; turn < turns && cost > 1e-26; turn += 1) {
    const columns = theta.map((each, i) => {
      const h = 1e-7 * (1 + Math.abs(each)) * (each + 1e-6 * (1 + Math.abs(each)) > bounds[i][1] ? -1 : 1);
      const moved = residualAt(theta.map((other, j) => (i === j ? other + h : other)));
      return moved.map((value, k) => (value - now[k]) / h);
    });
    const product = (a, b) => a.reduce((sum, each, k) => sum + each * b[k], 0);
    const matrix = columns.map((a) => columns.map((b) => product(a, b)));
    const side = columns.map((a) => -product(a, now));
    let better = false;
    while (!better && damping < 1e10) {
      const step = solved(matrix.map((row, i) => row.map((each, j) => each + (i === j ? damping * (each + 1e-12) : 0))), side);
      const next = inside(theta.map((each, i) => each + (Number.isFinite(step[i]) ? step[i] : 0)));
      const after = residualAt(next);
      const found = squares(after);
      better = found < cost;
      if (better) {
        const gained = (cost - found) / cost;
        [theta, now, cost] = [next, after, found];
        damping = Math.max(damping / 5, 1e-12);
        if (gained < 1e-12) return { theta, cost };
      } else damping *= 5;
    }
    if (!better) break;
  }
  return { theta, cost };
}

// Best fit {a, b, c, d, parameters, error, residual} of an activation; error is over the deviation of y.
// activation: {value(x, ...parameters), parameters: [{start, low, high, free}]}
export function bestFit(activation, x, y) {
  const own = activation.parameters;
  const free = own.map((_, i) => i).filter((i) => own[i].free);
  const bounds = [[-STEEPEST, STEEPEST], [-FARTHEST, FARTHEST], ...free.map((i) => [own[i].low, own[i].high])];
  const all = (theta) => own.map((each, i) => (free.includes(i) ? theta[2 + free.indexOf(i)] : each.start));
  const at = (sign, theta) => {
    const values = all(theta);
    const b = sign * Math.exp(theta[0]);
    const u = x.map((each) => activation.value(b * each + theta[1], ...values));
    return u.every(Number.isFinite) ? rest(u, y) : { a: 0, d: 0, residual: y.map(() => 1e6) };
  };
  const middles = Array.from({ length: 9 }, (_, n) => x[0] + ((x[x.length - 1] - x[0]) * n) / 8);
  const shares = [0.15, 0.5, 0.85].flatMap((share) => free.map((i) => [i, own[i].low + share * (own[i].high - own[i].low)]));
  const values = [[], ...shares.map((each) => [each])].map((changes) => free.map((i) => new Map(changes).get(i) ?? own[i].start));
  const residuals = { 1: (theta) => at(1, theta).residual, "-1": (theta) => at(-1, theta).residual };
  const starts = [1, -1].flatMap((sign) => STEEPNESSES.flatMap((b) => {
    const shifts = [...middles.map((each) => -sign * b * each), ...TAILS].filter((c) => Math.abs(c) <= FARTHEST).sort((one, two) => one - two);
    const costs = shifts.map((c) => values.map((each) => squares(residuals[sign]([Math.log(b), c, ...each]))));
    const least = costs.map((each) => Math.min(...each));
    const valleys = shifts.map((_, n) => n).filter((n) => !(least[n] > least[n - 1]) && !(least[n] > least[n + 1]));
    return valleys.map((n) => ({ sign, theta: [Math.log(b), shifts[n], ...values[costs[n].indexOf(least[n])]], cost: least[n] }));
  }));
  const best = (fits, count) => fits.sort((one, two) => one.cost - two.cost).slice(0, count);
  const go = (fits, turns) => fits.map(({ sign, theta }) => ({ sign, ...descended(theta, bounds, residuals[sign], turns) }));
  const fits = go(best(go(best(starts, 4 * STARTS), SHORT), STARTS), TURNS);
  fits.sort((one, two) => two.sign - one.sign); // of equals the one that is not mirrored
  const { sign, theta } = fits.reduce((best, each) => (each.cost < best.cost * (1 - 1e-9) - 1e-20 ? each : best));
  const { a, d, residual } = at(sign, theta);
  const level = y.reduce((sum, each) => sum + each, 0) / y.length;
  const deviation = Math.sqrt(squares(y.map((each) => each - level)) / y.length) || 1;
  return { a, b: sign * Math.exp(theta[0]), c: theta[1], d, parameters: all(theta), error: Math.sqrt(squares(residual) / y.length) / deviation, residual };
}
