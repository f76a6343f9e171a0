// A page: its scan and its transcription, each showing where the other is; corrections in place.

import { key, say, send } from "./app.js";
import { Scan } from "./scan.js";

const page = document.querySelector("[data-page]");
const { page: id, run, editable } = page.dataset;
const scan = new Scan(document.getElementById("viewer"), id, Number(page.dataset.width), Number(page.dataset.height));
const transcription = document.getElementById("transcription");
const detail = document.getElementById("detail");

const isPlace = "[data-cell], [data-line]";
const all = () => [...transcription.querySelectorAll(isPlace)];
const polygon = (place) => place.dataset.p.split(",").map(Number);
const said = (place) => place.querySelector(".t").textContent;

let here = null; // the id of the place that was last gone to
let relations = null; // equations by table, once asked for

// Going from place to place

function go(place, { zoom = false } = {}) {
  if (!place) return false;
  for (const other of transcription.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
  place.tabIndex = 0;
  place.focus({ preventScroll: true });
  place.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (zoom) scan.zoomTo(polygon(place));
  return true;
}

/** The table as rows of cells, spans standing at each place that they cover. */
function laidOut(table) {
  const rows = [];
  for (const cell of table.querySelectorAll("[data-cell]")) {
    const [, , r, c] = cell.id.split("-").map(Number);
    for (let i = 0; i < cell.rowSpan; i += 1) {
      rows[r + i] ??= [];
      for (let j = 0; j < cell.colSpan; j += 1) rows[r + i][c + j] = cell;
    }
  }
  return rows;
}

function step(dr, dc) {
  const place = document.activeElement?.closest(isPlace);
  if (!place) return false;
  if (place.matches("[data-line]")) {
    const lines = [...transcription.querySelectorAll("[data-line]")];
    const next = lines[lines.indexOf(place) + dr];
    return next ? go(next) : dr > 0 ? go(transcription.querySelector("[data-cell]")) : true;
  }
  const rows = laidOut(place.closest("table"));
  let [, , r, c] = place.id.split("-").map(Number);
  let next = place;
  while (next === place) {
    r += dr;
    c += dc;
    next = rows[r]?.[c];
  }
  return next ? go(next) : true;
}

key("ArrowDown", () => step(1, 0));
key("ArrowUp", () => step(-1, 0));
key("ArrowLeft", () => step(0, -1));
key("ArrowRight", () => step(0, 1));
key("t", () => go(document.getElementById(here ?? "") ?? firstOfTable()));
key("l", () => go(transcription.querySelector("[data-line]")));
key("z", () => { const place = document.getElementById(here ?? ""); if (place) scan.zoomTo(polygon(place)); });

function firstOfTable() {
  const table = transcription.querySelector("table.grid");
  const rows = table ? [...table.querySelectorAll("tbody tr:not(.heads)")] : [];
  return (rows[0] ?? table)?.querySelector("[data-cell]");
}

function doubtful(by) {
  const marked = all().filter((place) => place.matches(".doubtful, .failed, .rejected, .repaired, .inferred, .low, .differs") && !place.dataset.seen);
  if (!marked.length) { say("Nothing doubtful is left on this page.", "good"); return true; }
  const order = all();
  const at = order.indexOf(document.getElementById(here ?? ""));
  const next = by > 0
    ? marked.find((place) => order.indexOf(place) > at) ?? marked[0]
    : marked.findLast((place) => order.indexOf(place) < at) ?? marked.at(-1);
  return go(next, { zoom: true });
}
key("n", () => doubtful(1));
key("p", () => doubtful(-1));

// The scan shows the place, and the transcription what is pointed at on the scan

let looked = 0;
transcription.addEventListener("focusin", (event) => {
  const place = event.target.closest(isPlace);
  if (!place) return;
  here = place.id;
  light(place, true);
  clearTimeout(looked);
  looked = setTimeout(() => look(place.id), 160);
});
transcription.addEventListener("pointerover", (event) => {
  const place = event.target.closest(isPlace);
  if (place) light(place, false);
});
transcription.addEventListener("pointerleave", () => { const place = document.getElementById(here ?? ""); if (place) light(place, false); });
transcription.addEventListener("click", (event) => {
  const place = event.target.closest(isPlace);
  if (place && !place.querySelector("input")) go(place);
});
transcription.addEventListener("dblclick", (event) => {
  const place = event.target.closest(isPlace);
  if (place) edit(place);
});

function light(place, follow) {
  for (const lit of transcription.querySelectorAll(".lit")) lit.classList.remove("lit");
  place.classList.add("lit");
  scan.show(polygon(place), drawn(place));
  if (follow) scan.follow(polygon(place));
}

scan.onPoint = (x, y) => {
  const place = hit(x, y);
  if (place && !place.classList.contains("lit")) light(place, false);
};
scan.onChoose = (x, y) => go(hit(x, y));

function hit(x, y) {
  return all().find((place) => {
    const p = polygon(place);
    const xs = [p[0], p[2], p[4], p[6]];
    const ys = [p[1], p[3], p[5], p[7]];
    return x >= Math.min(...xs) && x <= Math.max(...xs) && y >= Math.min(...ys) && y <= Math.max(...ys);
  });
}

async function look(place) {
  await send("GET", `/pages/${id}/places/${place}?run=${run}`, {}, detail, "#detail");
}

// What adds up

key("r", () => showRelations());
async function showRelations() {
  const button = document.querySelector("[data-act=relations]");
  if (relations) {
    relations = null;
    button.setAttribute("aria-pressed", "false");
    document.getElementById("relations").replaceChildren();
    underline(null);
    const place = document.getElementById(here ?? "");
    if (place) light(place, false);
    return;
  }
  button.setAttribute("aria-pressed", "true");
  await findRelations();
  const place = document.getElementById(here ?? "");
  if (!place) return;
  underline(place);
  light(place, false);
}

async function findRelations() {
  const table = document.getElementById(here ?? "")?.closest("table")?.dataset.table
    ?? transcription.querySelector("table.grid")?.dataset.table;
  relations = { table, equations: [] };
  if (table === undefined) return;
  await send("GET", `/pages/${id}/relations/${table}?run=${run}`, {}, page, "#relations");
  for (const button of document.querySelectorAll("#relations [data-equations]")) {
    for (const written of button.dataset.equations.split(";").filter(Boolean)) {
      const [, target, operands, holds] = written.match(/^([^=]*)=([^:]*):(.)$/);
      const name = (place) => `cell-${table}-${place.replace(".", "-")}`;
      relations.equations.push({
        button, target: name(target), operands: operands.split(",").filter(Boolean).map(name), holds,
      });
    }
  }
}

function equationsOf(place) {
  const all = relations?.equations ?? [];
  const own = all.filter((each) => each.target === place.id);
  return own.length ? own : all.filter((each) => each.operands.includes(place.id));
}

/** What is drawn on the scan for a place: the cells of its equation. */
function drawn(place) {
  const [equation] = equationsOf(place);
  if (!equation) return [];
  const shape = (name, kind) => {
    const cell = document.getElementById(name);
    return cell ? [{ kind, polygon: polygon(cell) }] : [];
  };
  return [...equation.operands.flatMap((name) => shape(name, "operand")), ...shape(equation.target, "target")];
}

function underline(place) {
  for (const cell of transcription.querySelectorAll(".operand, .target")) cell.classList.remove("operand", "target");
  if (!place) return;
  const said = document.getElementById("equation");
  const equations = equationsOf(place);
  for (const { target, operands } of equations.slice(0, 1)) {
    document.getElementById(target)?.classList.add("target");
    for (const name of operands) document.getElementById(name)?.classList.add("operand");
  }
  if (said) {
    said.textContent = equations.length
      ? equations.map((each) => `${each.button.lastElementChild.firstChild.textContent.trim()}: ${{ 1: "✓ holds", 0: "≠ does not hold", "?": "cannot be tested" }[each.holds]}`).join(" · ")
      : "Nothing is known that this cell must add up with.";
  }
}
transcription.addEventListener("focusin", (event) => {
  const place = event.target.closest("[data-cell]");
  if (place && relations) underline(place);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-equations]");
  if (!button) return;
  const failing = relations?.equations.find((each) => each.button === button && each.holds === "0")
    ?? relations?.equations.find((each) => each.button === button);
  if (failing) go(document.getElementById(failing.target), { zoom: true });
});

