/* Lists by keyboard, and as one left them. The row that has the focus is the one that is meant; what a key does, its link or button does. */
(() => {
  const keep = (name, value) => { try { if (value) localStorage.setItem(name, value); else localStorage.removeItem(name); } catch { /* a browser that keeps nothing */ } };
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };

  // How a list was filtered and sorted last: the links that lead to it lead there again, until somebody signs out.
  const PASSING = ["q", "after", "before", "editing", "from", "to", "on", "page", "why"];
  const forget = () => { try { for (const name of Object.keys(localStorage)) if (name.startsWith("list ")) localStorage.removeItem(name); } catch { /* likewise */ } };
  if (document.querySelector("[data-forget=now]")) forget();
  document.querySelector("[data-forget=after]")?.addEventListener("submit", forget);
  if (document.querySelector("main > .list .filters")) {
    const asked = new URLSearchParams(location.search);
    PASSING.forEach((name) => asked.delete(name));
    keep(`list ${location.pathname}`, asked.toString());
  }
  for (const link of document.querySelectorAll(".rail__menu a, .crumbs a")) {
    const asked = !link.search && kept(`list ${link.pathname}`);
    if (asked) link.search = asked;
  }

  // Single keys, which can be switched off.
  const help = document.getElementById("keys"), single = help?.querySelector("input");
  if (!help) return;
  single.checked = kept("keys") !== "off";
  single.addEventListener("change", () => keep("keys", single.checked ? "" : "off"));

  const rows = () => [...document.querySelectorAll(".rows > tbody > tr:not(.editing)")].filter((row) => stop(row)?.checkVisibility());
  const stop = (row) => row.querySelector("a.goes") ?? row.querySelector(".lead > a, a, summary");
  const row = () => document.activeElement.closest?.(".rows > tbody > tr:not(.editing)");
  function go(step) {
    const all = rows(), to = all[Math.min(Math.max(all.indexOf(row()) + step, 0), all.length - 1)];
    if (to) { stop(to).focus({ focusVisible: true }); to.scrollIntoView({ block: "nearest" }); }
  }
  const ACTS = {
    j: () => go(1), k: () => go(-1),
    x: () => row()?.querySelector(".row-select")?.click(),
    e: () => row()?.querySelector(".row-actions a")?.click(),
    "?": () => help.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    const types = event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
    if (types || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !single.checked || document.querySelector("dialog[open]")) return;
    if (Object.hasOwn(ACTS, event.key)) { event.preventDefault(); ACTS[event.key](); }
  });
})();
