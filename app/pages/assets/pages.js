// Comfort only: every page works without it.
"use strict";

const COPIED_SHOWN = 1200; // milliseconds

/** A button that copies what an element holds, character for character (marks of white space are not text). */
function addCopyButton(element) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  const text = element.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), COPIED_SHOWN);
  });
  element.before(button);
}

/** A choice that takes effect at once; its button is for those without JavaScript. */
function submitOnChange(select) {
  const button = select.form.querySelector("button");
  if (button.classList.contains("quiet")) button.hidden = true;
  select.addEventListener("change", () => select.form.requestSubmit());
}

/** "/" leads to the search. */
function focusOnSlash(search) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    search.focus();
  });
}

if (navigator.clipboard) document.querySelectorAll("[data-copy]").forEach(addCopyButton);
document.querySelectorAll("[data-submit]").forEach(submitOnChange);
document.querySelectorAll("[data-search]").forEach(focusOnSlash);
