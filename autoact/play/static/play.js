// Play: the tabs of the page, each drawn when it is first opened.
import { element } from "./widgets.js";
import { carve } from "./carve.js";
import { match } from "./match.js";
import { flow } from "./flow.js";
import { power } from "./power.js";
import { smooth } from "./smooth.js";

const TABS = {
  carve: ["Carve", "Each neuron cuts its input space along a line; a layer carves it into regions, and on each the network is a different linear function.", carve],
  match: ["Match", "The form of φ is an assumption about the problem: where it has the form of the target, one neuron does what a layer of others only approximates.", match],
  flow: ["Flow", "Each layer multiplies squared gradients by χ. Below 1 they vanish with depth, above 1 they explode; units without slope get none at all.", flow],
  power: ["Power", "With weights in [−B, B] width alone does not make a network universal: the scale of its inputs must grow as well.", power],
  smooth: ["Smooth", "A network has as many continuous derivatives as its activation, and these depend on its parameters.", smooth],
};

export function play(host, { tabs, activations, left }) {
  const bar = element("div", { class: "tabs", role: "tablist", "aria-label": "theory" });
  const panels = new Map();
  const open = (name, focus = false) => {
    for (const [other, { tab, panel }] of panels) {
      tab.setAttribute("aria-selected", String(other === name));
      tab.tabIndex = other === name ? 0 : -1;
      panel.hidden = other !== name;
    }
    const { tab, panel } = panels.get(name);
    if (!panel.dataset.drawn) {
      panel.dataset.drawn = name;
      const body = panel.appendChild(element("div", {}));
      TABS[name][2](body, activations);
    }
    if (focus) tab.focus();
    if (tabs.length > 1) history.replaceState(null, "", `#${name}`);
  };
  for (const name of tabs) {
    const tab = element("button", { type: "button", role: "tab", id: `tab-${name}` }, TABS[name][0]);
    const panel = element("section", { id: `panel-${name}`, role: "tabpanel", "aria-labelledby": `tab-${name}` }, element("p", { class: "lead" }, TABS[name][1]));
    tab.setAttribute("aria-controls", panel.id);
    tab.addEventListener("click", () => open(name));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      open(tabs[(tabs.indexOf(name) + by + tabs.length) % tabs.length], true);
    });
    panels.set(name, { tab, panel });
    if (tabs.length > 1) bar.append(tab);
  }
  host.replaceChildren(...(tabs.length > 1 ? [bar] : []), ...[...panels.values()].map(({ panel }) => panel));
  if (left.length) host.append(element("p", { class: "note" }, `Without a formula, so not here: ${left.join(", ")}.`));
  const asked = () => (tabs.includes(location.hash.slice(1)) ? location.hash.slice(1) : tabs[0]);
  window.addEventListener("hashchange", () => open(asked()));
  open(asked());
}
