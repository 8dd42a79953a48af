/** What is wrong with how the shop was started. */
import { type FaultType, defineFault } from "@isomer/kernel/std";

/** An option, a variable of the environment or a file that the shop is started with cannot be used. Nothing was started. */
export const BadSetting: FaultType<{ detail: string }> = defineFault({
  code: "run/bad-setting",
  kind: "invalid",
  message: ({ detail }) => detail,
});
