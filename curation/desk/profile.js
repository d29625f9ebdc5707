// The student's view of a trace in numbers: each with its words at hand, none of them a verdict.

function shortNumber(value, digits) {
  if (value === null || value === undefined) return "–";
  return value.toLocaleString("en", {
    maximumFractionDigits: digits,
    minimumFractionDigits: Math.min(digits, 2),
  });
}

/** What the student made of the trace, and which markers stand in it. */
function paintNumbers(place, card) {
  const open = new Set(
    [...place.querySelectorAll("details[open]")].map((node) => node.dataset.score),
  );
  const marks = CATEGORIES.map((category) =>
    el(
      "li",
      { class: card.marker_counts[category] ? "" : "none" },
      el("span", { class: `m m-${category}` }, category),
      el("span", { class: "value" }, String(card.marker_counts[category] ?? "–")),
    ),
  );
  if (card.is_hidden) {
    place.replaceChildren(
      el("h3", { class: "label" }, "The student's view"),
      el(
        "p",
        { class: "dim scoring" },
        keyed(`${HIDDEN_WORDS}: scores, heat, markers and belief curve. {v} shows them without one.`),
      ),
    );
    return;
  }
  const density = card.epistemic_per_1k_tokens;
  place.replaceChildren(
    el("h3", { class: "label" }, "The student's view"),
    ...(card.panel
      ? panelRows(card.panel, open)
      : [el("p", { class: "dim scoring" }, scoringWords(card.scoring))]),
    ...(card.leaks ? leakRows(card.leaks, open) : []),
    el("h3", { class: "label" }, "Markers"),
    density === null
      ? ""
      : el("p", { class: "dim small" }, `${shortNumber(density, 1)} epistemic per 1k tokens`),
    card.marking_refusal
      ? el("p", { class: "warning small" }, `Not counted. ${card.marking_refusal}`)
      : el("ul", { class: "marks" }, ...marks),
    el(
      "p",
      { class: "dim small" },
      appendText(el("span"), [card.student, card.convention].filter(Boolean).join(" · ")),
    ),
  );
}

function panelRows({ rows, warnings, failed, n_pool }, open) {
  return [
    ...warnings.map((text) => appendText(el("p", { class: "warning small" }), text)),
    ...rows.map((row) => scoreRow(row, n_pool, open.has(row.score))),
    ...failed.map((text) =>
      appendText(el("p", { class: "dim small" }, "Not computed: "), text.slice(0, 300)),
    ),
  ];
}

/** One number: what it is called and says on a line, what it means below when asked. */
function scoreRow({ score, value, more, percentile }, nPool, isOpen) {
  const words = SCORE_WORDS[score];
  const ranks = words.direction === "lower" || words.direction === "higher";
  const direction = ranks ? `source prefers ${words.direction}` : words.direction;
  const stands =
    percentile === null ? null : `above ${percentile} % of ${nPool?.toLocaleString("en")}`;
  const about = [words.unit, direction, stands, more].filter(Boolean).join(" · ");
  return el(
    "details",
    { class: value === null ? "score none" : "score", "data-score": score, open: isOpen },
    el(
      "summary",
      {},
      el("span", { class: "title" }, words.title),
      el("span", { class: "value" }, value ?? "–"),
      el("span", { class: "about" }, about),
    ),
    el("p", {}, words.says),
    ranks ? el("p", {}, `Its source prefers ${words.direction}, of one problem's traces.`) : "",
    el("p", {}, "Not for: ", words.not_for),
    el("p", { class: "dim" }, words.source),
  );
}

/** Hints that the teacher knew the answer: each with its place in the pool, none a verdict. */
function leakRows({ risk, rows, n_pool }, open) {
  const order = risk === null ? "No sign is known yet." : `Leak risk ${risk} of 100, an order.`;
  return [
    el("h3", { class: "label" }, "Leak signs"),
    el("p", { class: "dim small" }, `${order} Hints to read, no verdict.`),
    ...rows.map(({ sign, title, says, unit, value, steps, percentile }) =>
      el(
        "details",
        {
          class: value === null ? "score leak none" : "score leak",
          "data-score": sign,
          open: open.has(sign),
        },
        el(
          "summary",
          {},
          el("span", { class: "title" }, title),
          el("span", { class: "value" }, value ?? "–"),
          el(
            "span",
            { class: "about" },
            value === null
              ? "not known"
              : percentile === null
                ? `${unit} · place in the pool not known yet`
                : `${unit} · above ${percentile} % of ${n_pool.toLocaleString("en")}`,
          ),
        ),
        appendText(el("p"), says),
        steps.length ? el("p", {}, `Step ${steps.join(", ")}`) : "",
      ),
    ),
  ];
}

let scorerRests = null; // why nobody is reading, in words; null while somebody is, or will

function scoringWords(scoring) {
  if (scoring === "waiting")
    return scorerRests === null
      ? "Not scored yet: the student is still reading. It appears here by itself."
      : `Not scored yet. ${plain(scorerRests, 400)}`;
  return scoring.startsWith("failed") ? `Scoring ${plain(scoring, 300)}` : "";
}
