import { WORDS } from "/words.js";
import { replay } from "/replay.js";

// Everything that is shown is a value of a report of the API, made into text here and put into the page as text, never as
// markup. Each figure carries the report and the place in it that it came from (data-source, data-from, data-as), so that
// a test can compare the page with the report.

const parameters = () => new URLSearchParams(location.hash.slice(1));

const language = () => {
  const asked = parameters().get("lang");
  if (Object.hasOwn(WORDS, asked ?? "")) return asked;
  return navigator.language.startsWith("zh") ? "zh" : "en";
};

const label = (key) => WORDS[language()][key];

/** An element; attributes that are null are left out, texts become text nodes. */
const h = (tag, attributes = {}, ...inside) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...inside.flat(Infinity).filter((each) => each !== null));
  return element;
};

const word = (key, style = null) => h("span", { "data-word": key, class: style }, label(key));

const two = (n) => String(n).padStart(2, "0");

const age = (seconds) => {
  if (seconds < 0) return `-${age(-seconds)}`;
  if (seconds < 1) return `${Math.trunc(Math.round(seconds * 1e6) / 1000)}ms`;
  const s = Math.trunc(seconds);
  if (s < 60) return `${s}s`;
  const pair = (large, a, small, b) => (small ? `${large}${a} ${small}${b}` : `${large}${a}`);
  if (s < 3600) return pair(Math.trunc(s / 60), "m", s % 60, "s");
  const m = Math.trunc(s / 60);
  if (m < 24 * 60) return pair(Math.trunc(m / 60), "h", m % 60, "m");
  const hours = Math.trunc(m / 60);
  return pair(Math.trunc(hours / 24), "d", hours % 24, "h");
};

const clock = (text, now) => {
  const time = new Date(text);
  const hour = `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
  return text.slice(0, 10) === now.slice(0, 10) ? hour : `${text.slice(0, 10)} ${hour}`;
};

/** How values of each kind read; the same as in anycastctl. `now` is the report's own time. */
const READ = {
  text: (value) => String(value),
  list: (value) => value.join(" "),
  count: (value) => String(value),
  capitals: (value) => (value === "ok" ? value : value.toUpperCase()),
  verdict: (value) => (value === "bad" ? "BAD" : value),
  ms: (value) => {
    const ms = Math.round(value * 1e6) / 1000;
    return `${ms.toFixed(Math.abs(ms) < 10 ? 1 : 0)}ms`;
  },
  share: (value) => {
    const percent = Math.round(value * 1e6) / 1e4;
    return `${percent.toFixed(percent < 99.95 ? 1 : 0)}%`;
  },
  age,
  since: (value, now) => age(Math.max(0, (Date.parse(now) - Date.parse(value)) / 1000) || 0),
  clock,
  moment: (value) => clock(value, ""),
  hex: (value) => value.toString(16).padStart(8, "0"),
  // Points of a line of /v1/series: [number of the span, sent, lost, p10, median, p90, jitter].
  point_time: (value, now, report) => {
    const at = Date.parse(report.from) + value[0] * report.span_seconds * 1000;
    return clock(new Date(at).toISOString(), report.time);
  },
  point_sent: (value) => String(value[1]),
  point_loss: (value) => READ.share(value[2] / value[1]),
  point_p10: (value, now, report) => READ.ms(value[3] * report.unit_seconds),
  point_median: (value, now, report) => READ.ms(value[4] * report.unit_seconds),
  point_p90: (value, now, report) => READ.ms(value[5] * report.unit_seconds),
  point_jitter: (value, now, report) => READ.ms(value[6] * report.unit_seconds),
  stance: (value) => {
    const asks = Object.entries(value.asks ?? {}).map(([carrier, ask]) => `, ${carrier}: ${ask}`);
    return `${value.state}${value.state === "prepended" ? ` ${value.prepend}` : ""}${asks.join("")}`;
  },
};

/** A value of a report, with its place in it. */
class Value {
  constructor(source, report, value = report, place = "") {
    Object.assign(this, { source, report, value, place });
  }
  at(...keys) {
    let { value, place } = this;
    for (const key of keys) {
      value = value?.[key] ?? null;
      place += `/${key}`;
    }
    return new Value(this.source, this.report, value, place);
  }
  get absent() {
    return this.value === null || this.value === "";
  }
  items() {
    return Array.isArray(this.value) ? this.value.map((_, i) => this.at(i)) : [];
  }
  /** The value as text; `otherwise` where there is none. */
  show(as = "text", style = null, otherwise = "-") {
    if (this.absent) return otherwise;
    const text = READ[as](this.value, this.report.time ?? "", this.report);
    return h("span", { "data-source": this.source, "data-from": this.place, "data-as": as, class: style }, text);
  }
}

const fact = (name, ...inside) => h("li", {}, word(name, "name"), " ", inside);

const heading = (id, key, ...more) => h("h2", { id }, word(key), more.length ? [" ", more] : []);

/** A table whose cells say their column on narrow screens. Columns: {key} of a word or {text} of a value. */
const table = (named, columns, rows) =>
  h("table", { role: "table", "aria-labelledby": named },
    h("thead", { role: "rowgroup" },
      h("tr", { role: "row" }, columns.map((c) => h("th", { role: "columnheader", scope: "col" }, c.head)))),
    h("tbody", { role: "rowgroup" }, rows));

const cell = (column, style, ...inside) =>
  h("td", { role: "cell", class: style, "data-label": column.head.textContent }, inside);

const column = (head) => ({ head });

const head = (r) => {
  const health = r.at("health");
  const router = r.at("local", "router");
  const tone = { ok: "ok", degraded: "warn", frozen: "warn", blind: "bad", fault: "bad" }[health.value] ?? "unknown";
  const evidence = r.at("evidence");
  const prefixes = r.at("prefixes").items().map((p) =>
    h("li", {}, h("strong", {}, p.at("prefix").show()), " AS", p.at("origin_asn").show("count")));
  return [
    h("h1", {}, r.at("node").show(), health.show("capitals", `badge ${tone}`),
      h("a", { href: `#${other_language()}`, "data-key": "language", lang: language() === "zh" ? "en" : "zh" },
        h("small", { "data-word": "language" }, label("language")))),
    h("ul", { class: "facts" },
      prefixes,
      fact("mode", r.at("mode").show()),
      fact("condition", r.at("condition", "state").show(), " ", word("since", "name"), " ",
        r.at("condition", "since").show("since")),
      h("li", {}, h("span", { class: "name" }, "anycastd"), " ", r.at("version").show(), " ", word("up", "name"), " ",
        r.at("uptime_seconds").show("age")),
      fact("router", router.at("kind").show(), " ",
        router.at("up").value ? router.at("version").show() : word("silent", "bad")),
      fact("revision", router.at("revision").show("hex", null, word("none"))),
      fact("configuration", r.at("config", "digest").show(), " ", word("loaded_ago", "name"), " ",
        r.at("config", "loaded").show("since"), " ", word("ago", "name")),
      evidence.at("age_seconds").absent
        ? fact("evidence", word("no_evidence", "bad"))
        : fact("evidence", evidence.at("age_seconds").show("age"), " ", word("old", "name")),
      h("li", {}, evidence.at("probes_fresh").show("count"), " ", word("of"), " ",
        evidence.at("probes_expected").show("count"), " ", word("series", "name")),
      h("li", {}, r.at("fleet", "announcing").show("count"), " ", word("of"), " ",
        r.at("fleet", "nodes").show("count"), " ", word("nodes_announce", "name")),
      fact("cycle", word("every", "name"), " ", r.at("cycle", "interval_seconds").show("age"), " ",
        word("took", "name"), " ", r.at("cycle", "took_seconds").show("age")),
      fact("picture", r.at("time").show("moment"), " UTC")),
  ];
};

