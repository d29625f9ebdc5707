// The belief curve under the trace: how likely the student holds the reference answer, step by step.
//
// A point stands after so many steps read; pointing at it shows the last of these in the trace, and
// pressing it goes there. What the marks mean was worked out on the other side: here they are drawn.

const GLYPHS = {
  "productive doubt": "↻",
  derailment: "↘",
  decorative: "○",
  "unearned jump": "▲",
};
const HALF = Math.log(0.5);
const CURVE = { height: 84, left: 40, right: 12, top: 16, bottom: 8 };

/** An SVG element with attributes and children; strings become text nodes. */
function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children);
  return node;
}

class BeliefCurve {
  constructor(place, trace) {
    this.place = place;
    this.trace = trace;
    this.belief = null;
    this.width = 0;
    this.at = 0; // the point that Tab comes to
    trace.onStep.push((step) => this.mark(step));
    new ResizeObserver(() => {
      if (this.belief && this.place.clientWidth !== this.width) this.draw();
    }).observe(place);
  }

  show(card) {
    this.belief = card?.belief ?? null;
    this.nSteps = card?.steps.length ?? 0;
    this.place.hidden = !this.belief;
    this.at = 0;
    if (this.belief) this.draw();
    else this.place.replaceChildren();
  }

  draw() {
    const { belief, place } = this;
    this.width = place.clientWidth;
    const right = Math.max(this.width, 240) - CURVE.right;
    const finite = [...belief.nats, ...(belief.rival ?? []), -1].filter((value) => value !== null);
    this.low = Math.min(...finite);
    const x = (step) => CURVE.left + ((right - CURVE.left) * step) / Math.max(this.nSteps, 1);
    const y = (nats) => {
      const inner = CURVE.height - CURVE.top - CURVE.bottom;
      return CURVE.top + (inner * Math.min(nats ?? this.low, 0)) / this.low;
    };
    this.x = x;
    this.said = el("span", { class: "reading" });
    this.now = svg("line", { class: "now", y1: 2, y2: CURVE.height - 2, visibility: "hidden" });
    const drawing = svg("svg", {
      class: "belief",
      role: "group",
      "aria-label": `${belief.says} Arrow keys walk along it, Enter goes to the step.`,
      height: CURVE.height,
      width: right + CURVE.right,
    });
    drawing.append(
      svg("text", { class: "axis", x: CURVE.left - 6, y: CURVE.top + 3 }, "0"),
      svg("text", { class: "axis", x: CURVE.left - 6, y: y(this.low) }, shortNats(this.low)),
      svg("line", { class: "half", x1: CURVE.left, x2: right, y1: y(HALF), y2: y(HALF) }),
      this.now,
    );
    if (belief.rival)
      drawing.append(svg("path", { class: "rival", d: path(belief.step, belief.rival, x, y) }));
    drawing.append(svg("path", { class: "curve", d: path(belief.step, belief.nats, x, y) }));
    drawing.append(...this.marks(x, y));
    this.points = belief.step.map((step, i) => this.point(step, i, x, y, right));
    drawing.append(...this.points);
    drawing.onpointerleave = () => this.leave();
    drawing.onkeydown = (event) => this.onKey(event);
    place.replaceChildren(this.head(), drawing);
    this.mark(this.trace.step);
  }

  head() {
    const { belief } = this;
    const kinds = [...new Set(belief.marks.map(({ kind }) => kind))];
    return el(
      "div",
      { class: "belief-head" },
      el("span", { class: "label" }, "Belief in the reference answer"),
      el(
        "span",
        { class: "dim key" },
        "nats by steps read; dashes: likelier than not above",
        belief.rival ? "; dots: the most common wrong answer" : "",
      ),
      ...kinds.map((kind) => el("span", { class: "kind" }, `${GLYPHS[kind]} ${kind}`)),
      this.said,
    );
  }

