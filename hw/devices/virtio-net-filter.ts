/*
 * What a virtio network device lets through to its driver, and the control commands that change it
 * (virtio 1.2 §5.1.6.5). After a reset everything passes.
 */
import {
  ETHERNET,
  ETHERTYPE_VLAN,
  MAC_SIZE,
  NET_CTRL,
  NET_CTRL_CLASS,
  NET_CTRL_MAC,
  NET_CTRL_RX,
  NET_CTRL_VLAN,
  VLAN_ID_MASK,
} from "../regs/virtio-net.js";

/** Addresses that the two tables hold together; with more a kind of frames passes unfiltered. */
export const MAC_TABLE_MAX = 64;
const VLANS = VLAN_ID_MASK + 1;
const COUNT_SIZE = 4;

/** The receive filter of one device. */
export class ReceiveFilter {
  readonly #switches = new Map<number, boolean>();
  #unicast: ReadonlySet<string> = new Set();
  #multicast: ReadonlySet<string> = new Set();
  #unicastOverflow = false;
  #multicastOverflow = false;
  readonly #vlans = new Uint8Array(VLANS);
  /** The device's own address. */
  mac: Uint8Array;
  readonly #factoryMac: Uint8Array;

  constructor(mac: Uint8Array) {
    this.#factoryMac = mac.slice(0, MAC_SIZE);
    this.mac = this.#factoryMac;
    this.reset(false);
  }

  /** @param vlans - whether frames of a VLAN pass only after it was added */
  reset(vlans: boolean): void {
    this.mac = this.#factoryMac;
    this.#switches.clear();
    this.#switches.set(NET_CTRL_RX.PROMISC, true);
    this.#unicast = new Set();
    this.#multicast = new Set();
    this.#unicastOverflow = false;
    this.#multicastOverflow = false;
    this.#vlans.fill(vlans ? 0 : 1);
  }

  /** Whether the driver wants a frame. It has at least an Ethernet header. */
  accepts(frame: Uint8Array): boolean {
    if (this.#is(NET_CTRL_RX.PROMISC)) return true;
    if (!this.#acceptsVlan(frame)) return false;
    const destination = nameOf(frame.subarray(ETHERNET.destination, MAC_SIZE));
    if ((frame[ETHERNET.destination] as number) % 2 === 1) {
      if (destination === BROADCAST) return !this.#is(NET_CTRL_RX.NOBCAST);
      if (this.#is(NET_CTRL_RX.NOMULTI)) return false;
      if (this.#is(NET_CTRL_RX.ALLMULTI) || this.#multicastOverflow) return true;
      return this.#multicast.has(destination);
    }
    if (this.#is(NET_CTRL_RX.NOUNI)) return false;
    if (this.#is(NET_CTRL_RX.ALLUNI) || this.#unicastOverflow) return true;
    return destination === nameOf(this.mac) || this.#unicast.has(destination);
  }

  /** Performs a command of the classes RX, MAC and VLAN; `false` if it makes no sense. */
  command(bytes: Uint8Array): boolean {
    const command = bytes[NET_CTRL.command] as number;
    const data = bytes.subarray(NET_CTRL.data);
    switch (bytes[NET_CTRL.class]) {
      case NET_CTRL_CLASS.RX:
        return this.#setSwitch(command, data);
      case NET_CTRL_CLASS.MAC:
        return command === NET_CTRL_MAC.TABLE_SET ? this.#setTables(data) : this.#setMac(bytes);
      case NET_CTRL_CLASS.VLAN:
        return this.#setVlan(command, data);
      default:
        return false;
    }
  }

  #is(name: number): boolean {
    return this.#switches.get(name) === true;
  }

  #acceptsVlan(frame: Uint8Array): boolean {
    if (frame.length < ETHERNET.vlanTag + 2) return true;
    if (bigEndian16(frame, ETHERNET.type) !== ETHERTYPE_VLAN) return true;
    return this.#vlans[bigEndian16(frame, ETHERNET.vlanTag) & VLAN_ID_MASK] === 1;
  }

  #setSwitch(command: number, data: Uint8Array): boolean {
    if (command > NET_CTRL_RX.NOBCAST || data.length === 0) return false;
    this.#switches.set(command, data[0] !== 0);
    return true;
  }

  #setMac(bytes: Uint8Array): boolean {
    const data = bytes.subarray(NET_CTRL.data);
    if (bytes[NET_CTRL.command] !== NET_CTRL_MAC.ADDR_SET || data.length !== MAC_SIZE) return false;
    this.mac = data.slice();
    return true;
  }

  #setTables(data: Uint8Array): boolean {
    const unicast = tableAt(data, 0);
    const multicast = unicast && tableAt(data, unicast.end);
    if (multicast?.end !== data.length) return false;
    this.#unicastOverflow = unicast !== undefined && unicast.macs.length > MAC_TABLE_MAX;
    this.#unicast = new Set(this.#unicastOverflow ? [] : unicast?.macs);
    const room = MAC_TABLE_MAX - this.#unicast.size;
    this.#multicastOverflow = multicast.macs.length > room;
    this.#multicast = new Set(this.#multicastOverflow ? [] : multicast.macs);
    return true;
  }

  #setVlan(command: number, data: Uint8Array): boolean {
    if (data.length < 2) return false;
    const vlan = (data[0] as number) + 256 * (data[1] as number);
    if (vlan >= VLANS) return false;
    if (command !== NET_CTRL_VLAN.ADD && command !== NET_CTRL_VLAN.DEL) return false;
    this.#vlans[vlan] = command === NET_CTRL_VLAN.ADD ? 1 : 0;
    return true;
  }
}

const BROADCAST = "ffffffffffff";

function nameOf(mac: Uint8Array): string {
  return Buffer.from(mac).toString("hex");
}

function bigEndian16(bytes: Uint8Array, offset: number): number {
  return 256 * (bytes[offset] as number) + (bytes[offset + 1] as number);
}

/** A counted table of addresses; `undefined` if it is not wholly there. */
function tableAt(data: Uint8Array, start: number): { macs: string[]; end: number } | undefined {
  if (start + COUNT_SIZE > data.length) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const first = start + COUNT_SIZE;
  const end = first + MAC_SIZE * view.getUint32(start, true);
  if (end > data.length) return undefined;
  const macs: string[] = [];
  for (let at = first; at < end; at += MAC_SIZE)
    macs.push(nameOf(data.subarray(at, at + MAC_SIZE)));
  return { macs, end };
}
