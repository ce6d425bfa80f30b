/* wenbao's widget, the part that every page view loads: <wenbao-chat>, its launcher, and the way to the rest (chat.js),
   which comes with the first opening, or as the pointer comes to the launcher. It sets no cookie, stores nothing, and asks no other host than its own.
   __NAMES__ are filled in by qa/web/widget_files.py. docs/widget.md says how to use it. */
(() => {
  "use strict";
  const LABELS = __LABELS__;
  const script = document.currentScript || document.querySelector('script[data-site][src*="widget.js"]');
  const BASE = script ? new URL(".", script.src).href : "/";
  const TAG = "wenbao-chat";

  /* "!important" inside a shadow tree wins over the page's own: nothing of a page's style reaches the widget. */
  const STYLE = `
:host { all: initial !important; display: block !important; direction: ltr !important; }
:host([hidden]) { display: none !important; }
:host([mode="launcher"]), :host(:not([mode])) { display: contents !important; }
.box { all: initial; display: block; font: var(--font); --font: var(--wenbao-font-size, 15px)/1.65 var(--wenbao-font, system-ui, sans-serif);
  --accent: var(--wenbao-accent, #a3211a); --accent-ink: var(--wenbao-accent-ink, #fff); --layer: var(--z, var(--wenbao-z-index, 2147483000)); }
:host(:is([mode="inline"], [mode="search"])) .box { min-height: 56px; }
.launch { all: unset; box-sizing: border-box; position: fixed; z-index: var(--layer); inset: var(--wenbao-inset, var(--corner));
  margin: 0 env(safe-area-inset-right) env(safe-area-inset-bottom) env(safe-area-inset-left); min-width: 52px; height: 52px; padding: 0 18px; display: flex; align-items: center; gap: 8px;
  border-radius: 26px; background: var(--accent); color: var(--accent-ink); font-weight: 600; cursor: pointer; box-shadow: 0 4px 16px rgb(0 0 0 / .28); }
.launch:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px var(--accent); }
svg { width: 22px; fill: currentColor; }
.failed { position: fixed; z-index: var(--layer); inset: auto 20px 84px auto; max-width: min(320px, 80vw); padding: 10px 14px; border-radius: 10px; background: #fff; color: #1f1b16; border: 1px solid; }
:host(:is([mode="inline"], [mode="search"])) .failed { position: static; }
[hidden] { display: none !important; }
@media print { .launch, .launcher { display: none !important; } }`;

  const SVG = "http://www.w3.org/2000/svg";
  const ICON = "M3 3h18v15h-9l-5 4v-4H3zm4 5v2h10V8zm0 4v2h7v-2z";

  const languageOf = (tag) =>
    /^zh\b.*(hant|tw|hk|mo)\b/i.test(tag) ? "zh-hant" : /^zh\b/i.test(tag) ? "zh" : "en";

  class WenbaoChat extends HTMLElement {
    static observedAttributes = ["lang", "theme", "label", "position", "z-index", "hidden"];
    #launch;
    #failed;
    #chat;
    #loading;
    #tries = 0;
    /* A button of the page's own, named by "for", which may come and go. */
    #clicked = (event) => {
      const id = this.getAttribute("for");
      if (id && event.composedPath().some((element) => element.id === id)) this.open();
    };

    connectedCallback() {
      if (!this.shadowRoot) this.#build();
      if (this.mode !== "launcher") {
        new IntersectionObserver((seen, observer) => {
          if (!seen.some((entry) => entry.isIntersecting)) return;
          observer.disconnect();
          this.#ready().catch(() => {});
        }).observe(this.shadowRoot.querySelector(".here"));
      } else if (this.hasAttribute("open")) this.open();
      document.addEventListener("click", this.#clicked);
    }

    disconnectedCallback() {
      document.removeEventListener("click", this.#clicked);
    }

    attributeChangedCallback() {
      if (this.#launch) this.#dress();
      this.#chat?.dress();
    }

    get mode() {
      const mode = this.getAttribute("mode");
      return mode === "inline" || mode === "search" ? mode : "launcher";
    }

    get language() {
      const near = this.getAttribute("lang") || this.closest("[lang]")?.getAttribute("lang");
      return languageOf(near || document.documentElement.lang || navigator.language || "");
    }

    get server() {
      return new URL(this.getAttribute("server") || BASE, location.href).href.replace(/\/*$/, "/");
    }

    #build() {
      const root = this.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
      const box = document.createElement("div");
      box.className = "box here";
      this.#launch = document.createElement("button");
      this.#launch.className = "launch";
      this.#launch.type = "button";
      this.#launch.part = "launcher";
      this.#launch.setAttribute("aria-haspopup", "dialog");
      this.#launch.setAttribute("aria-expanded", "false");
      this.#launch.hidden = this.mode !== "launcher" || this.hasAttribute("for");
      const icon = document.createElementNS(SVG, "svg");
      icon.setAttribute("viewBox", "0 0 24 24");
      icon.setAttribute("aria-hidden", "true");
      icon.append(document.createElementNS(SVG, "path"));
      icon.firstChild.setAttribute("d", ICON);
      this.#launch.append(icon, document.createElement("span"));
      this.#launch.onpointerenter = () => this.#load().catch(() => {});
      this.#launch.onclick = () => (this.#chat?.isOpen ? this.close() : this.open());
      this.#failed = document.createElement("p");
      this.#failed.className = "failed";
      this.#failed.setAttribute("role", "alert");
      this.#failed.hidden = true;
      box.append(this.#launch, this.#failed);
      root.append(box);
      this.#dress();
    }

    #dress() {
      const labels = LABELS[this.language];
      this.#launch.lastChild.textContent = this.getAttribute("label") ?? labels.launch;
      this.#launch.setAttribute("aria-label", this.getAttribute("label") || labels.launch);
      const box = this.#launch.parentNode.style;
      const [vertical, horizontal] = (this.getAttribute("position") || "bottom-right").split("-");
      box.setProperty("--corner",
        `${vertical === "top" ? "20px" : "auto"} ${horizontal === "left" ? "auto" : "20px"} ${vertical === "top" ? "auto" : "20px"} ${horizontal === "left" ? "20px" : "auto"}`);
      const layer = parseInt(this.getAttribute("z-index"), 10);
      if (layer) box.setProperty("--z", layer);
    }

    #load() {
      /* A browser may remember that a module failed, so it is asked for by another address the next time. */
      this.#loading ??= import(`${this.server}widget/__VERSION__/chat-${this.language}.js?${this.#tries}`)
        .then((module) => (this.#chat = module.mount(this, this.#launch)))
        .catch((error) => {
          this.#loading = undefined;
          this.#tries += 1;
          throw error;
        });
      return this.#loading;
    }

    /** The chat, or what keeps it from coming, told where the visitor looks. */
    async #ready() {
      try {
        return await this.#load();
      } catch (error) {
        this.#failed.textContent = LABELS[this.language].failed;
        throw error;
      } finally {
        this.#failed.hidden = !!this.#chat;
      }
    }

    /** Opens the panel; loads the rest first when this is the first time. */
    open() {
      return this.#ready().then((chat) => chat.open(), (error) => console.error("wenbao:", error));
    }

    close() {
      this.#chat?.close();
    }

    /** Asks, opening the panel; resolves to the answer record, or rejects with an Error whose `code` says why. */
    ask(question) {
      return this.#ready().then((chat) => chat.open() || chat.ask(String(question)));
    }

    /** Narrows what is asked from now on: {files, articles, since, until}; the site's own limits stay. */
    setFilters(filters) {
      this.setAttribute("filters", JSON.stringify(filters || {}));
    }
  }

  if (!customElements.get(TAG)) customElements.define(TAG, WenbaoChat);

  const start = () => {
    if (!script?.dataset.site) return;
    const placed = [...document.querySelectorAll(TAG)];
    for (const element of placed) if (!element.hasAttribute("site")) element.setAttribute("site", script.dataset.site);
    const element = document.createElement(TAG);
    element.setAttribute("server", BASE);
    for (const { name, value } of script.attributes) if (name.startsWith("data-")) element.setAttribute(name.slice(5), value);
    /* Loaded twice, or placed by hand: one launcher is enough. What is to stand at this line is wanted beside others. */
    if (element.mode === "launcher" && placed.some((one) => one.getAttribute("site") === script.dataset.site)) return;
    if (element.mode === "launcher") document.body.append(element);
    else if (document.body.contains(script)) script.after(element);
    else document.body.append(element);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
