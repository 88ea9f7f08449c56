/*
 * The board thread: composes the board from its options, describes it to the kernel, and runs the
 * devices. It is hardware: it never crashes, and nothing that a driver does can stop it.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { DeviceInfo, FromBoard, ToBoard } from "../ipc/board-mail.js";
import { Doorbell } from "../ipc/doorbell.js";
import { openImages } from "./backends/image.js";
import { IoThreads } from "./backends/io-threads.js";
import { Board } from "./board.js";
import { type BoardMap, deviceName } from "./board-map.js";
import { VIRT } from "./boards/virt.js";
import { BusServer } from "./bus-server.js";
import { VIRTIO_MMIO, VIRTIO_MMIO_COMPATIBLE } from "./regs/virtio-mmio.js";
import { Terminal } from "./terminal.js";

/** Polls before the thread sleeps; accesses come in bursts. */
const POLLS = 200;
const FIRST_SPI = 32;

/** What the host hands over. */
export interface BoardBoot {
  bell: SharedArrayBuffer;
  kernelPort: MessagePort;
  terminalPort: MessagePort | undefined;
  disks: { path: string; readOnly: boolean }[];
  /** The process that boots this machine holds the images. */
  held: boolean;
}

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
  const board = new Board(VIRT, {
    disks: disks.map((backend) => ({ backend })),
    console: (byte) => terminal.transmit(byte),
    consoleRoom: () => terminal.offer(),
    vector: (intid) => server.interrupt(intid),
  });
  const server = new BusServer(board, VIRT, bell);
  terminal.onInput = (bytes) => board.receive(bytes);
  terminal.onRoom = () => board.drainConsole();
  listen({ boot, board, server, terminal, io });
  const { base, size } = VIRT.ram;
  tell(boot.kernelPort, {
    kind: "ready",
    tree: board.deviceTree,
    devices: describe(board, VIRT),
    memory: { base, size },
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
  const halt = async (): Promise<void> => {
    await board.close();
    await io.close();
    await terminal.drained();
    tell(boot.kernelPort, { kind: "halted" });
    terminal.close();
  };
}

/** What the kernel needs to know of each device to find its driver. */
function describe(board: Board, map: BoardMap): DeviceInfo[] {
  return map.devices.map((entry, window) => {
    const info: DeviceInfo = {
      window,
      name: deviceName(entry),
      compatible: [...entry.compatible],
      size: entry.window.size,
      lines: [entry.spi + FIRST_SPI],
    };
    if (entry.compatible.includes(VIRTIO_MMIO_COMPATIBLE)) {
      info.virtioDevice = board.bus.read(entry.window.base + VIRTIO_MMIO.DeviceID, 4);
    }
    return info;
  });
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
