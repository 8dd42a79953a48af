/** The booking system: three services. There are no roles, because nobody signs in. */
import { defineSystem } from "@isomer/kernel/runtime";
import { accountsService } from "./accounts.ts";
import { bookingsService } from "./bookings.ts";
import { seatsService } from "./seats.ts";

export const booking = defineSystem({
  name: "Booking",
  services: [seatsService, accountsService, bookingsService],
  roles: {},
});
