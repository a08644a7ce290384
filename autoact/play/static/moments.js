// Moments of a function and its slope under N(0, 1), and where its derivatives jump.

const REACH = 38; // standard deviations: beyond, the density is no float64
const RELATIVE = 1e-12;
const ROUNDS = 60;
const NARROW = 1e-100;

// Nodes and weights of Gauss-Legendre on [-1, 1], by Newton's method.
function legendre(count) {
  return Array.from({ length: count }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    let slope = 0;
    for (let turn = 0; turn < 20; turn += 1) {
      let [before, now] = [1, x];
      for (let k = 2; k <= count; k += 1) [before, now] = [now, ((2 * k - 1) * x * now - (k - 1) * before) / k];
      slope = (count * (x * now - before)) / (x * x - 1);
      x -= now / slope;
    }
    return [x, 2 / ((1 - x * x) * slope * slope)];
  });
}
const NODES = legendre(20);

function panel(f, low, high) {
  const half = 0.5 * (high - low);
  const middle = 0.5 * (low + high);
  let [sum, size] = [0, 0];
  for (const [node, weight] of NODES) {
    const z = middle + half * node;
    const density = (half * weight * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI);
    if (density === 0) continue;
    const term = density * f(z);
    sum += term;
    size += Math.abs(term);
  }
  return [sum, size];
}

// E[f(z)], z ~ N(0, 1): panels are halved until two results agree.
export function expectation(f) {
  let open = [];
  for (let z = -REACH; z < REACH; z += 0.5) open.push([z, z + 0.5, ...panel(f, z, z + 0.5)]);
  const scale = open.reduce((sum, each) => sum + each[3], 0);
  if (!Number.isFinite(scale)) return Number.isNaN(scale) ? NaN : Infinity;
  let total = 0;
  for (let round = 0; round < ROUNDS && open.length; round += 1) {
    const next = [];
    for (const [low, high, coarse] of open) {
      const middle = 0.5 * (low + high);
      const [left, right] = [panel(f, low, middle), panel(f, middle, high)];
      const wrong = Math.abs(left[0] + right[0] - coarse) > RELATIVE * scale && middle > low && middle < high;
      if (wrong && round < ROUNDS - 1) next.push([low, middle, ...left], [middle, high, ...right]);
      else total += left[0] + right[0];
    }
    open = next;
  }
  return total;
}

// Facts of a function and its slope under N(0, 1): second moment, gain, slope moment, κ and χ at the gain.
export function momentsOf(value, slope) {
  const moment = expectation((z) => value(z) ** 2);
  const first = expectation(slope);
  const size = expectation((z) => Math.abs(slope(z)));
  const second = expectation((z) => slope(z) ** 2);
  return {
    moment, second,
    gain: moment > 0 ? 1 / Math.sqrt(moment) : Infinity,
    kappa: Math.abs(first) <= 1e-12 * size ? Infinity : Math.max(1, expectation((z) => slope(z) * (slope(z) / first)) / first),
    chi: moment > 0 ? second / moment : NaN,
  };
}

// Points in [low, high] where a function jumps: between two points so near to each other that no slope explains the difference.
function jumps(f, low, high, count) {
  const found = [];
  const differs = (a, b) => !(Math.abs(a - b) <= 1e-7 * (1 + Math.abs(a) + Math.abs(b)));
  let [x, y] = [low, f(low)];
  for (let i = 1; i <= count; i += 1) {
    const [next, after] = [low + ((high - low) * i) / count, f(low + ((high - low) * i) / count)];
    let [a, b, left, right] = [x, next, y, after];
    while (differs(left, right) && b - a > 1e-15 * Math.abs(a) + NARROW) {
      const middle = 0.5 * (a + b);
      const value = f(middle);
      if (Math.abs(value - left) >= Math.abs(right - value) || Number.isNaN(value - left)) [b, right] = [middle, value];
      else [a, left] = [middle, value];
    }
    if (differs(left, right)) found.push(Number((0.5 * (a + b)).toFixed(12)));
    [x, y] = [next, after];
  }
  return found.filter((at, n) => n === 0 || at - found[n - 1] > 1e-9);
}

// {order, jumps}: where each of f, f', f'' jumps between low and high, and the last of them before any jump (-1: f itself jumps).
export function smoothnessOf(derivatives, low, high) {
  const found = derivatives.map((f) => jumps(f, low, high, 48 * (high - low)));
  const first = found.findIndex((at) => at.length);
  return { order: (first < 0 ? derivatives.length : first) - 1, jumps: found };
}
