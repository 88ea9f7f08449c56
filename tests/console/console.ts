/** A person at a machine's serial console: types, and waits until something is on the screen. */

import { MessageChannel } from "node:worker_threads";
import type { BootOptions } from "../../cli/boot.js";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import type { FromTerminal, ToTerminal } from "../../hw/terminal.js";
import { AssertionError } from "../../ipc/assert.js";

/** How long the screen may take to show what is waited for. */
const DEADLINE_MS = 15_000;

/** The host's end of one console. */
export class Console {
  readonly port;
  readonly #own;
  #screen = "";
  /** What was waited for already lies before this. */
  #seen = 0;
  #changed: () => void = () => {};

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#own = port1;
    this.port = port2;
    const decoder = new TextDecoder();
    port1.on("message", ({ output }: FromTerminal) => {
      this.#screen += decoder.decode(output, { stream: true });
      port1.postMessage({ taken: output.length } satisfies ToTerminal);
      this.#changed();
    });
  }

  /** Everything that was ever shown. */
  get screen(): string {
    return this.#screen;
  }

  type(text: string): void {
    this.#own.postMessage({ input: Buffer.from(text) } satisfies ToTerminal);
  }

  /** Resolves to what was shown up to and with `text`, after what was waited for before. */
  async shows(text: string): Promise<string> {
    const endMs = performance.now() + DEADLINE_MS;
    for (;;) {
      const at = this.#screen.indexOf(text, this.#seen);
      if (at >= 0) {
        const shown = this.#screen.slice(this.#seen, at + text.length);
        this.#seen = at + text.length;
        return shown;
      }
      await this.#change(endMs, text);
    }
  }

  #change(endMs: number, text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          const since = JSON.stringify(this.#screen.slice(this.#seen));
          reject(new AssertionError(`the screen does not show ${JSON.stringify(text)}: ${since}`));
        },
        Math.max(0, endMs - performance.now()),
      );
      this.#changed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    this.#own.close();
  }
}

/** A machine, its console and a shell on it. */
export interface Session {
  os: TestMachine;
  console: Console;
  /** Exit status of the shell. */
  left: Promise<number>;
  close(): Promise<void>;
}

/** Boots a machine with a shell on its console, and waits for the prompt. */
export async function startSession(options: BootOptions = {}): Promise<Session> {
  const screen = new Console();
  const os = await bootForTest({ ...options, console: { port: screen.port } });
  const left = os.run("sh").then(({ status }) => status);
  await screen.shows("$ ");
  return {
    os,
    console: screen,
    left,
    async close() {
      await os.close();
      screen.close();
    },
  };
}
