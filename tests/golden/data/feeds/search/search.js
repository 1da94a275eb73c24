// Finds issues by their words: pieces of the index are fetched when somebody first looks for
// something, the newest first. Nothing leaves the site, and nothing is written as HTML.
"use strict";
(() => {
  const MOST = 50;
  const form = document.getElementById("search");
  const field = document.getElementById("words");
  const said = document.getElementById("said");
  const list = document.getElementById("found");
  let index = null;

  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  const load = async () => {
    const rows = [];
    for (let shard = Number(form.dataset.shards); shard > 0; shard -= 1) {
      const answer = await fetch(`${form.dataset.at}${shard}.json`);
      if (!answer.ok) throw new Error(String(answer.status));
      const part = await answer.json();
      for (const row of part) row.folded = folded(`${row.number} ${row.title} ${row.text}`);
      rows.push(...part);
    }
    return rows;
  };

  const element = (name, text, properties) =>
    Object.assign(document.createElement(name), { textContent: text }, properties);

  const shown = (row) => {
    const facts = element("p", "", { className: "facts" });
    if (row.number) facts.append(element("span", form.dataset.issue.replace("%(number)s", row.number)));
    facts.append(element("time", row.day, { dateTime: row.date }));
    const heading = document.createElement("h2");
    heading.append(element("a", row.title, { href: row.url }));
    const item = element("li", "", { lang: row.language, dir: "auto" });
    item.append(facts, heading, element("p", row.summary, { className: "summary" }));
    return item;
  };

  const look = async () => {
    const wanted = folded(field.value).split(/\s+/).filter(Boolean);
    list.replaceChildren();
    said.textContent = "";
    if (!wanted.length) return;
    try {
      index ??= load();
      const rows = await index;
      const found = rows.filter((row) => wanted.every((word) => row.folded.includes(word)));
      const words = found.length > MOST ? form.dataset.more : form.dataset.found;
      const count = String(Math.min(found.length, MOST));
      said.textContent = found.length ? words.replace("%(number)s", count) : form.dataset.none;
      list.replaceChildren(...found.slice(0, MOST).map(shown));
    } catch {
      index = null;
      said.textContent = form.dataset.failed;
    }
  };

  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const place = new URL(location.href);
    place.searchParams.set("q", field.value);
    history.replaceState(null, "", place);
    look();
  });
  const asked = new URLSearchParams(location.search).get("q");
  if (asked) {
    field.value = asked;
    look();
  }
})();
