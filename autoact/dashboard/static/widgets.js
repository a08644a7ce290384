// Widgets: a chart, in SVG, and a table, from plain data. Whatever a user named becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";
export const LETTER = 6.7; // pixels of a letter of 12 px, on average
const LINE = 14; // pixels from one line of it to the next

export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function shape(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// A number with a few significant digits, as everywhere in the report.
export function number(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const large = Math.abs(value) >= 10 ** digits;
  const text = large ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(digits)));
  return text.replace("-", "−");
}

export function signed(value, digits = 3) {
  return value > 0 ? `+${number(value, digits)}` : number(value, digits);
}

export const finite = (value) => typeof value === "number" && Number.isFinite(value);

export function mean(values) {
  const known = values.filter(finite);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

function linearTicks(low, high, most, whole) {
  const rough = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough || 1));
  const at = (size) => {
    const step = whole ? Math.max(1, Math.round(size)) : size;
    const first = Math.ceil(low / step - 1e-9);
    const count = Math.floor(high / step + 1e-9) - first + 1;
    return Array.from({ length: Math.max(count, 0) }, (_, place) => (first + place) * step);
  };
  const sizes = [1, 2, 5, 10].map((factor) => factor * power);
  const wide = sizes.find((each) => each >= rough) ?? power;
  return at(wide).length > 1 ? at(wide) : at(wide / 2); // one number alone makes no scale
}

function logTicks(low, high, most) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const factor of [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
    }
  }
  if (found.length <= most) return found;
  const powers = found.filter((value) => Number.isInteger(Number(Math.log10(value).toFixed(9))));
  const fewer = powers.length > 2 ? powers : found; // of many, whole powers of ten are read most easily
  return fewer.filter((_, place) => place % Math.ceil(fewer.length / most) === 0);
}

// A scale of an axis: where values stand between two pixels.
function scaleOf(axis, values, from, to) {
  const known = values.filter(finite);
  if (axis.names) {
    const at = (value) => from + ((value + 0.5) / axis.names.length) * (to - from);
    return { at, names: axis.names, low: 0, high: axis.names.length - 1 };
  }
  let low = axis.low ?? Math.min(...known);
  let high = axis.high ?? Math.max(...known);
  if (!known.length && axis.low === undefined) [low, high] = [0, 1];
  const log = axis.log && low > 0 && high > 8 * low;
  if (log) [low, high] = [Math.log10(low), Math.log10(high)];
  if (high - low < 1e-12 * Math.max(1, Math.abs(high))) { // all alike
    high += 0.5 * (Math.abs(high) || 1);
    if (axis.low === undefined) low -= 0.5 * (Math.abs(low) || 1);
  }
  const pad = axis.tight ? 0 : 0.05 * (high - low);
  if (axis.low === undefined) low -= pad;
  if (axis.high === undefined) high += pad;
  const place = (value) => ((log ? Math.log10(value) : value) - low) / (high - low);
  const within = (least, most) => (value) => from + Math.min(Math.max(place(value), least), most) * (to - from);
  return { at: within(0, 1), beyond: within(-9, 10), log, low: log ? 10 ** low : low, high: log ? 10 ** high : high };
}

function ticksOf(axis, scale, most) {
  if (scale.names) return scale.names.map((name, place) => [place, name]);
  const values = scale.log ? logTicks(scale.low, scale.high, most) : linearTicks(scale.low, scale.high, most, axis.whole);
  const small = scale.log && scale.low < 1e-4; // one notation for all of an axis
  return values.map((value) => [value, small ? power(value) : number(value, 3)]);
}

// 0.0002 as 2·10⁻⁴
function power(value) {
  const [factor, exponent] = value.toExponential(0).split("e");
  const raised = [...exponent.replace("+", "")].map((letter) => (letter === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[letter])).join("");
  return `${factor === "1" ? "" : `${factor}·`}10${raised}`;
}

