/**
 * All limits of the system in one place. Every length, count, queue and time has its bound here.
 */

/** Requests that one channel can hold in flight; a power of two. */
export const RING_SLOTS = 64;
/** Virtual size of a channel's payload arena in bytes; pages are committed only when touched. */
export const ARENA_BYTES = 8 * 1024 * 1024;
/**
 * The largest payload of one request in bytes; longer writes are split, longer reads come short.
 */
export const PAYLOAD_BYTES_MAX = 4 * 1024 * 1024;
/** The largest variable body (open arguments, stat, directory entries, `call`) in bytes. */
export const BODY_BYTES_MAX = 64 * 1024;
/** `dedup` requests that one client can have on their way to one provider. */
export const REPLY_SLOTS = 16;
/** Largest store that the kernel holds for a service, in bytes. */
export const STORE_BYTES_MAX = 256 * 1024 * 1024;
/** Entries that the fault log keeps. */
export const FAULTS_KEPT = 32;
/**
 * A repeated request that was in a provider's hands at a death is alone there for this long at
 * most, in milliseconds.
 */
export const TRIAL_MS = 20;
/** Longest path in bytes of UTF-8, and longest component. */
export const PATH_BYTES_MAX = 4096;
export const NAME_BYTES_MAX = 255;
/** Longest scheme name. */
export const SCHEME_NAME_MAX = 32;
/** Deepest nesting and longest list that a decoded body may have. */
export const BODY_DEPTH_MAX = 16;
export const BODY_ITEMS_MAX = 8192;

/** Handles that one channel can have open at its provider. */
export const HANDLES_PER_CHANNEL_MAX = 1024;
/** Capabilities (rights cells) that one provider can have given out. */
export const CAPABILITIES_PER_PROVIDER_MAX = 8192;
/** Capabilities that one process can hold. */
export const CAPABILITIES_PER_PROCESS_MAX = 1024;
/** Capabilities that others can have given one process; its own have their own limit. */
export const GRANTS_PER_PROCESS_MAX = 256;
/** Processes alive at once, and of them those that one program of the host's has below it. */
export const PROCESSES_MAX = 512;
export const PROCESSES_PER_PROGRAM_MAX = 128;
/** Arguments of a program: count and total bytes. */
export const ARGUMENTS_MAX = 1024;
export const ARGUMENT_BYTES_MAX = 32 * 1024;

/** No park lasts longer than this while requests are in flight, in milliseconds. */
export const PARK_MS_MAX = 50;
/** A daemon is hung when it made no progress for this much of its own run time, in milliseconds. */
export const HANG_MS = 150;
/** How long a new incarnation admits replays only, in milliseconds. */
export const REPLAY_WINDOW_MS = 20;
/** Deadlines wait this long at most for a provider's recovery, in milliseconds. */
export const RECOVERY_MS_MAX = 2000;
/** A worker that has not ended by then after `terminate` cannot be ended. */
export const END_MS_MAX = 1000;

/** Bytes of one pipe ring. Redox has the same. */
export const PIPE_BYTES = 65536;
/** Pipe ends that one process can have open. */
export const PIPE_ENDS_PER_PROCESS_MAX = 256;
/** Bytes of DMA memory that one driver can have. */
export const DMA_BYTES_PER_DRIVER_MAX = 32 * 1024 * 1024;
/** Lines of the system's log that `log:` keeps for readers. */
export const LOG_LINES_KEPT = 1000;
/** Events that the flight recorder keeps. */
export const TRACE_LINES_KEPT = 4096;
/** Bytes of the last words in a death record. */
export const LAST_WORDS_BYTES = 512;
/** Warm spares that the kernel keeps. */
export const SPARES = 1;
