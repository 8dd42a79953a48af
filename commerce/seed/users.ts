/** The demo users: one for each role. */
import { auth } from "../auth/contract.ts";
import type { SeedCall } from "./seed.ts";

/** Somebody to sign in as. */
export interface DemoUser {
  readonly email: string;
  readonly name: string;
  readonly role: "customer" | "support" | "warehouse" | "merchandiser" | "admin";
}

/** Somebody for each role. Their password is the data folder's, not the repository's. */
export const demoUsers: readonly DemoUser[] = [
  { email: "ada@example.com", name: "Ada Lind", role: "customer" },
  { email: "support@example.com", name: "Bo Falk", role: "support" },
  { email: "warehouse@example.com", name: "Cleo Hart", role: "warehouse" },
  { email: "merchandiser@example.com", name: "Dara Voss", role: "merchandiser" },
  { email: "admin@example.com", name: "Eli Moor", role: "admin" },
];

/** Registers who is missing and gives them their roles; resolves to how many it registered. */
export async function seedUsers(
  call: SeedCall,
  { password, users = demoUsers }: { readonly password: string; readonly users?: readonly DemoUser[] },
): Promise<number> {
  const added = await Promise.all(users.map((user) => seedUser(call, user, password)));
  return added.filter(Boolean).length;
}

async function seedUser(call: SeedCall, { email, name, role }: DemoUser, password: string): Promise<boolean> {
  const known = await find(call, email);
  if (known?.roles.includes(role) === true) return false;
  if (known === undefined) await call(auth.register({ email, password, name }), `seed-1-register-${email}`);
  const user = known ?? (await find(call, email));
  if (user === undefined) throw new TypeError(`The demo user ${email} was registered, but is not listed.`);
  if (!user.roles.includes(role)) {
    await call(auth.setRoles({ userId: user.userId, roles: [role] }), `seed-1-roles-${email}`);
  }
  return known === undefined;
}

async function find(call: SeedCall, email: string) {
  return (await call(auth.users({ email, limit: 1 }))).items[0];
}
