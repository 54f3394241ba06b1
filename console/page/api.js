// What the page asks its server.

export let about = { schemas: [], examples: [], notes: [], max_attempts: 5 };

export async function ask(path, body) {
  const options = { headers: {}, credentials: "same-origin" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    if (about.csrf) options.headers["X-CSRF-Token"] = about.csrf;
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  const said = await answer.json().catch(() => ({ error: `the console answers ${answer.status}` }));
  if (!answer.ok) throw new Error(said.error ?? `the console answers ${answer.status}`);
  return said;
}

// begin opens the page for changes where the address carries the token, and takes it out of the address and the history.
export async function begin() {
  const token = /^#token=([\w-]+)$/.exec(location.hash);
  let refused;
  if (token) {
    history.replaceState(null, "", "#/events");
    await ask("/api/session", { token: token[1] }).catch((e) => { refused = e; });
  }
  about = await ask("/api/about");
  return refused;
}

// listen hands over what the server tells until the page goes. A page in the background closes the stream: nobody looks.
export function listen(handlers, state) {
  let source;
  const close = () => { source?.close(); source = undefined; };
  const open = () => {
    if (source) return;
    source = new EventSource("/api/stream");
    source.onopen = () => { handlers.begin(); state("on", "live"); };
    source.onerror = () => {
      state("off", "the console does not answer; trying again");
      if (source?.readyState === EventSource.CLOSED) { close(); setTimeout(open, 2000); }
    };
    for (const name of ["steps", "pipeline"]) source.addEventListener(name, (e) => handlers[name](JSON.parse(e.data)));
  };
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") open();
    else { close(); state("", "paused while the page is hidden"); }
  });
  window.addEventListener("pagehide", close);
  open();
}
