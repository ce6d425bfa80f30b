/* The panel's looks. Lengths are px and em: a page's root font size must not reach in. Themes: --wenbao-… properties. */
const STYLE = `
.panel { all: initial; box-sizing: border-box; display: flex; flex-direction: column; overflow: hidden; position: fixed; z-index: var(--layer); inset: auto 20px 84px auto;
  width: min(var(--wenbao-width, 400px), calc(100vw - 40px)); height: min(var(--wenbao-height, 620px), calc(100dvh - 110px)); border-radius: var(--wenbao-radius, 14px);
  border: 1px solid var(--line); background: var(--page); color: var(--ink); box-shadow: 0 12px 48px rgb(0 0 0 / .3); overflow-wrap: anywhere; font: var(--font); color-scheme: light;
  --ink: var(--wenbao-ink, light-dark(#1f1b16, #ece7e0)); --soft: var(--wenbao-soft, light-dark(#665e55, #b0a79d)); --line: var(--wenbao-line, light-dark(#e2dacf, #3a352f));
  --page: var(--wenbao-page, light-dark(#faf8f5, #171513)); --card: var(--wenbao-card, light-dark(#fff, #211e1b)); --link: var(--wenbao-link, light-dark(#9c1c15, #ff9d91));
  --tint: light-dark(#efe9e0, #322d28); --edge: #887e73; }
.panel.dark { color-scheme: dark; }
.panel.top { inset-block: 84px auto; }
.panel.left { inset-inline: 20px auto; }
.panel.inline, .panel.search { position: static; width: 100%; box-shadow: none; }
.panel.inline { height: var(--wenbao-height, 560px); }
.panel.search { height: auto; }
.panel * { box-sizing: border-box; margin: 0; }
header { display: flex; align-items: center; gap: 8px; padding: 10px 12px 10px 16px; border-bottom: 1px solid var(--line); }
h2 { flex: 1; font-size: 1.1em; }
button { font: inherit; color: inherit; cursor: pointer; }
.quiet { min-width: 44px; min-height: 44px; border: 0; border-radius: 8px; background: none; color: var(--soft); }
.quiet:is(:hover, [aria-pressed="true"]) { background: var(--tint); color: var(--ink); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
.panel:focus { outline: 0; }
.log { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; padding: 14px 16px 20px; }
.search .log:empty { display: none; }
.greeting { color: var(--soft); margin-bottom: 14px; white-space: pre-line; }
.presets { display: grid; gap: 8px; }
.preset, .retry { padding: 10px 14px; min-height: 44px; border: 1px solid var(--line); border-radius: 10px; background: var(--card); text-align: start; }
.question { width: fit-content; max-width: 88%; margin: 14px 0 10px auto; padding: 8px 14px; border-radius: 16px 16px 4px 16px; background: var(--tint); white-space: pre-wrap; }
.small { color: var(--soft); font-size: .9em; margin: 6px 0; }
.wait::after { content: "…"; }
.short { font-size: 1.75em; font-weight: 700; line-height: 1.35; }
.long { font-size: 1.15em; }
.flex { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: baseline; }
.status b { padding: 0 10px; border-radius: 99px; color: light-dark(#57514a, #c3bbb1); background: light-dark(#ece8e2, #34302b); }
.status .answered { color: light-dark(#17693a, #86d9a5); background: light-dark(#e2f3e8, #173524); }
.status .possible { color: light-dark(#7d4a06, #f0bd6c); background: light-dark(#fcefd7, #3b2b12); }
kbd { font: inherit; padding: 0 6px; border: 1px solid var(--line); border-radius: 5px; }
.card { margin: 8px 0; padding: 10px 14px; border: 1px solid var(--line); border-radius: 10px; background: var(--card); }
a { color: var(--link); text-decoration: none; }
a:is(:hover, :focus-visible) { text-decoration: underline; }
.text { margin: 4px 0; white-space: pre-line; }
mark { border-radius: 2px; background: var(--wenbao-mark, light-dark(#fff0b8, #4a3e12)); color: light-dark(#1f1b16, #fff8df); }
mark mark { background: var(--wenbao-mark-answer, light-dark(#ffd65c, #8a6d0b)); font-weight: 600; }
.not_found mark { background: none; color: inherit; text-decoration: underline dotted; }
summary { width: fit-content; padding: 8px 0; color: var(--link); cursor: pointer; }
.failure { color: var(--link); }
.ask { display: flex; align-items: end; gap: 8px; padding: 10px 12px; border-top: 1px solid var(--line); }
.search .ask { border: 0; }
textarea { flex: 1; min-width: 0; min-height: 44px; padding: 9px 14px; border: 1px solid var(--edge); border-radius: 22px; background: var(--card); color: var(--ink);
  font: inherit; font-size: max(16px, 1em); line-height: 1.5; resize: none; }
::placeholder { color: var(--soft); opacity: 1; }
.send { min-height: 44px; padding: 0 18px; border: 0; border-radius: 22px; background: var(--accent); color: var(--accent-ink); font-weight: 600; white-space: nowrap; }
.unseen { position: absolute; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 640px) { .panel.launcher { inset: 0 0 auto 0; width: 100%; height: min(100dvh, var(--seen, 100dvh)); border: 0; border-radius: 0;
  padding: env(safe-area-inset-top) env(safe-area-inset-right) env(safe-area-inset-bottom) env(safe-area-inset-left); } }
@media (prefers-reduced-motion: no-preference) { .launcher { animation: rise .16s; } @keyframes rise { from { opacity: 0; translate: 0 12px; } } }
@media (forced-colors: active) { .status b { border: 1px solid; } }`;
