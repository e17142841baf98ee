"use strict";
/* Draws the report's figures in the reader's colours, and lets readers choose axes. The figures' data are in
   the page as JSON, with texts already escaped for plotly.js. Nothing is fetched. */
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const darkScheme = matchMedia("(prefers-color-scheme: dark)");
  const config = { responsive: true, displaylogo: false, displayModeBar: false, scrollZoom: false,
    doubleClick: false, showTips: false };
  const root = document.documentElement;

  /* Colours: those of the style sheet on the screen, those of its light theme on paper. */
  function getColours(isPrinted) {
    if (isPrinted) return { ink: "#1b1f24", soft: "#545b66", grid: "#e4e7ec", card: "#ffffff" };
    const style = getComputedStyle(root);
    const get = (name) => style.getPropertyValue("--" + name).trim();
    return { ink: get("ink"), soft: get("soft"), grid: get("grid"), card: get("card") };
  }

  function makeTemplate(isPrinted) {
    const { ink, soft, grid, card } = getColours(isPrinted);
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

  const plots = [];
  async function draw(id, figure) {
    const plot = document.getElementById(id);
    const layout = { ...figure.layout, template: makeTemplate(false) };
    const maxHeight = Math.max(260, innerHeight * 0.75);
    /* On a phone a tall 3D scene would catch every touch, so that the page could not be scrolled. */
    if (layout.height > maxHeight && innerWidth < 700 && layout.scene) layout.height = maxHeight;
    await Plotly.react(plot, figure.data, layout, config);
    plot.dataset.drawn = "yes";
    if (!plots.includes(plot)) plots.push(plot);
  }
  function recolour(isPrinted) {
    for (const plot of plots) Plotly.relayout(plot, { template: makeTemplate(isPrinted) });
  }
  darkScheme.addEventListener("change", () => recolour(false));

  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details:not([open])")];
    for (const details of unfolded) details.open = true;
    recolour(true);
  });
  addEventListener("afterprint", () => {
    for (const details of unfolded) details.open = false;
    recolour(false);
  });

  /* A figure may have several choices of data, some with a title of the axis for each. Buttons and menus name
     a figure, and the index of a choice. */
  function withChosenData(figure) {
    if (!figure.choices) return figure;
    const chosen = { ...figure, data: figure.choices[figure.chosen] };
    if (!figure.axisTitles) return chosen;
    const title = { ...figure.layout.yaxis.title, text: figure.axisTitles[figure.chosen] };
    return { ...chosen, layout: { ...figure.layout, yaxis: { ...figure.layout.yaxis, title } } };
  }
  for (const menu of document.querySelectorAll("select[data-figure]")) {
    const figure = figures[menu.dataset.figure];
    menu.addEventListener("change", () => {
      figure.chosen = Number(menu.value);
      draw(menu.dataset.figure, withChosenData(figure));
    });
  }
  for (const button of document.querySelectorAll("button[data-figure]")) {
    const id = button.dataset.figure;
    button.addEventListener("click", () => {
      figures[id].chosen = Number(button.dataset.choice);
      for (const sibling of document.querySelectorAll(`button[data-figure="${id}"]`))
        sibling.setAttribute("aria-pressed", String(sibling === button));
      draw(id, withChosenData(figures[id]));
    });
  }

  /* Customers as points. scatter.py packs values as 16-bit steps from the lowest to the highest value, on the
     feature's own scale. */
  const points = figures.points && figures.points.points;
  function unpack(feature) {
    if (!feature.coordinates) {
      const bytes = Uint8Array.from(atob(feature.values), (character) => character.charCodeAt(0));
      const view = new DataView(bytes.buffer);
      feature.coordinates = Float32Array.from({ length: bytes.length / 2 }, (_, i) =>
        feature.low + view.getUint16(2 * i, true) / 65535 * (feature.high - feature.low));
    }
    return feature.coordinates;
  }
  function formatValue(feature, coordinate) {
    const value = feature.curved ? Math.expm1(coordinate) : coordinate;
    return feature.name + ": " + Number(value.toPrecision(4)).toLocaleString("en");
  }
  function makeAxis(feature) {
    const axis = { title: { text: feature.title || feature.name }, automargin: true };
    if (feature.ticks && feature.ticks.length > 1)
      Object.assign(axis, { tickvals: feature.ticks.map(([at]) => at), ticktext: feature.ticks.map(([, label]) => label) });
    return axis;
  }
  /* In SVG, plotly.js shows escaped labels as they were. In WebGL it shows the escapes, so use lookalikes. */
  function forWebGL(axis, feature) {
    const text = (feature.short || feature.name).replaceAll("&lt;", "\u2039").replaceAll("&gt;", "\u203a").replaceAll("&amp;", "&");
    return { ...axis, title: { text } };
  }
  const getControl = (name) => document.getElementById("points-" + name);
  function hasWebGL() {
    try {
      const canvas = document.createElement("canvas");
      return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl"));
    } catch { return false; }
  }
  function makeTrace(segment, position, start, features, is3D) {
    const end = start + segment.count;
    const trace = {
      type: is3D ? "scatter3d" : "scatter", mode: "markers", name: segment.id, legendrank: segment.rank,
      marker: { color: segment.colour, symbol: segment.mark, size: is3D ? 4 : 6, opacity: is3D ? 0.85 : 0.7 },
      hovertemplate: "%{text}<extra>" + segment.id + "</extra>" };
    features.forEach((feature, i) => { trace["xyz"[i]] = unpack(feature).slice(start, end); });
    /* One feature: spread the points in a band for each segment. */
    if (features.length === 1)
      trace.y = Float32Array.from({ length: segment.count }, (_, i) => position + ((i * 37) % 61) / 90);
    trace.text = Array.from({ length: segment.count }, (_, i) =>
      features.map((feature) => formatValue(feature, unpack(feature)[start + i])).join("<br>"));
    return trace;
  }
  function makeLayout(view, features, is3D) {
    const layout = { ...figures.points.layout, hovermode: "closest", uirevision: view };
    const legend = { orientation: "h", yanchor: "top", itemsizing: "constant" };
    const axes = {};
    features.forEach((feature, i) => {
      axes["xyz"[i] + "axis"] = is3D ? forWebGL(makeAxis(feature), feature) : makeAxis(feature);
    });
    if (is3D) {
      const far = innerWidth < 700 ? 1.35 : 1; // a narrow scene would cut off the titles of its axes
      const camera = { eye: { x: 1.35 * far, y: 1.35 * far, z: 0.75 * far }, center: { x: 0, y: 0, z: -0.14 } };
      return { ...layout, scene: { ...axes, aspectmode: "cube", camera }, margin: { t: 0, l: 0, r: 0, b: 0 },
        legend: { ...legend, y: -0.02 } };
    }
    if (features.length === 1)
      axes.yaxis = { title: { text: "segment" }, showticklabels: false, showgrid: false, zeroline: false };
    return { ...layout, ...axes, margin: { t: 10, l: 60, r: 15, b: 50 }, legend: { ...legend, y: -0.14 } };
  }
  function drawPoints() {
    const view = getControl("view").value;
    const axes = { three: ["x", "y", "z"], two: ["x", "y"], plane: ["x", "y"] }[view];
    const features = view === "plane" ? points.plane
      : axes.map((axis) => getControl(axis) && points.features[Number(getControl(axis).value)]).filter(Boolean);
    for (const axis of ["x", "y", "z"])
      if (getControl(axis)) getControl(axis).disabled = view === "plane" || !axes.includes(axis);
    const is3D = view === "three" && features.length === 3;
    let start = 0;
    const data = points.segments.map((segment, position) => {
      const trace = makeTrace(segment, position, start, features, is3D);
      start += segment.count;
      return trace;
    });
    return draw("points", { data, layout: makeLayout(view, features, is3D) });
  }
  if (points) {
    for (const name of ["view", "x", "y", "z"])
      if (getControl(name)) getControl(name).addEventListener("change", drawPoints);
    const view = getControl("view");
    if (view.value === "three" && !hasWebGL()) {
      view.querySelector("option[value=three]").disabled = true;
      view.value = points.plane ? "plane" : "two";
      getControl("note").textContent = "This browser cannot draw three-dimensional figures, so two dimensions are shown.";
    }
  }

  async function start() {
    for (const [id, figure] of Object.entries(figures)) {
      await (figure.points ? drawPoints() : draw(id, withChosenData(figure)));
      await new Promise((resolve) => setTimeout(resolve)); // lets the browser respond between figures
    }
    root.dataset.ready = "yes";
  }
  start();
})();
