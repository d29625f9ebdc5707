// Where the reviewer stands: the phase of the desk, progress, past decisions, the receipt.

const SENDING_AFTER_MS = 250;
const WAITING_AFTER_MS = 2000;

function paintProgress(place, { n_decided: decided, n_total: total, n_left: left }) {
  const share = total > 0 ? Math.min(100, (100 * decided) / total) : 0;
  const bar = el("div", { class: "bar", "aria-hidden": "true" }, el("div", { class: "done" }));
  bar.firstChild.style.width = `${share}%`;
  place.replaceChildren(
    bar,
    el("span", {}, `${decided} of ${total} decided, ${left} left in this queue`),
  );
}

/** The last ten decisions, newest first; a click opens the card again. */
function paintRecent(place, history, words, open) {
  const told = (entry) =>
    [
      words[entry.verdict][1],
      entry.sequence === null ? "(waiting to be stored)" : `#${entry.sequence}`,
      `at ${clock(entry.decided_at)}${entry.confidence ? `, ${confidenceSays(entry.confidence)}` : ""}:`,
      plain(entry.prompt || entry.trace_id, 70),
    ].join(" ");
  place.replaceChildren(
    el("span", { class: "label" }, "Last"),
    ...history.slice(0, 10).map((entry) =>
      button(
        {
          class: `past ${entry.verdict} ${entry.sequence === null ? "waiting" : ""}`,
          "data-decision": entry.decision_id,
          title: told(entry),
          "aria-label": `${told(entry)}. Open it.`,
        },
        () => open(entry),
        icon(entry.verdict),
      ),
    ),
    history.length ? "" : el("span", { class: "dim" }, "no decisions yet"),
  );
}

/** hh:mm:ss on the wall here. */
function clock(iso) {
  const time = new Date(iso);
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

/** The day on the calendar here: 22 November 2026. */
function day(iso) {
  return new Date(iso).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "long",
    year: "numeric",
  });
}

/** Whose verdict it was, from what is said of it: "You accepted this", "Judged clean by you". */
function youSaid(words) {
  return words.includes(" ")
    ? `${words} by you`
    : `You ${words.charAt(0).toLowerCase()}${words.slice(1)} this`;
}

/** What the desk is about while no card is on screen: "fetching" or "end". */
function phaseWithout(deck, shown) {
  if (shown !== null || deck.want.size) return "fetching";
  const isUnanswered = deck.outbox.waiting().length > 0;
  return isUnanswered && deck.counts().n_left > 0 ? "fetching" : "end";
}

function paintNotice(place, phase, deck) {
  if (phase === "card") {
    place.replaceChildren();
  } else if (phase === "fetching") {
    const k = deck.outbox.waiting().length;
    place.replaceChildren(
      el("p", { class: "big" }, isConnected() ? "Fetching more…" : "No connection"),
      el(
        "p",
        { class: "dim" },
        k && !isConnected()
          ? `${k} decisions are kept in this browser and go out when the server answers.`
          : "",
      ),
    );
  } else {
    const { n_decided: decided, n_total: total, n_left: left } = deck.counts();
    place.replaceChildren(
      el("p", { class: "big" }, total ? "This queue is done." : "This queue is empty."),
      el(
        "p",
        {},
        total
          ? `${decided} of ${total} decided${left ? `, ${left} not open to you now` : ""}.`
          : "",
      ),
      el(
        "p",
        { class: "dim" },
        deck.history().length ? keyed("{u} takes the last decision back; {p} leafs through them.") : "",
      ),
    );
  }
}

