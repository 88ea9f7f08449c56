/*
 * The virtio block device (virtio 1.2 §5.2): feature bits, configuration space, request layout.
 * Pure constants, shared by the model and the driver.
 */

/** Feature bits, as bit numbers (§5.2.3). */
export const VIRTIO_BLK_F = {
  SIZE_MAX: 1,
  SEG_MAX: 2,
  GEOMETRY: 4,
  RO: 5,
  BLK_SIZE: 6,
  FLUSH: 9,
  TOPOLOGY: 10,
  CONFIG_WCE: 11,
  MQ: 12,
  DISCARD: 13,
  WRITE_ZEROES: 14,
} as const;

/** Offsets in the configuration space (§5.2.4), relative to `VIRTIO_MMIO.Config`. */
export const BLK_CONFIG = {
  capacity: 0, //                   u64  in 512-byte sectors, whatever blk_size says
  size_max: 8, //                   u32
  seg_max: 12, //                   u32  data segments in one request
  geometry_cylinders: 16, //        u16
  geometry_heads: 18, //            u8
  geometry_sectors: 19, //          u8
  blk_size: 20, //                  u32
  topology_physical_block_exp: 24, // u8
  topology_alignment_offset: 25, // u8
  topology_min_io_size: 26, //      u16
  topology_opt_io_size: 28, //      u32
  writeback: 32, //                 u8   1: the device caches writes until a flush
  num_queues: 34, //                u16
  max_discard_sectors: 36, //       u32
  max_discard_seg: 40, //           u32
  discard_sector_alignment: 44, //  u32
  max_write_zeroes_sectors: 48, //  u32
  max_write_zeroes_seg: 52, //      u32
  write_zeroes_may_unmap: 56, //    u8
} as const;

/** Bytes of the configuration space. */
export const BLK_CONFIG_SIZE = 57;

/** Sector size of the protocol. */
export const BLK_SECTOR_SIZE = 512;

/** Request types (§5.2.6). */
export const VIRTIO_BLK_T = {
  IN: 0,
  OUT: 1,
  FLUSH: 4,
  GET_ID: 8,
  DISCARD: 11,
  WRITE_ZEROES: 13,
} as const;

/** Status byte at the end of each request. */
export const VIRTIO_BLK_S = { OK: 0, IOERR: 1, UNSUPP: 2 } as const;

/** Request header: type u32, reserved u32, sector u64; then data; then the status byte. */
export const BLK_REQUEST = { type: 0, reserved: 4, sector: 8, SIZE: 16 } as const;

/** One segment of a discard or write-zeroes request: sector u64, count u32, flags u32. */
export const BLK_RANGE = { sector: 0, num_sectors: 8, flags: 12, SIZE: 16 } as const;

/** Flag of a write-zeroes segment: the device may deallocate the range. */
export const BLK_RANGE_UNMAP = 1;

/** GET_ID answers at most this many bytes. */
export const BLK_ID_SIZE = 20;
