// Carve: a small network with two inputs; drag its neurons and see the regions that it cuts.
import { element, shape } from "./widgets.js";
import { button, choice, slider, statistic, toggle } from "./controls.js";
import { countRegions, montufarBound, patternAt, regionsOf, zaslavskyBound } from "./arrangement.js";
import { normals } from "./network.js";

const REACH = 3;
const SIZE = 600;
const HANDLE = 1.15; // from a line's foot to the handle that turns it
const SQUARE = [[-REACH, -REACH], [REACH, -REACH], [REACH, REACH], [-REACH, REACH]];
const COLORS = 8;
const px = (x) => (SIZE * (x + REACH)) / (2 * REACH);
const py = (y) => (SIZE * (REACH - y)) / (2 * REACH);
const points = (corners) => corners.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(" ");
const degrees = (angle) => Math.round((((angle * 180) / Math.PI) % 360 + 360) % 360);

// A calm hue of a pattern, the same wherever it occurs.
function hueOf(pattern) {
  let hash = 7;
  for (const each of pattern.flat()) hash = (hash * 31 + each + 1) % 9973;
  return (hash * 137.508) % 360;
}

// The layer of neurons given by angle and offset: w = (cos, sin), w · x = offset where its input is 0.
const firstLayer = (neurons) => ({
  weights: neurons.map(({ angle }) => [Math.cos(angle), Math.sin(angle)]), biases: neurons.map(({ offset }) => -offset),
});

const START = [[20, 0.7], [115, 0.8], [250, 0.5], [335, 1.0], [225, 1.7], [95, 2.0], [180, 1.9], [310, 1.9]];

function neuron(n) {
  const [angle, offset] = START[n];
  return { angle: (angle * Math.PI) / 180, offset };
}

// Where a unit's input passes a kink in a convex region: the two ends.
function bend(corners, unit, kink) {
  const d = corners.map((x) => unit.constant + unit.slope[0] * x[0] + unit.slope[1] * x[1] - kink);
  const ends = corners.flatMap((corner, i) => {
    const j = (i + 1) % corners.length;
    const share = d[i] / (d[i] - d[j]);
    return d[i] > 0 !== d[j] > 0 ? [corner.map((each, k) => each + share * (corners[j][k] - each))] : [];
  });
  return ends.length === 2 ? ends : null;
}

