// The parts of the desk around the trace. Each takes data and fills its place; none decides.

const VERDICTS = [
  { action: "accept", key: "a" },
  { action: "reject", key: "x" },
  { action: "skip", key: "space" },
  { action: "flag", key: "f" },
];
const MATCH = { match: "match", mismatch: "no match", unknown: "match unknown" };

/** A button that runs `press`; the second click of a double click is not another press. */
function button(attributes, press, ...children) {
  return el(
    "button",
    {
      type: "button",
      ...attributes,
      onclick: (event) => {
        if (event.detail <= 1) press(event);
      },
      // Held down, Enter would press again and again.
      onkeydown: (event) => {
        if (event.key === "Enter" && event.repeat) event.preventDefault();
      },
    },
    ...children,
  );
}

/** The cap of the key that is `name` until somebody changes it. */
function keycap(name) {
  return el("kbd", { "aria-hidden": "true", "data-key": name }, keyWord(String(name)));
}

/** Text for those who do not see: part of a name, on no screen. */
function unseen(text) {
  return el("span", { class: "unseen" }, text);
}

/**
 * The empty desk: every place that is filled later, by name.
 *
 * A blind desk has no place for what the student or the lexicon says: those parts stand outside of
 * the document, where nothing that is painted into them can be seen.
 */
