// Development only: the Worker with the simulator's object beside it.
import { objectClass } from "./guard.js";

export { AccountGate, Directory, default } from "./entry.js";
export class Sandbox extends objectClass("Sandbox") {}