// A text that fits: of a path the end is kept, which tells layers apart.
const shortened = (text, pixels, end = false) => {
  const most = Math.max(3, Math.floor(pixels / LETTER));
  if (text.length <= most) return text;
  return end ? `…${text.slice(1 - most)}` : `${text.slice(0, most - 1)}…`;
};

// Lines of a text, at most so many, broken between words, and in a word that fits into none after punctuation.
function linesOf(text, pixels, most, end = false) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const parts = word.length * LETTER > pixels ? word.split(/(?<=[(,=._/])/) : [word];
    for (const [n, part] of parts.entries()) {
      const longer = `${lines.at(-1)}${n || !lines.at(-1) ? "" : " "}${part}`;
      if (lines.at(-1) && longer.length * LETTER > pixels && lines.length < most) lines.push(part);
      else lines[lines.length - 1] = longer;
    }
  }
  return lines.map((line) => shortened(line, pixels, end));
}

// A text in SVG; of several lines, `y` is that of the first.
export function label(text, pixels, attributes, most = 1, end = false, whole = text) {
  const lines = linesOf(text, pixels, most, end);
  const node = shape("text", attributes, ...(lines.length > 1 ? lines.map((line, n) => shape("tspan", { x: attributes.x, dy: n && LINE }, line)) : lines));
  if (lines.some((line) => line.includes("…"))) node.append(shape("title", {}, whole));
  return node;
}

