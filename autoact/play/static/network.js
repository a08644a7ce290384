// A random network of one width: what its layers do to signals and gradients at the start of training.

const DEAD = 1e-6; // as autoact.geometry: a slope that gradients cannot be told from zero

// Uniform numbers of a seed (mulberry32), made normal (Box and Muller).
export function normals(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

// {inputs (batch rows), layers: [weights of variance 1 / width, a row per unit], signs}
export function randomNetwork(depth, width, batch, seed) {
  const draw = normals(seed);
  const filled = (count, scale) => Float64Array.from({ length: count }, () => scale * draw());
  const inputs = filled(batch * width, 1);
  const signs = Float64Array.from({ length: width }, () => Math.sign(draw()) || 1);
  return { width, batch, inputs, signs, layers: Array.from({ length: depth }, () => filled(width * width, 1 / Math.sqrt(width))) };
}

// rows (batch, width) times weights, transposed or not, times a scale.
function times(rows, weights, { width, batch }, scale, back) {
  const found = new Float64Array(batch * width);
  for (let n = 0; n < batch; n += 1) {
    for (let i = 0; i < width; i += 1) {
      let sum = 0;
      if (back) {
        const value = rows[n * width + i];
        if (value !== 0) for (let j = 0; j < width; j += 1) found[n * width + j] += scale * value * weights[i * width + j];
      } else {
        for (let j = 0; j < width; j += 1) sum += rows[n * width + j] * weights[i * width + j];
        found[n * width + i] = scale * sum;
      }
    }
  }
  return found;
}

const average = (values, f) => values.reduce((sum, each) => sum + f(each), 0) / values.length;

// Per layer: {kappa, chi, dead, gradient (root mean square at the pre-activations, of signs · outputs)}.
export function flowOf(value, slope, network, depth, variance) {
  const scale = Math.sqrt(variance);
  const slopes = [];
  let signal = network.inputs;
  for (const weights of network.layers.slice(0, depth)) {
    const z = times(signal, weights, network, scale, false);
    slopes.push(z.map(slope));
    signal = z.map(value);
  }
  const gradients = new Array(depth);
  let arriving = signal.map((_, n) => network.signs[n % network.width]);
  for (let layer = depth - 1; layer >= 0; layer -= 1) {
    const at = arriving.map((each, n) => each * slopes[layer][n]);
    gradients[layer] = Math.sqrt(average(at, (each) => each * each));
    if (layer) arriving = times(at, network.layers[layer], network, scale, true);
  }
  return slopes.map((own, layer) => {
    const [first, second] = [average(own, (each) => each), average(own, (each) => each * each)];
    const weights = network.layers[layer];
    let dead = 0;
    for (let unit = 0; unit < network.width; unit += 1) {
      let steepest = 0;
      for (let n = 0; n < network.batch; n += 1) steepest = Math.max(steepest, Math.abs(own[n * network.width + unit]));
      dead += Number(steepest <= DEAD) / network.width;
    }
    return {
      kappa: first * first > 1e-12 * second ? second / (first * first) : Infinity,
      chi: second * variance * average(weights, (each) => each * each) * network.width,
      dead, gradient: gradients[layer],
    };
  });
}
