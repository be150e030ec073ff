/** The conditions of a filter: at most one a field, all of which must hold. */

export interface Condition {
  field: string;
  values?: string[];
  low?: number;
  high?: number;
  text?: string;
  how?: How;
  missing?: boolean;
}

export type How = "contains" | "begins" | "is";

const HOWS: readonly string[] = ["contains", "begins", "is"];
const MAX_CONDITIONS = 50;

/** Returns the conditions with one more, in place of the one on the same field; one that says nothing is left out. */
export function withCondition(conditions: readonly Condition[], fresh: Condition): Condition[] {
  const at = conditions.findIndex(({ field }) => field === fresh.field);
  const rest = conditions.filter(({ field }) => field !== fresh.field);
  if (isEmpty(fresh)) return rest;
  rest.splice(at < 0 ? rest.length : at, 0, fresh);
  return rest;
}

export function withoutField(conditions: readonly Condition[], name: string): Condition[] {
  return conditions.filter(({ field }) => field !== name);
}

export function conditionOn(conditions: readonly Condition[], name: string): Condition | undefined {
  return conditions.find(({ field }) => field === name);
}

/** Returns the condition with a value, or the images without one (null), added or taken away. */
export function toggleValue(condition: Condition, value: string | null): Condition {
  if (value === null) return { ...condition, missing: !condition.missing };
  const values = condition.values ?? [];
  return {
    ...condition,
    values: values.includes(value) ? values.filter((other) => other !== value) : [...values, value],
  };
}

/** Returns whether a condition lets a value, or the images without one (null), through. */
export function allows(condition: Condition | undefined, value: string | null): boolean {
  return value === null ? condition?.missing === true : (condition?.values?.includes(value) ?? false);
}

function isEmpty({ values, low, high, text, missing }: Condition): boolean {
  return !values?.length && low === undefined && high === undefined && !text && !missing;
}

export function formatFilter(conditions: readonly Condition[]): string {
  return conditions.length ? JSON.stringify(conditions) : "";
}

/** Reads the conditions of an address or a saved view, which anybody may have written; what is none is left out. */
export function parseFilter(text: string | undefined): Condition[] {
  let given: unknown;
  try {
    given = JSON.parse(text || "[]");
  } catch {
    return [];
  }
  if (!Array.isArray(given)) return [];
  return given
    .slice(0, MAX_CONDITIONS)
    .map(readCondition)
    .reduce<Condition[]>((all, one) => (one ? withCondition(all, one) : all), []);
}

function readCondition(given: unknown): Condition | null {
  if (typeof given !== "object" || given === null) return null;
  const { field, values, low, high, text, how, missing } = given as Record<string, unknown>;
  if (typeof field !== "string") return null;
  const condition: Condition = { field };
  if (Array.isArray(values)) condition.values = values.filter((value) => typeof value === "string");
  if (typeof low === "number") condition.low = low;
  if (typeof high === "number") condition.high = high;
  if (typeof text === "string" && text) condition.text = text;
  if (condition.text && typeof how === "string" && HOWS.includes(how)) condition.how = how as How;
  if (missing === true) condition.missing = true;
  return condition;
}

/** Says a condition in words; `name` returns how a value is called. */
export function describeCondition(condition: Condition, title: string, name: (value: string) => string): string {
  const { values, low, high, text, how, missing } = condition;
  const parts: string[] = [];
  if (values?.length) parts.push(values.length <= 3 ? values.map(name).join(", ") : `${values.length} values`);
  if (low !== undefined && high !== undefined) parts.push(`${number(low)} to ${number(high)}`);
  else if (low !== undefined) parts.push(`from ${number(low)}`);
  else if (high !== undefined) parts.push(`up to ${number(high)}`);
  if (text) parts.push(`${how === "is" ? "is" : how === "begins" ? "begins with" : "contains"} “${text}”`);
  if (missing) parts.push("no value");
  return `${title}: ${parts.join(" or ")}`;
}

function number(value: number): string {
  return Number(value.toPrecision(4)).toLocaleString("en");
}
