/* The PL011 where the traces of QEMU don't look: the manual's behaviour, congestion, the edges. */
import { describe, expect, test } from "vitest";
import type { Quirks } from "../../hw/device.js";
import { Pl011 } from "../../hw/devices/pl011.js";
import { CR, FR, INT, LCR_H, PL011 } from "../../hw/regs/pl011.js";

const ALL_ON = CR.UARTEN | CR.TXE | CR.RXE;

function setUp(quirks: Quirks, backlogSize = 64) {
  const wire: number[] = [];
  const sent: number[] = [];
  /** How many bytes the host takes now. */
  const host = { takes: Number.POSITIVE_INFINITY, rooms: 0 };
  const uart = new Pl011({
    quirks,
    backlogSize,
    interrupt: (level) => wire.push(level),
    transmit: (byte) => host.takes-- > 0 && sent.push(byte) > 0,
    room: () => host.rooms++,
  });
  return {
    uart,
    sent,
    host,
    level: () => wire.at(-1) ?? 0,
    read: (register: number) => uart.read(register, 4),
    write: (register: number, value: number) => uart.write(register, 4, value),
    receive: (...bytes: number[]) => uart.receive(Uint8Array.from(bytes)),
  };
}

describe("PL011 as in the manual: receiving", () => {
  test.each([
    ["nothing", 0],
    ["UARTEN alone", CR.UARTEN],
    ["RXE alone", CR.RXE],
  ])("with %s nothing is received, and what came is not lost", (_name, control) => {
    const { read, write, receive } = setUp("trm");
    write(PL011.UARTCR, control);
    expect(receive(7)).toBe(1);
    expect(read(PL011.UARTFR) & FR.RXFE).toBe(FR.RXFE);
    write(PL011.UARTCR, CR.UARTEN | CR.RXE);
    expect([read(PL011.UARTFR) & FR.RXFE, read(PL011.UARTDR)]).toEqual([0, 7]);
  });

  test.each([
    [0, 2],
    [1, 4],
    [2, 8],
    [3, 12],
    [4, 14],
    [5, 8],
  ])("trigger %i: the receive interrupt holds from %i characters on", (code, least) => {
    const { read, write, receive } = setUp("trm");
    write(PL011.UARTCR, ALL_ON);
    write(PL011.UARTLCR_H, LCR_H.FEN);
    write(PL011.UARTIFLS, code << 3);
    for (let count = 1; count <= 16; count++) {
      receive(count);
      expect([count, (read(PL011.UARTRIS) & INT.RX) !== 0]).toEqual([count, count >= least]);
    }
    expect(read(PL011.UARTFR) & FR.RXFF).toBe(FR.RXFF);
    read(PL011.UARTDR);
    expect(read(PL011.UARTFR) & FR.RXFF).toBe(0);
  });

  test("without the FIFO one character is enough, and the next waits outside", () => {
    const { read, write, receive, level } = setUp("trm");
    write(PL011.UARTCR, ALL_ON);
    write(PL011.UARTIMSC, INT.RX);
    receive(1, 2);
    expect([level(), read(PL011.UARTFR) & FR.RXFF]).toEqual([1, FR.RXFF]);
    expect([read(PL011.UARTDR), read(PL011.UARTDR), level()]).toEqual([1, 2, 0]);
  });

  test("the timeout holds while characters wait and no more come", () => {
    const { read, write, receive, level } = setUp("trm");
    write(PL011.UARTCR, ALL_ON);
    write(PL011.UARTLCR_H, LCR_H.FEN);
    write(PL011.UARTIMSC, INT.RT);
    receive(...Array.from({ length: 17 }, (_, index) => index));
    expect(read(PL011.UARTRIS) & INT.RT).toBe(0);
    read(PL011.UARTDR);
    expect([level(), read(PL011.UARTMIS)]).toEqual([1, INT.RT]);
    for (let count = 0; count < 16; count++) read(PL011.UARTDR);
    expect([level(), read(PL011.UARTFR) & FR.RXFE]).toEqual([0, FR.RXFE]);
  });

  test("a change of FEN empties the FIFO and says so", () => {
    const { read, write, receive } = setUp("trm");
    write(PL011.UARTCR, ALL_ON);
    receive(1);
    write(PL011.UARTLCR_H, LCR_H.FEN);
    expect([read(PL011.UARTFR) & (FR.RXFE | FR.RXFF), read(PL011.UARTRIS)]).toEqual([FR.RXFE, 0]);
    receive(2);
    write(PL011.UARTLCR_H, LCR_H.FEN | LCR_H.WLEN_8);
    expect(read(PL011.UARTDR)).toBe(2);
  });
});

