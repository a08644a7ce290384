// Report: draws the figures that report.html asks for, from the data that stand in it.
import { chart, heatmap } from "./widgets.js";
import { figures, layersView } from "./views.js";

const data = JSON.parse(document.getElementById("data").textContent);
for (const host of document.querySelectorAll("[data-figure]")) {
  const name = host.dataset.figure;
  if (name === "mixture") {
    layersView(host, data.mixture, data.mixture.functions && ((row) => Promise.resolve(data.mixture.functions[row])), data.mixture.notes);
    continue;
  }
  const spec = name === "function" ? data.functions[host.dataset.place] : figures[name](data.search);
  if (spec) chart(host, spec);
  else host.closest("section, .part")?.classList.add("empty");
}
