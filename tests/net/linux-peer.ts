/**
 * Linux as the peer of the stack: a network namespace with a TAP interface, whose frames socat
 * carries over UDP to this process. Needs root, `ip`, `socat` and /dev/net/tun.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { hostClock, seededRandom } from "../../ipc/clock.js";
import { NetService } from "../../schemes/netd/service.js";

export const LINUX = "10.9.0.1";
export const OURS = "10.9.0.2";
const OUR_ADDRESS = 0x0a090002;
const PREFIX = 24;
const INTERFACE = "anode-tap";
const WAIT_MS = 10_000;
/** Programs of the host that this needs. */
export const TOOLS = {
  ip: "ip",
  socat: "socat",
  curl: "curl",
  ping: "ping",
  tshark: "tshark",
} as const;

/** Why the peer can't be made here; undefined when it can. */
export function whyNot(): string | undefined {
  if (process.platform !== "linux") return "it needs Linux";
  if (process.getuid?.() !== 0) return "it needs root, for a network namespace and a TAP interface";
  if (!existsSync("/dev/net/tun")) return "there is no /dev/net/tun";
  for (const tool of Object.values(TOOLS)) {
    try {
      execFileSync("which", [tool], { stdio: "ignore" });
    } catch {
      return `${tool} is not installed`;
    }
  }
  return undefined;
}

/** The two ends, and how to run commands at the other one. */
export class LinuxPeer {
  readonly service: NetService;
  readonly #namespace = `anode-${process.pid}`;
  readonly #socket: Socket;
  readonly #children: ChildProcess[] = [];
  readonly #random;
  readonly #peerPort: number;
  /** Frames that are lost each way, in a thousand. */
  lossPerMille = 0;

  private constructor(socket: Socket, peerPort: number, seed: number) {
    this.#socket = socket;
    this.#peerPort = peerPort;
    this.#random = seededRandom(seed);
    this.service = new NetService({
      mac: Uint8Array.of(2, 0, 0, 9, 0, 2),
      random: this.#random,
      secret: new Uint8Array(16).fill(seed),
      now: () => hostClock.now(),
      transmit: (frame) => {
        if (!this.#lost()) socket.send(frame, this.#peerPort, "127.0.0.1");
      },
      log: () => {},
      timer(then, milliseconds) {
        const timer = setTimeout(then, milliseconds);
        return () => clearTimeout(timer);
      },
    });
    socket.on("message", (frame) => {
      if (!this.#lost()) this.service.arrive(frame);
    });
  }

  /** Makes namespace, interface and stack. */
  static async start(seed: number): Promise<LinuxPeer> {
    const [socket, spare] = [createSocket("udp4"), createSocket("udp4")];
    for (const one of [socket, spare]) {
      one.bind(0, "127.0.0.1");
      await once(one, "listening");
    }
    const port = spare.address().port;
    spare.close();
    const peer = new LinuxPeer(socket, port, seed);
    try {
      await peer.#wire(socket.address().port);
    } catch (error) {
      peer.close();
      throw error;
    }
    const ours = { address: OUR_ADDRESS, prefix: PREFIX, router: undefined, nameServers: [] };
    peer.service.configure(ours);
    return peer;
  }

  async #wire(port: number): Promise<void> {
    ip("netns", "add", this.#namespace);
    const tun = `TUN,tun-type=tap,tun-name=${INTERFACE},iff-no-pi`;
    const udp = `UDP:127.0.0.1:${port},bind=127.0.0.1:${this.#peerPort}`;
    this.#children.push(spawn(TOOLS.socat, ["-b", "2048", tun, udp], { stdio: "ignore" }));
    await until(() => existsSync(`/sys/class/net/${INTERFACE}`));
    ip("link", "set", INTERFACE, "netns", this.#namespace);
    ip("-n", this.#namespace, "addr", "add", `${LINUX}/${PREFIX}`, "dev", INTERFACE);
    ip("-n", this.#namespace, "link", "set", INTERFACE, "up");
    ip("-n", this.#namespace, "link", "set", "lo", "up");
  }

  #lost(): boolean {
    return this.#random.below(1000) < this.lossPerMille;
  }

  /** Starts a command at the other end; it ends with the peer. */
  spawn(command: string, ...words: string[]): ChildProcess {
    const child = spawn(TOOLS.ip, ["netns", "exec", this.#namespace, command, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.push(child);
    return child;
  }

  /** Runs a command at the other end; resolves to what it wrote. Rejects when it fails. */
  async run(command: string, ...words: string[]): Promise<Buffer> {
    const child = this.spawn(command, ...words);
    const chunks: Buffer[] = [];
    const complaints: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => complaints.push(chunk));
    const [code] = (await once(child, "close")) as [number];
    const said = Buffer.concat(complaints).toString();
    if (code !== 0) throw new Error(`${command} ${words.join(" ")}: exit ${code}: ${said}`);
    return Buffer.concat(chunks);
  }

  /** Captures what passes the interface into a file, once it has begun. */
  async capture(file: string): Promise<ChildProcess> {
    const child = this.spawn(TOOLS.tshark, "-q", "-i", INTERFACE, "-w", file);
    await until(() => existsSync(file));
    return child;
  }

  close(): void {
    for (const child of this.#children) child.kill();
    this.#socket.close();
    ip("netns", "del", this.#namespace);
  }
}

function ip(...words: string[]): void {
  execFileSync(TOOLS.ip, words);
}

/** Waits for a condition, with a deadline. */
export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + WAIT_MS;
  while (!condition()) {
    if (Date.now() > end) throw new Error("it did not become true");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
