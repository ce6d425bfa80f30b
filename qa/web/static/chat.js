// What the chat page needs beyond Gradio: the page's language, Enter that respects input methods, the question kept on
// top of its answer, and names of messages that a screen reader can read.
"use strict";

document.documentElement.lang = { zh: "zh-Hans", "zh-hant": "zh-Hant", en: "en" }[location.pathname.split("/")[1]] || "zh-Hans";

// While an input method composes, Enter picks a word (229 is what browsers report that don't set isComposing).
for (const kind of ["keydown", "keypress"]) {
  document.addEventListener(
    kind,
    (event) => {
      if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) event.stopImmediatePropagation();
    },
    true,
  );
}

// A new question, and then its answer, come to the top of the window: the answer is read from its beginning.
let shown = 0;
new MutationObserver(() => {
  for (const message of document.querySelectorAll("#wb-chat [data-testid][aria-label]")) {
    message.removeAttribute("aria-label"); // Gradio puts the message's source there, which is HTML: let the text be read
  }
  const count = document.querySelectorAll("#wb-chat :is(.wb-question, .wb-answer)").length;
  if (count > shown) [...document.querySelectorAll("#wb-chat .wb-question")].at(-1).scrollIntoView({ block: "start" });
  shown = count;
}).observe(document.documentElement, { childList: true, subtree: true, attributeFilter: ["aria-label"] });
