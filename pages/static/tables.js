"use strict";
// What HTML alone cannot do for a page: rows of tables that sort by a click on a head, links and rows
// that lead elsewhere without loading the page anew, filters that close on a phone.
(() => {
  if (window.audienceTables) return;
  window.audienceTables = true;
  const sorts = new Map(); // of this tab, by the key of a table
  const text = new Intl.Collator(document.documentElement.lang || undefined, { numeric: true });

  function value(row, place) {
    const cell = row.cells[place];
    return "v" in cell.dataset ? (cell.dataset.v === "" ? NaN : Number(cell.dataset.v)) : cell.textContent.trim();
  }

  function sort(table, place, descending) {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [row, value(row, place)]);
    const missing = (each) => Number.isNaN(each) || each === "–";
    rows.sort(([, a], [, b]) => {
      if (missing(a) || missing(b)) return missing(a) - missing(b); // last, whatever the order
      const order = typeof a === "number" ? a - b : text.compare(a, b);
      return descending ? -order : order;
    });
    body.append(...rows.map(([row]) => row));
    for (const head of table.tHead.rows[0].cells) head.removeAttribute("aria-sort");
    table.tHead.rows[0].cells[place].setAttribute("aria-sort", descending ? "descending" : "ascending");
  }

  function equip(table) {
    if (table.dataset.ready) return;
    table.dataset.ready = "yes";
    if ("part" in table.dataset) return;
    for (const head of table.tHead.rows[0].cells) {
      if (!head.textContent.trim() || table.querySelector(`tbody tr > :nth-child(${head.cellIndex + 1}) img`)) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
    }
    const kept = sorts.get(table.dataset.key);
    // By its name: without a comparison there are fewer columns before it.
    const place = [...table.tHead.rows[0].cells].findIndex((head) => head.textContent === kept?.name);
    if (table.dataset.key && place >= 0) sort(table, place, kept.descending);
  }

  function narrow(link) {
    // As the browser's own Back does: Streamlit reads the address and runs the page again.
    history.pushState(null, "", link.href.replace(/\?$/, ""));
    dispatchEvent(new PopStateEvent("popstate"));
  }

  // Links that are followed without loading the page anew; false if the browser has to.
  const FOLLOWED = "a.narrow, a.page";
  function follow(link) {
    if (link.matches(".narrow")) {
      narrow(link);
      return true;
    }
    // Streamlit keeps the filters when its own link to a page is clicked.
    const links = [...document.querySelectorAll("[data-testid=stSidebarNavLink]")];
    const same = links.find((each) => each.pathname === link.pathname);
    same?.click();
    return Boolean(same);
  }

  // A redraw between press and release replaces the link, and the browser reports no click.
  let pressed = null;
  addEventListener("pointerdown", (event) => {
    const isPlain = !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    pressed = isPlain ? event.target.closest?.(FOLLOWED) : null;
  }, true);
  addEventListener("pointerup", (event) => {
    if (pressed && !pressed.isConnected && event.target.closest?.(FOLLOWED)?.href === pressed.href) follow(pressed);
    pressed = null;
  }, true);

  document.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (event.target.closest?.("button.print")) {
      printWhole();
      return;
    }
    const link = event.target.closest?.(FOLLOWED);
    if (link) {
      if (follow(link)) event.preventDefault();
      return;
    }
    const table = event.target.closest?.("table.data");
    if (!table) return;
    const head = event.target.closest("thead th button")?.parentElement;
    if (head) {
      const isNumber = head.classList.contains("number");
      const before = head.getAttribute("aria-sort");
      const descending = before ? before === "ascending" : isNumber;
      sorts.set(table.dataset.key, { name: head.textContent, descending });
      sort(table, head.cellIndex, descending);
      return;
    }
    if (event.target.closest("a") || String(getSelection())) return;
    const ofRow = event.target.closest("tbody tr")?.querySelector("a.narrow");
    if (!ofRow) return;
    event.preventDefault();
    narrow(ofRow);
  });

  // Of a long table a page shows the first rows; on paper nobody can ask for more.
  async function showAllRows() {
    const button = document.querySelector("[class*='st-key-all-rows-'] button");
    button?.click();
    for (let waited = 0; button && waited < 15000 && !document.querySelector(".all-rows"); waited += 100) await later(100);
  }

  // A chart is as wide as the window that it was drawn for; a sheet of A4 is narrower. In the
  // pixels of the style for print, which makes everything smaller.
  const SHEET = 840;
  const charts = () => document.querySelectorAll("[data-testid=stPlotlyChart]");
  const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  function allDrawn() {
    return (
      document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning" &&
      !document.querySelector("[data-testid=stMain] [data-testid=stSkeleton]") &&
      [...charts()].every((chart) => chart.querySelector(".main-svg"))
    );
  }

  const allFitASheet = () =>
    [...charts()].every((chart) => chart.querySelector(".main-svg")?.clientWidth <= SHEET);

  // Charts that are still to come are waited for, and all are drawn anew as wide as a sheet: text
  // keeps its size then.
  async function printWhole() {
    await later(300); // the menu that it is in closes
    await showAllRows();
    for (let waited = 0; waited < 15000 && !allDrawn(); waited += 100) await later(100);
    document.documentElement.classList.add("prints");
    try {
      await later(300); // until those that are narrower have taken their place, too
      for (let waited = 0; waited < 15000 && !allFitASheet(); waited += 100) await later(100);
      print();
    } finally {
      document.documentElement.classList.remove("prints");
    }
  }

  // A page that was saved as a file has all its rows, and its charts fit by themselves.
  addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    if (!document.querySelector("[data-testid=stApp]")) return;
    event.preventDefault();
    printWhole();
  });

  addEventListener("beforeprint", () => {
    for (const chart of charts()) {
      chart.style.zoom = ""; // or one that is printed twice shrinks twice
      if (chart.clientWidth > SHEET) chart.style.zoom = SHEET / chart.clientWidth;
    }
  });
  addEventListener("afterprint", () => {
    for (const chart of charts()) chart.style.zoom = "";
  });

  // On a phone the filters cover what they change: they close with the list that was picked from.
  const PHONE = matchMedia("(max-width: 48rem)");
  let picks = false;
  // Before the list is gone, and the click with it.
  const pick = (event) => (picks ||= PHONE.matches && Boolean(event.target.closest?.("[role=option]")));
  document.addEventListener("pointerdown", pick, true);
  function uncover() {
    if (!picks || document.querySelector("[role=listbox]")) return;
    picks = false;
    document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
  }

  // The chips of pages scroll: that of the page itself comes into view.
  let shown = null;
  function showCurrentChip() {
    const row = document.querySelector("nav.pages");
    const chip = row?.querySelector("[aria-current]");
    if (!chip || chip === shown) return;
    shown = chip;
    const [box, around] = [chip.getBoundingClientRect(), row.getBoundingClientRect()];
    row.scrollLeft += (box.left + box.right - around.left - around.right) / 2;
  }

  // New data shows itself to a reader who is at the top and touches nothing; else its button waits.
  const STILL = 10000; // milliseconds without a touch
  let touched = -STILL;
  const touch = (event) => {
    if (!event.target.closest?.(".st-key-freshness")) touched = performance.now();
  };
  for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"])
    addEventListener(kind, touch, { capture: true, passive: true });
  const BUSY = "[role=listbox], [role=dialog], [data-testid=stPopoverBody], :is(input, textarea):not([role=combobox]):focus";
  setInterval(() => {
    const button = document.querySelector(".st-key-show-new-data button");
    if (!button || document.hidden || performance.now() - touched < STILL) return;
    if (document.querySelector("[data-testid=stMain]")?.scrollTop || document.querySelector(BUSY)) return;
    button.click();
  }, 1000);

  let waits = false;
  new MutationObserver(() => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      uncover();
      showCurrentChip();
      document.querySelectorAll("table.data:not([data-ready])").forEach(equip);
    });
  }).observe(document.body, { childList: true, subtree: true });
  document.querySelectorAll("table.data").forEach(equip);
})();