/** The decision that already stands on the card, if any; `isAsked`: it is to be confirmed. */
function paintBanner(place, past, words, labelOf, { isAsked }) {
  place.hidden = !past;
  if (!past) return;
  place.className = `banner ${past.verdict}`;
  const why = (past.reasons ?? []).map(labelOf).join(", ");
  const when = `${day(past.decided_at)} at ${clock(past.decided_at)}`;
  place.replaceChildren(
    icon(past.verdict),
    el(
      "p",
      {},
      appendText(
        el("span"),
        `${youSaid(words[past.verdict][1])}${
          past.confidence ? `, ${confidenceSays(past.confidence)},` : ""
        }${why ? ` (${why})` : ""} on ${when}${
          past.sequence ? `, #${past.sequence}` : ""
        }.`,
      ),
      el(
        "span",
        { class: "dim" },
        isAsked
          ? " That was blind. Now with scores: confirm it or change it."
          : keyed(" {u} takes it back; a new verdict replaces it; {n} goes on."),
      ),
    ),
  );
}

/** Whether Streamlit says that it has a connection; where it does not say, yes. */
function isConnected() {
  const app = document.querySelector("[data-test-connection-state]");
  return !app || app.dataset.testConnectionState === "CONNECTED";
}

/** The quiet line that says what is stored and what is not. */
class Receipt {
  constructor(place, deck, sendAgain, onChange) {
    this.place = place;
    this.deck = deck;
    this.sendAgain = sendAgain;
    this.onChange = onChange;
    this.waitingSince = null;
  }

  paint() {
    clearTimeout(this.timer);
    const { outbox } = this.deck;
    const { lastSaved } = outbox;
    const k = outbox.waiting().length;
    // At once, while the words stay quiet: "saved #n" may be older than what was just decided.
    this.place.dataset.waiting = String(k);
    if (!k) this.waitingSince = null;
    else this.waitingSince ??= performance.now();
    if (outbox.refused.size) {
      this.paintRefused();
      return;
    }
    if (!k) {
      this.set(
        lastSaved ? "saved" : "idle",
        lastSaved
          ? `saved #${lastSaved.sequence} at ${clock(lastSaved.stored_at)}`
          : "nothing to save yet",
        this.note(),
      );
      return;
    }
    const age = performance.now() - this.waitingSince;
    const isLate = age >= WAITING_AFTER_MS || !isConnected() || this.deck.trouble;
    if (isLate) {
      const where = outbox.unkept.size ? "only in this tab: keep it open" : "kept in this browser";
      this.set("waiting", `${k} waiting`, [where, this.note()].filter(Boolean).join(" · "));
    } else if (age >= SENDING_AFTER_MS) {
      this.set("sending", "sending…", "");
    }
    const next = age < SENDING_AFTER_MS ? SENDING_AFTER_MS - age : WAITING_AFTER_MS - age;
    if (next > 0) this.timer = setTimeout(() => this.paint(), next + 5);
  }

  /** The server's trouble, and whose decisions wait in this browser beside ours. */
  note() {
    const others = [...this.deck.outbox.others()].map(
      ([name, n]) => `${n} of ${plain(name, 40)} wait for their desk`,
    );
    const { told, trouble } = this.deck;
    return [told && plain(told, 200), trouble && plain(trouble, 200), ...others]
      .filter(Boolean)
      .join(" · ");
  }

  set(state, text, note) {
    const said = `${state}|${text}|${note}`;
    if (said === this.said) return;
    this.said = said;
    this.place.dataset.state = state;
    this.place.replaceChildren(
      el("span", {}, text),
      note ? el("span", { class: "dim" }, ` · ${note}`) : "",
    );
    this.place.title = note;
  }

  /** Entries that the server will not take: the reviewer decides what becomes of them. */
  paintRefused() {
    const { outbox } = this.deck;
    const [why] = outbox.refused.values();
    const text = `${outbox.refused.size} not stored: ${plain(why, 200)}`;
    if (this.said === `refused|${text}`) return;
    this.said = `refused|${text}`;
    this.place.dataset.state = "refused";
    let isSure = false;
    const discard = button(
      { class: "segment" },
      () => {
        if (isSure) for (const id of [...outbox.refused.keys()]) this.deck.discard(id);
        isSure = true;
        discard.textContent = "Discard for good?";
        this.onChange();
      },
      "Discard",
    );
    this.place.replaceChildren(
      el("span", {}, text),
      " ",
      button(
        { class: "segment" },
        () => {
          outbox.refused.clear();
          this.sendAgain();
        },
        "Try again",
      ),
      " ",
      discard,
    );
  }

  close() {
    clearTimeout(this.timer);
  }
}
