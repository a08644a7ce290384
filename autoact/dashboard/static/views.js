// Views: what a record of a run says, as charts. The same in the dashboard of TensorBoard and in report.html.
import { heatmap } from "./heatmap.js";
import { chart, element, mean, number, signed, table } from "./widgets.js";

const COLORS = ["c2", "c3", "c4", "c5", "c6", "c7", "c0", "c1"]; // the last two are those of chosen and original
const QUANTITIES = [ // charts of a layer over time
  { title: "κ, relative gradient noise; 1 is the least", lines: [["kappa", "measured inputs"], ["own_kappa", "under N(0, 1)"]], log: true },
  { title: "χ, factor of squared gradients; 1 keeps them", lines: [["chi", ""]], log: true, rule: 1 },
  { title: "share of the units", lines: [["dead", "dead: no gradient passed"], ["saturated", "saturated: nearly flat"]], low: 0 },
  { title: "entropy of the weights, in nats; 0 is decided", lines: [["entropy", ""]], low: 0 },
  { title: "margin: largest weight less the second", lines: [["margin", ""]], low: 0 },
];

const STEPS = { tight: true, title: "optimizer steps" };

const last = (values) => values[values.length - 1];
const known = (value) => typeof value === "number" && Number.isFinite(value);

// ---- a training's layers -------------------------------------------------------------------------------

function allCandidates(layers) {
  return [...new Set(layers.flatMap((layer) => layer.candidates))];
}

// Weights of a step as rows over all candidates; undefined where a layer lacks one.
function weightTable(view, columns, place) {
  return view.layers.map((layer, row) => {
    const own = new Map(layer.candidates.map((name, n) => [name, view.weights[place]?.[row]?.[n]]));
    return columns.map((name) => (own.has(name) ? own.get(name) ?? null : undefined));
  });
}

// Layers x candidates with a slider over the steps; click a layer for its function and its history.
// read(place) returns a promise of {functions, parameters} of a layer. `kept` holds what the reader chose, for
// the view that is drawn after this one: {layer, step}; where there is no step, the last one is shown.
export function layersView(host, view, read, notes = [], kept = {}) {
  const columns = allCandidates(view.layers);
  const final = view.steps.length - 1;
  if (final < 0) {
    host.replaceChildren(element("p", { class: "note" }, "Nothing is measured yet."));
    return;
  }
  const map = element("div", { class: "scroll" });
  const hint = read && element("p", { class: "note" }, "The stronger the color, the more weight. Choose a layer, by mouse or with the arrow keys, for its function and its history.");
  const detail = element("div", { class: "detail", "aria-live": "polite" });
  const said = element("output", { class: "step" });
  const begin = kept.step === undefined ? final : Math.max(0, view.steps.findLastIndex((step) => step <= kept.step));
  const slider = element("input", { type: "range", min: 0, max: final, value: begin, "aria-label": "step" });
  const control = element("label", { class: "slider" }, "step ", slider, said);
  host.replaceChildren(...[hint, final > 0 && control].filter(Boolean), element("div", { class: "layers" }, map, detail));
  const rows = view.layers.map((layer) => layer.path);
  let [open, asked] = [null, 0];
  const grid = heatmap(map, { label: "Weights, layers by candidates", rows, columns, values: weightTable(view, columns, final), notes, select: read && ((row) => show(row)) });
  const place = () => Number(slider.value);
  const show = async (row) => {
    kept.layer = row;
    const turn = (asked += 1);
    const found = await read(row);
    if (turn !== asked) return; // another layer was chosen meanwhile
    open = layerDetail(detail, view, row, found);
    open(place());
  };
  const move = () => {
    said.textContent = view.total ? `${number(view.steps[place()], 9)} of ${number(view.total, 9)}` : number(view.steps[place()], 9);
    slider.setAttribute("aria-valuetext", said.textContent);
    grid.update(weightTable(view, columns, place()));
    open?.(place());
  };
  let drawn = 0;
  slider.addEventListener("input", () => { // a drag asks more often than a screen shows
    kept.step = place() < final ? view.steps[place()] : undefined;
    cancelAnimationFrame(drawn);
    drawn = requestAnimationFrame(move);
  });
  move();
  if (read) grid.select(kept.layer in rows ? kept.layer : 0);
}

