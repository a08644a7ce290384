// Power: with bounded weights, width alone is not enough; the input scale must grow.
import { chart, element, number } from "./widgets.js";
import { byFamily, choice, slider, statistic } from "./controls.js";
import { boundedFit, cubicError, evenly } from "./power_model.js";

const TARGETS = {
  waves: ["three waves, sin 3πx", (x) => Math.sin(3 * Math.PI * x)],
  wave: ["one wave, sin πx", (x) => Math.sin(Math.PI * x)],
  spike: ["a spike, exp(−50 x²)", (x) => Math.exp(-50 * x * x)],
  kink: ["a kink, |x|", (x) => Math.abs(x)],
  step: ["a step", (x) => (x > 0 ? 1 : -1)],
};
const SCALES = [1, 2, 4, 8, 16];
const WIDTHS = [4, 8, 16, 32, 64, 128];

export function power(host, activations) {
  const picture = element("div", {});
  const sweep = element("div", {});
  const error = statistic("error of the best network", "large");
  const cubic = statistic("best cubic");
  let turn = 0;
  const phi = () => {
    const act = activations.find((each) => each.name === which.value());
    const own = act.parameters.map((each) => each.start);
    return (x) => act.derivatives[0](x, ...own);
  };
  const fit = (scale) => boundedFit(phi(), TARGETS[target.value()][1], WIDTHS[width.value()], scale, bound.value());
  const drawSweep = (points, polynomial) => chart(sweep, {
    label: "Error against input scale", height: 230, x: { title: "input scale s", log: true, low: 0.9, high: 18 }, y: { title: "root mean square error", log: true },
    marks: [{ kind: "rule", y: polynomial, role: "muted", name: "best cubic" }, { kind: "line", role: "chosen", name: `width ${WIDTHS[width.value()]}`, points }, { kind: "dots", role: "chosen", points: points.map((each) => ({ ...each, title: `s = ${each.x}: ${number(each.y, 3)}` })) }, { kind: "rule", x: scale.value(), role: "now", width: 1, dash: false }],
  });
  const draw = async () => {
    const own = (turn += 1);
    const of = TARGETS[target.value()][1];
    const found = fit(scale.value());
    const x = evenly(-1, 1, 401);
    const highest = 1.25 * Math.max(...x.map((each) => Math.max(Math.abs(of(each)), Math.abs(found.predict(each)))));
    const line = (f) => x.map((each) => ({ x: each, y: Math.abs(f(each)) > highest ? NaN : f(each) }));
    const patches = found.weights.map((_, j) => ({ kind: "line", role: "c0", width: 0.8, opacity: 0.45, name: j ? "" : "patches v·φ", points: line((each) => found.patch(j, each)) }));
    chart(picture, {
      label: "Target, best network and its patches", height: 330, x: { tight: true, title: "x" }, y: { title: "y", low: -highest, high: highest },
      marks: [...patches, { kind: "line", role: "ink", dash: true, name: "target", points: line(of) }, { kind: "line", role: "original", width: 2.4, name: "their sum", points: line(found.predict) }],
    });
    const polynomial = cubicError(of);
    error.set(number(found.error, 3), `${which.value()}, ${WIDTHS[width.value()]} units, s = ${number(scale.value(), 3)}, B = ${number(bound.value(), 3)}`);
    cubic.set(number(polynomial, 3), "no weight bounded");
    const points = [];
    for (const each of SCALES) {
      await new Promise((done) => { setTimeout(done); }); // a slider that moves on comes first
      if (own !== turn) return;
      points.push({ x: each, y: fit(each).error });
    }
    drawSweep(points, polynomial);
    sweep.dataset.turn = own;
  };
  const which = choice({ label: "activation", options: byFamily(activations), value: activations.some((each) => each.name === "tanh") ? "tanh" : activations[0].name }, draw);
  const target = choice({ label: "target", options: Object.entries(TARGETS).map(([key, [words]]) => [key, words]), value: "waves" }, draw);
  const width = slider({ label: "width", low: 0, high: WIDTHS.length - 1, value: 3, step: 1, show: (place) => String(WIDTHS[place]) }, draw);
  const scale = slider({ label: "input scale s", low: 1, high: 16, value: 2, step: 0.25 }, draw);
  const bound = slider({ label: "bound B", low: 0.25, high: 4, value: 1, step: 0.25 }, draw);
  host.append(
    element("div", { class: "stage" },
      element("div", { class: "settings controls" }, which.node, target.node, scale.node, width.node, bound.node),
      element("div", { class: "figures" }, picture, sweep),
      element("div", { class: "side" },
        element("div", { class: "statistics", "aria-live": "polite" }, error.node, cubic.node),
        element("p", { class: "note" }, "y = Σ v φ(s (w x + b)) + c on [−1, 1]; all of w, b, v and c lie in [−B, B]. Hidden units are evenly shifted copies of φ, the output weights the best there are."))),
  );
  draw();
}
