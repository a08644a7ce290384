// Heatmap: rows x columns of weights, whose rows can be chosen.
import { LETTER, element, finite, label, number, shape } from "./widgets.js";

const BOLD = 1.1; // how much wider the name of the chosen row is

// Draw rows x columns of values between 0 and 1, again whenever the host's width changes; the names of rows and columns stay in sight.
// With `select`, a row can be chosen by mouse or arrow keys. Returns {update(values), select(row)}; a value of undefined has no cell.
export function heatmap(host, spec) {
  let [shown, current, width, cells] = [spec.values, -1, 0, []];
  const line = (row) => host.querySelector(`.row[data-row="${row}"]`);
  const mark = (row, selected) => {
    for (const part of host.querySelectorAll(`[data-row="${row}"]`)) part.classList.toggle("selected", selected);
    line(row)?.setAttribute("aria-selected", selected);
  };
  const choose = (row) => {
    mark(current, false);
    current = row;
    mark(row, true);
    spec.select(row);
  };
  const update = (next) => {
    shown = next;
    cells.forEach((own, row) => own.forEach((node, n) => {
      const value = next[row][n];
      node?.setAttribute("fill-opacity", finite(value) ? (0.04 + 0.96 * Math.min(Math.max(value, 0), 1)).toFixed(3) : 0);
    }));
  };
  const draw = () => {
    const now = Math.max(240, Math.floor(host.clientWidth || 640));
    if (now === width) return;
    width = now;
    const drawn = grid(spec, width);
    cells = drawn.cells;
    host.replaceChildren(drawn.head, element("div", {}, drawn.names, drawn.figure));
    host.style.scrollPadding = `${drawn.top}px 0 0 ${drawn.left}px`; // a row that the keys choose is not scrolled below the names
    mark(current, true);
    update(shown);
  };
  host.addEventListener("click", ({ target }) => {
    const row = target.closest(".chooses")?.dataset.row;
    if (row !== undefined) choose(Number(row));
  });
  host.addEventListener("pointerover", ({ target }) => { // thousands of titles would slow the slider down
    if (!target.classList.contains("cell")) return;
    const row = Number(target.parentNode.dataset.row);
    const said = `${spec.rows[row]}: ${target.dataset.column} ${number(shown[row][spec.columns.indexOf(target.dataset.column)], 3)}`;
    target.replaceChildren(shape("title", {}, said));
  });
  host.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (!by || !spec.select) return;
    event.preventDefault();
    choose(Math.min(Math.max(current + by, 0), spec.rows.length - 1));
    line(current).scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  host.classList.add("heatmap");
  draw();
  new ResizeObserver(draw).observe(host);
  return { update, select: choose };
}

const longest = (texts) => Math.max(...texts.map((text) => text.replaceAll("…", "mm").length), 1) * LETTER; // as wide as two

// Paths that do not fit without the parts that all have at their beginning, then without those at their end, too.
function apart(names, pixels) {
  const paths = names.map((name) => name.split("."));
  const alike = (part) => {
    let count = 0;
    while (paths.every((path) => count < path.length - 1 && part(path, count) === part(paths[0], count))) count += 1;
    return count;
  };
  const first = alike((path, n) => path[n]);
  const end = Math.min(alike((path, n) => path[path.length - 1 - n]), Math.min(...paths.map((path) => path.length)) - first - 1);
  const without = (last) => paths.map((path) => `${first ? "…" : ""}${path.slice(first, path.length - last).join(".")}${last ? "…" : ""}`);
  return [names, without(0), without(end)].find((each) => longest(each) <= pixels) ?? without(end);
}

// The names of the columns and of the rows, and the rows themselves: {head, names, figure, cells, left, top}.
function grid({ label: said, rows, columns, values, notes = [], select }, width) {
  const room = Math.min(0.4 * width, 220);
  const shown = apart(rows, (room - 14) / BOLD);
  const left = Math.ceil(Math.min(BOLD * longest(shown) + 14, room));
  const top = Math.ceil(Math.min(longest(columns) * 0.82 + 16, 110));
  const right = Math.max(notes.length ? longest(notes) + 10 : 4, top * 0.6); // the last name leans over it
  const cell = Math.min(Math.max((width - left - right) / columns.length, 15), 64);
  const tall = rows.length > 30 ? 18 : 24;
  const [wide, high] = [Math.ceil(cell * columns.length + right), Math.ceil(tall * rows.length + 4)];
  const sized = (width, height, more) => shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, ...more });
  const above = sized(wide, top, { "aria-hidden": "true" });
  const names = sized(left, high, { class: "names", "aria-hidden": "true" });
  const figure = sized(wide, high, { role: select ? "listbox" : "img", tabindex: select && "0", "aria-label": said });
  columns.forEach((name, n) => {
    const at = cell * (n + 0.5) + 3;
    above.append(label(name, 120, { x: at, y: top - 8, class: "tick", transform: `rotate(-55 ${at} ${top - 8})` }));
  });
  const cells = rows.map((name, row) => {
    const y = tall * row;
    const part = (kind, width, more) => shape("g", { class: select ? `${kind} chooses` : kind, "data-row": row, ...more }, shape("rect", { x: 0, y, width, height: tall, class: "back" }));
    const line = part("row", wide, { role: select && "option", "aria-selected": select && "false", "aria-label": name });
    const own = columns.map((column, n) => {
      if (values[row][n] === undefined) return null;
      const node = shape("rect", { x: cell * n + 1, y: y + 1, width: cell - 2, height: tall - 2, rx: 2, class: "cell", "data-column": column });
      line.append(node);
      return node;
    });
    if (notes[row]) line.append(shape("text", { x: cell * columns.length + 6, y: y + tall / 2 + 4, class: "tick" }, notes[row]));
    const named = part("name", left);
    named.append(label(shown[row], (left - 10) / BOLD, { x: left - 8, y: y + tall / 2 + 4, "text-anchor": "end", class: "tick" }, 1, true, name));
    names.append(named);
    figure.append(line);
    return own;
  });
  const head = element("div", { class: "head" }, sized(left, top, { class: "names" }), above);
  return { head, names, figure, cells, left, top };
}
