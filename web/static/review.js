// The queue: the answer is at hand as soon as a place is shown, and every command is a key.

import { say } from "./app.js";

const item = document.getElementById("item");

document.addEventListener("htmx:after:swap", () => {
  const field = document.getElementById("answer");
  if (field && !document.querySelector("dialog[open]")) {
    field.focus();
    field.select();
  }
});

item.addEventListener("click", (event) => {
  const taken = event.target.closest("[data-take]");
  if (taken) take(taken.dataset.take);
});

function take(reading) {
  const field = document.getElementById("answer");
  field.value = reading;
  field.form.requestSubmit();
}

document.addEventListener("input", (event) => {
  if (event.target.id !== "answer") return;
  const changed = event.target.value !== event.target.form.elements.was.value;
  event.target.form.querySelector("button.main").firstChild.textContent = changed ? "Save " : "Accept ";
});

document.addEventListener("keydown", (event) => {
  if (event.isComposing || document.querySelector("dialog[open]")) return;
  const press = (selector) => {
    const button = document.querySelector(selector);
    if (!button) return;
    event.preventDefault();
    button.click();
  };
  if (event.key === "PageDown") press("[data-skip]");
  else if (event.key === "PageUp") press("[data-back]");
  else if (event.key === "F2") press("[data-column]");
  else if (event.altKey && /^[1-6]$/.test(event.key)) press(`[aria-keyshortcuts="Alt+${event.key}"]`);
});

document.addEventListener("htmx:response:error", (event) => {
  if (event.detail?.ctx?.response?.status === 404) say("There is nothing of yours to undo here.");
});
