// Match: draw a target; each activation's best a·φ(b x + c) + d, ranked by what it leaves over.
import { chart, element, number } from "./widgets.js";
import { choice, toggle } from "./controls.js";
import { bestFit } from "./fitting.js";

const COUNT = 121;
const LOW = -3;
const HIGH = 3;
const TOP = 3.2;
const BOTTOM = -2.2;
export const X = Array.from({ length: COUNT }, (_, i) => LOW + ((HIGH - LOW) * i) / (COUNT - 1));
const CURVES = {
  asymmetric: ["adds up right, saturates left", (x) => (x >= 0 ? x : 0.3 * Math.expm1(x))],
  slopes: ["two slopes", (x) => (x >= 0 ? 0.9 * x : 0.3 * x)],
  dose: ["dose and response", (x) => (x > -1 ? (2 * (x + 1) ** 2) / (1 + (x + 1) ** 2) : 0) - 0.5],
  bump: ["a bump", (x) => 2 * Math.exp(-1.4 * (x - 0.3) ** 2) - 0.5],
  wave: ["a wave", (x) => 1.2 * Math.sin(2 * x) + 0.4],
  valley: ["a valley", (x) => 0.4 * x * x - 1],
  clipped: ["a line between two walls", (x) => Math.min(Math.max(1.2 * x, -1), 1.6)],
};
const ROLES = ["chosen", "original", "mixture"];

const formulaOf = (act, fit) => {
  const term = (value) => (Math.abs(value) < 1e-6 ? "" : `${value < 0 ? " − " : " + "}${number(Math.abs(value), 3)}`);
  const factor = (value, dot) => (Math.abs(value - 1) < 1e-6 ? "" : Math.abs(value + 1) < 1e-6 ? "−" : `${number(value, 3)}${dot}`);
  const own = act.parameters.map((each, n) => `${each.name} = ${number(fit.parameters[n], 3)}`).join(", ");
  return `${factor(fit.a, " · ")}${act.name}(${factor(fit.b, " ")}x${term(fit.c)}${own ? `; ${own}` : ""})${term(fit.d)}`;
};

