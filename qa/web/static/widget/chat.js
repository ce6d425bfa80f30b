/* wenbao's widget, the part that comes with the first opening: the panel, asking, and answers with their sources.
   Whatever comes from articles, questions or the server becomes text nodes and attributes, never markup.
   Sent as one file with the page's language, WORDS, style.js and ask.js before it: qa/web/widget_files.py. */

const PHONE = "(max-width: 640px)";
const KEPT_QUESTIONS = 20; /* of a conversation, for follow-ups */

/** An element with properties, attributes (those with a dash in their names) and children; texts become text nodes. */
function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (!name.includes("-")) element[name] = value;
    else if (value) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child));
  return element;
}

const button = (className, text, onclick, props) => h("button", { type: "button", className, onclick, ...props }, text);

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);

export const mount = (host, launch) => new Chat(host, launch);

class Chat {
  #host;
  #launch;
  #panel;
  #log;
  #box;
  #live;
  #opener;
  #questions = [];
  #under_way;
  isOpen = false;

  constructor(host, launch) {
    this.#host = host;
    this.#launch = launch;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    host.shadowRoot.adoptedStyleSheets.push(sheet);
    this.#panel = this.#build();
    launch.parentNode.append(this.#panel);
    new MutationObserver(() => this.dress()).observe(document.documentElement, {
      attributeFilter: ["class", "style", "data-theme", "data-bs-theme"],
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.dress());
    window.visualViewport?.addEventListener("resize", () => this.#fit());
    this.dress();
    if (host.mode !== "launcher") this.#show();
  }

  /* ---- looks ---- */

  dress() {
    const position = this.#host.getAttribute("position") || "";
    const looks = { dark: isDark(this.#host), top: position.startsWith("top"), left: position.endsWith("left") };
    for (const [name, on] of Object.entries(looks)) this.#panel.classList.toggle(name, on);
  }

  #fit() {
    /* A phone's keyboard covers the page without making it smaller; this much of it is seen. */
    if (window.visualViewport) this.#panel.style.setProperty("--seen", `${window.visualViewport.height}px`);
  }

  #build() {
    const { mode } = this.#host;
    const title = this.#host.getAttribute("heading") || WORDS.title;
    this.#live = h("div", { className: "unseen", role: "status", "aria-live": "polite" });
    this.#log = h("div", { className: "log", part: "log", role: "log", "aria-live": "off", "aria-label": title, tabIndex: 0 });
    this.#box = h("textarea", {
      part: "input",
      rows: 1,
      placeholder: this.#host.getAttribute("placeholder") || WORDS.placeholder,
      "aria-label": WORDS.placeholder,
      enterKeyHint: "send",
      autocomplete: "off",
      onkeydown: (event) => this.#key(event),
      oninput: () => this.#typed(),
    });
    const send = h("button", { className: "send", part: "send" }, WORDS.ask);
    const form = h("form", { className: "ask", part: "form", onsubmit: (event) => this.#asked(event) }, this.#box, send);
    const again = button("quiet", WORDS.new_talk, () => this.#begin());
    const close = button("quiet close", "✕", () => this.close(), { "aria-label": WORDS.close });
    const isLauncher = mode === "launcher";
    const head = h("header", { part: "header" }, h("h2", {}, title), again, isLauncher ? close : "");
    return h(
      "section",
      {
        className: `panel ${mode}`,
        part: "panel",
        lang: WORDS.tag,
        role: isLauncher ? "dialog" : "region",
        "aria-modal": isLauncher,
        "aria-label": title,
        tabIndex: -1,
        hidden: isLauncher,
        onkeydown: (event) => this.#trap(event),
      },
      ...(mode === "search" ? [form, this.#log] : [head, this.#log, form]),
      this.#live,
    );
  }

  /* ---- opening and closing ---- */

  open() {
    if (this.isOpen || this.#host.mode !== "launcher") return;
    const root = this.#host.shadowRoot;
    this.#opener = root.activeElement || document.activeElement;
    this.#show();
    this.#focus();
  }

  #focus() {
    const isTouch = matchMedia("(pointer: coarse)").matches; /* there a keyboard would cover the half of it */
    (isTouch ? this.#panel : this.#box).focus({ preventScroll: true });
  }

  #show() {
    this.isOpen = true;
    this.#panel.hidden = false;
    this.#launch.setAttribute("aria-expanded", "true");
    this.dress();
    this.#fit();
    if (!this.#log.childElementCount) this.#begin();
  }

  close() {
    if (!this.isOpen || this.#host.mode !== "launcher") return;
    this.isOpen = false;
    this.#panel.hidden = true;
    this.#launch.setAttribute("aria-expanded", "false");
    (this.#opener?.isConnected && !this.#opener.hidden ? this.#opener : this.#launch).focus({ preventScroll: true });
  }

  #trap(event) {
    if (this.#host.mode !== "launcher" || event.isComposing) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Tab") {
      const stops = [...this.#panel.querySelectorAll("a[href], button, textarea, summary, [tabindex='0']")].filter(
        (element) => !element.disabled && element.getClientRects().length,
      );
      const at = stops.indexOf(this.#host.shadowRoot.activeElement);
      const next = event.shiftKey ? (at <= 0 ? stops.length - 1 : -1) : at === stops.length - 1 ? 0 : -1;
      if (next >= 0) {
        event.preventDefault();
        stops[next].focus();
      }
    }
  }

  #key(event) {
    /* While an input method composes, Enter takes its suggestion; 229 is how older browsers say it. */
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    this.#asked(event);
  }

  #typed() {
    visit(this.#host).catch(() => {}); /* so that the answer needn't wait for it; what failed is tried again then */
    this.#grow();
  }

  #grow() {
    const { style } = this.#box;
    style.height = "auto";
    style.height = `${Math.min(this.#box.scrollHeight, 140)}px`;
  }

  /* ---- the conversation ---- */

  #begin() {
    this.#under_way?.abort();
    this.#questions = [];
    this.#log.replaceChildren();
    const presets = this.#presets();
    if (this.#host.mode !== "search" || this.#host.hasAttribute("greeting"))
      this.#log.append(h("p", { className: "greeting", part: "greeting" }, this.#host.getAttribute("greeting") ?? WORDS.greeting));
    if (!presets.length) return;
    const buttons = presets.map((text) => button("preset", text, () => this.ask(text).catch(() => {}), { part: "preset" }));
    this.#log.append(h("div", { className: "presets", part: "presets", role: "group", "aria-label": WORDS.examples }, ...buttons));
  }

  /** Questions to try: each child element's text, or the JSON list of the attribute `presets`. */
  #presets() {
    let listed = [];
    try {
      listed = JSON.parse(this.#host.getAttribute("presets") || "[]");
    } catch {
      console.warn("wenbao: presets");
    }
    const children = [...this.#host.children].map((child) => child.textContent.trim());
    return children.concat(listed).filter((text) => typeof text === "string" && text).slice(0, 12);
  }

  #asked(event) {
    event.preventDefault();
    const question = this.#box.value;
    if (!question.trim()) {
      this.#live.textContent = WORDS.errors.QUESTION_EMPTY;
      this.#box.focus();
      return;
    }
    this.#box.value = "";
    this.#grow();
    this.ask(question).catch(() => {});
  }

  /** Shows the question, then what comes of it. Resolves to the record. */
  async ask(question) {
    this.#under_way?.abort();
    const abort = (this.#under_way = new AbortController());
    const root = this.#host.shadowRoot;
    const had = root.activeElement;
    this.#log.querySelector(".presets")?.remove();
    if (this.#host.mode === "search") this.#log.replaceChildren();
    const asked = h("p", { className: "question", part: "question", dir: "auto" }, question);
    const answer = h("article", { className: "answer", part: "answer", "aria-busy": "true" }, h("p", { className: "small wait" }, WORDS.searching));
    this.#log.append(...(this.#host.mode === "search" ? [answer] : [asked, answer]));
    if (had && !root.activeElement) this.#focus(); /* what was pressed is gone, and the focus with it */
    this.#live.textContent = WORDS.searching;
    this.#scroll(asked);
    try {
      const record = await ask(this.#host, WORDS.path, question, this.#questions.slice(-KEPT_QUESTIONS), abort, (passages, site) => {
        answer.replaceChildren(h("p", { className: "small wait" }, WORDS.searching), ...this.#cards(passages, { status: "possible" }, site));
      });
      answer.replaceChildren(...this.#answer(record.record, record.site));
      this.#questions.push(question);
      this.#live.textContent = this.#said(record.record);
      this.#tell("answer", { record: record.record });
      if (record.record.status === "not_found") this.#tell("not-found", { record: record.record });
      return record.record;
    } catch (error) {
      console.warn("wenbao:", error.code, error.message);
      const text = fill(WORDS.errors[error.code] ?? WORDS.errors.INTERNAL, { seconds: error.retryAfter });
      const again = () => {
        asked.remove();
        answer.remove();
        this.#focus();
        this.ask(question).catch(() => {});
      };
      answer.replaceChildren(h("p", { className: "failure", part: "error" }, text), button("retry", WORDS.retry, again, { part: "retry" }));
      this.#live.textContent = text;
      throw error;
    } finally {
      answer.removeAttribute("aria-busy");
      if (!abort.signal.aborted) this.#scroll(asked); /* only now is there enough below it to stand at the top */
    }
  }

  #scroll(element) {
    if (this.#host.mode === "search") return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#log.scrollTo({ top: element.offsetTop - this.#log.offsetTop - 8, behavior: calm ? "auto" : "smooth" });
  }

  /* ---- an answer ---- */

  #said(record) {
    const first = record.passages[0]?.source;
    return [record.answer, this.#status(record)[1], first && WORDS.source + (first.article || WORDS.untitled)].filter(Boolean).join("。 ");
  }

  /** How it looks and what it is called: an answer that is hardly sure is one perhaps, as in the chat. */
  #status({ status, confidence }) {
    if (status === "answered" && confidence < WORDS.sure) return ["possible", WORDS.unsure];
    return [status, WORDS.status[status]];
  }

  #answer(record, site) {
    const parts = [];
    if (record.answer !== null) parts.push(h("p", { className: record.answer.length > 24 ? "short long" : "short", part: "short", dir: "auto" }, record.answer));
    const [look, name] = this.#status(record);
    const sure = record.answer === null ? WORDS.meaning[record.status] : fill(WORDS.confidence, { percent: Math.round(100 * record.confidence) });
    parts.push(h("p", { className: "small flex status" }, h("b", { className: look }, name), h("span", {}, sure)));
    if (record.searched_as !== record.question) parts.push(h("p", { className: "small" }, WORDS.searched_as, h("q", {}, record.searched_as)));
    if (record.missing_terms?.length) parts.push(h("p", { className: "small" }, WORDS.missing, ...record.missing_terms.map((term) => h("kbd", {}, term))));
    if (record.status === "not_found" && record.passages.length) parts.push(h("p", { className: "small" }, WORDS.nearest));
    const cards = this.#cards(record.passages, record, site);
    parts.push(...cards.slice(0, 1));
    if (cards.length > 1)
      parts.push(h("details", { part: "more" }, h("summary", {}, fill(WORDS.more_passages, { count: cards.length - 1 })), ...cards.slice(1)));
    if (site.feedback) parts.push(this.#thumbs(record, site));
    return parts;
  }

  #cards(passages, { status, answer }, site) {
    return passages.map((passage) => {
      const { source, also = [] } = passage;
      const elsewhere = also.map((other) => {
        const { article, file } = other.source;
        return this.#link(other, site, fill(WORDS.also_in, { name: article || WORDS.untitled, file, rank: other.rank }));
      });
      return h(
        "div",
        { className: `card ${status}`, part: "card" },
        h("p", {}, this.#link(passage, site, h("b", {}, source.article || WORDS.untitled), source.section && ` › ${source.section}`)),
        h("p", { className: "text", dir: "auto" }, ...marked(passage, answer)),
        elsewhere.length && h("p", { className: "small flex", part: "also" }, WORDS.also, ...elsewhere),
        h("p", { className: "small file" }, source.file),
      );
    });
  }

  /** To a passage, or to another that tells the same. */
  #link(passage, site, ...name) {
    const url = this.#url(passage, site);
    const onclick = () => this.#tell("citation", { passage, url }); /* false: it isn't followed */
    return h("a", { href: url, target: "_blank", rel: "noopener", part: "citation", title: WORDS.open_article, onclick }, ...name);
  }

  /** Where a citation leads: the site's own address for articles if it has one, else our article page, at the mark. */
  #url({ source, highlights = [], answer_span }, site) {
    const spans = highlights.length ? highlights : [source];
    if (/^(https?:\/)?\//.test(site.url_template)) {
      const values = { id: source.article_id, start: spans[0].start, end: spans[0].end, file: source.file, headline: source.article ?? "" };
      return fill(site.url_template, Object.fromEntries(Object.entries(values).map(([name, value]) => [name, encodeURIComponent(value)])));
    }
    const query = new URLSearchParams(spans.flatMap(({ start, end }) => [["start", start], ["end", end]]));
    if (answer_span) query.append("answer", `${answer_span.start}-${answer_span.end}`);
    query.append("lang", WORDS.path);
    return `${this.#host.server}articles/${encodeURIComponent(source.article_id)}?${query}#mark`;
  }

  #thumbs(record, site) {
    const note = h("span", { role: "status" });
    const buttons = [["up", WORDS.good], ["down", WORDS.bad]].map(([thumb, label]) => {
      const judge = async () => {
        this.#tell("feedback", { record, thumb });
        const kept = await site.feedback(record.trace_id, thumb).catch(() => false);
        if (kept) for (const other of buttons) other.setAttribute("aria-pressed", other === pressed);
        note.textContent = kept ? WORDS.thanks : WORDS.not_kept;
      };
      const pressed = button("quiet", label, judge, { "aria-pressed": "false" });
      return pressed;
    });
    return h("p", { className: "flex small", part: "feedback", role: "group", "aria-label": WORDS.feedback }, ...buttons, note);
  }

  /** Whether the page lets it be. */
  #tell(name, detail) {
    return this.#host.dispatchEvent(new CustomEvent(name, { detail, cancelable: true }));
  }
}

/** A passage's text with its sentence marked, and the answer within; marks count characters, not UTF-16's halves. */
function marked({ text, marks = [], highlights, answer_span }, answer) {
  const chars = [...text];
  const spans = marks.slice(0, 1);
  if (answer && answer_span && spans.length) {
    const [{ start, end }] = spans;
    const wanted = [...answer].length;
    /* Line breaks of the file are not in the text, so it stands here or somewhat before. */
    let at = Math.min(start + answer_span.start - highlights[0].start, end - wanted);
    while (at >= start && chars.slice(at, at + wanted).join("") !== answer) at -= 1;
    if (at >= start) spans.push({ start: at, end: at + wanted });
  }
  const within = (from, to, [span, ...inner]) =>
    span
      ? [
          chars.slice(from, span.start).join(""),
          h("mark", { part: "mark" }, ...within(span.start, span.end, inner)),
          chars.slice(span.end, to).join(""),
        ]
      : [chars.slice(from, to).join("")];
  return within(0, chars.length, spans);
}

/** Dark where the element or the page says so, or looks so; else as the system is set. */
function isDark(host) {
  const theme = host.getAttribute("theme");
  if (theme === "dark" || theme === "light") return theme === "dark";
  const elements = [document.documentElement, document.body];
  const said = elements.map(({ className, dataset }) => `${className} ${dataset.theme} ${dataset.bsTheme}`).join(" ");
  if (/(^|\s)(dark|light)(\s|$)/.test(said)) return /(^|\s)dark(\s|$)/.test(said);
  for (const element of elements.reverse()) {
    const [red, green, blue, alpha = 1] = (getComputedStyle(element).backgroundColor.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
    if (alpha > 0.5) return 0.3 * red + 0.6 * green + 0.1 * blue < 110;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}
