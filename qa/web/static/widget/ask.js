/* wenbao's widget: asking the server. The page's key becomes a visitor's token, the token goes with each question, the
   answer comes as server-sent events; whatever else comes is a Failure with a code. */

const TIMEOUT_MS = 30_000;

class Failure extends Error {
  constructor(code, message, retryAfter) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

const visits = new Map(); /* server and key → the visit: a promise of its token and what the site allows */

function visit(host) {
  const key = `${host.server} ${host.getAttribute("site")}`;
  const known = visits.get(key);
  if (known && known.until > Date.now()) return known.promise;
  const entry = { until: Infinity };
  entry.promise = (async () => {
    const response = await send(`${host.server}api/visitor`, {}, { site_key: host.getAttribute("site") || "" });
    const found = await response.json().catch(() => ({}));
    if (typeof found.token !== "string") throw new Failure("ANSWER_INVALID", "no token");
    entry.until = Date.now() + 800 * found.expires_in_s; /* a new one before the old one ends */
    const feedback = async (trace_id, thumb) =>
      (await send(`${host.server}api/feedback`, bearer((await visit(host)).token), { trace_id, thumb })).ok;
    return { token: found.token, site: { url_template: found.url_template, feedback: found.feedback && feedback } };
  })();
  visits.set(key, entry);
  entry.promise.catch(() => visits.delete(key));
  return entry.promise;
}

const bearer = (token) => ({ authorization: `Bearer ${token}` });

/* What the page's own policy forbade last. */
let forbidden = "";
document.addEventListener("securitypolicyviolation", (event) => {
  if (event.effectiveDirective === "connect-src") forbidden = event.blockedURI;
});

async function send(url, headers, body, signal = AbortSignal.timeout(TIMEOUT_MS)) {
  forbidden = "";
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    credentials: "omit",
    cache: "no-store",
    referrerPolicy: "no-referrer",
    redirect: "error",
    signal,
  });
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  throw new Failure(error?.code ?? "ANSWER_INVALID", error?.message ?? `status ${response.status}`, response.headers.get("retry-after"));
}

async function told(error) {
  if (error instanceof Failure) return error;
  if (error.name === "TimeoutError") return new Failure("TIMEOUT", "no answer in time");
  if (error.name === "AbortError") return new Failure("STOPPED", "stopped");
  await new Promise((resolve) => setTimeout(resolve)); /* the policy's event comes after the refusal */
  if (forbidden) return new Failure("POLICY", `the page's Content-Security-Policy lacks connect-src ${new URL(forbidden).origin}`);
  return new Failure("UNREACHABLE", `${error.message}; is ${origin} listed for this site key?`);
}

/** The answer: {record, site}. `onPassages` is called as soon as they are there. */
async function ask(host, language, question, history, abort, onPassages) {
  const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), abort.signal]);
  try {
    for (let attempt = 0; ; attempt += 1) {
      const { token, site } = await visit(host);
      try {
        const headers = { ...bearer(token), accept: "text/event-stream", "accept-language": language };
        const response = await send(`${host.server}api/ask`, headers, { question, history, ...options(host) }, signal);
        return { record: await read(response, (passages) => onPassages(passages, site)), site };
      } catch (error) {
        if (attempt || !["TOKEN_EXPIRED", "UNAUTHORIZED"].includes(error.code)) throw error;
        visits.clear(); /* the key may have been changed, or the address: once more with a new token */
      }
    }
  } catch (error) {
    throw await told(error);
  }
}

function options(host) {
  const found = {};
  const top = parseInt(host.getAttribute("top-k"), 10);
  if (top) found.top_k = top;
  try {
    const filters = JSON.parse(host.getAttribute("filters") || "null");
    if (filters) found.filters = filters;
  } catch {
    throw new Failure("FILTER_INVALID", "filters is no JSON");
  }
  return found;
}

/** The record of a response: events `passages`, `answer`, `done`, or the record as JSON where a proxy made it that. */
async function read(response, onPassages) {
  const type = response.headers.get("content-type") || "";
  if (type.startsWith("application/json")) return checked(await response.json().catch(() => {}));
  if (!type.startsWith("text/event-stream")) throw new Failure("ANSWER_INVALID", type);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let record;
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    text += value ?? "";
    const blocks = text.split(/\r?\n\r?\n/);
    text = done ? "" : blocks.pop();
    for (const block of blocks) {
      const event = parsed(block);
      if (event.name === "passages") onPassages(checkedPassages(event.data));
      else if (event.name === "answer") record = checked(event.data);
      else if (event.name === "error") throw new Failure(event.data?.error?.code ?? "INTERNAL", event.data?.error?.message ?? "");
    }
    if (done) break;
  }
  if (!record) throw new Failure("ANSWER_INVALID", "broken off");
  return record;
}

/** One event: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
function parsed(block) {
  let name = "";
  let data = "";
  for (const line of block.split(/\r?\n/)) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data += line.slice(5) + "\n";
  }
  try {
    return { name, data: data && JSON.parse(data) };
  } catch {
    throw new Failure("ANSWER_INVALID", name);
  }
}

function checkedPassages(passages) {
  const isSpan = (span) => Number.isInteger(span?.start) && Number.isInteger(span?.end);
  const sound =
    Array.isArray(passages) &&
    passages.every(
      ({ text, source, highlights } = {}) =>
        typeof text === "string" && isSpan(source) && typeof source.file === "string" && Array.isArray(highlights) && highlights.every(isSpan),
    );
  if (!sound) throw new Failure("ANSWER_INVALID", "bad passages");
  return passages;
}

function checked(record) {
  if (!Object.hasOwn(WORDS.status, record?.status) || !(record.answer === null || typeof record.answer === "string"))
    throw new Failure("ANSWER_INVALID", "bad record");
  checkedPassages(record.passages);
  return record;
}
