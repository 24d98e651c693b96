"use strict";
// Everything works without this script, by reloading. With it, an open page looks again by itself, the log comes line
// by line, and a value of config shows without another page. No text from the server is ever read as HTML but whole
// pages of the dashboard's own, in which it was escaped.

const main = document.getElementById("main");
const problem = document.getElementById("problem");
let interval = Number(document.body.dataset.refresh); // 0: the page stays as it is

// patch makes an element like a fresh one, and touches only what differs, so that focus, selection and what was typed
// stay where they are. Children with an id are the same thing wherever they stand.
function patch(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.hasAttribute("data-keep")) return;
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const same = counterpart(at, child);
    if (!same) {
      old.insertBefore(child, at);
      continue;
    }
    while (at !== same) at = removed(at);
    patch(same, child);
    at = same.nextSibling;
  }
  while (at) at = removed(at);
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function counterpart(at, child) {
  if (!child.id) return at && !at.id && at.nodeName === child.nodeName ? at : null;
  while (at && at.id !== child.id) at = at.nextSibling;
  return at;
}

async function page(url, options) {
  const response = await fetch(url, { ...options, signal: AbortSignal.timeout(30000) });
  return { ok: response.ok, doc: new DOMParser().parseFromString(await response.text(), "text/html") };
}

// refresh shows what is there now. When nothing can be read, what was there stays, below a banner that says so.
async function refresh() {
  let ok = false;
  try {
    const fresh = await page(location.pathname + location.search);
    ok = fresh.ok;
    patch(problem, fresh.doc.getElementById("problem"));
    if (ok) {
      patch(main, fresh.doc.getElementById("main"));
      patch(document.getElementById("about"), fresh.doc.getElementById("about"));
      document.title = fresh.doc.title;
      interval = Number(fresh.doc.body.dataset.refresh);
      follow();
    }
  } catch {
    if (problem.textContent !== problem.dataset.offline) {
      const banner = document.createElement("p");
      banner.className = "banner";
      banner.textContent = problem.dataset.offline;
      problem.replaceChildren(banner);
    }
  }
  document.body.classList.toggle("stale", !ok);
}

let timer;
async function keepFresh() {
  clearTimeout(timer);
  if (document.hidden || !interval) return; // visibilitychange begins again
  await refresh();
  clearTimeout(timer);
  timer = setTimeout(keepFresh, interval);
}

// follow shows the log as it comes. A stream begins with the last lines, so a new one replaces what is shown.
const mostLines = 1000;
let source = null;
function follow() {
  const log = document.getElementById("log");
  if (!log || source || document.hidden) return;
  const state = document.getElementById("log-state");
  const say = (text) => { if (state.textContent !== text) state.textContent = text; }; // or it is read out each time
  const following = () => say("New lines appear as they come; times are UTC.");
  let begun = false, quiet;
  source = new EventSource(log.dataset.stream);
  source.onopen = () => {
    begun = false;
    clearTimeout(quiet);
    quiet = setTimeout(following, 5000); // nothing came, and no problem either
  };
  source.addEventListener("line", (event) => {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
    if (!begun) log.replaceChildren();
    begun = true;
    log.append(lineOf(JSON.parse(event.data)));
    while (log.childElementCount > mostLines) log.firstElementChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
    following();
  });
  source.addEventListener("problem", (event) => {
    clearTimeout(quiet);
    say(`Following again in a moment. ${JSON.parse(event.data)}`);
  });
  source.onerror = () => {
    if (source && source.readyState === EventSource.CLOSED) { // some browsers give up; otherwise it comes back by itself
      unfollow();
      setTimeout(follow, interval);
    }
  };
  log.scrollTop = log.scrollHeight;
}

function unfollow() {
  source?.close();
  source = null;
}

function lineOf(line) {
  const element = (name, text) => {
    const e = document.createElement(name);
    e.textContent = text;
    return e;
  };
  const row = document.createElement("div");
  if (line.time) {
    const time = element("time", line.time);
    time.title = line.exact;
    row.append(time, " ", element("b", line.source), " ");
  }
  row.append(element("span", line.text));
  return row;
}

// A value is shown in its place, for a minute.
const shownFor = 60000;
let hiding;
async function showValue(form, button) {
  const section = form.closest("section");
  try {
    const fresh = await page(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, button)) });
    if (!fresh.ok) throw new Error("refused");
    section.removeAttribute("data-keep");
    patch(section, fresh.doc.getElementById(section.id));
  } catch {
    await refresh(); // which says what is wrong
  }
  clearTimeout(hiding);
  hiding = setTimeout(() => {
    section.removeAttribute("data-keep");
    refresh();
  }, shownFor);
}

document.addEventListener("submit", (event) => {
  if (event.target.closest("#config")) {
    event.preventDefault();
    showValue(event.target, event.submitter);
  } else if (event.target.dataset.busy) { // a change can take a minute, and is not to be sent twice
    const { submitter } = event;
    setTimeout(() => {
      submitter.disabled = true;
      submitter.textContent = event.target.dataset.busy;
    });
  }
});

// A page that the browser kept for going back may show a value, or a button that was used.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

if (interval) {
  follow();
  timer = setTimeout(keepFresh, interval);
  // A browser has few connections for one host, and a page that nobody sees needs none.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return unfollow();
    follow();
    keepFresh();
  });
}
