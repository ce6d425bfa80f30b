// What the owner's pages share: asking with the token, parts of a page made by the server, questions before deleting.
import { element, filled, stored, store } from "./page-parts.js";

export const words = JSON.parse(document.querySelector("meta[name=desk-words]").content);
const language = location.pathname.split("/")[1];
const TOKEN = "wenbao-admin-token";

/** What went wrong, in the server's words. */
export class Failure extends Error {
  constructor(status, error) {
    super(error?.message ?? words.failed);
    this.status = status;
    this.code = error?.code;
  }
}

function authorised(headers = {}) {
  const token = stored("sessionStorage", TOKEN);
  return token ? { ...headers, authorization: `Bearer ${token}` } : headers;
}

/** A request with the token. Without the right to it, the form for a token is shown. */
export async function ask(path, { method = "GET", json, headers = {}, signal } = {}) {
  const body = json === undefined ? undefined : JSON.stringify(json);
  if (body !== undefined) headers = { ...headers, "content-type": "application/json" };
  const response = await fetch(path, { method, body, headers: authorised(headers), signal });
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  if (response.status === 401 || response.status === 403) askForToken();
  throw new Failure(response.status, error);
}

/** Sends a file; tells how much of it is sent, 0 to 1. */
export function send(path, file, told) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries(authorised())) request.setRequestHeader(name, value);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = (event) => told(event.lengthComputable ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Failure(0));
    request.onload = () => {
      let body = {};
      try {
        body = JSON.parse(request.responseText);
      } catch {
        // told below
      }
      if (request.status < 300) resolve(body);
      else reject(new Failure(request.status, body.error));
    };
    request.send(file);
  });
}

function askForToken() {
  const form = document.querySelector("#token");
  if (!form.hidden) return;
  form.querySelector(".problem").hidden = stored("sessionStorage", TOKEN) === null;
  form.hidden = false;
  document.querySelector("#desk").hidden = true;
  form.elements.token.focus();
}

document.querySelector("#token").addEventListener("submit", (event) => {
  event.preventDefault();
  store("sessionStorage", TOKEN, event.target.elements.token.value.trim());
  location.reload();
});

/** Says something to everybody, screen readers too. */
export function say(text, look = "") {
  const place = document.querySelector("#said");
  place.textContent = "";
  place.textContent = text;
  document.querySelector(".toast")?.remove();
  const toast = element("div", { className: `toast ${look}`, "aria-hidden": "true" }, text);
  document.body.append(toast);
  setTimeout(() => toast.remove(), 6000);
}

export function told(error) {
  if (error.name !== "AbortError") say(error.message, "bad");
}

export function url(path, query = {}) {
  const given = new URL(path, location.href);
  for (const [name, value] of Object.entries({ ...query, lang: language })) given.searchParams.set(name, value);
  return given.pathname + given.search;
}

const asked = new WeakMap();

/** Puts a part that the server made into its place; a later request for the same place wins. */
export async function load(place, path, query = {}) {
  asked.get(place)?.abort();
  const control = new AbortController();
  asked.set(place, control);
  place.setAttribute("aria-busy", "true");
  try {
    const response = await ask(url(path, query), { signal: control.signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    place.replaceChildren(...page.body.childNodes);
    place.removeAttribute("aria-busy");
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false;
    place.removeAttribute("aria-busy");
    place.replaceChildren(element("p", { className: "problem" }, error.message));
    return false;
  }
}

/** Whether the owner means it. */
export function confirmed(text) {
  const dialog = document.querySelector("#ask");
  dialog.querySelector("#ask-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }),
  );
}

/** Shows a part in the dialog. */
export async function show(path) {
  const dialog = document.querySelector("#show");
  const place = document.querySelector("#shown");
  place.replaceChildren(element("p", { id: "show-title" }, words.loading));
  dialog.showModal();
  await load(place, path);
  dialog.scrollTop = 0;
}

export const closeShown = () => document.querySelector("#show").close();

// Buttons that the parts bring along.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-load], button[data-show]");
  if (!button) return;
  if (button.dataset.show) show(button.dataset.show);
  else load(button.closest("[data-part]"), button.dataset.load).then(() => button.closest("section")?.scrollIntoView());
});

export { element, filled };
