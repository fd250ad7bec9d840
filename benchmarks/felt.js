// Watches a page from its beginning: when its first number stands, when charts were last drawn at
// (all of them, and those in view), and what moved without being asked to. Times are in milliseconds of the page's own clock.
(() => {
  const NUMBER = "[data-testid=stMetricValue], .numbers .value";
  const CHART = "[data-testid=stPlotlyChart]";
  const QUIET = 700;
  let origin = 0, before = null, number = null, charts = 0, seen = 0, touched = 0, shifts = [];

  const numbers = () =>
    [...document.querySelectorAll(NUMBER)].map((each) => each.textContent.trim()).join("|");
  const look = () => {
    const text = number === null ? numbers() : "";
    if (text && text !== before) number = performance.now();
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);

  new MutationObserver((records) => {
    touched = performance.now();
    const chartOf = ({ target }) => (target.closest ? target : target.parentElement)?.closest(CHART);
    const changed = new Set(records.map(chartOf).filter(Boolean));
    if (changed.size) charts = touched;
    if ([...changed].some((chart) => chart.getBoundingClientRect().top < innerHeight)) seen = touched;
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });

  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifts.push(entry);
  }).observe({ type: "layout-shift", buffered: true });

  // The largest of windows of at most 5 s without a pause of 1 s, as web-vitals defines it.
  const shift = () => {
    let most = 0, sum = 0, first = 0, last = -Infinity;
    for (const { startTime, value } of shifts) {
      if (startTime - last > 1000 || startTime - first > 5000) [sum, first] = [0, startTime];
      sum += value;
      last = startTime;
      most = Math.max(most, sum);
    }
    return most;
  };
  const isQuiet = () =>
    performance.now() - touched > QUIET
    && !!document.querySelector("[data-test-script-state=notRunning]");

  window.felt = {
    isSettled: (expected) =>
      number !== null && isQuiet() && document.querySelectorAll(CHART).length >= expected
      && [...document.querySelectorAll(CHART)].every((each) => each.querySelector(".main-svg")),
    isChanged: () => number !== null && isQuiet(),
    begin: () => {
      before = numbers();
      const start = () => {
        origin = touched = performance.now();
        [number, charts, seen, shifts] = [null, 0, 0, []];
      };
      document.addEventListener("mousedown", start, { once: true, capture: true });
    },
    seen: () => ({
      number: number - origin, charts: Math.max(charts - origin, 0),
      inView: Math.max(seen - origin, 0), shift: shift(),
    }),
  };
})();