describe("PL011 as in the manual: sending", () => {
  test.each([
    ["nothing", 0],
    ["UARTEN alone", CR.UARTEN],
    ["TXE alone", CR.TXE],
  ])("with %s characters wait in the FIFO", (_name, control) => {
    const { read, write, sent } = setUp("trm");
    write(PL011.UARTCR, control);
    write(PL011.UARTDR, 9);
    expect([sent, read(PL011.UARTFR) & (FR.TXFE | FR.TXFF | FR.BUSY)]).toEqual([
      [],
      FR.TXFF | FR.BUSY,
    ]);
    write(PL011.UARTCR, CR.UARTEN | CR.TXE);
    expect([sent, read(PL011.UARTFR) & (FR.TXFE | FR.TXFF | FR.BUSY)]).toEqual([[9], FR.TXFE]);
  });

  test.each([
    [0, 2],
    [2, 8],
    [4, 14],
  ])("trigger %i: the transmit interrupt comes as soon as %i wait", (code, most) => {
    const { write, host, uart, level } = setUp("trm");
    write(PL011.UARTCR, ALL_ON);
    write(PL011.UARTLCR_H, LCR_H.FEN);
    write(PL011.UARTIFLS, code);
    write(PL011.UARTIMSC, INT.TX);
    host.takes = 0;
    for (let count = 0; count < 20; count++) write(PL011.UARTDR, count);
    write(PL011.UARTICR, INT.TX);
    expect(level()).toBe(0);
    for (let left = 16; left > most; left--) {
      expect(level()).toBe(0);
      host.takes = 1;
      uart.drain();
    }
    expect(level()).toBe(1);
  });

  test("what does not fit the FIFO is lost, and order is kept", () => {
    const { write, host, sent, uart } = setUp("trm");
    write(PL011.UARTCR, ALL_ON);
    write(PL011.UARTLCR_H, LCR_H.FEN);
    host.takes = 0;
    for (let count = 0; count < 20; count++) write(PL011.UARTDR, count);
    host.takes = Number.POSITIVE_INFINITY;
    uart.drain();
    expect(sent).toEqual(Array.from({ length: 16 }, (_, index) => index));
  });
});

describe("PL011: resets", () => {
  function busy(quirks: Quirks) {
    const parts = setUp(quirks);
    const { write, receive, host } = parts;
    write(PL011.UARTCR, ALL_ON);
    write(PL011.UARTLCR_H, LCR_H.FEN);
    write(PL011.UARTILPR, 1);
    write(PL011.UARTIBRD, 2);
    write(PL011.UARTFBRD, 3);
    write(PL011.UARTIFLS, 4);
    write(PL011.UARTDMACR, 5);
    write(PL011.UARTIMSC, INT.RX | INT.RT);
    receive(1, 2, 3);
    host.takes = 0;
    write(PL011.UARTDR, 1);
    return parts;
  }
  const REGISTERS = [
    PL011.UARTRSR,
    PL011.UARTILPR,
    PL011.UARTIBRD,
    PL011.UARTFBRD,
    PL011.UARTLCR_H,
    PL011.UARTCR,
    PL011.UARTIFLS,
    PL011.UARTIMSC,
    PL011.UARTRIS,
    PL011.UARTDMACR,
  ];

  test("as in the manual: every register, both FIFOs and the line", () => {
    const { uart, host, sent, read, level } = busy("trm");
    expect(level()).toBe(1);
    uart.reset();
    expect(level()).toBe(0);
    expect(REGISTERS.map(read)).toEqual([0, 0, 0, 0, 0, CR.TXE | CR.RXE, 0x12, 0, 0, 0]);
    expect(read(PL011.UARTFR)).toBe(FR.TXFE | FR.RXFE);
    host.takes = Number.POSITIVE_INFINITY;
    uart.drain();
    expect(sent).toEqual([]);
  });

  test("as in QEMU 7.2: nothing", () => {
    const { uart, read, level } = busy("qemu-7.2");
    const before = REGISTERS.map(read);
    uart.reset();
    expect(REGISTERS.map(read)).toEqual(before);
    expect([level(), read(PL011.UARTDR)]).toEqual([1, 1]);
  });
});

describe("PL011: the backlog", () => {
  test("takes what fits, and asks for more when it has run empty", () => {
    const { read, receive, host } = setUp("qemu-7.2", 4);
    expect(receive(1, 2, 3, 4, 5, 6, 7)).toBe(5);
    for (let count = 1; count <= 4; count++) {
      expect([host.rooms, read(PL011.UARTDR)]).toEqual([0, count]);
    }
    expect([host.rooms, read(PL011.UARTDR)]).toEqual([1, 5]);
    expect(receive(6)).toBe(1);
    expect([read(PL011.UARTDR), host.rooms]).toEqual([6, 1]);
  });
});
