/* What the platform and htmx leave over. Each behaviour hangs on an attribute or an event that can be searched for. */
(() => {
  const on = (name, act) => document.addEventListener(name, act);
  const closest = (event, selector) => event.target.closest?.(selector);
  const [dialog, inDialog, toasts, main] = ["dialog", "dialog-body", "toasts", "main"].map((id) => document.getElementById(id));

  // Messages stay within reach: beside an open dialog everything else is inert.
  function raise() {
    const place = dialog?.open ? dialog : main;
    if (toasts.parentNode !== place) place.append(toasts);
  }

  function say(sentence) {
    const make = (tag, set) => Object.assign(document.createElement(tag), set);
    const toast = make("div", { className: "toast toast--error" }), dismiss = make("button", { className: "link", type: "button", textContent: "Dismiss" });
    dismiss.dataset.dismiss = "";
    toast.append(make("p", { textContent: sentence }), dismiss);
    toasts.replaceChildren(toast);
    raise();
  }

  const focusWrong = (place) => (place.querySelector?.("[aria-invalid=true]") ?? document.querySelector("[aria-invalid=true]"))?.focus();

  // The server could not answer. What it did say is in its answer, or in the form that asked (409, 422).
  on("htmx:response:error", ({ detail: { ctx } }) => {
    if (![409, 422].includes(ctx.response.status) && !ctx.text.includes('id="toasts"'))
      say(`The server could not do that (${ctx.response.status}). Nothing was changed; please try again.`);
  });
  on("htmx:error", ({ detail }) => {
    if (detail.ctx) say("No answer from the server. Check the connection, then try again.");
    else console.error(detail.error);
  });

  // A form's token goes with what changes something, never into an address.
  on("htmx:config:request", ({ detail: { ctx } }) => {
    if (ctx.request.method === "GET") ctx.request.body.delete("csrf_token");
  });

  // Signed out meanwhile: an answer that was sent on to another page is a page, not a fragment.
  on("htmx:before:response", (event) => {
    const { raw } = event.detail.ctx.response;
    if (raw.redirected) { event.preventDefault(); location.assign(raw.url); }
  });

  // After a swap: the first wrong field has the focus, the filled dialog opens or closes, the count is spoken.
  on("htmx:after:swap", ({ detail: { ctx } }) => {
    const { status } = ctx.response, inside = dialog?.contains(ctx.sourceElement);
    if ([inDialog, "#dialog-body"].includes(ctx.target) && status !== 204 && ctx.swap !== "none" && !dialog.open) dialog.showModal();
    else if (inside && status < 400 && !dialog.contains(ctx.target)) dialog.close();
    if (status === 409 || status === 422) focusWrong(ctx.sourceElement);
    // A row that closed, saved or not (htmx names the new one as the source): the focus goes back to its Edit.
    else if (document.activeElement === document.body && ctx.sourceElement.matches("tr:not(.editing)"))
      ctx.sourceElement.querySelector(".row-actions a")?.focus();
    const count = document.querySelector("[data-say]");
    if (count) document.getElementById("spoken").textContent = count.textContent;
    raise();
    countRows();
  });
  dialog?.addEventListener("close", () => {
    raise();
    inDialog.replaceChildren();
    closeMenus(); // one that it was opened from
  });

  // What is corrected is red no more; whether it is right now, the server says.
  on("input", (event) => {
    const wrong = closest(event, "[aria-invalid=true]"), place = wrong?.closest(".field");
    for (const one of place?.querySelectorAll("[aria-invalid=true]") ?? [wrong]) one?.removeAttribute("aria-invalid");
    for (const sentence of place?.querySelectorAll(".field__error") ?? []) sentence.hidden = true;
  });

  // Escape cancels the open row that has the focus, whose own Cancel link knows how, and closes a menu.
  on("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    closest(event, ".editing")?.querySelector("[data-cancel]")?.click();
    if (closest(event, ".menu[open]")) closeMenus();
  });
  // A menu closes with a click beside it, with Escape, and with the dialog that it opened.
  function closeMenus(clicked) {
    for (const menu of document.querySelectorAll(".menu[open]")) {
      if (menu.contains(clicked)) continue;
      menu.open = false;
      if (!clicked) menu.querySelector("summary").focus();
    }
  }
  on("click", ({ target }) => closeMenus(target));

  // Rows to choose: "select all", and how many are chosen.
  function countRows() {
    for (const list of document.querySelectorAll(".list:has(.row-select)")) {
      const rows = [...list.querySelectorAll(".row-select")], chosen = rows.filter((row) => row.checked).length;
      const all = list.querySelector(".select-all input"), count = list.querySelector("[data-chosen]");
      if (all) { all.checked = chosen > 0 && chosen === rows.length; all.indeterminate = chosen > 0 && chosen < rows.length; }
      if (count) count.textContent = chosen;
    }
  }
  on("change", (event) => {
    if (closest(event, ".select-all"))
      for (const row of closest(event, ".list").querySelectorAll(".row-select")) row.checked = event.target.checked;
    if (closest(event, ".select")) countRows();
  });

  // Amounts to choose: what is left as one ticks, and a tick fills in what there still is. Counted in millionths, so exact.
  const micros = (text) => Math.round(Number(text) * 1e6) || 0;
  function countRest(list, ticked) {
    const form = list.closest("form"), amounts = [...list.querySelectorAll("[data-most]")], tick = (amount) => amount.closest("tr").querySelector("[name=chosen]");
    const places = amounts[0].dataset.most.split(".")[1]?.length ?? 0, whole = micros(list.dataset.whole ?? form.elements.amount.value);
    const rest = () => amounts.filter((amount) => tick(amount).checked).reduce((left, amount) => left - micros(amount.value), whole);
    const own = amounts.find((amount) => tick(amount) === ticked), left = own?.matches("tr:has([name=chosen]:checked) *") ? rest() + micros(own.value) : 0;
    if (left > 0) own.value = (Math.min(left, micros(own.dataset.most)) / 1e6).toFixed(places);
    form.querySelector("[data-rest]").textContent = (rest() / 1e6).toFixed(places);
  }
  on("input", (event) => { for (const list of closest(event, "form")?.querySelectorAll(".choose") ?? []) countRest(list, event.target); });
  document.querySelectorAll(".choose").forEach((list) => countRest(list));

  on("click", (event) => {
    closest(event, "[data-dismiss]")?.closest(".toast").remove();
    // In a dialog, Cancel leads back to the page that stands behind it.
    if (closest(event, "dialog [data-cancel]")) { event.preventDefault(); dialog.close(); }
    if (closest(event, "[data-print]")) print();
    // command and commandfor, where the browser does not know them yet
    const button = closest(event, "button[commandfor]");
    if (button && !("commandForElement" in button)) {
      const target = document.getElementById(button.getAttribute("commandfor"));
      if (button.getAttribute("command") === "close") target.close(); else target.showModal();
    }
  });

  // Where one is stays in view among the sections, also on a phone.
  for (const here of document.querySelectorAll(".sections [aria-current]")) {
    const row = here.closest(".sections");
    row.scrollLeft = here.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
  }
  focusWrong(document);
  countRows();
})();
