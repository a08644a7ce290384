// Arrangements of lines: regions counted exactly, as autoact.geometry does, and cut out of a square.
// A layer is {weights: [[...inputs], ...], biases: [...]}; pieces are {kinks, slopes, intercepts} of the activation.

const EQUAL = 1e-10; // of intersections computed in float64
const SAME = 1e-9; // of unit normals, and of offsets relative to the largest: closer ones count once
const PARALLEL = 0.999;
const ON = 1e-12; // of the largest distance: closer corners lie on the bend

// Distinct lines {normal, offset} of a layer with two inputs: normal · x + offset = 0.
export function linesOf({ weights, biases }, { kinks }) {
  const all = weights.flatMap((w, n) => {
    const length = Math.hypot(...w);
    return length > 0 ? kinks.map((kink) => ({ normal: w.map((each) => each / length), offset: (biases[n] - kink) / length })) : [];
  });
  const scale = Math.max(0, ...all.map(({ offset }) => Math.abs(offset))) || 1;
  const bundles = [];
  for (const { normal, offset } of all) {
    const known = bundles.find((bundle) => {
      const cosine = bundle.normal[0] * normal[0] + bundle.normal[1] * normal[1];
      bundle.sign = Math.sign(cosine);
      return Math.abs(cosine) > PARALLEL && bundle.normal.every((each, i) => Math.abs(normal[i] - bundle.sign * each) <= SAME);
    });
    if (!known) bundles.push({ normal, offsets: [offset] });
    else if (known.offsets.every((other) => Math.abs(known.sign * offset - other) > SAME * scale)) known.offsets.push(known.sign * offset);
  }
  return bundles.flatMap(({ normal, offsets }) => offsets.map((offset) => ({ normal, offset })));
}

function distinctValues(values) {
  const ordered = [...values].sort((a, b) => a - b);
  return ordered.filter((value, n) => n === 0 || value - ordered[n - 1] > EQUAL * Math.max(1, Math.abs(value))).length;
}

// Regions of the whole plane: each line adds one, and one for every distinct point on earlier lines.
export function countRegions(layer, pieces) {
  const lines = linesOf(layer, pieces);
  return lines.reduce((total, { normal, offset }, n) => {
    const crossings = lines.slice(0, n).flatMap((other) => {
      const speed = other.normal[1] * normal[0] - other.normal[0] * normal[1];
      const start = other.offset - offset * (other.normal[0] * normal[0] + other.normal[1] * normal[1]);
      return Math.abs(speed) > EQUAL ? [-start / speed] : [];
    });
    return total + 1 + distinctValues(crossings);
  }, 1);
}

function choose(m, k) {
  let found = 1;
  for (let i = 0; i < k; i += 1) found = (found * (m - i)) / (i + 1);
  return Math.round(found);
}

// Zaslavsky 1975: the most regions that m neurons of so many kinks cut d dimensions into.
export function zaslavskyBound(m, d, kinks = 1, central = false) {
  let total = 0;
  if (central) {
    for (let k = 0; k < Math.min(m, d); k += 1) total += 2 * choose(m - 1, k);
    return m && d ? total : 1;
  }
  for (let k = 0; k <= Math.min(m, d); k += 1) total += choose(m, k) * kinks ** k;
  return total;
}

// Montúfar 2017: of deep networks at most the product over layers, each in the dimensions that the narrowest before it leaves.
export function montufarBound(widths, d, kinks = 1) {
  let dimensions = d;
  return widths.reduce((product, width) => {
    const bound = zaslavskyBound(width, dimensions, kinks);
    dimensions = Math.min(dimensions, width);
    return product * bound;
  }, 1);
}

// ---- polygons ------------------------------------------------------------------------------------------

function halves(corners, distances) {
  const limit = ON * Math.max(...distances.map(Math.abs));
  if (Math.min(...distances) >= -limit || Math.max(...distances) <= limit) return [corners];
  const sides = [[], []];
  corners.forEach((corner, i) => {
    const j = (i + 1) % corners.length;
    const [here, next] = [distances[i], distances[j]];
    const crosses = (here < -limit && next > limit) || (here > limit && next < -limit);
    const share = crosses ? here / (here - next) : 0;
    const between = corner.map((each, k) => each + share * (corners[j][k] - each));
    [1, -1].forEach((sign, n) => {
      if (sign * here >= -limit) sides[n].push(corner);
      if (crosses) sides[n].push(between);
    });
  });
  return sides.filter((side) => side.length > 2);
}

const middleOf = (corners) => [0, 1].map((k) => corners.reduce((sum, corner) => sum + corner[k], 0) / corners.length);
const valueOf = ({ slope, constant }, x) => constant + slope[0] * x[0] + slope[1] * x[1];

// Each unit of a layer as an affine function of the inputs, from those of the layer before.
const units = ({ weights, biases }, before) => weights.map((w, n) => ({
  slope: [0, 1].map((k) => w.reduce((sum, each, i) => sum + each * before[i].slope[k], 0)),
  constant: w.reduce((sum, each, i) => sum + each * before[i].constant, biases[n]),
}));

// Regions {corners, pattern: [[piece of every neuron] of every layer], units: [affine functions before every layer's activation]} of a convex polygon.
export function regionsOf(layers, pieces, polygon) {
  const inputs = [{ slope: [1, 0], constant: 0 }, { slope: [0, 1], constant: 0 }];
  let regions = [{ corners: polygon, pattern: [], units: [], outputs: inputs }];
  for (const layer of layers) {
    regions = regions.flatMap((region) => {
      const own = units(layer, region.outputs);
      let parts = [region.corners];
      for (const unit of own) {
        for (const kink of pieces.kinks) parts = parts.flatMap((corners) => halves(corners, corners.map((x) => valueOf(unit, x) - kink)));
      }
      return parts.map((corners) => {
        const middle = middleOf(corners);
        const pattern = own.map((unit) => pieces.kinks.filter((kink) => valueOf(unit, middle) > kink).length);
        const outputs = own.map((unit, n) => {
          const slope = pieces.slopes[pattern[n]];
          return { slope: unit.slope.map((each) => slope * each), constant: slope * unit.constant + pieces.intercepts[pattern[n]] };
        });
        return { corners, pattern: [...region.pattern, pattern], units: [...region.units, own], outputs };
      });
    });
  }
  return regions;
}

// The pattern at a point: how many kinks of the activation lie below each neuron's input.
export function patternAt(layers, pieces, x) {
  let values = x;
  return layers.map(({ weights, biases }) => {
    const z = weights.map((w, n) => w.reduce((sum, each, i) => sum + each * values[i], biases[n]));
    const pattern = z.map((each) => pieces.kinks.filter((kink) => each > kink).length);
    values = z.map((each, n) => pieces.slopes[pattern[n]] * each + pieces.intercepts[pattern[n]]);
    return pattern;
  });
}
