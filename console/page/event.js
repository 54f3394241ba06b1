import { ask } from "./api.js";
import { alien, at, copyButton, eventLink, h, number, place, visible, visibleLines } from "./dom.js";
import { chipClass, events, words } from "./model.js";

// eventView shows one event, and looks again when the stream tells of it.
export function eventView(topic = "", partition = "", offset = "") {
  const element = h("div", { class: "view" }, h("p", { class: "soft" }, "reading the record"));
  let known = "", isAsking = false, isOver = false;
  const query = new URLSearchParams({ topic, partition, offset });
  async function look() {
    if (isAsking) return;
    isAsking = true;
    try {
      const d = await ask(`/api/event?${query}`);
      if (!isOver) element.replaceChildren(...page(d));
    } catch (e) {
      element.replaceChildren(h("p", { class: "problem", role: "alert" }, e.message), h("p", null, h("a", { href: "#/events" }, "Back to the events")));
    }
    isAsking = false;
  }
  look();
  return {
    element,
    end() { isOver = true; },
    draw() { // only when something happened to this very event
      const e = [...events.values()].find((x) => x.place && place(x.place) === `${topic}/${partition}/${offset}`);
      const now = e ? `${e.state} ${e.attempts} ${e.at}` : "";
      if (now !== known) { known = now; look(); }
    },
  };
}

function page(d) {
  const attribute = (name) => d.attributes.find((a) => a[0] === name)?.[1];
  const state = d.steps.at(-1) ?? (d.outcome ? { state: d.outcome.status, attempt: d.outcome.attempts } : { state: "accepted" });
  const shown = words({ state: state.state, attempts: state.attempt ?? 0, next: state.next_ms && Date.parse(state.at) + state.next_ms });
  return [h("div", { class: "row between" },
    h("h1", null, alien(attribute("type") ?? "Not an event"), " ", h("span", { class: "soft" }, alien(attribute("id") ?? ""))),
    h("span", { class: chipClass(state.state), role: "status" }, shown)),
  d.problem ? h("p", { class: "problem" }, `This record is not an event: ${visible(d.problem)}`) : "",
  h("div", { class: "two" },
    h("div", null, trail(d), data(d), again(d)),
    h("div", null, facts(d), headers(d), neighbours(d)))].filter(Boolean);
}

const card = (title, ...children) => h("section", { class: "card" }, h("h2", null, title), children);

function trail(d) {
  const items = d.steps.filter((s) => !(s.state === "retrying" && !s.error)).map((s) => h("li", null, at(s.at), h("div", null,
    h("span", { class: chipClass(s.state) }, stepWords(s)), " ",
    h("span", { class: "small soft" }, s.from === "log" ? "" : `says ${s.from === "Kafka" ? s.from : `the ${s.from}`}`),
    s.error ? h("p", { class: "error" }, alien(s.error)) : "",
    s.stack ? h("details", null, h("summary", null, "Stack"), h("pre", null, visibleLines(s.stack))) : "")));
  const audit = d.audit ? h("details", null, h("summary", null, "Audit: what came before this console's memory"),
    h("p", { class: "note" }, "The archive (ARCHIVE_URL) has all of its records, about a minute after Kafka."),
    h("div", { class: "row between" }, h("h3", { class: "small soft" }, "eventctl"), copyButton(d.audit)),
    h("pre", { tabindex: "0", role: "region", "aria-label": "eventctl audit" }, visible(d.audit))) : "";
  const outcome = d.outcome ? h("p", { class: "small soft" }, `The store says: ${d.outcome.status}, ${count(d.outcome.attempts, "attempt")}`,
    d.outcome.replays ? `, replayed ${count(d.outcome.replays, "time")}` : "", ", at ", at(d.outcome.at), ".") : "";
  const letter = d.outcome?.letter ? h("p", { class: "small" }, h("a", { href: "#/letters" }, `Dead letter ${place(d.outcome.letter)}`)) : "";
  const forgotten = d.steps.some((s) => s.from === "log") ? ""
    : h("p", { class: "soft" }, "This console does not remember its attempts. It shows what the store and Kafka know.");
  return card("What happened", h("ol", { class: "trail" }, items), forgotten, outcome, letter, audit);
}

function stepWords(s) {
  if (s.state === "retrying") return `attempt ${s.attempt} failed`;
  if (s.state === "attempting") return `attempt ${s.attempt} begins`;
  if (s.state === "processed" && s.attempt > 1) return `processed at attempt ${s.attempt}`;
  return s.state;
}

const count = (n, what) => `${number(n)} ${what}${n === 1 ? "" : "s"}`;

function data(d) {
  if (!d.data) return card("Data", h("p", { class: "soft" }, "none"));
  return card("Data", h("pre", { tabindex: "0", role: "region", "aria-label": "data" }, visibleLines(d.data.text)),
    h("p", { class: "note" }, `${number(d.data.bytes)} bytes`, d.data.base64 ? ", not text: shown as Base64" : "", d.data.cut ? ", of which the first part is shown" : ""));
}

function again(d) {
  if (!d.curl) return "";
  const line = (name, text) => [h("div", { class: "row between" }, h("h3", { class: "small soft" }, name), copyButton(text)), h("pre", { tabindex: "0", role: "region", "aria-label": name }, text)];
  return card("Send it again", h("p", { class: "note" }, "These lines send it as a new event. The processor drops a second event with the same id as a copy."), line("curl", d.curl), line("eventctl", d.eventctl));
}

function facts(d) {
  const pair = (name, value, css) => [h("dt", null, visible(name)), h("dd", null, alien(value, css))];
  return card("Event", h("dl", { class: "pairs" }, d.attributes.map(([n, v]) => pair(n, v)),
    pair("place", place(d.place), "mono"), pair("stored", new Date(d.timestamp).toISOString()),
    d.key ? pair("key", d.key.text) : pair("key", "none"), d.trace_id ? pair("trace id", d.trace_id, "mono") : ""));
}

function headers(d) {
  if (!d.headers.length) return "";
  return h("details", { class: "card" }, h("summary", null, `Headers as they are (${d.headers.length})`),
    h("pre", { tabindex: "0" }, d.headers.map((x) => `${visible(x.key)}: ${visible(x.value.text)}`).join("\n")));
}

function neighbours(d) {
  if (!d.key) return "";
  const row = (n, css) => h("tr", null, h("td", { class: "tight" }, at(n.at)), h("td", null, alien(n.type)),
    h("td", null, h("a", { href: eventLink(n.place) }, alien(n.id))), h("td", { class: `tight soft ${css ?? ""}` }, String(n.place.offset)));
  const self = h("tr", null, h("td", { class: "tight" }, at(d.timestamp)), h("td", { class: "soft" }, "this one"), h("td"), h("td", { class: "tight soft" }, String(d.place.offset)));
  if (d.before.length + d.after.length === 0) return card("Same key", h("p", { class: "soft" }, "No other record of this key is near."));
  return card("Same key, in order", h("table", { class: "table" },
    h("thead", null, h("tr", null, ["Time", "Type", "Id", "Offset"].map((t) => h("th", { scope: "col" }, t)))),
    h("tbody", null, d.before.map((n) => row(n)), self, d.after.map((n) => row(n)))));
}

