// What sticks out of a page as it stands: wider than the window, cut off, out of its cell, or over other text.
() => {
  const found = new Set();
  const root = document.documentElement;
  scrollTo(0, 0);
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("body *")].filter(
      (e) => e.getBoundingClientRect().right > root.clientWidth + 1 && !e.closest(".visually-hidden"));
    found.add(`it is ${root.scrollWidth} wide for ${wide.at(0)?.tagName} "${wide.at(0)?.textContent.trim().slice(0, 30)}"`);
  }

  // What stands fixed over the page: what lies under it is scrolled from under it.
  const over = [...document.querySelectorAll("main *, body > *")].filter(
    (e) => getComputedStyle(e).position === "fixed" && e.checkVisibility({opacityProperty: true, visibilityProperty: true}));
  const covers = (e, {left, right, top, bottom}) => {
    const edge = e.getBoundingClientRect();
    return left < edge.right && right > edge.left && top < edge.bottom && bottom > edge.top;
  };

  // Every line of text that is seen, as far as a box that scrolls by itself shows it.
  const lines = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = walker.nextNode());) {
    const parent = text.parentElement;
    if (!text.data.trim() || parent.closest("script, select, textarea, .visually-hidden")) continue;
    if (!parent.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    const said = `"${text.data.trim().replace(/\s+/g, " ").slice(0, 40)}"`;
    const bounds = [];
    let left = -Infinity, right = Infinity, hidden = false;
    for (let box = parent; box && box !== document.body; box = box.parentElement) {
      const {overflowX, clipPath, textOverflow} = getComputedStyle(box);
      const edge = box.getBoundingClientRect();
      hidden ||= clipPath === "inset(50%)";
      // Cut on purpose, and so that one sees it: its title says the whole.
      if (textOverflow === "ellipsis" && box.closest("[title]")) { left = Math.max(left, edge.left); right = Math.min(right, edge.right); break; }
      if (["auto", "scroll"].includes(overflowX)) { left = Math.max(left, edge.left); right = Math.min(right, edge.right); break; }
      // In an open row what saves it lies over the cells before, which hold nothing.
      if (box.matches("tr.editing > .blank + .row-actions")) continue;
      if (["hidden", "clip"].includes(overflowX) || box.matches("td, th, dd, dt, label, .button, .note, .facts > div, .ledger"))
        bounds.push([box, edge]);
    }
    if (hidden) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    for (const seen of range.getClientRects()) {
      if (seen.width < 2 || over.some((e) => !e.contains(parent) && covers(e, seen))) continue;
      for (const [box, edge] of bounds)
        if (seen.right > edge.right + 1.5 || seen.left < edge.left - 1.5) found.add(`${said} sticks out of its ${box.tagName}.${box.className}`);
      const line = {text, said, top: seen.top, bottom: seen.bottom, left: Math.max(seen.left, left), right: Math.min(seen.right, right)};
      if (line.right - line.left > 2) lines.push(line);
    }
  }
  lines.sort((one, other) => one.top - other.top);
  lines.forEach((one, at) => {
    for (let next = at + 1; next < lines.length && lines[next].top < one.bottom - 4; next++) {
      const other = lines[next];
      const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const high = Math.min(one.bottom, other.bottom) - other.top;
      if (one.text !== other.text && wide > 2 && high > 4) found.add(`${one.said} and ${other.said} lie over each other`);
    }
  });
  return [...found].slice(0, 5);
}
