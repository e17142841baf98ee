"use strict";
/* What moves in the report: figures are drawn in the reader's colours, and axes chosen. The numbers are in
   the page as JSON; texts in them are escaped for plotly. Nothing is fetched. */
(() => {
  const told = JSON.parse(document.getElementById("figures").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const config = { responsive: true, displaylogo: false, displayModeBar: false, scrollZoom: false,
    doubleClick: false, showTips: false };
  const root = document.documentElement;

  function colours(printed) {
    if (printed) return { ink: "#1b1f24", soft: "#545b66", grid: "#e4e7ec", card: "#ffffff" };
    const style = getComputedStyle(root);
    const read = (name) => style.getPropertyValue("--" + name).trim();
    return { ink: read("ink"), soft: read("soft"), grid: read("grid"), card: read("card") };
  }

  function template(printed) {
    const { ink, soft, grid, card } = colours(printed);
    const axis = { gridcolor: grid, linecolor: soft, zerolinecolor: grid, tickcolor: soft, color: ink, automargin: true };
    const wall = { ...axis, showbackground: false, gridcolor: grid, zerolinecolor: soft };
    return { layout: {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, family: getComputedStyle(document.body).fontFamily, size: 12 },
      xaxis: axis, yaxis: axis, scene: { xaxis: wall, yaxis: wall, zaxis: wall },
      hoverlabel: { bgcolor: card, bordercolor: soft, font: { color: ink } },
      legend: { font: { color: ink }, bgcolor: "rgba(0,0,0,0)" },
    } };
  }

  const shown = [];
  async function draw(id, content) {
    const place = document.getElementById(id);
    const layout = { ...content.layout, template: template(false) };
    const tall = Math.max(260, innerHeight * 0.75);
    if (layout.height > tall && innerWidth < 700 && layout.scene) layout.height = tall;
    await Plotly.react(place, content.data, layout, config);
    place.dataset.drawn = "yes";
    if (!shown.includes(place)) shown.push(place);
  }
  function redress(printed) {
    for (const place of shown) Plotly.relayout(place, { template: template(printed) });
  }
  dark.addEventListener("change", () => redress(false));

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
    redress(true);
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    redress(false);
  });

  async function start() {
    for (const [id, content] of Object.entries(told)) {
      await draw(id, content);
      await new Promise((next) => setTimeout(next));
    }
    root.dataset.ready = "yes";
  }
  start();
})();