/** A drain or a freeze of a person. */
const standing = (order, key) =>
  order.absent ? null : h("li", { class: "warn" },
    word(key), " ", order.at("actor").show(), " ", word("since"), " ", order.at("since").show("since"), ", ",
    order.at("until").absent ? word("taken_back") : [word("until"), " ", order.at("until").show("clock")],
    ': "', order.at("reason").show(), '"');

const pin = (upstream) => {
  const value = upstream.at("pin");
  return value.absent ? null : h("li", { class: "warn" },
    upstream.at("name").show(), " ", word("pinned"), " ", value.show("stance"), " ", word("by"), " ",
    value.at("actor").show(), ", ",
    value.at("until").absent ? word("taken_back") : [word("until"), " ", value.at("until").show("clock")],
    ': "', value.at("reason").show(), '"');
};

const trouble = (r) => {
  const rank = { error: 0, warning: 1, info: 2 };
  const tone = { error: "bad", warning: "warn" };
  const notices = r.at("notices").items()
    .sort((a, b) => (rank[a.at("level").value] ?? 3) - (rank[b.at("level").value] ?? 3))
    .map((n) => h("li", { class: tone[n.at("level").value] ?? "unknown" },
      n.at("level").show("text", "unseen"), n.at("text").show()));
  const probation = r.at("local", "router", "confirm_until");
  const lines = [notices, standing(r.at("freeze"), "frozen"), standing(r.at("drain"), "drained"),
    r.at("upstreams").items().map(pin),
    probation.absent ? null : h("li", { class: "warn" }, word("probation"), " ", probation.show("clock"))]
    .flat().filter((line) => line !== null);
  return [heading("trouble-title", "trouble"),
    h("ul", { class: "notices" }, lines.length ? lines : h("li", { class: "ok" }, word("calm")))];
};

const SEVERITY = { bad: 3, warn: 2, unknown: 1, ok: 0 };