function layerDetail(host, view, row, found) {
  const layer = view.layers[row];
  const parts = Object.fromEntries(["values", "value", "slope", "weights"].map((name) => [name, element("div", {})]));
  const over = QUANTITIES.filter((each) => each.lines.some(([name]) => view.quantities[name])).map((each) => ({ ...each, host: element("div", {}) }));
  host.replaceChildren(
    element("h3", {}, ...layer.path.split(/(?<=[._])/).flatMap((part) => [part, element("wbr")])), parts.values,
    element("div", { class: "charts" }, parts.value, parts.slope, parts.weights, ...over.map((each) => each.host)),
  );
  const roles = rolesOf(view, row);
  const rule = () => ({ kind: "rule", x: last(view.steps), role: "now", width: 1 });
  const lines = [...roles].map(([name, role]) => {
    const [n, named] = [layer.candidates.indexOf(name), role !== "muted"];
    return { kind: "line", role, name: named ? name : "", width: named ? 1.8 : 0.8, points: view.steps.map((x, s) => ({ x, y: view.weights[s][row][n] })) };
  });
  const movers = [chart(parts.weights, { label: `Weights of ${layer.path} over the steps`, height: 214, x: STEPS, y: { title: "weights of the candidates", low: 0 }, marks: [...lines, rule()] })];
  for (const each of over) {
    const marks = each.lines.filter(([name]) => view.quantities[name]).map(([name, title], n) => ({ kind: "line", name: title, role: ["c0", "c1"][n], points: view.steps.map((x, s) => ({ x, y: view.quantities[name][s][row] })) }));
    if (each.rule) marks.push({ kind: "rule", y: each.rule, role: "muted", floating: true });
    movers.push(chart(each.host, { label: `${each.title} of ${layer.path} over the steps`, height: 174, x: STEPS, y: { title: each.title, log: each.log, low: each.low }, marks: [...marks, rule()] }));
  }
  let drawn = null;
  return (place) => {
    const step = view.steps[place];
    const at = [...found.functions].reverse().find((each) => each.step <= step) ?? found.functions[0];
    if (at && at !== drawn) drawFunction(parts, layer, at, weightsOf(view, row, at.step), roles);
    drawn = at;
    parts.values.replaceChildren(valuesTable(view, row, place, found.parameters));
    for (const move of movers) move(step);
  };
}

// Candidates of a layer in the order of their last weights, the first eight with a color: the same in all of its charts.
function rolesOf(view, row) {
  const order = [...weightsOf(view, row, last(view.steps))].sort(([, a], [, b]) => (b ?? 0) - (a ?? 0));
  return new Map(order.map(([name], n) => [name, n < COLORS.length ? COLORS[n] : "muted"]));
}

function weightsOf(view, row, step) {
  const place = Math.max(0, view.steps.findLastIndex((each) => each <= step));
  return new Map(view.layers[row].candidates.map((name, n) => [name, view.weights[place][row][n]]));
}

function drawFunction(parts, layer, at, weights, roles) {
  const points = (values) => values.map((y, n) => ({ x: at.low + (n / (values.length - 1)) * (at.high - at.low), y }));
  const highest = Math.max(...at.density, 0);
  const range = (lists) => [Math.min(...lists.flat().filter(known)), Math.max(...lists.flat().filter(known))];
  const density = ([low, high]) => at.density.flatMap((value, n) => [n, n + 1].map((edge) => ({ x: at.low + (edge / at.density.length) * (at.high - at.low), y: low + (0.9 * value * (high - low)) / (highest || 1) })));
  const members = Object.entries(at.members).map(([name, values]) => ({ kind: "line", name: `${name} ${number(weights.get(name), 2)}`, role: roles.get(name), width: 1, opacity: 0.75, points: points(values) }));
  const [low, high] = range([at.y, at.start ?? []]);
  const pad = 0.15 * (high - low || 1);
  const area = (bounds) => (at.density.length ? [{ kind: "area", role: "density", name: "inputs", points: density(bounds) }] : []);
  chart(parts.value, {
    label: `Function of ${layer.path} at step ${at.step}`, height: 230, x: { tight: true, title: at.density.length ? "input of the layer" : "input (not measured yet)" },
    y: { title: `function at step ${number(at.step, 9)}`, low: low - pad, high: high + pad },
    marks: [...area([low - pad, high]), ...members, ...(at.start ? [{ kind: "line", name: "at the start", role: "original", dash: true, points: points(at.start) }] : []), { kind: "line", name: "learned", role: "chosen", width: 2.6, points: points(at.y) }],
  });
  const slopes = range([at.slope]);
  const margin = 0.1 * (slopes[1] - slopes[0] || 1);
  chart(parts.slope, {
    label: `Derivative of ${layer.path} at step ${at.step}`, height: 230, x: { tight: true, title: "input of the layer" },
    y: { title: "derivative", low: slopes[0] - margin, high: slopes[1] + margin },
    marks: [...area([slopes[0] - margin, slopes[1]]), { kind: "line", name: "learned", role: "chosen", width: 2.6, points: points(at.slope) }],
  });
}

