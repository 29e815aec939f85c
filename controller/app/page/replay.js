// A run that has ended, on the page of the daemon: a slider over its moments. The page draws what the API says of a
// moment; this file only chooses the moment.

const WHOLE = 120000; // ms that a whole run takes to play, about
const PACE = 400; // ms between two moments that are played

const last_not_after = (times, time) => Math.max(0, times.findLastIndex((each) => each <= time));

const wait = (ms) => new Promise((done) => { setTimeout(done, Math.max(0, ms)); });

/** The moments of a run, and when something was done, as places among them. */
const read = (line) => {
  const from = Date.parse(line.from);
  const times = line.moments.map((seconds) => from + seconds * 1000);
  const marks = line.marks.map((mark) => last_not_after(times, Date.parse(mark.time)));
  // What was done to an upstream is what the run is about; that nothing could be measured for a while is not.
  const first = marks[line.marks.findIndex((mark) => mark.upstream)] ?? marks[0] ?? times.length - 1;
  return { times, marks, first, end: times.length - 1 };
};

/** Goes from moment to moment; who asks for another one meanwhile gets the newest that was asked for. */
class Walk {
  constructor(run, turn_to) {
    Object.assign(this, { run, turn_to, wanted: -1, shown: -1, under_way: null, playing: false, paint: () => {} });
  }
  time(index = this.wanted) {
    return new Date(this.run.times[index]).toISOString();
  }
  go(index) {
    this.wanted = Math.min(this.run.end, Math.max(0, index));
    this.paint();
    this.under_way ??= this.arrive().finally(() => { this.under_way = null; });
    return this.under_way;
  }
  async arrive() {
    while (this.shown !== this.wanted) {
      const index = this.wanted;
      await this.turn_to(this.time(index));
      this.shown = index;
    }
  }
  step(by) {
    this.playing = false;
    return this.go(this.wanted + by);
  }
  previous() {
    this.playing = false;
    return this.go(this.run.marks.findLast((mark) => mark < this.wanted) ?? 0);
  }
  next() {
    this.playing = false;
    return this.go(this.run.marks.find((mark) => mark > this.wanted) ?? this.run.end);
  }
  async play() {
    this.playing = !this.playing;
    this.paint();
    const stride = Math.ceil(((this.run.end + 1) * PACE) / WHOLE);
    if (this.playing && this.wanted === this.run.end) await this.go(0);
    while (this.playing && this.wanted < this.run.end) {
      const began = performance.now();
      await this.go(this.wanted + stride);
      await wait(PACE - (performance.now() - began));
    }
    this.playing = false;
    this.paint();
  }
}

const STEPS = [["replay_previous", "«", (walk) => walk.previous()], ["replay_back", "‹", (walk) => walk.step(-1)],
  ["replay_play", "▶", (walk) => walk.play()], ["replay_on", "›", (walk) => walk.step(1)],
  ["replay_next", "»", (walk) => walk.next()]];

const KEYS = { p: (walk) => walk.previous(), n: (walk) => walk.next(), " ": (walk) => walk.play() };

/** The bar, which stays the same while it is used, and what makes it say what is so. */
const bar = (walk, line, { h, word, label, Value, clock, put }) => {
  const buttons = STEPS.map(([key, sign, act]) => {
    const button = h("button", { type: "button", "data-key": key },
      h("span", { "aria-hidden": "true", "data-word": "sign" }, sign), word(key, "unseen"));
    button.addEventListener("click", () => act(walk));
    return button;
  });
  const slider = h("input", { type: "range", min: 0, max: walk.run.end, step: 1, "data-key": "replay_slider" });
  slider.addEventListener("input", () => walk.step(Number(slider.value) - walk.wanted));
  const section = document.getElementById("replay");
  section.addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    if (!act || event.ctrlKey || event.altKey || event.metaKey || (event.key === " " && event.target !== slider)) return;
    event.preventDefault();
    act(walk);
  });
  section.replaceChildren(h("h2", { id: "replay-title" }), h("div", { class: "steps" }, buttons, slider),
    h("div", { id: "replay-said" }), h("div", { id: "replay-keys", class: "faint" }));
  section.setAttribute("aria-labelledby", "replay-title");
  section.hidden = false;
  const report = new Value("/v1/replay", line);
  return () => {
    buttons.forEach((button, i) => {
      const [key, sign] = walk.playing && STEPS[i][0] === "replay_play" ? ["replay_pause", "❚❚"] : STEPS[i];
      button.title = button.lastChild.textContent = label(key);
      button.firstChild.textContent = sign;
    });
    slider.setAttribute("aria-label", label("replay_slider"));
    slider.value = walk.wanted;
    slider.setAttribute("aria-valuetext", clock(walk.time(), ""));
    const done = walk.run.marks.findLastIndex((mark) => mark <= walk.wanted);
    const mark = report.at("marks", done);
    put("replay-title", [word("replay"), " ", report.at("about").show("text", "faint"), " ",
      h("span", { "data-word": "moment" }, clock(walk.time(), ""), " UTC")]);
    put("replay-said", done < 0 ? word("replay_calm") : [word("replay_last", "name"), " ", mark.at("time").show("moment"), " ",
      mark.at("text").show()]);
    put("replay-keys", word("replay_keys"));
  };
};

/** Shows the bar and the moment that the address names, else that of the first step. */
export const replay = async (page) => {
  const line = await page.ask("/v1/replay");
  const run = read(line);
  const asked = () => new URLSearchParams(location.hash.slice(1)).get("at");
  const write = (time) => {
    const next = new URLSearchParams(location.hash.slice(1));
    next.set("at", time);
    history.replaceState(null, "", `#${next}`);
  };
  const walk = new Walk(run, (time) => {
    write(time);
    return page.turn_to(time);
  });
  walk.paint = bar(walk, line, page);
  const place = () => last_not_after(run.times, Date.parse(asked()));
  window.addEventListener("hashchange", () => {
    // Links say what to show, and leave the moment as it is.
    if (!asked()) write(walk.time());
    walk.paint();
    if (place() !== walk.wanted) walk.go(place());
  });
  await walk.go(asked() ? place() : run.first);
};
