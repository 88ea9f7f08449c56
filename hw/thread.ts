/*
 * The board thread: composes the board from its options, describes it to the kernel, and runs the
 * devices. It is hardware: it never crashes, and nothing that a driver does can stop it.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { BusWindow, FromBoard, ToBoard } from "../ipc/board-mail.js";
import { Doorbell } from "../ipc/doorbell.js";
import { hostEntropy } from "./backends/entropy.js";
import { openImages } from "./backends/image.js";
import { IoThreads } from "./backends/io-threads.js";
import { type NetworkPlan, openNetwork } from "./backends/network.js";
import { hubNetwork } from "./backends/network-hub.js";
import { Board } from "./board.js";
import type { BoardMap } from "./board-map.js";
import { VIRT } from "./boards/virt.js";
import { BusServer } from "./bus-server.js";
import type { BoardFaults } from "./faults.js";
import type { NetworkBackend } from "./network.js";
import { VIRTIO_MMIO, VIRTIO_MMIO_COMPATIBLE } from "./regs/virtio-mmio.js";
import { Terminal } from "./terminal.js";

/** Polls before the thread sleeps; accesses come in bursts. */
const POLLS = 200;

/** What the host hands over. */
export interface BoardBoot {
  bell: SharedArrayBuffer;
  kernelPort: MessagePort;
  terminalPort: MessagePort | undefined;
  disks: { path: string; readOnly: boolean }[];
  networks: BoardNetwork[];
  /** One virtio console for each. */
  consolePorts: MessagePort[];
  /** What shall go wrong on the board. */
  faults: BoardFaults | undefined;
  /** The address map; `virt` if it is left out. */
  board: BoardMap | undefined;
  /** The process that boots this machine holds the images. */
  held: boolean;
}

/** A network to open, or the port of a hub in another thread. */
export type BoardNetwork = NetworkPlan | { kind: "hub"; port: MessagePort; mac: Uint8Array };

/** Host to board thread: what somebody does to the board from outside. */
export type ToBoardOutside = { kind: "pin"; pin: number; level: 0 | 1 } | { kind: "power-key" };

/** Board thread to host: whether the machine's disks and networks could be opened. */
export type BoardReport = { kind: "powered" } | { kind: "failed"; code: string; message: string };

async function main(): Promise<void> {
  const boot = workerData as BoardBoot;
  const bell = new Doorbell(boot.bell);
  const io = new IoThreads();
  let disks: Awaited<ReturnType<typeof openImages>> = [];
  let networks: Awaited<ReturnType<typeof openNetworks>>;
  try {
    disks = await openImages(boot.disks, { io, held: boot.held });
    networks = await openNetworks(boot.networks);
  } catch (error) {
    await Promise.all(disks.map((disk) => disk.close()));
    const { code, message } = error as { code?: string; message?: string };
    report({ kind: "failed", code: code ?? "EIO", message: message ?? String(error) });
    return;
  }
  report({ kind: "powered" });
  const terminal = new Terminal(boot.terminalPort);
  const consoles = boot.consolePorts.map((port) => new Terminal(port));
  const map = boot.board ?? VIRT;
  const board = new Board(map, {
    disks: disks.map((backend) => ({ backend })),
    networks,
    ...(boot.faults === undefined ? {} : { faults: boot.faults }),
    entropy: hostEntropy,
    consoles: consoles.map((second) => ({
      transmit: (bytes) => second.transmitAll(bytes),
      room: () => second.offer(),
    })),
    console: (byte) => terminal.transmit(byte),
    consoleRoom: () => terminal.offer(),
    vector: (intid) => server.interrupt(intid),
  });
  const server = new BusServer(board, map, bell);
  terminal.onInput = (bytes) => board.receive(bytes);
  terminal.onRoom = () => board.drainConsole();
  board.consoles.forEach((device, i) => {
    const second = consoles[i] as Terminal;
    second.onInput = (bytes) => device.receive(bytes);
    second.onRoom = () => device.drain();
  });
  listen({ boot, board, server, terminals: [terminal, ...consoles], io });
  tell(boot.kernelPort, {
    kind: "ready",
    tree: board.deviceTree,
    windows: busWindows(board, map),
  });
  await run(server, bell);
}

/** Opens all networks, or none. */
async function openNetworks(
  networks: readonly BoardNetwork[],
): Promise<{ backend: NetworkBackend; mac?: Uint8Array }[]> {
  const opened: { backend: NetworkBackend; mac?: Uint8Array }[] = [];
  try {
    for (const network of networks) {
      const { mac } = network;
      const isHub = network.kind === "hub";
      const backend = isHub ? hubNetwork(network.port) : await openNetwork(network);
      opened.push(mac === undefined ? { backend } : { backend, mac });
    }
    return opened;
  } catch (error) {
    await Promise.all(opened.map(({ backend }) => backend.close()));
    throw error;
  }
}

function report(message: BoardReport): void {
  parentPort?.postMessage(message);
}

function tell(port: MessagePort, message: FromBoard): void {
  port.postMessage(message);
}

/** Handles the kernel's messages. */
function listen(parts: {
  boot: BoardBoot;
  board: Board;
  server: BusServer;
  terminals: Terminal[];
  io: IoThreads;
}): void {
  const { boot, board, server, terminals, io } = parts;
  boot.kernelPort.on("message", (message: ToBoard) => {
    switch (message.kind) {
      case "vector":
        server.setVector(message.memory);
        break;
      case "driver":
        server.attach(message);
        break;
      case "dma": {
        const { domain, address, memory } = message;
        board.memory.attach({ domain, address, buffer: memory });
        break;
      }
      case "fence": {
        const { domain } = message;
        void server.fence(domain).then(() => tell(boot.kernelPort, { kind: "fenced", domain }));
        break;
      }
      case "halt":
        void halt();
        break;
    }
  });
  parentPort?.on("message", (message: ToBoardOutside) => {
    if (message.kind === "pin") board.setPin(message.pin, message.level);
    else board.pressPowerKey();
  });
  const halt = async (): Promise<void> => {
    await board.close();
    await io.close();
    await Promise.all(terminals.map((terminal) => terminal.drained()));
    tell(boot.kernelPort, { kind: "halted" });
    for (const terminal of terminals) terminal.close();
  };
}

/** What can be given to drivers. The rest of what there is to know stands in the device tree. */
function busWindows(board: Board, map: BoardMap): BusWindow[] {
  return map.devices.map(({ window: { base, size }, compatible }) =>
    compatible.includes(VIRTIO_MMIO_COMPATIBLE)
      ? { base, size, virtioDevice: board.bus.read(base + VIRTIO_MMIO.DeviceID, 4) }
      : { base, size },
  );
}

/** Serves the bus for ever. Disk completions and messages come through the event loop. */
async function run(server: BusServer, bell: Doorbell): Promise<never> {
  for (;;) {
    let served = server.serve();
    for (let i = 0; i < POLLS && served === 0; i++) if (server.ready()) served = server.serve();
    if (served > 0) await new Promise((resolve) => setImmediate(resolve));
    else {
      const count = bell.count();
      server.setSleeping(true);
      if (!server.waits()) await bell.parkAsync(count);
      server.setSleeping(false);
    }
  }
}

void main();
