// Which articles are searched: the filters panel, and the chips above the question box that say what is chosen.
import { element, filled } from "./page-parts.js";
import { closePanel, panel } from "./panel.js";
import { filters, set, words } from "./talk.js";

let headline = "";

/** Sets the filters, and shows them; `name` is the headline of the chosen article. */
export function showScope(chosen, name = headline) {
  headline = name;
  const kept = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value && value.length !== 0));
  set({ filters: kept });
  const chips = document.querySelector("#wb-chips");
  const chip = (text, ...keys) => {
    const made = element("button", { type: "button", class: "chip" }, text, element("span", { "aria-hidden": "true" }, " ×"));
    made.setAttribute("aria-label", filled(words.remove_filter, { name: text }));
    made.addEventListener("click", () => {
      showScope(Object.fromEntries(Object.entries(filters()).filter(([key]) => !keys.includes(key))));
      document.querySelector("#wb-filters")?.focus();
    });
    return made;
  };
  const { files, articles, since, until } = kept;
  chips.replaceChildren(
    ...[
      files && chip(`${words.files} ${files.join(", ")}`, "files"),
      articles && chip(`${words.article} ${headline}`, "articles"),
      (since || until) && chip(since === until ? since : `${since ?? "…"} – ${until ?? "…"}`, "since", "until"),
    ].filter(Boolean),
  );
}

export async function showFilters() {
  const body = panel("filters", words.filters);
  const { files = [], articles, since = "", until = "" } = filters();
  const names = element("datalist", { id: "wb-names" });
  const field = (label, input, hint) => element("label", {}, element("span", {}, label), input, hint && element("small", {}, hint));
  const file = element("input", { list: "wb-names", value: files.join(", "), autocomplete: "off" });
  const from = element("input", { type: "date", value: since });
  const to = element("input", { type: "date", value: until });
  const problem = element("p", { class: "problem", role: "alert", hidden: true }, words.filtersInvalid);
  const clear = element("button", { type: "button", class: "quiet" }, words.clear);
  const form = element(
    "form",
    { class: "filters" },
    field(words.files, file, words.filesHint),
    element("div", { class: "days" }, field(words.since, from), field(words.until, to)),
    problem,
    element("p", { class: "soft" }, words.filtersNote),
    element("div", { class: "panel-foot" }, clear, element("button", {}, words.apply)),
    names,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    problem.hidden = !(from.value && to.value && from.value > to.value);
    if (!problem.hidden) return;
    const chosen = file.value.split(/[,，;；\n]/).map((name) => name.trim()).filter(Boolean);
    showScope({ files: chosen, articles, since: from.value, until: to.value });
    closePanel();
  });
  clear.addEventListener("click", () => {
    showScope({});
    closePanel();
  });
  body.append(form);
  const response = await fetch("/api/articles");
  if (!response.ok) return; // the names can still be typed
  const { articles: lines } = await response.json();
  names.append(...[...new Set(lines.map((line) => line.file))].slice(0, 500).map((name) => element("option", { value: name })));
}
