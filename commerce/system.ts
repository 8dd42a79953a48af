/** The shop: its services and its roles. Everything else (rights, routes, documents, pictures) follows from this. */
import { type System, defineSystem, operatorService } from "@isomer/kernel/runtime";
import auth from "./auth/service.ts";
import cart from "./cart/service.ts";
import catalog from "./catalog/service.ts";
import checkout from "./checkout/service.ts";
import inventory from "./inventory/service.ts";
import notifications from "./notifications/service.ts";
import orders from "./orders/service.ts";
import payments from "./payments/service.ts";
import pricing from "./pricing/service.ts";
import sandboxpay from "./sandboxpay/service.ts";
import sandboxship from "./sandboxship/service.ts";
import shipping from "./shipping/service.ts";
import storefront from "./storefront/service.ts";
import users from "./users/service.ts";

const support = ["orders.read", "orders.manage", "payments.read", "users.read", "notifications.read"];
const warehouse = ["inventory.manage", "shipping.manage", "orders.read"];
const merchandiser = ["catalog.manage", "pricing.manage"];

/** What each role may do. Customers and guests hold no permission: they own things. */
export const roles = {
  customer: [],
  guest: [],
  support,
  warehouse,
  merchandiser,
  admin: [
    ...support,
    ...warehouse,
    ...merchandiser,
    "payments.manage",
    "auth.manage",
    "notifications.manage",
    "operator.manage",
  ],
} as const;

/** The shop. */
export const shop: System = defineSystem({
  name: "Isomer shop",
  services: [
    auth,
    users,
    catalog,
    pricing,
    inventory,
    cart,
    checkout,
    orders,
    payments,
    shipping,
    notifications,
    storefront,
    sandboxpay,
    sandboxship,
    operatorService(),
  ],
  roles,
});
