/**
 * What runs on the peer: echo servers, a DHCP server with one address, a name server with one name.
 */

import type { Connection } from "../../../schemes/net/tcp/connection.js";
import { TCP_DEFAULTS } from "../../../schemes/net/tcp/settings.js";
import type { NetService } from "../../../schemes/netd/service.js";

export const PEER_ADDRESS = 0x0a000202;
const GUEST_ADDRESS = 0x0a00020f;
const ECHO_PORT = 7;
const CHUNK = 4096;

/** Sends back what comes, until the peer has finished. */
function echo(service: NetService, connection: Connection): void {
  let pending = new Uint8Array(0);
  connection.changed = () => {
    const now = service.now();
    for (;;) {
      if (pending.length === 0) {
        const into = new Uint8Array(CHUNK);
        pending = into.subarray(0, connection.receive(into, now));
      }
      if (connection.error !== undefined || pending.length === 0) break;
      const sent = connection.send(pending, now);
      if (sent === 0) break;
      pending = pending.subarray(sent);
    }
    if (pending.length === 0 && connection.ended) connection.close(now);
  };
  connection.changed();
}

export function startEcho(service: NetService): void {
  const listener = service.stack.tcp.listen({ address: 0, port: ECHO_PORT });
  listener.changed = () => {
    for (const connection of listener.accepted.splice(0)) echo(service, connection);
  };
  const socket = service.stack.udp.open({ address: 0, port: ECHO_PORT });
  socket.changed = () => {
    for (let got = socket.receive(); got !== undefined; got = socket.receive()) {
      service.stack.sendDatagram(socket, got.payload, got.from, service.now());
    }
  };
}

/** Connects to a port of the guest, says hello, and keeps what it answers. */
export function greet(service: NetService, port: number): { text: string } {
  const remote = { address: GUEST_ADDRESS, port };
  const local = { address: 0, port: 0 };
  const settings = TCP_DEFAULTS;
  const connection = service.stack.connect(remote, local, { nowMs: service.now(), settings });
  const heard = { text: "" };
  let said = false;
  connection.changed = () => {
    if (connection.error !== undefined) heard.text = connection.error.code;
    if (!connection.settled || connection.error !== undefined) return;
    if (!said) connection.send(Buffer.from("hello"), service.now());
    said = true;
    const into = Buffer.alloc(CHUNK);
    heard.text += into.subarray(0, connection.receive(into, service.now())).toString();
  };
  service.settle();
  return heard;
}

/** Offers and gives the one address (RFC 2131): offer for discover, ack for request. */
export function startDhcpServer(service: NetService): void {
  const socket = service.stack.udp.open({ address: 0, port: 67 });
  socket.changed = () => {
    for (let got = socket.receive(); got !== undefined; got = socket.receive()) {
      const asked = Buffer.from(got.payload);
      const reply = Buffer.alloc(240);
      asked.copy(reply, 0, 0, 240);
      reply[0] = 2;
      reply.writeUInt32BE(GUEST_ADDRESS, 16);
      const discover = asked[242] === 1;
      const peer = [10, 0, 2, 2];
      const options = [53, 1, discover ? 2 : 5, 54, 4, ...peer, 1, 4, 255, 255, 255, 0];
      const more = [3, 4, ...peer, 6, 4, ...peer, 51, 4, 0, 0, 14, 16, 255];
      const to = { address: 0xffffffff, port: 68 };
      const bytes = Buffer.concat([reply, Buffer.from([...options, ...more])]);
      service.stack.sendDatagram(socket, bytes, to, service.now());
    }
  };
}

/** Knows peer.test, and nothing else. */
export function startNameServer(service: NetService): void {
  const socket = service.stack.udp.open({ address: 0, port: 53 });
  const name = Buffer.from("\x04peer\x04test\0", "latin1");
  socket.changed = () => {
    for (let got = socket.receive(); got !== undefined; got = socket.receive()) {
      const asked = Buffer.from(got.payload);
      const knows = asked.subarray(12, 12 + name.length).equals(name);
      const head = Buffer.from(asked);
      head.writeUInt16BE(knows ? 0x8180 : 0x8183, 2);
      head.writeUInt16BE(knows ? 1 : 0, 6);
      const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 2, 2]);
      const bytes = Buffer.concat(knows ? [head, record] : [head]);
      service.stack.sendDatagram(socket, bytes, got.from, service.now());
    }
  };
}
