/**
 * The host's end of the serial console: the terminal's bytes to the board and back. Ctrl-A x
 * leaves, Ctrl-A Ctrl-A sends one Ctrl-A, everything else goes to the guest. The terminal's mode is
 * restored whichever way the process ends.
 */

import type { MessagePort } from "node:worker_threads";
import type { FromTerminal, ToTerminal } from "../hw/terminal.js";

const ESCAPE = 1;
const LEAVE = "x".charCodeAt(0);
const NEWLINE = 10;
const END_OF_INPUT = 4;
/** How often the end is said: each program that reads to it takes one, the shell the last. */
const ENDS = 64;

/** How the console is connected. */
export interface HostTerminalOptions {
  port: MessagePort;
  /** Whether standard input goes to the guest. */
  input: boolean;
  /** The user wants to leave, or nobody reads the output any more. */
  onLeave: (why: "escape" | "pipe") => void;
}

/** Connects standard input and output to the console. Returns how to disconnect. */
export function attachTerminal(options: HostTerminalOptions): () => void {
  const { port, onLeave } = options;
  const { stdin, stdout } = process;
  const send = (message: ToTerminal): void => port.postMessage(message);
  stdout.on("error", () => {
    onLeave("pipe");
  });
  port.on("message", ({ output }: FromTerminal) => {
    stdout.write(output, () => {
      send({ taken: output.length });
    });
  });
  if (!options.input) {
    return () => port.close();
  }
  const raw = stdin.isTTY === true;
  const restore = (): void => {
    if (raw) stdin.setRawMode(false);
  };
  if (raw) {
    stdin.setRawMode(true);
    process.on("exit", restore);
  }
  let escaped = false;
  let last = NEWLINE;
  const onData = (chunk: Buffer): void => {
    const bytes: number[] = [];
    for (const byte of chunk) {
      if (escaped) {
        escaped = false;
        if (byte === LEAVE) onLeave("escape");
        else bytes.push(byte);
      } else if (raw && byte === ESCAPE) escaped = true;
      else bytes.push(byte);
    }
    if (bytes.length > 0) send({ input: Uint8Array.from(bytes) });
    last = bytes.at(-1) ?? last;
  };
  stdin.on("data", onData);
  stdin.on("end", () => {
    // A last line without its newline is a line all the same.
    if (last !== NEWLINE) send({ input: Uint8Array.of(NEWLINE) });
    send({ input: new Uint8Array(ENDS).fill(END_OF_INPUT) });
  });
  return () => {
    stdin.off("data", onData);
    stdin.pause();
    restore();
    process.off("exit", restore);
    port.close();
  };
}
