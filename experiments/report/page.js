"use strict";
(() => {
  const root = document.documentElement;
  const buttons = [...document.querySelectorAll("button[data-word]")];

  // A filter: rows of one verdict, and only those questions and chapters that have such rows.
  const filter = (word) => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.word === word));
    const shown = (row) => word === "" || row.dataset.word === word;
    for (const question of document.querySelectorAll("section.question")) {
      const rows = [...question.querySelectorAll("tr[data-word]")];
      for (const row of rows) row.hidden = !shown(row);
      question.hidden = word !== "" && !rows.some(shown);
    }
    for (const chapter of document.querySelectorAll("section.chapter")) {
      chapter.hidden = ![...chapter.querySelectorAll("section.question")].some((question) => !question.hidden);
    }
  };
  for (const button of buttons) button.addEventListener("click", () => filter(button.dataset.word));

  // A link to what a filter hides shows everything again.
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest("[hidden]")) {
      filter("");
      target.scrollIntoView();
    }
  });

  // Dark or light: as the system has it, until the reader switches. Not every browser keeps settings of a local file.
  const kept = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("theme");
      localStorage.setItem("theme", value);
    } catch {
      return null;
    }
    return value;
  };
  const is = kept();
  if (is === "dark" || is === "light") root.dataset.theme = is;
  document.getElementById("theme").addEventListener("click", () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const next = (root.dataset.theme || system) === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    kept(next);
  });
})();
