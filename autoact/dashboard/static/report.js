// Report: draws the figures that report.html asks for, from the data that stand in it.
import { chart } from "./widgets.js";
import { figures, layersView } from "./views.js";

const data = JSON.parse(document.getElementById("data").textContent);
const kept = { layers: {}, ...history.state }; // what the reader chose; it outlives a reload

for (const host of document.querySelectorAll("[data-figure]")) {
  const name = host.dataset.figure;
  if (name === "mixture") {
    layersView(host, data.mixture, data.mixture.functions && ((row) => Promise.resolve(data.mixture.functions[row])), data.mixture.notes, kept.layers);
    continue;
  }
  const spec = name === "function" ? data.functions[host.dataset.place] : figures[name](data.search);
  if (spec) chart(host, spec);
  else host.closest("section, .part")?.classList.add("empty");
}

// The page of a run that goes on reads itself again; readers stay where they were.
const HELD = ["input[type=range]", "svg[role=listbox]", "summary"];
const headings = () => [...document.querySelectorAll("h1, h2, h3")];
const top = (node) => node.getBoundingClientRect().top;

function keep() {
  const map = document.querySelector(".heatmap");
  const at = headings().filter((each) => top(each) <= 0).at(-1) ?? headings()[0]; // what stands above it may grow
  kept.place = { heading: at.textContent, top: top(at) };
  kept.map = map && { left: map.scrollLeft, top: map.scrollTop };
  kept.open = [...document.querySelectorAll("details")].map((each) => each.open);
  kept.focus = HELD.findIndex((selector) => document.activeElement.matches(selector));
  history.replaceState(kept, "");
  history.scrollRestoration = "manual";
}

function restore() {
  kept.open?.forEach((open, n) => document.querySelectorAll("details")[n]?.toggleAttribute("open", open));
  document.querySelector(HELD[kept.focus])?.focus({ preventScroll: true });
  document.querySelector(".heatmap")?.scrollTo(kept.map ?? {});
  const heading = headings().find((each) => each.textContent === kept.place.heading);
  if (heading) scrollBy(0, top(heading) - kept.place.top);
  history.scrollRestoration = "auto";
}
if (kept.place) setTimeout(restore); // the chosen layer is drawn by then

const seconds = Number(document.documentElement.dataset.reload);
if (seconds) {
  let held = false;
  addEventListener("pointerdown", () => { held = true; });
  addEventListener("pointerup", () => { held = false; });
  addEventListener("pointercancel", () => { held = false; });
  setInterval(() => {
    if (held || String(getSelection())) return; // neither a slider nor a text is torn from the hand
    keep();
    location.reload();
  }, 1000 * seconds);
}
