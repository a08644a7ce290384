// Functions that printed code calls beside Math, in double precision: the primitives, erf and erfc.

const step = (u) => (u > 0 ? 1 : 0);
const below = (u) => (u <= 0 ? 1 : 0);
const positive = (u) => Math.max(u, 0);
const negative = (u) => Math.min(u, 0);
const window = (u, low, high) => (u > low && u < high ? 1 : 0);
const clip = (u, low, high) => Math.min(Math.max(u, low), high);
const finite = (u) => (Number.isFinite(u) ? u : 0);
const decay = (u) => Math.exp(-Math.abs(u));
const decay1 = (u) => Math.expm1(-Math.abs(u));
const bell = (u) => Math.exp(-u * u);
const softplus = (u) => (u > 50 ? u : Math.log1p(Math.exp(u)));

function sigmoid(u) {
  if (u >= 0) return 1 / (1 + Math.exp(-u));
  const e = Math.exp(u);
  return e / (1 + e);
}

// Rational approximations of FreeBSD's s_erf.c (Sun Microsystems 1993, freely usable): below one unit in the last place.
const polynomial = (coefficients, s) => coefficients.reduceRight((sum, each) => sum * s + each, 0);
const NEAR = [[1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02, -5.77027029648944159157e-03, -2.37630166566501626084e-05],
  [1, 3.97917223959155352819e-01, 6.50222499887672944485e-02, 5.08130628187576562776e-03, 1.32494738004321644526e-04, -3.96022827877536812320e-06]];
const MIDDLE = [[-2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01, 3.18346619901161753674e-01, -1.10894694282396677476e-01, 3.54783043256182359371e-02, -2.16637559486879084300e-03],
  [1, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02, 1.26171219808761642112e-01, 1.36370839120290507362e-02, 1.19844998467991074170e-02]];
const FAR = [[-9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e+01, -6.23753324503260060396e+01, -1.62396669462573470355e+02, -1.84605092906711035994e+02, -8.12874355063065934246e+01, -9.81432934416914548592e+00],
  [1, 1.96512716674392571292e+01, 1.37657754143519042600e+02, 4.34565877475229228821e+02, 6.45387271733267880336e+02, 4.29008140027567833386e+02, 1.08635005541779435134e+02, 6.57024977031928170135e+00, -6.04244152148580987438e-02]];
const FARTHEST = [[-9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e+01, -1.60636384855821916062e+02, -6.37566443368389627722e+02, -1.02509513161107724954e+03, -4.83519191608651397019e+02],
  [1, 3.03380607434824582924e+01, 3.25792512996573918826e+02, 1.53672958608443695994e+03, 3.19985821950859553908e+03, 2.55305040643316442583e+03, 4.74528541206955367215e+02, -2.24409524465858183362e+01]];
const AT_ONE = 8.45062911510467529297e-01;
const ratio = ([above, under], s) => polynomial(above, s) / polynomial(under, s);

// erfc(x) for x >= 1.25; the square is split, for its rounding would be multiplied by x².
function tail(x) {
  if (x >= 28) return 0;
  const z = Math.fround(x);
  const fit = ratio(x < 1 / 0.35 ? FAR : FARTHEST, 1 / (x * x));
  return (Math.exp(-z * z - 0.5625) * Math.exp((z - x) * (z + x) + fit)) / x;
}

function erf(u) {
  const x = Math.abs(u);
  if (Number.isNaN(x)) return x;
  if (x < 0.84375) return u + u * ratio(NEAR, x * x);
  const size = x < 1.25 ? AT_ONE + ratio(MIDDLE, x - 1) : x < 6 ? 1 - tail(x) : 1;
  return u < 0 ? -size : size;
}

function erfc(u) {
  const x = Math.abs(u);
  if (Number.isNaN(x)) return x;
  if (x < 0.84375) {
    const y = ratio(NEAR, x * x);
    return u < 0.25 ? 1 - (u + u * y) : 0.5 - (u - 0.5 + u * y);
  }
  if (x < 1.25) return u < 0 ? 1 + AT_ONE + ratio(MIDDLE, x - 1) : 1 - AT_ONE - ratio(MIDDLE, x - 1);
  return u < 0 ? 2 - tail(x) : tail(x);
}
