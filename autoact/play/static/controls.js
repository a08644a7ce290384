// Controls: sliders, choices and buttons with their labels, and large numbers with what they mean.
import { element } from "./widgets.js";

let serial = 0;

// A slider; `log` steps by equal factors. Returns {node, value(), set(value)}; tell(value) hears every move.
export function slider({ label, low, high, value, step = 0.01, log = false, show = (each) => String(Number(each.toPrecision(3))) }, tell) {
  const id = `control${(serial += 1)}`;
  const steps = log ? 100 : Math.round((high - low) / step);
  const toValue = (place) => (log ? low * (high / low) ** (place / steps) : Number((low + place * step).toFixed(10)));
  const toPlace = (each) => Math.round(log ? (steps * Math.log(each / low)) / Math.log(high / low) : (each - low) / step);
  let now = value; // what was set exactly, until the slider is moved
  const input = element("input", { type: "range", id, min: 0, max: steps, step: 1, value: toPlace(value) });
  const said = element("output", { for: id });
  const say = () => {
    said.textContent = show(now).replace("-", "−");
    input.setAttribute("aria-valuetext", show(now));
  };
  let asked = 0;
  input.addEventListener("input", () => {
    now = toValue(Number(input.value));
    say();
    cancelAnimationFrame(asked); // a drag asks more often than a screen shows
    asked = requestAnimationFrame(() => tell(now));
  });
  say();
  const node = element("div", { class: "control" }, element("label", { for: id }, label), input, said);
  return { node, value: () => now, set(each) { now = each; input.value = toPlace(each); say(); } };
}

// A choice among [value, words], or among groups {label, options}. Returns {node, value(), set(value)}.
export function choice({ label, options, value }, tell) {
  const id = `control${(serial += 1)}`;
  const option = ([each, words]) => element("option", { value: each }, words);
  const select = element("select", { id }, ...options.map((each) => (Array.isArray(each) ? option(each) : element("optgroup", { label: each.label }, ...each.options.map(option)))));
  select.value = value;
  select.addEventListener("change", () => tell(select.value));
  return { node: element("div", { class: "control" }, element("label", { for: id }, label), select), value: () => select.value, set(each) { select.value = each; } };
}

export function toggle({ label, value }, tell) {
  const input = element("input", { type: "checkbox", checked: value });
  input.addEventListener("change", () => tell(input.checked));
  return { node: element("label", { class: "toggle" }, input, label), value: () => input.checked };
}

export function button(label, act) {
  const node = element("button", { type: "button" }, label);
  node.addEventListener("click", act);
  return node;
}

// A large number, what it counts, and what it is measured by. Returns {node, set(number, words)}.
export function statistic(about, extra = "") {
  const large = element("strong", {});
  const words = element("small", {});
  const node = element("p", { class: `statistic ${extra}` }, element("span", {}, about), large, words);
  return { node, set(text, more = "") { large.textContent = text; words.textContent = more; } };
}

// Activations as options, by family.
export function byFamily(activations) {
  const families = new Map();
  for (const each of activations) families.set(each.family, [...(families.get(each.family) ?? []), [each.name, each.name]]);
  return [...families].map(([label, options]) => ({ label, options }));
}