// Correcting

let field = null;

function edit(place, text = null) {
  if (!editable || !place || field) return false;
  const before = said(place);
  field = document.createElement("input");
  field.type = "text";
  field.value = text ?? (place.matches("[data-line]") && before === "—" ? "" : before);
  field.setAttribute("aria-label", `Correct: ${before || "empty"}`);
  field.autocomplete = "off";
  field.spellcheck = false;
  place.append(field);
  field.focus();
  if (text === null) field.select();
  const input = field;
  input.addEventListener("keydown", async (event) => {
    event.stopPropagation();
    if (event.key === "Escape") { close(input); go(place); }
    if (event.key === "Enter" || event.key === "Tab") {
      event.preventDefault();
      const text = input.value;
      const name = place.id;
      const seen = place.dataset.seen;
      close(input);
      go(place);
      if (text.trim() !== before || event.key === "Enter") await save(name, text, seen);
      const now = document.getElementById(name);
      if (document.activeElement === now || document.activeElement === document.body) {
        go(now);
        if (!document.querySelector("dialog[open]")) event.key === "Enter" ? step(event.shiftKey ? -1 : 1, 0) : step(0, event.shiftKey ? -1 : 1);
      }
    }
  });
  input.addEventListener("blur", () => {
    if (field !== input) return;
    const text = input.value;
    const seen = place.dataset.seen;
    close(input);
    if (text.trim() !== before) save(place.id, text, seen);
  });
  return true;
}

