// Charts of a sweep from its points: any two figures with their front, and any figure along any axis.
(function () {
  "use strict";

  const page = window.archsimPage;
  const sweep = page.given.sweep;
  const metrics = new Map(sweep.metrics.map((metric) => [metric.key, metric]));
  const names = Object.keys(sweep.axes);
  const element = (id) => document.getElementById(id);
  const distinct = (values) => [...new Set(values)];
  const DIGITS = 4;
  const PREFIXES = [[12, "T"], [9, "G"], [6, "M"], [3, "k"], [0, ""], [-3, "m"], [-6, "µ"], [-9, "n"], [-12, "p"], [-15, "f"]];

  function shown(value, metric) {
    if (value === null) return "–";
    if (metric.unit === "%") return (value * 100).toFixed(2) + "\u202f%";
    if (metric.unit === "dB") return value.toFixed(1) + "\u202fdB";
    if (metric.unit === "m2") return Number((value * 1e6).toPrecision(DIGITS)) + "\u202fmm²";
    if (metric.unit === "") return value.toLocaleString("en-US", { maximumSignificantDigits: 6 });
    if (value === 0) return "0\u202f" + metric.unit;
    const size = Math.abs(Number(value.toPrecision(DIGITS)));
    const [power, prefix] = PREFIXES.find(([exponent]) => size >= Number("1e" + exponent)) || PREFIXES[PREFIXES.length - 1];
    return Number((value / Number("1e" + power)).toPrecision(DIGITS)) + "\u202f" + prefix + metric.unit;
  }

  // Places of the network that is chosen, or of all.
  function present() {
    const chosen = element("choose-work") ? element("choose-work").value : "";
    return [...sweep.points.keys()].filter((place) => !chosen || sweep.axes.workload.texts[place] === chosen);
  }

  // Fronts of the points that do the same work: designs are not better for running another network.
  function fronts(x, y) {
    const works = sweep.work.filter((name) => sweep.axes[name]);
    const gathered = new Map();
    for (const place of present()) {
      const work = JSON.stringify(works.map((name) => sweep.axes[name].texts[place]));
      gathered.set(work, [...(gathered.get(work) || []), place]);
    }
    return [...gathered.values()].map((places) => front(x, y, places));
  }

  // Of these places those that no other one beats in both figures; equal ones stay together.
  function front(x, y, places) {
    const sign = [x, y].map((metric) => (metric.larger ? -1 : 1));
    const [across, up] = [sweep.values[x.key], sweep.values[y.key]];
    const usable = places.filter((place) => across[place] !== null && up[place] !== null);
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

  // Points by the value of an axis, each group with colour, mark and legend entry. Where there are more values than
  // marks, one group on a ramp from the least value to the largest (or the first to the last of names).
  function grouped(axis) {
    const whole = { words: "", colour: sweep.palette[0], mark: sweep.markers[0], places: present() };
    if (!axis) return { groups: [whole], legend: [] };
    const { texts, numbers } = sweep.axes[axis];
    const found = distinct(texts);
    const glyphs = [...sweep.glyphs];
    if (found.length <= glyphs.length) {
      const groups = found.map((words, index) => ({
        words, colour: sweep.palette[index], mark: sweep.markers[index], glyph: glyphs[index],
        places: whole.places.filter((place) => texts[place] === words),
      }));
      return { groups, legend: groups };
    }
    const order = new Map(found.map((words, index) => [words, index]));
    const values = numbers || texts.map((words) => order.get(words));
    const [least, most] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    const ends = [least, most].map((end, index) => ({ words: texts[values.indexOf(end)], colour: mixed(index), glyph: glyphs[0] }));
    return { groups: [{ ...whole, colour: values.map((value) => mixed((value - least) / (most - least))) }], legend: ends };
  }

  function described(place, x, y) {
    const settings = names.map((name) => page.literal(name + " = " + sweep.axes[name].texts[place]));
    const figures = [x, y].map((metric) => page.literal(metric.title.replace(/ \[.*/, "")) + ": " + shown(sweep.values[metric.key][place], metric));
    return ["point " + sweep.points[place], ...settings, ...figures].join("<br>");
  }

  function marks(group, x, y) {
    const usable = group.places.filter((place) => sweep.values[x.key][place] !== null && sweep.values[y.key][place] !== null);
    return {
      type: "scatter", mode: "markers", name: page.literal(group.words),
      x: usable.map((place) => sweep.values[x.key][place] / x.size),
      y: usable.map((place) => sweep.values[y.key][place] / y.size),
      marker: { color: Array.isArray(group.colour) ? usable.map((place) => group.colour[place]) : group.colour, symbol: group.mark, size: 9, opacity: 0.85, line: { width: 0.8 } },
      customdata: usable.map((place) => described(place, x, y)),
      hovertemplate: "%{customdata}<extra></extra>",
    };
  }

  function legend(list, axis, entries) {
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

  const wordy = (name) => !sweep.axes[name].texts.some((text) => /^[0-9]/.test(text));

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
      row.append(made("th", String(sweep.points[place]), "row"), ...names.map((name) => made("td", sweep.axes[name].texts[place])), ...figures);
      names.forEach((name, index) => row.cells[index + 1].classList.toggle("words", wordy(name)));
      return row;
    }));
  }

  function trade() {
    const [x, y] = ["choose-x", "choose-y"].map((id) => metrics.get(element(id).value));
    const axis = element("choose-colour").value;
    const { groups, legend: entries } = grouped(axis);
    const kept = fronts(x, y);
    const stepped = kept.flatMap((places) => [...places, null]).slice(0, -1);
    const type = element("choose-log").checked ? "log" : "linear";
    const line = {
      type: "scatter", mode: "lines", name: "front", hoverinfo: "skip", meta: { ink: true },
      line: { shape: x.larger ? "vh" : "hv" },
      x: stepped.map((place) => (place === null ? null : sweep.values[x.key][place] / x.size)),
      y: stepped.map((place) => (place === null ? null : sweep.values[y.key][place] / y.size)),
    };
    page.charts.pareto = {
      data: [line, ...groups.map((group) => marks(group, x, y))],
      layout: { showlegend: false, xaxis: { type, title: { text: page.literal(x.title) }, zeroline: false },
        yaxis: { type, title: { text: page.literal(y.title) }, zeroline: false } },
    };
    legend(element("pareto-key"), axis, entries);
    tabled(kept.flat(), x, y);
  }

  function middle(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  function along() {
    const metric = metrics.get(element("choose-metric").value);
    const axis = element("choose-axis").value;
    const { texts, numbers, title } = sweep.axes[axis];
    const words = distinct(texts);
    const order = new Map(words.map((text, index) => [text, index]));
    const usable = present().filter((place) => sweep.values[metric.key][place] !== null);
    const where = (place) => (numbers ? numbers[place] : order.get(texts[place]));
    const value = (place) => sweep.values[metric.key][place] / metric.size;
    const gathered = new Map();
    for (const place of usable) gathered.set(where(place), [...(gathered.get(where(place)) || []), value(place)]);
    const stops = [...gathered.keys()].sort((a, b) => a - b);
    const medians = stops.map((stop) => middle(gathered.get(stop)));
    const ticks = numbers
      ? { tickvals: stops.length <= 12 ? stops : undefined }
      : { tickvals: [...words.keys()], ticktext: words.map(page.literal), range: [-0.5, words.length - 0.5] };
    page.charts.along = {
      data: [
        { type: "scatter", mode: "lines", name: "median", x: stops, y: medians, hoverinfo: "skip", meta: { ink: true } },
        { type: "scatter", mode: "markers", name: "points", x: usable.map(where), y: usable.map(value),
          marker: { color: "#3F78AE", size: 8, opacity: 0.75, line: { width: 0.8 } },
          customdata: usable.map((place) => described(place, metric, metric)), hovertemplate: "%{customdata}<extra></extra>" },
      ],
      layout: { showlegend: false, height: 360, xaxis: { ...ticks, title: { text: page.literal(title) }, zeroline: false, showgrid: false },
        yaxis: { title: { text: page.literal(metric.title) }, zeroline: false } },
    };
  }

  function listen(ids, make, chart) {
    if (!element(ids[0])) return;
    make();
    for (const id of ids) {
      if (element(id)) element(id).addEventListener("change", () => {
        make();
        page.redraw((plot) => plot.dataset.chart === chart);
      });
    }
  }

  listen(["choose-x", "choose-y", "choose-colour", "choose-log", "choose-work"], trade, "pareto");
  listen(["choose-metric", "choose-axis", "choose-work"], along, "along");
})();
