/** The tree of classes: their order, how deep each lies, and what lies below each. */

export interface TreeClass {
  id: number;
  parent: number;
}

export interface TreeLine<T extends TreeClass> {
  row: T;
  depth: number;
  /** Ids of the class and of all below it. */
  all: number[];
}

/** Returns the classes in the order of the tree: each class, then what lies below it. */
export function treeLines<T extends TreeClass>(classes: readonly T[]): TreeLine<T>[] {
  const known = new Set(classes.map(({ id }) => id));
  const below = new Map<number, T[]>();
  for (const row of classes) {
    const parent = known.has(row.parent) && row.parent !== row.id ? row.parent : 0;
    below.set(parent, [...(below.get(parent) ?? []), row]);
  }
  const lines: TreeLine<T>[] = [];
  const visit = (row: T, depth: number): number[] => {
    const line: TreeLine<T> = { row, depth, all: [row.id] };
    lines.push(line);
    for (const child of below.get(row.id) ?? []) line.all.push(...visit(child, depth + 1));
    return line.all;
  };
  for (const row of below.get(0) ?? []) visit(row, 0);
  return lines;
}
