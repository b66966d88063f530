/** The vocabulary of policies: attributes from the JSON Schema, variables and functions of expressions. */

export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema | boolean>>;
  readonly additionalProperties?: Schema | boolean;
  readonly const?: unknown;
  readonly if?: Schema;
  readonly then?: Schema;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly doc: string;
  readonly children?: readonly Variable[];
  /** The methods whose hooks have this field. */
  readonly methods?: readonly string[];
}

export interface CelFunction {
  readonly name: string;
  readonly signature: string;
  readonly doc: string;
}

export interface Vocabulary {
  readonly schema: Schema;
  readonly variables: readonly Variable[];
  readonly functions: readonly CelFunction[];
}

export const NO_VOCABULARY: Vocabulary = { schema: {}, variables: [], functions: [] };

/** The vendor's example bodies of hooks, by method. */
export type Examples = Readonly<Record<string, unknown>>;

const TOKEN_MEMBERS = ["status", "trust", "alg", "kid"];
const NAMED_METHODS = 4;

/** The vocabulary with the fields of hooks as members of `body` and `session`. */
export function withFields(vocabulary: Vocabulary, examples: Examples): Vocabulary {
  const { connect } = examples;
  const children: Readonly<Record<string, readonly Variable[]>> = {
    body: fieldsOf(examples),
    session: fieldsOf({ connect }),
    token: TOKEN_MEMBERS.map((name) => ({ name, type: "string", doc: "Empty if not known." })),
  };
  const variables = vocabulary.variables.map((one) => {
    const own = children[one.name];
    return own === undefined ? one : { ...one, children: own };
  });
  return { ...vocabulary, variables };
}

function fieldsOf(examples: Examples): Variable[] {
  const found = new Map<string, { type: string; methods: string[] }>();
  for (const [method, body] of Object.entries(examples)) {
    for (const [name, value] of Object.entries(body ?? {})) {
      const field = found.get(name) ?? { type: typeOf(value), methods: [] };
      field.methods.push(method);
      found.set(name, field);
    }
  }
  return [...found].map(([name, { type, methods }]) => {
    const more = methods.length > NAMED_METHODS ? " and more" : "";
    const doc = `A field of ${methods.slice(0, NAMED_METHODS).join(", ")}${more}.`;
    return { name, type, doc, methods };
  });
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "list";
  if (typeof value === "object") return "map";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "double";
  return typeof value === "boolean" ? "bool" : "string";
}

/** The attribute, or the member of one, that a path of keys leads to. */
export function schemaAt(vocabulary: Vocabulary, path: readonly string[]): Schema | null {
  let found: Schema | null = policySchema(vocabulary);
  for (const key of path) {
    const forms: Schema[] = found === null ? [] : formsOf(vocabulary, found);
    found = forms.map((form) => memberOf(form, key)).find((one) => one !== null) ?? null;
  }
  return found === null ? null : resolved(vocabulary, found);
}

/** The keys that a path's map may have, each with its schema. */
export function keysAt(
  vocabulary: Vocabulary,
  path: readonly string[],
  action: string | null,
): Map<string, Schema> {
  const found = new Map<string, Schema>();
  const schema = schemaAt(vocabulary, path);
  const idle = path.length === 0 ? withoutMeaning(vocabulary, action) : new Set<string>();
  for (const form of schema === null ? [] : formsOf(vocabulary, schema)) {
    for (const [key, member] of Object.entries(form.properties ?? {})) {
      if (typeof member !== "boolean" && !idle.has(key)) found.set(key, member);
    }
  }
  return found;
}

/** Values to offer for an attribute, the default first. */
export function valuesOf(vocabulary: Vocabulary, schema: Schema): unknown[] {
  const found = new Set<unknown>();
  if (isPlain(schema.default)) found.add(schema.default);
  for (const form of formsOf(vocabulary, schema)) {
    const items = form.items === undefined ? [] : formsOf(vocabulary, form.items);
    for (const one of [form, ...items]) {
      for (const value of one.enum ?? []) found.add(value);
      if (one.type === "boolean") found.add(true).add(false);
    }
  }
  for (const example of schema.examples ?? []) if (isPlain(example)) found.add(example);
  return [...found];
}

/** The variable that a dotted path leads to. */
export function variableAt(vocabulary: Vocabulary, path: readonly string[]): Variable | null {
  let among: readonly Variable[] = vocabulary.variables;
  let found: Variable | null = null;
  for (const name of path) {
    found = among.find((one) => one.name === name) ?? null;
    if (found === null) return null;
    among = found.children ?? [];
  }
  return found;
}

function policySchema(vocabulary: Vocabulary): Schema {
  return definition(vocabulary, "policy");
}

function withoutMeaning(vocabulary: Vocabulary, action: string | null): Set<string> {
  const rule = policySchema(vocabulary).allOf?.find((one) => {
    const condition = one.if === undefined ? null : memberOf(one.if, "action");
    return condition?.const === action;
  });
  const members = Object.entries(rule?.then?.properties ?? {});
  return new Set(members.filter(([, member]) => member === false).map(([key]) => key));
}

function formsOf(vocabulary: Vocabulary, schema: Schema): Schema[] {
  const own = resolved(vocabulary, schema);
  return [own, ...(own.anyOf ?? []).flatMap((one) => formsOf(vocabulary, one))];
}

function resolved(vocabulary: Vocabulary, schema: Schema): Schema {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : definition(vocabulary, name);
}

function definition(vocabulary: Vocabulary, name: string): Schema {
  return vocabulary.schema.$defs?.[name] ?? {};
}

function memberOf(schema: Schema, key: string): Schema | null {
  const own = schema.properties?.[key];
  if (own !== undefined) return typeof own === "boolean" ? null : own;
  const other = schema.additionalProperties;
  return typeof other === "object" ? other : null;
}

function isPlain(value: unknown): boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}
