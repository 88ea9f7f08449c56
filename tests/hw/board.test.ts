/* The board as a whole: bus, interrupt delivery, console. */
import { describe, expect, test } from "vitest";
import { Board } from "../../hw/board.js";
import { VIRT } from "../../hw/boards/virt.js";
import { Bus } from "../../hw/bus.js";
import { memoryDisk } from "../../hw/disk.js";
import { CR, FR, INT, LCR_H, PL011 } from "../../hw/regs/pl011.js";
import { VIRTIO_BLK_T } from "../../hw/regs/virtio-blk.js";
import { INTERRUPT, VIRTIO_F, VIRTIO_MMIO } from "../../hw/regs/virtio-mmio.js";
import { TestDriver } from "./virtio-driver.js";

const UART = 0x0900_0000;
const UART_INTID = 33;
const SLOT = 0x0a00_0000;
const SLOT_INTID = 48;

describe("bus", () => {
  const board = new Board(VIRT);

  test("reads 0 where nothing is, and ignores writes", () => {
    expect(board.bus.read(0x1234_0000, 4)).toBe(0);
    expect(() => board.bus.write(0x1234_0000, 4, 1)).not.toThrow();
  });

  test("reads 0 when misaligned, of a strange size, beyond a window or not a number", () => {
    expect(board.bus.read(UART + PL011.UARTFR, 4)).not.toBe(0);
    expect(board.bus.read(UART + PL011.UARTFR + 1, 4)).toBe(0);
    expect(board.bus.read(UART + PL011.UARTFR, 3)).toBe(0);
    expect(board.bus.read(UART + 0x1000, 4)).toBe(0);
    expect(board.bus.read(Number.NaN, 4)).toBe(0);
    expect(board.bus.read(-8, 4)).toBe(0);
  });

  test("does 64-bit accesses as two words", () => {
    expect(board.bus.read64(SLOT)).toBe(0x2_7472_6976n);
  });

  test("refuses windows that overlap", () => {
    const device = { read: () => 0, write: () => {}, reset: () => {} };
    const windows = [
      { name: "a", base: 0, size: 16, device },
      { name: "b", base: 8, size: 16, device },
    ];
    expect(() => new Bus(windows)).toThrow("bus windows a and b overlap");
  });
});

describe("interrupts", () => {
  test("a level line comes once, and again only after its end if it is still high", () => {
    const taken: number[] = [];
    const board = new Board(VIRT, { vector: (intid) => taken.push(intid) });
    board.enableInterrupt(UART_INTID, "level");
    board.bus.write(UART + PL011.UARTIMSC, 4, INT.RX);
    board.receive(Uint8Array.of(1, 2));
    expect(taken).toEqual([UART_INTID]);
    expect(board.isInterruptActive(UART_INTID)).toBe(true);
    board.endOfInterrupt(UART_INTID);
    expect(taken).toEqual([UART_INTID, UART_INTID]);
    board.bus.read(UART + PL011.UARTDR, 4);
    board.bus.write(UART + PL011.UARTICR, 4, INT.RX);
    board.endOfInterrupt(UART_INTID);
    expect(taken).toEqual([UART_INTID, UART_INTID]);
  });

  test("one active line does not hold up another", () => {
    const { board, driver, taken } = boardWithDisk();
    board.enableInterrupt(UART_INTID, "level");
    board.bus.write(UART + PL011.UARTIMSC, 4, INT.RX);
    board.receive(Uint8Array.of(1));
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    expect(taken).toEqual([UART_INTID, SLOT_INTID]);
  });

  test("an edge that comes while its line is active is not lost", () => {
    const { board, driver, taken } = boardWithDisk();
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    driver.write(VIRTIO_MMIO.InterruptACK, INTERRUPT.USED_BUFFER);
    driver.submit(3, { type: VIRTIO_BLK_T.IN });
    expect(taken).toEqual([SLOT_INTID]);
    board.endOfInterrupt(SLOT_INTID);
    expect(taken).toEqual([SLOT_INTID, SLOT_INTID]);
  });

  test("a cause that the driver did not acknowledge with another gives an edge of its own", () => {
    const { board, driver, taken } = boardWithDisk();
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    driver.offer(500); // Breaks the device: a second cause, before the first is acknowledged.
    driver.notify();
    driver.write(VIRTIO_MMIO.InterruptACK, INTERRUPT.USED_BUFFER);
    board.endOfInterrupt(SLOT_INTID);
    expect(taken).toEqual([SLOT_INTID, SLOT_INTID]);
    expect(driver.read(VIRTIO_MMIO.InterruptStatus)).toBe(INTERRUPT.CONFIGURATION_CHANGE);
  });

  test("they work again after a reset of the whole board, once they are enabled", async () => {
    const { board, driver, taken } = boardWithDisk();
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    await board.reset();
    driver.start([VIRTIO_F.VERSION_1]);
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    expect(taken).toEqual([SLOT_INTID]);
    driver.write(VIRTIO_MMIO.InterruptACK, INTERRUPT.USED_BUFFER);
    board.enableInterrupt(SLOT_INTID, "edge");
    driver.submit(3, { type: VIRTIO_BLK_T.IN });
    expect(taken).toEqual([SLOT_INTID, SLOT_INTID]);
  });

  test("a disabled line is forgotten, active or not", () => {
    const { board, driver, taken } = boardWithDisk();
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    driver.write(VIRTIO_MMIO.InterruptACK, INTERRUPT.USED_BUFFER);
    driver.submit(3, { type: VIRTIO_BLK_T.IN });
    board.disableInterrupt(SLOT_INTID);
    expect(board.isInterruptActive(SLOT_INTID)).toBe(false);
    board.enableInterrupt(SLOT_INTID, "edge");
    expect(taken).toEqual([SLOT_INTID]);
  });

  function boardWithDisk(): { board: Board; driver: TestDriver; taken: number[] } {
    const taken: number[] = [];
    const board = new Board(VIRT, {
      disks: [{ backend: memoryDisk(new Uint8Array(64 * 512)) }],
      vector: (intid) => taken.push(intid),
    });
    const { bus, memory } = board;
    const driver = new TestDriver({ bus, memory, window: SLOT, base: 0x4000_0000, domain: 7 });
    void board.assign("virtio_mmio@a000000", 7);
    driver.start([VIRTIO_F.VERSION_1]);
    board.enableInterrupt(SLOT_INTID, "edge");
    return { board, driver, taken };
  }
});

