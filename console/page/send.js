import { about, ask } from "./api.js";
import { alien, eventLink, h, visible, visibleLines } from "./dom.js";

let kept = ""; // what was written, while another view is looked at

// sendView is a form made from the schemas.
export function sendView() {
  const said = h("div", { role: "status" }, h("p", { class: "soft" }, "Nothing sent yet."));
  const text = h("textarea", { rows: "14", spellcheck: "false", "aria-describedby": "send-hint", oninput: () => { kept = text.value; } });
  const fill = (event) => { text.value = JSON.stringify(event, null, 2); kept = text.value; };
  const types = h("select", { onchange: () => {
    const s = about.schemas.find((x) => x.type === types.value);
    if (s) fill({ type: s.type, data: sample(s.schema) });
  } }, h("option", { value: "" }, "choose a type"), about.schemas.map((s) => h("option", { value: s.type }, s.type)));
  const button = h("button", { type: "submit", class: "main", disabled: !about.csrf || !about.can_send }, "Send");
  if (kept) text.value = kept; else fill({ type: "order.created", subject: "order-1", data: { n: 1 } });

  async function send(body) {
    button.disabled = true;
    said.replaceChildren(h("p", { class: "soft" }, "sending"));
    try {
      const { status, answer } = await ask("/api/send", body);
      said.replaceChildren(...(status < 300 ? accepted(status, answer) : refused(status, answer)));
    } catch (e) {
      said.replaceChildren(h("p", { class: "problem", role: "alert" }, visible(e.message)));
    }
    button.disabled = false;
  }

  const form = h("form", { onsubmit: (e) => {
    e.preventDefault();
    let body;
    try { body = JSON.parse(text.value); } catch (problem) {
      said.replaceChildren(h("p", { class: "problem", role: "alert" }, `This is not JSON: ${visible(problem.message)}`));
      text.focus();
      return;
    }
    send(body);
  } }, h("div", { class: "row" }, h("label", null, "From a schema", types)),
  h("label", null, "Event as JSON", text),
  h("p", { class: "note", id: "send-hint" }, "Only the type is required. The subject is the key: events with one key keep their order."),
  h("div", { class: "row" }, button, about.csrf ? "" : h("span", { class: "note" }, "This page only reads. To send, open the link that the console printed when it started.")));

  const examples = about.examples ?? [];
  return { element: [h("h1", null, "Send an event"),
    h("div", { class: "two" }, h("div", null, h("section", { class: "card" }, h("h2", null, "Event"), form)),
      h("div", null,
        h("section", { class: "card", "aria-labelledby": "answer-title" }, h("h2", { id: "answer-title" }, "Answer"), said),
        examples.length ? h("section", { class: "card" }, h("h2", null, "To try"),
          h("p", { class: "note" }, "Only this local program has handlers for the types demo.*. They fail when an event asks for it."),
          h("div", { class: "examples" }, examples.map((x) => h("button", { type: "button", disabled: !about.csrf,
            onclick: () => { fill(x.event); send(x.event); } }, x.name, h("small", null, x.says))))) : ""))] };
}

function accepted(status, answer) {
  const one = answer && typeof answer === "object" && answer.topic ? answer : undefined;
  return [h("p", null, h("span", { class: "chip ok" }, `${status} accepted`), " ",
    one ? h("a", { href: eventLink(one) }, alien(`${one.id} at ${one.topic}/${one.partition}/${one.offset}`)) : ""),
  h("p", { class: "note" }, h("a", { href: "#/events" }, "See it live"))];
}

function refused(status, answer) {
  return [h("p", null, h("span", { class: "chip bad" }, `${status} refused`), " ", alien(answer?.title ?? "")),
    h("p", null, alien(answer?.detail ?? "")), h("details", null, h("summary", null, "Problem document"),
      h("pre", { tabindex: "0" }, visibleLines(JSON.stringify(answer, null, 2))))];
}

// sample makes data that fits a schema, of its example or else of what each member may be.
function sample(s) {
  if (s.examples?.length) return s.examples[0];
  if ("default" in s) return s.default;
  if ("const" in s) return s.const;
  if (s.enum?.length) return s.enum[0];
  const type = Array.isArray(s.type) ? s.type[0] : s.type;
  switch (type) {
    case "object": return Object.fromEntries(Object.entries(s.properties ?? {}).map(([name, p]) => [name, sample(p)]));
    case "array": return s.items && s.minItems ? Array.from({ length: s.minItems }, () => sample(s.items)) : [];
    case "integer": case "number": return s.minimum ?? (s.exclusiveMinimum !== undefined ? s.exclusiveMinimum + 1 : 1);
    case "boolean": return true;
    case "null": return null;
    default: return textFor(s);
  }
}

function textFor(s) {
  const formats = { "date-time": new Date().toISOString(), date: new Date().toISOString().slice(0, 10), email: "ada@example.com",
    uri: "https://example.com/", uuid: crypto.randomUUID?.() ?? "123e4567-e89b-42d3-a456-426614174000" };
  if (s.format && formats[s.format]) return formats[s.format];
  const code = /^\^\[A-Z\]\{(\d+)\}\$$/.exec(s.pattern ?? "");
  if (code) return "EUR".padEnd(Number(code[1]), "X").slice(0, Number(code[1]));
  return "example".padEnd(s.minLength ?? 0, "x").slice(0, s.maxLength ?? 64);
}
