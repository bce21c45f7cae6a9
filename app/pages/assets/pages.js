// Comfort only: every page works without it.
"use strict";

const COPIED_SHOWN = 1200; // milliseconds

/** Copies a text; without navigator.clipboard (plain HTTP, old browsers) by way of a selected field. Says whether it did. */
async function copy(text) {
  if (navigator.clipboard) {
    const done = await navigator.clipboard.writeText(text).then(() => true, () => false);
    if (done) return true;
  }
  const field = document.createElement("textarea"); // some browsers copy only where something is selected
  field.value = "text";
  field.className = "label";
  const give = (event) => {
    event.clipboardData.setData("text/plain", text); // a field would turn CR LF into LF
    event.preventDefault();
  };
  document.body.append(field);
  document.addEventListener("copy", give, { once: true });
  field.select();
  const done = document.execCommand("copy");
  document.removeEventListener("copy", give);
  field.remove();
  return done;
}

/** A button that copies what an element holds, character for character (marks of white space are not text). */
function addCopyButton(element) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  const text = element.textContent;
  button.addEventListener("click", async () => {
    button.textContent = (await copy(text)) ? "Copied" : "Not copied";
    button.focus();
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

const REFRESH_EVERY = 2000; // milliseconds

/** Draws a part of the page anew while it says that something goes on. */
function refresh(part) {
  setTimeout(async () => {
    const answer = document.hidden ? null : await fetch(part.dataset.refresh).catch(() => null);
    if (!answer || !answer.ok || answer.redirected) return refresh(part);
    const drawn = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
    part.replaceWith(drawn);
    localTimes();
    drawn.querySelectorAll(".table[tabindex]").forEach(stopWhereItScrolls);
    if (drawn.dataset.refresh) refresh(drawn);
  }, REFRESH_EVERY);
}

/** A frame is a tab stop only while its table does not fit: without JavaScript it always is one. */
function stopWhereItScrolls(frame) {
  const look = () => {
    if (frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight) frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
  };
  const observer = new ResizeObserver(look);
  [frame, ...frame.children].forEach((element) => observer.observe(element));
}

document.querySelectorAll("[data-refresh]").forEach(refresh);
document.querySelectorAll(".table[tabindex]").forEach(stopWhereItScrolls);
localTimes();
document.querySelectorAll("[data-news]").forEach(watchForNews);
document.querySelectorAll("[data-copy]").forEach(addCopyButton);
document.querySelectorAll("[data-submit]").forEach(submitOnChange);
document.querySelectorAll("[data-search]").forEach(focusOnSlash);