export function carve(host, activations) {
  const usable = activations.filter((each) => each.pieces);
  let act = usable.find((each) => each.name === "relu") ?? usable[0];
  let neurons = [0, 1, 2, 3].map((n) => neuron(n));
  let deep = { weights: [], biases: [] };
  let marker = [0.4, -0.2];
  const central = () => through.value();
  const layers = () => [firstLayer(central() ? neurons.map((each) => ({ ...each, offset: 0 })) : neurons), ...(deep.biases.length ? [deep] : [])];

  const areas = shape("g", {});
  const bends = shape("g", {});
  const lines = shape("g", {});
  const cross = shape("g", { class: "marker" }, shape("circle", { r: 6 }), shape("circle", { r: 1.8, class: "middle" }));
  const figure = shape("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, class: "plane", role: "application", tabindex: 0, "aria-label": "Input plane from -3 to 3; arrow keys move the marker, Tab goes to the neurons" }, areas, bends, lines, cross);
  const count = statistic("linear regions", "large");
  const chips = element("div", { class: "patterns", "aria-live": "polite" });

  const inputAt = (event) => {
    const box = figure.getBoundingClientRect();
    const limit = (each) => Math.min(Math.max(each, -REACH), REACH);
    return [limit((2 * REACH * (event.clientX - box.left)) / box.width - REACH), limit(REACH - (2 * REACH * (event.clientY - box.top)) / box.height)];
  };
  const dragged = (node, move) => node.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    event.stopPropagation();
    node.setPointerCapture(event.pointerId);
    const listen = (moved) => move(inputAt(moved));
    node.addEventListener("pointermove", listen);
    const end = () => node.removeEventListener("pointermove", listen);
    node.addEventListener("pointerup", end, { once: true });
    node.addEventListener("pointercancel", end, { once: true });
    node.closest("[tabindex]").focus({ preventScroll: true });
  });

  // ---- neurons of the first layer: a line, its side that is on, a handle that moves and one that turns it
  const drawLine = (node, { angle, offset }, n) => {
    const [w, foot, along] = [[Math.cos(angle), Math.sin(angle)], 0, [-Math.sin(angle), Math.cos(angle)]];
    const at = (s, t) => [w[0] * (offset + t) + along[0] * (s + foot), w[1] * (offset + t) + along[1] * (s + foot)];
    const segment = (from, to) => ({ x1: px(from[0]), y1: py(from[1]), x2: px(to[0]), y2: py(to[1]) });
    const put = (selector, values) => Object.entries(values).forEach(([key, value]) => node.querySelectorAll(selector).forEach((each) => each.setAttribute(key, value)));
    put(".stroke", segment(at(-9, 0), at(9, 0)));
    const kinks = act.pieces.kinks.filter((kink) => kink !== 0).map((kink) => [at(-9, kink), at(9, kink)]);
    put(".kinks", { d: kinks.map(([from, to]) => `M${px(from[0])} ${py(from[1])}L${px(to[0])} ${py(to[1])}`).join("") });
    node.classList.toggle("apart", !act.pieces.kinks.includes(0));
    put(".arrow", segment(at(0, 0), at(0, 0.32)));
    put(".move", { cx: px(at(0, 0)[0]), cy: py(at(0, 0)[1]) });
    put(".turn", { cx: px(at(HANDLE, 0)[0]), cy: py(at(HANDLE, 0)[1]) });
    node.setAttribute("aria-valuetext", `angle ${degrees(angle)} degrees, offset ${offset.toFixed(2)}`);
    node.setAttribute("aria-valuenow", degrees(angle));
    node.setAttribute("aria-label", `neuron ${n + 1}; left and right turn it, up and down move it`);
  };
  const lineOf = (n) => {
    const node = shape("g", { class: `neuron c${n % COLORS}`, tabindex: 0, role: "slider", "aria-valuemin": 0, "aria-valuemax": 360 },
      shape("line", { class: "stroke wide" }), shape("line", { class: "stroke" }), shape("path", { class: "kinks" }), shape("line", { class: "arrow" }), shape("circle", { class: "turn", r: 8 }), shape("circle", { class: "move", r: 8 }));
    const move = (x) => {
      const own = neurons[n];
      own.offset = x[0] * Math.cos(own.angle) + x[1] * Math.sin(own.angle);
      if (central()) own.angle = Math.atan2(x[1], x[0]) - Math.PI / 2;
      draw();
    };
    node.querySelectorAll(".wide, .move").forEach((each) => dragged(each, move));
    dragged(node.querySelector(".turn"), (x) => {
      const own = neurons[n];
      const offset = central() ? 0 : own.offset;
      const foot = [offset * Math.cos(own.angle), offset * Math.sin(own.angle)];
      own.angle = Math.atan2(x[1] - foot[1], x[0] - foot[0]) - Math.PI / 2;
      own.offset = foot[0] * Math.cos(own.angle) + foot[1] * Math.sin(own.angle);
      draw();
    });
    node.addEventListener("keydown", (event) => {
      const turn = { ArrowLeft: 1, ArrowRight: -1 }[event.key];
      const shift = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!turn && !shift) return;
      event.preventDefault();
      event.stopPropagation();
      neurons[n].angle += ((turn ?? 0) * Math.PI) / 60;
      neurons[n].offset += 0.05 * (shift ?? 0);
      draw();
    });
    return node;
  };

  // ---- neurons of the second layer: their lines bend where those of the first are
  const bentOf = (n) => {
    const node = shape("g", { class: `neuron bent c${(n + 4) % COLORS}`, tabindex: 0, role: "slider", "aria-label": `neuron ${n + 1} of the second layer; up and down change its bias` }, shape("path", { class: "stroke wide" }), shape("path", { class: "stroke" }));
    const shift = (by) => { deep.biases[n] += by; draw(); };
    dragged(node.querySelector(".wide"), (x) => {
      const regions = regionsOf(layers().slice(0, 1), act.pieces, SQUARE);
      const pattern = patternAt(layers().slice(0, 1), act.pieces, x)[0];
      const home = regions.find((region) => region.pattern[0].every((each, i) => each === pattern[i]));
      if (!home) return;
      const z = deep.weights[n].reduce((sum, each, i) => sum + each * (home.outputs[i].constant + home.outputs[i].slope[0] * x[0] + home.outputs[i].slope[1] * x[1]), 0);
      const kinks = act.pieces.kinks.map((kink) => kink - z);
      deep.biases[n] = kinks.reduce((best, each) => (Math.abs(each - deep.biases[n]) < Math.abs(best - deep.biases[n]) ? each : best));
      draw();
    });
    node.addEventListener("keydown", (event) => {
      const by = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      shift(by);
    });
    return node;
  };

  const showPattern = () => {
    const found = patternAt(layers(), act.pieces, marker);
    chips.replaceChildren(...found.map((pattern, layer) => element("div", {}, element("span", {}, `layer ${layer + 1}`), ...pattern.map((each, n) => element("b", { class: `bit c${(n + 4 * layer) % COLORS}${each ? " on" : ""}` }, String(each))))));
    cross.setAttribute("transform", `translate(${px(marker[0])} ${py(marker[1])})`);
    const key = JSON.stringify(found);
    for (const area of areas.children) area.classList.toggle("here", area.dataset.pattern === key);
  };
  const draw = () => {
    const all = layers();
    const regions = regionsOf(all, act.pieces, SQUARE);
    areas.replaceChildren(...regions.map(({ corners, pattern }) => shape("polygon", { points: points(corners), "data-pattern": JSON.stringify(pattern), style: `--hue: ${hueOf(pattern).toFixed(0)}` }, shape("title", {}, pattern.map((each) => each.join(" ")).join(" | ")))));
    all[0].weights.forEach((_, n) => drawLine(lines.children[n], { angle: neurons[n].angle, offset: -all[0].biases[n] + 0 }, n));
    if (all[1]) {
      const cells = regionsOf(all.slice(0, 1), act.pieces, SQUARE).map(({ corners, outputs }) => ({ corners, outputs }));
      [...bends.children].forEach((node, n) => {
        const d = cells.flatMap(({ corners, outputs }) => {
          const unit = { slope: [0, 1].map((k) => deep.weights[n].reduce((sum, each, i) => sum + each * outputs[i].slope[k], 0)), constant: deep.weights[n].reduce((sum, each, i) => sum + each * outputs[i].constant, deep.biases[n]) };
          return act.pieces.kinks.flatMap((kink) => bend(corners, unit, kink) ?? []);
        });
        const path = d.map(([x, y], i) => `${i % 2 ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join("");
        node.querySelectorAll("path").forEach((each) => each.setAttribute("d", path));
        node.setAttribute("aria-valuenow", deep.biases[n].toFixed(2));
      });
    }
    const kinks = act.pieces.kinks.length;
    const one = all.length === 1;
    const pencil = one && central() && act.pieces.kinks.every((kink) => kink === 0);
    const bound = one ? zaslavskyBound(neurons.length, 2, kinks, pencil) : montufarBound([neurons.length, deep.biases.length], 2, kinks);
    const shownRegions = `${regions.length} in this square`;
    if (one) count.set(String(countRegions(all[0], act.pieces)), `of at most ${bound} (Zaslavsky); ${shownRegions}`);
    else count.set(String(regions.length), `in this square; at most ${bound.toLocaleString("en-US")} in all (Montúfar)`);
    figure.dataset.regions = regions.length;
    showPattern();
  };
  const redraw = () => {
    lines.replaceChildren(...neurons.map((_, n) => lineOf(n)));
    bends.replaceChildren(...deep.biases.map((_, n) => bentOf(n)));
    draw();
  };
  let seed = 4;
  const deepen = () => {
    const normal = normals(seed);
    deep = { weights: Array.from({ length: second.value() }, () => neurons.map(() => normal())), biases: Array.from({ length: second.value() }, () => 0.6 * normal()) };
    redraw();
  };
  const first = slider({ label: "neurons", low: 1, high: 8, value: 4, step: 1 }, (many) => {
    neurons = Array.from({ length: many }, (_, n) => neurons[n] ?? neuron(n));
    deepen();
  });
  const second = slider({ label: "second layer", low: 0, high: 6, value: 0, step: 1, show: (each) => (each ? String(each) : "none") }, deepen);
  const which = choice({ label: "activation", options: usable.map((each) => [each.name, each.name]), value: act.name }, (name) => { act = usable.find((each) => each.name === name); redraw(); });
  const through = toggle({ label: "no biases in the first layer" }, draw);
  const shuffle = button("other neurons", () => {
    seed += 1;
    const normal = normals(seed);
    neurons = neurons.map(() => ({ angle: 2 * Math.PI * (Math.abs(normal()) % 1), offset: 0.9 * normal() }));
    deepen();
  });
  figure.addEventListener("pointerdown", (event) => { marker = inputAt(event); showPattern(); });
  figure.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!by || event.target !== figure) return;
    event.preventDefault();
    marker = marker.map((each, k) => Math.min(Math.max(each + 0.1 * by[k], -REACH), REACH));
    showPattern();
  });
  host.append(element("div", { class: "stage" }, figure,
    element("div", { class: "side" }, element("div", { class: "statistics", "aria-live": "polite" }, count.node),
      element("div", { class: "controls" }, first.node, second.node, which.node, through.node, shuffle),
      element("h3", {}, "pattern at the marker"), chips,
      element("p", { class: "note" }, "Drag a line, or its ring to turn it; click to set the marker. The short bar points to the side where the neuron's input is above 0. A pattern says, neuron by neuron, how many kinks of the activation lie below its input."))));
  redraw();
  host.state = () => ({ layers: layers(), activation: act.name, marker }); // for tests
}