const figure = (value, name, as) =>
  value.absent ? null : h("span", { class: "figure" }, word(name, "unseen"), " ", value.show(as));

const SVG = "http://www.w3.org/2000/svg";

const draw_shape = (tag, attributes, ...inside) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
};

// Of a plot, in units of its own: three bands below each other, RTT, loss and jitter.
const WIDE = 480;
const LEFT = 36;
const BANDS = { rtt: [14, 96], loss: [122, 40], jitter: [174, 40] };
const HIGH = 232;

/** What all plots share: the same scale makes them comparable. */
const scale_of = (series) => {
  const { lines, limits, unit_seconds: unit, span_seconds: span } = series;
  const points = lines.flatMap((line) => line.points);
  const most = (values, least) => values.reduce((a, b) => Math.max(a, b), least);
  const from = Date.parse(series.from);
  const until = Date.parse(series.until);
  const x = (time) => LEFT + (WIDE - LEFT) * Math.min(1, Math.max(0, (time - from) / (until - from)));
  const top = {
    rtt: 1.05 * most(points.map((p) => p[5] * unit), most(limits.map((l) => l.rtt_bad_seconds), 0.01)),
    loss: Math.min(1, 1.05 * most(points.map((p) => p[2] / p[1]), most(limits.map((l) => l.loss_bad_ratio), 0.01))),
    jitter: 1.05 * most(points.map((p) => p[6] * unit), most(limits.map((l) => l.jitter_bad_seconds), 0.005)),
  };
  const y = (band, value) => {
    const [begin, height] = BANDS[band];
    return (begin + height * (1 - Math.min(1, value / top[band]))).toFixed(1);
  };
  return { x, y, top, unit, at: (p) => x(from + (p[0] + 0.5) * span * 1000), step: span * 1000 };
};

/** Runs of points without a gap: what was not measured is not joined. */
const runs_of = (points) => {
  const runs = [];
  for (const p of points) {
    if (p[1] === p[2]) continue; // no reply: there is no RTT
    const last = runs.at(-1)?.at(-1);
    if (last && p[0] === last[0] + 1) runs.at(-1).push(p);
    else runs.push([p]);
  }
  return runs;
};

const path_of = (scale, band, points, value) =>
  points.map((p, i) => `${i ? "L" : "M"}${scale.at(p).toFixed(1)} ${scale.y(band, value(p))}`).join("")
  + (points.length === 1 ? "h1" : "");

const curves = (scale, points) => {
  const shapes = runs_of(points).flatMap((run) => {
    const back = run.toReversed().map((p) => `L${scale.at(p).toFixed(1)} ${scale.y("rtt", p[3] * scale.unit)}`).join("");
    return [
      draw_shape("path", { class: "band", d: `${path_of(scale, "rtt", run, (p) => p[5] * scale.unit)}${back}Z` }),
      draw_shape("path", { class: "median", d: path_of(scale, "rtt", run, (p) => p[4] * scale.unit) }),
      draw_shape("path", { class: "median", d: path_of(scale, "jitter", run, (p) => p[6] * scale.unit) }),
    ];
  });
  const floor = scale.y("loss", 0);
  const bars = points.filter((p) => p[2] > 0)
    .map((p) => `M${scale.at(p).toFixed(1)} ${floor}V${scale.y("loss", p[2] / p[1])}`).join("");
  return bars ? [...shapes, draw_shape("path", { class: "lost", d: bars })] : shapes;
};

/** The thresholds of a carrier as they were at each time. */
const thresholds = (scale, series, carrier) => {
  const own = series.limits.filter((l) => l.carrier === carrier);
  const step = (band, field, style) => draw_shape("path", { class: style, d: own.map((l, i) => {
    const until = own[i + 1]?.time ?? series.until;
    return `M${scale.x(Date.parse(l.time)).toFixed(1)} ${scale.y(band, l[field])}H${scale.x(Date.parse(until)).toFixed(1)}`;
  }).join("") });
  return [["rtt", "rtt", "seconds"], ["loss", "loss", "ratio"], ["jitter", "jitter", "seconds"]].flatMap(
    ([band, name, unit]) => [step(band, `${name}_bad_${unit}`, "limit-bad"), step(band, `${name}_clear_${unit}`, "limit-clear")]);
};

const LETTERS = { "step-announce": "A", "step-prepend": "P", "step-drain": "D", "step-withdraw": "W",
  "rolled-back": "R", operator: "O", frozen: "F", blind: "B" };

/** Marks of what was done on sessions of this node that lead to the carrier, and of what stopped everything. */
const marks_of = (series, line) => {
  if (line.node !== series.node) return [];
  const leads = (name) => status.upstreams.find((u) => u.name === name)?.carries.includes(line.carrier);
  return series.marks.filter((m) => (m.upstream ? (!line.upstream || line.upstream === m.upstream) && leads(m.upstream) : true));
};

