/* The one search while one types: a combobox whose options are links (ARIA's pattern). Without it the box is a plain form. */
(() => {
  const KEPT = 8, [find, list, text] = ["find", "found", "find-text"].map((id) => document.getElementById(id)), form = text?.form;

  // What was opened last is kept in this browser, by name, until somebody signs out: the latest first.
  const opened = () => { try { return JSON.parse(localStorage.getItem("opened")) ?? []; } catch { return []; } };
  const keep = (rows) => { try { localStorage.setItem("opened", JSON.stringify(rows.slice(0, KEPT))); } catch { /* a browser that keeps nothing */ } };
  const forget = () => { try { localStorage.removeItem("opened"); } catch { /* likewise */ } };
  if (document.querySelector("[data-forget=now]")) forget();
  document.querySelector("[data-forget=after]")?.addEventListener("submit", forget);
  if (!text) return;

  const options = () => [...list.querySelectorAll("[role=option]")], chosen = () => list.querySelector("[aria-selected=true]");
  const isOpen = () => list.matches(":popover-open"), typed = () => text.value.trim();
  const make = (tag, set, ...inside) => { const made = Object.assign(document.createElement(tag), set); made.append(...inside); return made; };
  let goesOn = false, before = null;

  text.setAttribute("role", "combobox");
  text.setAttribute("aria-autocomplete", "list");
  text.setAttribute("aria-expanded", "false");

  function choose(option) {
    chosen()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) text.setAttribute("aria-activedescendant", option.id); else text.removeAttribute("aria-activedescendant");
  }

  function show() {
    list.style.insetBlockStart = `${text.getBoundingClientRect().bottom + 6}px`;
    if (!isOpen()) list.showPopover();
    const has = options().length > 0;
    text.setAttribute("aria-expanded", String(has));
    if (has) text.setAttribute("aria-controls", "found-list"); else text.removeAttribute("aria-controls");
    choose(options()[0]);
  }

  function hide() {
    if (isOpen()) list.hidePopover();
    text.setAttribute("aria-expanded", "false");
    text.removeAttribute("aria-controls");
    list.replaceChildren();
    choose();
    goesOn = false;
  }

  const group = (inside) => make("div", { role: "group", ariaLabel: "Opened last" }, make("p", { className: "found__head", ariaHidden: "true", textContent: "Opened last" }), ...inside);

  // An empty box offers what was opened last.
  function offerOpened() {
    const rows = opened().filter(({ href, name }) => href?.startsWith("/") && name);
    if (!rows.length) return hide();
    const links = rows.map(({ href, name }, place) => {
      const link = make("a", { className: "hit", href, id: `found-${place + 1}`, tabIndex: -1, role: "option", ariaSelected: "false" }, make("b", { textContent: name }));
      link.dataset.keep = name;
      return link;
    });
    list.replaceChildren(make("div", { role: "listbox", id: "found-list", ariaLabel: "Opened last" }, group(links)));
    show();
  }

  // Of what was found, what was opened last stands first; what fits exactly still before it.
  function arrange() {
    const last = opened().map(({ href }) => href), place = (option) => last.indexOf(option.getAttribute("href"));
    const again = options().filter((option) => place(option) >= 0).sort((one, other) => place(one) - place(other));
    if (!again.length || list.querySelector("[data-exact]")) return;
    list.querySelector("[role=listbox]").prepend(group(again));
    for (const empty of list.querySelectorAll("[role=group]:not(:has([role=option]))")) empty.remove();
  }

  const ask = () => form.dispatchEvent(new CustomEvent("find"));

  form.addEventListener("submit", (event) => {
    if (!typed() && !chosen()) event.preventDefault();
  });

  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx.sourceElement !== form) return;
    const is = list.querySelector("[data-for]")?.dataset.for;
    if (!typed()) return offerOpened();
    if (document.activeElement !== text && !goesOn) return hide();
    arrange();
    show();
    // Enter was pressed before the answer to all of it was there.
    if (goesOn && is === typed()) chosen()?.click();
    else if (goesOn) form.submit();
    goesOn = false;
  });

  text.addEventListener("input", () => { goesOn = false; if (!typed()) offerOpened(); });
  text.addEventListener("focus", () => { if (!typed()) offerOpened(); });

  text.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const all = options(), at = all.indexOf(chosen());
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (all.length) choose(all[(at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]);
      else if (typed()) ask();
    } else if (event.key === "Enter") {
      event.preventDefault();
      const is = list.querySelector("[data-for]")?.dataset.for ?? "";
      if (is === typed()) chosen()?.click();
      else if (typed()) { goesOn = true; ask(); }
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (isOpen()) return hide();
      if (text.value) { text.value = ""; return; }
      if (find.matches(":popover-open")) find.hidePopover();
      text.blur();
      before?.focus();
    }
  });

  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (!option) return;
    if (option.dataset.fill) {
      event.preventDefault();
      text.value = option.dataset.fill;
      text.focus();
      hide();
      return;
    }
    const { keep: name } = option.dataset, href = option.getAttribute("href");
    if (name) keep([{ href, name }, ...opened().filter((row) => row.href !== href)]);
  });
  find.addEventListener("focusout", ({ relatedTarget }) => { if (relatedTarget && !find.contains(relatedTarget)) hide(); });
  document.addEventListener("pointerdown", ({ target }) => { if (!find.contains(target)) hide(); });
  find.addEventListener("toggle", ({ newState, target }) => {
    if (target !== find) return;
    if (newState === "open") text.focus(); else hide();
  });

  document.addEventListener("keydown", (event) => {
    const types = event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
    const slash = event.key === "/" && !types && !event.ctrlKey && !event.metaKey && !event.altKey;
    const withK = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if ((!slash && !withK) || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    if (document.activeElement !== text) before = document.activeElement;
    if (getComputedStyle(find).display === "none") find.showPopover();
    text.focus();
    text.select();
  });

  // Typed before htmx was there to hear it: it begins in a task of its own, just before this one.
  setTimeout(() => { if (document.activeElement === text && typed()) ask(); });
})();
