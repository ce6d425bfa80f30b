// Which conversation this page shows, and what goes to the server with each question: see `Context` in conversation.py.
import { store, stored } from "./page-parts.js";

const ID = /^[A-Za-z0-9_-]{22}$/;

export const words = JSON.parse(document.querySelector('meta[name="wenbao-words"]').content);

const newId = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").slice(0, 22);
};

const idOr = (found, otherwise) => (ID.test(found ?? "") ? found : otherwise);

const hash = () => location.hash.slice(1);

/** Whether the page was opened at a conversation: by its link, or because this tab showed it before. */
const earlier = idOr(hash(), idOr(stored("sessionStorage", "wenbao.talk"), ""));

const context = {
  visitor: idOr(stored("localStorage", "wenbao.visitor"), ""),
  talk: earlier || newId(),
  alone: false,
  filters: {},
};
if (!context.visitor) {
  context.visitor = newId();
  store("localStorage", "wenbao.visitor", context.visitor);
}

export const visitor = context.visitor;
export const opensAtTalk = () => earlier !== "";
export const talk = () => context.talk;
export const filters = () => context.filters;

const box = (id) => document.querySelector(`#${id} :is(textarea, input)`);

/** Sets a Gradio text box as if it were typed into. */
export function type(id, text) {
  const found = box(id);
  if (!found) return;
  found.value = text;
  found.dispatchEvent(new Event("input", { bubbles: true }));
}

/** A moment later, when Gradio has taken in what was typed. */
export const settled = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));

/** Changes what goes along with the next questions. */
export function set(changes) {
  Object.assign(context, changes);
  type("wb-context", JSON.stringify(context));
}

/** Names the conversation in the address, and in the links to the page's other languages. */
export function showAddress() {
  history.replaceState(null, "", `#${context.talk}`);
  store("sessionStorage", "wenbao.talk", context.talk);
  for (const link of document.querySelectorAll("#wb-top .languages a")) link.hash = context.talk;
}

/** Shows the conversation `id`, a new one without. */
export async function open(id) {
  set({ talk: id ?? newId(), alone: false });
  if (id) {
    showAddress();
  } else {
    history.replaceState(null, "", location.pathname);
    store("sessionStorage", "wenbao.talk", null);
    for (const link of document.querySelectorAll("#wb-top .languages a")) link.hash = "";
  }
  await settled();
  document.querySelector("#wb-reopen, #wb-reopen button").click();
  sent();
  if (!id) box("wb-question")?.focus();
}

// Gradio's browser side overlooks that its stream of events ended while a question was on its way, and hears nothing of
// that question until anything else is sent: see `listen` in chat_page.py. So something is, until any of it is seen.
const UNHEARD_MS = 1000;
const GIVEN_UP_MS = 16_000;
let unheard = 0;

/** Something was sent to Gradio, of which the conversation will show something. */
export function sent(wait = UNHEARD_MS) {
  clearTimeout(unheard);
  if (wait > GIVEN_UP_MS) return;
  unheard = setTimeout(() => {
    document.querySelector("#wb-listen, #wb-listen button").click();
    sent(2 * wait);
  }, wait);
}

export const heard = () => clearTimeout(unheard);

/** Asks `question`; `alone` leaves the earlier ones out of account. */
export async function ask(question, alone = false) {
  set({ alone });
  type("wb-question", question);
  await settled();
  document.querySelector("#wb-question button").click();
  await settled();
  set({ alone: false });
}

window.addEventListener("hashchange", () => {
  if (ID.test(hash()) && hash() !== context.talk) open(hash());
});
