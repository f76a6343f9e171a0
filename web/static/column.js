// A column as a spreadsheet: arrows and Enter go from row to row, and save what was typed on the way.

import { say, send } from "./app.js";

const view = document.querySelector("[data-column]");
const fields = () => [...view.querySelectorAll("#sheet input")];
const sheet = () => document.getElementById("sheet");

sheet().addEventListener("focusin", (event) => { if (event.target.matches("input")) event.target.select(); });

let saving = Promise.resolve();
function save(field, accept = false) {
  const text = field.value.trim();
  if (!accept && text === field.dataset.was) return;
  const place = field.id;
  field.dataset.was = text;
  saving = saving.then(() => {
    const now = document.getElementById(place);
    const values = { run: view.dataset.run, place, text };
    if (now.dataset.seen) values.seen = now.dataset.seen;
    return send("POST", view.dataset.column, values, view);
  });
}

function move(field, by) {
  const all = fields();
  const next = all[all.indexOf(field) + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

view.addEventListener("keydown", (event) => {
  const field = event.target;
  if (!field.matches("#sheet input") || event.isComposing) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    save(field);
    move(field, event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter") {
    event.preventDefault();
    save(field, !field.dataset.seen);
    move(field, event.shiftKey ? -1 : 1);
  } else if (event.key === "Escape") {
    event.preventDefault();
    field.value = field.dataset.was;
    field.select();
  }
});
view.addEventListener("focusout", (event) => { if (event.target.matches("#sheet input")) save(event.target); });

document.addEventListener("keydown", (event) => {
  if (!event.ctrlKey) return;
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    const link = document.querySelector(event.key === "ArrowLeft" ? "a[rel=prev]" : "a[rel=next]");
    if (link) { event.preventDefault(); link.click(); }
  } else if (event.key === "z") {
    const field = document.activeElement;
    if (field?.matches("#sheet input") && field.value !== field.dataset.was) return;
    event.preventDefault();
    document.querySelector("[data-undo-page]")?.click();
  }
});

// What the table makes of it: fields that nobody types in show it, and the totals are looked at anew.
let before = null;
const states = () => new Map(fields().map((field) => [field.id, field.closest("tr").querySelector(".status").textContent]));
document.addEventListener("htmx:before:swap", () => { before ??= states(); });
document.addEventListener("htmx:after:swap", (event) => {
  if (!before) return;
  const was = before;
  before = null;
  let changed = 0;
  for (const field of fields()) {
    if (field !== document.activeElement) field.value = field.getAttribute("value");
    if (was.get(field.id) !== undefined && was.get(field.id) !== field.closest("tr").querySelector(".status").textContent) changed += 1;
  }
  const told = document.querySelector("#said [data-changes]");
  if (told && changed) told.textContent = `· ${changed} status${changed > 1 ? "es" : ""} changed in this column`;
  if (document.querySelector("#said .notice")) document.body.dispatchEvent(new Event("said"));
});
const first = fields().find((field) => !field.disabled && field.closest("tr").querySelector(".doubtful, .failed, .rejected")) ?? fields()[0];
first?.focus();
if (first?.disabled) say("Somebody else is at this column.");

document.addEventListener("close", (event) => {
  if (event.target.matches?.("[data-conflict]")) location.reload();
}, true);
