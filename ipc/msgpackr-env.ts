/** Switches msgpackr's native addon off, before msgpackr loads: addons abort ending workers. */

process.env["MSGPACKR_NATIVE_ACCELERATION_DISABLED"] = "true";
