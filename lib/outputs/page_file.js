"use strict";
// Replaces each description by its figure; the description stays if the figure cannot be drawn.
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const places = [...document.querySelectorAll(".drawing")];
const PRINTED = 640; // width in pixels within the margins of A4 or Letter

async function draw(place, { data, layout, config }) {
  const description = [...place.childNodes];
  try {
    place.replaceChildren();
    // The world is twice as wide as high: no empty sky over it on a telephone.
    if (layout.geo) layout.height = Math.min(layout.height, 0.55 * place.clientWidth);
    await Plotly.newPlot(place, data, layout, { displayModeBar: false, responsive: true, ...config });
  } catch (error) {
    place.replaceChildren(...description);
    throw error;
  }
}

function resize(change) {
  for (const place of places) if (place.layout) Plotly.relayout(place, change);
}

// Plotly looks for the outlines of the world here before it would ask its own server for them.
if (document.getElementById("world")) {
  window.PlotlyGeoAssets = { topojson: { world_110m: read("world") } };
}
read("figures").forEach((figure, number) => draw(places[number], figure));
addEventListener("beforeprint", () => resize({ width: PRINTED }));
addEventListener("afterprint", () => resize({ autosize: true }));
