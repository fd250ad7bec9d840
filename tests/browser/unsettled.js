// Runs in every tab before the page: `unsettled()` names what the page is still waiting for. It is
// empty if nothing is in progress and nothing on the page has moved for a moment.
"use strict";
(() => {
  const { RERUN, IS_AUTO_RERUN, FINISHED, FINISHED_FOR_RERUN } = NUMBERS; // given by conftest.py
  const MOMENT = 150; // milliseconds: several frames
  let asked = false; // for a run, other than by a timer; none has ended since
  let loading = 0;
  let moved = performance.now();

  // The fields of a protobuf message: their numbers, and what they hold as a number or as bytes.
  function* fieldsOf(bytes) {
    let at = 0;
    const varint = () => {
      let value = 0;
      for (let unit = 1; ; unit *= 128) {
        const byte = bytes[at++];
        value += (byte & 127) * unit;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const tag = varint();
      const [number, kind] = [Math.floor(tag / 8), tag % 8];
      if (kind === 0) {
        yield [number, varint()];
      } else {
        const length = kind === 2 ? varint() : kind === 1 ? 8 : 4;
        yield [number, bytes.subarray(at, at + length)];
        at += length;
      }
    }
  }

  function sends(data) {
    const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
    for (const [number, content] of fieldsOf(bytes))
      if (number === RERUN)
        asked ||= ![...fieldsOf(content)].some(([each, is]) => each === IS_AUTO_RERUN && is);
  }

  function receives(data) {
    for (const [number, status] of fieldsOf(new Uint8Array(data)))
      if (number === FINISHED && status !== FINISHED_FOR_RERUN) asked = false;
  }

  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.binaryType = "arraybuffer";
      this.addEventListener("message", (event) => receives(event.data));
      this.addEventListener("close", () => (asked = false));
    }
    send(data) {
      sends(data);
      super.send(data);
    }
  };

  const fetchOfBrowser = window.fetch;
  window.fetch = (...given) => {
    loading += 1;
    return fetchOfBrowser(...given).finally(() => (loading -= 1));
  };
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (...given) {
    loading += 1;
    this.addEventListener("loadend", () => (loading -= 1), { once: true });
    return send.apply(this, given);
  };

  new MutationObserver(() => (moved = performance.now())).observe(document, {
    attributes: true,
    characterData: true,
    childList: true,
    subtree: true,
  });

  window.unsettled = () => {
    const find = (selector) => document.querySelector(selector);
    if (!find("h1")) return "a title";
    if (find("[data-testid=stApp]")?.dataset.testScriptState !== "notRunning") return "a run";
    if (asked) return "a run that was asked for";
    if (find("[data-testid=stSkeleton]")) return "what a skeleton stands for";
    if (find("[data-stale=true]")) return "an element of the run before";
    if (find(".st-key-until-recorded")) return "history to be recorded";
    if (find("table.data:not([data-ready])")) return "the script of tables";
    for (const chart of document.querySelectorAll("[data-testid=stPlotlyChart]"))
      if (!chart.querySelector(".main-svg")) return "a chart";
    if (loading) return "a file";
    if (performance.now() - moved < MOMENT) return "what moves";
    return "";
  };
})();