  marks(x, y) {
    const { step: steps, nats, marks } = this.belief;
    const seen = new Map();
    return marks.map(({ step, kind, says }) => {
      const after = Math.max(
        steps.findIndex((at) => at > step),
        0,
      );
      const nth = seen.get(step) ?? 0;
      seen.set(step, nth + 1);
      return svg(
        "text",
        {
          class: "mark",
          "data-kind": kind,
          "data-step": step,
          x: x(steps[after]) + 10 * nth,
          y: Math.max(y(nats[after]) - 6, 10),
        },
        svg("title", {}, `step ${step + 1}, ${kind}: ${says}`),
        GLYPHS[kind],
      );
    });
  }

  point(step, i, x, y, right) {
    const { belief, nSteps } = this;
    const from = i ? (x(belief.step[i - 1]) + x(step)) / 2 : 0;
    const to = i + 1 < belief.step.length ? (x(step) + x(belief.step[i + 1])) / 2 : right + 12;
    const here = belief.marks.filter(
      (mark) => mark.step < step && mark.step >= (belief.step[i - 1] ?? -1),
    );
    const change = i ? (belief.nats[i] ?? NaN) - (belief.nats[i - 1] ?? NaN) : NaN;
    const says =
      (step ? `after step ${step} of ${nSteps}: ` : "before the trace: ") +
      `${shortNats(belief.nats[i])} nats` +
      (Number.isFinite(change) ? ` (${change < 0 ? "" : "+"}${shortNats(change)})` : "") +
      (belief.rival ? `, wrong answer ${shortNats(belief.rival[i])}` : "") +
      here.map((mark) => `; ${mark.kind}: ${mark.says}`).join("");
    const node = svg(
      "g",
      { class: "point", role: "button", tabindex: i === this.at ? 0 : -1, "aria-label": says },
      svg("rect", { class: "hit", x: from, y: 0, width: to - from, height: CURVE.height }),
      svg("circle", { cx: x(step), cy: y(belief.nats[i]), r: belief.step.length > 60 ? 1.8 : 2.8 }),
    );
    node.setAttribute("data-step", step - 1);
    node.onpointerenter = () => this.pointTo(i, says);
    node.onfocus = () => this.pointTo(i, says);
    node.onblur = () => this.leave();
    node.onclick = () => this.go(i);
    return node;
  }

  pointTo(i, says) {
    this.said.textContent = says;
    this.trace.pointAt(this.belief.step[i] - 1);
  }

  leave() {
    this.said.textContent = "";
    this.trace.pointAt(null);
  }

  go(i) {
    this.at = i;
    this.points.forEach((node, k) => node.setAttribute("tabindex", k === i ? "0" : "-1"));
    this.trace.goTo(this.belief.step[i] - 1);
  }

  onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const i = this.points.indexOf(event.target.closest(".point"));
    if (by && i >= 0) {
      const next = Math.min(Math.max(i + by, 0), this.points.length - 1);
      this.points[i].setAttribute("tabindex", "-1");
      this.points[next].setAttribute("tabindex", "0");
      this.at = next;
      this.points[next].focus();
    } else if (["Enter", " "].includes(event.key) && i >= 0) this.go(i);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Show on the curve which step has the focus. */
  mark(step) {
    if (!this.belief || !this.now) return;
    this.now.setAttribute("visibility", step < 0 ? "hidden" : "visible");
    if (step < 0) return;
    const at = this.x(step + 1);
    this.now.setAttribute("x1", at);
    this.now.setAttribute("x2", at);
    this.now.setAttribute("data-step", step);
  }
}

function shortNats(value) {
  if (value === null || value === undefined) return "−∞";
  return value.toFixed(Math.abs(value) < 9.95 ? 2 : 1).replace("-", "−");
}

function path(steps, values, x, y) {
  return values
    .map((value, i) => `${i ? "L" : "M"}${x(steps[i]).toFixed(1)} ${y(value).toFixed(1)}`)
    .join("");
}