describe("console", () => {
  const FIFO_ON = { offset: PL011.UARTLCR_H, value: LCR_H.FEN | LCR_H.WLEN_8 };

  test("congestion: TXFF is set while the FIFO is full, and nothing is lost", () => {
    const sent: number[] = [];
    let open = false;
    const board = new Board(VIRT, { console: (byte) => open && sent.push(byte) > 0 });
    const flags = (): number => board.bus.read(UART + PL011.UARTFR, 4);
    board.bus.write(UART + FIFO_ON.offset, 4, FIFO_ON.value);
    let written = 0;
    while ((flags() & FR.TXFF) === 0) board.bus.write(UART + PL011.UARTDR, 4, written++);
    expect(written).toBe(16);
    expect(flags() & (FR.BUSY | FR.TXFE)).toBe(FR.BUSY);
    open = true;
    board.drainConsole();
    expect(flags() & (FR.TXFF | FR.BUSY | FR.TXFE)).toBe(FR.TXFE);
    expect(sent).toEqual(Array.from({ length: 16 }, (_, index) => index));
  });

  test("congestion: the transmit interrupt tells of room", () => {
    const taken: number[] = [];
    let open = false;
    const board = new Board(VIRT, { console: () => open, vector: (intid) => taken.push(intid) });
    board.bus.write(UART + PL011.UARTDR, 4, 1);
    board.bus.write(UART + PL011.UARTICR, 4, INT.ALL);
    board.bus.write(UART + PL011.UARTIMSC, 4, INT.TX);
    board.enableInterrupt(UART_INTID, "level");
    expect(taken).toEqual([]);
    open = true;
    board.drainConsole();
    expect(taken).toEqual([UART_INTID]);
  });

  test("input beyond the backlog is refused until there is room", () => {
    let rooms = 0;
    const board = new Board(VIRT, { consoleRoom: () => rooms++ });
    const taken = board.receive(new Uint8Array(100_000).fill(65));
    expect(taken).toBeLessThan(5000);
    expect(taken).toBeGreaterThan(4000);
    for (let read = 0; read < taken; read++) {
      expect(board.bus.read(UART + PL011.UARTDR, 4)).toBe(65);
    }
    expect(board.bus.read(UART + PL011.UARTFR, 4) & FR.RXFE).toBe(FR.RXFE);
    expect(rooms).toBe(1);
  });

  test("as in the manual: nothing is sent before UARTEN, and interrupts are levels", () => {
    const sent: number[] = [];
    const board = new Board(VIRT, { quirks: "trm", console: (byte) => sent.push(byte) > 0 });
    const read = (offset: number): number => board.bus.read(UART + offset, 4);
    const write = (offset: number, value: number): void => board.bus.write(UART + offset, 4, value);
    write(PL011.UARTDR, 7);
    expect(sent).toEqual([]);
    write(PL011.UARTCR, CR.UARTEN | CR.TXE | CR.RXE);
    expect(sent).toEqual([7]);
    board.receive(Uint8Array.of(1));
    write(PL011.UARTICR, INT.ALL);
    expect(read(PL011.UARTRIS) & (INT.RX | INT.RT)).toBe(INT.RX | INT.RT);
    read(PL011.UARTDR);
    expect(read(PL011.UARTRIS) & (INT.RX | INT.RT)).toBe(0);
  });
});
