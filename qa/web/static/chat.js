// What the conversation's page needs beyond Gradio: questions held until the page listens, keys, the question on top of
// its answer, a word for screen readers, copying, context, and the panels of history and filters.
import { showFilters, showScope } from "./filters.js";
import { showHistory } from "./history.js";
import { copy, element, filled } from "./page-parts.js";
import { ask, filters, heard, open, opensAtTalk, sent, set, showAddress, talk, type, words } from "./talk.js";

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const box = () => document.querySelector("#wb-question textarea");
const live = element("div", { class: "unseen", role: "status", "aria-live": "polite" });
document.body.append(live);

// Gradio takes a moment to draw its page, and another to listen. Until then our own first picture of it stands there
// (shell.py); what is asked of that is held, and asked as soon as it can be.
const shell = document.querySelector("#wb-shell");
const first = shell?.querySelector("textarea");
let held = null;
let composes = false;

function hold(question) {
  held = question;
  document.body.classList.add("wb-waiting");
}

shell?.addEventListener("compositionstart", () => (composes = true));
shell?.addEventListener("compositionend", () => (composes = false));
shell?.addEventListener("submit", (event) => {
  event.preventDefault();
  hold(first.value);
});
shell?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target === first && !event.shiftKey && !isComposing(event)) {
    event.preventDefault();
    hold(first.value);
  }
});
shell?.addEventListener("click", (event) => {
  const example = event.target.closest(".example");
  if (example) hold(example.textContent);
});
if (opensAtTalk()) shell?.querySelector("main").replaceChildren();

const GIVE_UP_MS = 15_000;
const began = performance.now();
const ready = setInterval(() => {
  const listens = document.querySelector("#wb-ready :is(textarea, input)")?.value === "ready";
  if (composes || !box() || !(listens || performance.now() - began > GIVE_UP_MS)) return;
  clearInterval(ready);
  const typed = first?.value ?? "";
  const focused = document.activeElement === first;
  shell?.remove();
  document.body.classList.remove("wb-waiting");
  if (focused) box().focus({ preventScroll: true });
  scrollTo(0, 0); // Gradio brings its box, not the page's beginning, into view
  set({});
  if (held !== null) ask(held); // which brings an earlier conversation back by itself
  else if (opensAtTalk()) open(talk());
  if (held === null && typed) type("wb-question", typed);
}, 40);

// While an input method composes, Enter picks a word (229 is what browsers report that don't set isComposing).
const isComposing = (event) => event.isComposing || event.keyCode === 229;
for (const kind of ["keydown", "keypress"]) {
  document.addEventListener(
    kind,
    (event) => {
      if (event.key !== "Enter" || event.target !== box() || event.shiftKey) return;
      if (isComposing(event)) event.stopImmediatePropagation();
      else if (kind === "keypress") onlyOnce(event);
    },
    true,
  );
}

// A second press that follows at once, with nothing typed in between, means the same question.
const TWICE_MS = 400;
let sentAt = -TWICE_MS;
document.addEventListener("input", (event) => event.target === box() && (sentAt = -TWICE_MS), true);
function onlyOnce(event) {
  const now = performance.now();
  if (now - sentAt < TWICE_MS) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  sentAt = now;
  sent();
}
document.addEventListener("click", (event) => event.target.closest("#wb-question button") && onlyOnce(event), true);
document.addEventListener("click", (event) => event.target.closest("#wb-chat .example") && sent(), true);

// What the buttons of our own do.
const actions = {
  "wb-new": () => open(null),
  "wb-history": () => showHistory(),
  "wb-filters": () => showFilters(),
  "wb-alone": (button) => ask(button.value, true),
  "wb-ask": (button) => ask(button.value),
  "wb-copy": copyCitation,
  "wb-context": toggleContext,
  "wb-thumb": judge,
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  for (const [name, action] of Object.entries(actions)) {
    if (button?.id === name || button?.classList.contains(name)) action(button);
  }
});

async function copyCitation(button) {
  const label = button.textContent;
  const done = (await copy(button.value)) ? words.copied : words.notCopied;
  live.textContent = done;
  button.textContent = done;
  setTimeout(() => {
    button.textContent = label;
  }, 2000);
}

