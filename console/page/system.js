import { about, ask } from "./api.js";
import { alien, h, number } from "./dom.js";

export function systemView() {
  const element = h("div", { class: "two" }, h("p", { class: "soft" }, "asking the brokers"));
  const notes = about.notes?.length ? h("section", { class: "card" }, h("h2", null, "What this console can't see"),
    about.notes.map((n) => h("p", null, n))) : undefined;
  ask("/api/system").then((s) => element.replaceChildren(
    h("div", null, table("Topics", ["Topic", "Partitions", "Replicas", "Records"], s.topics ?? [],
      (t) => [alien(t.name), number(t.partitions), number(t.replicas), number(t.records)], "labelled"),
    table("Consumer groups", ["Group", "State", "Behind", "Members"], s.groups ?? [],
      (g) => [alien(g.name), alien(g.state), number(g.behind), alien(g.members.join(", "))], "labelled")),
    h("div", null, table("Configuration", ["Variable", "Value", "Meaning"], s.settings ?? [], (v) => [
      h("code", null, v.name), v.hidden ? h("em", { class: "soft" }, "set, hidden") : v.value ? alien(v.value, "mono")
        : h("span", { class: "soft mono" }, v.default || "–"), h("span", { class: "soft" }, v.meaning)])),
  )).catch((e) => element.replaceChildren(h("p", { class: "problem", role: "alert" }, e.message)));
  return { element: [h("h1", null, "System"), notes, element].filter(Boolean) };
}

// table says what a cell is in the cell itself, where it is labelled and the window is too narrow for a head.
function table(title, columns, items, cells, labelled) {
  const label = (i) => (labelled && i > 0 ? columns[i] : undefined);
  return h("section", { class: "card" }, h("h2", null, title), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
    h("table", { class: "table stack" }, h("thead", null, h("tr", null, columns.map((c) => h("th", { scope: "col" }, c)))),
      h("tbody", null, items.map((i) => h("tr", null, cells(i).map((c, n) => h("td", { "data-label": label(n), "data-wide": Boolean(labelled) && n === 0 }, c))))))));
}
