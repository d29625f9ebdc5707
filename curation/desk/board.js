// What every desk is: a root that stands in the page, as high as the window leaves room for, and
// says what happened.

const SHOW_CHOICE_MS = 350;
const SHORT_PX = 520; // below this the text needs the place of what is not the text

class Board {
  /**
   * Receipt and courier for this desk's deck. `wishes`: what to tell the server beside the outbox;
   * `isWanting`: whether something is still awaited from it.
   */
  connect(wishes, isWanting) {
    this.receipt = new Receipt(
      this.parts.receipt,
      this.deck,
      () => this.courier.send(),
      () => this.paintFoot(),
    );
    this.courier = new Courier(this.deck.outbox, () => this.receipt.paint());
    this.courier.extra = wishes;
    this.courier.isWanting = isWanting;
  }

  /** The server spoke; what cards the deck lacks now is asked for once. */
  onAnswer() {
    this.courier.onAnswer();
    if (this.deck.want.size && !this.isAsking) this.courier.sendSoon();
    this.isAsking = this.deck.want.size > 0;
    this.root.dataset.deck = this.deck.isWhole ? "whole" : "coming";
  }

  /** The browser's storage changed in another tab: keys, and what was decided there. */
  takeStorage(event) {
    if (event.key === `${STORAGE}-keys`) {
      keymap.load();
      this.sheet.paint();
      this.onKeysChanged();
    }
    const entry = this.deck.outbox.onStorage(event);
    if (entry) this.deck.recall(entry);
  }

  /** Stand under `parent`, in its present theme. */
  attach(parent) {
    if (this.root.parentNode !== parent) parent.append(this.root);
    this.root.dataset.scheme = isDark(this.root) ? "dark" : "light";
    this.fit();
  }

  /** As high as the window leaves room for, so that panes scroll and buttons stay. */
  fit() {
    if (!this.root.isConnected) return;
    const scroller =
      this.root.getRootNode().host?.closest('[data-testid="stMain"]') ?? document.scrollingElement;
    const top =
      this.root.getBoundingClientRect().top -
      scroller.getBoundingClientRect().top +
      scroller.scrollTop;
    // Never higher than a window that is short: scrolled to, the whole desk is in view.
    const least = Math.max(300, Math.min(460, scroller.clientHeight - 16));
    const room = this.height ?? Math.max(least, Math.floor(scroller.clientHeight - top - 10));
    this.root.style.setProperty("--desk-height", `${room}px`);
    this.root.dataset.short = String(room < SHORT_PX);
    this.isStacked = getComputedStyle(this.root).getPropertyValue("--stacked").trim() === "1";
  }

  /** Show which choice was made, for a moment, on the buttons that stay where they are. */
  flash(name) {
    clearTimeout(this.flashTimer);
    this.root.dataset.flash = name;
    this.flashTimer = setTimeout(() => delete this.root.dataset.flash, SHOW_CHOICE_MS);
  }

  say(text) {
    this.parts.spoken.textContent = text;
  }

  /** Give the text the focus; `isIdle`: only if nobody is typing elsewhere on the page. */
  focusTrace(isIdle = false) {
    const active = document.activeElement;
    if (isIdle && active && isTypingPlace(active)) return;
    this.focusPane.focus({ preventScroll: true });
  }
}
