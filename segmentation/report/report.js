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

  /* A figure with choices: buttons that name it and one of them. */
  function choose(content) {
    return content.choices ? { ...content, data: content.choices[content.chosen] } : content;
  }
  for (const button of document.querySelectorAll("button[data-figure]")) {
    button.addEventListener("click", () => {
      const content = told[button.dataset.figure];
      content.chosen = Number(button.dataset.choice);
      for (const other of document.querySelectorAll(`button[data-figure="${button.dataset.figure}"]`))
        other.setAttribute("aria-pressed", String(other === button));
      draw(button.dataset.figure, choose(content));
    });
  }

  /* Customers as points. Values are 16-bit steps from the lowest to the highest, on the feature's own scale. */
  const points = told.points && told.points.points;
  function unpack(packed) {
    if (!packed.places) {
      const bytes = Uint8Array.from(atob(packed.values), (one) => one.charCodeAt(0));
      const view = new DataView(bytes.buffer);
      packed.places = Float32Array.from({ length: bytes.length / 2 }, (_, i) =>
        packed.low + view.getUint16(2 * i, true) / 65535 * (packed.high - packed.low));
    }
    return packed.places;
  }
  function tell(packed, place) {
    const value = packed.curved ? Math.expm1(place) : place;
    return packed.name + ": " + Number(value.toPrecision(4)).toLocaleString("en");
  }
  function axisOf(packed) {
    const axis = { title: { text: packed.name }, automargin: true };
    if (packed.ticks && packed.ticks.length > 1)
      Object.assign(axis, { tickvals: packed.ticks.map((one) => one[0]), ticktext: packed.ticks.map((one) => one[1]) });
    return axis;
  }
  /* Labels within WebGL are drawn as they are, so what was escaped for SVG is told by characters alike. */
  function toDrawn(axis) {
    const text = axis.title.text.replaceAll("&lt;", "\u2039").replaceAll("&gt;", "\u203a").replaceAll("&amp;", "&");
    return { ...axis, title: { text } };
  }
  const pick = (name) => document.getElementById("points-" + name);
  function hasWebGL() {
    try {
      const canvas = document.createElement("canvas");
      return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl"));
    } catch { return false; }
  }
  function drawPoints() {
    const view = pick("view").value;
    const wanted = { three: ["x", "y", "z"], two: ["x", "y"], plane: ["x", "y"] }[view];
    const packs = view === "plane" ? points.plane
      : wanted.map((axis) => pick(axis) && points.features[Number(pick(axis).value)]).filter(Boolean);
    for (const axis of ["x", "y", "z"])
      if (pick(axis)) pick(axis).disabled = view === "plane" || !wanted.includes(axis);
    const solid = view === "three" && packs.length === 3;
    let start = 0;
    const data = points.segments.map((segment, order) => {
      const end = start + segment.count, trace = {
        type: solid ? "scatter3d" : "scatter", mode: "markers", name: segment.id,
        marker: { color: segment.colour, symbol: segment.mark, size: solid ? 4 : 6, opacity: solid ? 0.85 : 0.7 },
        hovertemplate: "%{text}<extra>" + segment.id + "</extra>" };
      packs.forEach((packed, i) => { trace["xyz"[i]] = unpack(packed).slice(start, end); });
      if (packs.length === 1)
        trace.y = Float32Array.from({ length: segment.count }, (_, i) => order + ((i * 37) % 61) / 90);
      const from = start;
      trace.text = Array.from({ length: segment.count }, (_, i) =>
        packs.map((packed) => tell(packed, unpack(packed)[from + i])).join("<br>"));
      start = end;
      return trace;
    });
    const axes = {};
    packs.forEach((packed, i) => { axes["xyz"[i] + "axis"] = axisOf(packed); });
    const layout = { ...told.points.layout, hovermode: "closest", uirevision: view,
      legend: { orientation: "h", y: -0.02, yanchor: "top", itemsizing: "constant" } };
    if (solid) Object.assign(layout, { scene: {
      ...Object.fromEntries(Object.entries(axes).map(([name, axis]) => [name, toDrawn(axis)])), aspectmode: "cube", camera: { eye: { x: 1.35, y: 1.35, z: 0.75 }, center: { x: 0, y: 0, z: -0.14 } } },
      margin: { t: 0, l: 0, r: 0, b: 0 } });
    else Object.assign(layout, axes, { margin: { t: 10, l: 60, r: 15, b: 50 }, legend: { ...layout.legend, y: -0.14 } });
    if (packs.length === 1) layout.yaxis = { visible: false };
    return draw("points", { data, layout });
  }
  if (points) {
    for (const name of ["view", "x", "y", "z"])
      if (pick(name)) pick(name).addEventListener("change", drawPoints);
    const view = pick("view");
    if (view.value === "three" && !hasWebGL()) {
      view.querySelector("option[value=three]").disabled = true;
      view.value = points.plane ? "plane" : "two";
      pick("note").textContent = "This browser draws no three-dimensional figures; two dimensions are shown instead.";
    }
  }

  async function start() {
    for (const [id, content] of Object.entries(told)) {
      await (content.points ? drawPoints() : draw(id, choose(content)));
      await new Promise((next) => setTimeout(next));
    }
    root.dataset.ready = "yes";
  }
  start();
})();