const mark_shape = (scale, mark) => {
  const x = scale.x(Date.parse(mark.time)).toFixed(1);
  const letter = draw_shape("text", { x, y: 10, "text-anchor": "middle", "data-word": "mark" }, LETTERS[mark.kind] ?? "?");
  const title = draw_shape("title", { "data-word": "mark" }, `${mark.time} ${mark.text}`);
  const line = draw_shape("line", { class: "mark", x1: x, x2: x, y1: 13, y2: HIGH - 16 });
  if (!mark.decision) return draw_shape("g", {}, line, letter, title);
  const href = `#${hash({ decision: mark.decision })}`;
  return draw_shape("a", { href, "data-key": `mark ${mark.time} ${mark.kind}` }, line, letter, title);
};

/** Frames, and what the axes say. */
const axes = (scale, series) => {
  const text = (x, y, anchor, words) => draw_shape("text", { x, y, "text-anchor": anchor, "data-word": "axis" }, words);
  const shapes = Object.entries(BANDS).flatMap(([band, [begin, height]]) => [
    draw_shape("rect", { class: "frame", x: LEFT, y: begin, width: WIDE - LEFT, height }),
    text(LEFT - 3, begin + 8, "end", band === "loss" ? READ.share(scale.top.loss) : READ.ms(scale.top[band])),
    text(LEFT - 3, begin + height, "end", label(band)),
  ]);
  const [from, until] = [Date.parse(series.from), Date.parse(series.until)];
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    const time = new Date(from + part * (until - from)).toISOString();
    const words = until - from > 2 * 86400e3 ? time.slice(5, 10) : time.slice(11, 16);
    shapes.push(text(LEFT + part * (WIDE - LEFT), HIGH - 4, part === 0 ? "start" : part === 1 ? "end" : "middle", words));
  }
  return shapes;
};

/** A point in words. */
const point_words = (p) => [p.show("point_time"), " ", word("median", "name"), " ", p.show("point_median"), " (",
  p.show("point_p10"), " - ", p.show("point_p90"), ") ", word("loss", "name"), " ", p.show("point_loss"), " ",
  word("jitter", "name"), " ", p.show("point_jitter"), " "];

/** The same as a table, for who does not see the plot: of each hour the slowest span. */
const point_table = (id, points) => {
  const hours = new Map();
  for (const p of points) {
    const hour = Math.floor((p.value[0] * p.report.span_seconds) / 3600);
    if (!hours.has(hour) || hours.get(hour).value[4] < p.value[4]) hours.set(hour, p);
  }
  const columns = ["time", "median", "rtt", "loss", "jitter", "replies"].map((k) => column(word(k)));
  return table(id, columns, [...hours.values()].map((p) => h("tr", { role: "row" },
    cell(columns[0], "short", p.show("point_time")), cell(columns[1], null, p.show("point_median")),
    cell(columns[2], null, p.show("point_p10"), " - ", p.show("point_p90")), cell(columns[3], null, p.show("point_loss")),
    cell(columns[4], null, p.show("point_jitter")), cell(columns[5], null, p.show("point_sent")))));
};

const plot = (r, scale, line, number, open) => {
  const id = `plot-${number}`;
  const value = line.value;
  const points = line.at("points").items();
  const most = (by) => points.reduce((a, b) => (by(b.value) > by(a.value) ? b : a));
  // The marks lead somewhere, so that they are beside the picture and not in it.
  const drawn = draw_shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "group", "aria-labelledby": id },
    draw_shape("g", { role: "img", "aria-labelledby": id }, ...axes(scale, r.report),
      ...thresholds(scale, r.report, value.carrier), ...curves(scale, value.points)),
    ...marks_of(r.report, value).map((m) => mark_shape(scale, m)));
  const said = h("div", { class: "faint" }, word("newest"), " ", point_words(points.at(-1)));
  const details = h("details", {}, h("summary", { "data-key": `summary ${id}` }, word("worst_of_hours")));
  const tell = () => {
    if (!details.open || details.childElementCount > 1) return;
    const named = { role: "region", "aria-labelledby": id, "data-key": `table ${id}` };
    details.append(h("div", { tabindex: "0", ...named }, point_table(id, points)));
  };
  details.addEventListener("toggle", tell);
  details.open = open;
  tell();
  follow(drawn, points, scale, said);
  const now = chosen();
  return h("figure", { class: now.node === value.node && now.carrier === value.carrier ? "chosen" : null },
    h("figcaption", { id }, h("strong", {}, line.at("node").show(), " / ", line.at("carrier").show(),
      value.upstream ? [" ", word("via"), " ", line.at("upstream").show()] : null)),
    drawn,
    h("div", { class: "words" }, said,
      h("div", {}, word("slowest", "name"), " ", point_words(most((p) => p[4]))),
      h("div", {}, word("lossiest", "name"), " ", point_words(most((p) => p[2] / p[1])))),
    details);
};

