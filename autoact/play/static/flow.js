// Flow: what depth does to gradients, per activation and start.
import { chart, element, number, table } from "./widgets.js";
import { button, byFamily, choice, slider } from "./controls.js";
import { momentsOf } from "./moments.js";
import { flowOf, randomNetwork } from "./network.js";

const DEEPEST = 64;
export const WIDTH = 64;
export const BATCH = 32;
const MOST = 6;
const STARTS = {
  gain: ["own gain, σ_w² = 1 / E[φ²]", null], two: ["He, σ_w² = 2", 2], one: ["LeCun, σ_w² = 1", 1], third: ["torch, σ_w² = 1/3", 1 / 3], own: ["by hand", null],
};
const shown = (value) => (value === Infinity ? "∞" : number(value, 3));

export function flow(host, activations) {
  let names = ["relu", "tanh", "sigmoid", "silu", "elu"].filter((name) => activations.some((each) => each.name === name));
  let seed = 1;
  let network = randomNetwork(DEEPEST, WIDTH, BATCH, seed);
  const facts = new Map();
  const chips = element("div", { class: "chips", role: "group", "aria-label": "activations shown" });
  const panels = ["gradient", "chi", "dead", "kappa"].map((key) => ({ key, host: element("div", {}) }));
  const TITLES = { gradient: "mean gradient at the layer", dead: "dead units, share", kappa: "κ, relative gradient noise", chi: "χ, factor of squared gradients" };
  const rows = element("div", { class: "scroll", "aria-live": "polite" });

  const factsOf = (act) => {
    if (!facts.has(act.name)) {
      const [value, slope] = act.derivatives.map((f) => (x) => f(x, ...act.parameters.map((each) => each.start)));
      facts.set(act.name, { value, slope, ...momentsOf(value, slope) });
    }
    return facts.get(act.name);
  };
  const varianceOf = (found) => (start.value() === "gain" ? found.gain ** 2 : start.value() === "own" ? variance.value() : STARTS[start.value()][1]);
  const draw = () => {
    const all = names.map((name, n) => {
      const found = factsOf(activations.find((each) => each.name === name));
      return { name, role: `c${n}`, found, layers: flowOf(found.value, found.slope, network, depth.value(), varianceOf(found)) };
    });
    for (const { key, host: place } of panels) {
      const log = key !== "dead";
      const lines = all.map(({ name, role, layers }) => ({ kind: "line", role, width: 2, points: layers.map((each, n) => ({ x: n + 1, y: log && !(each[key] > 0) ? NaN : each[key] })) }));
      const rule = key === "chi" ? [{ kind: "rule", y: 1, role: "muted" }] : [];
      const single = depth.value() === 1 ? lines.map((line) => ({ ...line, kind: "dots", size: 4 })) : lines;
      chart(place, { label: `${TITLES[key]}, by layer`, height: 220, x: { tight: true, whole: true, title: "layer" }, y: { title: TITLES[key], log, ...(log ? {} : { low: 0, high: 1 }) }, marks: [...single, ...rule] });
    }
    rows.replaceChildren(table(["activation", "gradient first / last", "most dead", "own κ", "own χ"], all.map(({ name, found, layers }) => [
      name, shown(layers[0].gradient / layers[layers.length - 1].gradient), number(Math.max(...layers.map((each) => each.dead)), 3), shown(found.kappa), shown(varianceOf(found) * found.second),
    ])));
  };
  const list = () => {
    chips.replaceChildren(...names.map((name, n) => {
      const node = button("", () => { names = names.filter((each) => each !== name); list(); draw(); });
      node.classList.add("chip", `c${n}`);
      node.setAttribute("aria-label", `remove ${name}`);
      node.append(element("i", { class: `key c${n}` }), name, element("span", { "aria-hidden": "true" }, " ×"));
      node.disabled = names.length === 1;
      return node;
    }));
  };
  const add = choice({ label: "add", options: [["", "an activation …"], ...byFamily(activations)], value: "" }, (name) => {
    if (name && !names.includes(name)) names = [...names.slice(0, MOST - 1), name];
    add.set("");
    list();
    draw();
  });
  const depth = slider({ label: "depth", low: 1, high: DEEPEST, value: 24, step: 1 }, draw);
  const start = choice({ label: "start", options: Object.entries(STARTS).map(([key, [words]]) => [key, words]), value: "gain" }, () => { variance.node.hidden = start.value() !== "own"; draw(); });
  const variance = slider({ label: "σ_w²", low: 0.1, high: 8, value: 1, log: true }, draw);
  variance.node.hidden = true;
  const again = button("other weights", () => { seed += 1; network = randomNetwork(DEEPEST, WIDTH, BATCH, seed); draw(); });
  host.append(
    element("div", { class: "controls wide" }, depth.node, start.node, variance.node, add.node, again), chips,
    element("div", { class: "charts pairs" }, ...panels.map((each) => each.host)), rows,
    element("p", { class: "note" }, `A network of ${WIDTH} units per layer without biases or normalization, weights from N(0, σ_w² / ${WIDTH}), on ${BATCH} inputs of N(0, 1); the gradient is of the outputs added with random signs. A unit is dead if its slope is below 10⁻⁶ on all inputs; own κ and χ are those of N(0, 1).`),
  );
  list();
  draw();
}
