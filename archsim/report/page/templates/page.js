// Draws the charts of this page from the data beside it, filters layers, and redraws for other widths and for print.
(function () {
  "use strict";

  const given = JSON.parse(document.getElementById("archsim-data").textContent);
  const charts = given.charts;
  const plots = [...document.querySelectorAll(".plot[data-chart]")];
  const hidden = new Map();
  const drawn = new Set();
  const paper = window.matchMedia("print");
  const colours = { ink: "#1d2329", soft: "#56616b", rule: "#e3e7ea", paper: "#ffffff" };
  const PRINTED = { whole: 660, half: 322 };
  const touch = window.matchMedia("(hover: none)").matches;
  let terms = [];
  let printing = false;

  // Plotly reads labels as a small subset of HTML: names are to stand there as they are.
  const literal = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  function shorten(name, most) {
    const letters = [...name];
    if (letters.length <= most) return name;
    const head = Math.ceil((most - 1) * 0.4);
    return letters.slice(0, head).join("") + "…" + letters.slice(letters.length - (most - 1 - head)).join("");
  }

  function matches(name) {
    const folded = name.toLowerCase();
    return terms.length === 0 || terms.some((term) => folded.includes(term));
  }

  // Keeps the chosen points of every array that has an entry for each point.
  function picked(node, keep, count) {
    if (Array.isArray(node)) return node.length === count ? keep.map((place) => node[place]) : node;
    if (node === null || typeof node !== "object") return node;
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, picked(value, keep, count)]));
  }

  function chosen(trace, places, free) {
    if (!trace.meta || !trace.meta.rows) return trace;
    const rows = trace.meta.rows;
    const keep = [...rows.keys()].filter((index) => places.has(rows[index]));
    const { meta, ...rest } = trace;
    const result = { ...picked(rest, keep, rows.length), meta: { ...meta, rows: keep.map((index) => rows[index]) } };
    if (!free) result.y = keep.map((index) => places.get(rows[index]) + trace.y[index] - rows[index]);
    return result;
  }

  function placesAxis(names, width, row) {
    const room = Math.min(200, Math.max(84, width * 0.36));
    const most = Math.floor(room / 6.3);
    const step = Math.max(1, Math.ceil(12 / row));
    const ticks = [...names.keys()].filter((place) => place % step === 0);
    const texts = ticks.map((place) => literal(shorten(names[place], most)));
    const longest = Math.max(4, ...ticks.map((place) => Math.min(most, [...names[place]].length)));
    return {
      margin: Math.min(room, longest * 6.3) + 14,
      axis: { tickmode: "array", tickvals: ticks, ticktext: texts, range: [names.length - 0.5, -0.5], showgrid: false,
        zeroline: false, fixedrange: true, ticks: "" },
    };
  }

  function axisStyle() {
    const font = { color: colours.ink, size: 11 };
    return { gridcolor: colours.rule, linecolor: colours.soft, tickfont: font, automargin: true, ticks: "outside",
      tickcolor: colours.soft, ticklen: 3, title: { font: { color: colours.ink, size: 12 }, standoff: 8 } };
  }

  function joined(base, more) {
    const result = { ...base };
    for (const [key, value] of Object.entries(more || {})) {
      const both = result[key] && typeof result[key] === "object" && !Array.isArray(value) && typeof value === "object";
      result[key] = both ? joined(result[key], value) : value;
    }
    return result;
  }

  function tinted(trace) {
    const result = { ...trace };
    if (trace.meta && trace.meta.ink) result.line = { ...trace.line, color: colours.ink, width: 1.5 };
    if (trace.type === "scatter" && trace.marker) {
      result.marker = joined(trace.marker, { line: { color: colours.paper } });
      if (/-open$/.test(String(trace.marker.symbol))) result.marker = { ...trace.marker, line: { width: 2 } };
    }
    if (trace.error_x) result.error_x = { ...trace.error_x, color: trace.marker.color };
    if (trace.type === "treemap") {
      result.marker = joined(trace.marker, { line: { color: colours.paper } });
      result.root = { color: "rgba(0,0,0,0)" };
    }
    return result;
  }

  function figureOf(id, width) {
    const spec = charts[id];
    const section = document.getElementById("figure-" + id).closest("section").id;
    const off = hidden.get(section) || new Set();
    const visible = (trace) => !(trace.meta && off.has(trace.meta.series));
    let data = spec.data.filter(visible).map((trace) => tinted(trace));
    const style = axisStyle();
    let layout = joined(
      { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", width, hovermode: "closest",
        font: { family: "system-ui, sans-serif", color: colours.ink, size: 11 }, xaxis: style, yaxis: style,
        margin: { l: 58, r: 14, t: 8, b: 44 }, height: 420, dragmode: touch ? false : "zoom",
        hoverlabel: { align: "left", bgcolor: colours.paper, bordercolor: colours.soft,
          font: { color: colours.ink, size: 12 } } },
      spec.layout,
    );
    const names = spec.rows || spec.layers;
    if (names) {
      const kept = [...names.keys()].filter((place) => !spec.layers || matches(names[place]));
      const places = new Map(kept.map((place, position) => [place, position]));
      data = data.map((trace) => chosen(trace, places, spec.free));
      if (!spec.free) {
        const row = spec.rows ? 40 : Math.min(17, (printing ? 660 : 860) / Math.max(1, kept.length));
        const { margin, axis } = placesAxis(kept.map((place) => names[place]), width, row);
        layout = joined(layout, { yaxis: axis, height: Math.max(1, kept.length) * row + 56, margin: { l: margin } });
        layout.yaxis.automargin = false;
      }
      document.getElementById("figure-" + id).hidden = kept.length === 0;
    }
    if (data.some((trace) => trace.type === "treemap")) {
      layout = joined(layout, { height: Math.round(Math.min(380, width * 0.7)), margin: { l: 0, r: 0, t: 0, b: 0 } });
    }
    return { data, layout };
  }

  function printed(plot) {
    const panels = plot.closest(".panels");
    return panels && panels.children.length > 1 ? PRINTED.half : PRINTED.whole;
  }

  function draw(plot) {
    const id = plot.dataset.chart;
    const width = printing ? printed(plot) : plot.parentElement.clientWidth || plot.clientWidth;
    const { data, layout } = figureOf(id, Math.max(200, width));
    const options = { displaylogo: false, responsive: false, showTips: false, plotlyServerURL: "",
      displayModeBar: touch ? false : "hover",
      modeBarButtons: [data.some((trace) => trace.type === "treemap") ? ["toImage"] : ["toImage", "zoom2d", "pan2d", "resetScale2d"]],
      toImageButtonOptions: { format: "svg", filename: id } };
    window.Plotly.react(plot, data, layout, options);
    drawn.add(plot);
  }

  const layered = (plot) => Boolean(charts[plot.dataset.chart].layers);
  const redraw = (which) => plots.filter((plot) => drawn.has(plot) && (!which || which(plot))).forEach(draw);

  function filter(text) {
    terms = text.toLowerCase().split(",").map((term) => term.trim()).filter(Boolean);
    const names = new Set();
    const found = new Set();
    for (const row of document.querySelectorAll("tr[data-layer]")) {
      const name = row.dataset.layer;
      row.hidden = !matches(name);
      names.add(name);
      if (!row.hidden) found.add(name);
    }
    const output = document.getElementById("matching");
    output.textContent = terms.length ? found.size + " of " + names.size + " layers" : "";
    document.querySelector(".bar").classList.toggle("filtering", terms.length > 0);
    redraw(layered);
  }

  function later(task, wait) {
    let timer = 0;
    return (...words) => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => task(...words), wait);
    };
  }

  function toggle(button) {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    const section = button.dataset.section;
    const off = hidden.get(section) || new Set();
    if (on) off.delete(button.dataset.series);
    else off.add(button.dataset.series);
    hidden.set(section, off);
    redraw((plot) => plot.closest("section").id === section);
  }

  function print(on) {
    if (printing === on) return;
    printing = on;
    for (const block of document.querySelectorAll("details")) {
      if (on && !block.open) block.dataset.closed = "yes";
      if (on || block.dataset.closed) block.open = on;
      if (!on) delete block.dataset.closed;
    }
    if (on) plots.forEach(draw);
    else redraw();
  }

  // What is seen first is drawn first; the rest follows without holding up the page.
  function begin() {
    const waiting = [...plots];
    function next() {
      const plot = waiting.shift();
      if (plot === undefined) {
        document.documentElement.dataset.ready = "yes";
        return;
      }
      if (!drawn.has(plot)) draw(plot);
      window.setTimeout(next, 0);
    }
    next();
  }

  window.archsimPage = { given, charts, redraw, literal };
  const input = document.getElementById("layers");
  if (input) input.addEventListener("input", later(() => filter(input.value), 120));
  document.querySelectorAll(".key button").forEach((button) => button.addEventListener("click", () => toggle(button)));
  window.addEventListener("resize", later(() => redraw(), 150));
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));
  paper.addEventListener("change", (event) => print(event.matches));
  // A script behind this one may have charts to add.
  document.addEventListener("DOMContentLoaded", begin);
})();