function valuesTable(view, row, place, parameters) {
  const own = view.layers[row].candidates.map((name, n) => ({ name, weight: view.weights[place][row][n] ?? 0 }));
  own.sort((a, b) => b.weight - a.weight);
  const values = (name) => Object.entries(parameters).filter(([key]) => key.slice(0, key.lastIndexOf(".")) === name).map(([key, all]) => `${key.slice(key.lastIndexOf(".") + 1)} ${number(all[place], 3)}`).join(", ");
  const shown = own.slice(0, 5).map(({ name, weight }) => [name, weight, values(name) || " "]);
  return element("div", { class: "scroll" }, table(["member", "weight", "parameters"], shown));
}

// ---- a search ------------------------------------------------------------------------------------------

const SELECTION = "selection data";
const roleOf = (view, training) => (training.key === view.original_key ? "original" : view.result && training.key === view.result.chosen_key ? "chosen" : "muted");
const of = (view, ...phases) => view.trainings.filter((training) => phases.includes(training.phase));

// Mean of the original on selection data, with what it rests on.
function originalLine(view) {
  const values = view.trainings.filter((t) => t.key === view.original_key && t.state === "finished" && t.phase !== "confirmation").map((t) => t.selection);
  const level = mean(values);
  return known(level) ? [{ kind: "rule", y: level, role: "original", name: `original, mean of ${values.filter(known).length}` }] : [];
}

// Where hopeless values are cut off: twice the distance from the best to the upper quartile.
function limits(view, values) {
  const sorted = values.filter(known).sort((a, b) => (view.mode === "max" ? b - a : a - b));
  if (sorted.length < 4) return {};
  const [best, quartile, worst] = [sorted[0], sorted[Math.floor((3 * sorted.length) / 4)], last(sorted)];
  const end = best + 2 * (quartile - best);
  const margin = 0.08 * (best - end);
  if (!(Math.abs(worst - best) > Math.abs(end - best)) || end === best) return {};
  return { low: Math.min(best + margin, end), high: Math.max(best + margin, end) };
}

const titled = (training) => `${training.label} (seed ${training.seed}): ${training.words}, ${number(training.selection)}`;

