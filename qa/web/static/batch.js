// The Batch tab: a file goes up as a draft, is looked at, started, watched, and its result taken down again.
import { element, filled, store, stored } from "./page-parts.js";

const at = (id) => document.getElementById(id);
const words = JSON.parse(at("words").dataset.words);
const GOING = ["queued", "running"];
const number = new Intl.NumberFormat(words.lang);
let jobs = [];
let wake = 0;

// Requests

class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function request(path, { method = "GET", body, json } = {}) {
  const headers = {};
  const token = stored("sessionStorage", "wenbao-token");
  if (token) headers.authorization = `Bearer ${token}`;
  if (json !== undefined) headers["content-type"] = "application/json";
  else if (body) headers["content-type"] = "application/octet-stream";
  const response = await fetch(`/api/batch${path}`, { method, headers, body: json === undefined ? body : JSON.stringify(json) });
  if (response.ok) return response;
  let message = words.failed;
  try {
    const { code, message: told } = (await response.json()).error;
    message = words.errors[code] ?? told;
  } catch {
    // Not ours: what we say is enough.
  }
  throw new Failure(response.status, message);
}

const asked = async (path, options) => (await request(path, options)).json();

// What went wrong stays to be read until somebody does something else; what repeats by itself takes back its own alone.
async function tried(action, whose = "reader") {
  const problem = at("problem");
  const clear = () => (problem.hidden ||= whose === "reader" || problem.dataset.whose === whose);
  if (whose === "reader") clear();
  try {
    const found = await action();
    clear();
    return found;
  } catch (error) {
    if (error.status === 401 || error.status === 403) at("token-form").hidden = false;
    problem.textContent = error instanceof Failure ? error.message : words.failed;
    problem.dataset.whose = whose;
    problem.hidden = false;
    return undefined;
  }
}

function note(text) {
  at("note").hidden = !text;
  at("note").textContent = text ?? "";
}

// A file of ours is fetched with the token and then handed to the browser, which can't send one by a link.
async function save(path, name) {
  const response = await request(path);
  const said = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("content-disposition") ?? "");
  const link = element("a", { download: said ? decodeURIComponent(said[1]) : name });
  link.href = URL.createObjectURL(await response.blob());
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// The draft: how a file is read

