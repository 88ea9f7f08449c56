/**
 * The stack against Linux's own: `npm run test:net`. Ping, downloads, uploads, with and without
 * loss, then every checksum that we sent as tshark sees it. Says why when it can't run here.
 */

import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection } from "../../schemes/net/tcp/connection.js";
import { TCP_DEFAULTS } from "../../schemes/net/tcp/settings.js";
import { LINUX, LinuxPeer, OURS, TOOLS, until, whyNot } from "./linux-peer.js";

const SEED = 1;
const HTTP_PORT = 80;
const SINK_PORT = 9000;
const BODY_BYTES = 5_000_000;
const LOSSY_BYTES = 500_000;
const LOSS_PER_MILLE = 20;
const LINUX_ADDRESS = 0x0a090001;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const say = (line: string): void => console.log(line);

/** Writes all of `bytes` as the window opens, then finishes. */
function pour(peer: LinuxPeer, connection: Connection, bytes: Uint8Array): void {
  let sent = 0;
  const more = (): void => {
    if (connection.error !== undefined || !connection.settled) return;
    const now = peer.service.now();
    if (sent < bytes.length) sent += connection.send(bytes.subarray(sent), now);
    if (sent === bytes.length) connection.close(now);
    peer.service.settle();
  };
  connection.changed = more;
  more();
}

/** A web server with one page of so many bytes as the path says. */
function serveHttp(peer: LinuxPeer, page: Uint8Array): void {
  const listener = peer.service.stack.tcp.listen({ address: 0, port: HTTP_PORT });
  listener.changed = () => {
    for (const connection of listener.accepted.splice(0)) {
      let request = "";
      const read = (): void => {
        const into = Buffer.alloc(4096);
        const count = connection.receive(into, peer.service.now());
        request += into.subarray(0, count).toString();
        if (!request.includes("\r\n\r\n")) return;
        const size = Number(/^GET \/(\d+)/.exec(request)?.[1]);
        const head = `HTTP/1.0 200 OK\r\nContent-Length: ${size}\r\n\r\n`;
        pour(peer, connection, Buffer.concat([Buffer.from(head), page.subarray(0, size)]));
      };
      connection.changed = read;
      read();
    }
  };
}

async function download(peer: LinuxPeer, page: Uint8Array, size: number): Promise<void> {
  const began = Date.now();
  const got = await peer.run(TOOLS.curl, "-s", "--max-time", "120", `http://${OURS}/${size}`);
  const same = sha256(got) === sha256(page.subarray(0, size));
  if (!same) throw new Error(`curl got ${got.length} of ${size} bytes, or others`);
  say(`curl: ${size} bytes, lost ${peer.lossPerMille / 10} %, ${Date.now() - began} ms: the same`);
}

async function upload(peer: LinuxPeer, page: Uint8Array, size: number): Promise<void> {
  const began = Date.now();
  const sink = peer.spawn(TOOLS.socat, "-u", `TCP-LISTEN:${SINK_PORT},reuseaddr`, "-");
  const chunks: Buffer[] = [];
  sink.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  let connection: Connection | undefined;
  await until(() => {
    // Refused until socat listens.
    if (connection?.settled === true && connection.error === undefined) return true;
    if (connection === undefined || connection.error !== undefined) {
      const remote = { address: LINUX_ADDRESS, port: SINK_PORT };
      const at = { nowMs: peer.service.now(), settings: TCP_DEFAULTS };
      connection = peer.service.stack.connect(remote, { address: 0, port: 0 }, at);
      peer.service.settle();
    }
    return false;
  });
  if (connection !== undefined) pour(peer, connection, page.subarray(0, size));
  await once(sink, "close");
  const got = Buffer.concat(chunks);
  if (sha256(got) !== sha256(page.subarray(0, size))) throw new Error(`${got.length} bytes came`);
  say(`upload: ${size} bytes, lost ${peer.lossPerMille / 10} %, ${Date.now() - began} ms: same`);
}

/** Every checksum of ours that tshark finds wrong. Linux's own are filled in after the capture. */
function badChecksums(file: string): string {
  const checks = ["ip", "tcp", "udp"].flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]);
  const bad = ["ip", "tcp", "udp", "icmp"].map((name) => `${name}.checksum.status == 0`);
  const filter = `ip.src == ${OURS} && (${bad.join(" || ")})`;
  return execFileSync(TOOLS.tshark, ["-r", file, ...checks, "-Y", filter], {
    stdio: ["ignore", "pipe", "ignore"],
  }).toString();
}

async function main(): Promise<void> {
  const why = whyNot();
  if (why !== undefined) {
    say(`skipped: ${why}`);
    return;
  }
  say(`seed ${SEED}`);
  const folder = mkdtempSync(join(tmpdir(), "anode-linux-"));
  const peer = await LinuxPeer.start(SEED);
  try {
    const file = join(folder, "all.pcapng");
    const capture = await peer.capture(file);
    const page = randomBytes(BODY_BYTES);
    serveHttp(peer, page);
    const pings = (
      await peer.run(TOOLS.ping, "-c", "5", "-i", "0.2", "-s", "3000", OURS)
    ).toString();
    say(/^.*packets transmitted.*$/m.exec(pings)?.[0] ?? pings);
    await download(peer, page, BODY_BYTES);
    await upload(peer, page, BODY_BYTES);
    peer.lossPerMille = LOSS_PER_MILLE;
    await download(peer, page, LOSSY_BYTES);
    await upload(peer, page, LOSSY_BYTES);
    peer.lossPerMille = 0;
    const refused = peer.run(TOOLS.curl, "-s", `http://${OURS}:81/`).then(
      () => "answered",
      (error: Error) => (error.message.includes("exit 7") ? "refused" : error.message),
    );
    say(`curl to a closed port: ${await refused}`);
    capture.kill("SIGINT");
    await once(capture, "close");
    const bad = badChecksums(file);
    if (bad !== "") throw new Error(`bad checksums:\n${bad}`);
    const { framesIn, framesOut } = peer.service.stack.counters;
    say(`tshark: no bad checksum in ${framesOut} frames of ours (${framesIn} came from ${LINUX})`);
  } finally {
    peer.close();
    rmSync(folder, { recursive: true });
  }
}

try {
  await main();
  process.exit(0);
} catch (error) {
  console.error(error);
  process.exit(1);
}