const path = (points) => points.map(([x, y], place) => `${place ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

// Parts of a line where both coordinates are known.
function parts(points) {
  const found = [[]];
  for (const point of points) {
    if (finite(point.x) && finite(point.y)) found.at(-1).push(point);
    else if (found.at(-1).length) found.push([]);
  }
  return found.filter((part) => part.length);
}

const DRAW = {
  line(mark, x, y, box) { // cut off at the frame: on it, a line would look as if it saturated
    const d = parts(mark.points).map((part) => path(part.map((p) => [x.at(p.x), (y.beyond ?? y.at)(p.y)]))).join("");
    const frame = { x: box.left - 2, y: box.top - 2, width: box.right - box.left + 4, height: box.bottom - box.top + 4 };
    const seen = { ...frame, viewBox: Object.values(frame).join(" "), overflow: "hidden" };
    return [shape("svg", seen, shape("path", { d, class: `line ${mark.role}`, "stroke-dasharray": mark.dash && "5 4", "stroke-width": mark.width ?? 1.8, opacity: mark.opacity }))];
  },
  step(mark, x, y) {
    const corners = mark.points.flatMap((p, n) => (n ? [[x.at(p.x), y.at(mark.points[n - 1].y)], [x.at(p.x), y.at(p.y)]] : [[x.at(p.x), y.at(p.y)]]));
    return [shape("path", { d: path(corners), class: `line ${mark.role}`, "stroke-width": mark.width ?? 1.8 })];
  },
  area(mark, x, y) {
    const base = y.at(y.low);
    const corners = mark.points.map((p) => [x.at(p.x), y.at(p.y)]);
    if (!corners.length) return [];
    return [shape("path", { d: `${path([[corners[0][0], base], ...corners, [corners.at(-1)[0], base]])}Z`, class: `area ${mark.role}` })];
  },
  dots(mark, x, y) {
    return mark.points.filter((p) => finite(p.x) && finite(p.y)).map((p) => {
      const node = shape("circle", { cx: x.at(p.x), cy: y.at(p.y), r: mark.size ?? 4, class: `dot ${mark.role}`, opacity: mark.opacity });
      if (p.title) node.append(shape("title", {}, p.title));
      if (p.id !== undefined) node.dataset.id = p.id;
      return node;
    });
  },
  interval(mark, x, y) { // along y, or along x where mark.across
    return mark.points.filter((p) => finite(p.low) && finite(p.high)).map((p) => {
      const ends = mark.across ? { x1: x.at(p.low), x2: x.at(p.high), y1: y.at(p.y), y2: y.at(p.y) } : { x1: x.at(p.x), x2: x.at(p.x), y1: y.at(p.low), y2: y.at(p.high) };
      return shape("line", { ...ends, class: `line ${mark.role}`, "stroke-width": mark.width ?? 2 }, shape("title", {}, p.title ?? ""));
    });
  },
  tick(mark, x, y) { // a short bar across the value's axis
    return mark.points.filter((p) => finite(p.x) && finite(p.y)).map((p) => {
      const [cx, cy] = [x.at(p.x), y.at(p.y)];
      const ends = mark.across ? { x1: cx, x2: cx, y1: cy - 7, y2: cy + 7 } : { x1: cx - 16, x2: cx + 16, y1: cy, y2: cy };
      return shape("line", { ...ends, class: `line ${mark.role}`, "stroke-width": 3 }, shape("title", {}, p.title ?? number(mark.across ? p.x : p.y)));
    });
  },
  rule(mark, x, y, box) { // one that no axis is stretched for is left out where it is off the axis
    if (mark.floating && !(mark.y >= y.low && mark.y <= y.high)) return [];
    const ends = mark.x === undefined ? { x1: box.left, x2: box.right, y1: y.at(mark.y), y2: y.at(mark.y) } : { x1: x.at(mark.x), x2: x.at(mark.x), y1: box.top, y2: box.bottom };
    return [shape("line", { ...ends, class: `line ${mark.role}`, "stroke-dasharray": mark.dash === false ? null : "5 4", "stroke-width": mark.width ?? 1.4 })];
  },
};

function valuesOf(marks, axis) {
  return marks.flatMap((mark) => {
    if (mark.kind === "rule") return mark[axis] === undefined || mark.floating ? [] : [mark[axis]];
    const spread = mark.kind === "interval" && (axis === "x") === Boolean(mark.across);
    return mark.points.flatMap((p) => (spread ? [p[axis], p.low, p.high] : [p[axis]]));
  });
}

function legend(marks) {
  const named = marks.filter((mark) => mark.name);
  if (!named.length) return null;
  return element("div", { class: "legend" }, ...named.map((mark) => {
    const key = mark.kind === "dots" ? "round" : mark.dash || (mark.kind === "rule" && mark.dash !== false) ? "dashed" : "";
    return element("span", {}, element("i", { class: `key ${key} ${mark.role}` }), mark.name);
  }));
}

function drawn(spec, width) {
  const lines = (text, pixels, most = 2) => (text ? linesOf(text, pixels, most).length : 0);
  const beside = Math.max(...(spec.y.names ?? []).map((name) => lines(name, 0.42 * width - 8, 3)), 1);
  const row = Math.max(spec.row ?? 24, LINE * beside + 6);
  const inner = spec.y.names ? row * spec.y.names.length : (spec.height ?? 240) - (spec.x.title ? 38 : 22) - (spec.y.title ? 24 : 8);
  const rough = scaleOf(spec.y, valuesOf(spec.marks, "y"), inner, 0);
  const yTicks = ticksOf(spec.y, rough, Math.max(3, (inner + 60) / 45));
  const longest = Math.max(...yTicks.map(([, text]) => text.length), 1) * LETTER + 12;
  const [left, right] = [Math.min(longest, 0.42 * width), width - 12];
  const room = spec.x.names ? (right - left) / spec.x.names.length - 4 : 90;
  const named = Math.max(...(spec.x.names ?? []).map((name) => lines(name, room)), 1);
  const top = spec.y.title ? 10 + LINE * lines(spec.y.title, width - 8) : 8;
  const box = { left, right, top, bottom: top + inner };
  const height = box.bottom + 8 + LINE * named + (spec.x.title ? 2 + LINE * lines(spec.x.title, width - 12) : 0);
  const x = scaleOf(spec.x, valuesOf(spec.marks, "x"), box.left, box.right);
  const y = spec.y.names ? scaleOf(spec.y, [], box.top, box.bottom) : scaleOf(spec.y, valuesOf(spec.marks, "y"), box.bottom, box.top);
  const most = Math.max(2, Math.floor((box.right - box.left) / 52));
  const xTicks = ticksOf(spec.x, x, most);
  const figure = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": spec.label });
  if (spec.y.title) figure.append(label(spec.y.title, width - 8, { x: 4, y: 13, class: "title" }, 2));
  for (const [value, text] of yTicks) {
    if (!spec.y.names) figure.append(shape("line", { x1: box.left, x2: box.right, y1: y.at(value), y2: y.at(value), class: "grid" }));
    const above = ((linesOf(text, box.left - 8, beside).length - 1) * LINE) / 2;
    figure.append(label(text, box.left - 8, { x: box.left - 6, y: y.at(value) + 4 - above, "text-anchor": "end", class: "tick" }, beside));
  }
  for (const [value, text] of xTicks) {
    if (!spec.x.names) figure.append(shape("line", { y1: box.top, y2: box.bottom, x1: x.at(value), x2: x.at(value), class: "grid" }));
    const half = (text.length * LETTER) / 2; // a label at the edge is moved, not cut
    const at = spec.x.names ? x.at(value) : Math.min(x.at(value), width - half - 1);
    figure.append(label(text, room, { x: at, y: box.bottom + 15, "text-anchor": "middle", class: "tick" }, named));
  }
  if (spec.x.title) {
    const long = spec.x.title.length * LETTER > box.right - box.left;
    const middle = long ? width / 2 : (box.left + box.right) / 2;
    figure.append(label(spec.x.title, width - 12, { x: middle, y: box.bottom + 18 + LINE * named, "text-anchor": "middle", class: "title" }, 2));
  }
  for (const mark of spec.marks) figure.append(...DRAW[mark.kind]({ role: "muted", ...mark }, x, y, box));
  figure.placed = x;
  figure.upright = y;
  return figure;
}

// Draw a chart into a host, again whenever its width changes.
// spec: {label, height, x: {title, names, log, low, high, whole}, y: the same, marks: [...], pick(id)}.
// Returns a function that moves the vertical rule whose role is "now".
export function chart(host, spec) {
  host.classList.add("chart");
  const place = element("div", {});
  host.replaceChildren(...[legend(spec.marks), place].filter(Boolean));
  let width = 0;
  const draw = () => {
    const now = Math.max(240, Math.floor(host.clientWidth || 640));
    if (now === width) return;
    width = now;
    place.replaceChildren(drawn(spec, width));
    if (spec.pick) pickable(place, spec);
  };
  draw();
  host.watch?.disconnect();
  host.watch = new ResizeObserver(draw);
  host.watch.observe(host);
  return (x) => {
    const rule = spec.marks.find((mark) => mark.role === "now");
    const line = place.querySelector(".now");
    if (!rule || !line) return;
    rule.x = x;
    line.setAttribute("x1", place.firstChild.placed.at(x));
    line.setAttribute("x2", place.firstChild.placed.at(x));
  };
}

function pickable(place, spec) {
  const dots = [...place.querySelectorAll("[data-id]")].sort((a, b) => a.cx.baseVal.value - b.cx.baseVal.value);
  let current = -1;
  const pick = (next) => {
    dots[current]?.classList.remove("picked");
    current = next;
    dots[current].classList.add("picked");
    spec.pick(Number(dots[current].dataset.id));
  };
  dots.forEach((dot, n) => dot.addEventListener("click", () => pick(n)));
  const figure = place.firstChild;
  figure.setAttribute("tabindex", "0");
  figure.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by || !dots.length) return;
    event.preventDefault();
    pick(Math.min(Math.max(current + by, 0), dots.length - 1));
  });
}

export function table(head, rows) {
  const cell = (name, value, n) => {
    const numbers = typeof rows[0]?.[n] === "number";
    return element(name, numbers ? { class: "n" } : {}, typeof value === "number" ? number(value) : String(value ?? "–"));
  };
  const line = (name, values) => element("tr", {}, ...values.map((value, n) => cell(name, value, n)));
  return element("table", {}, element("thead", {}, line("th", head)), element("tbody", {}, ...rows.map((row) => line("td", row))));
}