function skeleton(act, { words, blind, question }) {
  const sighted = (node) => (blind ? null : node);
  const parts = {};
  const part = (name, node) => (parts[name] = node);
  const heats = HEATS.map((name) =>
    button(
      {
        class: "segment",
        "data-heat": name,
        "aria-pressed": "false",
      },
      () => act("heat", { heat: name }),
      name,
    ),
  );
  parts.heats = heats;
  const verdicts = VERDICTS.map(({ action, key }) =>
    button(
      {
        class: `verdict ${action}`,
        "data-action": action,
        "aria-keyshortcuts": key,
      },
      () => act(action),
      icon(action),
      el("span", {}, words[action][0]),
      keycap(key),
    ),
  );
  parts.verdicts = verdicts;
  const sizes = sizeButtons((action) => act(action));
  Object.assign(parts, sizes);
  const field = (name, label, key, hint) =>
    el(
      "label",
      { class: "field" },
      el("span", { class: "label" }, label, keycap(key)),
      part(
        name,
        el("textarea", {
          rows: 1,
          maxlength: 20000,
          placeholder: hint,
          "aria-keyshortcuts": key,
          spellcheck: "true",
        }),
      ),
    );
  const stepButtons = STEP_VERDICTS.map(({ verdict, action, sign, word, keys }) =>
    button(
      {
        class: "judge",
        "data-verdict": verdict,
        "aria-pressed": "false",
        "aria-keyshortcuts": keys,
      },
      () => act(action),
      el("span", { class: "sign", "aria-hidden": "true" }, sign),
      el("span", {}, unseen("This step is "), word),
    ),
  );
  parts.stepButtons = stepButtons;
  const stepPanel = el(
    "div",
    { class: "judging", role: "group", "aria-label": "Verdict on the step" },
    el(
      "p",
      { class: "label" },
      part("stepLabel", el("span")),
      part("stepCount", el("span", { class: "dim" })),
    ),
    el("div", { class: "judges" }, ...stepButtons),
  );
  const root = el(
    "div",
    { class: "desk", "data-phase": "fetching" },
    el(
      "header",
      { class: "top" },
      el("h2", { class: "unseen" }, "Review desk"),
      part("why", el("p", { class: "why" })),
      el(
        "div",
        { class: "tools" },
        sighted(
          el(
            "div",
            { class: "segments", role: "group", "aria-label": "Token heatmap", "aria-keyshortcuts": "h" },
            el("span", { class: "label" }, "Heat", keycap("h")),
            ...heats,
          ),
        ),
        sighted(
          part(
            "markers",
            button(
              {
                class: "segment",
                "aria-pressed": "true",
                "aria-keyshortcuts": "m",
              },
              () => act("markers"),
              "markers",
              keycap("m"),
            ),
          ),
        ),
        part(
          "view",
          button(
            {
              class: "segment",
              "aria-pressed": "false",
              "aria-keyshortcuts": "w",
            },
            () => act("view"),
            "rendered",
            unseen(" view: Markdown and formulas"),
            keycap("w"),
          ),
        ),
        el("div", { class: "segments sizes", role: "group", "aria-label": "Text size" }, ...Object.values(sizes)),
        button(
          { class: "segment", "aria-keyshortcuts": "?", "aria-haspopup": "dialog" },
          ({ detail }) => act("sheet", { isPointer: detail > 0 }),
          "keys",
          keycap("?"),
        ),
      ),
    ),
    part(
      "problem",
      el("section", { class: "problem", "aria-label": "Problem and answers", tabindex: "0" }),
    ),
    el(
      "section",
      { class: "centre", "aria-label": "Trace" },
      el("h3", { class: "unseen" }, "Trace"),
      sighted(part("legend", el("div", { class: "legend" }))),
      part("viewNote", el("div", { class: "view-note", hidden: true })),
      part("banner", el("div", { class: "banner", hidden: true })),
      isAboutTraining(question) ? editorPlaces(part, act) : null,
      part(
        "pane",
        el("div", {
          class: "pane",
          tabindex: "0",
          role: "region",
          "aria-label": "Reasoning trace, in steps",
        }),
      ),
      part("notice", el("div", { class: "notice", hidden: true })),
      sighted(
        part("curve", el("section", { class: "curve", hidden: true, "aria-label": "Belief curve" })),
      ),
      sighted(part("readout", el("div", { class: "readout" }))),
    ),
    el(
      "section",
      { class: "judgement", "aria-label": "Verdict" },
      el("h3", { class: "unseen" }, "Verdict"),
      el(
        "div",
        { class: "verdicts" },
        ...verdicts,
        part(
          "undo",
          button(
            {
              class: "undo quiet",
              "aria-keyshortcuts": "u Backspace",
            },
            () => act("undo"),
            icon("undo"),
            el("span", {}, "Undo last", unseen(" decision")),
            keycap("u"),
          ),
        ),
        part(
          "confidence",
          button({ class: "sure quiet", "aria-keyshortcuts": "y" }, () => act("confidence")),
        ),
        isAboutTraining(question)
          ? part(
              "edit",
              button(
                {
                  class: "edit quiet",
                  "aria-keyshortcuts": "e",
                },
                () => act("edit"),
                icon("edit"),
                el("span", {}, "Edit", unseen(" the trace and accept it so")),
                keycap("e"),
              ),
            )
          : null,
      ),
      part(
        "reasons",
        el("div", {
          class: "reasons",
          role: "group",
          "aria-label": `${words.reject[0]} with a reason`,
        }),
      ),
      isAboutTraining(question) ? stepPanel : null,
      spansPanel(part),
      field("note", "Note", "t", "what you saw"),
      sighted(field("directive", "Directive", "d", "how it should change")),
      sighted(part("numbers", el("div", { class: "numbers" }))),
    ),
    el(
      "footer",
      { class: "foot" },
      part("progress", el("div", { class: "progress" })),
      part(
        "recent",
        el("div", { class: "recent", role: "group", "aria-label": "Your last decisions" }),
      ),
      part("guideButton", guideButton(act)),
      part("receipt", el("div", { class: "receipt", role: "status", "aria-live": "polite" })),
    ),
    part("spoken", el("div", { class: "spoken", "aria-live": "polite" })),
    part("sheet", el("dialog", { class: "sheet", "aria-labelledby": "keys-title" })),
    part("guide", guidePanel()),
  );
  parts.root = root;
  return parts;
}

function fact(label, ...values) {
  return el("div", { class: "fact" }, el("h3", { class: "label" }, label), ...values);
}

function folded(label, text) {
  return el("details", {}, el("summary", {}, label), textBlock(text));
}

