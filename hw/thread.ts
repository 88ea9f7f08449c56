/*
 * The board thread: composes the board from its options, describes it to the kernel, and runs the
 * devices. It is hardware: it never crashes, and nothing that a driver does can stop it.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { BusWindow, FromBoard, ToBoard } from "../ipc/board-mail.js";
import { Doorbell } from "../ipc/doorbell.js";
import { openImages } from "./backends/image.js";
import { IoThreads } from "./backends/io-threads.js";
import { Board } from "./board.js";
import type { BoardMap } from "./board-map.js";
import { VIRT } from "./boards/virt.js";
import { BusServer } from "./bus-server.js";
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
  /** The address map; `virt` if it is left out. */
  board: BoardMap | undefined;
  /** The process that boots this machine holds the images. */
  held: boolean;
}

/** Host to board thread: what somebody does to the board from outside. */
export type ToBoardOutside = { kind: "pin"; pin: number; level: 0 | 1 } | { kind: "power-key" };

/** Board thread to host: whether the machine's disks could be opened. */
export type BoardReport = { kind: "powered" } | { kind: "failed"; code: string; message: string };

async function main(): Promise<void> {
  const boot = workerData as BoardBoot;
  const bell = new Doorbell(boot.bell);
  const io = new IoThreads();
  let disks: Awaited<ReturnType<typeof openImages>>;
  try {
    disks = await openImages(boot.disks, { io, held: boot.held });
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    report({ kind: "failed", code: code ?? "EIO", message: message ?? String(error) });
    return;
  }
  report({ kind: "powered" });
  const terminal = new Terminal(boot.terminalPort);
  const map = boot.board ?? VIRT;
  const board = new Board(map, {
    disks: disks.map((backend) => ({ backend })),
    console: (byte) => terminal.transmit(byte),
    consoleRoom: () => terminal.offer(),
    vector: (intid) => server.interrupt(intid),
  });
  const server = new BusServer(board, map, bell);
  terminal.onInput = (bytes) => board.receive(bytes);
  terminal.onRoom = () => board.drainConsole();
  listen({ boot, board, server, terminal, io });
  tell(boot.kernelPort, {
    kind: "ready",
    tree: board.deviceTree,
    windows: busWindows(board, map),
  });
  await run(server, bell);
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
  terminal: Terminal;
  io: IoThreads;
}): void {
  const { boot, board, server, terminal, io } = parts;
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
    await terminal.drained();
    tell(boot.kernelPort, { kind: "halted" });
    terminal.close();
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