async function upload(file) {
  await tried(async () => {
    note(filled(words.uploading, { name: file.name }));
    const job = await asked(`?start=false&name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    await showDraft(job, {});
  });
  note();
  at("file").value = "";
  await refresh();
}

async function showDraft(job, reading) {
  const box = at("draft");
  let seen;
  try {
    seen = await asked(`/${job.id}/preview`, { method: "POST", json: reading });
  } catch (error) {
    if (!Object.keys(reading).length) await request(`/${job.id}`, { method: "DELETE" });
    throw error;
  }
  const change = (part) => tried(() => showDraft(job, { ...reading, ...part }));
  const table = !["txt", "jsonl"].includes(seen.format);
  const controls = element("div", { class: "controls" });
  const told = [filled(words.readAs, { format: seen.format }), filled(words.rows, { rows: number.format(seen.lines) })];
  if (seen.encoding) {
    controls.append(
      choice(words.encoding, words.encodings, reading.encoding ?? "", filled(words.found, { value: seen.encoding }), (v) =>
        change({ encoding: v || null }),
      ),
    );
  }
  if (seen.delimiter) {
    const mark = words.delimiters[seen.delimiter] ?? "–";
    controls.append(
      choice(words.delimiter, words.delimiters, reading.delimiter ?? "", filled(words.found, { value: mark }), (v) =>
        change({ delimiter: v || null, columns: {} }),
      ),
    );
  }
  if (seen.sheets.length > 1) {
    controls.append(choice(words.sheet, seen.sheets, seen.sheet, null, (v) => change({ sheet: v, columns: {} })));
  }
  if (table) {
    const options = { yes: words.headerYes, no: words.headerNo };
    controls.append(
      choice(words.header, options, seen.header ? "yes" : "no", null, (v) => change({ header: v === "yes", columns: {} })),
    );
  }
  if (seen.format === "xlsx") {
    const tick = element("input", { type: "checkbox", checked: Boolean(reading.fill_merged) });
    tick.addEventListener("change", () => change({ fill_merged: tick.checked }));
    controls.append(element("label", { class: "tick" }, tick, words.fillMerged));
  }
  const finished = jobs.filter((other) => other.state === "finished");
  if (finished.length) {
    const known = Object.fromEntries(finished.map((other) => [other.id, `${other.name} · ${when(other.created_at)}`]));
    controls.append(
      choice(words.compare, known, reading.baseline ?? "", words.noCompare, (v) => change({ baseline: v || null })),
    );
  }
  const start = element("button", { type: "button", id: "start" }, words.start);
  start.disabled = table && !seen.roles.question;
  start.addEventListener("click", () =>
    tried(async () => {
      await asked(`/${job.id}/start`, { method: "POST", json: { ...reading, language: words.language } });
      box.hidden = true;
      await refresh();
    }),
  );
  const discard = element("button", { type: "button", class: "quiet" }, words.discard);
  discard.addEventListener("click", () =>
    tried(async () => {
      await request(`/${job.id}`, { method: "DELETE" });
      box.hidden = true;
      await refresh();
    }),
  );
  box.replaceChildren(
    element("h2", {}, filled(words.preview, { name: job.name })),
    element("p", { class: "soft" }, told.join(" · ")),
    controls,
    ...seen.notes.map((one) => element("p", { class: "soft" }, words.errors[one.code] ?? one.message)),
    start.disabled ? element("p", { class: "problem" }, words.noQuestion) : "",
    element("div", { class: "scroll" }, previewTable(seen, table, reading, change)),
    element("div", { class: "actions" }, start, discard),
  );
  box.dataset.id = job.id;
  box.hidden = false;
  box.querySelector("h2").scrollIntoView({ block: "nearest" });
}

function choice(label, options, value, first, act) {
  const list = Array.isArray(options) ? options.map((one) => [one, one]) : Object.entries(options);
  const select = element("select", { "aria-label": label });
  if (first !== null) select.append(element("option", { value: "" }, first));
  for (const [key, name] of list) select.append(element("option", { value: key }, name));
  select.value = value;
  select.addEventListener("change", () => act(select.value));
  return element("label", {}, `${label} `, select);
}

function previewTable(seen, table, reading, change) {
  const head = element("tr", {}, element("th", {}));
  const roleOf = {};
  for (const [role, names] of Object.entries(seen.roles)) for (const name of names) roleOf[name] = role;
  for (const [i, name] of seen.columns.entries()) {
    const cell = element("th", {}, element("div", {}, table ? name : (words.roles[name] ?? name)));
    if (table) {
      const select = element("select", { "aria-label": `${words.columns}: ${name}` }, element("option", { value: "" }, words.other));
      for (const role of words.order) select.append(element("option", { value: role }, words.roles[role]));
      select.value = roleOf[name] ?? "";
      select.addEventListener("change", () => {
        // All that is known of the columns is said anew, by number, with this one's role changed.
        const columns = Object.fromEntries(words.order.map((role) => [role, []]));
        seen.columns.forEach((other, j) => {
          const role = j === i ? select.value : roleOf[other];
          if (!role || (role !== "category" && role === select.value && j !== i)) return;
          columns[role].push(String(j + 1));
        });
        change({ columns: Object.fromEntries(Object.entries(columns).filter(([, names]) => names.length)) });
      });
      cell.append(select);
    }
    head.append(cell);
  }
  const body = element("tbody", {});
  for (const row of seen.rows) {
    const cells = seen.columns.map((_, i) => element("td", { dir: "auto" }, (row.cells[i] ?? "").slice(0, 200)));
    if (row.error) cells.push(element("td", { class: "bad" }, row.error));
    body.append(element("tr", {}, element("th", { scope: "row" }, String(row.line)), ...cells));
  }
  return element("table", {}, element("thead", {}, head), body);
}

// Jobs

function when(seconds) {
  return new Intl.DateTimeFormat(words.lang, { dateStyle: "short", timeStyle: "short" }).format(seconds * 1000);
}

function time(seconds) {
  if (seconds < 90) return filled(words.seconds, { n: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return filled(words.minutes, { n: Math.round(seconds / 60) });
  return filled(words.hours, { n: (seconds / 3600).toFixed(1) });
}

async function refresh() {
  clearTimeout(wake);
  const found = await tried(() => asked(""), "list");
  if (!found) return;
  jobs = found.jobs;
  const shown = new Map([...at("jobs").children].map((card) => [card.dataset.id, card]));
  const open = at("draft").hidden ? null : at("draft").dataset.id;
  const cards = jobs.filter((job) => job.id !== open).map((job) => {
    const told = JSON.stringify(job);
    const card = shown.get(job.id);
    return card?.dataset.told === told ? card : jobCard(job, told, card);
  });
  // A card whose buttons are in use keeps its place: only what changed is put in anew.
  if (cards.length) at("jobs").replaceChildren(...cards);
  else at("jobs").replaceChildren(element("p", { class: "soft" }, words.none));
  if (jobs.some((job) => GOING.includes(job.state))) wake = setTimeout(refresh, document.hidden ? 5000 : 700);
}

const LOOKS = { finished: "good", running: "fair", queued: "fair", failed: "bad" };

function jobCard(job, told, earlier) {
  const focused = earlier?.contains(document.activeElement) ? document.activeElement.dataset.act : null;
  const facts = [filled(words.progress, { done: number.format(job.done), rows: number.format(Math.max(job.rows, job.done)) })];
  if (job.rate) facts.push(filled(words.rate, { rate: number.format(Math.round(job.rate)) }));
  if (job.seconds_left !== null && job.state === "running") facts.push(filled(words.left, { time: time(job.seconds_left) }));
  const counts = Object.entries(words.statuses)
    .filter(([status]) => job.statuses[status])
    .map(([status, name]) => `${name} ${number.format(job.statuses[status])}`);
  const bar = element("progress", { max: String(Math.max(job.rows, job.done, 1)), value: String(job.done) });
  bar.setAttribute("aria-label", facts[0]);
  const actions = element("div", { class: "actions" });
  if (job.formats.length) {
    actions.append(element("span", { class: "soft" }, job.state === "finished" ? words.download : words.soFar));
    for (const format of job.formats) {
      const button = element("button", { type: "button", class: "quiet", "data-act": format }, words.formats[format]);
      button.addEventListener("click", () => tried(() => save(`/${job.id}/result?format=${format}`, `answers.${format}`)));
      actions.append(button);
    }
    actions.append(element("span", { class: "gap" }));
  }
  const act = (name, text, action, quiet = true) => {
    const button = element("button", { type: "button", class: quiet ? "quiet" : "", "data-act": name }, text);
    button.addEventListener("click", () => tried(() => action(button)));
    actions.append(button);
  };
  const post = (name) => async () => {
    await request(`/${job.id}/${name}`, { method: "POST" });
    await refresh();
  };
  if (job.state === "draft") act("start", words.start, () => showDraft(job, {}).then(refresh), false);
  if (GOING.includes(job.state)) act("pause", words.pause, post("pause"));
  if (["paused", "cancelled", "failed"].includes(job.state)) act("resume", words.resume, post("resume"), false);
  if (GOING.includes(job.state) || job.state === "paused") act("cancel", words.cancel, post("cancel"));
  act("delete", words.remove, async (button) => {
    if (button.textContent !== words.sure) {
      button.textContent = words.sure;
      return;
    }
    await request(`/${job.id}`, { method: "DELETE" });
    await refresh();
  });
  const card = element(
    "article",
    { class: "card job", "data-id": job.id, "data-told": told },
    element(
      "div",
      { class: "job-head" },
      element("strong", { dir: "auto" }, job.name),
      element("span", { class: `badge ${LOOKS[job.state] ?? ""}` }, words.states[job.state]),
      element("time", { class: "soft" }, when(job.created_at)),
    ),
    job.state === "draft" ? "" : bar,
    job.state === "draft" ? "" : element("p", { class: "soft facts" }, [...facts, ...counts].join(" · ")),
    job.error ? element("p", { class: "problem" }, words.errors[job.error.code] ?? job.error.message) : "",
    ...job.notes.map((one) => element("p", { class: "soft" }, words.errors[one.code] ?? one.message)),
    scores(job),
    actions,
  );
  if (focused) queueMicrotask(() => card.querySelector(`[data-act="${focused}"]`)?.focus());
  return card;
}

function scores(job) {
  if (!job.scores) return "";
  const parts = Object.entries(words.measures)
    .filter(([name]) => job.scores.measures[name])
    .map(([name, text]) => {
      const one = job.scores.measures[name];
      return `${text} ${(100 * one.value).toFixed(1)}% (${(100 * one.low).toFixed(0)}–${(100 * one.high).toFixed(0)})`;
    });
  return element("p", { class: "scores" }, `${filled(words.scored, { rows: number.format(job.scores.rows) })}: ${parts.join(" · ")}`);
}

// What the page listens to

at("file").addEventListener("change", () => at("file").files[0] && upload(at("file").files[0]));
for (const name of ["dragenter", "dragover"]) {
  at("drop").addEventListener(name, (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) at("drop").addEventListener(name, () => at("drop").classList.remove("over"));
at("drop").addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (file) upload(file);
});
at("template").addEventListener("click", () =>
  tried(() => save(`/template?format=xlsx&language=${words.language}`, "questions.xlsx")),
);
at("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  store("sessionStorage", "wenbao-token", at("token").value.trim() || null);
  at("token").value = "";
  at("token-form").hidden = true;
  refresh();
});
refresh();