export const figures = {
  progress(view, pick) {
    let spent = 0;
    const places = view.trainings.map((training, id) => ({ id, training, x: (spent += training.phase === "probe" ? 0 : training.share), y: training.selection }));
    const searched = places.filter(({ training }) => ["one-shot", "trial", "baseline", "tuning"].includes(training.phase));
    const all = searched.filter(({ y }) => known(y)).map((each) => ({ ...each, title: titled(each.training) }));
    if (!all.length) return null;
    const groups = [
      ["trial", "muted", (t) => t.phase === "trial" && t.state === "finished" && roleOf(view, t) === "muted", 4],
      ["ended early", "early", (t) => t.state === "pruned", 2.5],
      ["one activation everywhere", "uniform", (t) => ["baseline", "tuning"].includes(t.phase) && roleOf(view, t) === "muted" && t.state === "finished", 3.5],
      ["mixture", "mixture", (t) => t.phase === "one-shot", 5],
      ["original", "original", (t) => roleOf(view, t) === "original" && t.state === "finished", 4.5],
      ["chosen", "chosen", (t) => roleOf(view, t) === "chosen" && t.state === "finished", 5.5],
    ];
    const marks = groups.map(([name, role, fits, size]) => ({ kind: "dots", name, role, size, points: all.filter(({ training }) => fits(training)) })).filter((mark) => mark.points.length);
    const ys = all.filter(({ training }) => training.phase !== "one-shot").map(({ y }) => y);
    const cut = limits(view, ys);
    const title = `${view.metric} on ${SELECTION}${"low" in cut ? "; what is worse stands at the edge" : ""}`;
    return { label: `${view.metric} of every training of the search, by cost`, height: 280, pick, x: { title: "cost so far, in full trainings" }, y: { title, ...cut }, marks: [...originalLine(view), ...marks] };
  },

  beliefs(view) {
    const found = view.result?.beliefs ?? [];
    if (!found.length) return null;
    const shown = found.slice(0, 15);
    const original = found.find((each) => each.role === "original");
    if (original && !shown.includes(original)) shown.push(original);
    const points = shown.map((each, y) => ({ ...each, x: each.mean, y, low: each.mean - each.sd, high: each.mean + each.sd, title: `${each.words}: ${number(each.mean)} ± ${number(each.sd, 2)}` }));
    const marks = ["muted", "uniform", "original", "chosen"].flatMap((role) => {
      const own = points.filter((point) => (point.role || "muted") === role);
      const name = { original: "original", chosen: "chosen", uniform: "best single activation" }[role];
      return own.length ? [{ kind: "interval", across: true, role, points: own }, { kind: "dots", role, name, points: own }] : [];
    });
    return { label: "What the search believes of each assignment", x: { title: `${view.metric} on ${SELECTION}, believed, ± one s.d.` }, y: { names: shown.map((each) => each.words) }, marks };
  },

  looks(view) {
    const found = view.result?.looks ?? view.looks ?? [];
    const points = found.filter((look) => known(look.ci?.[0])).map((look) => ({ x: look.seeds, y: look.difference, low: look.ci[0], high: look.ci[1], title: `${look.seeds} seeds: ${signed(look.difference)} (${signed(look.ci[0])} … ${signed(look.ci[1])})` }));
    if (!points.length) return null;
    const marks = [{ kind: "rule", y: 0, role: "original", name: "original" }, { kind: "interval", role: "chosen", points, name: "chosen, with its interval" }, { kind: "dots", role: "chosen", points, size: 5 }];
    return { label: "The interval of the difference, look by look", height: 220, x: { title: "seeds spent", whole: true, low: 0, high: Math.max(...points.map((p) => p.x)) * 1.1 }, y: { title: `difference in ${view.metric}; above 0 is better` }, marks };
  },

  values(view) {
    const models = view.result?.confirmed ?? [];
    if (models.length < 2) return null;
    const lines = models[0].values.map((_, seed) => ({ kind: "line", role: "muted", width: 0.7, opacity: 0.6, points: models.map((model, x) => ({ x, y: model.values[seed] })) }));
    const dots = models.flatMap((model, x) => [{ kind: "dots", role: model.role, size: 3.5, points: model.values.map((y) => ({ x, y, title: number(y) })) }, { kind: "tick", role: model.role, points: [{ x, y: mean(model.values) }] }]);
    return { label: "Values of the confirmed models on fresh seeds", height: 250, x: { names: models.map((model) => model.name), title: "one line per seed; bars are means" }, y: { title: `${view.metric} on comparison data` }, marks: [...lines, ...dots] };
  },

  differences(view) {
    const found = (view.result?.comparisons ?? []).filter((each) => known(each.difference));
    if (!found.length) return null;
    const marks = found.flatMap((each, y) => [
      { kind: "dots", role: "muted", size: 2.5, opacity: 0.7, points: each.gains.map((x) => ({ x, y: y + 0.2, title: signed(x) })) },
      { kind: "interval", across: true, role: each.role, width: 3, points: known(each.ci[0]) ? [{ y, low: each.ci[0], high: each.ci[1], title: `${signed(each.ci[0])} … ${signed(each.ci[1])}` }] : [] },
      { kind: "dots", role: each.role, size: 5, points: [{ x: each.difference, y, title: signed(each.difference) }] },
    ]);
    return { label: "Differences between the chosen and the other models", row: 60, x: { title: `difference in ${view.metric}; right of 0 is better; a dot is a seed` }, y: { names: found.map((each) => `against ${each.name}`) }, marks: [{ kind: "rule", x: 0, role: "ink", dash: false, width: 1 }, ...marks] };
  },

  curves(view) {
    const trainings = of(view, "confirmation").filter((t) => t.curve[0].length > 1);
    if (!trainings.length) return null;
    const labels = [...new Set(trainings.map((t) => t.label))];
    const role = (label) => ({ original: "original", selected: "chosen" })[label] ?? (label.startsWith("front ") ? "c2" : "uniform");
    const marks = labels.flatMap((label) => {
      const own = trainings.filter((t) => t.label === label);
      const lines = own.map((t) => ({ kind: "line", role: role(label), width: 0.6, opacity: 0.35, points: t.curve[0].map((x, n) => ({ x, y: t.curve[1][n] })) }));
      const length = Math.min(...own.map((t) => t.curve[0].length));
      const middle = Array.from({ length }, (_, n) => ({ x: own[0].curve[0][n], y: mean(own.map((t) => t.curve[1][n])) }));
      return [...lines, { kind: "line", role: role(label), width: 2.4, name: { original: "original", selected: "chosen" }[label] ?? (label.startsWith("front ") ? label === "front 1" && "front" : `${label} everywhere`), points: middle }];
    });
    return { label: `${view.metric} over the trainings of the confirmed models`, height: 260, x: { title: "optimizer steps", tight: true }, y: { title: `${view.metric} on ${SELECTION}`, log: true }, marks };
  },

  uniforms(view) {
    const found = view.result?.baselines ?? [];
    const rows = found.filter((each) => each.values.some(known));
    if (!rows.length) return null;
    const marks = rows.flatMap((each, y) => [
      { kind: "dots", role: each.role, size: 3, opacity: 0.7, points: each.values.map((x) => ({ x, y, title: number(x) })) },
      { kind: "tick", across: true, role: each.role, points: [{ x: mean(each.values), y, title: `mean ${number(mean(each.values))}` }] },
    ]);
    return { label: "Models with one activation everywhere, the original and the chosen, ranked", x: { title: `${view.metric} on ${SELECTION}; bars are means` }, y: { names: rows.map((each) => each.name) }, marks };
  },

  pareto(view) {
    const found = view.result?.pareto ?? [];
    if (found.length < 2) return null;
    const points = found.map((each) => ({ ...each, x: each.ms, y: each.mean, low: each.mean - (each.sd ?? 0), high: each.mean + (each.sd ?? 0), title: `${each.words}: ${number(each.mean)} at ${number(each.ms, 3)}` }));
    const front = points.filter((point) => point.front);
    const marks = [["muted", "tried"], ["original", "original"], ["chosen", "chosen"]].flatMap(([role, name]) => {
      const own = points.filter((point) => point.role === role);
      return own.length ? [{ kind: "interval", role, width: 1, points: own }, { kind: "dots", role, name, size: 5, points: own }] : [];
    });
    const second = view.result.front;
    return { label: `${view.metric} against ${second ? second.goal : "the latency of a forward pass"}`, height: 260, x: { title: second ? `${second.unit}, added up over the layers` : "milliseconds of a forward pass" }, y: { title: `${view.metric}, believed, ± one s.d.` }, marks: [{ kind: "step", role: "ink", width: 1, points: front, name: front.length > 1 ? "front" : "" }, ...marks] };
  },

  front(view) { // both differences to the original, which stands where the axes cross
    const found = (view.result?.front?.points ?? []).filter((each) => known(each.value) && known(each.cost));
    if (!found.length) return null;
    const { goal, unit, level } = view.result.front;
    const points = found.map((each) => ({ ...each, x: each.cost, y: each.value, title: `${each.words}: ${each.says}` }));
    const marks = [["c2", "on the front"], ["chosen", "chosen"]].flatMap(([role, name]) => {
      const own = points.filter((point) => point.role === role);
      const spans = (ends, across) => ({ kind: "interval", role, across, width: 2, points: own.filter((p) => known(p[ends]?.[0])).map((p) => ({ ...p, low: p[ends][0], high: p[ends][1] })) });
      return own.length ? [spans("ci", false), spans("cost_ci", true), { kind: "dots", role, name, size: 5, points: own }] : [];
    });
    const origin = { kind: "dots", role: "original", name: "original", size: 5, points: [{ x: 0, y: 0, title: "original" }] };
    return { label: `Differences in ${view.metric} and ${goal} to the original`, height: 300, x: { title: `${unit}, difference; left of 0 is ${goal === "size" ? "smaller" : "faster"}` }, y: { title: `difference in ${view.metric}, ${level} together; above 0 is better` }, marks: [{ kind: "rule", x: 0, role: "muted" }, { kind: "rule", y: 0, role: "muted" }, ...marks, origin] };
  },

  current(view) {
    const shown = [...view.trainings].reverse().find((t) => t.curve[0].length > 1);
    return shown && !view.result ? curveOf(view, shown) : null;
  },
};

