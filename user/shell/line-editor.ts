/**
 * Editing one line on a raw terminal: bytes in, bytes to show and a line out. Pure apart from its
 * own state; whoever owns the terminal reads and writes. Characters count one column each.
 */

/** What a byte led to, if the line is over. */
export type LineEvent = { tag: "line"; text: string } | { tag: "interrupt" } | { tag: "end" };

/** What to show for a byte, and what it led to. */
export interface Step {
  show: string;
  event: LineEvent | undefined;
}

const HISTORY_MAX = 500;
/** A longer line ends editing: more bytes are dropped with a bell. */
const LINE_MAX = 4096;
const BELL = "\x07";
const ERASE_TO_END = "\x1b[K";
const CONTROL = { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, h: 8, k: 11, n: 14, p: 16, u: 21, w: 23 };
const ENTER = 13;
const NEWLINE = 10;
const ESCAPE = 27;
const DELETE = 127;

/** The editor of one terminal; keeps the history of its lines. */
export class LineEditor {
  #line: string[] = [];
  #cursor = 0;
  #history: string[] = [];
  /** Index into the history; its length: the line being written, kept in `#draft`. */
  #recall = 0;
  #draft: string[] = [];
  /** Bytes of an escape sequence so far, or undefined outside of one. */
  #escape: string | undefined;
  #afterEnter = false;
  #decoder = new TextDecoder("utf-8");

  /** Takes one byte from the terminal. */
  feed(byte: number): Step {
    const afterEnter = this.#afterEnter;
    this.#afterEnter = false;
    if (this.#escape !== undefined) return shown(this.#feedEscape(byte));
    switch (byte) {
      case ESCAPE:
        this.#escape = "";
        return shown("");
      case NEWLINE:
        // The second half of CR LF, which some terminals send.
        return afterEnter ? shown("") : this.#enter();
      case ENTER:
        this.#afterEnter = true;
        return this.#enter();
      case CONTROL.c:
        this.#reset();
        return { show: "^C\n", event: { tag: "interrupt" } };
      case CONTROL.d:
        if (this.#line.length === 0) return { show: "\n", event: { tag: "end" } };
        return shown(this.#deleteAt(this.#cursor));
      default:
        return shown(byte < 32 || byte === DELETE ? this.#control(byte) : this.#insert(byte));
    }
  }

  #control(byte: number): string {
    switch (byte) {
      case CONTROL.h:
      case DELETE:
        return this.#cursor === 0 ? BELL : this.#deleteBack(1);
      case CONTROL.u:
        return this.#deleteBack(this.#cursor);
      case CONTROL.w:
        return this.#deleteBack(this.#wordBack());
      case CONTROL.k:
        this.#line.length = this.#cursor;
        return ERASE_TO_END;
      case CONTROL.a:
        return this.#moveTo(0);
      case CONTROL.e:
        return this.#moveTo(this.#line.length);
      case CONTROL.b:
        return this.#moveTo(this.#cursor - 1);
      case CONTROL.f:
        return this.#moveTo(this.#cursor + 1);
      case CONTROL.p:
        return this.#recallLine(this.#recall - 1);
      case CONTROL.n:
        return this.#recallLine(this.#recall + 1);
      default:
        return BELL;
    }
  }

  #feedEscape(byte: number): string {
    const sequence = (this.#escape ?? "") + String.fromCharCode(byte);
    const first = sequence[0];
    const over = first !== "[" && first !== "O";
    const final = sequence.length > 1 && byte >= 0x40 && byte <= 0x7e;
    if (!over && !final && sequence.length < 8) {
      this.#escape = sequence;
      return "";
    }
    this.#escape = undefined;
    switch (sequence.replace("O", "[")) {
      case "[A":
        return this.#recallLine(this.#recall - 1);
      case "[B":
        return this.#recallLine(this.#recall + 1);
      case "[C":
        return this.#moveTo(this.#cursor + 1);
      case "[D":
        return this.#moveTo(this.#cursor - 1);
      case "[H":
      case "[1~":
        return this.#moveTo(0);
      case "[F":
      case "[4~":
        return this.#moveTo(this.#line.length);
      case "[3~":
        return this.#deleteAt(this.#cursor);
      default:
        return "";
    }
  }

  #insert(byte: number): string {
    const text = this.#decoder.decode(Uint8Array.of(byte), { stream: true });
    if (text === "") return "";
    if (this.#line.length >= LINE_MAX) return BELL;
    const characters = [...text];
    this.#line.splice(this.#cursor, 0, ...characters);
    this.#cursor += characters.length;
    const tail = this.#line.slice(this.#cursor);
    return text + tail.join("") + left(tail.length);
  }

  /** Removes `count` characters before the cursor. */
  #deleteBack(count: number): string {
    this.#cursor -= count;
    this.#line.splice(this.#cursor, count);
    return left(count) + this.#showTail();
  }

  #deleteAt(index: number): string {
    if (index >= this.#line.length) return BELL;
    this.#line.splice(index, 1);
    return this.#showTail();
  }

  #showTail(): string {
    const tail = this.#line.slice(this.#cursor);
    return tail.join("") + ERASE_TO_END + left(tail.length);
  }

  #wordBack(): number {
    let start = this.#cursor;
    while (start > 0 && this.#line[start - 1] === " ") start -= 1;
    while (start > 0 && this.#line[start - 1] !== " ") start -= 1;
    return this.#cursor - start;
  }

  #moveTo(target: number): string {
    if (target < 0 || target > this.#line.length) return BELL;
    const by = target - this.#cursor;
    this.#cursor = target;
    return by < 0 ? left(-by) : by > 0 ? `\x1b[${by}C` : "";
  }

  #recallLine(index: number): string {
    if (index < 0 || index > this.#history.length) return BELL;
    if (this.#recall === this.#history.length) this.#draft = this.#line;
    const recalled = this.#history[index];
    const back = left(this.#cursor);
    this.#recall = index;
    this.#line = recalled === undefined ? this.#draft : [...recalled];
    this.#cursor = this.#line.length;
    return back + this.#line.join("") + ERASE_TO_END;
  }

  #enter(): Step {
    const text = this.#line.join("");
    if (text.trim() !== "" && text !== this.#history.at(-1)) this.#history.push(text);
    if (this.#history.length > HISTORY_MAX) this.#history.shift();
    this.#reset();
    return { show: "\n", event: { tag: "line", text } };
  }

  #reset(): void {
    this.#line = [];
    this.#cursor = 0;
    this.#draft = [];
    this.#recall = this.#history.length;
    this.#decoder = new TextDecoder("utf-8");
  }
}

function shown(show: string): Step {
  return { show, event: undefined };
}

function left(columns: number): string {
  return columns === 0 ? "" : `\x1b[${columns}D`;
}
