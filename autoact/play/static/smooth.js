// Smooth: a network has as many continuous derivatives as φ.
import { chart, element, number } from "./widgets.js";
import { byFamily, choice, slider, statistic } from "./controls.js";
import { momentsOf, smoothnessOf } from "./moments.js";

const LOW = -5;
const HIGH = 5;
const POINTS = 400;
const BESIDE = 1e-9; // of a jump
const NAMES = ["f", "f′", "f″"];

function classWords({ order, jumps }) {
  if (order === 2) return ["C² or more", `f, f′ and f″ have no jump from ${2 * LOW} to ${2 * HIGH}`];
  const at = jumps[order + 1];
  const places = at.slice(0, 3).map((each) => number(each, 3)).join(", ") + (at.length > 3 ? ", …" : "");
  return [order < 0 ? "jumps" : `C${"⁰¹"[order]}`, `${NAMES[order + 1]} jumps at ${places}`];
}

export function smooth(host, activations) {
  const figures = NAMES.map(() => element("div", {}));
  const sliders = element("div", { class: "controls" });
  const formula = element("div", { class: "formula" });
  const about = element("p", { class: "note" });
  const grade = statistic("smoothness");
  const noise = statistic("κ, gradient noise");
  const gain = statistic("gain");
  const values = element("output", { class: "reading" });
  let movers = [];
  let act = activations.find((each) => each.name === "elu") ?? activations[0];
  let own = [];

  const derivatives = () => act.derivatives.map((f) => (x) => f(x, ...own));
  const read = (x) => {
    movers.forEach((move) => move(x));
    values.textContent = derivatives().map((f, n) => `${NAMES[n]} = ${number(f(x), 5)}`).join("   ");
  };
  const place = slider({ label: "read at x", low: LOW, high: HIGH, value: 1, step: 0.05 }, read);
  const draw = () => {
    const all = derivatives();
    const found = smoothnessOf(all, 2 * LOW, 2 * HIGH); // clamped_offset has its kinks beyond the chart
    movers = all.map((f, n) => {
      const points = [];
      for (let i = 0; i <= POINTS; i += 1) {
        const [before, x] = [i - 1, i].map((place) => LOW + ((HIGH - LOW) * place) / POINTS);
        for (const at of found.jumps[n].filter((each) => each > before && each <= x)) points.push({ x: at, y: f(at - BESIDE) }, { x: at, y: NaN }, { x: at, y: f(at + BESIDE) });
        if (!found.jumps[n].includes(x)) points.push({ x, y: f(x) });
      }
      const shown = points.map(({ y }) => y).filter(Number.isFinite);
      const [low, high] = [Math.max(-8, Math.min(...shown)), Math.min(8, Math.max(...shown))];
      const pad = Math.max(0.08 * (high - low), 0.05);
      const clipped = points.map(({ x, y }) => ({ x, y: y < low - pad || y > high + pad ? NaN : y }));
      return chart(figures[n], {
        label: `${NAMES[n]} of ${act.name}`, height: n ? 160 : 220, x: { tight: true, title: n === 2 ? "x" : undefined }, y: { title: `${NAMES[n]}(x)`, low: low - pad, high: high + pad },
        marks: [{ kind: "line", role: ["chosen", "original", "mixture"][n], width: 2.4, points: clipped }, { kind: "rule", x: place.value(), role: "now", width: 1 }],
      });
    });
    grade.set(...classWords(found));
    const facts = momentsOf(all[0], all[1]);
    noise.set(facts.kappa === Infinity ? "∞" : number(facts.kappa, 5), `χ at the gain ${number(facts.chi, 4)}`);
    gain.set(number(facts.gain, 5), "z ~ N(0, 1)");
    read(place.value());
  };
  const pick = (name) => {
    act = activations.find((each) => each.name === name);
    own = act.parameters.map((each) => each.start);
    sliders.replaceChildren(...act.parameters.map((each, n) => slider({ label: each.name, low: each.low, high: each.high, value: each.start, log: each.log, step: (each.high - each.low) / 200 }, (value) => { own[n] = value; draw(); }).node));
    formula.innerHTML = act.formula; // MathML, names in it escaped
    formula.prepend(element("span", {}, "f(x) ="));
    about.textContent = [act.description, act.reference].filter(Boolean).join(" ");
    draw();
  };
  const which = choice({ label: "activation", options: byFamily(activations), value: act.name }, pick);
  host.append(
    element("div", { class: "stage" },
      element("div", { class: "settings" }, element("div", { class: "controls" }, which.node), sliders),
      element("div", { class: "figures" }, ...figures),
      element("div", { class: "side" }, formula, about,
        element("div", { class: "statistics", "aria-live": "polite" }, grade.node, noise.node, gain.node), element("div", { class: "controls" }, place.node), values)),
  );
  pick(act.name);
}