function curveOf(view, training) {
  const points = training.curve[0].map((x, n) => ({ x, y: training.curve[1][n] }));
  return { label: `Curve of ${training.label}`, height: 200, x: { title: "optimizer steps", tight: true }, y: { title: `${view.metric} on ${SELECTION}: ${training.label}, ${training.words}`, log: true }, marks: [{ kind: "line", role: "chosen", points }, { kind: "dots", role: "chosen", size: 2.5, points: points.map((p) => ({ ...p, title: number(p.y) })) }, ...originalLine(view)] };
}

const TITLES = { progress: "Trials by cost", beliefs: "What is believed of each assignment", looks: "The verdict, look by look", differences: "Against the others", values: "Values on fresh seeds", front: "Value and cost", uniforms: "One activation everywhere", pareto: "Value against latency", curves: "Curves of the confirmed models" };

// Whether a process still works on a search, no record knows.
function progressOf(view) {
  const done = view.trainings.reduce((sum, each) => sum + (each.phase === "probe" ? 0 : each.share), 0);
  const at = view.last ? ` The last one ended at ${new Date(1000 * view.last).toLocaleString()}; “autoact status RUN” tells whether the search still runs.` : "";
  return `${number(done)}${view.planned ? ` of about ${number(view.planned)}` : ""} trainings are done.${at}`;
}

