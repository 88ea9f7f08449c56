/* Why a network could not be opened, for the person who asked for it. */

/** A network can't be used. The message names it and says what to do. */
export class NetworkError extends Error {
  override name = "NetworkError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
