// Charts of a sweep from its points: any two figures with their front, and any figure along any axis.
(function () {
  "use strict";

  const page = window.archsimPage;
  const sweep = page.given.sweep;
  const metrics = new Map(sweep.metrics.map((metric) => [metric.key, metric]));
  const names = Object.keys(sweep.axes);
  const element = (id) => document.getElementById(id);
  const distinct = (values) => [...new Set(values)];
  const PREFIXES = [[12, "T"], [9, "G"], [6, "M"], [3, "k"], [0, ""], [-3, "m"], [-6, "µ"], [-9, "n"], [-12, "p"], [-15, "f"]];

  function shown(value, metric) {
    if (value === null) return "–";
    if (metric.unit === "%") return (value * 100).toFixed(2) + "\u202f%";
    if (metric.unit === "dB") return value.toFixed(1) + "\u202fdB";
    if (metric.unit === "m2") return Number((value * 1e6).toPrecision(3)) + "\u202fmm²";
    if (metric.unit === "") return value.toLocaleString("en-US", { maximumSignificantDigits: 6 });
    if (value === 0) return "0\u202f" + metric.unit;
    const size = Math.abs(Number(value.toPrecision(3)));
    const [power, prefix] = PREFIXES.find(([exponent]) => size >= Number("1e" + exponent)) || PREFIXES[PREFIXES.length - 1];
    return Number((value / Number("1e" + power)).toPrecision(3)) + "\u202f" + prefix + metric.unit;
  }

  // Places of the points that no other one beats in both figures; equal ones stay together.
  function front(x, y) {
    const sign = [x, y].map((metric) => (metric.larger ? -1 : 1));
    const [across, up] = [sweep.values[x.key], sweep.values[y.key]];
    const usable = [...across.keys()].filter((place) => across[place] !== null && up[place] !== null);
    const loss = (place) => [sign[0] * across[place], sign[1] * up[place]];
    usable.sort((a, b) => loss(a)[0] - loss(b)[0] || loss(a)[1] - loss(b)[1]);
    const kept = [];
    for (const place of usable) {
      const last = kept.length ? loss(kept[kept.length - 1]) : null;
      const here = loss(place);
      if (last === null || here[1] < last[1] || (here[0] === last[0] && here[1] === last[1])) kept.push(place);
    }
    return kept.sort((a, b) => across[a] - across[b] || sweep.points[a] - sweep.points[b]);
  }

  function mixed(share) {
    const place = share * (sweep.ramp.length - 1);
    const left = Math.min(Math.floor(place), sweep.ramp.length - 2);
    const parts = [left, left + 1].map((index) => [1, 3, 5].map((at) => parseInt(sweep.ramp[index].slice(at, at + 2), 16)));
    const mix = parts[0].map((low, index) => Math.round(low + (parts[1][index] - low) * (place - left)));
    return "#" + mix.map((part) => part.toString(16).padStart(2, "0")).join("");
  }

  // Colours, marks and legend entries for the values of an axis; a ramp where there are more than colours.
  function grouped(axis) {
    if (!axis) return [{ words: "", colour: sweep.palette[0], mark: sweep.markers[0], glyph: sweep.glyphs[0], places: [...sweep.points.keys()] }];
    const values = sweep.axes[axis];
    const found = distinct(values);
    const many = found.length > sweep.markers.length;
    return found.map((words, index) => ({
      words,
      colour: many ? mixed(index / (found.length - 1)) : sweep.palette[index],
      mark: sweep.markers[many ? 0 : index],
      glyph: [...sweep.glyphs][many ? 0 : index],
      places: [...values.keys()].filter((place) => values[place] === words),
    }));
  }

  function described(place, x, y) {
    const settings = names.map((name) => page.literal(name + " = " + sweep.axes[name][place]));
    const figures = [x, y].map((metric) => page.literal(metric.title.replace(/ \[.*/, "")) + ": " + shown(sweep.values[metric.key][place], metric));
    return ["point " + sweep.points[place], ...settings, ...figures].join("<br>");
  }

  function marks(group, x, y) {
    const usable = group.places.filter((place) => sweep.values[x.key][place] !== null && sweep.values[y.key][place] !== null);
    return {
      type: "scatter", mode: "markers", name: page.literal(group.words),
      x: usable.map((place) => sweep.values[x.key][place] / x.size),
      y: usable.map((place) => sweep.values[y.key][place] / y.size),
      marker: { color: group.colour, symbol: group.mark, size: 9, opacity: 0.85, line: { width: 0.8 } },
      customdata: usable.map((place) => described(place, x, y)),
      hovertemplate: "%{customdata}<extra></extra>",
    };
  }

  function legend(list, axis, groups) {
    const entries = axis ? groups : [];
    const label = document.createElement("li");
    label.textContent = axis || "";
    list.replaceChildren(label, ...entries.map((group) => {
      const entry = document.createElement("li");
      const swatch = document.createElement("i");
      const words = document.createElement("bdi");
      swatch.className = "glyph";
      swatch.style.color = group.colour;
      swatch.textContent = group.glyph;
      words.textContent = group.words;
      entry.append(swatch, words);
      return entry;
    }));
  }

  const wordy = (name) => !sweep.axes[name].some((text) => /^[0-9]/.test(text));

  function tabled(places, x, y) {
    const head = ["point", ...names, ...[x, y].map((metric) => metric.title.replace(/ \[.*/, ""))];
    const table = element("front").querySelector("table");
    const made = (tag, text, scope) => {
      const cell = document.createElement(tag);
      const inside = document.createElement("bdi");
      inside.textContent = text;
      cell.append(inside);
      if (scope) cell.scope = scope;
      return cell;
    };
    table.caption.textContent = "Front: " + head[head.length - 2] + " and " + head[head.length - 1];
    const heads = head.map((text) => made("th", text, "col"));
    heads[0].className = "words";
    names.forEach((name, place) => heads[place + 1].classList.toggle("words", wordy(name)));
    table.tHead.rows[0].replaceChildren(...heads);
    table.tBodies[0].replaceChildren(...places.map((place) => {
      const row = document.createElement("tr");
      const figures = [x, y].map((metric) => made("td", shown(sweep.values[metric.key][place], metric)));
      row.append(made("th", String(sweep.points[place]), "row"), ...names.map((name) => made("td", sweep.axes[name][place])), ...figures);
      names.forEach((name, index) => row.cells[index + 1].classList.toggle("words", wordy(name)));
      return row;
    }));
  }

  function trade() {
    const [x, y] = ["choose-x", "choose-y"].map((id) => metrics.get(element(id).value));
    const axis = element("choose-colour").value;
    const groups = grouped(axis);
    const kept = front(x, y);
    const type = element("choose-log").checked ? "log" : "linear";
    const line = {
      type: "scatter", mode: "lines", name: "front", hoverinfo: "skip", meta: { ink: true },
      line: { shape: x.larger ? "vh" : "hv" },
      x: kept.map((place) => sweep.values[x.key][place] / x.size),
      y: kept.map((place) => sweep.values[y.key][place] / y.size),
    };
    page.charts.pareto = {
      data: [line, ...groups.map((group) => marks(group, x, y))],
      layout: { showlegend: false, xaxis: { type, title: { text: page.literal(x.title) }, zeroline: false },
        yaxis: { type, title: { text: page.literal(y.title) }, zeroline: false } },
    };
    legend(element("pareto-key"), axis, groups);
    tabled(kept, x, y);
  }

  function middle(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  function along() {
    const metric = metrics.get(element("choose-metric").value);
    const axis = element("choose-axis").value;
    const words = distinct(sweep.axes[axis]);
    const numbers = words.map(Number);
    const numeric = words.every((text, index) => text.trim() !== "" && Number.isFinite(numbers[index]));
    const usable = [...sweep.points.keys()].filter((place) => sweep.values[metric.key][place] !== null);
    const where = (place) => (numeric ? Number(sweep.axes[axis][place]) : words.indexOf(sweep.axes[axis][place]));
    const value = (place) => sweep.values[metric.key][place] / metric.size;
    const stops = distinct(usable.map(where)).sort((a, b) => a - b);
    const medians = stops.map((stop) => middle(usable.filter((place) => where(place) === stop).map(value)));
    const ticks = numeric
      ? { tickvals: stops.length <= 12 ? stops : undefined }
      : { tickvals: [...words.keys()], ticktext: words.map(page.literal), range: [-0.5, words.length - 0.5] };
    page.charts.along = {
      data: [
        { type: "scatter", mode: "lines", name: "median", x: stops, y: medians, hoverinfo: "skip", meta: { ink: true } },
        { type: "scatter", mode: "markers", name: "points", x: usable.map(where), y: usable.map(value),
          marker: { color: "#3F78AE", size: 8, opacity: 0.75, line: { width: 0.8 } },
          customdata: usable.map((place) => described(place, metric, metric)), hovertemplate: "%{customdata}<extra></extra>" },
      ],
      layout: { showlegend: false, height: 360, xaxis: { ...ticks, title: { text: page.literal(axis) }, zeroline: false, showgrid: false },
        yaxis: { title: { text: page.literal(metric.title) }, zeroline: false } },
    };
  }

  function listen(ids, make, chart) {
    if (!element(ids[0])) return;
    make();
    for (const id of ids) {
      element(id).addEventListener("change", () => {
        make();
        page.redraw((plot) => plot.dataset.chart === chart);
      });
    }
  }

  listen(["choose-x", "choose-y", "choose-colour", "choose-log"], trade, "pareto");
  listen(["choose-metric", "choose-axis"], along, "along");
})();