// `kept` holds the training that the reader picked, for the view that is drawn after this one.
export function searchView(host, view, kept = {}) {
  const picked = element("div", { class: "picked-training", "aria-live": "polite" }, element("p", { class: "note" }, "Choose a point, by mouse or with the arrow keys, for its activations and its curve."));
  const pick = (id) => {
    kept.picked = id;
    const training = view.trainings[id];
    const place = element("div", {});
    const names = training.choices ? view.layers.map((path, n) => [path, training.choices[n] ?? "–", view.original[n] ?? "–"]) : [];
    picked.replaceChildren(element("h3", {}, titled(training)), place, element("div", { class: "scroll" }, table(["layer", "activation", "original"], names)));
    if (training.curve[0].length > 1) chart(place, curveOf(view, training));
  };
  const said = view.result
    ? [element("h2", { class: `verdict ${(view.result.verdict ?? "none").replaceAll(" ", "-")}` }, view.result.headline), ...view.result.sentences.map((text) => element("p", {}, text))]
    : [element("h2", {}, "No verdict yet"), element("p", {}, progressOf(view))];
  const sections = Object.entries(TITLES).map(([name, title]) => [title, figures[name](view, name === "progress" ? pick : undefined), name]).filter(([, spec]) => spec);
  if (kept.picked in view.trainings) pick(kept.picked);
  host.replaceChildren(...said, ...sections.map(([title, spec, name]) => {
    const place = element("div", { "data-figure": name });
    queueMicrotask(() => chart(place, spec));
    return element("section", {}, element("h2", {}, title), place, ...(name === "progress" ? [picked] : []));
  }));
}
