// The review page: filters, plots, what was asked, gold questions, export.
import { ask, closeShown, confirmed, load, say, told, url, words } from "./desk.js";

const $ = (selector) => document.querySelector(selector);
const parts = [$("#figures"), $("#list"), $("#unanswered")];

function query() {
  const given = Object.fromEntries(new FormData($("#filters")));
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value));
}

async function refresh() {
  const found = query();
  for (const part of parts) await load(part, part.dataset.part, found);
}

$("#filters").addEventListener("submit", (event) => {
  event.preventDefault();
  refresh();
});
$("#filters").addEventListener("change", refresh);

for (const button of document.querySelectorAll("[data-export]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const response = await ask(url("/api/review/export", { ...query(), format: button.dataset.export }));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await response.blob());
      link.download = /filename="([^"]+)"/.exec(response.headers.get("content-disposition"))?.[1] ?? "review";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    } catch (error) {
      told(error);
    }
    button.disabled = false;
  });
}

$("#clear").addEventListener("click", async () => {
  if (!(await confirmed(words.confirm_clear))) return;
  try {
    await ask("/api/review", { method: "DELETE" });
    say(words.cleared);
    await refresh();
  } catch (error) {
    told(error);
  }
});

// --- gold questions: the form comes with the dialog ---

function choose() {
  const option = $("#gold-place")?.selectedOptions[0];
  if (!option) return;
  $("#gold-answers").hidden = option.value === "";
  $("#gold-evidence").value = option.dataset.evidence ?? "";
}

new MutationObserver(() => {
  if ($("#gold-place") && !$("#gold").dataset.ready) {
    $("#gold").dataset.ready = "yes";
    choose();
  }
}).observe($("#shown"), { childList: true });
document.addEventListener("change", (event) => {
  if (event.target.id === "gold-place") choose();
});
document.addEventListener("submit", async (event) => {
  if (event.target.id !== "gold") return;
  event.preventDefault();
  const option = $("#gold-place").selectedOptions[0];
  const json = { trace_id: event.target.dataset.trace };
  if (option.value !== "") {
    json.file = option.dataset.file;
    json.near = Number(option.dataset.near);
    json.evidence = $("#gold-evidence").value;
    json.answer = $("#gold-answer").value;
  }
  try {
    await ask("/api/review/gold", { method: "POST", json });
    closeShown();
    say(words.gold_saved);
    await refresh();
  } catch (error) {
    $("#gold-said").textContent = error.message;
    $("#gold-said").hidden = false;
  }
});

refresh();