/** The pointer over a plot: a line there, and the values of that span in words. */
const follow = (drawn, points, scale, said) => {
  const cursor = draw_shape("line", { class: "cursor", y1: 13, y2: HIGH - 16, x1: -9, x2: -9 });
  drawn.append(cursor);
  drawn.addEventListener("pointermove", (event) => {
    const box = drawn.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDE;
    const near = points.reduce((a, b) => (Math.abs(scale.at(b.value) - x) < Math.abs(scale.at(a.value) - x) ? b : a));
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, scale.at(near.value));
    said.replaceChildren(...point_words(near));
  });
};

/** All plots of a report; of those whose number is in `open` the table, too. */
const plots = (r, open) => {
  const scale = scale_of(r.report);
  const hours = parameters().get("hours") ?? "24";
  const choice = (n, key) => h("a", { href: `#${hash({ ...Object.fromEntries(parameters()), hours: n })}`,
    "aria-current": hours === n ? "true" : null, "data-key": `hours ${n}` }, word(key));
  const lines = r.at("lines").items().filter((line) => line.value.points.length);
  return [heading("plots-title", "plots", h("small", {}, choice("24", "day"), " ", choice("168", "week"))),
    lines.length ? h("p", { class: "faint" }, word("median"), ", ", word("band"), "; ", word("limits"), "; ", word("marks")) : null,
    lines.length ? h("div", { class: "plots" }, lines.map((line, i) => plot(r, scale, line, i, open[i] ?? false)))
      : h("p", {}, word("no_points"))];
};

const chosen = () => {
  const asked = parameters();
  return { node: asked.get("node") ?? "", carrier: asked.get("carrier") ?? "", decision: asked.get("decision") ?? "" };
};

/** An address with these choices; language and span of time stay. */
const hash = (changes) => {
  const next = new URLSearchParams(changes);
  for (const key of ["lang", "hours"]) {
    const value = parameters().get(key);
    if (value && !next.has(key)) next.set(key, value);
  }
  return String(next);
};

const other_language = () => {
  const next = parameters();
  next.set("lang", language() === "zh" ? "en" : "zh");
  return String(next);
};

const path_cell = (r, where, node, carrier) => {
  const found = r.at("cells").items().find((c) => c.at("node").value === node && c.at("carrier").value === carrier);
  if (!found) return h("td", { role: "cell", class: "empty", "data-label": carrier }, word("not_led", "unseen"), "-");
  const state = found.at("state").value;
  const now = chosen();
  return h("td", { role: "cell", class: `cell ${state}`, "data-label": where.head.textContent,
    "aria-current": now.node === node && now.carrier === carrier ? "true" : null },
    h("a", { href: `#${hash({ node, carrier })}`, "data-key": `cell ${node} ${carrier}` },
      found.at("state").show("verdict", "state"),
      figure(found.at("rtt_seconds"), "rtt", "ms"),
      figure(found.at("loss_ratio"), "loss", "share"),
      figure(found.at("jitter_seconds"), "jitter", "ms")));
};

const matrix = (r) => {
  const carriers = r.at("carriers").items();
  const columns = [column(word("node")), ...carriers.map((c) => column(c.show())), column(word("announces"))];
  const rows = r.at("nodes").items().map((node) => {
    const name = node.at("name").value;
    const own = r.at("cells").items().filter((c) => c.at("node").value === name).map((c) => c.at("state").value);
    const worst = own.sort((a, b) => SEVERITY[b] - SEVERITY[a])[0] ?? "ok";
    const announces = node.at("announces");
    return h("tr", { role: "row", class: `worst-${worst}` },
      h("th", { role: "rowheader", scope: "row" }, node.at("name").show(), " ",
        node.at("self").value ? word("here", "faint") : null, node.at("anchor").value ? [" ", word("anchor", "faint")] : null),
      carriers.map((c, i) => path_cell(r, columns[i + 1], name, c.value)),
      cell(columns.at(-1), null,
        announces.absent ? word("unknown") : announces.value.length ? announces.show("list") : word("nobody")));
  });
  const totals = h("tr", { role: "row" }, h("th", { role: "rowheader", scope: "row" }, word("paths")),
    r.at("paths").items().map((p, i) => cell(columns[i + 1], p.at("have").value < p.at("min").value ? "bad" : null,
      p.at("have").show("count"), " ", word("of"), " ", p.at("of").show("count"), ", ", word("min"), " ",
      p.at("min").show("count"))),
    cell(columns.at(-1), "empty"));
  return [heading("matrix-title", "matrix", h("small", { class: "faint" }, word("rtt"), " / ", word("loss"), " / ",
    word("jitter"))), table("matrix-title", columns, [rows, totals])];
};

