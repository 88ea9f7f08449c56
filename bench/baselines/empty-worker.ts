/** Does nothing and ends. Worker entry. */

export {};
