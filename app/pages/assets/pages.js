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

/** Times in the reader's own zone: the server knows none. */
function localTimes() {
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  document.querySelectorAll("time[datetime]").forEach((time) => {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) return;
    time.title = full.format(at) + " (" + time.dateTime.slice(0, 19).replace("T", " ") + " UTC)";
    if ("local" in time.dataset) time.textContent = full.format(at);
    if ("day" in time.dataset) time.textContent = day.format(at);
  });
}

const NEWS_EVERY = 15000; // milliseconds

/** Says how many calls came since the page was drawn; the link draws it anew. */
function watchForNews(place) {
  const look = async () => {
    if (document.hidden) return;
    const answer = await fetch(place.dataset.news).catch(() => null);
    if (!answer || !answer.ok || answer.redirected) return;
    const news = await answer.json();
    place.hidden = news.calls === 0;
    place.firstElementChild.textContent = news.words;
  };
  setInterval(look, NEWS_EVERY);
  window.addEventListener("focus", look);
}

localTimes();
document.querySelectorAll("[data-news]").forEach(watchForNews);
if (navigator.clipboard) document.querySelectorAll("[data-copy]").forEach(addCopyButton);
document.querySelectorAll("[data-submit]").forEach(submitOnChange);
document.querySelectorAll("[data-search]").forEach(focusOnSlash);
