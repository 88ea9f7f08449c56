/**
 * A driver's access to the board's bus: register reads wait for the board, writes are posted in
 * order, interrupts are acknowledged. The board answers first of all, so the wait is bounded; if
 * this driver was fenced, it never returns, and the kernel ends the thread.
 */

import type { Window } from "../../ipc/abi.js";
import type { ClientChannel, Flight } from "../../ipc/client-channel.js";
import type { Doorbell } from "../../ipc/doorbell.js";
import { OP_BUS_READ, OP_BUS_WRITE, OP_IRQ_ACK } from "../../ipc/opcode.js";
import { SQE_ONEWAY } from "../../ipc/sqe.js";
import { type Waitable, Waiter } from "../../ipc/waiter.js";

/** A register read under way. */
class BusRead implements Flight {
  arenaOffset = 0;
  arenaLength = 0;
  sqIndex = 0;
  tag = 0;
  done = false;
  value = 0;

  landed(result: number): void {
    this.done = true;
    this.value = result;
  }
}

/** One driver's end of the bus. */
export class Bus implements Waitable {
  readonly #channel: ClientChannel;
  readonly #bell: Doorbell;
  readonly #waiter = new Waiter(() => performance.now());

  constructor(channel: ClientChannel, bell: Doorbell) {
    this.#channel = channel;
    this.#bell = bell;
  }

  /** The registers of one device window. */
  window(id: number, size: number): Window {
    return {
      size,
      read: (offset, bytes) => this.#read(id, offset, bytes),
      write: (offset, bytes, value) => {
        this.#post(OP_BUS_WRITE, { handle: id, offset, bytes, value });
      },
    };
  }

  /** Says that the line's interrupt was served. */
  acknowledge(line: number): void {
    this.#post(OP_IRQ_ACK, { handle: line, offset: 0, bytes: 0, value: 0 });
  }

  #fill(
    opcode: number,
    at: { handle: number; offset: number; bytes: number; value: number },
  ): void {
    const sqe = this.#channel.sqe;
    sqe.opcode = opcode;
    sqe.flags = opcode === OP_BUS_READ ? 0 : SQE_ONEWAY;
    sqe.handle = at.handle;
    sqe.offset = at.offset;
    sqe.arg0 = at.value;
    sqe.arg1 = at.bytes;
    sqe.arg2 = 0;
    sqe.arenaLength = 0;
  }

  #read(handle: number, offset: number, bytes: number): number {
    const read = new BusRead();
    this.#fill(OP_BUS_READ, { handle, offset, bytes, value: 0 });
    while (this.#channel.submit(read) === "full") this.#waitForSpace();
    for (;;) {
      this.#channel.poll();
      if (read.done) return read.value;
      this.#waiter.wait(this, this.#channel.wokePeer, false);
    }
  }

  #post(
    opcode: number,
    at: { handle: number; offset: number; bytes: number; value: number },
  ): void {
    for (;;) {
      this.#fill(opcode, at);
      if (this.#channel.submitOneWay()) return;
      this.#waitForSpace();
    }
  }

  /** Nobody rings when a place comes free; the board is fast, so short naps do. */
  #waitForSpace(): void {
    this.#channel.wake();
    this.#bell.park(this.#bell.count(), 1);
  }

  poll(): boolean {
    return this.#channel.ready();
  }

  park(): void {
    const count = this.#bell.count();
    this.#channel.setSleeping(true);
    if (!this.#channel.waits()) this.#bell.park(count, 50);
    this.#channel.setSleeping(false);
  }
}