const sessions = (r) => {
  const columns = ["upstream", "session", "wanted", "actual", "in_sync", "since", "why", "next"].map((k) => column(word(k)));
  const [upstream, session, wanted, actual, in_sync, since, why, next] = columns;
  const rows = r.at("upstreams").items().map((u) => {
    const same = u.at("in_sync");
    const state = u.at("session", "state");
    const blocked = u.at("blocked_by");
    return h("tr", { role: "row" },
      h("th", { role: "rowheader", scope: "row" }, u.at("name").show(), " AS", u.at("asn").show("count")),
      cell(session, u.at("session", "up").value === false ? "bad short" : "short", state.show("text", null, word("unknown"))),
      cell(wanted, "short", u.at("wanted").show("stance", null, word("not_known"))),
      cell(actual, "short", u.at("actual").show("stance", null, word("not_known"))),
      cell(in_sync, same.absent ? "unknown" : same.value ? "ok" : "bad",
        same.absent ? word("not_known") : word(same.value ? "yes" : "no")),
      cell(since, "short", u.at("since").show("since")),
      cell(why, null, u.at("why", "text").show(),
        u.at("why", "decision").absent ? null : [" ", decision_link(u.at("why", "decision"), "session")]),
      cell(next, null, u.at("next", "text").show(),
        u.at("next", "earliest").absent ? null : [", ", word("not_before"), " ", u.at("next", "earliest").show("clock")],
        blocked.value?.length ? ["; ", word("refused_by"), " ", blocked.show("list")] : null));
  });
  return [heading("sessions-title", "sessions"), table("sessions-title", columns, rows)];
};

/** Where a configuration that never acts has come to something else. */
const shadow = (r) => {
  const s = r.at("shadow");
  if (s.absent) return [];
  const facts = h("ul", { class: "facts", "aria-labelledby": "shadow-title" },
    fact("file", s.at("file").show()), fact("configuration", s.at("digest").show()),
    fact("judged_for", s.at("since").show("since")), fact("would_be_steps", s.at("steps").show("count")));
  const columns = ["upstream", "would_be", "in_force", "since", "why", "next"].map((k) => column(word(k)));
  const [, wanted, live, since, why, next] = columns;
  const rows = s.at("upstreams").items().map((u) => h("tr", { role: "row" },
    h("th", { role: "rowheader", scope: "row" }, u.at("name").show()),
    cell(wanted, "short", u.at("wanted").show("stance")),
    cell(live, "short", u.at("live").show("stance")),
    cell(since, "short", u.at("since").show("since")),
    cell(why, null, u.at("why").show()),
    cell(next, null, u.at("next").show())));
  const ways = s.at("egress").items().map((e) => h("li", {}, e.at("carrier").show(), ": ", word("would_be"), " ",
    e.at("upstream").show(), ", ", word("in_force"), " ", e.at("live").show()));
  const judged = s.at("paths").items().map((p) => h("li", {}, p.at("carrier").show(), " ", p.at("node").show(), " ",
    word("via"), " ", p.at("upstream").show(), ": ", word("would_be"), " ", p.at("state").show("verdict"), ", ",
    word("in_force"), " ", p.at("live").show("verdict")));
  const others = [...ways, ...judged];
  return [heading("shadow-title", "shadow", h("small", { class: "faint" }, word("never_acts"))), facts,
    rows.length ? table("shadow-title", columns, rows) : s.at("fault").absent ? h("p", {}, word("as_in_force")) : null,
    others.length ? h("ul", { class: "notices" }, others) : null];
};

/** What has to work here, and which of it does not. */
const services = (all) => {
  const columns = ["service", "level", "servers_up", "needs", "since", "not_up"].map((k) => column(word(k)));
  const [, level, up, needs, since, not_up] = columns;
  const tone = { up: "ok", low: "warn", down: "bad" };
  const rows = all.map((s) => {
    const left_out = s.at("servers_left_out");
    return h("tr", { role: "row" },
      h("th", { role: "rowheader", scope: "row" }, s.at("name").show()),
      cell(level, `short ${tone[s.at("level").value] ?? "unknown"}`, s.at("level").show()),
      cell(up, "short", s.at("up").show("count"), " ", word("of"), " ", s.at("of").show("count")),
      cell(needs, "short", s.at("needs").show("count")),
      cell(since, "short", s.at("since").show("since")),
      cell(not_up, null, s.at("servers").items().map((one, i) => [i ? "; " : "", one.at("address").show(), " ",
        one.at("state").show(), one.at("why").absent ? null : [": ", one.at("why").show()]]),
        left_out.value ? ["; ", left_out.show("count"), " ", word("more")] : null));
  });
  return table("local-title", columns, rows);
};

/** An entry of the kernel: whether it is there, and what it does. */
const kept = (columns, name, there, details) => h("tr", { role: "row" },
  h("th", { role: "rowheader", scope: "row" }, name),
  cell(columns[1], there.absent ? "short unknown" : there.value ? "short ok" : "short bad",
    word(there.absent ? "not_known" : there.value ? "there" : "absent")),
  cell(columns[2], null, details));