function close(input) {
  field = null;
  input.remove();
}

let saving = Promise.resolve();

function save(place, text, seen) {
  saving = saving.then(() => {
    const values = { place, run, text };
    // What was seen is read when it is sent: an answer before may have told more.
    const now = document.getElementById(place)?.dataset.seen;
    if (seen ?? now) values.seen = seen ?? now;
    return send("POST", `/pages/${id}/corrections`, values, page);
  });
  return saving;
}

transcription.addEventListener("keydown", (event) => {
  const place = event.target;
  if (!place.matches(isPlace) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter" || event.key === "F2") {
    event.preventDefault();
    edit(place);
  } else if (/^[-0-9.+·−]$/.test(event.key) && place.matches("[data-cell]") && editable) {
    // Figures begin to type at once, as in a spreadsheet; letters are commands.
    event.preventDefault();
    event.stopPropagation();
    edit(place, event.key);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    edit(place, "");
  }
});

detail.addEventListener("click", (event) => {
  const button = event.target.closest("[data-choose]");
  if (!button) return;
  const place = document.getElementById(button.dataset.place);
  save(place.id, button.dataset.choose, place.dataset.seen).then(() => go(document.getElementById(button.dataset.place)));
});

// What a correction changed is shown, and said

let before = null;
const snapshot = () => new Map(all().map((place) => [place.id, `${said(place)} ${place.className.match(/verified|repaired|inferred|plain|doubtful|rejected|failed/)?.[0] ?? ""}`]));
document.addEventListener("htmx:before:swap", () => { before ??= snapshot(); });
document.addEventListener("htmx:after:swap", () => {
  if (!before) return;
  const was = before;
  before = null;
  const changed = all().filter((place) => was.get(place.id) !== snapshotOf(place));
  if (!changed.length) return;
  for (const place of changed) {
    place.classList.remove("changed");
    void place.offsetWidth;
    place.classList.add("changed");
  }
  const told = document.querySelector("#said [data-changes]");
  const where = document.querySelector("#said [data-where]")?.dataset.where;
  const others = changed.filter((place) => place.id !== where).length;
  if (told) told.textContent = others ? `· ${others} other place${others > 1 ? "s" : ""} changed with it` : "";
  const gone = document.getElementById(here ?? "");
  if (gone) {
    light(gone, false);
    clearTimeout(looked);
    looked = setTimeout(() => look(gone.id), 160);
  }
  if (relations) {
    findRelations().then(() => {
      if (!gone) return;
      underline(gone);
      light(gone, false);
    });
  }
});
const snapshotOf = (place) => `${said(place)} ${place.className.match(/verified|repaired|inferred|plain|doubtful|rejected|failed/)?.[0] ?? ""}`;

document.addEventListener("close", (event) => {
  if (!event.target.matches?.("[data-conflict]")) return;
  document.getElementById("asked").replaceChildren();
  // What they wrote is on the page once it is loaded anew.
  send("GET", `/pages/${id}/now`, {}, page).then(() => go(document.getElementById(here ?? "")));
}, true);

// Buttons and keys for the rest

document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act === "relations") showRelations();
  if (act === "in") scan.zoom(1.5);
  if (act === "out") scan.zoom(1 / 1.5);
  if (act === "whole") scan.whole();
});
key("+", () => scan.zoom(1.5));
key("=", () => scan.zoom(1.5));
key("-", () => scan.zoom(1 / 1.5));
key("0", () => scan.whole());
key("u", () => document.querySelector("[data-act=undo]")?.click());
key("x", () => {
  const menu = document.getElementById("export").closest("details");
  menu.open = true;
  menu.querySelector("a").focus();
});
key("s", () => {
  const place = document.getElementById(here ?? "");
  if (!place?.matches("[data-cell]")) { say("Go to a cell first: its column is then shown as a sheet."); return; }
  const [, table, , column] = place.id.split("-");
  location.assign(`/pages/${id}/tables/${table}/columns/${column}`);
});
for (const link of document.querySelectorAll("[data-key]")) key(link.dataset.key, () => link.click());

const menu = document.querySelector("details.menu");
menu?.addEventListener("keydown", (event) => {
  const links = [...menu.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    event.stopPropagation();
    links[(at + (event.key === "ArrowDown" ? 1 : links.length - 1)) % links.length]?.focus();
  }
});

// Where the address leads to

const first = transcription.querySelector(isPlace);
if (first) first.tabIndex = 0;
const asked = new URLSearchParams(location.search);
const place = asked.has("cell") ? `cell-${asked.get("cell").replaceAll(",", "-")}` : asked.has("line") ? `line-${asked.get("line")}` : null;
if (place) go(document.getElementById(place), { zoom: true });
else scan.show(null, []);
