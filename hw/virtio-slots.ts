/*
 * Which virtio slots of a board the devices stand in. Slots that are kept for a kind are taken
 * first, then those for whatever comes; devices of one kind are in the order of their addresses.
 */
import { BoardError, type BoardMap, type DeviceEntry } from "./board-map.js";

/** How many devices of each kind a board shall have. */
export interface VirtioCounts {
  disks: number;
  networks: number;
  consoles: number;
}

/** The slots of a board, by what stands in them. */
export interface SlotPlan {
  disks: DeviceEntry[];
  networks: DeviceEntry[];
  consoles: DeviceEntry[];
  /** Where there is room for one device more that is neither disk nor network. */
  entropy: DeviceEntry | undefined;
}

type Kept = DeviceEntry["holds"];

/** What each kind of device may stand in, the most fitting first. */
const FITTING: Readonly<Record<keyof SlotPlan, readonly Kept[]>> = {
  disks: ["disk", undefined],
  networks: ["nic", "other", undefined],
  consoles: ["other", undefined],
  entropy: ["other", undefined],
};

/** Finds a slot for each device. @throws BoardError if there are too few of them */
export function planSlots(map: BoardMap, counts: VirtioCounts): SlotPlan {
  const free = new Set(map.devices.filter(({ kind }) => kind === "virtio-mmio"));
  const take = (kind: keyof SlotPlan, count: number): DeviceEntry[] => {
    const fitting = FITTING[kind].flatMap((kept) =>
      [...free].filter(({ holds }) => holds === kept),
    );
    const taken = new Set(fitting.slice(0, count));
    for (const entry of taken) free.delete(entry);
    if (taken.size < count) {
      throw new BoardError(`the board has slots for ${taken.size} ${kind}, not for ${count}`);
    }
    return map.devices.filter((entry) => taken.has(entry));
  };
  const disks = take("disks", counts.disks);
  const networks = take("networks", counts.networks);
  const consoles = take("consoles", counts.consoles);
  const entropy = [...free].find(({ holds }) => FITTING.entropy.includes(holds));
  return { disks, networks, consoles, entropy };
}