const kernel = (inside) => {
  const columns = ["kept", "condition", "details"].map((k) => column(word(k)));
  const listed = (items, each) => items.map((item, i) => [i ? "; " : "", each(item)]);
  const real = (s) => [s.at("address").show(), " ", word("weight", "name"), " ", s.at("weight").show("count"), ", ",
    s.at("active").show("count"), " ", word("connections", "name")];
  const hop = (n) => [n.at("via").show(), " ", word("on", "name"), " ", n.at("link").show(), " ", word("weight", "name"), " ",
    n.at("weight").show("count"), n.at("used").value === false ? [" ", word("left_out", "warn")] : null];
  const rows = [
    inside.at("vips").items().map((v) =>
      kept(columns, v.at("address").show(), v.at("bound"), [word("on", "name"), " ", v.at("link").show()])),
    inside.at("virtual_services").items().map((v) =>
      kept(columns, v.at("name").show(), v.at("there"), listed(v.at("servers").items(), real))),
    inside.at("routes").items().map((v) =>
      kept(columns, [v.at("to").show(), " ", word("table"), " ", v.at("table").show("count")], v.at("there"),
        listed(v.at("nexthops").items(), hop))),
  ].flat();
  const error = inside.at("error");
  const waits = inside.at("waits");
  const lines = [
    error.absent ? null : h("li", { class: "bad" }, word("kernel"), ": ", error.show()),
    inside.at("faults").items().map((f) => h("li", { class: "bad" }, f.show())),
    inside.at("planned").items().map((c) => h("li", { class: "warn" }, word("planned"), ": ", c.show())),
    waits.absent ? null : h("li", { class: "warn" }, waits.show()),
  ].flat().filter((line) => line !== null);
  return [table("local-title", columns, rows), lines.length ? h("ul", { class: "notices" }, lines) : null];
};

const local = (r) => {
  const all = r.at("local", "services").items();
  const inside = r.at("local", "inside");
  if (!all.length && inside.absent) return [];
  return [heading("local-title", "local"), all.length ? services(all) : null, inside.absent ? null : kernel(inside)]
    .flat().filter((part) => part !== null);
};

const guards = (r) => {
  const g = r.at("guards");
  const windows = g.at("windows").items().map((w) =>
    [w.at("name").show(), " ", word("closes"), " ", w.at("closes").show("clock"), " "]);
  return [heading("guards-title", "guards"),
    h("ul", { class: "facts", "aria-labelledby": "guards-title" },
      fact("blocking", g.at("blocking").value?.length ? g.at("blocking").show("list", "warn") : word("none")),
      fact("budget", g.at("budget_left").show("count"), " ", word("of"), " ", g.at("budget_of").show("count"), " ",
        word("in_time"), " ", g.at("budget_per_seconds").show("age")),
      fact("min_nodes", g.at("min_nodes").show("count")),
      fact("windows", windows.length ? windows : word("none")))];
};

const decision_link = (number, place) =>
  h("a", { href: `#${hash({ decision: number.value })}`, "data-key": `decision ${place} ${number.value}` },
    "#", number.show("count"));

const decisions = (r) => {
  const columns = ["time", "kind", "what"].map((k) => column(word(k)));
  const rows = r.at("entries").items().map((e) => h("tr", { role: "row" },
    cell(columns[0], "short", e.at("time").show("moment")),
    cell(columns[1], "short", e.at("kind").show()),
    cell(columns[2], null, e.at("text").show(),
      e.at("decision").absent ? null : [" ", decision_link(e.at("decision"), e.at("row").value)])));
  return [heading("decisions-title", "decisions"),
    rows.length ? table("decisions-title", columns, rows) : h("p", {}, word("nothing_yet"))];
};

/** A report as anycastctl prints it. */
const printed = (key, what, source, text) => [heading(`${key}-title`, key, what),
  h("pre", { tabindex: "0", role: "region", "data-key": key, "aria-labelledby": `${key}-title`, "data-source": source }, text)];

let moment = null; // of a run that has ended: when

/** A path as it is asked for. */
const timed = (path) =>
  moment === null ? path : `${path}${path.includes("?") ? "&" : "?"}at=${encodeURIComponent(moment)}`;

const foot = () => [word("read_only"), " ", word("utc"), " ",
  ["/v1/status", "/v1/plan", "/v1/probes", "/v1/history", "/metrics"].flatMap((path) =>
    [h("a", { href: timed(path) }, h("span", { "data-word": "path" }, path)), " "]),
  h("span", { id: "state", role: "status" }, word("connecting"))];

/** New content, and the focus back to what had it. */
const replace = (old, nodes) => {
  const key = old.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  old.replaceChildren(...nodes);
  if (key) [...old.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key)?.focus();
};

/** Puts new content where it differs. */
const put = (id, content) => {
  const old = document.getElementById(id);
  const fresh = old.cloneNode(false);
  fresh.append(...[content].flat(Infinity).filter((each) => each !== null));
  if (!old.isEqualNode(fresh)) replace(old, fresh.childNodes);
};

