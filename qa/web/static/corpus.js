// The corpus page: uploads with their outcomes, the list, deleting, the owner's words and what they change.
import { ask, confirmed, element, filled, load, say, send, show, told, url, words } from "./desk.js";

const $ = (selector) => document.querySelector(selector);
const list = $("#list");
const figures = $("[data-part='/desk/corpus/figures']");
let file = "";

// --- the list ---

function query() {
  const form = $("#search");
  return { q: form.elements.q.value, view: form.elements.view.value, file };
}

const showList = () => load(list, list.dataset.part, query());
const refresh = () => Promise.all([showList(), load(figures, figures.dataset.part)]);

let typing;
$("#search").addEventListener("input", () => {
  clearTimeout(typing);
  file = "";
  typing = setTimeout(showList, 250);
});
$("#search").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  showList();
});

list.addEventListener("click", async (event) => {
  const chosen = event.target.closest("[data-file]");
  if (chosen) {
    file = chosen.dataset.file;
    const form = $("#search");
    form.elements.view.value = "articles";
    form.elements.q.value = "";
    showList();
    return;
  }
  const button = event.target.closest("[data-delete], [data-delete-file]");
  if (!button) return;
  const name = button.dataset.name;
  if (!(await confirmed(filled(button.dataset.confirm, { name })))) return;
  const path = button.dataset.delete ?? `/api/articles?file=${encodeURIComponent(button.dataset.deleteFile)}`;
  button.disabled = true;
  try {
    await ask(path, { method: "DELETE" });
    say(filled(words.deleted, { name }));
    await refresh();
    $("#q").focus();
  } catch (error) {
    button.disabled = false;
    told(error);
  }
});

// --- uploads and other jobs ---

const rows = new Map();
let watched = null;

function row(name, state, message) {
  let item = rows.get(name);
  if (!item) {
    item = element("li", {}, element("span", { className: "badge" }), " ", element("span", { className: "file" }, name));
    item.append(element("span", { className: "why" }));
    rows.set(name, item);
    $("#job-files").append(item);
  }
  const looks = { added: "good", changed: "good", problem: "bad", sending: "fair", waiting: "fair" };
  item.firstChild.className = `badge ${looks[state] ?? ""}`;
  item.firstChild.textContent = words.states[state] ?? state;
  const why = message?.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
  item.lastChild.textContent = why ? ` ${why}` : "";
  return item;
}

function progress(done, total, text) {
  $("#job").hidden = false;
  const bar = $("#job-bar");
  bar.max = Math.max(total, 1);
  bar.value = done;
  $("#job-text").textContent = text;
}

function told_of(job) {
  const counts = Object.entries(job.counts).map(([state, count]) => `${words.states[state]} ${count}`);
  const doing = job.doing ? filled(words.doing[job.doing.stage] ?? "", job.doing) : words.job_states[job.state];
  return [words.kinds[job.kind], doing, ...counts].filter(Boolean).join(" · ");
}

async function watch(id) {
  if (watched === id) return;
  watched = id;
  let since = 0;
  for (;;) {
    let job;
    try {
      job = await (await ask(`/api/articles/jobs/${id}?since=${since}`)).json();
    } catch (error) {
      told(error);
      break;
    }
    since = job.step;
    for (const each of job.files) row(each.file, each.state, each.message);
    const total = Object.values(job.counts).reduce((sum, count) => sum + count, 0);
    progress(total - (job.counts.waiting ?? 0), total, told_of(job));
    if (job.state !== "running" && watched === id) {
      if (job.files.length > 900) continue; // more of them wait
      progress(1, 1, told_of(job));
      say(job.message ?? told_of(job), job.state === "failed" ? "bad" : "");
      await refresh();
      break;
    }
    await new Promise((go) => setTimeout(go, 400));
  }
  if (watched === id) watched = null;
}

async function upload(files) {
  if (!files.length) return;
  let job = null;
  rows.clear();
  $("#job-files").replaceChildren();
  for (const [number, each] of files.entries()) {
    const name = each.webkitRelativePath || each.name;
    row(name, "sending");
    progress(number, files.length, filled(words.sending, { percent: 0 }));
    const query = new URLSearchParams({ name, wait: 0, ...(job ? { job } : {}) });
    try {
      const sent = await send(`/api/articles?${query}`, each, (share) =>
        progress(number + share, files.length, filled(words.sending, { percent: Math.floor(share * 100) })),
      );
      job = sent.id;
      row(name, "waiting");
    } catch (error) {
      row(name, "problem", error.message);
    }
  }
  if (job) await watch(job);
  else progress(files.length, files.length, words.job_states.failed);
}

