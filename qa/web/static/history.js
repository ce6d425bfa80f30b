// The history panel: this browser's conversations, from /api/talks.
import { element, filled } from "./page-parts.js";
import { closePanel, panel } from "./panel.js";
import { open, talk, visitor, words } from "./talk.js";

async function request(path, method = "GET", body = undefined) {
  const headers = { "x-wenbao-visitor": visitor };
  if (body) headers["content-type"] = "application/json";
  const response = await fetch(`/api/talks${path}`, { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(response.status);
  return response.json();
}

export async function showHistory() {
  const body = panel("history", words.history);
  const problem = element("p", { class: "problem", role: "alert", hidden: true });
  const search = element("input", { type: "search", placeholder: words.search, "aria-label": words.search });
  const list = element("ul", { class: "talks" });
  const removeAll = sure(words.removeAll, "", () => request("", "DELETE").then(() => list.replaceChildren()).then(() => open(null)));
  body.append(search, problem, list, element("div", { class: "panel-foot" }, element("p", {}, words.historyNote), removeAll));

  const tried = async (action) => {
    problem.hidden = true;
    try {
      await action();
    } catch {
      problem.textContent = words.failed;
      problem.hidden = false;
    }
  };
  const refresh = () =>
    tried(async () => {
      const wanted = search.value;
      const found = await request(`?search=${encodeURIComponent(wanted.slice(0, 200))}`);
      if (wanted !== search.value) return; // typed on meanwhile
      const lines = found.map((line) => row(line, tried, refresh));
      list.replaceChildren(...(lines.length ? lines : [element("li", { class: "none" }, wanted ? words.noMatch : words.noTalks)]));
      removeAll.hidden = !lines.length || wanted !== "";
    });
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 150);
  });
  await refresh();
}

function row(line, tried, refresh) {
  const when = new Intl.DateTimeFormat(words.lang, { dateStyle: "medium", timeStyle: "short" }).format(line.changed_at * 1000);
  const title = element("button", { type: "button", class: "title", dir: "auto" }, line.title);
  if (line.id === talk()) title.setAttribute("aria-current", "true");
  title.addEventListener("click", () => {
    closePanel();
    open(line.id);
  });
  const rename = element("button", { type: "button", class: "quiet small" }, words.rename);
  const remove = sure(words.remove, line.title, () =>
    tried(async () => {
      await request(`/${line.id}`, "DELETE");
      await refresh();
      if (line.id === talk()) open(null);
    }),
  );
  const download = (suffix, label) =>
    element("a", { href: `/api/talks/${line.id}.${suffix}?lang=${location.pathname.split("/")[1]}`, download: "" }, label);
  const made = element(
    "li",
    {},
    title,
    element("p", { class: "meta" }, `${filled(words.turns, { count: line.turns })} · ${when}`),
    element("p", { class: "tools" }, rename, download("md", words.exportMarkdown), download("json", words.exportJson), remove),
  );
  rename.addEventListener("click", () => {
    const field = element("input", { value: line.title, maxlength: "120", "aria-label": words.renamePrompt });
    const form = element("form", { class: "renaming" }, field, element("button", { class: "small" }, words.save));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      tried(async () => {
        await request(`/${line.id}`, "PATCH", { title: field.value });
        await refresh();
      });
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // leaves the form, not the panel
      form.replaceWith(title);
      rename.focus();
    });
    title.replaceWith(form);
    field.select();
  });
  return made;
}

/** A button that asks once more before it acts. */
function sure(label, name, action) {
  const button = element("button", { type: "button", class: "danger small" }, label);
  if (name) button.setAttribute("aria-label", `${label}: ${name}`);
  button.addEventListener("click", () => {
    if (button.dataset.sure) {
      action();
      return;
    }
    button.dataset.sure = "yes";
    button.textContent = words.removeSure;
    button.setAttribute("aria-label", words.removeSure);
    setTimeout(() => {
      delete button.dataset.sure;
      button.textContent = label;
      button.removeAttribute("aria-label");
    }, 4000);
  });
  return button;
}