let status = null; // the last picture
let history = null;

const say = (key, style) => put("state", word(key, style));
const say_when = () => say(moment === null ? "live" : "replay", "ok");

const draw = () => {
  document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
  document.querySelector(".skip").textContent = label("skip");
  if (!status) return;
  const r = new Value("/v1/status", status);
  document.title = `${status.health === "ok" ? "ok" : status.health.toUpperCase()} ${status.node} anycastd`;
  put("head", head(r));
  put("trouble", trouble(r));
  put("matrix", matrix(r));
  put("sessions", sessions(r));
  put("shadow", shadow(r));
  put("local", local(r));
  put("guards", guards(r));
  if (history) put("decisions", decisions(new Value("/v1/history?n=40", history)));
};

const ask = async (path, as) => {
  const answer = await fetch(timed(path));
  if (as === "text") return answer.ok ? answer.text() : (await answer.json()).text;
  if (!answer.ok) throw new Error(`${path}: ${(await answer.json()).text}`);
  return answer.json();
};

/** The path of a report as text that fits the window. */
const printable = (path, query = {}) => {
  const columns = Math.floor((document.documentElement.clientWidth - 60) / 7.9);
  const width = Math.min(160, Math.max(80, columns));
  return `${path}?${new URLSearchParams({ ...query, format: "text", width })}`;
};

/** What is chosen, told in full; without a choice the worst carrier of this node. */
const tell = async () => {
  const { node, carrier, decision } = chosen();
  const query = decision ? { decision } : { ...(node && { node }), ...(carrier && { carrier }) };
  const path = printable("/v1/explain", query);
  const text = await ask(path, "text");
  const about = decision ? [word("decision"), ` #${decision}`]
    : node || carrier ? [`${node} / ${carrier}`] : [word("worst_here")];
  put("story", printed("story", h("span", { "data-word": "about" }, about), path, text));
};

const PLOTS_FOR = 60000; // ms; a point is five minutes long

let plotted = { at: 0, hash: null };

/** Plots are drawn anew when there may be another point, or another choice. */
const plot_all = async () => {
  if (Date.now() - plotted.at < PLOTS_FOR && plotted.hash === location.hash) return;
  plotted = { at: Date.now(), hash: location.hash };
  const path = `/v1/series?hours=${encodeURIComponent(parameters().get("hours") ?? "24")}`;
  let series = null;
  try {
    series = await ask(path);
  } catch (error) {
    put("plots", [heading("plots-title", "plots"), h("p", { class: "warn" }, h("span", { "data-word": "error" }, error.message))]);
    return;
  }
  const open = [...document.querySelectorAll("#plots details")].map((each) => each.open);
  replace(document.getElementById("plots"), plots(new Value(path, series), open).filter((each) => each !== null));
};

const more = async () => {
  const plan = printable("/v1/plan");
  const [recent, text] = await Promise.all([ask("/v1/history?n=40"), ask(plan, "text"), tell(), plot_all()]);
  history = recent;
  put("plan", printed("plan", null, plan, text));
  draw();
};

const show = async (picture) => {
  const seen = status;
  status = picture;
  draw();
  say_when();
  if (seen?.time !== picture.time) await more();
};

const lose = () => say("lost", "bad");

const poll = () => ask("/v1/status").then(show).catch(lose);

let heard = Date.now(); // when the daemon last said anything
let asked = 0; // when the stream was last asked for
let stream = null;

/** The picture of every cycle as it is taken. */
const listen = () => {
  stream?.close();
  asked = heard = Date.now();
  stream = new EventSource("/v1/events");
  stream.addEventListener("status", (event) => {
    heard = Date.now();
    show(JSON.parse(event.data)).catch(lose);
  });
  stream.addEventListener("error", lose);
};

/** A daemon with too many listeners is asked now and then instead; a connection that has gone silent is made anew. */
const watch = () => {
  const patience = 5000 + 3000 * (status?.cycle.interval_seconds ?? 15);
  if (stream.readyState === EventSource.CLOSED) poll();
  if (Date.now() - heard > patience && Date.now() - asked > patience) listen();
};

window.addEventListener("hashchange", () => {
  put("foot", foot());
  draw();
  more().then(() => {
    say_when();
    if (chosen().node || chosen().decision) document.getElementById("story").scrollIntoView({ block: "nearest" });
  }).catch(lose);
});

// The address is what is chosen, so that the way past the head may not be one.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("matrix").focus();
});

document.getElementById("page").hidden = false;
put("foot", foot());
draw();
if (document.getElementById("page").dataset.replay === undefined) {
  listen();
  setInterval(watch, 5000);
} else {
  const turn_to = async (time) => {
    moment = time;
    put("foot", foot());
    await ask("/v1/status").then(show).catch(lose);
  };
  replay({ h, word, label, Value, clock, put, ask, turn_to }).catch(lose);
}