export function match(host, activations) {
  const picture = element("div", { class: "drawing", tabindex: 0, role: "application", "aria-label": "Target curve from -3 to 3: draw it with the mouse; left and right choose a place, up and down move the curve there" });
  const left = element("div", {});
  const ranking = element("ol", { class: "ranking" });
  const said = element("p", { class: "best", "aria-live": "polite" });
  let y = X.map(CURVES.asymmetric[1]);
  let fits = [];
  let picked = null;
  let turn = 0;
  let cursor = null;

  const line = (values) => X.map((x, n) => ({ x, y: values[n] < BOTTOM || values[n] > TOP ? NaN : values[n] }));
  const shownFits = () => {
    const best = fits.slice(0, 3);
    const own = fits.find((each) => each.act.name === picked);
    return own && !best.includes(own) ? [...best.slice(0, 2), own] : best;
  };
  const drawCurves = () => {
    const few = shownFits();
    chart(picture, {
      label: "Target and the best fits", height: 340, x: { tight: true, title: "x" }, y: { title: "target, and best a·φ(b x + c) + d", low: BOTTOM, high: TOP },
      marks: [...few.map((each, n) => ({ kind: "line", role: ROLES[n], width: 2.2, name: each.act.name, points: line(y.map((value, i) => value - each.fit.residual[i])) })).reverse(),
        { kind: "line", role: "ink", width: 2, dash: true, name: "target", points: line(y) },
        ...(cursor === null ? [] : [{ kind: "dots", role: "ink", size: 6, points: [{ x: X[cursor], y: y[cursor] }] }])],
    });
  };
  const drawRest = () => {
    const few = shownFits();
    const most = Math.max(0.02, ...few.flatMap((each) => each.fit.residual.map(Math.abs)));
    chart(left, {
      label: "What the fits leave over", height: 150, x: { tight: true }, y: { title: "what they leave over", low: -1.1 * most, high: 1.1 * most },
      marks: few.map((each, n) => ({ kind: "line", role: ROLES[n], width: 1.8, points: X.map((x, i) => ({ x, y: each.fit.residual[i] })) })).reverse(),
    });
  };
  const drawRanking = () => {
    const few = shownFits();
    ranking.replaceChildren(...fits.map((each) => {
      const place = few.indexOf(each);
      const share = Math.max(0, Math.min(1, 1 + Math.log10(Math.max(each.fit.error, 1e-4)) / 4));
      const node = element("button", { type: "button", class: place < 0 ? "" : ROLES[place], "aria-pressed": String(each.act.name === picked), title: formulaOf(each.act, each.fit) },
        element("span", {}, each.act.name), element("i", { class: "gauge", style: `--share: ${share.toFixed(3)}` }), element("b", {}, each.fit.error < 1e-6 ? "exact" : number(each.fit.error, 2)));
      node.dataset.name = each.act.name;
      node.addEventListener("click", () => { picked = each.act.name; show(); ranking.querySelector(`[aria-pressed="true"]`)?.focus({ preventScroll: true }); });
      return element("li", {}, node);
    }));
  };
  const show = () => {
    drawCurves();
    drawRest();
    drawRanking();
    const own = fits.find((each) => each.act.name === picked) ?? fits[0];
    said.textContent = own ? formulaOf(own.act, own.fit) : "";
  };
  // Fit all activations, a few at a time: whoever draws on goes first.
  const fitAll = async () => {
    const own = (turn += 1);
    const target = [...y];
    const found = [];
    let shown = performance.now();
    delete host.dataset.done;
    for (const act of activations) {
      if (act.name === "identity") continue;
      const parameters = act.parameters.map((each) => ({ ...each, free: each.free && refit.value() }));
      found.push({ act, fit: bestFit({ value: act.derivatives[0], parameters }, X, target) });
      if (performance.now() - shown < 30) continue;
      await new Promise((done) => { setTimeout(done); });
      if (own !== turn) return;
      shown = performance.now();
      said.textContent = `fitting ${found.length} of ${activations.length} …`;
    }
    fits = found.sort((one, two) => one.fit.error - two.fit.error);
    show();
    host.dataset.done = own;
  };
  const retarget = (values) => { y = values; cursor = null; fits = []; picked = null; drawCurves(); fitAll(); };
  const curve = choice({ label: "target", options: [["", "drawn by hand"], ...Object.entries(CURVES).map(([key, [words]]) => [key, words])], value: "asymmetric" }, (key) => { if (key) retarget(X.map(CURVES[key][1])); });
  const refit = toggle({ label: "fit φ's own parameters, too", value: true }, fitAll);

  const placeOf = (event) => {
    const figure = picture.querySelector("svg");
    const box = figure.getBoundingClientRect();
    const inverse = (scale, low, high, at) => low + ((at - scale.at(low)) / (scale.at(high) - scale.at(low))) * (high - low);
    const ratio = figure.viewBox.baseVal.width / box.width;
    return [inverse(figure.placed, LOW, HIGH, (event.clientX - box.left) * ratio), Math.min(Math.max(inverse(figure.upright, BOTTOM, TOP, (event.clientY - box.top) * ratio), BOTTOM), TOP)];
  };
  const nearest = (x) => Math.min(Math.max(Math.round(((x - LOW) / (HIGH - LOW)) * (COUNT - 1)), 0), COUNT - 1);
  picture.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.target.closest("svg")) return;
    event.preventDefault();
    picture.focus({ preventScroll: true });
    picture.setPointerCapture(event.pointerId);
    let last = placeOf(event);
    const move = (moved) => {
      const now = placeOf(moved);
      const [from, to] = [nearest(last[0]), nearest(now[0])];
      for (let n = Math.min(from, to); n <= Math.max(from, to); n += 1) y[n] = from === to ? now[1] : last[1] + ((now[1] - last[1]) * (n - from)) / (to - from);
      last = now;
      fits = [];
      cursor = null;
      curve.set("");
      drawCurves();
    };
    const end = () => {
      picture.removeEventListener("pointermove", move);
      fitAll();
    };
    turn += 1;
    y = [...y];
    move(event);
    picture.addEventListener("pointermove", move);
    picture.addEventListener("pointerup", end, { once: true });
    picture.addEventListener("pointercancel", end, { once: true });
  });
  let waiting = 0;
  picture.addEventListener("keydown", (event) => {
    const along = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
    const up = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
    if (!along && !up) return;
    event.preventDefault();
    cursor = Math.min(Math.max((cursor ?? (COUNT - 1) / 2) + (along ?? 0), 0), COUNT - 1);
    if (up) {
      y = y.map((value, n) => Math.min(Math.max(value + up * Math.exp(-((X[n] - X[cursor]) ** 2) / 0.18), BOTTOM), TOP));
      fits = [];
      curve.set("");
      clearTimeout(waiting);
      waiting = setTimeout(fitAll, 300);
    }
    drawCurves();
  });
  host.append(element("div", { class: "stage" },
    element("div", { class: "settings controls" }, curve.node, refit.node),
    element("div", { class: "figures" }, picture, left, said),
    element("div", { class: "side" },
      element("h3", {}, "left over, as a share of the target's deviation"), ranking,
      element("p", { class: "note" }, "b lies between 1/16 and 16 on either side of 0, c between −8 and 8, own parameters where a search looks for them; bars are logarithmic, from 10⁻⁴ to 1."))));
  drawCurves();
  fitAll();
  host.state = () => ({ x: X, y, fits: fits.map(({ act, fit }) => ({ name: act.name, ...fit })) }); // for tests
}
