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
  const kept = (place.kept ??= new Kept(place));
  if (card.is_hidden) {
    kept.show([
      kept.words("h3", "label", "The student's view"),
      kept.words(
        "p",
        "dim scoring",
        keyed(`${HIDDEN_WORDS}: scores, heat, markers and belief curve. {v} shows them without one.`),
      ),
    ]);
    return;
  }
  const density = card.epistemic_per_1k_tokens;
  kept.show([
    kept.words("h3", "label", "The student's view"),
    ...(card.panel
      ? panelRows(kept, card.panel)
      : [kept.words("p", "dim scoring", scoringWords(card.scoring))]),
    ...(card.leaks ? leakRows(kept, card.leaks) : []),
    kept.words("h3", "label", "Markers"),
    ...(density === null
      ? []
      : [kept.words("p", "dim small", `${shortNumber(density, 1)} epistemic per 1k tokens`)]),
    card.marking_refusal
      ? kept.words("p", "warning small", `Not counted. ${card.marking_refusal}`)
      : kept.marks(card.marker_counts),
    kept.words("p", "dim small", [card.student, card.convention].filter(Boolean).join(" · ")),
  ]);
}

/**
 * The panel's elements, kept from card to card: the same rows come again with other numbers, and an
 * element that stays where it is costs no layout. What was unfolded stays so.
 */
class Kept {
  constructor(place) {
    this.place = place;
    this.rows = new Map(); // name -> element
    this.shown = [];
  }

  /** These elements, in this order, are the panel. */
  show(nodes) {
    const isSame =
      nodes.length === this.shown.length && nodes.every((node, i) => node === this.shown[i]);
    if (!isSame) this.place.replaceChildren(...nodes);
    this.shown = nodes;
    if (this.rows.size <= 200) return;
    for (const [name, node] of this.rows) if (!nodes.includes(node)) this.rows.delete(name);
  }

  /** An element by its name, made where there is none. */
  row(name, make) {
    if (!this.rows.has(name)) this.rows.set(name, make());
    return this.rows.get(name);
  }

  words(tag, names, text) {
    return this.row(`${tag} ${names} ${text}`, () =>
      appendText(el(tag, { class: names }), text, 0, Math.min(text.length, 400)),
    );
  }

  /** A number that unfolds: its name and value on a line, what it means below. */
  score(name, names, { title, value, about }, meaning) {
    const row = this.row(name, () => {
      const parts = ["title", "value", "about"].map((part) => el("span", { class: part }));
      const made = el("details", { "data-score": name }, el("summary", {}, parts));
      made.parts = parts;
      return made;
    });
    const wanted = value === null ? `${names} none` : names;
    if (row.className !== wanted) row.className = wanted;
    [title, value ?? "–", about].forEach((text, i) => retext(row.parts[i], text));
    const meant = JSON.stringify(meaning);
    if (row.meant !== meant) {
      row.meant = meant;
      row.replaceChildren(
        row.firstChild,
        ...meaning.map(([text, look]) => appendText(el("p", { class: look ?? "" }), text)),
      );
    }
    return row;
  }

  /** How often each category of markers stands in the trace. */
  marks(counts) {
    const list = this.row("marks", () =>
      el(
        "ul",
        { class: "marks" },
        CATEGORIES.map((category) =>
          el(
            "li",
            {},
            el("span", { class: `m m-${category}` }, category),
            el("span", { class: "value" }),
          ),
        ),
      ),
    );
    CATEGORIES.forEach((category, i) => {
      const item = list.children[i];
      item.classList.toggle("none", !counts[category]);
      retext(item.lastChild, String(counts[category] ?? "–"));
    });
    return list;
  }
}

function retext(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function panelRows(kept, { rows, warnings, failed, n_pool }) {
  return [
    ...warnings.map((text) => kept.words("p", "warning small", text)),
    ...rows.map((row) => scoreRow(kept, row, n_pool)),
    ...failed.map((text) => kept.words("p", "dim small", `Not computed: ${text.slice(0, 300)}`)),
  ];
}

/** One number: what it is called and says on a line, what it means below when asked. */
function scoreRow(kept, { score, value, more, percentile }, nPool) {
  const words = SCORE_WORDS[score];
  const ranks = words.direction === "lower" || words.direction === "higher";
  const direction = ranks ? `source prefers ${words.direction}` : words.direction;
  const stands =
    percentile === null ? null : `above ${percentile} % of ${nPool?.toLocaleString("en")}`;
  const about = [words.unit, direction, stands, more].filter(Boolean).join(" · ");
  return kept.score(score, "score", { title: words.title, value, about }, [
    [words.says],
    ...(ranks ? [[`Its source prefers ${words.direction}, of one problem's traces.`]] : []),
    [`Not for: ${words.not_for}`],
    [words.source, "dim"],
  ]);
}

/** Hints that the teacher knew the answer: each with its place in the pool, none a verdict. */
function leakRows(kept, { risk, rows, n_pool }) {
  const order = risk === null ? "No sign is known yet." : `Leak risk ${risk} of 100, an order.`;
  return [
    kept.words("h3", "label", "Leak signs"),
    kept.words("p", "dim small", `${order} Hints to read, no verdict.`),
    ...rows.map(({ sign, title, says, unit, value, steps, percentile }) => {
      const about =
        value === null
          ? "not known"
          : percentile === null
            ? `${unit} · place in the pool not known yet`
            : `${unit} · above ${percentile} % of ${n_pool.toLocaleString("en")}`;
      return kept.score(sign, "score leak", { title, value, about }, [
        [says],
        ...(steps.length ? [[`Step ${steps.join(", ")}`]] : []),
      ]);
    }),
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
