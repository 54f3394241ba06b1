// Elements are made here and nowhere else. What comes from events is only ever a text or the value of an attribute that
// runs nothing: there is no way from here to markup.

const attributes = new Set(["class", "href", "type", "value", "placeholder", "name", "id", "for", "role", "rows", "min", "max",
  "step", "title", "datetime", "scope", "spellcheck", "autocomplete", "inputmode", "tabindex", "open", "hidden", "disabled",
  "data-wide", "data-label", "list", "high", "low", "optimum"]);

export function h(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (name === "href") link(e, value);
    else if (attributes.has(name) || name.startsWith("aria-")) e.setAttribute(name, value === true ? "" : value);
    else throw new Error(`${name} is not an attribute that the page uses`);
  }
  e.append(...children.flat(Infinity).filter((c) => c !== undefined && c !== null && c !== false));
  return e;
}

// A link leads to a view of this page, or to the API that the server named.
function link(e, to) {
  if (/^(#\/|https?:\/\/)/.test(to)) e.setAttribute("href", to);
}

export function svg(tag, props, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

// Characters that can't be seen, or turn the direction of a text around, are shown as what they are.
const unseen = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029\ufff9-\ufffb]/gu;
const named = (c) => `\\u{${c.codePointAt(0).toString(16)}}`;

export const visible = (text) => String(text ?? "").replace(unseen, named);
export const visibleLines = (text) => String(text ?? "").replace(unseen, (c) => (c === "\n" || c === "\t" ? c : named(c)));

// alien is a text that somebody else wrote, apart from the direction of what is around it.
export const alien = (text, css = "") => h("bdi", { class: `alien ${css}`.trim() }, visible(text));

export const at = (time) => {
  const d = new Date(time);
  return h("time", { datetime: Number.isNaN(d.getTime()) ? undefined : d.toISOString() }, clock(d));
};

const two = (n, width = 2) => String(n).padStart(width, "0");
export function clock(d) {
  if (Number.isNaN(d.getTime())) return "unknown";
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${two(d.getMilliseconds(), 3)}`;
  const isToday = d.toDateString() === new Date().toDateString();
  return isToday ? time : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${time.slice(0, 8)}`;
}

export const number = (n) => Number(n ?? 0).toLocaleString("en-US");
export const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : ms < 90_000 ? `${(ms / 1000).toFixed(1)} s`
  : ms < 5_400_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`);
export const place = (p) => (p ? `${p.topic}/${p.partition}/${p.offset}` : "");
export const eventLink = (p) => (p ? `#/event/${encodeURIComponent(p.topic)}/${p.partition}/${p.offset}` : undefined);

// say tells who listens instead of looks.
export const say = (text) => { document.getElementById("said").textContent = text; };

export function copyButton(text) {
  const b = h("button", { type: "button", onclick: async () => {
    try { await navigator.clipboard.writeText(text); b.textContent = "Copied"; } catch { b.textContent = "Select and copy"; }
    setTimeout(() => { b.textContent = "Copy"; }, 1500);
  } }, "Copy");
  return b;
}
