/**
 * What happens to a parcel: decided once, when its label is bought, by its tracking number and where it goes. So a run
 * can be repeated, and a test can ask for a sad end.
 */
import type { CarrierStatus } from "./contract.ts";

/** Something that is going to happen to a parcel. */
export interface Step {
  readonly status: CarrierStatus;
  readonly place: string;
  readonly message: string;
}

/** Postal codes that seal a parcel's fate, like the test cards of a payment provider. */
export const FATES = {
  "00404": "lost",
  "00303": "returned",
  "00500": "delayed",
} as const;
type Fate = (typeof FATES)[keyof typeof FATES] | "pickup" | "plain";

/** One parcel in so many has an exception on its way, for those that nothing was asked of. */
const DELAYED_ONE_IN = 8;

const HUBS = ["Leipzig", "Rotterdam", "Lyon", "Daventry", "Memphis", "Osaka"] as const;

const COLLECTED: Step = { status: "in_transit", place: "Rotterdam", message: "The carrier has collected the parcel." };

/** The way of a parcel, after it was handed over. */
export function journeyOf(
  trackingNumber: string,
  to: { readonly postalCode: string; readonly country: string },
  service: string,
): Step[] {
  const number = hashOf(trackingNumber);
  const hub = HUBS[number % HUBS.length] ?? HUBS[0];
  const sorted: Step = { status: "in_transit", place: hub, message: "The parcel was sorted." };
  const onTheRoad: Step = { status: "out_for_delivery", place: to.country, message: "The parcel is out for delivery." };
  const delivered: Step = { status: "delivered", place: to.country, message: "The parcel was delivered." };
  const delay: Step[] = [
    { status: "exception", place: hub, message: "The parcel is held up: the label could not be read." },
    { status: "in_transit", place: hub, message: "The parcel goes on." },
  ];
  switch (fateOf(number, to.postalCode, service)) {
    case "lost":
      return [COLLECTED, { status: "lost", place: hub, message: "The parcel cannot be found." }];
    case "returned":
      return [
        COLLECTED,
        sorted,
        onTheRoad,
        { status: "exception", place: to.country, message: "Nobody is known at this address." },
        { status: "return_to_sender", place: hub, message: "The parcel goes back to its sender." },
      ];
    case "delayed":
      return [COLLECTED, ...delay, onTheRoad, delivered];
    case "pickup":
      return [
        COLLECTED,
        sorted,
        { status: "available_for_pickup", place: to.country, message: "The parcel waits at the pickup point." },
        { ...delivered, message: "The parcel was picked up." },
      ];
    case "plain":
      return [COLLECTED, sorted, onTheRoad, delivered];
  }
}

function fateOf(number: number, postalCode: string, service: string): Fate {
  const asked = (FATES as Readonly<Record<string, Fate>>)[postalCode];
  if (asked !== undefined) return asked;
  if (service === "pickup-point") return "pickup";
  return number % DELAYED_ONE_IN === 0 ? "delayed" : "plain";
}

/** FNV-1a: spreads numbers that differ in their last places. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
