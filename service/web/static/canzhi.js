// Comfort only; every page works without it: scans without a focused field, files dropped or pasted, no double sending.
"use strict";

const code = document.getElementById("code");
const form = document.getElementById("valuation");
const files = document.getElementById("files");

// A hand-held scanner types as a keyboard does: if nothing has the focus, its letters belong into the code field.
document.addEventListener("keydown", (event) => {
  const typing = document.activeElement && document.activeElement !== document.body;
  const letter = event.key.length === 1 && /[0-9A-Za-z]/.test(event.key);
  if (code && letter && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    code.focus();
  }
});

function give(list) {
  if (files && list.length > 0) {
    files.files = list;
    files.focus();
  }
}

const drop = document.querySelector("[data-drop]");
if (drop) {
  document.querySelector("[data-drop-hint]").hidden = false;
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      if (name === "drop" || event.relatedTarget === null) {
        drop.classList.remove("over");
      }
    });
  }
  document.addEventListener("drop", (event) => give(event.dataTransfer.files));
  document.addEventListener("paste", (event) => give(event.clipboardData.files));
}

if (form) {
  const button = form.querySelector("button.primary");
  const label = button.textContent;
  form.addEventListener("submit", () => {
    button.textContent = form.dataset.working;
    button.setAttribute("aria-disabled", "true");
  });
  // A page that comes back out of the browser's memory is ready again.
  window.addEventListener("pageshow", () => {
    button.textContent = label;
    button.removeAttribute("aria-disabled");
  });
}