async function toggleContext(button) {
  const tools = button.closest(".wb-tools");
  const shown = tools.querySelector(".wb-around");
  button.setAttribute("aria-expanded", String(!shown));
  if (shown) {
    shown.remove();
    return;
  }
  const around = element("div", { class: "wb-around" });
  tools.append(around);
  try {
    const response = await fetch(button.value);
    if (!response.ok) throw new Error(response.status);
    const { article, headline, day, before, after } = await response.json();
    for (const text of [before, "…", after]) {
      if (text) around.append(element("p", text === "…" ? { class: "wb-here" } : { dir: "auto" }, text));
    }
    const narrow = (label, changes) => {
      const narrower = element("button", { type: "button", class: "wb-narrow" }, label);
      narrower.addEventListener("click", () => showScope({ ...filters(), ...changes }, headline));
      return narrower;
    };
    around.append(narrow(words.onlyArticle, { articles: [article] }));
    if (day) around.append(" ", narrow(filled(words.onlyDay, { day }), { since: day, until: day }));
  } catch {
    around.append(element("p", {}, words.contextFailed));
  }
}

const REASONS = ["wrong_passage", "not_in_articles", "ocr_error", "other"];

/** Sends what somebody thinks of an answer; one who isn't content may say why with one more tap. */
async function judge(button, reason = null) {
  const thumbs = button.closest(".wb-thumbs");
  let said = words.thanks;
  try {
    const response = await fetch("/api/feedback", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ trace_id: button.name, thumb: button.value, reason }),
    });
    if (!response.ok) said = words.failed;
  } catch {
    said = words.failed;
  }
  live.textContent = said;
  const asks = button.value === "down" && !reason && said === words.thanks;
  const reasons = REASONS.map((name) => {
    const choice = element("button", { type: "button", class: "wb-thumb", name: button.name, value: "down" }, words[name]);
    choice.addEventListener("click", (event) => {
      event.stopPropagation();
      judge(choice, name);
    });
    return choice;
  });
  thumbs.replaceChildren(element("span", {}, asks ? words.reasons : said), ...(asks ? reasons : []));
  thumbs.querySelector("button")?.focus();
}

// A new question, and then its answer, come to the top of the window: the answer is read from its beginning.
let questions = 0;
let answers = 0;
new MutationObserver(() => {
  const root = document.documentElement;
  if (root.lang !== words.lang) root.lang = words.lang; // Gradio names the browser's language, not the page's
  for (const named of all("#wb-chat :is([data-testid], .example)[aria-label]")) {
    named.removeAttribute("aria-label"); // Gradio puts a message's source there, which is HTML: let the text be read
  }
  document.querySelector("#wb-chat .examples[role]")?.removeAttribute("role"); // a list whose children are buttons
  const asked = all("#wb-chat .wb-question");
  const answered = all("#wb-chat .wb-answer");
  document.body.classList.toggle("wb-talking", asked.length > 0);
  if (asked.length + answered.length > questions + answers) asked.at(-1)?.scrollIntoView({ block: "start" });
  if (asked.length > questions) showAddress();
  if (answered.length > answers) announce(answered.at(-1));
  if (asked.length !== questions || answered.length !== answers) heard();
  questions = asked.length;
  answers = answered.length;
}).observe(document.documentElement, { childList: true, subtree: true, attributeFilter: ["aria-label", "lang"] });
document.documentElement.lang = words.lang;

function announce(answer) {
  const kind = ["possible", "not_found"].find((status) => answer.classList.contains(`wb-${status}`)) ?? "found";
  const text = words[kind === "not_found" ? "notFound" : kind];
  const short = answer.querySelector(".wb-short, .wb-long")?.textContent ?? "";
  live.textContent = `${short} ${filled(text, { count: all(".wb-card", answer).length })}`.trim();
}

// Keys: / to the question box, ↑ ↓ through what was asked, 1 to 9 to a source, Esc closes and leaves the box.
let recalled = 0;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.target === box() && (event.key === "ArrowUp" || event.key === "ArrowDown")) recall(event);
  else if (event.key === "Escape") closeAll();
  else if (typing) return;
  else if (event.key === "/") {
    event.preventDefault();
    box()?.focus();
  } else if (/^[1-9]$/.test(event.key)) {
    const last = all("#wb-chat .wb-answer").at(-1);
    if (last) all(".wb-card .wb-source a", last)[event.key - 1]?.click();
  }
});

function recall(event) {
  const asked = all("#wb-chat .wb-question").map((question) => question.textContent);
  const at = box().value === "" ? 0 : recalled;
  if (box().value !== "" && box().value !== asked.at(-at)) return;
  const next = at + (event.key === "ArrowUp" ? 1 : -1);
  if (next < 0 || next > asked.length) return;
  event.preventDefault();
  recalled = next;
  box().value = next ? asked.at(-next) : "";
  box().dispatchEvent(new Event("input", { bubbles: true }));
}

function closeAll() {
  for (const details of all("#wb-chat .wb-tools details[open]")) details.open = false;
  for (const button of all('#wb-chat .wb-context[aria-expanded="true"]')) button.click();
  document.activeElement?.blur();
}