/** Prompt, answers, teacher and what the teacher saw. */
function paintProblem(place, card) {
  const reference = fact(
    "Reference answer",
    card.reference_answer === null
      ? el("p", { class: "dim" }, "none given")
      : textBlock(card.reference_answer, { class: "answer" }),
  );
  const prompt = fact("Prompt", textBlock(card.prompt, { class: "prompt" }));
  if (card.is_blind) {
    place.replaceChildren(prompt, el("div", { class: "answers" }, reference));
    return;
  }
  const { context, match } = card;
  const saw = [];
  if (context.text) saw.push(folded("What the teacher saw beyond the prompt", context.text));
  if (card.reference_solution) saw.push(folded("Reference solution", card.reference_solution));
  const isOddName = context.raw && context.raw !== context.name;
  place.replaceChildren(
    prompt,
    el(
      "div",
      { class: "answers" },
      reference,
      fact(
        "Trace's final answer",
        card.final_answer === null
          ? el("p", { class: "dim" }, "none found")
          : textBlock(card.final_answer, { class: "answer" }),
        el("span", { class: `badge ${match.state}`, title: match.says }, MATCH[match.state]),
      ),
      el("p", { class: "dim small" }, match.says),
    ),
    fact(
      "Teacher",
      textBlock(card.teacher, { class: "teacher" }),
      el(
        "p",
        {},
        el("span", { class: "badge", "data-context": context.name }, context.name),
        " ",
        context.says,
        isOddName
          ? appendText(
              el("span", { class: "dim" }, " · source: "),
              context.raw,
              0,
              Math.min(context.raw.length, 80),
            )
          : null,
      ),
    ),
    ...saw,
    fact(
      "Domain · source",
      textBlock(`${card.domain ?? "no domain"} · ${card.source}`, { class: "dim small" }),
    ),
  );
}

/** The scale of the heatmap that is on, in its unit; always one line high. */
function paintLegend(place, heat, card) {
  const scale = SCALES[heat];
  if (card?.is_hidden) {
    place.replaceChildren(el("span", { class: "dim" }, `${HIDDEN_WORDS}: heat, markers and scores.`));
  } else if (card && !card.tokens) {
    place.replaceChildren(el("span", { class: "dim" }, scoringWords(card.scoring)));
  } else if (!scale) {
    place.replaceChildren(
      el(
        "span",
        { class: "dim" },
        keyed("Heatmap off; {h} shows surprisal, rank, entropy, hedges, privilege."),
      ),
    );
  } else if (card && !hasHeat(card, heat)) {
    place.replaceChildren(
      el("span", { class: "label" }, heat),
      el("span", { class: "dim" }, scale.absent),
    );
  } else {
    const edges = scale.edges;
    place.replaceChildren(
      el("span", { class: "label" }, heat),
      ...[...edges, null].map((edge, k) =>
        el(
          "span",
          { class: `swatch ${scale.letter}${k}` },
          edge === null ? `>${edges[edges.length - 1]}` : `≤${edge}`.replace("-", "−"),
        ),
      ),
      el("span", { class: "unit" }, scale.unit),
      el("span", { class: "dim says" }, scale.says),
    );
  }
  place.dataset.heat = heat;
}

/** The exact values under the pointer or the token cursor; always one line high. */
function paintReadout(place, spoken, card, reading, isSpoken) {
  if (!reading || !card) {
    place.replaceChildren(
      el(
        "span",
        { class: "dim" },
        card?.tokens
          ? keyed("Point at a token, or walk with {.} and {,}")
          : card?.is_hidden
            ? HIDDEN_WORDS
            : "No token values yet",
      ),
    );
    return;
  }
  const { group, markers } = reading;
  const parts = [];
  if (group) {
    const shown = visible(card.text.slice(group.start, group.end));
    parts.push(appendText(el("code", { dir: "auto" }), shown, 0, Math.min(shown.length, 60)));
    for (const [label, value] of readings(card, group)) {
      parts.push(el("span", { class: "reading" }, `${label} `, el("b", {}, value)));
    }
  }
  if (markers) parts.push(el("span", { class: "reading" }, "marker ", el("b", {}, markers)));
  place.replaceChildren(...parts);
  if (isSpoken) spoken.textContent = place.textContent;
}