const drop = $("#drop");
const readable = /\.(txt|text|md|markdown|html?|docx|pdf|zip)$/i;
for (const input of document.querySelectorAll("#files, #folder")) {
  input.addEventListener("change", () => {
    // A folder's pictures and the like are passed over; what was chosen itself gets an answer.
    const chosen = [...input.files].filter((each) => input.id === "files" || readable.test(each.name));
    input.value = "";
    upload(chosen);
  });
}
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  upload([...event.dataTransfer.files]);
});

$("#index").addEventListener("click", async () => {
  try {
    watch((await (await ask("/api/articles/index", { method: "POST" })).json()).id);
  } catch (error) {
    told(error);
  }
});

// --- the owner's words ---

const dictionary = $("#dictionary");
const synonyms = $("#synonyms");
const save = $("#words button");
let saved = null;

const lists = () => ({ dictionary: dictionary.value, synonyms: synonyms.value });

async function readWords() {
  saved = await (await ask("/api/words")).json();
  dictionary.value = saved.dictionary;
  synonyms.value = saved.synonyms;
  dictionary.disabled = synonyms.disabled = false;
  changed();
}

function changed() {
  const now = lists();
  const is = saved && (now.dictionary !== saved.dictionary || now.synonyms !== saved.synonyms);
  save.disabled = !is;
  $("#words-said").textContent = is ? words.unsaved : "";
  $("#words-said").className = "soft";
}

function terms(names, other) {
  return element(
    "p",
    { className: "terms" },
    ...names.flatMap((name) => [element("kbd", { className: other.includes(name) ? "" : "new" }, name), " "]),
  );
}

function hits(cut, isAfter) {
  return element(
    "ol",
    {},
    ...cut.hits.map((hit, at) => {
      const move = !isAfter || hit.was === at + 1 ? null : hit.was ? filled(words.moved, { rank: hit.was }) : words.new_hit;
      return element(
        "li",
        {},
        element("b", {}, [hit.headline ?? words.untitled, hit.section].filter(Boolean).join(" › ")),
        move ? element("span", { className: "badge good" }, move) : null,
        element("span", { className: "soft" }, ` ${hit.text}`),
      );
    }),
  );
}

function column(title, cut, other, isAfter) {
  return element(
    "div",
    {},
    element("h4", {}, title),
    element("p", { className: "soft" }, words.cut),
    terms(cut.words, other.words),
    element("details", {}, element("summary", {}, words.terms), terms(cut.terms, other.terms)),
    element("p", { className: "soft" }, words.hits),
    hits(cut, isAfter),
  );
}

let trying;
async function tryWords() {
  const question = $("#try").value;
  const place = $("#tried");
  trying?.abort();
  if (!question.trim()) return place.replaceChildren();
  trying = new AbortController();
  try {
    const answer = await ask("/api/words/try", {
      method: "POST",
      json: { ...lists(), question },
      signal: trying.signal,
    });
    const { before, after, searched, passages } = await answer.json();
    place.replaceChildren(
      element(
        "div",
        { className: "pair" },
        column(words.before, before, after, false),
        column(words.after, after, before, true),
      ),
      ...(searched < passages ? [element("p", { className: "soft" }, filled(words.among, { count: searched }))] : []),
    );
    if ($("#words-said").classList.contains("problem")) changed();
  } catch (error) {
    if (error.name === "AbortError") return;
    $("#words-said").textContent = error.message;
    $("#words-said").className = "problem";
  }
}

let waiting;
$("#words").addEventListener("input", () => {
  changed();
  clearTimeout(waiting);
  waiting = setTimeout(tryWords, 350);
});
$("#words").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (save.disabled) return;
  const now = lists();
  try {
    const job = await (await ask("/api/words", { method: "PUT", json: now })).json();
    saved = now;
    changed();
    $("#words-said").textContent = words.saved;
    watch(job.id).then(tryWords);
  } catch (error) {
    $("#words-said").textContent = error.message;
    $("#words-said").className = "problem";
  }
});

// --- the start ---

async function start() {
  await refresh();
  try {
    await readWords();
    const { jobs } = await (await ask("/api/articles/jobs")).json();
    if (jobs[0]?.state === "running") watch(jobs[0].id);
  } catch (error) {
    if (error.status !== 401 && error.status !== 403) told(error);
  }
}
start();
