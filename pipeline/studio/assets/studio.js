// What works without it: every link and form. It adds live reload, keys, and changes in place.
"use strict";

const REGIONS = ["list", "problems", "inbox", "bar", "view"];
const $ = (id, root = document) => root.querySelector(`#${id}`);

let wanted = null; // the newest address to show
let showing = null; // a promise, until nothing newer is wanted
let typed = Promise.resolve(); // a key counts for the page that the key before it asked for

function show(address, { push = false, saved = false } = {}) {
  wanted = { address, push, saved: saved || wanted?.saved };
  showing ??= catchUp();
  return showing;
}

async function catchUp() {
  try {
    while (wanted) {
      const now = wanted;
      const answer = await fetch(now.address);
      if (!(answer.headers.get("Content-Type") || "").startsWith("text/html")) {
        wanted = null;
        location.assign(now.address);
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (wanted !== now) continue;
      wanted = null;
      if (now.push) history.pushState(null, "", answer.url + new URL(now.address, answer.url).hash);
      replace(page, now.saved);
    }
  } catch {
    wanted = null; // the studio was stopped; its next start has another address
  } finally {
    showing = null;
  }
}

function replace(page, saved) {
  const key = document.activeElement?.dataset?.key || document.activeElement?.id;
  const reading = $("list").scrollTop;
  document.title = page.title;
  document.body.dataset.version = page.body.dataset.version;
  const [stage, next] = [document, page].map((each) => each.querySelector("#view .stage"));
  for (const id of REGIONS) {
    const [old, fresh] = [$(id), $(id, page)];
    if (id === "view" && stage && next) refresh(stage, next, saved);
    else if (old && fresh) old.replaceWith(document.adoptNode(fresh));
    else if (old) old.remove();
    else if (fresh) $("main").append(document.adoptNode(fresh));
  }
  $("list").scrollTop = reading;
  enliven();
  if (key) (document.querySelector(`[data-key="${CSS.escape(key)}"]:not([hidden])`) || document.getElementById(key))?.focus({ preventScroll: true });
  if (location.hash.startsWith("#L")) document.getElementById(location.hash.slice(1))?.scrollIntoView({ block: "center" });
}

// The frame keeps its place as long as the mail in it is the same, and does not flicker when it is not.
function refresh(stage, next, saved) {
  const [frame, fresh] = [stage, next].map((each) => each.querySelector("iframe"));
  const same = frame.dataset.src === fresh.getAttribute("src") && stage.dataset.digest === next.dataset.digest;
  stage.className = next.className;
  stage.closest("#view").className = next.closest("#view").className;
  stage.querySelector(".hint")?.remove();
  const hint = next.querySelector(".hint");
  if (hint) stage.prepend(document.adoptNode(hint));
  if (same) return;
  stage.dataset.digest = next.dataset.digest;
  const screen = stage.querySelector(".screen");
  for (const late of screen.querySelectorAll("iframe.coming")) late.remove();
  const coming = document.adoptNode(fresh);
  coming.dataset.src = coming.getAttribute("src");
  if (saved && coming.dataset.mark) coming.src = `${coming.dataset.src}#${coming.dataset.mark}`;
  coming.classList.add("coming");
  coming.addEventListener("load", () => {
    for (const old of screen.querySelectorAll("iframe")) if (old !== coming) old.remove();
    coming.classList.remove("coming");
  }, { once: true });
  screen.append(coming);
}

function enliven() {
  for (const frame of document.querySelectorAll("iframe")) frame.dataset.src ||= frame.getAttribute("src");
  for (const form of document.querySelectorAll("form[data-at-once]")) {
    form.querySelector("select")?.addEventListener("change", () => form.requestSubmit());
    const typed = form.querySelector("input:not([type=hidden])");
    if (!typed) form.querySelector("button").hidden = true;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      show(`?${new URLSearchParams(new FormData(form))}`, { push: true });
    });
  }
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  const filter = $("filter");
  filter.closest("label").hidden = false;
  filter.value = sessionStorage.getItem("filter") || "";
  const sift = () => {
    sessionStorage.setItem("filter", filter.value);
    const words = filter.value.toLowerCase();
    for (const item of document.querySelectorAll("#list li")) item.hidden = !item.textContent.toLowerCase().includes(words);
  };
  filter.addEventListener("input", sift);
  sift();
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  if (event.target.closest("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const key = { ArrowDown: "j", ArrowUp: "k" }[event.target.closest("#list") ? event.key : ""] || event.key;
  if (key === "?") $("keys").showModal();
  else if (key === "/") $("filter").focus();
  else if (showing || keyed(key)) typed = typed.then(() => showing).then(() => keyed(key)?.());
  else return;
  event.preventDefault();
}

// What a key does on the page as it is now; nothing if it has no meaning there.
function keyed(key) {
  const reader = $("reader");
  if (key === "r" && reader) return () => {
    reader.selectedIndex = (reader.selectedIndex + 1) % (reader.length - 1);
    reader.form.requestSubmit();
    return showing;
  };
  const link = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  return link && (() => show(link.href, { push: true }));
}

document.addEventListener("keydown", press);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || !link.closest("#list, #bar, #view") || link.origin !== location.origin) return;
  if (link.pathname.endsWith("/message.eml") || link.pathname.includes("/pictures/")) return;
  event.preventDefault();
  show(link.href, { push: true });
});
addEventListener("popstate", () => show(location.href));

const news = new EventSource(document.body.dataset.events);
const live = $("live");
news.onmessage = ({ data }) => {
  live.className = "on";
  live.querySelector(".words").textContent = "live";
  // Somebody on the way to another page arrives there: it will be as new as this one.
  if (data !== document.body.dataset.version) show(wanted?.address ?? location.href, { push: wanted?.push, saved: true });
};
news.onerror = () => {
  live.className = "off";
  live.querySelector(".words").textContent = "stopped";
};
addEventListener("pagehide", () => news.close());
enliven();
