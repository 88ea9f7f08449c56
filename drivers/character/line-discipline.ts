/**
 * The console's line discipline: bytes from the line in, an echo and input for readers out. Pure;
 * whoever owns the UART sends the echo and wakes the readers.
 *
 * Raw: every byte is input as it came, Ctrl-C too. Cooked: bytes are echoed and gathered into
 * lines; backspace, Ctrl-W and Ctrl-U erase, Enter ends a line, Ctrl-D ends it without a newline
 * (an empty one: the end of file), Ctrl-C drops what was typed and is an interrupt. A change of
 * mode keeps what nobody has read yet, and echoes nothing anew.
 */

/** How input is treated. */
export type LineMode = "raw" | "cooked";

/** What a byte led to, besides input. */
export interface Fed {
  /** Bytes to show. */
  readonly echo: string;
  /** True for a Ctrl-C that is no input. */
  readonly interrupt: boolean;
}

/** Bytes of one line; what is typed beyond is dropped with a bell. */
export const LINE_BYTES_MAX = 4096;

/** Bytes that were read before the queue is moved up. */
const COMPACT_BYTES = 8192;
const CONTROL_C = 3;
const CONTROL_D = 4;
const BACKSPACE = 8;
const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const CONTROL_U = 21;
const CONTROL_W = 23;
const SPACE = 32;
const DELETE = 127;
const BELL = "\x07";
const ERASE_COLUMN = "\b \b";

const INTERRUPT: Fed = { echo: "", interrupt: true };
const SILENT: Fed = { echo: "", interrupt: false };

/** The discipline of one line. */
export class LineDiscipline {
  #mode: LineMode = "raw";
  /** What came in raw mode and was not read. In cooked mode it is cooked when somebody reads. */
  #raw: number[] = [];
  /** How many bytes of `#raw` were read: taking them out one by one would move all the others. */
  #rawRead = 0;
  /** Cooked: whole lines that were not read; an empty one is an end of file. */
  #lines: number[][] = [];
  /** Cooked: the line that is being typed. */
  #line: number[] = [];
  /** Bytes in `#lines`. */
  #lineBytes = 0;
  #afterReturn = false;

  get mode(): LineMode {
    return this.#mode;
  }

  /** Bytes held, for flow control. */
  get held(): number {
    return this.#raw.length - this.#rawRead + this.#lineBytes + this.#line.length;
  }

  /** True when a read would not wait. */
  get ready(): boolean {
    if (this.#mode === "cooked") this.#cookAhead(true);
    return this.#lines.length > 0 || (this.#mode === "raw" && this.#raw.length > 0);
  }

  /** Takes one byte from the line. */
  feed(byte: number): Fed {
    if (this.#mode === "raw") {
      this.#raw.push(byte);
      return SILENT;
    }
    this.#cookAhead(false);
    return this.#cook(byte);
  }

  /** Moves input to a reader, of a cooked line at most the rest. 0 is an end of file. */
  take(bytes: Uint8Array): number {
    const [line] = this.#lines;
    if (line === undefined) return this.#takeRaw(bytes);
    const taken = line.splice(0, bytes.length);
    bytes.set(taken);
    this.#lineBytes -= taken.length;
    if (line.length === 0) this.#lines.shift();
    return taken.length;
  }

  /** Changes the mode. True when a Ctrl-C that waited as input turned out to be an interrupt. */
  setMode(mode: LineMode): boolean {
    if (mode === this.#mode) return false;
    this.#mode = mode;
    if (mode === "cooked") {
      const last = this.#raw.lastIndexOf(CONTROL_C);
      if (last < this.#rawRead) return false;
      // What was typed before it is dropped.
      this.#rawRead = last + 1;
      return true;
    }
    if (this.#lines.length === 0 && this.#line.length === 0) return false;
    const lines = this.#lines.flatMap((line) => (line.length === 0 ? [CONTROL_D] : line));
    this.#raw = [...lines, ...this.#line, ...this.#raw.slice(this.#rawRead)];
    this.#rawRead = 0;
    this.#drop();
    return false;
  }

  /** Gives a Ctrl-C that interrupted nobody back to a raw reader. */
  unreadInterrupt(): void {
    this.#raw = [CONTROL_C, ...this.#raw.slice(this.#rawRead)];
    this.#rawRead = 0;
  }

  #takeRaw(bytes: Uint8Array): number {
    const taken = this.#raw.slice(this.#rawRead, this.#rawRead + bytes.length);
    bytes.set(taken);
    this.#rawRead += taken.length;
    this.#compact();
    return taken.length;
  }

  #compact(): void {
    if (this.#rawRead < Math.min(this.#raw.length, COMPACT_BYTES)) return;
    this.#raw = this.#raw.slice(this.#rawRead);
    this.#rawRead = 0;
  }

  /** Cooks what was typed ahead in raw mode: all of it, or until a line can be read. */
  #cookAhead(untilLine: boolean): void {
    while (this.#rawRead < this.#raw.length) {
      if (untilLine && this.#lines.length > 0) break;
      this.#cook(this.#raw[this.#rawRead] as number);
      this.#rawRead += 1;
    }
    this.#compact();
  }

  #cook(byte: number): Fed {
    const afterReturn = this.#afterReturn;
    this.#afterReturn = byte === RETURN;
    switch (byte) {
      case CONTROL_C:
        this.#drop();
        return INTERRUPT;
      case CONTROL_D:
        this.#end();
        return SILENT;
      case RETURN:
      case NEWLINE:
        // The second half of CR LF, which some terminals send.
        if (byte === NEWLINE && afterReturn) return SILENT;
        this.#line.push(NEWLINE);
        this.#end();
        return shown("\n");
      case BACKSPACE:
      case DELETE:
        return this.#line.length === 0 ? shown(BELL) : shown(this.#erase());
      case CONTROL_U:
        return shown(this.#eraseWhile(() => true));
      case CONTROL_W: {
        const spaces = this.#eraseWhile((last) => last === SPACE);
        return shown(spaces + this.#eraseWhile((last) => last !== SPACE));
      }
      default:
        if (this.#line.length >= LINE_BYTES_MAX - 1) return shown(BELL);
        this.#line.push(byte);
        return shown(echoOf(byte));
    }
  }

  #end(): void {
    this.#lines.push(this.#line);
    this.#lineBytes += this.#line.length;
    this.#line = [];
  }

  #drop(): void {
    this.#lines = [];
    this.#line = [];
    this.#lineBytes = 0;
  }

  /** Removes the last character, all bytes of it; returns what erases it on the screen. */
  #erase(): string {
    let byte = this.#line.pop() ?? 0;
    while (isContinuation(byte) && this.#line.length > 0) byte = this.#line.pop() ?? 0;
    return ERASE_COLUMN.repeat(byte < SPACE && byte !== TAB ? 2 : 1);
  }

  #eraseWhile(goOn: (last: number) => boolean): string {
    let erased = "";
    while (this.#line.length > 0 && goOn(this.#line.at(-1) as number)) erased += this.#erase();
    return erased;
  }
}

/** Bytes beyond ASCII are shown as they are; Latin-1 keeps them apart until they are sent. */
function echoOf(byte: number): string {
  // A tab is shown as one column, so that it can be erased as one.
  if (byte === TAB) return " ";
  return byte < SPACE ? `^${String.fromCharCode(byte + 64)}` : String.fromCharCode(byte);
}

function shown(echo: string): Fed {
  return { echo, interrupt: false };
}

/** A byte of UTF-8 that begins no character. */
function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte < 0xc0;
}
