// Dashboard: the tab of TensorBoard. Runs on the left; layers or a search on the right.
import { element } from "./widgets.js";
import { layersView, searchView } from "./views.js";

async function answer(path, query = {}) {
  const response = await fetch(`${path}?${new URLSearchParams(query)}`);
  const content = await response.json();
  if (!response.ok) throw new Error(content.error ?? response.statusText);
  return content;
}

// TensorBoard's own switch, where the page stands in its frame; else what the system prefers.
function followTheme() {
  let outer = null;
  try {
    outer = window.parent !== window ? window.parent.document.body : null;
  } catch {
    return; // a page of another origin
  }
  if (!outer) return;
  const follow = () => { document.documentElement.dataset.theme = outer.classList.contains("dark-mode") ? "dark" : "light"; };
  new MutationObserver(follow).observe(outer, { attributes: true, attributeFilter: ["class"] });
  follow();
}

const kept = {}; // by run, what the reader chose there

async function show(host, run) {
  kept[run] ??= {};
  host.replaceChildren(element("p", { class: "note" }, "Reading …"));
  try {
    const view = await answer("run", { run });
    if (view.kind === "search") searchView(host, view, kept[run]);
    else layersView(host, view, (layer) => answer("layer", { run, layer }), [], kept[run]);
  } catch (error) {
    host.replaceChildren(element("p", { class: "failures" }, String(error.message)));
  }
  host.dataset.run = run;
}

export async function render() {
  document.documentElement.lang = "en";
  document.head.append(element("link", { rel: "stylesheet", href: "widgets.css" }), element("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }));
  followTheme();
  const main = element("main", { class: "dashboard" });
  const runs = element("select", { id: "run", "aria-label": "run" });
  const again = element("button", { type: "button" }, "Read again");
  const page = element("div", { id: "page" });
  main.append(element("p", { class: "bar" }, element("label", { for: "run" }, "run "), runs, again), page);
  document.body.append(main);
  const list = async () => {
    const before = runs.value;
    const found = await answer("runs");
    runs.replaceChildren(...found.map((name) => element("option", { value: name }, name === "." ? "(the log directory itself)" : name)));
    if (found.includes(before)) runs.value = before;
    if (found.length) await show(page, runs.value);
    else page.replaceChildren(element("p", { class: "note" }, "No run below the log directory has a record of autoact (autoact.jsonl) yet."));
  };
  runs.addEventListener("change", () => show(page, runs.value));
  again.addEventListener("click", list);
  await list();
}
