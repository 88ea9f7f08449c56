/**
 * Options of a connection as files: `dup "nodelay"` makes a handle that reads the value as text and
 * takes another. The handle is for the connection that it was made from.
 */

import { EINVAL } from "../../ipc/errno.js";
import { copyAt } from "../../user/scheme.js";
import type { Connection } from "../net/tcp/connection.js";
import type { TcpSettings } from "../net/tcp/settings.js";
import type { NetService } from "./service.js";

/** An open option. */
export interface TcpOptionHandle {
  readonly kind: "option";
  read(bytes: Uint8Array, offset: number): number;
  write(bytes: Uint8Array): number;
}

interface Option {
  get(settings: TcpSettings): number;
  set(settings: TcpSettings, value: number): void;
  max: number;
}

const DAY_MS = 86_400_000;

const milliseconds = (field: "userTimeoutMs" | "keepAliveMs" | "keepAliveIntervalMs"): Option => ({
  get: (settings) => settings[field],
  set: (settings, value) => {
    settings[field] = value;
  },
  max: DAY_MS,
});

/** Names of options: whole numbers, times in milliseconds. */
const OPTIONS: Readonly<Record<string, Option>> = {
  /** 1: small segments don't wait (Nagle off). */
  nodelay: {
    get: ({ noDelay }) => (noDelay ? 1 : 0),
    set: (settings, value) => {
      settings.noDelay = value === 1;
    },
    max: 1,
  },
  /** Idle time before the first probe; 0 is off. */
  keepalive: milliseconds("keepAliveMs"),
  keepalive_interval: milliseconds("keepAliveIntervalMs"),
  /** How long data may stay unanswered. */
  user_timeout: milliseconds("userTimeoutMs"),
};

/** Opens an option. @throws EINVAL when there is none of that name */
export function optionHandle(
  service: NetService,
  connection: Connection,
  name: string,
): TcpOptionHandle {
  const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
  if (option === undefined) throw EINVAL;
  const { settings } = connection.tcb;
  return {
    kind: "option",
    read: (bytes, offset) => copyAt(`${option.get(settings)}\n`, bytes, offset),
    write(bytes) {
      const text = Buffer.from(bytes).toString().trim();
      const value = Number(text);
      if (!/^\d+$/.test(text) || value > option.max) throw EINVAL;
      option.set(settings, value);
      connection.reconsider(service.now());
      service.settle();
      return bytes.length;
    },
  };
}
