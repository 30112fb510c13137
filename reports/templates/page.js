"use strict";
const root = document.documentElement, all = (what, from = document) => [...from.querySelectorAll(what)];
root.classList.add("js");
for (const one of all("button[hidden], #bar")) one.hidden = false;

// Light or dark, kept where the browser lets a page keep anything.
const kept = (() => { try { return window.localStorage; } catch { return null; } })();
if (["light", "dark"].includes(kept?.getItem("theme"))) root.dataset.theme = kept.getItem("theme");
document.getElementById("theme").addEventListener("click", () => {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  kept?.setItem("theme", root.dataset.theme);
});

// A box that scrolls takes the keyboard; one that does not stays out of its way.
const focusable = () => {
  for (const box of all(".scroll, pre")) {
    if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
addEventListener("resize", focusable);
document.addEventListener("toggle", focusable, true);
focusable();

for (const table of all("table[data-sortable]")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
      const value = (row) => (key(row).trim() ? Number(key(row)) : NaN);
      const rank = (a, b) => {  // numbers before words
        const x = value(a), y = value(b), words = Number.isNaN(x) - Number.isNaN(y);
        return words || (Number.isNaN(x) ? key(a).localeCompare(key(b)) : x - y);
      };
      const rows = [...body.rows].sort(rank);
      body.append(...(down ? rows.reverse() : rows));
    });
  });
}

// Chips: optimizers are lit, datasets are left alone on the page; the address remembers both.
const chips = all("#bar button"), marked = all("main [data-optimizer], main [data-dataset]");
const plain = (word) => { try { return decodeURIComponent(word); } catch { return ""; } };
const read = () => new Set(location.hash.slice(1).split("&").map(plain).filter((x) => x.includes("=")));
let chosen = read();
const show = () => {
  const names = (kind) => chips.filter((c) => chosen.has(`${kind}=${c.dataset[kind]}`));
  const lit = names("optimizer").map((c) => c.dataset.optimizer);
  const only = names("dataset").map((c) => c.dataset.dataset);
  for (const one of marked.filter((x) => !x.closest("#bar"))) {
    const { optimizer, dataset } = one.dataset;
    one.classList.toggle("dim", Boolean(lit.length && optimizer && !lit.includes(optimizer)));
    one.classList.toggle("gone", Boolean(only.length && dataset && !only.includes(dataset)));
  }
  for (const chip of chips) {
    const on = lit.includes(chip.dataset.optimizer) || only.includes(chip.dataset.dataset);
    chip.setAttribute("aria-pressed", String(on));
  }
};
for (const chip of chips) {
  chip.addEventListener("click", () => {
    const kind = chip.dataset.optimizer ? "optimizer" : "dataset";
    const word = `${kind}=${chip.dataset[kind]}`;
    if (!chosen.delete(word)) chosen.add(word);
    history.replaceState(null, "", `#${[...chosen].map(encodeURIComponent).join("&")}`);
    show();
  });
}
addEventListener("hashchange", () => {
  if (location.hash && !read().size) return;  // a link within the page leaves the choice
  chosen = read();
  show();
});
show();

const said = (button, word) => {
  button.dataset.word ??= button.textContent;
  button.textContent = word;
  setTimeout(() => { button.textContent = button.dataset.word; }, 1500);
};
const text = (button) => button.parentElement.nextElementSibling.textContent;
for (const button of all("[data-copy]")) {
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text(button));
      said(button, "Copied");
    } catch {
      getSelection().selectAllChildren(button.parentElement.nextElementSibling);
      said(button, "Selected");
    }
  });
}
for (const button of all("[data-save]")) {
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text(button)], { type: "text/csv" }));
    link.download = button.dataset.save;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

// A link into something folded opens it.
const open = () => {
  const one = document.getElementById(plain(location.hash.slice(1)));
  for (let at = one; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  const more = one?.querySelector(":scope > details.more");
  if (more) more.open = true;
  if (one) one.scrollIntoView();
};
addEventListener("hashchange", open);
open();
