/** schema: what values may look like, checked and copied at every boundary. */
export { type Copier, copier } from "./copier.ts";
export { type Coercer, type Texts, coercer } from "./coerce.ts";
export { REDACTED, type Redactor, redactor } from "./redact.ts";
export { type SchemaOf, type StandardSchema, fromStandard } from "./standard.ts";
export { ITEMS_MAX, type Notes, type ObjectSchema, type Schema, TEXT_LENGTH_MAX, type TypeOf, t } from "./types.ts";
export { ISSUES_MAX, Invalid, type InvalidData, type Issue, type Validator, validator } from "./validator.ts";
export { type Misfit, type SchemaData, type Strictness, misfits } from "./compatible.ts";
export { type Pruner, pruner } from "./pruner.ts";
