/** Typed search of names: those that begin with the text, then those with a word that does, then those that hold it. */

export function matching<T extends { name: string }>(rows: readonly T[], typed: string): T[] {
  const text = fold(typed.trim());
  if (!text) return [...rows];
  const rank = (name: string): number => {
    const folded = fold(name);
    if (folded.startsWith(text)) return 0;
    if (folded.split(/[\s\-_/]+/).some((word) => word.startsWith(text))) return 1;
    return folded.includes(text) ? 2 : 3;
  };
  return rows
    .map((row) => ({ row, rank: rank(row.name) }))
    .filter(({ rank: found }) => found < 3)
    .sort((a, b) => a.rank - b.rank)
    .map(({ row }) => row);
}

function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase();
}
