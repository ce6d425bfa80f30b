// A panel over the conversation: a dialog with a heading and a way to close it.
import { element } from "./page-parts.js";
import { words } from "./talk.js";

/** Opens the panel `name` and gives back its body, empty. */
export function panel(name, heading) {
  document.querySelector(`#wb-panel-${name}`)?.remove();
  const close = element("button", { type: "button", class: "quiet close", "aria-label": words.close }, "×");
  const body = element("div", { class: "panel-body" });
  const dialog = element(
    "dialog",
    { id: `wb-panel-${name}`, class: "panel", "aria-labelledby": `wb-panel-${name}-heading` },
    element("div", { class: "panel-head" }, element("h2", { id: `wb-panel-${name}-heading` }, heading), close),
    body,
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside the panel
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return body;
}

export const closePanel = () => document.querySelector("dialog.panel")?.close();
